/*
 * What a turn of a loop does with its connections, step by step; worker_thread.c has the order.
 */
#ifndef NET_TURN_H
#define NET_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "net/conn.h"

struct loop;

/* Finds out which connections can be read or written, of those kinds of which some can. */
void turn_collect(struct loop *l);
/* Serves those that were found, as far as the budget goes. */
void turn_serve(struct loop *l);
/* Deadlines that have come, one of them at least. True: there may be more. */
bool turn_deadlines(struct loop *l);
/* Those that wait in the backlog get a slice, one of each ring at least. */
void turn_go_on(struct loop *l);
/* The end of the turn for those that had something to do: what they write leaves, what was closed
 * goes. */
void turn_end(struct loop *l);
/* Links let go what they have gathered, in this turn or while they were full. */
void turn_flush(struct loop *l);
/* Connections have input that waits for nothing but its turn. */
bool turn_work_left(const struct loop *l);
/* Gives back those that wait in the backlog, which are not served any more. */
void turn_drop_backlog(struct loop *l);

/* Runs VISIT for every open connection of L; it may close them. */
void turn_each_conn(struct loop *l, void (*visit)(struct conn *c, void *ctx), void *ctx);
/* The connection with that number, NULL when it is not here. */
struct conn *turn_find_conn(struct loop *l, uint64_t number);
/* The hub is stopping: has every connection say good-bye. */
void turn_say_goodbye(struct loop *l);
/* Closes all connections. */
void turn_close_all(struct loop *l, enum close_reason why);

#endif
