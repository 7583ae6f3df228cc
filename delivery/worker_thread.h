/*
 * The thread of a worker: its loop's turns, its mail, its beginning and its end.
 *
 * A loop turn: libevent says what is ready; then the worker takes its mail, reads from connections
 * as far as the budget of work goes, submits the publishes that this turn brought, writes replies,
 * moves lagging subscribers on by a slice each, and frees what was closed.
 */
#ifndef DELIVERY_WORKER_THREAD_H
#define DELIVERY_WORKER_THREAD_H

#include <stdint.h>

#include "base/err.h"
#include "delivery/worker.h"

struct store_reader;

/* Takes a reference of SETTINGS, and READER; borrows the rest, PARTS (NULL ends them) among it.
 * ERR_NOMEM and ERR_IO. */
MUST_CHECK enum err worker_create(struct hub *h, unsigned index, struct settings *s,
                                  struct process *p, const struct frontend *const *frontends,
                                  struct store_reader *reader, struct worker **ret);
/* Runs the loop on a thread of its own. ERR_IO. */
MUST_CHECK enum err worker_start(struct worker *w);
/* From any thread: lets connections say good-bye, ends within GRACE_MS; then worker_join. */
void worker_stop(struct worker *w, uint64_t grace_ms);
void worker_join(struct worker *w);
/* Takes what the hub has for it: fans batches out, and hands over answers. Worker only. */
void worker_take_mail(struct worker *w);
/* After the thread has ended. NULL is accepted. */
void worker_destroy(struct worker *w);

#endif
