/*
 * What connections hold: counted when something has happened to one, and given back when it is too
 * much (peer_memory.h says when that is).
 *
 * Nothing is done here for a delivery: a connection is counted anew after it was read from, and at
 * the end of a turn in which it had something to do.
 */
#ifndef NET_HOLDING_H
#define NET_HOLDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct loop;

enum {
    /* How often a worker that is pressed looks again, and how long those who hold much may take to
     * come to an end before the largest are refused. */
    HOLDING_CHECK_MS = 50,
    HOLDING_PATIENCE_MS = 1000,
    /* The end of being pressed is told when it has not come back for so long. */
    HOLDING_QUIET_MS = 10000,
    /* When what is held has become less by this part of the limit, the heap's free pages are given
     * back to the system; not more often than that. */
    HOLDING_TRIM_PART = 8,
    HOLDING_TRIM_MS = 1000,
    /* What is at least as large is a mapping of its own, and goes back when it is freed. */
    HOLDING_MAPPED_BYTES = 1 << 20,
};

/* Before threads are made: how the heap is to be kept (see holding.c, "giving back"). */
void holding_set_heap(void);
/* Counts what C holds now. Anywhere. */
void holding_count(struct conn *c);
/* The same; refuses others at once if the limit is reached. For who has called conn_ready or
 * conn_end_turn; not from callbacks of connections. */
void holding_settle(struct conn *c);
/* More is held than the limit, by whomever: what is large waits for the next turn. */
bool holding_is_full(const struct loop *l);
/* The same, and those who have to give way are another worker's, which has been asked. */
bool holding_is_for_others(const struct loop *l);
/* At the end of a turn. */
void holding_end_turn(struct loop *l);
/* When holding_end_turn wants to be called next, in ms; UINT64_MAX = whenever. */
uint64_t holding_wait_ms(const struct loop *l);

#endif
