/*
 * Loading the configuration: built-in defaults, then the file, then `--set`, checked as a whole.
 */
#ifndef DAEMON_CONFIG_LOAD_H
#define DAEMON_CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/config.h"

/* What to load; everything is borrowed during the call. */
struct config_source {
    const char *file;        /* NULL = no file */
    bool file_optional;      /* that FILE does not exist is no error */
    const char *const *sets; /* `section.key=value` each, applied in this order */
    size_t set_count;
};

/* Loads and checks everything. On failure a line for each mistake, at most CONFIG_MISTAKES_MAX, is
 * appended to ERROR, with a newline between two: where (`FILE:LINE` or `--set`), what, and what is
 * allowed. Errors: ERR_INVALID, ERR_NOT_FOUND (no such
 * file), ERR_ACCESS, ERR_IO (cannot be read), ERR_NOMEM. Free *RET with config_free. */
MUST_CHECK enum err config_load(const struct config_source *src, struct config **ret,
                                struct buf *error);
/* NULL is accepted. */
void config_free(struct config *c);

#endif
