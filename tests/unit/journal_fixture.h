/* What the tests of the journal share: groups that can be told from one another. */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

/* A group that takes SPAN offsets, and has one record unless that is 0; about N bytes long, all of
 * which depend on ID. Its bytes are valid until the next call. */
const void *make_group(uint64_t id, size_t n, uint64_t span, size_t *ret_n);
/* Whether N bytes are the group that was made as ID, of SPAN. */
_Bool is_group(const void *bytes, size_t n, uint64_t id, uint64_t span);
/* Frees what make_group keeps. */
void end_groups(void);

#endif
