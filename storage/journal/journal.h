/*
 * The group journal: a file that was written before, to which groups are appended with one write
 * and one sync, and which is used again when the log has them. It keeps bytes and knows no record;
 * what it is for stands in doc/storage-format.md, "The journal", and so does what lies where.
 *
 *     the file    | header | ... free ... | kept | waiting | waiting | ... free ... |
 *                                           ^ journal_release          ^ journal_write
 *
 * A place is a group's in the journal. Each follows the one before by a number that is never used
 * again, within a run: what one hub appends from journal_begin to its end. A group begins a page,
 * so what has been synced is never written to again before it has been released.
 *
 * Threads: one thread at a time uses a journal; journal_release alone may be called beside it, by
 * one other thread. Nothing is logged here.
 */
#ifndef STORAGE_JOURNAL_JOURNAL_H
#define STORAGE_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/store_types.h"

#define JOURNAL_FILE      "groups.journal"     /* in its directory */
#define JOURNAL_PART_FILE "groups.journal.new" /* one that is being made, and may never be */

enum {
    JOURNAL_PAGE = 4096, /* bytes; what a file's size and a group's place are multiples of */
    JOURNAL_BYTES_MIN = 1 << 20,
};

struct journal;

struct journal_options {
    const char *dir; /* exists; not made */
    uint64_t log;    /* the log's random number: a journal of another one is not touched */
    enum store_sync sync;
};

/* A group's place. RUN, NUMBER, LAST and EPOCH are what a log keeps to say how much of its journal
 * it has; AT is of use only while the journal is open. */
struct journal_place {
    uint64_t run;    /* random, not 0; */
    uint64_t number; /* ascending in it */
    uint64_t last;   /* the last offset in use with it */
    uint64_t at;     /* in the file */
    uint32_t epoch;
};

/* --- opening --- */

/* Makes a journal of about BYTES (at least JOURNAL_BYTES_MIN, in whole pages), written throughout
 * and synced, in the place of one that may be there, and opens it; journal_begin comes next. A
 * crash or an error leaves either the former one or the new one, and a crash perhaps a part file.
 * ERR_LOCKED (in use), ERR_CONFLICT (another log's is there), ERR_FORMAT, ERR_CORRUPT (what is
 * there cannot be read, so whose it is, is not known), ERR_NOT_FOUND (no directory), ERR_ACCESS,
 * ERR_NOSPACE (no space, or no file may be as large), ERR_TOO_LARGE (path), ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err journal_create(const struct journal_options *o, uint64_t bytes,
                                   struct journal **ret);
/* Opens the one that is there. ERR_NOT_FOUND, ERR_LOCKED (in use), ERR_CONFLICT (another log's),
 * ERR_FORMAT (a later version's, or of another byte order), ERR_CORRUPT (its header cannot be read,
 * or it is shorter than that says), ERR_ACCESS, ERR_TOO_LARGE (path), ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err journal_open(const struct journal_options *o, struct journal **ret);
/* The same, to read it and for nothing else: nobody can open it to write meanwhile. */
MUST_CHECK enum err journal_open_closed(const struct journal_options *o, struct journal **ret);
/* NULL is accepted. Writes and syncs nothing: what has been appended stays there. */
void journal_close(struct journal *j);

/* Bytes of the file. */
uint64_t journal_bytes(const struct journal *j);
/* Bytes of the largest group that finds room in it when all before has been released. */
size_t journal_group_max(const struct journal *j);
/* Whether the file is still where it was: ERR_GONE when it has been removed or replaced. */
MUST_CHECK enum err journal_check_place(const struct journal *j);

/* --- reading, before journal_begin --- */

enum journal_found {
    JOURNAL_GROUP,
    JOURNAL_VOID,    /* offsets up to PLACE.last that nothing has: their group failed */
    JOURNAL_DAMAGED, /* groups that were safe once and cannot be read; PLACE is the last of them */
};

/* What is found in (before, place.last], in the order of offsets. */
struct journal_entry {
    enum journal_found found;
    struct journal_place place;
    uint64_t before;   /* the last offset in use before it */
    const void *group; /* sound by its sum, see group_open; valid during the call; NULL: no group */
    size_t n;
};

/* Returns ERR_OK to go on; anything else ends the reading. */
typedef enum err journal_visit(void *ctx, const struct journal_entry *e);

/* Visits all that follows AFTER, which the log has. What had not been synced may be there, and is
 * then visited up to the first that is not; what is missing before something that is known to have
 * come after its sync is told as damaged. What is visited is durable by then, but in a closed one.
 * Errors: what VISIT returned; ERR_NOT_FOUND: the journal has neither the group at AFTER nor one
 * that follows it: it is older than the log, or damaged there (or, without STORE_SYNC_ALWAYS, never
 * came to the disk), and nothing was visited; ERR_IO, ERR_NOSPACE, ERR_NOMEM. */
MUST_CHECK enum err journal_read(struct journal *j, const struct journal_place *after,
                                 journal_visit *visit, void *ctx);

/* --- appending --- */

/* Begins a new run, whose groups follow offset LAST. All that the journal had is void from then on:
 * the log has it. Durable on return; *RET is the place to say so in the log, before anything is
 * appended. Errors, after which the journal can only be closed: ERR_NOSPACE, ERR_IO. */
MUST_CHECK enum err journal_begin(struct journal *j, uint32_t epoch, uint64_t last,
                                  struct journal_place *ret);
/* Appends a group, N bytes, up to offset LAST, by one write; *RET is its place. Its own offsets,
 * (LAST - span, LAST], are above journal_last. Not durable before a journal_sync. Errors, without
 * any change: ERR_AGAIN (no room before something is released), ERR_TOO_LARGE (journal_group_max),
 * ERR_INVALID (LAST; no group), ERR_GONE (the file has been removed), ERR_IO (failed before); or
 * else the journal has failed by it: ERR_NOSPACE, ERR_IO. */
MUST_CHECK enum err journal_write(struct journal *j, const void *group, size_t n, uint64_t last,
                                  struct journal_place *ret);
/* What has been written is durable. ERR_IO: the journal has failed; see journal_mend. Where the
 * policy is not STORE_SYNC_ALWAYS it goes on instead, but what was written since the last good sync
 * may never reach the disk, whatever later ones say: it is certain only in the log. */
MUST_CHECK enum err journal_sync(struct journal *j);
/* journal_write, and journal_sync if the policy is STORE_SYNC_ALWAYS. */
MUST_CHECK enum err journal_append(struct journal *j, const void *group, size_t n, uint64_t last,
                                   struct journal_place *ret);

/* Whether it has failed: a write or a sync has, and what was written since the last good sync (the
 * policy not being STORE_SYNC_ALWAYS: the group whose write failed) has to be told as failed to
 * whoever waits for it. It may be on the disk or not; so nothing is appended (ERR_IO) before
 * journal_mend. */
bool journal_has_failed(const struct journal *j);
/* Makes what failed void, durably: on success appending goes on, behind it. To be tried again. Does
 * nothing when nothing has failed. ERR_IO, ERR_NOSPACE. */
MUST_CHECK enum err journal_mend(struct journal *j);
/* The last offset in use with what was written, that which failed included: none up to it is to be
 * given again. */
uint64_t journal_last(const struct journal *j);

/* --- using it again --- */

/* The log has, durably, all groups up to the one at PLACE (journal_begin's, or journal_write's):
 * the space before it is free. The place itself is kept until a later one is released, so that
 * there is always one to find. Any thread, one at a time, places ascending. */
void journal_release(struct journal *j, const struct journal_place *place);
/* Bytes that are not free: what waits to be released, the ends of pages included. */
uint64_t journal_used(const struct journal *j);

#endif
