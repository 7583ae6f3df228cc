/*
 * The message log: what every store offers, and what it promises.
 *
 * A store keeps messages by offset, finds them by topic, and remembers topics, epoch and head
 * across restarts. It knows no broker type: topics are numbers with names. Two members:
 * store_lmdb.c (the durable log, doc/storage-format.md) and store_memory.c (for tests); both pass
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

struct store;
struct store_copy;
struct store_reader;

enum store_sync {
    STORE_SYNC_ALWAYS,   /* fsync at each commit */
    STORE_SYNC_INTERVAL, /* store_sync_now() is called every now and then */
    STORE_SYNC_NEVER,
};

struct store_options {
    const char *path; /* directory, made if missing (mode 0700); ignored by the memory store */
    enum store_sync sync;
    uint64_t map_bytes;   /* most that the log may ever take; memory store: 0 = no limit */
    unsigned readers_max; /* most readers at once */
};

/* One message as the log keeps it. Pointers are borrowed. */
struct store_record {
    uint64_t offset;   /* >= 1; ascending, holes allowed */
    uint64_t time_ms;  /* Unix ms; never below that of the record before, but see times.h */
    uint32_t topic_id; /* >= 1 */
    uint32_t payload_len;
    const char *payload;
    const char *event;
    const char *key;
    uint8_t event_len;
    uint8_t key_len;
    uint8_t kind; /* opaque here */
};

struct store_topic {
    uint32_t id; /* >= 1, given by the caller in ascending order of first use, never again */
    uint8_t name_len;
    uint8_t flags;     /* opaque here, kept with the topic */
    const char *name;  /* not NUL-terminated */
    uint64_t messages; /* in the log: kept ones, and those that a purge has still to remove */
    uint64_t bytes;    /* their payload bytes */
    uint64_t last;     /* offset of the newest ever, 0 = none; survives trimming */
    uint64_t floor;    /* every message of it at or below is gone, all above are kept */
    bool unswept; /* records at or below the floor are still to be removed: a purge was cut off */
};

enum { STORE_FORMER_MAX = 16 };       /* former epochs remembered, the newest ones */
enum { STORE_PAYLOAD_MAX = 1 << 30 }; /* bytes of one record */

struct store_former {
    uint32_t epoch;
    uint64_t last; /* the last offset that is certain in it */
};

/* What was found at open; the caller assigns offsets from head + 1. */
struct store_state {
    uint32_t epoch;         /* random, non-zero */
    uint64_t head;          /* last offset used or reserved; 0 = a new log */
    uint64_t first;         /* smallest offset still kept, head + 1 when there is none */
    uint64_t last_time_ms;  /* of the newest record, 0 = none */
    bool created;           /* the log is new */
    bool clean;             /* the last user closed it properly (true for a new one) */
    bool complete;          /* and told the newest messages of all topics, stored or not */
    bool copied;            /* it is a copy that nobody has used yet */
    uint32_t topic_id_last; /* the highest topic id ever used; 0 = none */
    uint64_t forgotten; /* every message of topics that were forgotten was at or below; 0 = none */
    size_t former_count;
    struct store_former former[STORE_FORMER_MAX]; /* newest first */
};

/* One commit. All of it happens or nothing. */
struct store_batch {
    const struct store_record *records; /* ascending offsets above everything stored */
    size_t record_count;
    /* Topics used for the first time (id, name, flags, floor and last count), with ids ascending
     * and above all that were ever used; and known ones that get more flags, or a later newest
     * message that leaves no record (id, flags, last count): neither is ever taken away. */
    const struct store_topic *topics;
    size_t topic_count;
    uint64_t reserve; /* if above the kept mark: remember that offsets up to it may be in use */
};

/* One found record; everything in R is valid only during the call. Return false to stop before
 * R (it counts as not visited). Must not call the store. */
typedef bool store_visit(void *ctx, const struct store_record *r);

struct store_query {
    uint64_t after;         /* only offsets > after */
    uint64_t until;         /* only offsets <= until; above the head, later commits are missed */
    const uint32_t *topics; /* ascending ids; NULL = all topics */
    size_t topic_count;
    bool reverse;       /* newest first */
    size_t max_records; /* 0 = no limit */
    size_t max_scan;    /* stop after about so many records or index entries looked at; 0 = none */
    uint64_t *looked;   /* grows by those looked at; NULL: nobody wants to know */
    /* Visited in its place instead of a record that was there and cannot be read: R has its offset,
     * its topic when the index tells that (0: it may be any), and the length that its payload seems
     * to have. NULL: passed over. */
    store_visit *damaged;
};

/* Opens or creates; on success *RET_STATE says where the log stands. An unclean stop that may have
 * lost offsets already shown (see doc/storage-format.md) draws a new epoch here. Errors: ERR_LOCKED
 * (in use by another store, here or in another process), ERR_FORMAT (newer, foreign, or no
 * directory), ERR_UNFINISHED (nothing but the beginning of a copy), ERR_CORRUPT, ERR_ACCESS,
 * ERR_NOT_FOUND (no parent directory), ERR_TOO_LARGE (path), ERR_NOSPACE, ERR_IO, ERR_NOMEM. A
 * damaged record is no reason to refuse; a damaged page is one, as far as they are looked at: all
 * after any stop that was not clean, and of small logs, else those that lead to the records. */
MUST_CHECK enum err store_lmdb_open(const struct store_options *o, struct store **ret,
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
/* Makes durable what was committed without fsync. */
MUST_CHECK enum err store_sync_now(struct store *s);
/* Looks whether the log's files are still where they were: ERR_GONE when its directory has been
 * removed or another one is in its place; one line in the log says so, and one when it is back.
 * Until then nothing is written. What is removed altogether, each commit notices by itself. */
MUST_CHECK enum err store_check_place(struct store *s);

/* What becomes of a record that a removal has come to. */
enum store_verdict {
    STORE_REMOVE,
    STORE_KEEP, /* trimming passes over it; by topic: as STORE_STOP */
    STORE_STOP, /* it stays, and so does all behind it */
};

/*
 * One commit that takes records away: what it asks, and what it tells. The functions run within the
 * call, on the store's thread, and must not call the store. Each may be NULL.
 */
struct store_removal {
    size_t max; /* about so many records at most, at least 1 */
    /* NULL: all go. Asked in offset order. For each topic, what goes comes before what stays: after
     * a STORE_KEEP no STORE_REMOVE. Asked also about what a floor hides already: the rest of a
     * purge, or of a removal that failed; and about damaged records: by topic, those that are known
     * to be of it, whose time is taken to be that of the record before (0: there was none);
     * trimming, all, whose time is taken to be that of the next one that can be read. Topic id 0:
     * it may be of any topic, and what is said of it is not done as long as anything is kept before
     * it. */
    enum store_verdict (*judge)(void *ctx, const struct store_record *r);
    /* Whether the idempotency key of R, which goes, has to be remembered (store_keys). */
    bool (*keep_key)(void *ctx, const struct store_record *r);
    /* A topic loses messages up to FLOOR: told before they disappear for readers, and not taken
     * back when the commit fails; then the floor stays up in this process. */
    void (*floor)(void *ctx, uint32_t topic_id, uint64_t floor);
    /* After the commit: a topic that lost records, with its totals. */
    void (*left)(void *ctx, const struct store_topic *t);
    void *ctx;
    size_t removed; /* out: records */
    bool done;      /* out: nothing more is to be removed; false: call again */
};

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

/* What a copy of the log has. */
struct store_copied {
    uint64_t bytes; /* that its file takes */
    uint32_t epoch; /* of the original; */
    uint64_t last;  /* cursors of it up to this offset go on in the copy exactly */
};

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
enum { STORE_DAMAGED_MAX = 1024 };

/* --- checking --- */

/* What can be wrong in a log: id, name, what the number of its place is, what it means. */
#define STORE_DAMAGE_TABLE(X)                                                                      \
    X(STATE, "state", "", "the log's state row cannot be read")                                    \
    X(TOPIC_ROW, "topic_row", "", "a topic's row cannot be read")                                  \
    X(TOPIC_TOTALS, "topic_totals", "", "a topic's totals are not those of its records")           \
    X(RECORD, "record", "offset", "a record cannot be read")                                       \
    X(TIME, "time", "offset", "a record's time is before that of the record before it")            \
    X(TOPIC, "topic", "offset", "a record's topic has no row")                                     \
    X(REMOVED, "removed", "offset", "a record is there that its topic's row calls removed")        \
    X(INDEX, "index", "block", "a block's index value cannot be read")                             \
    X(INDEX_MISSING, "index_missing", "block", "a closed block with records has no index value")   \
    X(UNINDEXED, "unindexed", "offset", "a record is not named by its block's index value")        \
    X(GROUP, "group", "group", "a group's value cannot be read")                                   \
    X(GROUP_MISSING, "group_missing", "group", "a closed group with records has no value")         \
    X(UNGROUPED, "ungrouped", "offset",                                                            \
      "a record's block is not named by its topic's group entry")                                  \
    X(KEY, "key", "offset", "a kept key cannot be read, or its record is still there")             \
    X(FILE, "file", "", "pages of the file cannot be read")

enum store_damage {
#define STORE_DAMAGE_ENUM(id, name, unit, text) STORE_DAMAGE_##id,
    STORE_DAMAGE_TABLE(STORE_DAMAGE_ENUM)
#undef STORE_DAMAGE_ENUM
        STORE_DAMAGE_KINDS
};

/* Constant strings; D < STORE_DAMAGE_KINDS. */
const char *store_damage_name(enum store_damage d);
/* "offset", "block", "group", or "" when a place of it has no number. */
const char *store_damage_unit(enum store_damage d);
const char *store_damage_text(enum store_damage d);

/* Where damage was found. */
struct store_place {
    enum store_damage damage;
    uint64_t number;   /* as store_damage_unit says */
    uint32_t topic_id; /* 0 = none */
    uint8_t name_len;  /* of the topic; 0 = not known */
    char name[UINT8_MAX];
};

enum { STORE_PLACES_EACH = 4, STORE_PLACES_MAX = STORE_PLACES_EACH * STORE_DAMAGE_KINDS };

struct store_report {
    uint64_t records; /* sound ones, those included that a purge has still to remove */
    uint64_t topics, blocks, groups; /* rows and values looked at */
    /* Topics whose totals were not compared, since messages of them were removed meanwhile. */
    uint64_t unsettled;
    uint64_t damage[STORE_DAMAGE_KINDS]; /* how often: records, rows, values */
    size_t place_count;
    struct store_place places[STORE_PLACES_MAX]; /* the first few of each kind */
};

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
