/*
 * Readiness: which connections of a worker can be read or written.
 *
 * One epoll instance (epoll(7)) holds all of them and is itself one event of the worker's loop. A
 * connection then keeps one byte of what is watched, where an event of libevent's and its place in
 * the tables there take 170.
 */
#ifndef NET_READINESS_H
#define NET_READINESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "base/err.h"

/* What is watched, and what came of it: bits. */
enum { READY_NONE = 0, READY_READ = 1, READY_WRITE = 2 };

enum { READINESS_AT_ONCE = 256 };

struct readiness {
    int fd;     /* can be read when some are ready */
    bool ready; /* that was told: not found out yet which */
    size_t told, count;
    struct epoll_event events[READINESS_AT_ONCE]; /* collected; the first ones have been told */
};

/* In place. ERR_IO: no descriptor is left. */
MUST_CHECK enum err readiness_open(struct readiness *r);
/* Fine when it is not open: FD negative. */
void readiness_close(struct readiness *r);
/* Watches FD for WANTED instead of WAS (READY_*), level-triggered, on behalf of ITEM. Closing FD
 * ends it, too. ERR_NOMEM: the kernel has no memory or no watches left; nothing changed. */
MUST_CHECK enum err readiness_watch(struct readiness *r, int fd, void *item, unsigned was,
                                    unsigned wanted);
/* Finds out which are ready, unless some of the last time have not been told: READINESS_AT_ONCE at
 * most, the others come the next time. */
void readiness_collect(struct readiness *r);
/* Tells the next one that was collected; false: there is none. WHAT may have more bits than are
 * watched: a connection that broke is told as both. What was collected a while ago may not be so
 * any more. */
bool readiness_tell(struct readiness *r, void (*ready)(void *item, unsigned what));
/* Some were collected and have not been told. */
static inline bool readiness_pending(const struct readiness *r)
{
    return r->told < r->count;
}
/* ITEM is going to be freed: it will not be told. */
void readiness_forget(struct readiness *r, const void *item);

#endif
