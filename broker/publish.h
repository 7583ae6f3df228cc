/*
 * What a worker hands to the broker to be published, and what comes back with its answer.
 */
#ifndef BROKER_PUBLISH_H
#define BROKER_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/cursor.h"
#include "broker/message.h"

struct publish_item {
    struct message *message; /* in: a reference that the broker takes; NULL afterwards */
    uint64_t offset;      /* out: the message's offset, or that of the first publish of its key */
    uint32_t subscribers; /* out, unless `uncounted`: matching subscribers of all workers */
    bool duplicate;       /* out: nothing was stored, its key had been published before */
    bool conditional;     /* in: it has an expectation, see publish_expect */
};

/* What the publisher of a conditional item has seen of its topic. */
struct expectation {
    struct cursor seen;
    uint32_t tag; /* opaque: the owner's mark */
};

/*
 * One publish: its messages are stored all or none. Made by publish_create, given to the broker,
 * and comes back with its results to be freed by publish_free. COUNT 0 stores nothing and comes
 * back when everything before it has been committed (a probe).
 */
struct publish {
    struct publish *next;
    void *owner; /* opaque: who waits for the answer; NULL: `came_back` does */
    /* Takes P on its worker's thread, WHERE being the worker. */
    void (*came_back)(struct publish *p, void *where);
    unsigned worker; /* where the answer goes */
    /* out: ERR_OK; ERR_CONFLICT, ERR_LIMIT (too many topics), ERR_NOSPACE, ERR_IO, ERR_NOMEM */
    enum err result;
    uint32_t conflict; /* out, of ERR_CONFLICT: an item whose topic is not as expected */
    uint64_t current;  /* out, of ERR_CONFLICT: what that one would have to expect (an offset) */
    size_t bytes;      /* what it weighs in the queue */
    struct expectation
        *expectations; /* of conditional items, by their index; NULL = there are none */
    uint32_t count;
    uint32_t tag;   /* opaque: the owner's mark, 0 at first */
    bool uncounted; /* in: nobody wants to know the items' `subscribers` */
    struct publish_item items[];
};

/* COUNT items without messages; NULL when out of memory. */
struct publish *publish_create(uint32_t count);
/* Drops the messages that are still there. NULL is accepted. */
void publish_free(struct publish *p);
/* What a message weighs in queue and tail, bytes; shared encodings come on top. */
size_t publish_weight(const struct message *m);
/* Gives item I its message (takes the reference) and adds its weight. */
void publish_set(struct publish *p, uint32_t i, struct message *m);
/*
 * Makes item I conditional: the broker stores the publish only if the topic has, and ever had, no
 * message behind SEEN; otherwise the result is ERR_CONFLICT. Messages that come earlier in the same
 * publish or group count. A place that is not certain in this log, or beyond its head, is always a
 * conflict. A known idempotency key is answered whatever the topic has had since. A topic that is
 * not known may be one that was forgotten: it counts as having had a message at the mark of the
 * forgotten. ERR_NOMEM.
 */
MUST_CHECK enum err publish_expect(struct publish *p, uint32_t i, const struct cursor *seen,
                                   uint32_t tag);

#endif
