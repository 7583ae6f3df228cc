#include "frontends/resp/resp_subscribe.h"

#include <stdlib.h>
#include <string.h>

#include "broker/cursor.h"
#include "broker/topic_name.h"
#include "delivery/description.h"
#include "delivery/stream.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_encoding.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_glob.h"
#include "frontends/resp/resp_names.h"
#include "frontends/resp/resp_reply.h"

struct resp_subscription {
    struct stream stream; /* first: stream_ops get it */
    struct resp *resp;
    struct resp_names topics, patterns;
    struct resp_names globs; /* translations in the stream, each with one of its globs behind it */
};

/* One of the two sides of a subscription, and what its replies are called. */
struct side {
    size_t names_at; /* in struct resp_subscription */
    bool patterns;
    const char *joined, *left;
};

static const struct side topics_side = {offsetof(struct resp_subscription, topics), false,
                                        "subscribe", "unsubscribe"};
static const struct side patterns_side = {offsetof(struct resp_subscription, patterns), true,
                                          "psubscribe", "punsubscribe"};

static struct resp_names *names_of(struct resp_subscription *s, const struct side *side)
{
    return (struct resp_names *)((char *)s + side->names_at);
}

static size_t total(const struct resp_subscription *s)
{
    return s ? s->topics.count + s->patterns.count : 0;
}

/* --- the stream --- */

static void put_text(struct buf *out, const char *text)
{
    resp_reply_bulk(out, text, strlen(text));
}

/* In RESP3 an error would be taken for the answer to a command. */
static void put_gap(const struct resp *r, const struct gap *g, struct buf *out)
{
    char requested[CURSOR_TEXT_SIZE], resumed[CURSOR_TEXT_SIZE];
    cursor_format(requested, g->requested.offset, g->requested.epoch);
    cursor_format(resumed, g->resumed, hub_log(worker_of(r->conn)->hub)->epoch);
    resp_reply_push(out, r->version, 4);
    put_text(out, "gap");
    put_text(out, gap_reason_name(g->reason));
    put_text(out, requested);
    put_text(out, resumed);
}

static bool tell_gap(struct stream *stream, const struct gap *g, const char *filter, size_t n)
{
    (void)filter;
    (void)n;
    struct resp *r = ((struct resp_subscription *)stream)->resp;
    struct buf *out = conn_out(r->conn);
    if (r->version == RESP2)
        resp_error_gap(r, g);
    else if (out)
        put_gap(r, g, out);
    resp_end(r);
    return false;
}

/* Streams that start at the head have nothing to tell. */
static void ignore_live(struct stream *stream, uint64_t offset, const char *filter, size_t n)
{
    (void)stream;
    (void)offset;
    (void)filter;
    (void)n;
}

/* FILTER (N bytes) is a pattern as the client wrote it, or the translation of one. */
static void put_pmessage(const struct message *m, const char *filter, size_t n,
                         const struct resp_subscription *s, struct buf *out)
{
    const char *glob = NULL;
    if (s->globs.count && !resp_names_has(&s->patterns, filter, n))
        glob = resp_names_other(&s->globs, filter, n);
    resp_reply_push(out, s->resp->version, 4);
    put_text(out, "pmessage");
    resp_reply_bulk(out, glob ? glob : filter, glob ? strlen(glob) : n);
    resp_reply_bulk(out, m->topic->name, m->topic->name_len);
    resp_reply_bulk(out, m->payload, m->payload_len);
}

static const struct encoding *message_encoding(const struct resp *r)
{
    return r->version == RESP3 ? &resp_encoding_message3 : &resp_encoding_message;
}

/* `message` when a topic matches, else `pmessage` with the first pattern that does: its own name,
 * if that was subscribed to as a pattern, is the first. */
static void encode(struct stream *stream, struct message *m, struct buf *out)
{
    struct resp_subscription *s = (struct resp_subscription *)stream;
    size_t n;
    bool pattern;
    const char *filter = feed_matching_filter(worker_of(stream->conn)->feeds, stream->sub.feed,
                                              m->topic, &n, &pattern);
    if (!filter)
        out->failed = true; /* it does match: memory was out */
    else if (pattern || !resp_names_has(&s->topics, filter, n))
        put_pmessage(m, filter, n, s, out);
    else
        message_encoding(s->resp)->encode(m, out);
}

static const struct stream_ops shared_ops = {
    .transport = &resp_transport, .gap = tell_gap, .live = ignore_live};
static const struct stream_ops pattern_ops = {
    .transport = &resp_transport, .encode = encode, .gap = tell_gap, .live = ignore_live};

static enum err add_topics(struct feed_spec *spec, const struct resp_names *topics)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < topics->count && e == ERR_OK; i++)
        e = feed_spec_add(spec, topics->items[i], strlen(topics->items[i]));
    return e;
}

static enum err add_glob(struct resp_subscription *s, struct feed_spec *spec, const char *glob)
{
    char filter[RESP_GLOB_MAX];
    size_t n;
    enum err e = resp_glob_translate(glob, strlen(glob), filter, &n);
    if (e == ERR_OK)
        e = feed_spec_add(spec, filter, n);
    return e == ERR_OK ? resp_names_add_with(&s->globs, filter, n, glob) : e;
}

static enum err add_patterns(struct resp_subscription *s, struct feed_spec *spec)
{
    enum err e = ERR_OK;
    resp_names_finish(&s->globs);
    for (size_t i = 0; i < s->patterns.count && e == ERR_OK; i++) {
        const char *pattern = s->patterns.items[i];
        size_t n = strlen(pattern);
        e = resp_glob_is(pattern, n) ? add_glob(s, spec, pattern) : feed_spec_add(spec, pattern, n);
    }
    return e;
}

/* Brings the stream in line with the names. Without memory for that the connection ends. ERR_FULL:
 * the stream has not changed. */
static enum err apply(struct resp_subscription *s)
{
    struct conn *c = s->resp->conn;
    struct feed_spec spec;
    feed_spec_init(&spec, worker_of(c)->feeds);
    enum err e = add_topics(&spec, &s->topics);
    if (e == ERR_OK)
        e = add_patterns(s, &spec);
    s->stream.ops = s->patterns.count ? &pattern_ops : &shared_ops;
    if (e == ERR_OK)
        e = stream_change(&s->stream, &spec, s->patterns.count ? NULL : message_encoding(s->resp));
    feed_spec_finish(&spec);
    if (e != ERR_OK && e != ERR_FULL)
        conn_close(c, CLOSE_NOMEM);
    return e;
}

/* The same for fewer names than before, or the same, which is never refused. */
static void apply_less(struct resp_subscription *s)
{
    struct feed_table *feeds = worker_of(s->resp->conn)->feeds;
    feed_table_set_generous(feeds, true);
    enum err e = apply(s);
    feed_table_set_generous(feeds, false);
    (void)e;
}

/* --- life --- */

static struct resp_subscription *create(struct resp *r)
{
    struct resp_subscription *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->resp = r;
    stream_init(&s->stream, r->conn, &shared_ops);
    r->subscription = s;
    return s;
}

void resp_subscribe_finish(struct resp *r)
{
    struct resp_subscription *s = r->subscription;
    r->subscription = NULL;
    if (!s)
        return;
    stream_finish(&s->stream);
    resp_names_finish(&s->topics);
    resp_names_finish(&s->patterns);
    resp_names_finish(&s->globs);
    free(s);
}

void resp_subscribe_drained(struct resp *r)
{
    if (r->subscription)
        stream_drained(&r->subscription->stream);
}

void resp_subscribe_busy(struct resp *r)
{
    if (r->subscription)
        stream_busy(&r->subscription->stream);
}

size_t resp_subscribe_held(const struct resp *r)
{
    return r->subscription ? stream_held(&r->subscription->stream) : 0;
}

void resp_subscribe_describe(const struct resp *r, struct description *d)
{
    if (!r->subscription)
        return;
    stream_describe(&r->subscription->stream, d);
    d->patterns = (uint32_t)r->subscription->patterns.count;
}

void resp_subscribe_version_changed(struct resp *r)
{
    if (r->subscription)
        apply_less(r->subscription);
}

/* --- commands --- */

static void put_reply(const struct resp *r, const char *kind, const struct resp_arg *name,
                      struct buf *out)
{
    resp_reply_push(out, r->version, 3);
    put_text(out, kind);
    if (name)
        resp_reply_bulk(out, name->data, name->len);
    else
        resp_reply_null_bulk(out, r->version);
    resp_reply_integer(out, (int64_t)total(r->subscription));
}

static const char *check_filter(const char *filter, size_t n)
{
    if (!topic_pattern_valid(filter, n))
        return "BADTOPIC not a valid topic or pattern";
    return topic_pattern_bounded(filter, n) ? NULL : "BADTOPIC " TOPIC_LEVELS_RULE;
}

static const char *check_pattern(const struct resp_arg *a)
{
    char filter[RESP_GLOB_MAX];
    size_t n;
    const char *error = check_filter(a->data, a->len);
    if (error || !resp_glob_is(a->data, a->len))
        return error;
    if (resp_glob_translate(a->data, a->len, filter, &n) != ERR_OK)
        return "BADTOPIC of Redis's globs only * and a/b/* are known here: in a pattern + is one "
               "level of a topic and # the rest, as in news/+ and news/#";
    return check_filter(filter, n);
}

static const char *check_name(const struct resp_arg *a, const struct side *side)
{
    if (side->patterns)
        return check_pattern(a);
    return topic_name_valid(a->data, a->len)
               ? NULL
               : "BADTOPIC not a valid topic (patterns are for PSUBSCRIBE)";
}

static const char *check(const struct resp *r, const struct resp_request *q,
                         const struct side *side)
{
    struct resp_subscription *s = r->subscription;
    size_t count = total(s);
    for (size_t i = 1; i < q->argc; i++) {
        const char *error = check_name(&q->argv[i], side);
        if (error)
            return error;
        count += !s || !resp_names_has(names_of(s, side), q->argv[i].data, q->argv[i].len);
    }
    return count <= worker_settings(r->conn)->subscriptions
               ? NULL
               : "LIMIT more topics and patterns than limits.subscriptions allows";
}

/* Takes out what NEW says of the names, again. */
static void take_back(struct resp *r, const struct resp_request *q, const struct side *side,
                      const bool *new)
{
    struct resp_subscription *s = r->subscription;
    for (size_t i = 1; i < q->argc; i++)
        if (new[i])
            resp_names_remove(names_of(s, side), q->argv[i].data, q->argv[i].len);
    if (total(s))
        apply_less(s);
    else
        resp_subscribe_finish(r);
}

/* Adds the names; *RET_NEW, to be freed, says which were not there. */
static enum err add_names(struct resp *r, const struct resp_request *q, const struct side *side,
                          struct buf *out, bool **ret_new)
{
    struct resp_names *names = names_of(r->subscription, side);
    bool *new = calloc(q->argc, sizeof(*new));
    enum err e = new ? ERR_OK : ERR_NOMEM;
    for (size_t i = 1; i < q->argc && e == ERR_OK; i++) {
        new[i] = !resp_names_has(names, q->argv[i].data, q->argv[i].len);
        e = resp_names_add(names, q->argv[i].data, q->argv[i].len);
        if (e == ERR_OK)
            put_reply(r, side->joined, &q->argv[i], out);
    }
    *ret_new = new;
    return e;
}

static void join(struct resp *r, const struct resp_request *q, const struct side *side,
                 struct buf *out)
{
    const char *error = check(r, q, side);
    struct resp_subscription *s = r->subscription;
    if (!error && !s)
        s = create(r);
    if (error || !s) {
        resp_error(r, error ? error : "ERR out of memory");
        return;
    }
    bool *new;
    size_t before = out->len;
    enum err e = add_names(r, q, side, out, &new);
    if (e != ERR_OK) {
        conn_close(r->conn, CLOSE_NOMEM);
    } else if (apply(s) == ERR_FULL) {
        out->len = before; /* the replies that will not leave */
        take_back(r, q, side, new);
        resp_error_of(r, ERR_FULL, NULL);
    }
    free(new);
}

static void leave_all(struct resp *r, const struct side *side, struct buf *out)
{
    struct resp_names *names = r->subscription ? names_of(r->subscription, side) : NULL;
    if (!names || names->count == 0) {
        put_reply(r, side->left, NULL, out);
        return;
    }
    while (names->count) {
        char *last = names->items[--names->count];
        put_reply(r, side->left, &(struct resp_arg){.data = last, .len = strlen(last)}, out);
        free(last);
    }
}

static void leave(struct resp *r, const struct resp_request *q, const struct side *side,
                  struct buf *out)
{
    size_t before = total(r->subscription);
    if (q->argc == 1)
        leave_all(r, side, out);
    for (size_t i = 1; i < q->argc; i++) {
        if (r->subscription)
            resp_names_remove(names_of(r->subscription, side), q->argv[i].data, q->argv[i].len);
        put_reply(r, side->left, &q->argv[i], out);
    }
    size_t now = total(r->subscription);
    if (now == 0)
        resp_subscribe_finish(r);
    else if (now != before)
        apply_less(r->subscription);
}

void resp_subscribe_topics(struct resp *r, const struct resp_request *q, struct buf *out)
{
    join(r, q, &topics_side, out);
}

void resp_subscribe_patterns(struct resp *r, const struct resp_request *q, struct buf *out)
{
    join(r, q, &patterns_side, out);
}

void resp_subscribe_leave_topics(struct resp *r, const struct resp_request *q, struct buf *out)
{
    leave(r, q, &topics_side, out);
}

void resp_subscribe_leave_patterns(struct resp *r, const struct resp_request *q, struct buf *out)
{
    leave(r, q, &patterns_side, out);
}
