/* A commit as a group, and back (group.h). Pure. */
#ifndef STORAGE_JOURNAL_BATCH_PACK_H
#define STORAGE_JOURNAL_BATCH_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/catalog.h"
#include "storage/journal/group.h"
#include "storage/store_types.h"

/* Packs B, whose topics are all in C, as the group of the offsets in (BEFORE, LAST]. *RET, *RET_N
 * bytes, is W's until it packs again. ERR_NOMEM, ERR_TOO_LARGE, ERR_INVALID. */
MUST_CHECK enum err batch_pack(struct group_writer *w, const struct catalog *c,
                               const struct store_batch *b, uint64_t before, uint64_t last,
                               const void **ret, size_t *ret_n);

/* What a group was packed from; borrows from its bytes. */
struct unpacked {
    struct store_batch batch;
    struct store_record *records;
    struct store_topic *topics;
    size_t record_cap, topic_cap;
};

/* U is all zero at first, keeps its memory from one group to the next. N bytes at DATA are the
 * group up to offset LAST. ERR_CORRUPT, ERR_FORMAT (a later version's, or operations that this one
 * does not pack), ERR_NOMEM. */
MUST_CHECK enum err batch_unpack(struct unpacked *u, const void *data, size_t n, uint64_t last);
void unpacked_finish(struct unpacked *u);

#endif
