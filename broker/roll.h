/*
 * The roll: which topics have subscribers, and who is a member of them, as far as whoever is told
 * by hooks knows. What it knows and what is so are brought in line again and again: each coming and
 * each going of a *name* is told once, one after the other, and a topic that is taken up again
 * within the linger has never been left.
 *
 *     came --> COMING --told--> HERE <--came-- LEFT --the linger is over--> told --> off the roll
 *                  ^               \---went---^                               | came meanwhile
 *                  +----------------------------------------------------------+
 *
 * What has been told to be here stands in the log, too, as a note for each name: whoever it was
 * before the hub was started goes, as if it had just left, unless it comes back in time. So that
 * this misses nobody, the note is there before a coming is told, and goes behind a going: a going
 * may be told twice, or of a name whose coming was not told, when the hub ends in between.
 *
 * Touched when the first subscriber of a topic comes and the last one goes, on any thread, under
 * one lock; going takes no memory. One thread, the clerk (http/hooks.h), takes what is to be told.
 *
 * Pure: time comes in, from the clerk alone. What names take is granted as subscriptions are
 * (interest.h).
 */
#ifndef BROKER_ROLL_H
#define BROKER_ROLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/store.h"

struct interest;
struct presence_rules;
struct roll;

enum {
    ROLL_NAME_MAX = STORE_NOTE_MAX - 1,
    ROLL_NOTE_SIZE = 48, /* the name of a note, with its NUL */
};

struct roll_options {
    const struct presence_rules *topics; /* that are told of; borrowed until the end */
    uint64_t linger_ms;
};

/* What is to be told; borrowed for the call. */
struct roll_change {
    const char *name; /* of a topic; or, of a member, what its owner called it */
    size_t len;
    const char *more; /* what else its owner said of the member that comes or goes; NULL: nothing */
    size_t more_len;
    bool member, going;
    const char *note; /* the name of its note, whose value is roll_note's */
};

/* Where what tells stood when the hub ended; all zero at the first start. */
struct roll_start {
    uint64_t cursor; /* offset up to which it has been answered */
    uint64_t seq;    /* the last number that was answered, */
    uint64_t next;   /* and the next one that nobody has, at least 1 */
};

extern const char roll_note_cursor[], roll_note_next[]; /* the names of their notes */

/* What the notes of S say; INTEREST grants memory. On the store's thread. ERR_NOMEM and the store's
 * errors. */
MUST_CHECK enum err roll_create(const struct roll_options *o, struct interest *interest,
                                struct store *s, struct roll **ret);
/* NULL is accepted. */
void roll_destroy(struct roll *r);
const struct roll_start *roll_start_of(const struct roll *r);
/* Whether what happens at TOPIC is told. */
bool roll_has(const struct roll *r, const char *topic, size_t n);

/* The first subscriber of a topic comes, the last one goes; for interest_watch. Any thread. */
enum err roll_topic_came(void *roll, const char *topic, size_t n);
void roll_topic_went(void *roll, const char *topic, size_t n);
/* A member NAME comes, or goes for good; MORE is told with it. The clerk's thread. ERR_TOO_LARGE:
 * the name is, and it is not told; ERR_FULL, ERR_NOMEM: it cannot be. */
MUST_CHECK enum err roll_member(struct roll *r, const struct roll_change *c);

/* --- for the clerk --- */

/* WAKE is called, under the lock, when there may be something to do; not again before roll_awake.
 * NULL: nobody is. */
void roll_set_wake(struct roll *r, void (*wake)(void *ctx), void *ctx);
/* That call has come to the clerk: it may be made again. */
void roll_awake(struct roll *r);
/* Takes what is to be told at NOW_MS, MAX at most, in order, each handed to VISIT under the lock;
 * false of it: this one is not taken, and it is enough. They are being told until roll_told.
 * *RET_WAIT_MS: how long nothing more is to be told unless it wakes; UINT64_MAX. */
uint32_t roll_take(struct roll *r, uint64_t now_ms, uint32_t max,
                   bool (*visit)(void *ctx, const struct roll_change *c), void *ctx,
                   uint64_t *ret_wait_ms);
/* They were told; or (DONE false) were not, and are the next again. */
void roll_told(struct roll *r, bool done);
/* How many names there are. Any thread. */
uint64_t roll_names(struct roll *r);

#endif
