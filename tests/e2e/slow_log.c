/*
 * Preloaded into programs by tests of what happens while the log takes its time: commits and copies
 * wait before they make data.mdb safe, for as long as a file exists.
 *
 *   LONGWIRE_SLOW_LOG=FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dlfcn.h>

enum { LOOK_US = 1000 };

static int is_log(int fd)
{
    static const char *const names[] = {"/data.mdb", "/data.mdb.part"};
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);
        if (n >= (ssize_t)len && memcmp(path + n - len, names[i], len) == 0)
            return 1;
    }
    return 0;
}

static void wait_while_closed(int fd)
{
    const char *gate = getenv("LONGWIRE_SLOW_LOG");
    while (gate && is_log(fd) && access(gate, F_OK) == 0)
        usleep(LOOK_US);
}

int fdatasync(int fd)
{
    wait_while_closed(fd);
    return ((__typeof__(&fdatasync))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int fsync(int fd)
{
    wait_while_closed(fd);
    return ((__typeof__(&fsync))dlsym(RTLD_NEXT, "fsync"))(fd);
}
