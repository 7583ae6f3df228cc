#include "storage/lmdb/lmdb_place.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static const char in_use[] = "This directory has a log.\n";

void lmdb_mark_directory(const struct lmdb_store *s)
{
    if (!lmdb_is_marked(s->lock_fd))
        (void)!pwrite(s->lock_fd, in_use, sizeof(in_use) - 1, 0);
}

bool lmdb_is_marked(int lock_fd)
{
    struct stat st;
    return lock_fd >= 0 && fstat(lock_fd, &st) == 0 && st.st_size > 0;
}

static void tell_place(struct lmdb_store *s, bool gone)
{
    if (gone && !s->gone)
        log_error("the log %s/" LMDB_DATA_FILE " has been removed or replaced: nothing is written "
                  "to it any more; restart the hub when its directory is in order",
                  s->path);
    else if (!gone && s->gone)
        log_info("the log %s/" LMDB_DATA_FILE " is in its place again", s->path);
    s->gone = gone;
}

/* A few tenths of a microsecond. */
enum err lmdb_file_exists(struct lmdb_store *s)
{
    struct stat st;
    int fd;
    if (mdb_env_get_fd(s->env, &fd) || fstat(fd, &st))
        return ERR_IO;
    if (st.st_nlink == 0)
        tell_place(s, true);
    return s->gone ? ERR_GONE : ERR_OK;
}

enum err lmdb_check_place(struct store *base)
{
    struct lmdb_store *s = lmdb_of(base);
    char name[PATH_MAX];
    struct stat ours, there;
    int fd;
    if (!s->env || mdb_env_get_fd(s->env, &fd) || fstat(fd, &ours))
        return ERR_IO;
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", s->path, LMDB_DATA_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    tell_place(s, stat(name, &there) || there.st_dev != ours.st_dev || there.st_ino != ours.st_ino);
    return s->gone ? ERR_GONE : ERR_OK;
}
