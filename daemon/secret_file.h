/* Files that hold keys and secrets: read whole, and left nowhere else in memory. */
#ifndef DAEMON_SECRET_FILE_H
#define DAEMON_SECRET_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    SECRET_FILE_MAX = 65536, /* bytes */
    SECRET_MIN = 16,         /* of a secret */
};

/* Reads the whole file into RET, with a NUL behind it. ERR_INVALID: it cannot be read, or is too
 * large, and WHY says so, to follow its name; ERR_NOMEM. */
MUST_CHECK enum err secret_file_read(const char *path, struct buf *ret, struct buf *why);
/* The same of one that holds a secret and nothing else, whose line end behind it is left out. Also
 * ERR_INVALID: it is shorter than SECRET_MIN. */
MUST_CHECK enum err secret_file_read_secret(const char *path, struct buf *ret, struct buf *why);
/* Wipes and frees it. */
void secret_file_forget(struct buf *secret);

#endif
