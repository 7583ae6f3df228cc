/* A configuration as text, and what differs between two. */
#ifndef DAEMON_CONFIG_PRINT_H
#define DAEMON_CONFIG_PRINT_H

#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/config.h"

/* Writes all of C as a file that config_load reads back to the same values, with a comment at each
 * value that is not built in. Errors: ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err config_print(const struct config *c, FILE *out);
/* Appends the names of what differs between OLD and FRESH but takes a restart to change, comma
 * separated (`hub.workers, http.listen`; topic sections count as `topic`); returns how many. */
size_t config_reload_diff(const struct config *old, const struct config *fresh, struct buf *names);

#endif
