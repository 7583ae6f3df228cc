/*
 * Copies of a log beside everything else that happens to it.
 *
 * LMDB walks one snapshot and writes it, compacted, to a descriptor. The file gets the name of a
 * log when it is complete, marked as a copy, and on the disk: whatever happens before, nobody can
 * take a half copy, or one that would keep the original's epoch, for a log.
 */
#include "storage/lmdb/lmdb_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb/lmdb_check.h"
#include "storage/lmdb/lmdb_guard.h"
#include "storage/lmdb/lmdb_mark.h"
#include "storage/lmdb/lmdb_rows.h"

enum { FILE_MODE = 0600, DIRECTORY_MODE = 0700 };

/* Where a copy goes. */
struct target {
    const char *path;
    char file[PATH_MAX]; /* of the unfinished copy */
    bool made;           /* the directory is ours */
    bool named;          /* the copy has its name, or may have */
    int dir;             /* the directory, -1 = not open */
    int fd;              /* the unfinished copy, -1 = not open */
};

/* What an interrupted copy left does not count. */
static bool is_empty(int dir)
{
    int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = own < 0 ? NULL : fdopendir(own);
    bool empty = d != NULL;
    if (!d && own >= 0)
        close(own);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                          strcmp(e->d_name, LMDB_PART_FILE) == 0);
    if (d)
        closedir(d);
    return empty;
}

static enum err open_directory(struct target *t)
{
    t->made = mkdir(t->path, DIRECTORY_MODE) == 0;
    if (!t->made && errno != EEXIST)
        return lmdb_err(errno);
    t->dir = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->dir < 0)
        return errno == ENOTDIR ? ERR_INVALID : lmdb_err(errno);
    return is_empty(t->dir) ? ERR_OK : ERR_INVALID;
}

static enum err open_target(struct target *t)
{
    if ((size_t)snprintf(t->file, sizeof(t->file), "%s/%s", t->path, LMDB_PART_FILE) >=
        sizeof(t->file))
        return ERR_TOO_LARGE;
    enum err e = open_directory(t);
    if (e)
        return e;
    t->fd = openat(t->dir, LMDB_PART_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (t->fd < 0)
        return lmdb_err(errno);
    return ERR_OK;
}

/* Past the page cache, where that is possible: a large copy would drive the log out of it, and the
 * log's own syncs would have to wait for it. LMDB's buffers are aligned to the system's pages. */
static void bypass_cache(const struct lmdb_store *s, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && s->page_size >= (size_t)sysconf(_SC_PAGESIZE))
        (void)!fcntl(fd, F_SETFL, flags | O_DIRECT);
}

/* From here on the store knows of the copy, and ends it when the environment has to go. */
static enum err enter(struct lmdb_store *s, struct store_copy *c)
{
    pthread_mutex_lock(&s->list_lock);
    enum err e = s->replacing ? ERR_IO : ERR_OK;
    if (!e) {
        c->next = s->copies;
        s->copies = c;
    }
    pthread_mutex_unlock(&s->list_lock);
    return e;
}

static void leave(struct lmdb_store *s, struct store_copy *c)
{
    pthread_mutex_lock(&s->list_lock);
    struct store_copy **at = &s->copies;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    pthread_mutex_unlock(&s->list_lock);
}

void lmdb_end_copies(struct lmdb_store *s)
{
    pthread_mutex_lock(&s->list_lock);
    s->replacing = true;
    for (struct store_copy *c = s->copies; c; c = c->next)
        store_copy_end(c, ERR_IO);
    pthread_mutex_unlock(&s->list_lock);
}

void lmdb_allow_copies(struct lmdb_store *s)
{
    pthread_mutex_lock(&s->list_lock);
    s->replacing = false;
    pthread_mutex_unlock(&s->list_lock);
}

static enum err write_attached(struct lmdb_store *s, struct store_copy *c, struct target *t)
{
    enum err e = store_copy_attach(c, t->fd, t->dir);
    if (e)
        return e;
    bypass_cache(s, t->fd);
    lmdb_guard_enter();
    int rc = mdb_env_copyfd2(s->env, t->fd, MDB_CP_COMPACT);
    lmdb_guard_leave();
    e = store_copy_detach(c);
    if (e || !rc)
        return e;
    return rc == MDB_INCOMPATIBLE ? ERR_CORRUPT : lmdb_err(rc); /* its pages do not add up */
}

/* Nothing but our lock protects a closed log's pages, and where that is missing, nothing. */
static enum err write_unchanged(struct lmdb_store *s, struct store_copy *c, struct target *t)
{
    MDB_envinfo before, after;
    enum err e = lmdb_err(mdb_env_info(s->env, &before));
    if (!e && !s->closed) /* which has been looked at when it was opened */
        e = lmdb_check_before_copy(s, c);
    if (!e)
        e = write_attached(s, c, t);
    if (!e)
        e = lmdb_err(mdb_env_info(s->env, &after));
    return !e && s->closed && after.me_last_txnid != before.me_last_txnid ? ERR_LOCKED : e;
}

static enum err write_copy(struct lmdb_store *s, struct store_copy *c, struct target *t)
{
    enum err e = enter(s, c);
    if (e)
        return e;
    pthread_rwlock_rdlock(&s->env_lock);
    e = s->env && s->health != HEALTH_AHEAD ? write_unchanged(s, c, t) : ERR_IO;
    pthread_rwlock_unlock(&s->env_lock);
    leave(s, c);
    return e;
}

static enum err sync_parent(const struct target *t)
{
    int fd = openat(t->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err e = fd < 0 || fsync(fd) ? lmdb_err(errno) : ERR_OK;
    if (fd >= 0)
        close(fd);
    return e;
}

/* The copy is complete, and durable by its mark: it gets its name. */
static enum err give_name(struct target *t)
{
    t->named = true;
    if (renameat(t->dir, LMDB_PART_FILE, t->dir, LMDB_DATA_FILE) || fsync(t->dir))
        return lmdb_err(errno);
    return t->made ? sync_parent(t) : ERR_OK;
}

/* When a sync has failed, it is as on another boot: what was read may not be what was committed. */
static enum err mark(const struct lmdb_store *s, const struct target *t, struct store_copied *ret)
{
    return lmdb_mark_copy(t->file, s->sync_failed ? "" : s->boot_id, ret);
}

static enum err copy_into(struct lmdb_store *s, struct store_copy *c, struct target *t,
                          struct store_copied *ret)
{
    struct stat st;
    enum err e = open_target(t);
    if (!e)
        e = write_copy(s, c, t);
    if (!e)
        e = mark(s, t, ret);
    if (!e && fstatat(t->dir, LMDB_PART_FILE, &st, 0))
        e = lmdb_err(errno);
    if (!e)
        e = give_name(t);
    if (!e)
        ret->bytes = (uint64_t)st.st_size;
    return e;
}

/* As if nothing had been. */
static void drop(const struct target *t)
{
    if (t->fd >= 0)
        unlinkat(t->dir, LMDB_PART_FILE, 0);
    if (t->named)
        unlinkat(t->dir, LMDB_DATA_FILE, 0);
    if (t->made)
        rmdir(t->path);
}

enum err lmdb_copy(struct store_copy *c, struct store_copied *ret)
{
    struct target t = {.path = c->path, .dir = -1, .fd = -1};
    struct store_copied copied = {0};
    enum err e = copy_into(lmdb_of(c->store), c, &t, &copied);
    if (e)
        drop(&t);
    else
        *ret = copied;
    if (t.fd >= 0)
        close(t.fd);
    if (t.dir >= 0)
        close(t.dir);
    return e;
}
