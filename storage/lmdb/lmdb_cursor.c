#include "storage/lmdb/lmdb_cursor.h"

#include <string.h>

int lmdb_cursor_step(MDB_cursor *c, uint64_t *key, MDB_val *value, MDB_cursor_op op)
{
    MDB_val k = {.mv_size = sizeof(*key), .mv_data = key};
    int rc = mdb_cursor_get(c, &k, value, op);
    if (rc)
        return rc;
    if (k.mv_size != sizeof(*key))
        return MDB_CORRUPTED;
    memcpy(key, k.mv_data, sizeof(*key));
    return 0;
}

int lmdb_cursor_seek_back(MDB_cursor *c, uint64_t *key, MDB_val *value)
{
    uint64_t wanted = *key;
    int rc = lmdb_cursor_step(c, key, value, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND)
        return lmdb_cursor_step(c, key, value, MDB_LAST);
    if (!rc && *key > wanted)
        return lmdb_cursor_step(c, key, value, MDB_PREV);
    return rc;
}
