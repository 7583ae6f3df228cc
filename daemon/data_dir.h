/*
 * Whether a folder can be, or become, that of the log: what the store's errors are too few to say.
 *
 * Looks, and changes nothing.
 */
#ifndef DAEMON_DATA_DIR_H
#define DAEMON_DATA_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* False: ERROR gets a line, without newline, that names what is in the way. */
bool data_dir_check(const char *path, struct buf *error);
/* Whether this process may have MAP_BYTES of address space (ulimit -v, RLIMIT_AS); as above. */
bool data_dir_check_map(uint64_t map_bytes, struct buf *error);

#endif
