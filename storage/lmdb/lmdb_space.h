/* How full the log is, and the space that it takes on the disk ahead. */
#ifndef STORAGE_LMDB_LMDB_SPACE_H
#define STORAGE_LMDB_LMDB_SPACE_H

#include "storage/lmdb/lmdb_store.h"

/* ERR_NOSPACE when committing B could leave too little room, in the map or on the disk, to remove
 * anything. Takes space on the disk ahead. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err lmdb_check_space(struct lmdb_store *s, const struct store_batch *b);
/* Takes the space that removing needs, if it can be had. */
void lmdb_take_spare(struct lmdb_store *s);
/* An empty commit, after which all that was freed can be used. */
MUST_CHECK enum err lmdb_age_free_pages(struct lmdb_store *s);
/* As the store's operation. */
uint64_t lmdb_keep_room(struct store *base, uint64_t bytes);
/* As the store's operations, bytes: of the file, and of its pages that are in use. */
uint64_t lmdb_size(struct store *base);
uint64_t lmdb_used(struct store *base);

#endif
