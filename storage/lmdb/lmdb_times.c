/* Makes durable what is known of steps of the clock; see times.h. */
#include "storage/lmdb/lmdb_times.h"

#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_write.h"

enum err lmdb_save_times(struct store *base)
{
    struct lmdb_store *s = lmdb_of(base);
    const struct times *t = atomic_load_explicit(&base->times, memory_order_relaxed);
    struct lmdb_write w;
    enum err e = t ? lmdb_write_begin(s, &w) : ERR_OK;
    if (e || !t)
        return e;
    e = lmdb_put_times(w.txn, s->dbi[DB_META], t);
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}
