/*
 * Preloaded into the daemon by tests of sockets that are full in the middle: one send over TCP
 * takes a part of what it is given, and the next one nothing.
 *
 *   LONGWIRE_CUT_SEND=FILE   two 32-bit numbers in the machine's byte order, which both sides
 *                            change: how many bytes the next send of more than that takes (0: all);
 *                            how many sends have been cut
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <dlfcn.h>

static struct cut {
    _Atomic uint32_t at, done;
} * cut;
static _Atomic int full = -1; /* the descriptor whose next send takes nothing */

__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("LONGWIRE_CUT_SEND");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *p =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*cut), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "cut_send: LONGWIRE_CUT_SEND is not a file that can be mapped\n");
        _exit(2);
    }
    close(fd);
    cut = p;
}

static int is_tcp(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    return getsockname(fd, (struct sockaddr *)&a, &len) == 0 && a.ss_family == AF_INET;
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
    int expected = fd;
    uint32_t at = atomic_load(&cut->at);
    if (atomic_compare_exchange_strong(&full, &expected, -1)) {
        errno = EAGAIN;
        return -1;
    }
    if (at && n > at && is_tcp(fd)) {
        atomic_store(&cut->at, 0);
        atomic_fetch_add(&cut->done, 1);
        atomic_store(&full, fd);
        n = at;
    }
    return ((__typeof__(&send))dlsym(RTLD_NEXT, "send"))(fd, data, n, flags);
}
