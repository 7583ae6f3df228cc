/* The journal's file: opening what is there, and the calls that touch it. */
#include "storage/journal/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { JOURNAL_VERSION = 1 };

static const char magic[8] = "lwgroups";

/* --- system calls --- */

enum err journal_err(int code)
{
    switch (code) {
    case 0:
        return ERR_OK;
    case ENOMEM:
        return ERR_NOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_NOSPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_ACCESS;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case ENAMETOOLONG:
        return ERR_TOO_LARGE;
    case EWOULDBLOCK:
        return ERR_LOCKED;
    case EISDIR:
    case ELOOP:
        return ERR_FORMAT;
    default:
        return ERR_IO;
    }
}

/* Takes N bytes off the front of the parts. */
static void pass(struct iovec **parts, int *count, size_t n)
{
    while (*count > 0 && n >= (*parts)->iov_len) {
        n -= (*parts)->iov_len;
        ++*parts;
        --*count;
    }
    if (n > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + n;
        (*parts)->iov_len -= n;
    }
}

enum err journal_write_at(int fd, struct iovec *parts, int count, uint64_t at)
{
    while (count > 0) {
        ssize_t n = pwritev(fd, parts, count, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? journal_err(errno) : ERR_NOSPACE;
        pass(&parts, &count, (size_t)n);
        at += (uint64_t)n;
    }
    return ERR_OK;
}

enum err journal_read_at(int fd, void *to, size_t n, uint64_t at)
{
    char *bytes = to;
    while (n > 0) {
        ssize_t got = pread(fd, bytes, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? ERR_IO : ERR_CORRUPT;
        bytes += got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return ERR_OK;
}

enum err journal_sync_file(int fd)
{
    return fdatasync(fd) ? journal_err(errno) : ERR_OK;
}

/* --- the header --- */

static uint64_t checksum(const struct journal_header *h)
{
    return XXH3_64bits(h->magic, sizeof(*h) - sizeof(h->check));
}

struct journal_header journal_header_of(const struct journal *j)
{
    struct journal_header h = {
        .version = JOURNAL_VERSION,
        .page = JOURNAL_PAGE,
        .log = j->log,
        .bytes = j->bytes,
    };
    memcpy(h.magic, magic, sizeof(magic));
    h.check = checksum(&h);
    return h;
}

enum err journal_read_header(struct journal *j)
{
    struct journal_header h;
    struct stat st;
    enum err e = journal_read_at(j->fd, &h, sizeof(h), 0);
    if (e)
        return e == ERR_CORRUPT ? ERR_FORMAT : e; /* not even as long as one */
    if (memcmp(h.magic, magic, sizeof(magic)) != 0)
        return ERR_FORMAT;
    if (h.check != checksum(&h))
        return ERR_CORRUPT;
    if (h.version != JOURNAL_VERSION || h.page != JOURNAL_PAGE)
        return ERR_FORMAT;
    if (h.log != j->log)
        return ERR_CONFLICT;
    if (fstat(j->fd, &st))
        return journal_err(errno);
    if (h.bytes < JOURNAL_BYTES_MIN || h.bytes % JOURNAL_PAGE || (uint64_t)st.st_size < h.bytes)
        return ERR_CORRUPT;
    j->bytes = h.bytes;
    return ERR_OK;
}

/* --- the object --- */

enum err journal_new(const struct journal_options *o, const char *name, struct journal **ret)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", o->dir, name) >= sizeof(path))
        return ERR_TOO_LARGE;
    struct journal *j = calloc(1, sizeof(*j));
    if (!j)
        return ERR_NOMEM;
    j->fd = -1;
    j->log = o->log;
    j->sync = o->sync;
    j->path = strdup(path);
    if (!j->path) {
        free(j);
        return ERR_NOMEM;
    }
    *ret = j;
    return ERR_OK;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    free(j->path);
    free(j);
}

enum err journal_lock(const struct journal *j, bool shared)
{
    if (flock(j->fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB))
        return journal_err(errno);
    return ERR_OK;
}

enum err journal_check_place(const struct journal *j)
{
    struct stat ours, there;
    if (fstat(j->fd, &ours))
        return ERR_IO;
    bool same =
        stat(j->path, &there) == 0 && there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
    return same ? ERR_OK : ERR_GONE;
}

static enum err open_there(struct journal *j, bool closed)
{
    j->closed = closed;
    j->fd = open(j->path, (closed ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (j->fd < 0)
        return journal_err(errno);
    enum err e = journal_lock(j, closed);
    if (!e && journal_check_place(j)) /* it was replaced meanwhile, by who has the new one */
        e = ERR_LOCKED;
    return e ? e : journal_read_header(j);
}

static enum err open_as(const struct journal_options *o, bool closed, struct journal **ret)
{
    struct journal *j;
    enum err e = journal_new(o, JOURNAL_FILE, &j);
    if (e)
        return e;
    e = open_there(j, closed);
    if (e)
        journal_close(j);
    else
        *ret = j;
    return e;
}

enum err journal_open(const struct journal_options *o, struct journal **ret)
{
    return open_as(o, false, ret);
}

enum err journal_open_closed(const struct journal_options *o, struct journal **ret)
{
    return open_as(o, true, ret);
}

uint64_t journal_bytes(const struct journal *j)
{
    return j->bytes;
}
