/*
 * Certificates of TLS listeners: loaded from the files that the configuration names, and again when
 * these change, so that a renewal needs nothing else. What cannot be loaded changes nothing.
 */
#ifndef DAEMON_CERTIFICATES_H
#define DAEMON_CERTIFICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/config.h"
#include "daemon/file_stamp.h"
#include "net/tls/tls_context.h"

enum { CERTIFICATES_WARN_DAYS = 14 }; /* before the end: said once a day from then on */

/* The main thread's. All zero: nothing is loaded. */
struct certificates {
    struct tls_current current;  /* for handshakes */
    struct tls_context *context; /* a reference to the same */
    const struct config *config; /* that it was made of; borrowed */
    struct file_stamp *stamps;   /* of each file, as of the last look */
    size_t stamp_count;
    bool changed;     /* between the last two looks: perhaps more is about to */
    int64_t warned_s; /* when it was last said that one ends soon; Unix */
};

/* In place. */
void certificates_init(struct certificates *c);
void certificates_finish(struct certificates *c);
/* Loads those of CONFIG, borrowed until others are loaded, or C is finished; none if CONFIG has
 * none. On failure the former ones stay, and ERROR says why, with file, line and option. */
MUST_CHECK enum err certificates_load(struct certificates *c, const struct config *config,
                                      struct buf *error);
/* About once a second: loads them anew when their files have changed, and have not changed since
 * the last look; logs what came of it, and which are about to end. */
void certificates_look(struct certificates *c, int64_t unix_s);

#endif
