/*
 * Keeping a full log repairable.
 *
 * LMDB copies pages before it changes them, so even deleting takes free pages. Appends therefore
 * stop while a reserve is left: purging and trimming can always go on, and give the room back.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/record.h"
#include "storage/store_lmdb.h"

enum {
    RESERVE_PART = 64, /* one part in so many of the map, but within these: */
    RESERVE_PAGES_MIN = 64,
    RESERVE_PAGES_MAX = 8192, /* a list of all pages that a large removal frees fits */
    NODE_BYTES = 18,          /* key, node header and page pointer of a record */
    TREE_PAGES = 32,          /* what a commit copies besides: paths, meta rows, the free list */
};

/* The pages of LMDB's free list: the first word of each entry is their number. */
static int sum_free(MDB_txn *txn, size_t *ret)
{
    enum { FREE_DBI = 0 };
    MDB_cursor *c;
    MDB_val key, value;
    size_t sum = 0, n;
    int rc = mdb_cursor_open(txn, FREE_DBI, &c);
    if (rc)
        return rc;
    while (!(rc = mdb_cursor_get(c, &key, &value, MDB_NEXT))) {
        memcpy(&n, value.mv_data, sizeof(n));
        sum += n;
    }
    mdb_cursor_close(c);
    *ret = sum;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum err count_free(struct lmdb_store *s, size_t *ret)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    rc = sum_free(txn, ret);
    mdb_txn_abort(txn);
    return lmdb_err(rc);
}

/* About how many pages the commit of B takes. */
static size_t pages_needed(const struct store_batch *b, size_t page)
{
    size_t bytes = 0, pages = TREE_PAGES;
    for (size_t i = 0; i < b->record_count; i++) {
        size_t n = record_size(&b->records[i]) + NODE_BYTES;
        if (n > page / 2)
            pages += n / page + 1; /* in pages of its own */
        else
            bytes += n;
    }
    return pages + bytes / page + 1;
}

static size_t reserve_of(size_t pages)
{
    size_t reserve = pages / RESERVE_PART;
    if (reserve < RESERVE_PAGES_MIN)
        return RESERVE_PAGES_MIN;
    return reserve < RESERVE_PAGES_MAX ? reserve : RESERVE_PAGES_MAX;
}

enum err lmdb_check_space(struct lmdb_store *s, const struct store_batch *b)
{
    MDB_envinfo info;
    int rc = mdb_env_info(s->env, &info);
    if (rc)
        return lmdb_err(rc);
    size_t all = info.me_mapsize / s->page_size, unused = all - info.me_last_pgno - 1;
    size_t needed = pages_needed(b, s->page_size), wanted = needed + reserve_of(all);
    if (wanted <= unused)
        return ERR_OK;
    enum err e = ERR_OK;
    if (wanted > unused + s->free_pages)
        e = count_free(s, &s->free_pages);
    if (!e && wanted > unused + s->free_pages)
        return ERR_NOSPACE;
    s->free_pages -= needed < s->free_pages ? needed : s->free_pages;
    return e;
}

/* Pages that a commit frees can be used by the commit after the next. */
enum err lmdb_age_free_pages(struct lmdb_store *s)
{
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = lmdb_put_state(w.txn, s->dbi[DB_META], &w.state);
    s->freed = false;
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}

enum err lmdb_explain(struct lmdb_store *s, enum err e)
{
    struct stat st;
    int fd;
    if (e != ERR_IO || mdb_env_get_fd(s->env, &fd) || fstat(fd, &st))
        return e;
    if (fallocate(fd, 0, st.st_size, (off_t)s->page_size) == 0)
        return e;
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_NOSPACE : e;
}
