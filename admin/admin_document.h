/* Pieces of the JSON documents that administrators get, appended to a buffer. */
#ifndef ADMIN_ADMIN_DOCUMENT_H
#define ADMIN_ADMIN_DOCUMENT_H

#include <stdint.h>

#include "base/buf.h"
#include "delivery/worker.h"

/* The place OFFSET of W's log, as a string. */
void admin_put_cursor(const struct worker *w, uint64_t offset, struct buf *out);
/* A comma, NAME and N. */
void admin_put_number(struct buf *out, const char *name, uint64_t n);
/* Before each element of an array: a comma, but for the first. */
void admin_put_comma(struct buf *out);
/* The members of an object whose names and values are given. */
void admin_put_members(struct buf *out, const char *const *names, const uint64_t *values,
                       unsigned count);

#endif
