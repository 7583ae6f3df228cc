/*
 * An import that goes on where one with the same state was cut off: that one may have gone, and
 * what it has sent may not be stored yet. Before the log is searched for it, all of it has to be.
 */
#ifndef TOOLS_CTL_CTL_IMPORT_ALONE_H
#define TOOLS_CTL_CTL_IMPORT_ALONE_H

#include <stdint.h>

#include "tools/ctl/ctl_import_state.h"
#include "tools/ctl/ctl_run.h"

/* Gives C's connection the name of S's import, "import:RUN". Before anything is sent. */
MUST_CHECK enum ctl_exit import_alone_name(struct ctl *c, const struct import_state *s);
/* Waits until no other connection has that name, so that all that one has sent is on its way into
 * the log, and then until what was on its way there is stored. *RET_MS: how long that took. */
MUST_CHECK enum ctl_exit import_alone_await(struct ctl *c, const struct import_state *s,
                                            uint64_t *ret_ms);

#endif
