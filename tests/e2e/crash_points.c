/*
 * Preloaded into the daemon by the crash tests: at a chosen system call between a publish and its
 * answer, the process ends by SIGKILL, or the call fails; and the machine may have booted anew.
 *
 *   LONGWIRE_BOOT_ID=FILE            what the kernel calls its boot_id is in FILE
 *   LONGWIRE_SYNCS=FILE              gets a byte behind each sync of the log that was done
 *   LONGWIRE_CRASH_AT=POINT:WHAT:N   at the Nth call of POINT; N = 0: at each
 *   LONGWIRE_CRASH_WHEN=FILE         calls count only while FILE exists
 *
 * POINT, in the order in which a log is opened and a message goes its way:
 *   lock     LMDB's table of readers gets its space
 *   create   LMDB writes the two header pages of a new file
 *   reserve  the log takes disk space ahead
 *   pages    LMDB writes pages of a commit
 *   sync     fdatasync of the file
 *   meta     LMDB writes the header that makes the commit so
 *   wake     the broker wakes a worker, first after a commit
 *   send     a worker writes to a socket, first after a commit
 * WHAT: before, after; middle (of a write: its first half happens); or instead of the call an
 * error: EIO, ENOSPC; short (its first half happens and the process goes on).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEADER_END = 8192, NAME_SIZE = 4096 }; /* bytes; the headers are the first two pages */

enum what { BEFORE, AFTER, MIDDLE, FAIL, SHORT };

static struct {
    char point[16];
    enum what what;
    int error;       /* for FAIL */
    unsigned long n; /* 0 = each */
    const char *when;
    atomic_ulong calls;
} chosen;

/* A commit was made, and nobody was woken, nothing sent since. */
static atomic_bool unwoken, unsent;

static bool parse(const char *text)
{
    static const struct {
        const char *name;
        enum what what;
        int error;
    } whats[] = {{"before", BEFORE, 0}, {"after", AFTER, 0},      {"middle", MIDDLE, 0},
                 {"EIO", FAIL, EIO},    {"ENOSPC", FAIL, ENOSPC}, {"short", SHORT, 0}};
    char what[16];
    if (sscanf(text, "%15[a-z]:%15[a-zA-Z]:%lu", chosen.point, what, &chosen.n) != 3)
        return false;
    for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
        if (strcmp(what, whats[i].name) != 0)
            continue;
        chosen.what = whats[i].what;
        chosen.error = whats[i].error;
        return true;
    }
    return false;
}

__attribute__((constructor)) static void start(void)
{
    const char *at = getenv("LONGWIRE_CRASH_AT");
    chosen.when = getenv("LONGWIRE_CRASH_WHEN");
    if (at && !parse(at)) {
        fprintf(stderr, "crash_points: not a point: %s\n", at);
        _exit(2);
    }
}

static _Noreturn void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Whether this call of POINT is the chosen one. */
static bool is_chosen(const char *point)
{
    if (strcmp(point, chosen.point) != 0 || (chosen.when && access(chosen.when, F_OK)))
        return false;
    return atomic_fetch_add(&chosen.calls, 1) + 1 == chosen.n || chosen.n == 0;
}

static bool is_open_as(int fd, const char *end)
{
    char link[64], name[NAME_SIZE];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof(name));
    size_t len = strlen(end);
    return n >= (ssize_t)len && memcmp(name + n - len, end, len) == 0;
}

static bool is_socket(int fd)
{
    int type;
    socklen_t n = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* POINT is reached by a call with nothing to cut in half: false when it is to fail instead. */
static bool enter(const char *point, bool *ret_hit)
{
    *ret_hit = is_chosen(point);
    if (!*ret_hit || chosen.what == AFTER)
        return true;
    if (chosen.what != FAIL)
        die();
    errno = chosen.error;
    return false;
}

static void leave(bool hit)
{
    if (hit && chosen.what == AFTER)
        die();
}

/* A write to the file of the log: which point it is. */
static const char *point_of(off_t offset)
{
    return offset == 0 ? "create" : offset < HEADER_END ? "meta" : "pages";
}

static ssize_t put(int fd, const void *data, size_t n, off_t offset)
{
    return REAL(pwrite)(fd, data, n, offset);
}

static ssize_t write_half(int fd, const void *data, size_t n, off_t offset)
{
    ssize_t m = put(fd, data, n / 2, offset);
    if (chosen.what == MIDDLE)
        die();
    return m;
}

static void note_commit(const char *point)
{
    if (strcmp(point, "meta") != 0)
        return;
    atomic_store(&unwoken, true);
    atomic_store(&unsent, true);
}

static ssize_t put_at_point(int fd, const void *data, size_t n, off_t offset)
{
    const char *point = point_of(offset);
    bool hit = is_chosen(point);
    if (hit && chosen.what == BEFORE)
        die();
    if (hit && (chosen.what == MIDDLE || chosen.what == SHORT))
        return write_half(fd, data, n, offset);
    if (hit && chosen.what == FAIL) {
        errno = chosen.error;
        return -1;
    }
    ssize_t m = put(fd, data, n, offset);
    leave(hit);
    note_commit(point);
    return m;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
    return is_open_as(fd, "/data.mdb") ? put_at_point(fd, data, n, offset)
                                       : put(fd, data, n, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t offset)
{
    return pwrite(fd, data, n, offset);
}

/* LMDB's writev of pages, as one write: so that it can be cut anywhere. */
static ssize_t put_pages(int fd, const struct iovec *v, int count, off_t offset)
{
    size_t total = 0, at = 0;
    for (int i = 0; i < count; i++)
        total += v[i].iov_len;
    char *data = malloc(total);
    if (!data)
        return -1;
    for (int i = 0; i < count; at += v[i++].iov_len)
        memcpy(data + at, v[i].iov_base, v[i].iov_len);
    ssize_t n = put_at_point(fd, data, total, offset);
    free(data);
    return n;
}

ssize_t pwritev(int fd, const struct iovec *v, int count, off_t offset)
{
    return is_open_as(fd, "/data.mdb") ? put_pages(fd, v, count, offset)
                                       : REAL(pwritev)(fd, v, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *v, int count, off_t offset)
{
    return pwritev(fd, v, count, offset);
}

/* POINT counts once after each commit, which UNDONE tells. */
static bool is_first(const char *point, atomic_bool *undone)
{
    return atomic_exchange(undone, false) && is_chosen(point);
}

/* Only before and after make sense here: what peers are sent is not the log's. */
static bool comes_first_after_commit(int fd)
{
    bool hit = is_socket(fd)                  ? is_first("send", &unsent)
               : is_open_as(fd, ":[eventfd]") ? is_first("wake", &unwoken)
                                              : false;
    if (hit && chosen.what == BEFORE)
        die();
    return hit;
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
    if (is_open_as(fd, "/data.mdb"))
        return put_pages(fd, v, count, lseek(fd, 0, SEEK_CUR));
    bool hit = comes_first_after_commit(fd);
    ssize_t n = REAL(writev)(fd, v, count);
    leave(hit);
    return n;
}

ssize_t write(int fd, const void *data, size_t n)
{
    bool hit = comes_first_after_commit(fd);
    ssize_t m = REAL(write)(fd, data, n);
    leave(hit);
    return m;
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
    bool hit = comes_first_after_commit(fd);
    ssize_t m = REAL(send)(fd, data, n, flags);
    leave(hit);
    return m;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    bool hit = comes_first_after_commit(fd);
    ssize_t n = REAL(sendmsg)(fd, m, flags);
    leave(hit);
    return n;
}

static void note_sync(void)
{
    const char *path = getenv("LONGWIRE_SYNCS");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f)
        return;
    fputc('.', f);
    fclose(f);
}

static int sync_log(int fd, int (*sync)(int fd))
{
    bool hit = false, log = is_open_as(fd, "/data.mdb");
    if (log && !enter("sync", &hit))
        return -1;
    int rc = sync(fd);
    if (log && rc == 0)
        note_sync();
    leave(hit);
    return rc;
}

int fdatasync(int fd)
{
    return sync_log(fd, REAL(fdatasync));
}

int fsync(int fd)
{
    return sync_log(fd, REAL(fsync));
}

int ftruncate(int fd, off_t length)
{
    bool hit = false;
    if (is_open_as(fd, "/lock.mdb") && !enter("lock", &hit))
        return -1;
    int rc = REAL(ftruncate)(fd, length);
    leave(hit);
    return rc;
}

int ftruncate64(int fd, off_t length)
{
    return ftruncate(fd, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    bool hit = false;
    const char *point = is_open_as(fd, "/data.mdb")   ? "reserve"
                        : is_open_as(fd, "/lock.mdb") ? "lock"
                                                      : NULL;
    if (point && !enter(point, &hit))
        return -1;
    int rc = REAL(fallocate)(fd, mode, offset, length);
    leave(hit);
    return rc;
}

int fallocate64(int fd, int mode, off_t offset, off_t length)
{
    return fallocate(fd, mode, offset, length);
}

static const char *path_of(const char *path)
{
    const char *other = getenv("LONGWIRE_BOOT_ID");
    return other && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0 ? other : path;
}

FILE *fopen(const char *path, const char *mode)
{
    return REAL(fopen)(path_of(path), mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return REAL(fopen64)(path_of(path), mode);
}
