/*
 * The message log: what every store offers, and what it promises; its types are in store_types.h.
 *
 * A store keeps messages by offset, finds them by topic, and remembers topics, epoch and head
 * across restarts. It knows no broker type: topics are numbers with names. Two members:
 * lmdb/ (the durable log, doc/storage-format.md) and store_memory.c (for tests); both pass
 * tests/unit/test_store.c.
 *
 * Threads: open, append, trim, purge, sync and close belong to one thread (the broker's). Readers
 * and copies belong to one thread each and run beside it. A reader sees whole commits only, a copy
 * is one moment of the log.
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/store_types.h"

/* Opens or creates; on success *RET_STATE says where the log stands. An unclean stop that may have
 * lost offsets already shown (see doc/storage-format.md) draws a new epoch here. Errors: ERR_LOCKED
 * (in use by another store, here or in another process), ERR_FORMAT (newer, foreign, or no
 * directory), ERR_UNFINISHED (nothing but the beginning of a copy), ERR_CORRUPT, ERR_ACCESS,
 * ERR_NOT_FOUND (no parent directory), ERR_TOO_LARGE (path), ERR_NOSPACE, ERR_IO, ERR_NOMEM. A
 * damaged record is no reason to refuse; a damaged page is one, as far as they are looked at: all
 * after any stop that was not clean, and of small logs, else those that lead to the records. */
MUST_CHECK enum err store_lmdb_open(const struct store_options *o, struct store **ret,
                                    struct store_state *ret_state);
/* The same, with the journal that O wants: what is appended is safe there, and goes into the log
 * later, and what a journal has that the log still needs goes into it first, whatever O wants.
 * Besides: ERR_CORRUPT (a journal that is needed is missing, another log's, or older),
 * ERR_CONFLICT (another log's is in the place of the one that is wanted). */
MUST_CHECK enum err store_open(const struct store_options *o, struct store **ret,
                               struct store_state *ret_state);
MUST_CHECK enum err store_memory_open(const struct store_options *o, struct store **ret,
                                      struct store_state *ret_state);
/* Ends cleanly: HEAD is the last offset used; COMPLETE: the topics' `last` say all, also of
 * messages that leave no record. When that cannot be written, a line is logged and the next opening
 * finds an unclean stop. NULL is accepted. */
void store_close(struct store *s, uint64_t head, bool complete);
/* Drops everything in the process without the clean-stop mark, as a crash would (tests, and the way
 * out when the disk fails). NULL is accepted. */
void store_abandon(struct store *s);

/* Calls VISIT once for each known topic, ascending ids. */
typedef void store_visit_topic(void *ctx, const struct store_topic *t);
MUST_CHECK enum err store_topics(struct store *s, store_visit_topic *visit, void *ctx);

/* Commits (durably under STORE_SYNC_ALWAYS). On error nothing has changed and the store goes on
 * working: ERR_NOSPACE (disk or map full; purging and trimming still work), ERR_IO,
 * ERR_NOMEM, ERR_LIMIT (topics), ERR_TOO_LARGE (more than one commit can take), ERR_INVALID
 * (offsets not ascending, times going back, topic ids unknown or not new, lengths out of range).
 * ERR_IO stays until the disk works again, or, when a commit that failed shows in the file, until
 * the log is opened from the start: reading goes on. */
MUST_CHECK enum err store_append(struct store *s, const struct store_batch *b);
/* The last offset that may be in use on the disk: of what was appended, or of what failed and may
 * be there nevertheless. What is appended next has a higher one. */
uint64_t store_last(const struct store *s);
/* Makes durable what was committed without fsync. */
MUST_CHECK enum err store_sync_now(struct store *s);
/* Looks whether the log's files are still where they were: ERR_GONE when its directory has been
 * removed or another one is in its place; one line in the log says so, and one when it is back.
 * Until then nothing is written. What is removed altogether, each commit notices by itself. */
MUST_CHECK enum err store_check_place(struct store *s);

/* Takes away TOPIC's messages up to UPTO (later ones are spared). The floor is durable with the
 * first call, and reads stop returning them from then on; judge and floor are not used. Errors: as
 * store_append; then nothing has changed. */
MUST_CHECK enum err store_purge(struct store *s, uint32_t topic_id, uint64_t upto,
                                struct store_removal *r);
/* Takes away the oldest messages of each of TOPICS (known ids, each once) as long as the judge says
 * so. *RET_TOPICS: so many of them, from the first, are done with. Errors: as store_append; then
 * nothing is removed. */
MUST_CHECK enum err store_expire(struct store *s, const uint32_t *topics, size_t count,
                                 struct store_removal *r, size_t *ret_topics);
/* Takes away records of all topics in (*AT, UPTO], in offset order, and moves *AT to how far it
 * came: to UPTO, or before a STORE_STOP (then DONE is true), or as far as one commit may go.
 * Errors: as store_append; then nothing is removed and *AT has not moved. */
MUST_CHECK enum err store_trim(struct store *s, uint64_t *at, uint64_t upto,
                               struct store_removal *r);
/* Forgets topics that have no record left, all of them or, on error, none: they are not told any
 * more, their ids are never used again, and the mark of the forgotten (store_state.forgotten) is
 * not below their floors, their newest messages, and MARK, which counts for messages that left no
 * record. Errors: as store_append; ERR_INVALID: one of
 * IDS (each once) is not known or has records. */
MUST_CHECK enum err store_forget(struct store *s, const uint32_t *ids, size_t count, uint64_t mark);
/* The mark of the forgotten as it is now. */
uint64_t store_forgotten(const struct store *s);
/* Forgets kept keys (store_keys) of records older than TIME_MS, at most about MAX of them.
 * *RET_NEXT is the time of the oldest that is left, UINT64_MAX when none is. Errors: as
 * store_append. */
MUST_CHECK enum err store_drop_keys(struct store *s, uint64_t time_ms, size_t max,
                                    uint64_t *ret_next);

/*
 * The clock was set: all records up to OFFSET are of other times than they say, see times.h.
 * DELTA_MS later, but not after MOST_MS. From now on they are told so, and the next record
 * may not be before the last one with its new time. ERR_NOMEM: nothing changed.
 */
MUST_CHECK enum err store_step_times(struct store *s, uint64_t offset, uint64_t most_ms,
                                     int64_t delta_ms);
/* Makes that durable. Errors: as store_append; to be tried again. */
MUST_CHECK enum err store_save_times(struct store *s);

/*
 * Notes: small values of whoever uses the log, which go with it wherever it goes, copies included.
 * A name is 1 to STORE_NOTE_NAME_MAX bytes, a value at most STORE_NOTE_MAX.
 */
/* N bytes are what NAME stands for from now on; VALUE NULL: nothing. Commits. Errors: as
 * store_append; ERR_INVALID: a length out of range. */
MUST_CHECK enum err store_put_note(struct store *s, const char *name, const void *value, size_t n);
/* The same of COUNT notes in one commit: all of them, or on error none. */
MUST_CHECK enum err store_put_notes(struct store *s, const struct store_note *notes, size_t count);
/* Visits those whose names begin with PREFIX, in their order. Errors: as store_append. A note that
 * cannot be read is damage, and passed over. */
MUST_CHECK enum err store_notes(struct store *s, const char *prefix, store_visit_note *visit,
                                void *ctx);

/* A copy that can be made; ended before S is closed. NULL when out of memory. Any thread. */
struct store_copy *store_copy_create(struct store *s, const char *path);
/* NULL is accepted. */
void store_copy_destroy(struct store_copy *c);
/* Makes a consistent, compacted copy in the directory, which is made if it is missing and has to be
 * empty otherwise; blocks, once, on any thread. Only a finished copy is a log. Whoever opens it
 * draws a new epoch, since the original may have gone on. While it is made, the log does not use
 * pages again that removals free. Errors, with nothing left behind: ERR_INVALID (no directory or
 * not empty; memory store), ERR_NOT_FOUND (no parent directory), ERR_TOO_LARGE (path), ERR_ACCESS,
 * ERR_NOSPACE, ERR_IO, ERR_CORRUPT, ERR_LIMIT (readers), ERR_NOMEM, ERR_CLOSED (cancelled). */
MUST_CHECK enum err store_copy_run(struct store_copy *c, struct store_copied *ret);
/* Lets store_copy_run end soon, or as soon as it begins. Any thread. */
void store_copy_cancel(struct store_copy *c);

/* Bytes that the log takes on disk now. */
uint64_t store_size(struct store *s);
/* Those of them that are in use: what removals free is not, and is used again. */
uint64_t store_used(struct store *s);
/* How many records and index values have been met since the opening that cannot be read, each
 * counted once (STORE_DAMAGED_MAX at most). A line in the log told each of the first of them. Such
 * a record is never served. Any thread. */
uint64_t store_damaged(struct store *s);

/* --- checking --- */

/* Constant strings; D < STORE_DAMAGE_KINDS. */
const char *store_damage_name(enum store_damage d);
/* "offset", "block", "group", or "" when a place of it has no number. */
const char *store_damage_unit(enum store_damage d);
const char *store_damage_text(enum store_damage d);

/* All damage together. */
uint64_t store_report_damaged(const struct store_report *r);

/*
 * Checks a whole log: that every record, row and index value can be read, that everything that is
 * there will be found, and that the totals are right. In steps, each of which looks at about a
 * mebibyte and sees one moment of the log: meanwhile it may be appended to, purged and trimmed, and
 * nothing of that counts as damage. Used on R's thread.
 */
struct store_verify;
/* R is borrowed, and may be used for anything else between two steps. ERR_NOMEM. */
MUST_CHECK enum err store_verify_create(struct store_reader *r, struct store_verify **ret);
/* NULL is accepted. Before R is destroyed. */
void store_verify_destroy(struct store_verify *v);
/* One step. Damage is no error. ERR_NOMEM, ERR_IO, ERR_LOCKED (a closed log is in use now). */
MUST_CHECK enum err store_verify_step(struct store_verify *v, bool *ret_done);
/* What has been found so far; valid until V is destroyed. */
const struct store_report *store_verify_report(const struct store_verify *v);

/* Opens the log in directory PATH, which no hub uses, for a reader that verifies it and for copies,
 * and for nothing else; ended by store_abandon. Nothing there is changed, and until the end no hub
 * can open it (if one ever did before; a directory that never saw a hub has nothing to lock).
 * Errors: ERR_NOT_FOUND (no log there), ERR_UNFINISHED, ERR_LOCKED (a hub uses it), ERR_FORMAT
 * (newer or foreign), ERR_CORRUPT (cut off, or no databases), ERR_ACCESS, ERR_TOO_LARGE (path),
 * ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err store_lmdb_open_closed(const char *path, struct store **ret);
/* What was wrong in words, after ERR_CORRUPT or ERR_IO on this thread by either of the openings, or
 * ERR_CORRUPT by a copy: "page 17: its bounds are wrong"; "" when there is no more to say. */
const char *store_wrong(void);

/* Whether that speaks of the log's journal. */
bool store_wrong_is_journal(void);

/* The same as store_lmdb_open_closed. *RET_NEEDED: the log was not closed, and its newest messages
 * are in its journal, which is not looked at: store_wrong says where. */
MUST_CHECK enum err store_open_closed(const char *path, struct store **ret, bool *ret_needed);

/* --- reading --- */

/* A reader for one thread; destroyed before the store is closed. ERR_LIMIT (readers_max),
 * ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err store_reader_create(struct store *s, struct store_reader **ret);
void store_reader_destroy(struct store_reader *r);
/* Visits what Q asks for in offset order, skipping what is at or below its topic's floor.
 * *RET_REACHED: forward, everything asked for in (after, reached] has been visited; reverse,
 * everything in [reached, until]. Finished when reached == until (reverse: after + 1). No read
 * transaction outlives the call. Errors: ERR_IO, ERR_CORRUPT, ERR_NOMEM. */
MUST_CHECK enum err store_read(struct store_reader *r, const struct store_query *q,
                               store_visit *visit, void *ctx, uint64_t *ret_reached);
/* Visits, in offset order, the keys of records that are gone which a removal has kept: records
 * without event and payload. Errors: as store_read. */
MUST_CHECK enum err store_keys(struct store_reader *r, store_visit *visit, void *ctx);
/* The offset of the newest record older than TIME_MS (0 = none): resuming after it gives all at or
 * after the time. Record times never run backwards. Errors: as store_read. */
MUST_CHECK enum err store_seek_time(struct store_reader *r, uint64_t time_ms, uint64_t *ret_after);

#endif
