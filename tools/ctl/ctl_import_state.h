/*
 * What an import remembers in the file that --state names: how far it has come, and where in the
 * hub to look for lines of which that is not known.
 */
#ifndef TOOLS_CTL_CTL_IMPORT_STATE_H
#define TOOLS_CTL_CTL_IMPORT_STATE_H

#include <stdint.h>

#include "tools/ctl/ctl_run.h"

enum { IMPORT_RUN_SIZE = 17 }; /* 16 hexadecimal digits and a NUL */

struct import_state {
    const char *path;             /* borrowed */
    uint64_t lines;               /* all lines up to this number are dealt with */
    uint64_t named;               /* the newest of them that has an id, 0 = none, */
    char id[CTL_CURSOR_SIZE];     /* and that id */
    char cursor[CTL_CURSOR_SIZE]; /* of the hub: what is not dealt with can only be stored behind it
                                   */
    char run[IMPORT_RUN_SIZE];    /* drawn once: the import's name, for its connections and the keys
                                     of lines without an id */
    uint64_t time_ms;             /* when it was written */
    bool settled;                 /* nothing was under way then: no other line is stored */
};

/* Reads the file; one that does not exist is a new state, with a run of its own and no cursor. */
MUST_CHECK enum ctl_exit import_state_load(struct import_state *s);
/* Replaces the file, at once and for good. */
MUST_CHECK enum ctl_exit import_state_save(struct import_state *s);

/* Topics and keys of messages. */
struct import_keys {
    struct buf text; /* topic NUL key, one behind the other */
    struct import_key {
        size_t at, len;
        bool used;
    } * keys;
    size_t count, cap, used;
};

/* Collects the messages that C's hub has stored behind S's cursor, not later than some minutes
 * after S was written, unless WAITED_MS says that the hub has just taken long to store what it had:
 * if lines of the import are among them, they are told by their keys. */
MUST_CHECK enum ctl_exit import_keys_read(struct import_keys *k, struct ctl *c,
                                          const struct import_state *s, uint64_t waited_ms);
/* Whether a message with that topic and key is there; the next time, it is another one. */
bool import_keys_take(struct import_keys *k, const struct buf *topic, const struct buf *key);
/* Whether there are any that were not taken. */
bool import_keys_left(const struct import_keys *k);
void import_keys_finish(struct import_keys *k);

#endif
