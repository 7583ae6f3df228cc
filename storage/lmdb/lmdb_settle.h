/*
 * What taking records away does to the index (doc/storage-format.md, "Removing"): blocks and groups
 * name what is left, and no more. All within one commit; LMDB's errors.
 */
#ifndef STORAGE_LMDB_LMDB_SETTLE_H
#define STORAGE_LMDB_LMDB_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/lmdb/lmdb_removal.h"

/* BLOCK has lost records by topic. It is looked at whether it has any left; to SETTLE it costs
 * more, and is done when one of a few of its slots was among them. The open block has no value yet.
 */
int lmdb_tidy_block(struct lmdb_removal *m, uint64_t block, bool settle);
/* All blocks, and all groups, from FROM to before END that have a value. */
int lmdb_settle_blocks(struct lmdb_removal *m, uint64_t from, uint64_t end);
int lmdb_settle_groups(struct lmdb_removal *m, uint64_t from, uint64_t end);
/* The topic for which the index names OFFSET; 0: for none. */
int lmdb_topic_by_index(struct lmdb_removal *m, uint64_t offset, uint32_t *ret);
/* The order of numbers of 64 bits, for qsort. */
int lmdb_compare_numbers(const void *a, const void *b);

#endif
