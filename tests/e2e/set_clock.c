/*
 * Preloaded into the daemon by tests of clocks that are set: the time of day is off by as many
 * seconds as a file says; the clocks that cannot be set are as they are.
 *
 *   LONGWIRE_CLOCK=FILE   one 64-bit number in the machine's byte order, which the test changes
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <dlfcn.h>

static _Atomic int64_t *off;

__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("LONGWIRE_CLOCK");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*off), PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "set_clock: LONGWIRE_CLOCK is not a file that can be mapped\n");
        _exit(2);
    }
    close(fd);
    off = p;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = ((__typeof__(&clock_gettime))dlsym(RTLD_NEXT, "clock_gettime"))(clock, t);
    if (rc == 0 && clock == CLOCK_REALTIME && off)
        t->tv_sec += atomic_load(off);
    return rc;
}
