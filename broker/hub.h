/*
 * The one place with threads and queues: runs the broker on its own thread and carries publishes
 * from the workers to it, and committed batches, answers and calls back. Copies of the log, which
 * take long, are made on another thread beside it.
 *
 *   worker --hub_publish--> queue --broker thread: broker_commit--> inbox of every worker
 *
 * A worker steps into the sleeping thread's place for what needs no log: two threads that alternate
 * would only wake each other.
 *
 * While one group is being committed the next one gathers in the queue, so that the size of a group
 * follows the load by itself. When the queue is full (hub_is_full) workers stop reading from
 * publishers; when a worker's inbox is full the broker waits for that worker.
 */
#ifndef BROKER_HUB_H
#define BROKER_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/broker.h"
#include "broker/tail.h"

struct topic_table;
struct hub;

/* A function that runs elsewhere: on the broker's thread or on a worker's. The caller owns it until
 * it is posted, the one who runs it afterwards. */
struct hub_call {
    struct hub_call *next;
    /* WHERE is the struct broker, or the worker's `ctx`. */
    void (*run)(struct hub_call *call, void *where);
};

struct hub_options {
    unsigned workers;              /* 1..WORKERS_MAX */
    size_t queue_bytes;            /* publishes that may wait, all workers together */
    uint64_t sync_interval_ms;     /* store_sync_now so often; 0 = never */
    const struct store_state *log; /* as opened; borrowed */
};

/* What arrived for a worker since it last looked. Vectors are the caller's to reuse; their
 * elements' references pass to the caller. */
struct hub_mail {
    struct batch **batches; /* in order */
    size_t batch_count, batch_cap;
    struct publish *answers; /* committed or failed publishes of this worker, in order */
    struct hub_call *calls;
};

/* Figures of the broker thread; any thread may read them. */
struct hub_stats {
    uint64_t published; /* messages committed */
    uint64_t commits;   /* groups */
    uint64_t failed;    /* publishes that failed; conflicts are none of them */
    uint64_t expired;   /* messages that retention took away */
    uint64_t forgotten; /* topics that nobody needed any more */
    uint64_t queued_bytes;
    uint64_t damaged; /* store_damaged */
    bool failing;     /* the log refused the newest group, not long ago */
};

/* Starts the broker thread on B (borrowed until hub_stop). ERR_NOMEM, ERR_IO (no threads or
 * descriptors left). */
MUST_CHECK enum err hub_start(const struct hub_options *o, struct broker *b, struct hub **ret);
/* Ends backups, commits what is queued, then ends the thread. Workers may not publish any more.
 * NULL is fine. */
void hub_stop(struct hub *h);
/* After hub_stop: frees it, with whatever still lay in the inboxes. NULL is fine. */
void hub_destroy(struct hub *h);

/* An eventfd, owned by the hub, that is written to when worker W gets mail while it sleeps. To be
 * watched for edges: taking the mail does not read it. */
int hub_mail_fd(struct hub *h, unsigned w);
/* Takes worker W's mail into *MAIL (initially all zero), replacing what was in it. From then on W
 * counts as awake: it will look by itself. */
void hub_take_mail(struct hub *h, unsigned w, struct hub_mail *mail);
/* W, which is to wait for its eventfd, counts as asleep from now on. False: it has mail, which it
 * takes first. */
MUST_CHECK bool hub_may_sleep(struct hub *h, unsigned w);
/* Queues a list of publishes (takes it), or commits it at once on this thread, if it is in memory
 * only and nobody else is at it: then it is in the mail already. Never fails; look at hub_is_full
 * first. Any thread. */
void hub_publish(struct hub *h, struct publish *first, struct publish *last);
/* The queue is as full as it may be: read no more from publishers until the next mail. */
bool hub_is_full(const struct hub *h);
/* Runs CALL on the broker's thread, between two commits, or on worker W's thread. Any thread. */
void hub_call_broker(struct hub *h, struct hub_call *call);
void hub_call_worker(struct hub *h, unsigned w, struct hub_call *call);

/* A copy of the log that somebody asked for. The hub has it from hub_backup until CALL runs. */
struct hub_backup {
    struct hub_call call; /* runs on worker WORKER's thread when the copy is made, or has failed */
    unsigned worker;
    const char *path;           /* as store_copy_create's; borrowed */
    enum err result;            /* out: as store_copy_run's, ERR_CLOSED when the hub is stopping */
    struct store_copied copied; /* out, when it is made */
};

/* Copies the log on a thread of its own, while publishing goes on. Any thread. Errors, with B still
 * the caller's: ERR_LOCKED (a copy is being made already: one at a time), ERR_CLOSED (the hub is
 * stopping), ERR_NOMEM, ERR_IO (no thread). */
MUST_CHECK enum err hub_backup(struct hub *h, struct hub_backup *b);
/* Ends a copy that is being made, soon, and takes no more of them. Any thread; NULL is fine. */
void hub_end_backups(struct hub *h);

/* The last committed offset, as every worker will come to know it. Any thread. */
uint64_t hub_head(const struct hub *h);
const struct store_state *hub_log(const struct hub *h);
struct topic_table *hub_topics(struct hub *h);
struct interest *hub_interest(struct hub *h);
struct revoked *hub_revoked(struct hub *h);
struct presence *hub_presence(struct hub *h);
/* NULL: there are no hooks. */
struct roll *hub_roll(struct hub *h);
unsigned hub_workers(const struct hub *h);
void hub_read_stats(const struct hub *h, struct hub_stats *ret);
/* The time by which messages are dated (clock.h); Unix, ms. Any thread. */
uint64_t hub_clock_ms(const struct hub *h);

#endif
