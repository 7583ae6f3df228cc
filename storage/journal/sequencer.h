/*
 * Who makes groups durable and gives them their places, one behind the other.
 *
 * A group is one commit of the broker, packed (group.h). It is safe when append returns; the
 * applier (applier.h) puts it into the store behind the sequencer some time later, in the same
 * order. Members: the journal file (sequencer_file.c); tests have one of their own.
 *
 * All of it belongs to one thread, but for release, which the applier's calls.
 */
#ifndef STORAGE_JOURNAL_SEQUENCER_H
#define STORAGE_JOURNAL_SEQUENCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/journal/journal.h"

struct sequencer;

/* As the functions of journal.h with the same names, unless something else is said. */
struct sequencer_ops {
    /* Visits, before `begin`, all that is known to follow AFTER, which the store has. */
    enum err (*follow)(struct sequencer *q, const struct journal_place *after, journal_visit *visit,
                       void *ctx);
    enum err (*begin)(struct sequencer *q, uint32_t epoch, uint64_t last,
                      struct journal_place *ret);
    /* Durable on return, as far as the sync policy wants that. */
    enum err (*append)(struct sequencer *q, const void *group, size_t n, uint64_t last,
                       struct journal_place *ret);
    enum err (*mend)(struct sequencer *q);
    enum err (*sync)(struct sequencer *q);
    enum err (*check_place)(const struct sequencer *q);
    void (*release)(struct sequencer *q, const struct journal_place *place);
    /* The last offset in use with what was appended, that which failed included. */
    uint64_t (*last)(const struct sequencer *q);
    bool (*has_failed)(const struct sequencer *q);
    /* Of the largest group; and of all that may wait to be released. */
    size_t (*group_max)(const struct sequencer *q);
    uint64_t (*capacity)(const struct sequencer *q);
    uint64_t (*used)(const struct sequencer *q);
    void (*close)(struct sequencer *q);
};

/* The first member of each sequencer. */
struct sequencer {
    const struct sequencer_ops *ops;
};

/* Takes J, which is closed with it. ERR_NOMEM: J is still the caller's. */
MUST_CHECK enum err sequencer_file_create(struct journal *j, struct sequencer **ret);

#endif
