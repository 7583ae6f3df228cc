/*
 * Making a journal: every page of it is written before it is used, so that a sync has nothing to
 * write but what was appended, and no page can lack its space on the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/journal/journal_file.h"

enum {
    PART = 1 << 20, /* bytes written at a time */
    FILE_MODE = 0600,
};

/* Whether a file may take the place of the one that is there: if that is this log's, and unused. */
static enum err check_former(const struct journal_options *o)
{
    struct journal *former;
    enum err e = journal_open(o, &former);
    if (e == ERR_OK)
        journal_close(former);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* All at once, as far as the file system can do that: so the pages lie together. */
static enum err take_space(int fd, uint64_t bytes)
{
    int rc;
    do
        rc = fallocate(fd, 0, 0, (off_t)bytes) ? errno : 0;
    while (rc == EINTR);
    enum err e = journal_err(rc);
    return e == ERR_NOSPACE || rc == EIO ? e : ERR_OK;
}

static enum err write_zeros(int fd, uint64_t bytes)
{
    char *zeros = calloc(1, PART);
    if (!zeros)
        return ERR_NOMEM;
    enum err e = ERR_OK;
    for (uint64_t at = 0; !e && at < bytes; at += PART) {
        struct iovec part = {zeros, bytes - at < PART ? bytes - at : PART};
        e = journal_write_at(fd, &part, 1, at);
    }
    free(zeros);
    return e;
}

static enum err write_all(struct journal *j)
{
    struct journal_header h = journal_header_of(j);
    struct iovec part = {&h, sizeof(h)};
    enum err e = take_space(j->fd, j->bytes);
    if (!e)
        e = write_zeros(j->fd, j->bytes);
    if (!e)
        e = journal_write_at(j->fd, &part, 1, 0);
    if (!e && fsync(j->fd))
        e = journal_err(errno);
    return e;
}

static enum err sync_directory(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return journal_err(errno);
    enum err e = fsync(fd) ? journal_err(errno) : ERR_OK;
    close(fd);
    return e;
}

/* Gives the finished file, which is J's, its name. */
static enum err put_in_place(struct journal *j, const struct journal_options *o)
{
    struct journal *named;
    enum err e = journal_new(o, JOURNAL_FILE, &named);
    if (e)
        return e;
    if (rename(j->path, named->path)) {
        e = journal_err(errno);
    } else {
        char *part = j->path;
        j->path = named->path;
        named->path = part;
    }
    journal_close(named);
    return e;
}

/* The part file for J alone. Whoever has renamed it meanwhile has a journal now. */
static enum err open_part(struct journal *j)
{
    j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (j->fd < 0)
        return journal_err(errno);
    enum err e = journal_lock(j, false);
    return !e && journal_check_place(j) ? ERR_LOCKED : e;
}

/* What a former try has left is as good as nothing: cut off. */
static enum err fill(struct journal *j)
{
    return ftruncate(j->fd, 0) ? journal_err(errno) : write_all(j);
}

static enum err make(struct journal *j, const struct journal_options *o)
{
    enum err e = open_part(j);
    if (e)
        return e;
    e = check_former(o);
    if (!e)
        e = fill(j);
    if (!e)
        e = put_in_place(j, o);
    if (e)
        unlink(j->path);
    return e ? e : sync_directory(o->dir);
}

enum err journal_create(const struct journal_options *o, uint64_t bytes, struct journal **ret)
{
    struct journal *j;
    enum err e = journal_new(o, JOURNAL_PART_FILE, &j);
    if (e)
        return e;
    j->bytes = bytes < JOURNAL_BYTES_MIN ? JOURNAL_BYTES_MIN : bytes - bytes % JOURNAL_PAGE;
    e = make(j, o);
    if (e)
        journal_close(j);
    else
        *ret = j;
    return e;
}
