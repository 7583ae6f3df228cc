/*
 * The durable log: what its parts share. Private to store_lmdb*.c, the only files that know LMDB.
 *
 *   store_lmdb.c        commits: append, close
 *   store_lmdb_check.c  looking at the file before LMDB does
 *   lmdb_cursor.c       stepping through a database
 *   lmdb_env.c          the environment and its databases
 *   lmdb_epoch.c        whether a new epoch has to be drawn
 *   lmdb_full.c         space on the disk ahead of the file
 *   lmdb_mark.c         marking a copy as one
 *   lmdb_start.c        recovery, and the commit that says that the log is in use
 *   lmdb_write.c        write transactions
 *   store_lmdb_copy.c   copies beside a running log
 *   store_lmdb_guard.c  ending in words when LMDB runs into damage all the same
 *   store_lmdb_remove.c commits that take records away: purge, expire, trim
 *   store_lmdb_open.c   opening: directory, lock, format
 *   store_lmdb_repair.c opening anew after a header that could not be written
 *   store_lmdb_rows.c   the small rows of `meta` and `topics`, and LMDB's error codes
 *   store_lmdb_space.c  how full the log is
 *   store_lmdb_tail.c   the open block and group, and how they become index values
 *   store_lmdb_read.c   readers
 *   store_lmdb_verify.c checking everything
 *
 * doc/storage-format.md says what lies where on disk, and why.
 */
#ifndef STORAGE_STORE_LMDB_H
#define STORAGE_STORE_LMDB_H

#include <lmdb.h>
#include <pthread.h>

#include "storage/block_index.h"
#include "storage/store_lmdb_pages.h"
#include "storage/store_ops.h"

enum lmdb_db { DB_META, DB_TOPICS, DB_LOG, DB_INDEX, DB_GROUPS, DB_KEYS, DB_COUNT };

enum {
    LMDB_FORMAT_VERSION = 3,
    LMDB_FORMAT_OLDEST = 1, /* that is brought up to date at opening */
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
    bool gone;   /* the file at PATH is another one, or none; told */
    bool closed; /* open for verifying and copying alone: nobody may write to it */
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

/* store_lmdb.c */
/* Frees everything; the log stays as the last commit left it. */
void lmdb_destroy(struct lmdb_store *s);
extern const struct store_ops lmdb_ops, lmdb_closed_ops;

/* store_lmdb_remove.c: as the store's operations. */
MUST_CHECK enum err lmdb_purge(struct store *base, struct catalog_topic *t, uint64_t upto,
                               struct store_removal *r);
MUST_CHECK enum err lmdb_expire(struct store *base, const uint32_t *topics, size_t count,
                                struct store_removal *r, size_t *ret_topics);
MUST_CHECK enum err lmdb_trim(struct store *base, uint64_t *at, uint64_t upto,
                              struct store_removal *r);
MUST_CHECK enum err lmdb_save_times(struct store *base);
MUST_CHECK enum err lmdb_drop_keys(struct store *base, uint64_t time_ms, size_t max,
                                   uint64_t *ret_next);
MUST_CHECK enum err lmdb_forget(struct store *base, const uint32_t *ids, size_t count,
                                uint64_t mark);

/* store_lmdb_open.c: as store_lmdb_open, on a machine whose boot has the id BOOT_ID ("" = not
 * known, which equals no other). */
MUST_CHECK enum err store_lmdb_open_booted(const struct store_options *o, const char *boot_id,
                                           struct store **ret, struct store_state *ret_state);

/* Names of a log's files in its directory. */
#define LMDB_DATA_FILE "data.mdb"
#define LMDB_PART_FILE "data.mdb.part" /* what a copy is called until it is finished */
#define LMDB_LOCK_FILE "longwire.lock"

/* store_lmdb_check.c */
/* Keeps what is wrong, for store_wrong. */
__attribute__((format(printf, 1, 2))) void lmdb_wrong(const char *format, ...);
/* Whether the lock file behind LOCK_FD (-1: there is none) says that its directory has a log; and
 * writes that there, if it can. */
bool lmdb_is_marked(int lock_fd);
void lmdb_mark_directory(const struct lmdb_store *s);
/* Checks the pages of the log's file in directory PATH, which nobody writes to; ERR_OK when there
 * is none. ERR_CORRUPT, ERR_FORMAT (never when MARKED), ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err lmdb_check_file(const char *path, enum pages_depth depth, bool marked,
                                    struct pages_header *ret);
/* What PAGES_SHALLOW has left out, when there is reason for it; S's environment is open, H is what
 * that found. */
MUST_CHECK enum err lmdb_check_rest(const struct lmdb_store *s, const struct pages_header *h);
/* Whether the log's file is still in the file system, or else in its directory: ERR_GONE. */
MUST_CHECK enum err lmdb_file_exists(struct lmdb_store *s);
MUST_CHECK enum err lmdb_check_place(struct store *base);
/* A check of what TXN, a reader's, sees. ERR_AGAIN: more has been committed since TXN began. */
MUST_CHECK enum err lmdb_pages_of(struct lmdb_store *s, MDB_txn *txn, struct lmdb_pages **ret);
/* All pages, on the copy's thread. */
MUST_CHECK enum err lmdb_check_before_copy(struct lmdb_store *s, struct store_copy *c);

/* store_lmdb_guard.c */
/* ENV, of the log in directory PATH, ends the process in words when it runs into damage: from now
 * on its assertions, and faults between enter and leave, which nest, on any thread. LMDB codes. */
int lmdb_guard_env(MDB_env *env, const char *path);
void lmdb_guard_enter(void);
void lmdb_guard_leave(void);

/* store_lmdb_copy.c */
MUST_CHECK enum err lmdb_copy(struct store_copy *c, struct store_copied *ret);
/* Ends the copies under way, soon, and lets none begin until lmdb_allow_copies: the environment is
 * to be replaced. */
void lmdb_end_copies(struct lmdb_store *s);
void lmdb_allow_copies(struct lmdb_store *s);

/* store_lmdb_repair.c */
/* To be asked before a write: ERR_IO while, after a failed commit, none can be made. */
MUST_CHECK enum err lmdb_ready(struct lmdb_store *s);
/* Transaction TXN could not be committed: sees to it that there are others. */
void lmdb_commit_failed(struct lmdb_store *s, size_t txn);

/* store_lmdb_rows.c */
/* The enum err for an LMDB or errno code. */
enum err lmdb_err(int rc);
/* ERR_NOT_FOUND: no such row; ERR_FORMAT: another program's, or a newer version's. */
MUST_CHECK enum err lmdb_get_format(MDB_txn *txn, MDB_dbi meta, uint32_t *ret_version);
MUST_CHECK enum err lmdb_put_format(MDB_txn *txn, MDB_dbi meta);
/* ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_state(MDB_txn *txn, MDB_dbi meta, struct lmdb_state *ret);
/* *RET is set only if there were steps; ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_times(MDB_txn *txn, MDB_dbi meta, struct times **ret);
MUST_CHECK enum err lmdb_put_times(MDB_txn *txn, MDB_dbi meta, const struct times *t);
MUST_CHECK enum err lmdb_put_state(MDB_txn *txn, MDB_dbi meta, const struct lmdb_state *state);
/* Writes T with the totals that it has without the removal being prepared, counted up to COUNTED.
 */
MUST_CHECK enum err lmdb_put_topic(MDB_txn *txn, MDB_dbi topics, const struct catalog_topic *t,
                                   uint64_t counted);
/* A row of `topics`; the name borrows from it. */
struct lmdb_topic {
    struct store_topic topic; /* its figures as far as COUNTED says */
    uint64_t swept, counted;
};
/* Reads a row without trusting it. ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_topic(const MDB_val *key, const MDB_val *value,
                                   struct lmdb_topic *ret);
/* What is left of forgotten topics. */
struct lmdb_forgotten {
    uint32_t last_id; /* none of them had an id above */
    uint64_t mark;    /* nor a message above */
};
/* A log from before version 3 has forgotten nothing, and has no such row. ERR_CORRUPT. */
MUST_CHECK enum err lmdb_get_forgotten(MDB_txn *txn, MDB_dbi meta, struct lmdb_forgotten *ret);
MUST_CHECK enum err lmdb_put_forgotten(MDB_txn *txn, MDB_dbi meta,
                                       const struct lmdb_forgotten *forgotten);
MUST_CHECK enum err lmdb_delete_topic(MDB_txn *txn, MDB_dbi topics, uint32_t id);
/* Adds the topic of one row to C. ERR_CORRUPT, ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err lmdb_load_topic(struct catalog *c, const MDB_val *key, const MDB_val *value);

/* store_lmdb_space.c */
/* ERR_NOSPACE when committing B could leave too little room, in the map or on the disk, to remove
 * anything. Takes space on the disk ahead. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err lmdb_check_space(struct lmdb_store *s, const struct store_batch *b);
/* Takes the space that removing needs, if it can be had. */
void lmdb_take_spare(struct lmdb_store *s);
/* An empty commit, after which all that was freed can be used. */
MUST_CHECK enum err lmdb_age_free_pages(struct lmdb_store *s);

/* store_lmdb_tail.c */
struct tail_mark {
    uint64_t block;
    size_t count;
};
/* Builds the tail anew from what TXN sees. ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err tail_load(struct lmdb_store *s, MDB_txn *txn);
struct tail_mark tail_mark(const struct lmdb_tail *t);
/* The commit that began at MARK did not happen. */
void tail_undo(struct lmdb_tail *t, struct tail_mark mark);
/* A record goes to OFFSET; if that is in a later block, the open one is closed by writing its index
 * value, and the same for the group. *RET_CLOSED is set to true then, else left alone. */
MUST_CHECK enum err tail_add(struct lmdb_store *s, MDB_txn *txn, uint32_t topic_id, uint64_t offset,
                             bool *ret_closed);

/* Whose the record at OFFSET is, if that is in the open block; 0: not known. Any thread. */
uint32_t lmdb_open_topic(const struct lmdb_store *s, uint64_t offset);

/* store_lmdb_read.c */
/* Begins to read one moment of the log with R's transaction, and ends that; the environment stays
 * in its place meanwhile. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err lmdb_reader_begin(struct store_reader *r, MDB_txn **ret);
void lmdb_reader_end(struct store_reader *r);
/* As lmdb_reader_end, but the moment is kept, and its pages are not used again, until the
 * environment is replaced. Resume goes on with it: ERR_AGAIN when it is gone. */
void lmdb_reader_park(struct store_reader *r);
MUST_CHECK enum err lmdb_reader_resume(struct store_reader *r);
MUST_CHECK enum err lmdb_reader_create(struct store *s, struct store_reader **ret);
void lmdb_reader_destroy(struct store_reader *r);
/* Ends all readers' transactions, in which nobody is; they begin new ones. */
void lmdb_end_readers(struct lmdb_store *s);
MUST_CHECK enum err lmdb_read(struct store_reader *r, const struct store_query *q,
                              store_visit *visit, void *ctx, uint64_t *ret_reached);
/* As lmdb_read, also visiting what is at or below the floors: what a purge has still to remove. */
MUST_CHECK enum err lmdb_read_hidden(struct store_reader *r, const struct store_query *q,
                                     store_visit *visit, void *ctx, uint64_t *ret_reached);
MUST_CHECK enum err lmdb_keys(struct store_reader *r, store_visit *visit, void *ctx);
MUST_CHECK enum err lmdb_seek_time(struct store_reader *r, uint64_t time_ms, uint64_t *ret_after);

/* store_lmdb_verify.c */
struct store_verify *lmdb_verify_create(void);
void lmdb_verify_destroy(struct store_verify *v);
MUST_CHECK enum err lmdb_verify_step(struct store_verify *v, bool *ret_done);

#endif
