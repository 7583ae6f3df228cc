/*
 * Messages: creation, references, and the publication of shared encodings.
 *
 * A message and all that it points to is one allocation. The encoded forms are made outside any
 * lock: whoever needs one first encodes it and publishes it by compare-and-swap; a thread that
 * lost the race drops its own copy and takes the winner's, which has the same bytes. Costly ones
 * are made under a lock, since all workers come to a message at the same time: the others wait for
 * the first, no longer than they would have taken themselves.
 */
#include "broker/message.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/spare.h"
#include "base/utf8.h"
#include "broker/topic_name.h"

/* What an encoding adds to the payload in the usual case; only saves growing the buffer. */
enum { ENCODING_OVERHEAD = 384 };

static _Atomic uint64_t encoded_bytes; /* message_encoded_bytes() */
static uint8_t slots_taken;            /* by encodings */

static const char event_reserved[] = "longwire.";

/* Copies N bytes to *AT, moves *AT behind them, and returns where they are now. */
static const char *put(char **at, const char *from, size_t n)
{
    char *to = *at;
    if (n)
        memcpy(to, from, n);
    *at = to + n;
    return to;
}

enum err encoding_register(struct encoding *e)
{
    if (e->slot != MESSAGE_UNSHARED)
        return ERR_OK;
    if (!e->same && slots_taken == ENCODINGS_MAX)
        return ERR_LIMIT;
    e->slot = e->same ? e->same->slot : ++slots_taken;
    return ERR_OK;
}

/* A message with room for so many encodings; its texts stand behind. */
static size_t bare_size(unsigned slots)
{
    return sizeof(struct message) + slots * sizeof(_Atomic(struct blob *));
}

static size_t texts_size(size_t payload, size_t event, size_t key, size_t topic)
{
    return payload + event + key + topic;
}

struct message *message_create(const struct message_init *init)
{
    /* Wire parsers refuse longer names, and the payload limit is far below 4 GiB. */
    assert(init->topic_len <= TOPIC_NAME_MAX && init->event_len <= MESSAGE_EVENT_MAX);
    assert(init->key_len <= MESSAGE_KEY_MAX && init->payload_len <= UINT32_MAX);
    size_t size = bare_size(slots_taken);
    size_t texts = texts_size(init->payload_len, init->event_len, init->key_len, init->topic_len);
    struct message *m = spare_take(size + texts);
    if (!m)
        return NULL;
    memset(m, 0, size);
    char *at = (char *)m + size;
    m->payload = put(&at, init->payload, init->payload_len);
    m->event = put(&at, init->event, init->event_len);
    m->key = put(&at, init->key, init->key_len);
    m->topic_name = put(&at, init->topic, init->topic_len);
    m->payload_len = (uint32_t)init->payload_len;
    m->event_len = (uint8_t)init->event_len;
    m->key_len = (uint8_t)init->key_len;
    m->topic_name_len = (uint8_t)init->topic_len;
    m->kind = (uint8_t)init->kind;
    atomic_init(&m->refs, 1); /* and no encoding, which is zero */
    m->slots = slots_taken;
    return m;
}

struct message *message_ref(struct message *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

static void drop_encoded(struct blob *b)
{
    if (!b)
        return;
    atomic_fetch_sub_explicit(&encoded_bytes, b->len, memory_order_relaxed);
    blob_unref(b);
}

void message_resolve(struct message *m, struct topic *topic)
{
    struct topic *before = m->topic;
    m->topic = topic_ref(topic);
    topic_unref(before);
}

void message_unref(struct message *m)
{
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    topic_unref(m->topic);
    for (unsigned i = 0; i < m->slots; i++)
        drop_encoded(atomic_load_explicit(&m->encoded[i], memory_order_relaxed));
    spare_give(m, bare_size(m->slots) +
                      texts_size(m->payload_len, m->event_len, m->key_len, m->topic_name_len));
}

uint64_t message_encoded_bytes(void)
{
    return atomic_load_explicit(&encoded_bytes, memory_order_relaxed);
}

static struct blob *encode(const struct message *m, const struct encoding *e)
{
    struct buf out = {0};
    struct blob *b = NULL;
    if (buf_reserve(&out, (size_t)m->payload_len + ENCODING_OVERHEAD)) {
        e->encode(m, &out);
        b = out.failed ? NULL : blob_create(out.data, out.len);
    }
    buf_finish(&out);
    return b;
}

static struct blob *encoded_already(struct message *m, const struct encoding *e)
{
    return atomic_load_explicit(&m->encoded[e->slot - 1], memory_order_acquire);
}

static struct blob *encode_and_publish(struct message *m, const struct encoding *e)
{
    struct blob *theirs = NULL, *ours = encode(m, e);
    if (!ours)
        return NULL;
    atomic_fetch_add_explicit(&encoded_bytes, ours->len, memory_order_relaxed);
    if (atomic_compare_exchange_strong_explicit(&m->encoded[e->slot - 1], &theirs, ours,
                                                memory_order_acq_rel, memory_order_acquire))
        return ours;
    drop_encoded(ours);
    return theirs;
}

/* One for several messages: at any moment, few are being encoded. */
static pthread_mutex_t *lock_of(const struct message *m)
{
    static pthread_mutex_t locks[] = {
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    };
    return &locks[m->offset % (sizeof(locks) / sizeof(*locks))];
}

static struct blob *encode_once(struct message *m, const struct encoding *e)
{
    pthread_mutex_t *lock = lock_of(m);
    pthread_mutex_lock(lock);
    struct blob *b = encoded_already(m, e);
    if (!b)
        b = encode_and_publish(m, e);
    pthread_mutex_unlock(lock);
    return b;
}

struct blob *message_encoded(struct message *m, const struct encoding *e)
{
    struct blob *b = encoded_already(m, e);
    if (b)
        return b;
    return e->costly ? encode_once(m, e) : encode_and_publish(m, e);
}

void message_encode(const struct message *m, const struct encoding *e, struct buf *out)
{
    size_t at = out->len;
    e->encode(m, out);
    if (out->failed || e->head + e->tail == 0)
        return;
    out->len -= e->head + e->tail;
    memmove(out->data + at, out->data + at + e->head, out->len - at);
}

/* C0, DEL, and C1 in their UTF-8 form (C2 80 .. C2 9F). */
static int has_control(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] == 0x7F)
            return 1;
        if (p[i] == 0xC2 && i + 1 < n && p[i + 1] < 0xA0)
            return 1;
    }
    return 0;
}

int message_event_valid(const char *event, size_t n)
{
    size_t reserved = sizeof(event_reserved) - 1;
    if (n == 0 || n > MESSAGE_EVENT_MAX)
        return 0;
    if (n >= reserved && memcmp(event, event_reserved, reserved) == 0)
        return 0;
    return utf8_valid(event, n) && !has_control((const unsigned char *)event, n);
}
