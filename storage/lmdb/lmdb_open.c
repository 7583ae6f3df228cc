/*
 * Opening the durable log: its directory and its lock, what is looked at before LMDB does, and the
 * format check; lmdb_start.c goes on from there.
 */
#include "storage/lmdb/lmdb_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb/lmdb_check.h"
#include "storage/lmdb/lmdb_env.h"
#include "storage/lmdb/lmdb_pages.h"
#include "storage/lmdb/lmdb_place.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_start.h"

enum {
    DIRECTORY_MODE = 0700,
    VERSION_WITH_KEYS = 2,
};

/* Whoever began to copy a log to PATH will want to begin anew; an empty log made there instead
 * would be taken for what he wanted. */
static enum err check_unfinished(const char *path)
{
    char data[PATH_MAX], part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof(part), "%s/%s", path, LMDB_PART_FILE) >= sizeof(part))
        return ERR_TOO_LARGE;
    snprintf(data, sizeof(data), "%s/%s", path, LMDB_DATA_FILE);
    return access(part, F_OK) == 0 && access(data, F_OK) != 0 ? ERR_UNFINISHED : ERR_OK;
}

/* One lock of our own beside LMDB's: that one lets many processes write, this log has one owner. It
 * goes with the process, however that ends. */
static enum err take_lock(struct lmdb_store *s, const char *path)
{
    char name[PATH_MAX];
    if (mkdir(path, DIRECTORY_MODE) && errno != EEXIST)
        return lmdb_err(errno);
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_LOCK_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, LMDB_FILE_MODE);
    if (s->lock_fd < 0)
        return errno == ENOTDIR ? ERR_FORMAT : lmdb_err(errno);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? ERR_LOCKED : lmdb_err(errno);
    return ERR_OK;
}

/* How LMDB begins a file, before the first commit: a page with a header. */
struct first_page {
    uint64_t number;
    uint16_t pad, flags, lower, upper;
    uint32_t magic;
    uint32_t rest[31];
    uint64_t commits; /* of the header: 0 when it is new */
};
_Static_assert(sizeof(struct first_page) == 152, "no padding");

/*
 * Whether the N bytes from a file of SIZE bytes are the beginning of a new one: of a first start
 * that was killed, or found the disk full, or when the machine went down. Nothing has ever been
 * committed to a file that is no longer than its two headers.
 */
static bool is_stub(const struct first_page *page, size_t n, off_t size)
{
    static const struct first_page blank, made = {.flags = 8, .magic = 0xBEEFC0DE};
    size_t begin = offsetof(struct first_page, rest);
    if (size > 2 * sysconf(_SC_PAGESIZE))
        return false;
    return memcmp(page, &blank, n) == 0 || (memcmp(page, &made, n < begin ? n : begin) == 0 &&
                                            (n < sizeof(*page) || page->commits == 0));
}

/* Whether the log's file NAME is one; what else may be wrong with it, its opening finds. */
static bool has_stub(const char *name)
{
    struct first_page page;
    struct stat st;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, &page, sizeof(page));
    bool stub = n >= 0 && fstat(fd, &st) == 0 && is_stub(&page, (size_t)n, st.st_size);
    close(fd);
    return stub;
}

/* A stub would be refused for ever: LMDB makes it anew. But where there has been a log, it is what
 * is left of that: nothing is made in its place unasked. */
static enum err drop_stub(const char *path, bool marked)
{
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_DATA_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    bool stub = has_stub(name), missing = access(name, F_OK) != 0 && errno == ENOENT;
    if (marked && (stub || missing)) {
        store_say_wrong("it is %s, although a log has been there (" LMDB_LOCK_FILE
                        " says so: remove that to begin a new one)",
                        missing ? "missing" : "empty");
        return ERR_CORRUPT;
    }
    return stub && unlink(name) ? lmdb_err(errno) : ERR_OK;
}

/* Touches nothing, so that a foreign environment stays as it is. ERR_NOT_FOUND: an empty one. */
static enum err check_format(MDB_env *env, uint32_t *ret_version)
{
    MDB_txn *txn;
    MDB_dbi meta;
    MDB_stat st;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    enum err e = lmdb_err(mdb_env_stat(env, &st));
    if (!e && st.ms_entries == 0) {
        e = ERR_NOT_FOUND;
    } else if (!e) {
        rc = lmdb_open_database(txn, DB_META, 0, &meta);
        e = rc ? ERR_FORMAT : lmdb_get_format(txn, meta, ret_version);
        if (e == ERR_NOT_FOUND)
            e = ERR_FORMAT;
    }
    mdb_txn_abort(txn);
    return e;
}

/* Makes the names in the directory durable; not every file system can be asked to. */
static enum err sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return lmdb_err(errno);
    int rc = fsync(fd) ? errno : 0;
    close(fd);
    return rc == EINVAL ? ERR_OK : lmdb_err(rc);
}

/* A new file could be lost as a whole when the machine goes down. Its directory may be new, too,
 * and who may not read that one's parent relies on the file system. */
static enum err sync_names(const char *path)
{
    char parent[PATH_MAX];
    if ((size_t)snprintf(parent, sizeof(parent), "%s/..", path) >= sizeof(parent))
        return ERR_TOO_LARGE;
    enum err e = sync_directory(parent);
    return e && e != ERR_ACCESS ? e : sync_directory(path);
}

enum err lmdb_open(struct lmdb_store *s, const char *boot_id, struct store_state *ret_state)
{
    struct pages_header header = {0};
    enum err e = check_unfinished(s->path);
    if (!e)
        e = take_lock(s, s->path);
    bool marked = lmdb_is_marked(s->lock_fd);
    if (!e)
        e = drop_stub(s->path, marked);
    if (!e)
        e = lmdb_take_table_space(s->path, s->readers_max);
    if (!e)
        e = lmdb_check_file(s->path, PAGES_SHALLOW, marked, &header);
    if (!e)
        e = lmdb_open_env(s);
    if (!e)
        e = lmdb_check_length(s);
    if (e)
        return e;
    uint32_t version = 0;
    e = check_format(s->env, &version);
    if (e == ERR_OK)
        e = lmdb_check_rest(s, &header);
    if (e && e != ERR_NOT_FOUND)
        return e;
    /* What a killed user committed without fsync becomes certain here. */
    e = lmdb_err(mdb_env_sync(s->env, 1));
    if (!e && version == 0)
        e = sync_names(s->path);
    return e ? e : lmdb_start(s, version, boot_id, ret_state);
}

/* --- closed logs, for looking at --- */

/* Keeps hubs out. A directory that no hub ever had has no lock to take, and gets none. */
static enum err share_lock(struct lmdb_store *s, const char *path)
{
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_LOCK_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    s->lock_fd = open(name, O_RDONLY | O_CLOEXEC);
    if (s->lock_fd < 0)
        return errno == ENOENT ? ERR_OK : errno == ENOTDIR ? ERR_NOT_FOUND : lmdb_err(errno);
    if (flock(s->lock_fd, LOCK_SH | LOCK_NB))
        return errno == EWOULDBLOCK ? ERR_LOCKED : lmdb_err(errno);
    return ERR_OK;
}

/* An old log is taken as it is: what came with later versions is not there. */
static enum err open_databases_closed(struct lmdb_store *s, uint32_t version)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    rc = lmdb_open_databases(s, txn, 0);
    if (rc == MDB_NOTFOUND && version < VERSION_WITH_KEYS && s->dbi[DB_KEYS] == 0)
        rc = 0;
    if (!rc)
        return lmdb_err(mdb_txn_commit(txn)); /* or the handles would go with it */
    mdb_txn_abort(txn);
    return lmdb_err(rc);
}

/* A first start that came to nothing has left no log. */
static enum err find_data(const char *path, bool marked)
{
    char name[PATH_MAX];
    struct stat st;
    enum err e = check_unfinished(path);
    if (e)
        return e;
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_DATA_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    if (stat(name, &st) && errno != ENOENT)
        return errno == ENOTDIR ? ERR_NOT_FOUND : lmdb_err(errno);
    if (marked)
        return drop_stub(path, true);
    if (access(name, F_OK))
        return ERR_NOT_FOUND;
    return S_ISREG(st.st_mode) && !has_stub(name) ? ERR_OK : ERR_NOT_FOUND;
}

/* A damaged row is what a check of the log tells. */
static enum err load_times_closed(struct lmdb_store *s)
{
    MDB_txn *txn;
    enum err e = lmdb_err(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn));
    if (e)
        return e;
    e = lmdb_load_times(s, txn);
    mdb_txn_abort(txn);
    return e == ERR_NOMEM ? e : ERR_OK;
}

enum err lmdb_open_closed(struct lmdb_store *s, const char *path)
{
    uint32_t version;
    struct pages_header header;
    enum err e = share_lock(s, path);
    bool marked = lmdb_is_marked(s->lock_fd);
    if (!e)
        e = find_data(path, marked);
    if (!e)
        e = lmdb_check_file(path, PAGES_ALL, marked, &header);
    if (!e)
        e = lmdb_open_env_closed(s, path);
    if (!e)
        e = lmdb_check_length(s);
    if (!e)
        e = check_format(s->env, &version);
    if (!e)
        e = open_databases_closed(s, version);
    return e ? e : load_times_closed(s);
}
