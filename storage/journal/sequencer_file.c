/* The sequencer of a hub that is alone: the journal file. */
#include <stdlib.h>

#include "storage/journal/sequencer.h"

struct file_sequencer {
    struct sequencer base;
    struct journal *journal; /* owned */
};

static struct journal *journal_of(const struct sequencer *q)
{
    return ((const struct file_sequencer *)q)->journal;
}

static enum err file_follow(struct sequencer *q, const struct journal_place *after,
                            journal_visit *visit, void *ctx)
{
    return journal_read(journal_of(q), after, visit, ctx);
}

static enum err file_begin(struct sequencer *q, uint32_t epoch, uint64_t last,
                           struct journal_place *ret)
{
    return journal_begin(journal_of(q), epoch, last, ret);
}

static enum err file_append(struct sequencer *q, const void *group, size_t n, uint64_t last,
                            struct journal_place *ret)
{
    return journal_append(journal_of(q), group, n, last, ret);
}

static enum err file_mend(struct sequencer *q)
{
    return journal_mend(journal_of(q));
}

static enum err file_sync(struct sequencer *q)
{
    return journal_sync(journal_of(q));
}

static enum err file_check_place(const struct sequencer *q)
{
    return journal_check_place(journal_of(q));
}

static void file_release(struct sequencer *q, const struct journal_place *place)
{
    journal_release(journal_of(q), place);
}

static uint64_t file_last(const struct sequencer *q)
{
    return journal_last(journal_of(q));
}

static bool file_has_failed(const struct sequencer *q)
{
    return journal_has_failed(journal_of(q));
}

static size_t file_group_max(const struct sequencer *q)
{
    return journal_group_max(journal_of(q));
}

static uint64_t file_capacity(const struct sequencer *q)
{
    return journal_bytes(journal_of(q));
}

static uint64_t file_used(const struct sequencer *q)
{
    return journal_used(journal_of(q));
}

static void file_close(struct sequencer *q)
{
    journal_close(journal_of(q));
    free(q);
}

static const struct sequencer_ops ops = {
    .follow = file_follow,
    .begin = file_begin,
    .append = file_append,
    .mend = file_mend,
    .sync = file_sync,
    .check_place = file_check_place,
    .release = file_release,
    .last = file_last,
    .has_failed = file_has_failed,
    .group_max = file_group_max,
    .capacity = file_capacity,
    .used = file_used,
    .close = file_close,
};

enum err sequencer_file_create(struct journal *j, struct sequencer **ret)
{
    struct file_sequencer *q = calloc(1, sizeof(*q));
    if (!q)
        return ERR_NOMEM;
    q->base.ops = &ops;
    q->journal = j;
    *ret = &q->base;
    return ERR_OK;
}
