#include "daemon/file_stamp.h"

#include <string.h>
#include <sys/stat.h>

struct file_stamp file_stamp_of(const char *path)
{
    struct stat st;
    if (!path || !*path || stat(path, &st) != 0)
        return (struct file_stamp){0};
    return (struct file_stamp){
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = (uint64_t)st.st_size,
        .changed_s = st.st_ctim.tv_sec,
        .changed_ns = st.st_ctim.tv_nsec,
        .modified_s = st.st_mtim.tv_sec,
        .modified_ns = st.st_mtim.tv_nsec,
    };
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}
