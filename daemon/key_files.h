/*
 * The files with keys of tokens that the configuration names, and what it says of access beside
 * them, as the policy that workers judge by (access/access.h): loaded at the start, at a reload,
 * and when the files change, so that a key's coming and going needs nothing else. What cannot be
 * read changes nothing.
 */
#ifndef DAEMON_KEY_FILES_H
#define DAEMON_KEY_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "access/access.h"
#include "base/buf.h"
#include "base/err.h"
#include "daemon/config.h"
#include "daemon/file_stamp.h"

/* The main thread's. All zero: nothing is loaded. */
struct key_files {
    const struct config *config; /* that the policy was made of; borrowed */
    struct file_stamp *stamps;   /* of each file, as of the last look */
    size_t stamp_count;
    bool changed; /* between the last two looks: perhaps more is about to */
};

void key_files_finish(struct key_files *f);
/* Reads all files, and makes the policy of them and of CONFIG, which is borrowed until another one
 * is loaded; one reference. On failure F is as before, and ERROR says why, with file, line and
 * option. */
MUST_CHECK enum err key_files_load(struct key_files *f, const struct config *config,
                                   struct access_policy **ret, struct buf *error);
/* About once a second: loads them anew when they have changed, and have not changed since the last
 * look; logs what came of it. The new policy, one reference; NULL: all is as before. */
struct access_policy *key_files_look(struct key_files *f);

#endif
