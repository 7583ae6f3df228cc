/*
 * Threads for costly arithmetic: a worker hands over a job, a thread runs it, and it comes home to
 * the worker's loop when it is done.
 *
 * A job is in one place at a time (the queue, a thread, its way home) and needs no lock of its own.
 * The queue is bounded; who finds it full is told, and nobody waits.
 */
#ifndef NET_CRYPTO_THREADS_H
#define NET_CRYPTO_THREADS_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct crypto_port;
struct crypto_threads;
struct loop;

/* Embedded, first, in what is to be worked on. */
struct crypto_job {
    struct crypto_job *next;
    struct crypto_port *home;
    void (*run)(struct crypto_job *job);  /* on one of the threads */
    void (*done)(struct crypto_job *job); /* on the thread of its home; owns the job */
    bool ran;                             /* false in done(): the threads were ended before */
    bool goes_on; /* a part of it is done: before those of which nothing is. So when there is more
                     to do than can be done in time, some of it is done, instead of a part of all */
};

/* Where jobs come home to: one for each loop. All zero: closed. */
struct crypto_port {
    struct event event;
    int fd;    /* eventfd(2): something has come */
    bool open; /* and told: some have come and were not served; both the loop's alone */
    bool told;
    struct crypto_threads *threads;
    struct crypto_job *first, *last; /* that came; under the threads' lock */
    struct crypto_job *taken;        /* of them, the loop's own: not done yet */
};

/* What comes of one, as the last message of a handshake, may take some 50 us. */
enum { CRYPTO_DONE_PER_TURN = 16 };

/* Starts COUNT threads (>= 1); QUEUE_MAX jobs may wait. ERR_NOMEM, ERR_IO (no thread). */
MUST_CHECK enum err crypto_threads_create(unsigned count, size_t queue_max,
                                          struct crypto_threads **ret);
/* Ends the threads behind what they are at; jobs that wait come home as they are. NULL is fine. */
void crypto_threads_stop(struct crypto_threads *t);
/* Behind the last port. NULL is fine. */
void crypto_threads_destroy(struct crypto_threads *t);

/* P, all zero before, is L's from now on, which serves it in its turns. ERR_IO. */
MUST_CHECK enum err crypto_port_open(struct crypto_port *p, struct crypto_threads *t,
                                     struct loop *l);
/* After crypto_threads_stop: what comes home late is done now. Fine when it is not open. */
void crypto_port_close(struct crypto_port *p);
/* What has come home is done, CRYPTO_DONE_PER_TURN of it. Fine when it is not open. */
void crypto_port_serve(struct crypto_port *p);
/* Whether it is to be served again at once. */
bool crypto_port_has_more(const struct crypto_port *p);

/* Takes JOB, which has run and done. Errors, with JOB still the caller's: ERR_LIMIT (the queue is
 * full), ERR_CLOSED (there are no threads, or not any more). */
MUST_CHECK enum err crypto_port_submit(struct crypto_port *p, struct crypto_job *job);

#endif
