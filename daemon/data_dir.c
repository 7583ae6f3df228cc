#include "daemon/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* What keeps this process from using the directory PATH; NULL: nothing does. */
static const char *obstacle(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return strerror(errno);
    if (!S_ISDIR(st.st_mode))
        return "is not a directory";
    if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return NULL;
    return errno == EROFS    ? "is on a read-only file system"
           : errno == EACCES ? "must be readable and writable for the user that runs the hub"
                             : strerror(errno);
}

/* The directory that PATH is in. False: PATH is too long. */
static bool put_parent(const char *path, char out[PATH_MAX])
{
    size_t n = strlen(path);
    if (n >= PATH_MAX)
        return false;
    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    memcpy(out, n ? path : ".", n ? n : 1);
    out[n ? n : 1] = '\0';
    return true;
}

static bool check_new(const char *path, struct buf *error)
{
    char parent[PATH_MAX];
    if (!put_parent(path, parent)) {
        buf_printf(error, "hub.data_dir: %s", strerror(ENAMETOOLONG));
        return false;
    }
    const char *why = obstacle(parent);
    if (why)
        buf_printf(error, "hub.data_dir = %s cannot be made: its parent directory %s: %s", path,
                   parent, why);
    return !why;
}

bool data_dir_check(const char *path, struct buf *error)
{
    struct stat st;
    if (stat(path, &st) != 0 && errno == ENOENT)
        return check_new(path, error);
    const char *why = obstacle(path);
    if (why)
        buf_printf(error, "hub.data_dir = %s: %s", path, why);
    return !why;
}

bool data_dir_check_map(uint64_t map_bytes, struct buf *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        map_bytes < limit.rlim_cur)
        return true;
    buf_printf(error,
               "log.map_bytes = %llu does not fit into the %llu bytes of address space that this "
               "process may have (ulimit -v): raise that limit, or lower log.map_bytes",
               (unsigned long long)map_bytes, (unsigned long long)limit.rlim_cur);
    return false;
}
