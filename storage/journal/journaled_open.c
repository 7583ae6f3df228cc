/*
 * Opening a log with its journal. The log says in its note what it needs of a journal; that comes
 * first, into the log, whatever the options want. Then the journal that they want is begun.
 *
 *     the log's note    there is                what happens
 *     none, or "done"   whatever                nothing of it is wanted
 *     a place           its journal             what follows the place is applied
 *                       none, another log's,
 *                       an older one            refused, in words that name the file
 *     in a copy         whatever                nothing: a copy has everything
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "storage/journal/journaled_append.h"
#include "storage/journal/store_journaled.h"
#include "storage/store.h"

enum {
    APPLY_MS = 1000,
    APPLY_PART = 8,            /* of the journal: when so much waits, it is applied */
    READ_BYTES = 8 << 20,      /* that are read from the journal before they are applied */
    APPLY_BYTES_MAX = 8 << 20, /* what waits is memory, and an apply costs nothing by then */
};

struct opening {
    const struct store_options *options;
    struct store *inner;
    struct store_state *state;
    struct applied_note note;
    struct journaled *store;
    struct journal *journal;
    struct unpacked unpacked;
    uint64_t groups, waiting; /* applied, and read since the last apply (bytes) */
    uint64_t first;           /* the first record that was applied, 0 = none */
};

/* Where the journal is that the note, or the options, speak of. */
static const char *note_dir(const struct opening *o)
{
    return o->note.dir[0] ? o->note.dir : o->options->path;
}

static const char *wanted_dir(const struct opening *o)
{
    return o->options->journal_dir ? o->options->journal_dir : o->options->path;
}

/* --- what the log has not --- */

static void raise_head(struct opening *o, uint64_t offset)
{
    if (offset > o->state->head)
        o->state->head = offset;
}

/* Offsets that the group used, or may have. */
static void note_offsets(struct opening *o, const struct journal_place *place)
{
    const struct store_batch *b = &o->unpacked.batch;
    raise_head(o, place->last);
    raise_head(o, b->reserve);
    if (b->record_count && !o->first)
        o->first = b->records[0].offset;
    for (size_t i = 0; i < b->topic_count; i++)
        raise_head(o, b->topics[i].last);
}

static enum err apply_read(struct opening *o)
{
    o->waiting = 0;
    return applier_apply_here(&o->store->applier);
}

static enum err take_group(struct opening *o, const struct journal_entry *entry)
{
    enum err e = batch_unpack(&o->unpacked, entry->group, entry->n, entry->place.last);
    if (!e)
        e = journaled_hold(o->store, &o->unpacked.batch, &entry->place);
    if (e)
        return e;
    note_offsets(o, &entry->place);
    o->groups++;
    o->waiting += entry->n;
    return o->waiting < READ_BYTES ? ERR_OK : apply_read(o);
}

/* Groups were safe once, and cannot be read: who comes past is told so. */
static enum err take_damage(struct opening *o, const struct journal_entry *entry)
{
    raise_head(o, entry->place.last);
    if (entry->place.last <= entry->before)
        return ERR_OK;
    log_error("the journal %s/%s is damaged: the messages after %llu, up to %llu, are lost",
              note_dir(o), JOURNAL_FILE, (unsigned long long)entry->before,
              (unsigned long long)entry->place.last);
    enum err e = apply_read(o);
    const struct store_ops *ops = o->inner->ops;
    if (!e && ops->put_damage && entry->place.last > o->inner->last_offset)
        e = ops->put_damage(o->inner, entry->place.last);
    if (!e && entry->place.last > o->inner->last_offset) {
        o->inner->last_offset = entry->place.last;
        atomic_store(&o->inner->committed, entry->place.last);
    }
    return e;
}

static enum err take_entry(void *ctx, const struct journal_entry *entry)
{
    struct opening *o = ctx;
    switch (entry->found) {
    case JOURNAL_GROUP:
        return take_group(o, entry);
    case JOURNAL_DAMAGED:
        return take_damage(o, entry);
    default:
        raise_head(o, entry->place.last);
        return ERR_OK;
    }
}

/* Without syncs, what the log had may never have come to the journal on the disk. The epoch has
 * been changed then. */
static bool may_be_older(const struct opening *o)
{
    return o->options->sync != STORE_SYNC_ALWAYS && o->state->epoch != o->note.place.epoch;
}

static enum err read_journal(struct opening *o)
{
    enum err e = journal_read(o->journal, &o->note.place, take_entry, o);
    if (!e)
        e = apply_read(o);
    if (e == ERR_NOT_FOUND && may_be_older(o))
        return ERR_OK;
    if (e == ERR_NOT_FOUND || e == ERR_CORRUPT || e == ERR_FORMAT || e == ERR_INVALID) {
        store_say_wrong_journal(
            "its journal %s/%s does not go on where the log ends: it is older than the "
            "log, or damaged there",
            note_dir(o), JOURNAL_FILE);
        e = ERR_CORRUPT;
    } else if (e == ERR_NOSPACE) {
        store_say_wrong_journal(
            "there is no room to apply its journal %s/%s: make some on the disk, or "
            "raise log.map_bytes",
            note_dir(o), JOURNAL_FILE);
    }
    return e;
}

static enum err open_needed(struct opening *o)
{
    struct journal_options options = {
        .dir = note_dir(o), .log = o->note.log, .sync = o->options->sync};
    enum err e = journal_open(&options, &o->journal);
    if (e == ERR_NOT_FOUND) {
        store_say_wrong_journal(
            "it was not closed, and what it had not taken over is in its journal "
            "%s/%s, which is missing",
            options.dir, JOURNAL_FILE);
        return ERR_CORRUPT;
    }
    if (e)
        store_say_wrong_journal("its journal %s/%s cannot be used: %s", options.dir, JOURNAL_FILE,
                                e == ERR_CONFLICT ? "it is another log's" : err_text(e));
    return e;
}

/* The log needs no journal from here on, and says so, durably. */
static enum err let_go(struct opening *o)
{
    o->note.place = (struct journal_place){0};
    enum err e = applied_note_save(o->inner, &o->note);
    return e ? e : store_sync_now(o->inner);
}

static void tell_state(struct opening *o)
{
    struct store_state *s = o->state;
    s->last_time_ms = o->inner->last_time_ms;
    s->topic_id_last = o->inner->catalog.last_id;
    s->forgotten = o->inner->catalog.forgotten;
    if (o->groups)
        log_info("the journal %s/%s: %llu groups applied to the log", note_dir(o), JOURNAL_FILE,
                 (unsigned long long)o->groups);
}

static enum err apply_needed(struct opening *o)
{
    bool had_records = o->state->first <= o->state->head;
    enum err e = open_needed(o);
    if (!e)
        e = read_journal(o);
    if (!e)
        e = let_go(o);
    if (e)
        return e;
    if (!had_records)
        o->state->first = o->first ? o->first : o->state->head + 1;
    tell_state(o);
    return ERR_OK;
}

/* --- the journal that is wanted --- */

static enum err draw_log(struct applied_note *n)
{
    while (n->log == 0) {
        if (getrandom(&n->log, sizeof(n->log), 0) != (ssize_t)sizeof(n->log))
            return ERR_IO;
    }
    return ERR_OK;
}

/* The one that is there, or a new one; *ret is what has become of it. */
static enum err open_wanted(struct opening *o)
{
    struct journal_options options = {
        .dir = wanted_dir(o), .log = o->note.log, .sync = o->options->sync};
    uint64_t bytes = o->options->journal_bytes;
    enum err e = journal_open(&options, &o->journal);
    if (!e && journal_bytes(o->journal) / JOURNAL_PAGE == bytes / JOURNAL_PAGE)
        return ERR_OK;
    if (!e)
        journal_close(o->journal);
    o->journal = NULL;
    if (!e || e == ERR_NOT_FOUND || e == ERR_FORMAT || e == ERR_CORRUPT)
        e = journal_create(&options, bytes, &o->journal);
    if (e)
        store_say_wrong_journal("its journal %s/%s cannot be made: %s", options.dir, JOURNAL_FILE,
                                e == ERR_CONFLICT ? "another log's is there" : err_text(e));
    return e;
}

static enum err begin_wanted(struct opening *o)
{
    enum err e = draw_log(&o->note);
    if (!e)
        e = open_wanted(o);
    if (!e)
        e = journal_begin(o->journal, o->state->epoch, o->state->head, &o->note.place);
    if (e)
        return e;
    const char *dir = o->options->journal_dir ? o->options->journal_dir : "";
    if ((size_t)snprintf(o->note.dir, sizeof(o->note.dir), "%s", dir) >= sizeof(o->note.dir))
        return ERR_TOO_LARGE;
    e = applied_note_save(o->inner, &o->note);
    return e ? e : store_sync_now(o->inner);
}

static enum err begin(struct opening *o)
{
    struct sequencer *q;
    enum err e = begin_wanted(o);
    if (!e)
        e = sequencer_file_create(o->journal, &q);
    if (e)
        return e;
    o->journal = NULL;
    o->store->applier.note = o->note;
    e = journaled_begin(o->store, q);
    if (e)
        q->ops->close(q);
    return e;
}

/* --- all of it --- */

static void limit(const struct store_options *o, struct applier_options *ret)
{
    uint64_t part = o->journal_bytes / APPLY_PART;
    *ret = (struct applier_options){
        .apply_bytes = part < APPLY_BYTES_MAX ? part : APPLY_BYTES_MAX,
        .apply_ms = o->apply_ms ? o->apply_ms : APPLY_MS,
        .waiting_max = o->journal_bytes / 2,
        .note_certain = o->sync != STORE_SYNC_ALWAYS,
    };
}

/* Offsets that may have been used are used: what comes next is above them. */
static void settle_head(struct store *inner, struct store_state *state)
{
    bool has_records = state->first <= state->head;
    if (state->reserved > state->head)
        state->head = state->reserved;
    if (!has_records)
        state->first = state->head + 1;
    if (state->head > inner->last_offset)
        inner->last_offset = state->head;
    atomic_store(&inner->committed, inner->last_offset);
}

static void finish_opening(struct opening *o)
{
    journal_close(o->journal);
    o->journal = NULL;
    unpacked_finish(&o->unpacked);
}

/* The log behind is open. On success *RET is it, or the store that wraps it. */
static enum err open_behind(struct opening *o, struct store **ret)
{
    struct applier_options options;
    limit(o->options, &options);
    enum err e = journaled_create(o->inner, &options, &o->store);
    if (e)
        return e;
    o->store->applier.note = o->note;
    if (applied_note_needs(&o->note))
        e = apply_needed(o);
    journal_close(o->journal);
    o->journal = NULL;
    if (!e)
        settle_head(o->inner, o->state);
    if (!e && o->options->journal_bytes) {
        e = begin(o);
        *ret = &o->store->base;
        if (!e)
            return ERR_OK;
    }
    *ret = journaled_dissolve(o->store);
    return e;
}

enum err store_open(const struct store_options *options, struct store **ret,
                    struct store_state *ret_state)
{
    struct opening o = {.options = options, .state = ret_state};
    struct store_options behind = *options;
    behind.behind_journal = options->journal_bytes != 0;
    behind.reserved_apart = true;
    enum err e = store_lmdb_open(&behind, &o.inner, ret_state);
    if (e)
        return e;
    e = applied_note_load(o.inner, &o.note);
    if (ret_state->copied)
        o.note = (struct applied_note){0};
    bool wanted = options->journal_bytes || applied_note_needs(&o.note);
    struct store *made = o.inner;
    if (!e && wanted)
        e = open_behind(&o, &made);
    else if (!e)
        settle_head(o.inner, ret_state);
    finish_opening(&o);
    if (e)
        store_abandon(o.inner);
    else
        *ret = made;
    return e;
}

enum err store_open_closed(const char *path, struct store **ret, bool *ret_needed)
{
    struct applied_note note;
    enum err e = store_lmdb_open_closed(path, ret);
    if (e)
        return e;
    /* What is wrong with the note, a check of the log tells. */
    *ret_needed = !applied_note_load(*ret, &note) && applied_note_needs(&note);
    if (*ret_needed)
        store_say_wrong_journal(
            "it was not closed: its newest messages are in its journal %s/%s, and "
            "come into the log when a hub starts with it",
            note.dir[0] ? note.dir : path, JOURNAL_FILE);
    return ERR_OK;
}
