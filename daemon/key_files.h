/*
 * The files with keys of tokens that the configuration names, and what it says of access beside
 * them, as the policy that workers judge by (access/access.h). What cannot be read changes nothing.
 */
#ifndef DAEMON_KEY_FILES_H
#define DAEMON_KEY_FILES_H

#include "access/access.h"
#include "base/buf.h"
#include "base/err.h"
#include "daemon/config.h"

enum { KEY_FILE_MAX = 65536 /* bytes */ };

/* Reads all files, and makes the policy of them; one reference. On failure ERROR says why, with
 * file, line and option. */
MUST_CHECK enum err key_files_load(const struct config *config, struct access_policy **ret,
                                   struct buf *error);

#endif
