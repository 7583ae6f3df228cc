#include "storage/lmdb/lmdb_check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb/lmdb_rows.h"

enum {
    STEP_PAGES = 1024, /* between two looks at whether a copy has been called off */
    TRIES_MAX = 1000,  /* commits come in between */
    TRY_US = 1000,     /* between two tries: who commits may have been put off in its middle */
};

/* Such a file is looked at wholly, however the last stop was: it takes a fraction of a second. */
static const off_t small_file = 256 << 20;

static int open_file(const char *path)
{
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_DATA_FILE) >= sizeof(name))
        return -1;
    return open(name, O_RDONLY | O_CLOEXEC);
}

enum err lmdb_check_file(const char *path, enum pages_depth depth, bool marked,
                         struct pages_header *ret)
{
    int fd = open_file(path);
    if (fd < 0)
        return ERR_OK; /* whoever opens it says why it cannot be */
    char wrong[STORE_WRONG_SIZE];
    enum err e = pages_check(fd, depth, ret, wrong, sizeof(wrong));
    store_say_wrong("%s", wrong);
    close(fd);
    if (e == ERR_FORMAT && marked) {
        store_say_wrong("it is no log any more");
        e = ERR_CORRUPT;
    }
    return e;
}

static enum err read_state(const struct lmdb_store *s, struct lmdb_state *ret)
{
    MDB_txn *txn;
    MDB_dbi meta;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    rc = mdb_dbi_open(txn, "meta", 0, &meta);
    enum err e = rc ? lmdb_err(rc) : lmdb_get_state(txn, meta, ret);
    mdb_txn_abort(txn);
    return e;
}

/* With a sync at each commit, the headers are those of two commits in a row; else the newest has
 * been lost to the other one. */
static bool header_is_lost(const struct lmdb_state *st, const struct pages_header *h)
{
    return st->sync == STORE_SYNC_ALWAYS && h->txn > 1 && h->txn != h->other_txn + 1;
}

enum err lmdb_check_rest(const struct lmdb_store *s, const struct pages_header *h)
{
    struct pages_header all;
    struct lmdb_state state;
    if (read_state(s, &state)) {
        store_say_wrong("its state cannot be read");
        return ERR_CORRUPT;
    }
    if (header_is_lost(&state, h)) {
        store_say_wrong("the header of its newest commit is damaged");
        return ERR_CORRUPT;
    }
    if (state.stop == STOP_CLEAN && (off_t)(h->pages * h->page_size) > small_file)
        return ERR_OK;
    return lmdb_check_file(s->path, PAGES_ALL, true, &all);
}

/* --- of a log that is open --- */

enum err lmdb_pages_of(struct lmdb_store *s, MDB_txn *txn, struct lmdb_pages **ret)
{
    int fd;
    struct lmdb_pages *p = NULL;
    if (mdb_env_get_fd(s->env, &fd))
        return ERR_IO;
    enum err e = pages_create(fd, PAGES_ALL, &p);
    if (!e && pages_header(p)->txn != mdb_txn_id(txn))
        e = ERR_AGAIN;
    if (e && e != ERR_AGAIN && p)
        store_say_wrong("%s", pages_wrong(p));
    if (e)
        pages_destroy(p);
    else
        *ret = p;
    return e;
}

static enum err check_pages(struct lmdb_store *s, struct store_copy *c, MDB_txn *txn)
{
    struct lmdb_pages *p = NULL;
    bool done = false;
    enum err e = lmdb_pages_of(s, txn, &p);
    if (e)
        return e;
    while (!e && !done) {
        e = pages_step(p, STEP_PAGES, &done);
        if (!e)
            e = store_copy_ended(c);
    }
    if (e == ERR_CORRUPT)
        store_say_wrong("%s", pages_wrong(p));
    pages_destroy(p);
    return e;
}

static enum err try_check(struct lmdb_store *s, struct store_copy *c)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    enum err e = check_pages(s, c, txn);
    mdb_txn_abort(txn);
    return e;
}

enum err lmdb_check_before_copy(struct lmdb_store *s, struct store_copy *c)
{
    enum err e = try_check(s, c);
    for (int i = 1; e == ERR_AGAIN && i < TRIES_MAX; i++) {
        usleep(TRY_US);
        e = store_copy_ended(c);
        if (!e)
            e = try_check(s, c);
    }
    if (e == ERR_CORRUPT)
        store_met_damage(&s->base, STORE_DAMAGE_FILE, 0);
    return e == ERR_AGAIN ? ERR_IO : e;
}
