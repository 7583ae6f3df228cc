/*
 * What the members of the store family share, and what each of them fills in. Private to storage/.
 *
 * store.c checks arguments, keeps the catalog in step with what was committed, and dispatches; the
 * members only move records.
 */
#ifndef STORAGE_STORE_OPS_H
#define STORAGE_STORE_OPS_H

#include <pthread.h>

#include "storage/catalog.h"
#include "storage/store_types.h"
#include "storage/times.h"

/* The note in which a log says how much of its journal it has: copies go without it. */
#define STORE_NOTE_JOURNAL "journal"

/* As the functions of store.h with the same names, with arguments already checked. */
struct store_ops {
    /* The batch's topics are in the catalog already; totals are brought up to date afterwards. */
    enum err (*append)(struct store *s, const struct store_batch *b);
    enum err (*sync_now)(struct store *s);
    enum err (*check_place)(struct store *s); /* NULL: it has none */
    /* UPTO is at most T's newest offset. */
    enum err (*purge)(struct store *s, struct catalog_topic *t, uint64_t upto,
                      struct store_removal *r);
    enum err (*expire)(struct store *s, const uint32_t *topics, size_t count,
                       struct store_removal *r, size_t *ret_topics);
    enum err (*trim)(struct store *s, uint64_t *at, uint64_t upto, struct store_removal *r);
    /* COUNT topics, known and empty, go, and MARK is the mark of the forgotten from then on; the
     * catalog follows. */
    enum err (*forget)(struct store *s, const uint32_t *ids, size_t count, uint64_t mark);
    enum err (*drop_keys)(struct store *s, uint64_t time_ms, size_t max, uint64_t *ret_next);
    /* As store_step_times, whose work it does itself; NULL: it need not. */
    enum err (*step_times)(struct store *s, uint64_t offset, uint64_t most_ms, int64_t delta_ms);
    /* Makes s->times durable. */
    enum err (*save_times)(struct store *s);
    enum err (*put_notes)(struct store *s, const struct store_note *notes, size_t count);
    enum err (*notes)(struct store *s, const char *prefix, store_visit_note *visit, void *ctx);
    enum err (*copy)(struct store_copy *c, struct store_copied *ret);
    uint64_t (*size)(struct store *s);
    uint64_t (*used)(struct store *s);
    /* Keeps room for appends that take BYTES (store_room), as far as there is any; returns for how
     * much of that. NULL: there is no end of it. */
    uint64_t (*keep_room)(struct store *s, uint64_t bytes);
    uint64_t (*damaged)(struct store *s); /* NULL: what is in its own list */
    /* Commits, at OFFSET, above all that there is, a record that cannot be read: what was there is
     * damaged, whatever its topic was. NULL: it cannot be told. */
    enum err (*put_damage)(struct store *s, uint64_t offset);
    void (*close)(struct store *s, uint64_t head, bool complete);
    void (*abandon)(struct store *s);
    enum err (*reader_create)(struct store *s, struct store_reader **ret);
    void (*reader_destroy)(struct store_reader *r);
    /* Something is wanted: AFTER < UNTIL, and the topic set is not empty. */
    enum err (*read)(struct store_reader *r, const struct store_query *q, store_visit *visit,
                     void *ctx, uint64_t *ret_reached);
    enum err (*keys)(struct store_reader *r, store_visit *visit, void *ctx);
    enum err (*seek_time)(struct store_reader *r, uint64_t time_ms, uint64_t *ret_after);
    /* NULL when out of memory; store_verify.c fills in the first member. */
    struct store_verify *(*verify_create)(void);
    void (*verify_destroy)(struct store_verify *v);
    enum err (*verify_step)(struct store_verify *v, bool *ret_done);
};

/* What has been found damaged: each place is told once, however many readers come to it. */
struct damage_list {
    pthread_mutex_t lock;
    bool quiet;             /* whoever looks tells it himself */
    _Atomic uint64_t count; /* of places, which are: */
    struct {
        enum store_damage damage;
        uint64_t number;
    } places[STORE_DAMAGED_MAX];
};

/* The first member of each store. */
struct store {
    const struct store_ops *ops;
    struct catalog catalog;
    uint64_t last_offset;       /* new records come above it */
    _Atomic uint64_t committed; /* readers look no further: last_offset, after its commit */
    uint64_t last_time_ms;      /* and not before it */
    struct damage_list damage;
    _Atomic(struct times *) times; /* NULL = the clock has made no steps */
};

/* The first member of each reader. */
struct store_reader {
    struct store *store;
    struct grace_reader grace; /* of the catalog */
};

/* The first member of each member's check of the log; store_verify.c. */
struct store_verify {
    struct store_reader *reader;
    struct store_report report;
};

/* Counts damage; returns where its place is to be noted, all zero but for DAMAGE and NUMBER, or
 * NULL when there are enough of its kind. */
struct store_place *store_verify_found(struct store_verify *v, enum store_damage damage,
                                       uint64_t number);

/* A copy under way; store_copy.c. */
struct store_copy {
    struct store *store;
    char *path;              /* owned */
    struct store_copy *next; /* the member's */
    pthread_mutex_t lock;    /* guards the rest */
    int fd;                  /* what is being written, -1 = nothing */
    int block_fd;            /* a descriptor that cannot be written to, to take the place of FD */
    enum err ended;          /* why it is to end; ERR_OK = it is not */
};

/* Lets store_copy_run end soon with WHY, unless it has been told already. Any thread. */
void store_copy_end(struct store_copy *c, enum err why);
/* Why C is to end; ERR_OK: it is not. */
MUST_CHECK enum err store_copy_ended(struct store_copy *c);
/* FD is written to from now on. Who ends the copy puts BLOCK_FD in its place, so that the next
 * write fails. Returns why the copy is to end. */
MUST_CHECK enum err store_copy_attach(struct store_copy *c, int fd, int block_fd);
/* No more. The same. */
MUST_CHECK enum err store_copy_detach(struct store_copy *c);

/* Keeps what is wrong, in words, for store_wrong; less than STORE_WRONG_SIZE bytes. */
enum { STORE_WRONG_SIZE = 320 };
__attribute__((format(printf, 1, 2))) void store_say_wrong(const char *format, ...);
/* The same, of the log's journal. */
__attribute__((format(printf, 1, 2))) void store_say_wrong_journal(const char *format, ...);

/* In place; the member goes on from there. */
void store_init(struct store *s, const struct store_ops *ops);
void store_finish(struct store *s);
/* What NUMBER says of DAMAGE (a record, a block, ...) cannot be read. Any thread. */
void store_met_damage(struct store *s, enum store_damage damage, uint64_t number);
/* Makes the time of R, as it lies on disk, the one that it was. Any thread. */
static inline void store_true_time(struct store *s, struct store_record *r)
{
    const struct times *t = atomic_load_explicit(&s->times, memory_order_acquire);
    if (t)
        r->time_ms = times_true(t, r->offset, r->time_ms);
}
/* What a removal says of R. */
enum store_verdict store_judge(const struct store_removal *removal, const struct store_record *r);
/* Whether the key of R, which goes, is to be kept. */
bool store_keeps_key(const struct store_removal *removal, const struct store_record *r);
/* Draws a random non-zero epoch other than BEFORE. ERR_IO. */
MUST_CHECK enum err store_draw_epoch(uint32_t before, uint32_t *ret);

#endif
