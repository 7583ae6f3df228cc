/*
 * Preloaded into the daemon by the tests of a hub that is short of memory: chosen allocations of
 * its workers fail. Which ones can be changed while the daemon runs:
 *
 *   LONGWIRE_NO_MEMORY=FILE   three 32-bit numbers in the machine's byte order, which both sides
 *                             change: allocations that still succeed; how many fail after these;
 *                             how many have failed
 *
 * A worker is a thread that has accepted a connection. glibc only: the real functions are called by
 * the names under which it has them, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <dlfcn.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

static struct gate {
    _Atomic uint32_t left, to_fail, failed;
} * gate;

static __thread bool is_worker __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("LONGWIRE_NO_MEMORY");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *p =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "no_memory: LONGWIRE_NO_MEMORY is not a file that can be mapped\n");
        _exit(2);
    }
    close(fd);
    gate = p;
}

int accept4(int fd, struct sockaddr *a, socklen_t *len, int flags)
{
    is_worker = true;
    return ((__typeof__(&accept4))dlsym(RTLD_NEXT, "accept4"))(fd, a, len, flags);
}

/* Takes one of N, if there is one. */
static bool take(_Atomic uint32_t *n)
{
    uint32_t now = atomic_load(n);
    while (now > 0)
        if (atomic_compare_exchange_weak(n, &now, now - 1))
            return true;
    return false;
}

static bool fails(void)
{
    if (!is_worker || atomic_load(&gate->to_fail) == 0 || take(&gate->left) ||
        !take(&gate->to_fail))
        return false;
    atomic_fetch_add(&gate->failed, 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    return fails() ? NULL : __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
    return fails() ? NULL : __libc_realloc(p, n);
}
