/*
 * The durable log's one shared object: what its parts know of it. No functions: each part has them
 * in a header of its own, and store_lmdb.c, on top, puts them together.
 *
 * doc/storage-format.md says what lies where on disk, and why.
 */
#ifndef STORAGE_LMDB_LMDB_STORE_H
#define STORAGE_LMDB_LMDB_STORE_H

#include <lmdb.h>
#include <pthread.h>

#include "storage/block_index.h"
#include "storage/store_ops.h"

/* Names of a log's files in its directory. */
#define LMDB_DATA_FILE "data.mdb"
#define LMDB_PART_FILE "data.mdb.part" /* what a copy is called until it is finished */
#define LMDB_LOCK_FILE "longwire.lock"

enum lmdb_db { DB_META, DB_TOPICS, DB_LOG, DB_INDEX, DB_GROUPS, DB_KEYS, DB_COUNT };

enum {
    LMDB_FORMAT_VERSION = 3,   /* of a log that has everything itself */
    LMDB_FORMAT_JOURNALED = 4, /* and of one that a journal has been used with; the newest */
    LMDB_FORMAT_OLDEST = 1,    /* that is brought up to date at opening */
};

enum { BOOT_ID_SIZE = 40 }; /* 36 characters and NULs */

/* How the last use of the log ended. */
enum lmdb_stop {
    STOP_UNCLEAN = 0, /* in use, or no more */
    STOP_CLEAN = 1,   /* closed */
    STOP_COPIED = 2,  /* a backup: the original may have gone on */
};

/* The `state` row of `meta`, as it lies on disk. */
struct lmdb_state {
    uint32_t check;
    uint32_t epoch;
    uint8_t stop; /* enum lmdb_stop */
    uint8_t sync; /* enum store_sync of the last user */
    uint8_t former_count;
    uint8_t complete; /* clean stop: the topics' `last` say all, also of memory messages */
    uint8_t zero[4];
    uint64_t head;       /* last offset used, as far as the last clean stop knew */
    uint64_t mark;       /* offsets up to it may have been used without leaving a record */
    uint64_t certain;    /* no crash can lose this offset or one below */
    uint64_t checkpoint; /* the totals in `topics` count all records up to here */
    char boot_id[BOOT_ID_SIZE];
    struct {
        uint32_t epoch;
        uint32_t zero;
        uint64_t last;
    } former[STORE_FORMER_MAX]; /* newest first */
};
_Static_assert(sizeof(struct lmdb_state) == 344, "the row has no padding");
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "MDB_INTEGERKEY takes size_t: 64-bit only");

/* The writer's picture of what is not yet in `index` and `groups`. The closed blocks of the open
 * group are with the topics, in the catalog (`grouped`). */
struct lmdb_tail {
    bool known;     /* false after a failed commit: to be loaded again */
    uint64_t block; /* the open block */
    /* The closed blocks of the open group with records that may be of any topic. */
    uint64_t unread;
    struct block_builder builder; /* what the open block holds */
};

/* The same of the open block for readers, who have no index value of it: whose the records are, so
 * that a record of another topic need not be read to be known as that. */
struct lmdb_open_block {
    _Atomic uint64_t block;               /* UINT64_MAX: none, between two */
    _Atomic uint32_t topics[BLOCK_SLOTS]; /* 0: not known */
};

/* Whether the environment can be used. */
enum lmdb_health {
    HEALTH_GOOD,
    HEALTH_CLOSED, /* there is none: opening it anew has failed so far */
    HEALTH_UNSURE, /* the header in force may not be durable: to be synced before the next write */
    HEALTH_AHEAD,  /* it shows a commit that was told to have failed: never to be written again */
};

struct lmdb_reader;

struct lmdb_store {
    struct store base;
    char *path; /* owned */
    uint64_t map_bytes;
    unsigned readers_max;
    pthread_rwlock_t env_lock; /* of env, dbi: readers and copies are in it, the store replaces */
    MDB_env *env;
    pthread_mutex_t list_lock; /* of the next three; taken last */
    struct lmdb_reader *readers;
    struct store_copy *copies; /* under way, on other threads */
    bool replacing;            /* the environment is being replaced: no copy begins */
    _Atomic(enum lmdb_health) health;
    size_t last_txn;       /* the last one that was committed, when one has failed */
    MDB_dbi dbi[DB_COUNT]; /* KEYS 0: a closed log of version 1 has none */
    int lock_fd;
    bool gone;           /* the file at PATH is another one, or none; told */
    bool behind_journal; /* each commit is synced, and the format says that there is a journal */
    bool reserved_apart; /* store_options has it */
    bool closed;         /* open for verifying and copying alone: nobody may write to it */
    enum store_sync sync;
    char boot_id[BOOT_ID_SIZE]; /* of this machine now; "" = not known */
    struct lmdb_state state;    /* as committed */
    uint64_t synced;            /* last offset at the last sync */
    atomic_bool sync_failed;    /* a sync has: what it was to cover is lost or not, nobody knows */
    uint32_t sweep_next;        /* topic whose row the running sweep writes next */
    uint64_t sweep_start;       /* last offset when the sweep began: the next checkpoint */
    size_t page_size;
    size_t taken;             /* pages of the file that have space on the disk; SIZE_MAX: all */
    size_t free_pages;        /* of the file, when last counted, less what was appended since */
    size_t used_pages;        /* of all databases, after the newest commit */
    bool freed;               /* a removal freed pages that the next commit cannot use yet */
    struct store_reader *own; /* the store's thread's; NULL until needed */
    struct lmdb_tail tail;
    struct lmdb_open_block open;
    /* The highest damaged record that was there at the opening and no row counts: of any topic. */
    uint64_t unread_high;
};

static inline struct lmdb_store *lmdb_of(struct store *s)
{
    return (struct lmdb_store *)s;
}

#endif
