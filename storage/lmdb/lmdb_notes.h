/* Notes in the log: as the store's operations. */
#ifndef STORAGE_LMDB_LMDB_NOTES_H
#define STORAGE_LMDB_LMDB_NOTES_H

#include "storage/lmdb/lmdb_store.h"

MUST_CHECK enum err lmdb_save_notes(struct store *base, const struct store_note *notes,
                                    size_t count);
MUST_CHECK enum err lmdb_notes(struct store *base, const char *prefix, store_visit_note *visit,
                               void *ctx);

/* The same for a log that is open for looking at it. */
MUST_CHECK enum err lmdb_notes_closed(struct store *s, const char *prefix, store_visit_note *visit,
                                      void *ctx);

#endif
