/* The raw limits of a log: the disk alone, and LMDB without anything around it. */
#include "tools/bench/bench_log_bare.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"

enum {
    PAGE = 4096,
    FILE_PAGES = 4096, /* written again from the beginning: the file's size does not change */
    SYNCS_MAX = 2000,
    FILE_MODE = 0600,
};

#define MAP_SPARE ((size_t)64 << 20) /* bytes */

static enum err system_err(int code)
{
    return code == 0 ? ERR_OK : code == ENOSPC || code == MDB_MAP_FULL ? ERR_NOSPACE : ERR_IO;
}

static enum err write_page(int fd, uint64_t page)
{
    char bytes[PAGE];
    memset(bytes, (int)page, sizeof(bytes));
    ssize_t n = pwrite(fd, bytes, sizeof(bytes), (off_t)(page % FILE_PAGES * PAGE));
    return n == (ssize_t)sizeof(bytes) ? ERR_OK : system_err(n < 0 ? errno : ENOSPC);
}

static enum err sync_pages(struct log_run *run, int fd, struct log_result *ret)
{
    enum err e = ERR_OK;
    for (uint64_t i = 0; i < FILE_PAGES && !e; i++)
        e = write_page(fd, i);
    if (!e && fsync(fd))
        e = system_err(errno);
    log_result_begin(ret);
    while (!e && ret->messages < SYNCS_MAX && !log_result_enough(ret, run->config)) {
        log_result_pace(ret, run->config);
        uint64_t began = bench_now();
        e = write_page(fd, ret->messages);
        if (!e && fdatasync(fd))
            e = system_err(errno);
        log_result_add(ret, 1, began);
    }
    log_result_end(ret);
    return e;
}

enum err log_bare_fdatasync(struct log_run *run, struct log_result *ret)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/pages", run->path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return system_err(errno);
    enum err e = sync_pages(run, fd, ret);
    close(fd);
    return e;
}

static int append_batch(MDB_env *env, MDB_dbi db, size_t *key, size_t count, MDB_val payload)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    int rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = mdb_cursor_open(txn, db, &cursor);
    for (size_t i = 0; i < count && !rc; i++) {
        MDB_val k = {sizeof(*key), key}, v = payload;
        rc = mdb_cursor_put(cursor, &k, &v, MDB_APPEND);
        ++*key;
    }
    if (!rc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int open_database(MDB_env *env, MDB_dbi *ret)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = mdb_dbi_open(txn, "log", MDB_CREATE | MDB_INTEGERKEY, ret);
    if (!rc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int append_all(const struct log_run *run, MDB_env *env, MDB_dbi db, struct log_result *ret)
{
    const struct bench_config *c = run->config;
    MDB_val payload = {c->size, malloc(c->size)};
    size_t key = 1;
    int rc = payload.mv_data ? 0 : ENOMEM;
    if (!rc)
        memset(payload.mv_data, 'x', c->size);
    log_result_begin(ret);
    while (!rc && !log_result_enough(ret, c)) {
        log_result_pace(ret, c);
        uint64_t began = bench_now();
        rc = append_batch(env, db, &key, c->batch, payload);
        log_result_add(ret, c->batch, began);
    }
    log_result_end(ret);
    free(payload.mv_data);
    return rc;
}

enum err log_bare_append(struct log_run *run, struct log_result *ret)
{
    MDB_env *env;
    MDB_dbi db;
    const struct bench_config *c = run->config;
    size_t map = (c->count + c->batch) * (c->size + 64) * 2 + MAP_SPARE;
    int rc = mdb_env_create(&env);
    if (rc)
        return system_err(rc);
    rc = mdb_env_set_mapsize(env, map - map % PAGE);
    if (!rc)
        rc = mdb_env_set_maxdbs(env, 1);
    if (!rc)
        rc = mdb_env_open(env, run->path,
                          MDB_NOTLS | MDB_NORDAHEAD | (run->synced ? 0 : MDB_NOSYNC), FILE_MODE);
    if (!rc)
        rc = open_database(env, &db);
    if (!rc)
        rc = append_all(run, env, db, ret);
    mdb_env_close(env);
    return system_err(rc);
}
