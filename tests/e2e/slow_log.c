/*
 * Preloaded into programs by tests of what happens while the log takes its time: for as long as a
 * file exists, commits wait before they make data.mdb safe, and copies before they write anything.
 * A number in the file is how many may still pass.
 *
 *   LONGWIRE_SLOW_LOG=FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dlfcn.h>

enum { LOOK_US = 1000 };

static const char log_name[] = "/data.mdb", copy_name[] = "/data.mdb.part";

/* Whether FD is a file of that NAME now: who cancels a copy puts something else in its place. */
static int is_named(int fd, const char *name)
{
    char link[64], path[4096];
    size_t len = strlen(name);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path));
    return n >= (ssize_t)len && memcmp(path + n - len, name, len) == 0;
}

/* Whether one may pass, which is then one less; or there is no gate any more. */
static int passes(const char *gate)
{
    unsigned left = 0;
    FILE *f = fopen(gate, "r+");
    if (!f)
        return 1;
    int may = fscanf(f, "%u", &left) == 1 && left > 0;
    if (may) {
        rewind(f);
        fprintf(f, "%-10u", left - 1);
    }
    fclose(f);
    return may;
}

static void wait_while_closed(int fd, const char *name)
{
    const char *gate = getenv("LONGWIRE_SLOW_LOG");
    while (gate && is_named(fd, name) && !passes(gate))
        usleep(LOOK_US);
}

ssize_t write(int fd, const void *data, size_t n)
{
    wait_while_closed(fd, copy_name);
    return ((__typeof__(&write))dlsym(RTLD_NEXT, "write"))(fd, data, n);
}

int fdatasync(int fd)
{
    wait_while_closed(fd, log_name);
    return ((__typeof__(&fdatasync))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int fsync(int fd)
{
    wait_while_closed(fd, log_name);
    return ((__typeof__(&fsync))dlsym(RTLD_NEXT, "fsync"))(fd);
}
