/*
 * What a store keeps, is asked and tells: the types of its interface, which know no function of it.
 * store.h says what is done with them.
 */
#ifndef STORAGE_STORE_TYPES_H
#define STORAGE_STORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    /* Commits are safe elsewhere before they come here: each of them is synced, whatever SYNC says,
     * which is then about what is elsewhere. No older program may open the log. */
    bool behind_journal;
    /* Of a log that had a journal: the head that is told is that of what is there; what may have
     * been used beyond is told apart (store_state.reserved). */
    bool reserved_apart;
    /* store_open's: */
    uint64_t journal_bytes;  /* of the journal; 0 = none is used */
    const char *journal_dir; /* where it is; NULL = in PATH */
    uint64_t apply_ms; /* what is in it goes into the log so much later at most; 0 = a second */
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

enum { STORE_NOTE_NAME_MAX = 400, STORE_NOTE_MAX = 4096 };

/* What NAME is to stand for; all borrowed. */
struct store_note {
    const char *name;
    const void *value; /* NULL: nothing any more */
    size_t n;
};

/* VALUE, N bytes, is borrowed. */
typedef void store_visit_note(void *ctx, const char *name, const void *value, size_t n);

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
    uint64_t reserved;      /* with reserved_apart: the last one reserved; else 0 */
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
    const struct store_note *note; /* put with it; NULL = none */
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

/* Whether ID is among the topics of Q, which names some. */
static inline bool store_query_names(const struct store_query *q, uint32_t id)
{
    size_t low = 0, high = q->topic_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (q->topics[middle] == id)
            return true;
        if (q->topics[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

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
    /* Whoever asks has time to ask again, and none to wait: of a store with a journal, only what is
     * applied already goes; ERR_AGAIN when that is nothing, and there may be something soon. */
    bool hurried;
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

/* What a copy of the log has. */
struct store_copied {
    uint64_t bytes; /* that its file takes */
    uint32_t epoch; /* of the original; */
    uint64_t last;  /* cursors of it up to this offset go on in the copy exactly */
};

/* --- damage --- */

enum { STORE_DAMAGED_MAX = 1024 }; /* places that an open store remembers and counts */

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

#endif
