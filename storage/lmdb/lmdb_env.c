/* LMDB's environment of a log, and the databases in it. */
#include "storage/lmdb/lmdb_env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb/lmdb_guard.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_store.h"

enum {
    READERS_SPARE = 4, /* besides the caller's: the store's own, a backup, and outside tools */
    MAP_BYTES_MIN = 1 << 20,
};

/* The name of each database and how its keys compare. */
static const struct {
    const char *name;
    unsigned flags;
} databases[DB_COUNT] = {
    [DB_META] = {"meta", 0},
    [DB_TOPICS] = {"topics", MDB_INTEGERKEY},
    [DB_LOG] = {"log", MDB_INTEGERKEY},
    [DB_INDEX] = {"index", MDB_INTEGERKEY},
    [DB_GROUPS] = {"groups", MDB_INTEGERKEY},
    [DB_KEYS] = {"keys", MDB_INTEGERKEY},
};

int lmdb_open_database(MDB_txn *txn, enum lmdb_db db, unsigned flags, MDB_dbi *ret)
{
    return mdb_dbi_open(txn, databases[db].name, databases[db].flags | flags, ret);
}

int lmdb_open_databases(struct lmdb_store *s, MDB_txn *txn, unsigned flags)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < DB_COUNT; i++)
        rc = lmdb_open_database(txn, i, flags, &s->dbi[i]);
    return rc;
}

enum err lmdb_take_table_space(const char *path, unsigned readers_max)
{
    enum { READER_BYTES = 64, READERS_MORE = 64 }; /* the table has a head, too */
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof(name), "%s/lock.mdb", path) >= sizeof(name))
        return ERR_TOO_LARGE;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, LMDB_FILE_MODE);
    if (fd < 0)
        return lmdb_err(errno);
    off_t n = (off_t)(readers_max + READERS_SPARE + READERS_MORE) * READER_BYTES;
    enum err e = fallocate(fd, 0, 0, n) ? lmdb_err(errno) : ERR_OK;
    close(fd);
    return e == ERR_NOSPACE ? e : ERR_OK; /* not every file system can do it */
}

static int open_env(struct lmdb_store *s)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t bytes = s->map_bytes > MAP_BYTES_MIN ? s->map_bytes : MAP_BYTES_MIN;
    int dead, rc = mdb_env_create(&s->env);
    if (!rc)
        rc = mdb_env_set_mapsize(s->env, bytes - bytes % page);
    if (!rc)
        rc = lmdb_guard_env(s->env, s->path);
    if (!rc)
        rc = mdb_env_set_maxdbs(s->env, LMDB_DATABASES_MAX);
    if (!rc)
        rc = mdb_env_set_maxreaders(s->env, s->readers_max + READERS_SPARE);
    if (!rc)
        rc = mdb_env_open(s->env, s->path, MDB_NOTLS, LMDB_FILE_MODE);
    if (!rc)
        rc = mdb_reader_check(s->env, &dead); /* of a killed process: they would keep old pages */
    return rc;
}

enum err lmdb_open_env(struct lmdb_store *s)
{
    int rc = open_env(s);
    if (rc && s->env) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    return lmdb_err(rc);
}

enum err lmdb_open_env_closed(struct lmdb_store *s, const char *path)
{
    int rc = mdb_env_create(&s->env);
    if (!rc)
        rc = lmdb_guard_env(s->env, path);
    if (!rc)
        rc = mdb_env_set_maxdbs(s->env, LMDB_DATABASES_MAX);
    if (!rc)
        rc = mdb_env_open(s->env, path, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, LMDB_FILE_MODE);
    return lmdb_err(rc);
}

enum err lmdb_check_length(struct lmdb_store *s)
{
    MDB_envinfo info;
    MDB_stat st;
    struct stat file;
    int fd, rc = mdb_env_info(s->env, &info);
    if (!rc)
        rc = mdb_env_stat(s->env, &st);
    if (!rc)
        rc = mdb_env_get_fd(s->env, &fd);
    if (rc)
        return lmdb_err(rc);
    if (fstat(fd, &file))
        return lmdb_err(errno);
    s->page_size = st.ms_psize;
    s->taken = (size_t)file.st_size / s->page_size;
    if ((uint64_t)file.st_size >= (uint64_t)(info.me_last_pgno + 1) * st.ms_psize)
        return ERR_OK;
    store_say_wrong("it is shorter than its pages");
    return ERR_CORRUPT;
}
