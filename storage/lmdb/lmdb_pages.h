/*
 * Whether LMDB can walk the pages of a file: read and checked with bounds, by none of its code.
 *
 * LMDB trusts its file. A page number, an offset or a length that the disk has changed leads it out
 * of its map, or into an assertion, and ends the process. So what it is about to walk is looked at
 * before: headers, the trees of all databases (kinds of pages, places and sizes of nodes, order of
 * keys, depth and counts), the pages of large values, the lists of free pages, and that no page has
 * two uses. What values say is not looked at: they have checksums of their own.
 *
 * Knows the layout of LMDB 0.9 (data version 1) on 64-bit machines, for databases as this store has
 * them. Pure but for pread: what changes or ends under it is an error, not a fault.
 */
#ifndef STORAGE_LMDB_LMDB_PAGES_H
#define STORAGE_LMDB_LMDB_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum pages_depth {
    PAGES_SHALLOW, /* without the leaves and large values of `log`, which are nearly all of it */
    PAGES_ALL,
};

/* Of the newest commit. */
struct pages_header {
    uint64_t txn;
    uint64_t other_txn; /* of the header before it */
    uint64_t pages;     /* that the file has to have */
    size_t page_size;
};

struct lmdb_pages;

/* Looks at the headers of the file behind FD, which is borrowed until the end. Errors: ERR_FORMAT
 * (not LMDB's, or not laid out as here), ERR_CORRUPT (a header is damaged, or the file is shorter
 * than its pages), ERR_IO, ERR_NOMEM. *RET is there (pages_destroy) whenever pages_wrong has
 * something to say: not after ERR_NOMEM. */
MUST_CHECK enum err pages_create(int fd, enum pages_depth depth, struct lmdb_pages **ret);
/* NULL is accepted. */
void pages_destroy(struct lmdb_pages *p);
const struct pages_header *pages_header(const struct lmdb_pages *p);
/* Checks about MAX pages more. *RET_DONE: all were. Errors: ERR_CORRUPT, ERR_FORMAT, ERR_IO,
 * ERR_NOMEM; then there is no use in going on. Pages of the commit that was found must not be used
 * again meanwhile: a reader of LMDB's sees to that in a log that is open. */
MUST_CHECK enum err pages_step(struct lmdb_pages *p, size_t max, bool *ret_done);
/* What is wrong, "" when nothing is: "page 17: a node lies beyond the page". Valid until the end.
 */
const char *pages_wrong(const struct lmdb_pages *p);

/* All of it at once. WRONG (N bytes, NUL-terminated) gets the text. */
MUST_CHECK enum err pages_check(int fd, enum pages_depth depth, struct pages_header *ret_header,
                                char *wrong, size_t n);

#endif
