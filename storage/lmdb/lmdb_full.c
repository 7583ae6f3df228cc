/* Space on the disk ahead of the file's end, and whether there is more to be had. */
#include "storage/lmdb/lmdb_full.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_store.h"

enum { DISK_END = 16 << 20 }; /* bytes: with less, a disk counts as full */

enum err lmdb_take_space(struct lmdb_store *s, size_t pages)
{
    int fd, rc = mdb_env_get_fd(s->env, &fd);
    if (rc)
        return lmdb_err(rc);
    off_t from = (off_t)(s->taken * s->page_size), to = (off_t)(pages * s->page_size);
    do
        rc = fallocate(fd, FALLOC_FL_KEEP_SIZE, from, to - from) ? errno : 0;
    while (rc == EINTR);
    enum err e = lmdb_err(rc);
    if (e == ERR_NOSPACE || e == ERR_NOMEM || rc == EIO)
        return e;
    /* A file system that cannot do this has no spare pages: it is full when a write says so. */
    s->taken = rc ? SIZE_MAX : pages;
    return ERR_OK;
}

/* Whether the file cannot grow, or the disk cannot give more than was taken, or nearly is full. */
static bool is_full(struct lmdb_store *s, int fd, off_t size)
{
    struct statvfs disk;
    size_t pages = (size_t)size / s->page_size;
    if (fallocate(fd, 0, size, (off_t)s->page_size) && lmdb_err(errno) == ERR_NOSPACE)
        return true;
    if (pages < s->taken)
        pages = s->taken;
    if (pages != SIZE_MAX && lmdb_take_space(s, pages + 1) == ERR_NOSPACE)
        return true;
    return fstatvfs(fd, &disk) == 0 && disk.f_bavail * disk.f_frsize < DISK_END;
}

enum err lmdb_explain(struct lmdb_store *s, enum err e)
{
    struct stat st;
    int fd;
    if (e != ERR_IO || mdb_env_get_fd(s->env, &fd) || fstat(fd, &st))
        return e;
    return is_full(s, fd, st.st_size) ? ERR_NOSPACE : e;
}
