/*
 * A published message: immutable once the broker has given it its offset, reference-counted,
 * shared by all workers, and encoded at most once for each wire encoding.
 */
#ifndef BROKER_MESSAGE_H
#define BROKER_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"
#include "broker/cursor.h"
#include "broker/topic.h"

/* What the payload was published as. The values are the log's. */
enum message_kind {
    MESSAGE_TEXT = 0,   /* UTF-8 */
    MESSAGE_JSON = 1,   /* one valid JSON value, UTF-8 */
    MESSAGE_BINARY = 2, /* anything else */
};

enum { MESSAGE_EVENT_MAX = 255, MESSAGE_KEY_MAX = 255 }; /* bytes */

/* MESSAGE_UNSHARED: an encoding without a slot, who writes for one receiver alone. */
enum { MESSAGE_UNSHARED = 0, ENCODINGS_MAX = 64 };

/*
 * Either allocated by message_create (refs >= 1, everything behind the pointers lives in the same
 * allocation), or a temporary view of a stored record (refs 0, `message_view`): then the pointers
 * are borrowed and nothing may be kept.
 */
struct message {
    uint64_t offset;     /* 0 until the broker assigns it */
    uint64_t time_ms;    /* Unix time of acceptance, ms; never runs backwards in a log */
    struct topic *topic; /* NULL until the broker resolves it; a reference, but in a view */
    const char *payload;
    const char *event; /* checked by message_event_valid at publish */
    const char *key;   /* idempotency key */
    uint32_t payload_len;
    uint32_t epoch;         /* of the log, so that encoders can write the cursor */
    uint8_t event_len;      /* 0 = no event name */
    uint8_t key_len;        /* 0 = no key */
    uint8_t kind;           /* enum message_kind */
    uint8_t topic_name_len; /* until resolved */
    const char *topic_name; /* until resolved */
    _Atomic uint32_t refs;
    uint32_t slots;                   /* of `encoded` */
    _Atomic(struct blob *) encoded[]; /* by the encoding's slot; filled on first need, any thread */
};

/* How messages are written for one kind of receiver. `encode` is pure and deterministic: it
 * appends M to OUT and reads nothing but M. Offset, time, topic and epoch are set. */
struct encoding {
    const char *name;
    void (*encode)(const struct message *m, struct buf *out); /* NULL: nothing is written */
    /* It writes what that one does, and has the same slot; NULL: one of its own. */
    const struct encoding *same;
    /* Worth waiting for when another thread is at it, instead of doing it twice. */
    bool costly;
    /* Framing at both ends of what it writes, bytes, that its receivers do not get, while those of
     * another encoding with the same slot do. */
    uint8_t head, tail;
    uint8_t slot; /* 1 + its place in a message's `encoded`; MESSAGE_UNSHARED if not registered */
};

/* Gives E its slot, if it has none, in all messages that are made from now on: before there are
 * threads. E stays. ERR_LIMIT: ENCODINGS_MAX are taken. */
MUST_CHECK enum err encoding_register(struct encoding *e);

/* What a publisher gives; all borrowed, copied by message_create. */
struct message_init {
    const char *topic;
    size_t topic_len; /* 1..TOPIC_NAME_MAX, valid */
    const char *payload;
    size_t payload_len;
    const char *event;
    size_t event_len;
    const char *key;
    size_t key_len;
    enum message_kind kind;
    bool conditional;     /* `expect` counts; neither becomes part of the message: publish_expect */
    struct cursor expect; /* what the publisher has seen of the topic */
};

/* Returns a new message with one reference, or NULL when out of memory. Lengths are checked by the
 * caller (topic, event, key <= 255; payload <= the hub's limit). */
struct message *message_create(const struct message_init *init);
struct message *message_ref(struct message *m);
/* M, made by message_create, is one of TOPIC, to which it takes a reference. */
void message_resolve(struct message *m, struct topic *topic);
/* Drops a reference; NULL is accepted. */
void message_unref(struct message *m);
/* The bytes of M in E, encoded now if nobody has yet; owned by M (take blob_ref to keep them).
 * NULL: out of memory. M must have been made by message_create, after E was registered. Any thread.
 */
struct blob *message_encoded(struct message *m, const struct encoding *e);
/* Appends what the receivers of E get of M, which may be a view. */
void message_encode(const struct message *m, const struct encoding *e, struct buf *out);
/* Where in B, the bytes of a message in E, begins what the receivers of E get, and how long it is.
 */
static inline const char *message_part(const struct blob *b, const struct encoding *e,
                                       size_t *ret_len)
{
    *ret_len = b->len - e->head - e->tail;
    return b->data + e->head;
}
/* Bytes of M itself, without what its publisher gave. */
static inline size_t message_size(const struct message *m)
{
    return sizeof(*m) + m->slots * sizeof(m->encoded[0]);
}
/* Bytes of the shared encodings of all messages that live. Any thread. */
uint64_t message_encoded_bytes(void);
/* Event names: 1-255 bytes of UTF-8 without control characters, not beginning "longwire.". */
int message_event_valid(const char *event, size_t n);

#endif
