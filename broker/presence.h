/*
 * Who is here: the members of topics that have presence, over all workers, and what is still to be
 * told of their coming and going.
 *
 * A *seat* is one connection's place at one topic; a *member* is who sits there: all seats of one
 * `sub`, or the one of a connection of which no name is known. A member comes with the first of its
 * seats, and goes when the last has been given up for as long as the linger: so who comes back in
 * time has never gone, and a long-poll is here between two polls.
 *
 *     enter --> JOINING --told--> HERE <--enter-- LINGERING --in time nobody--> LEAVING --told-->
 *                  ^                \--last seat--^                               | enter
 *                  +------------------------------------told----------------------+
 *
 * Each coming and each going is told once, in the order in which they were decided: what is decided
 * is not taken back, but told, and its opposite behind it. So whoever reads a list (presence_list)
 * and then all that is told behind the head that it names has the truth, and repeats do no harm.
 *
 * Touched when subscriptions to such topics come and go, and by those who ask; never when messages
 * are delivered. Any thread, under one lock: who comes or goes waits for nobody to be told, and
 * giving up a seat takes no memory. One thread, the clerk (delivery/attendance.h), tells, and ends
 * lingers.
 *
 * Pure: time comes in. What members take is granted and counted as subscriptions are (interest.h).
 */
#ifndef BROKER_PRESENCE_H
#define BROKER_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct interest;
struct presence;

/* Who somebody is, as those know who verify it: immutable objects of theirs. */
struct presence_people {
    /* NULL = it says no name: its connection stands for it. */
    const char *(*sub)(const void *person, size_t *ret_len);
    /* A JSON value; NULL = there is none. */
    const char *(*info)(const void *person, size_t *ret_len);
    void (*hold)(const void *person);
    void (*release)(const void *person);
};

/* What is told of a member; all borrowed for the call. */
struct presence_member {
    const char *topic;
    size_t topic_len;
    const char *sub; /* NULL = not known: it is `connection` */
    size_t sub_len;
    const char *info; /* a JSON value; NULL = none */
    size_t info_len;
    uint64_t connection; /* as it is called outside, where its number is nobody's business */
    uint64_t since_ms;   /* Unix */
    uint32_t seats;
    uint64_t id;     /* of the topic's members; ascending as they come */
    uint32_t number; /* of presence_tell: how many are here now, by what has been told */
    bool leaving;    /* of presence_tell: what is to be told */
};

enum { PRESENCE_CONN_BITS = 40 };

/* SALT makes the names of connections; INTEREST (borrowed) grants memory. NULL when out of memory.
 */
struct presence *presence_create(struct interest *interest, uint64_t salt);
/* NULL is accepted. */
void presence_destroy(struct presence *p);
/* Who knows people (borrowed), before anybody is here. Until then nobody is known. */
void presence_set_people(struct presence *p, const struct presence_people *people);

/* Where somebody sits, and who says so. */
struct presence_place {
    const char *topic;
    size_t topic_len;
    uint64_t conn;      /* its number, below 2^PRESENCE_CONN_BITS */
    const void *person; /* held while it is here; NULL = not known */
    uint64_t unix_ms;
};

/* These return in *RET_WAKE whether the clerk is to be told that it has something to do; then they
 * do not again until presence_awake. */

/* One more subscription of the connection: it has a seat from the first one on. ERR_FULL: there is
 * no more memory for subscriptions; ERR_NOMEM. */
MUST_CHECK enum err presence_enter(struct presence *p, const struct presence_place *at,
                                   bool *ret_wake);
/* Undoes one presence_enter; nothing if there was none. REAL_MS is monotonic. */
void presence_leave(struct presence *p, const char *topic, size_t n, uint64_t conn,
                    uint64_t real_ms, bool *ret_wake);
/* The connection has so many subscriptions, whatever was known of it before; none = it gives up its
 * seat. If it sat there as somebody else, that one goes. Errors as of presence_enter. */
MUST_CHECK enum err presence_set(struct presence *p, const struct presence_place *at,
                                 uint32_t subscriptions, uint64_t real_ms, bool *ret_wake);

/* Whether TOPIC has members. */
bool presence_has_members(struct presence *p, const char *topic, size_t n);
/* Any thread, without the lock: how many members there are, those included who are to be told gone.
 */
uint64_t presence_members(const struct presence *p);

struct presence_query {
    const char *topic;
    size_t topic_len;
    uint64_t after; /* members with ids above, */
    uint32_t max;   /* so many */
    /* Called under the lock; false: with this one it is enough. */
    bool (*visit)(void *ctx, const struct presence_member *m);
    void *ctx;
};
/* Hands members to the query's visit, ascending, and moves `after` on. Returns how many are here in
 * all; *RET_MORE: there are more behind the last one visited. HEAD, which the caller has read
 * before, is lowered to that behind which all is that will be told. */
uint32_t presence_list(struct presence *p, struct presence_query *q, uint64_t *head,
                       bool *ret_more);

/* --- for the clerk --- */

/* What *RET_WAKE asked for has come to the clerk: it may be asked for again. */
void presence_awake(struct presence *p);
/* How long a member stays without a seat; ms, for those who lose their last one from now on. */
void presence_set_linger(struct presence *p, uint64_t ms);
/* Ends lingers that are over at NOW_MS, MAX at most. The clerk's clock is monotonic and LOST_MS
 * behind that of presence_leave. Returns when the next is over, by it; UINT64_MAX = none is under
 * way. */
uint64_t presence_end_lingers(struct presence *p, uint64_t now_ms, uint64_t lost_ms, uint32_t max);
/* Takes what is to be told next, MAX at most, each handed to TELL under the lock; false of it: this
 * one is not taken. Returns how many were taken: they are being told until presence_told, and as
 * long nothing else is. HEAD is the log's now. */
uint32_t presence_tell(struct presence *p, uint32_t max, uint64_t head,
                       bool (*tell)(void *ctx, const struct presence_member *m), void *ctx);
/* They were told; or (DONE false) were not, and are the next again. */
void presence_told(struct presence *p, bool done, uint64_t now_ms);
/* Something is to be told, and nothing is being told. */
bool presence_is_due(struct presence *p);

#endif
