#include "storage/lmdb/lmdb_notes.h"

#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_write.h"

enum err lmdb_save_notes(struct store *base, const struct store_note *notes, size_t count)
{
    struct lmdb_store *s = lmdb_of(base);
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    for (const struct store_note *n = notes; n < notes + count && !e; n++)
        e = n->value ? lmdb_put_note(w.txn, s->dbi[DB_META], n->name, n->value, n->n)
                     : lmdb_delete_note(w.txn, s->dbi[DB_META], n->name);
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}

static enum err visit_all(struct lmdb_store *s, MDB_txn *txn, const char *prefix,
                          store_visit_note *visit, void *ctx)
{
    MDB_cursor *c;
    MDB_val key, value;
    struct lmdb_note note;
    int rc = mdb_cursor_open(txn, s->dbi[DB_META], &c);
    if (rc)
        return lmdb_err(rc);
    rc = lmdb_step_note(c, prefix, true, &key, &value);
    for (; !rc; rc = lmdb_step_note(c, prefix, false, &key, &value)) {
        if (lmdb_get_note(&key, &value, &note) == ERR_OK)
            visit(ctx, note.name, note.value, note.n);
        else
            store_met_damage(&s->base, STORE_DAMAGE_STATE, 0);
    }
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
}

enum err lmdb_notes_closed(struct store *base, const char *prefix, store_visit_note *visit,
                           void *ctx)
{
    struct lmdb_store *s = lmdb_of(base);
    MDB_txn *txn;
    enum err e = lmdb_err(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn));
    if (e)
        return e;
    e = visit_all(s, txn, prefix, visit, ctx);
    mdb_txn_abort(txn);
    return e;
}

/* On the store's thread, which sees what it has written: in a write that changes nothing. */
enum err lmdb_notes(struct store *base, const char *prefix, store_visit_note *visit, void *ctx)
{
    struct lmdb_store *s = lmdb_of(base);
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = visit_all(s, w.txn, prefix, visit, ctx);
    lmdb_write_abort(s, &w);
    return e;
}
