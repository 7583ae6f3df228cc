/*
 * An errand: work for one worker's client that has to be done on other threads, or in small steps
 * so that the worker's other clients do not wait. It travels as a call of the hub from thread to
 * thread, is always in one place only, and so needs no lock.
 *
 *   home --> broker, or worker after worker, or home again for the next step --> home: done()
 */
#ifndef DELIVERY_ERRAND_H
#define DELIVERY_ERRAND_H

#include "base/err.h"
#include "broker/hub.h"
#include "delivery/worker.h"

struct errand;

/* Runs where the errand has arrived (WHERE is the struct broker or the struct worker) and sends it
 * on; not to touch it after that. */
typedef void errand_step(struct errand *e, void *where);

/* Embedded, first, in what travels. */
struct errand {
    struct hub_call call;
    struct worker *home;
    errand_step *step; /* the next one */
    void (*done)(struct errand *e);
    enum err result; /* for done(); ERR_OK at first */
};

/* In place; DONE runs on the thread of HOME at the end, and owns the errand then. */
void errand_init(struct errand *e, struct worker *home, void (*done)(struct errand *e));
/* Sends it to the broker's thread, between two commits. */
void errand_to_broker(struct errand *e, errand_step *step);
/* Sends it to worker W; to its own one too, which gets to it in a later turn. */
void errand_to_worker(struct errand *e, unsigned w, errand_step *step);
/* Sends it home, to be done there. */
void errand_home(struct errand *e, enum err result);

#endif
