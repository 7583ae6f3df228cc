/* The command line of longwired, and what it answers without serving: help, version, checks. */
#ifndef DAEMON_CLI_H
#define DAEMON_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/config.h"
#include "daemon/config_load.h"

/* What longwired exits with. */
enum {
    CLI_OK = 0,     /* stopped as asked, or the check passed */
    CLI_FAILED = 1, /* could not start, or had to stop */
    CLI_WRONG = 2,  /* the command line or the configuration is wrong: to try again is no use */
};

struct cli {
    struct config_source source; /* for loading again at SIGHUP; borrows from argv */
    const char **sets;           /* owned; source.sets */
};

/* Reads the command line and loads the configuration. True: serve with *RET_CONFIG (free it with
 * config_free). False: exit with *RET_STATUS, everything is said. Either way end with cli_finish.
 */
bool cli_start(int argc, char **argv, struct cli *ret, struct config **ret_config, int *ret_status);
void cli_finish(struct cli *c);

#endif
