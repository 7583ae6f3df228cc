/* hiredis without its blocking calls: XADD out, one reply for each in. */
#include "demo/feed.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct item {
    size_t payload_len;
    const char *topic, *event, *key, *payload; /* behind this struct, in the same allocation */
};

struct feed {
    const char *path;
    redisContext *redis; /* NULL: not connected */
    uint64_t retry_ms;   /* when to connect again */
    uint64_t backoff_ms;
    bool troubled; /* an outage has been reported and is not over */
    /* A ring: the oldest COUNT items from HEAD; the first SENT of them are on the wire. */
    struct item *queue[FEED_QUEUE_MAX];
    size_t head, count, sent;
};

struct feed *feed_create(const char *path)
{
    struct feed *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->path = path;
    f->backoff_ms = FEED_BACKOFF_MIN_MS;
    return f;
}

static struct item *item_at(const struct feed *f, size_t i)
{
    return f->queue[(f->head + i) % FEED_QUEUE_MAX];
}

static void pop(struct feed *f)
{
    free(item_at(f, 0));
    f->head = (f->head + 1) % FEED_QUEUE_MAX;
    f->count--;
    f->sent--;
}

void feed_destroy(struct feed *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        free(item_at(f, i));
    if (f->redis)
        redisFree(f->redis);
    free(f);
}

/* Copies N bytes and a NUL to *AT, moves *AT behind them, returns where they went. */
static const char *put(char **at, const char *bytes, size_t n)
{
    char *to = *at;
    memcpy(to, bytes, n);
    to[n] = '\0';
    *at = to + n + 1;
    return to;
}

enum err feed_push(struct feed *f, const char *topic, const struct buf *payload, const char *event,
                   const char *key)
{
    if (f->count == FEED_QUEUE_MAX)
        return ERR_LIMIT;
    size_t topic_len = strlen(topic), event_len = strlen(event), key_len = strlen(key);
    struct item *item = malloc(sizeof(*item) + topic_len + event_len + key_len + payload->len + 4);
    if (!item)
        return ERR_NOMEM;
    char *at = (char *)(item + 1);
    item->topic = put(&at, topic, topic_len);
    item->event = put(&at, event, event_len);
    item->key = put(&at, key, key_len);
    item->payload = put(&at, payload->data, payload->len);
    item->payload_len = payload->len;
    f->queue[(f->head + f->count++) % FEED_QUEUE_MAX] = item;
    return ERR_OK;
}

size_t feed_waiting(const struct feed *f)
{
    return f->count;
}

size_t feed_room(const struct feed *f)
{
    return FEED_QUEUE_MAX - f->count;
}

int feed_fd(const struct feed *f)
{
    return f->redis ? f->redis->fd : -1;
}

static bool may_send(const struct feed *f)
{
    return f->sent < f->count && f->sent < FEED_WINDOW;
}

short feed_events(const struct feed *f)
{
    bool unwritten = f->redis && sdslen(f->redis->obuf) > 0;
    return POLLIN | (unwritten || may_send(f) ? POLLOUT : 0);
}

uint64_t feed_due_ms(const struct feed *f)
{
    return f->redis ? UINT64_MAX : f->retry_ms;
}

/* Drops the connection because of WHY (the hub's words or the system's). */
static void fail(struct feed *f, const char *why, uint64_t now_ms)
{
    char text[256];
    if (!f->troubled)
        fprintf(stderr, "longwire-demo: the hub at %s cannot be used (%s); trying until it can\n",
                f->path, log_escape(text, sizeof(text), why, strlen(why)));
    f->troubled = true;
    if (f->redis)
        redisFree(f->redis);
    f->redis = NULL;
    f->sent = 0;
    f->retry_ms = now_ms + f->backoff_ms;
    f->backoff_ms *= 2;
    if (f->backoff_ms > FEED_BACKOFF_MAX_MS)
        f->backoff_ms = FEED_BACKOFF_MAX_MS;
}

static void connect_now(struct feed *f, uint64_t now_ms)
{
    f->redis = redisConnectUnixNonBlock(f->path);
    if (!f->redis)
        fail(f, "out of memory", now_ms);
    else if (f->redis->err)
        fail(f, f->redis->errstr, now_ms);
}

/* Puts as many commands as the window takes into the output buffer. */
static void send_waiting(struct feed *f, uint64_t now_ms)
{
    while (may_send(f)) {
        const struct item *item = item_at(f, f->sent);
        const char *argv[] = {"XADD",  item->topic, "*",   "data",   item->payload,
                              "event", item->event, "key", item->key};
        size_t len[] = {4, strlen(item->topic), 1, 4, item->payload_len, 5, strlen(item->event),
                        3, strlen(item->key)};
        if (redisAppendCommandArgv(f->redis, sizeof(argv) / sizeof(argv[0]), argv, len) !=
            REDIS_OK) {
            fail(f, f->redis->errstr, now_ms);
            return;
        }
        f->sent++;
    }
}

/* One reply: the oldest message is safe, or the hub says why it is not. */
static void take_reply(struct feed *f, const redisReply *reply, uint64_t now_ms)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        fail(f, reply->str, now_ms);
        return;
    }
    if (f->sent == 0) {
        fail(f, "it answers what was not asked", now_ms);
        return;
    }
    pop(f);
    f->backoff_ms = FEED_BACKOFF_MIN_MS;
    if (f->troubled)
        fprintf(stderr, "longwire-demo: the hub at %s is back; %zu messages waited\n", f->path,
                f->count + 1);
    f->troubled = false;
}

static void read_replies(struct feed *f, uint64_t now_ms)
{
    void *reply = NULL;
    if (redisBufferRead(f->redis) != REDIS_OK) {
        fail(f, f->redis->errstr, now_ms);
        return;
    }
    while (f->redis && redisGetReplyFromReader(f->redis, &reply) == REDIS_OK && reply) {
        take_reply(f, reply, now_ms);
        freeReplyObject(reply);
    }
    if (f->redis && f->redis->err)
        fail(f, f->redis->errstr, now_ms);
}

void feed_run(struct feed *f, uint64_t now_ms)
{
    int written;
    if (!f->redis && now_ms >= f->retry_ms)
        connect_now(f, now_ms);
    if (f->redis)
        send_waiting(f, now_ms);
    if (f->redis && redisBufferWrite(f->redis, &written) != REDIS_OK)
        fail(f, f->redis->errstr, now_ms);
    if (f->redis)
        read_replies(f, now_ms);
}
