/*
 * What a log says of its journal: the note "journal" in its own meta (doc/storage-format.md),
 * written by the commits that it speaks of.
 */
#ifndef STORAGE_JOURNAL_APPLIED_NOTE_H
#define STORAGE_JOURNAL_APPLIED_NOTE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/journal/journal.h"
#include "storage/store_types.h"

struct store;

struct applied_note {
    uint64_t log;               /* the log's random number; 0 = there is no note */
    struct journal_place place; /* everything up to it is in the log; `run` 0: nothing is wanted */
    /* Where the journal is; "" is the log's own directory, so that both can be moved. */
    char dir[PATH_MAX / 2];
};

/* Whether the log needs its journal. */
static inline bool applied_note_needs(const struct applied_note *n)
{
    return n->place.run != 0;
}

/* OUT has room for APPLIED_NOTE_MAX bytes; returns how many the note takes. */
enum { APPLIED_NOTE_MAX = STORE_NOTE_MAX };
size_t applied_note_encode(const struct applied_note *n, void *out);

/* Reads the note of S; all zero when it has none. ERR_CORRUPT when it makes no sense; the store's
 * errors. */
MUST_CHECK enum err applied_note_load(struct store *s, struct applied_note *ret);
/* Writes it, in a commit of its own. The store's errors. */
MUST_CHECK enum err applied_note_save(struct store *s, const struct applied_note *n);

#endif
