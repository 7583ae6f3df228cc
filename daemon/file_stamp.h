/* What a file was when it was looked at: another stamp is another file, or other contents. */
#ifndef DAEMON_FILE_STAMP_H
#define DAEMON_FILE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: there is no such file, or none was named. */
struct file_stamp {
    uint64_t device, inode, size;
    int64_t changed_s, changed_ns, modified_s, modified_ns;
};

/* Of the file PATH; NULL and "" name none. */
struct file_stamp file_stamp_of(const char *path);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

#endif
