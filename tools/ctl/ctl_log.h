/* Closed logs. Its .c file, and ctl_damage.c, see the log on the disk. */
#ifndef TOOLS_CTL_CTL_LOG_H
#define TOOLS_CTL_CTL_LOG_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "tools/ctl/ctl_exit.h"
#include "tools/ctl/ctl_run.h"

/* Checks the closed log in directory PATH. On CTL_OK *RET is a report as HUB VERIFY gives it, the
 * caller's to decref. */
MUST_CHECK enum ctl_exit ctl_log_verify(const char *path, json_t **ret);
/* Checks the closed log in FROM and copies it to the directory TO, which does not exist or is
 * empty; with FORCE also when it is damaged. On CTL_OK *RET tells of the copy as HUB BACKUP … JSON
 * does, with `damaged` besides. */
MUST_CHECK enum ctl_exit ctl_log_restore(const char *from, const char *to, bool force,
                                         json_t **ret);
/* Runs WORK, which reads the log in directory PATH, in a process of its own: damaged pages can lead
 * a library astray that trusts them. */
enum ctl_exit ctl_log_apart(struct ctl *c, const char *path, enum ctl_exit work(struct ctl *c));

#endif
