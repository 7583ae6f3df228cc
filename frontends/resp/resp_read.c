#include "frontends/resp/resp_read.h"

#include <stdlib.h>
#include <string.h>

#include "broker/cursor.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "delivery/scan.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_reply.h"
#include "frontends/resp/resp_wait.h"

static const char bad_topic[] = "BADTOPIC not a valid topic";
static const char bad_count[] = "ERR value is not an integer or out of range";

/* --- entries --- */

/* Entries put together for a reply, whose number has to come before them. */
struct entries {
    struct buf text;
    uint64_t count;
    uint64_t left; /* how many more are wanted */
    size_t before; /* bytes that the reply has already */
    size_t max;    /* bytes that it may have: reply_max() */
    bool too_large;
};

static void put_field(struct buf *out, const char *name, const char *value, size_t n)
{
    resp_reply_bulk(out, name, strlen(name));
    resp_reply_bulk(out, value, n);
}

/* [id, [field, value, ...]] */
static void put_entry(const struct message *m, struct buf *out)
{
    char id[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(id, m->offset, m->epoch);
    resp_reply_array(out, 2);
    resp_reply_bulk(out, id, n);
    resp_reply_array(out, 2u + (m->event_len ? 2 : 0) + (m->key_len ? 2 : 0));
    put_field(out, "data", m->payload, m->payload_len);
    if (m->event_len)
        put_field(out, "event", m->event, m->event_len);
    if (m->key_len)
        put_field(out, "key", m->key, m->key_len);
}

static bool is_full(const struct entries *e)
{
    return e->left == 0 || e->too_large || e->text.failed;
}

static bool add_entry(void *ctx, struct message *m, bool shared)
{
    struct entries *e = ctx;
    (void)shared;
    size_t bytes = e->before + e->text.len;
    if (e->left == 0)
        return false;
    /* A single message always fits. */
    e->too_large = bytes && bytes + m->payload_len > e->max;
    if (is_full(e))
        return false;
    put_entry(m, &e->text);
    e->count++;
    e->left--;
    return true;
}

/* Adds the messages after P up to UNTIL (at most the head). Stops at a gap, which is the caller's
 * to tell. */
static enum err read_forward(struct scan *s, struct position *p, uint64_t until, struct entries *e,
                             struct gap *gap)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && gap->reason == GAP_NONE && p->offset < until && !is_full(e)) {
        struct entries before = *e;
        err = replay_next(&s->replay, scan_feed(s), p, until, add_entry, e, gap);
        if (err == ERR_AGAIN) { /* forget what was read in this step */
            e->text.len = before.text.len;
            e->count = before.count;
            e->left = before.left;
            err = ERR_OK;
        }
    }
    return err == ERR_OK && e->text.failed ? ERR_NOMEM : err;
}

static size_t reply_max(const struct resp *r)
{
    uint64_t most = peer_memory_limit(r->conn->loop->book.memory) / 4;
    return most < RESP_REPLY_MAX ? (size_t)most : RESP_REPLY_MAX;
}

static void reply_too_large(struct resp *r)
{
    resp_errorf(r, "ERR more than %zu KiB: ask for fewer messages at once with COUNT",
                reply_max(r) >> 10);
}

static void reply_gap(struct resp *r, const struct gap *gap)
{
    worker_count_gap(worker_of(r->conn), gap->reason);
    resp_error_gap(r, gap);
}

/* --- XRANGE and XREVRANGE --- */

struct range {
    uint64_t after, until; /* offsets in (after, until] */
    uint64_t count;
};

/* One end of a range: `-`, `+`, a cursor, or `(` and a cursor that does not belong to the range. */
static const char *parse_end(const struct resp *r, const struct resp_arg *a, uint64_t *ret,
                             bool *ret_exclusive)
{
    struct resp_arg cursor = *a;
    *ret_exclusive = a->len && a->data[0] == '(';
    *ret = resp_arg_is(a, "+") ? UINT64_MAX : 0;
    if (resp_arg_is(a, "-") || resp_arg_is(a, "+"))
        return NULL;
    if (*ret_exclusive) {
        cursor.data++;
        cursor.len--;
    }
    return resp_arg_offset(worker_of(r->conn)->hub, &cursor, ret);
}

static const char *parse_count(const struct resp_request *q, uint64_t *ret)
{
    *ret = UINT64_MAX;
    if (q->argc == 4)
        return NULL;
    if (q->argc != 6 || !resp_arg_is(&q->argv[4], "COUNT"))
        return "ERR syntax error";
    return resp_arg_u64(&q->argv[5], UINT64_MAX, ret) == ERR_OK ? NULL : bad_count;
}

static const char *parse_range(const struct resp *r, const struct resp_request *q,
                               const struct resp_arg *start, const struct resp_arg *end,
                               struct range *ret)
{
    bool excludes_start, excludes_end;
    if (!topic_name_valid(q->argv[1].data, q->argv[1].len))
        return bad_topic;
    const char *error = parse_end(r, start, &ret->after, &excludes_start);
    if (!error)
        error = parse_end(r, end, &ret->until, &excludes_end);
    if (!error)
        error = parse_count(q, &ret->count);
    if (error)
        return error;
    if (!excludes_start && ret->after)
        ret->after--;
    if (excludes_end && ret->until)
        ret->until--;
    return NULL;
}

/* Only what is kept is asked for: that something is not is no gap here, only that it cannot be
 * read.
 */
static enum err read_range(struct scan *s, const struct range *range, struct entries *e,
                           struct gap *gap)
{
    static const struct after earliest = {.kind = AFTER_EARLIEST};
    struct position p;
    uint64_t until = range->until < s->replay.head ? range->until : s->replay.head;
    enum err err = replay_start(&s->replay, scan_feed(s), &earliest, 0, &p, gap);
    p.offset = range->after;
    while (err == ERR_OK && p.offset < until && !is_full(e) && gap->reason != GAP_DAMAGED) {
        gap->reason = GAP_NONE;
        err = read_forward(s, &p, until, e, gap);
    }
    return err;
}

static enum err read_reverse(struct scan *s, const struct range *range, struct entries *e,
                             struct gap *gap)
{
    size_t max = range->count < SIZE_MAX ? (size_t)range->count : SIZE_MAX;
    enum err err = replay_reverse(&s->replay, scan_feed(s), range->after, range->until, max,
                                  add_entry, e, gap);
    return err == ERR_OK && e->text.failed ? ERR_NOMEM : err;
}

typedef enum err read_some(struct scan *s, const struct range *range, struct entries *e,
                           struct gap *gap);

static enum err scan_range(struct resp *r, const struct resp_arg *topic, const struct range *range,
                           read_some *read, struct entries *e, struct gap *gap)
{
    struct scan s;
    enum err err = scan_init(&s, worker_of(r->conn));
    if (err != ERR_OK)
        return err;
    err = scan_select(&s, topic->data, topic->len);
    if (err == ERR_OK)
        err = read(&s, range, e, gap);
    scan_finish(&s);
    return err;
}

static void reply_range(struct resp *r, const struct resp_request *q, const struct range *range,
                        read_some *read, struct buf *out)
{
    struct entries e = {.left = range->count, .max = reply_max(r)};
    struct gap gap = {.reason = GAP_NONE};
    enum err err = scan_range(r, &q->argv[1], range, read, &e, &gap);
    if (err != ERR_OK) {
        resp_error_of(r, err, NULL);
    } else if (gap.reason == GAP_DAMAGED) {
        reply_gap(r, &gap); /* a part of the range would pass for all of it */
    } else if (e.too_large) {
        reply_too_large(r);
    } else {
        resp_reply_array(out, e.count);
        buf_append(out, e.text.data, e.text.len);
    }
    buf_finish(&e.text);
}

void resp_read_range(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct range range;
    const char *error = parse_range(r, q, &q->argv[2], &q->argv[3], &range);
    if (error)
        resp_error(r, error);
    else
        reply_range(r, q, &range, read_range, out);
}

void resp_read_reverse(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct range range;
    const char *error = parse_range(r, q, &q->argv[3], &q->argv[2], &range);
    if (error)
        resp_error(r, error);
    else
        reply_range(r, q, &range, read_reverse, out);
}

void resp_read_length(struct resp *r, const struct resp_request *q, struct buf *out)
{
    const struct resp_arg *name = &q->argv[1];
    if (!topic_name_valid(name->data, name->len)) {
        resp_error(r, bad_topic);
        return;
    }
    const struct topic *t =
        topic_table_find(hub_topics(worker_of(r->conn)->hub), name->data, name->len);
    resp_reply_integer(out, t ? (int64_t)t->messages : 0);
}

/* --- XREAD --- */

struct xread_key {
    struct resp_arg topic;
    struct after after; /* where the next read begins */
};

/* An XREAD as it was asked; the topics' names are behind `keys`. */
struct xread {
    struct resp_wait wait;
    uint64_t count;
    size_t key_count;
    struct xread_key keys[];
};

struct xread_options {
    uint64_t count; /* of each topic */
    bool blocks;
    uint64_t block_ms; /* 0 = without end */
    size_t first;      /* word of the first topic */
    size_t keys;
};

static const char *parse_option(const struct resp_arg *name, const struct resp_arg *value,
                                struct xread_options *o)
{
    if (resp_arg_is(name, "COUNT")) {
        if (resp_arg_u64(value, UINT64_MAX, &o->count) != ERR_OK)
            return bad_count;
        o->count = o->count ? o->count : UINT64_MAX;
        return NULL;
    }
    if (!resp_arg_is(name, "BLOCK"))
        return "ERR syntax error";
    o->blocks = true;
    if (value->len && value->data[0] == '-')
        return "ERR timeout is negative";
    return resp_arg_u64(value, INT64_MAX, &o->block_ms) == ERR_OK
               ? NULL
               : "ERR timeout is not an integer or out of range";
}

static const char *parse_options(const struct resp *r, const struct resp_request *q,
                                 struct xread_options *o)
{
    *o = (struct xread_options){.count = UINT64_MAX, .first = 1};
    while (o->first + 1 < q->argc && !resp_arg_is(&q->argv[o->first], "STREAMS")) {
        const char *error = parse_option(&q->argv[o->first], &q->argv[o->first + 1], o);
        if (error)
            return error;
        o->first += 2;
    }
    o->first++;
    if (o->first >= q->argc)
        return "ERR syntax error";
    if ((q->argc - o->first) % 2)
        return "ERR Unbalanced 'xread' list of streams: for each topic a cursor or '$' must be "
               "specified.";
    o->keys = (q->argc - o->first) / 2;
    if (o->keys > worker_settings(r->conn)->subscriptions)
        return "LIMIT more topics than limits.subscriptions allows";
    return NULL;
}

/* `$` is the head of now. What Redis users write for "from the beginning" means what is kept, and
 * is no gap when something is not. */
static const char *parse_after(const struct worker *w, const struct resp_arg *a, struct after *ret)
{
    *ret = (struct after){.kind = AFTER_CURSOR, .cursor = {.offset = w->head}};
    if (resp_arg_is(a, "$"))
        return NULL;
    if (resp_arg_is(a, "0") || resp_arg_is(a, "0-0")) {
        ret->kind = AFTER_EARLIEST;
        return NULL;
    }
    return cursor_parse(a->data, a->len, &ret->cursor) == ERR_OK
               ? NULL
               : "BADCURSOR not a cursor (OFFSET-EPOCH), 0 or $";
}

static const char *parse_keys(const struct worker *w, const struct resp_request *q,
                              const struct xread_options *o, struct xread *x)
{
    char *names = (char *)(x->keys + o->keys);
    for (size_t i = 0; i < o->keys; i++) {
        const struct resp_arg *topic = &q->argv[o->first + i];
        if (!topic_name_valid(topic->data, topic->len))
            return bad_topic;
        const char *error = parse_after(w, &q->argv[o->first + o->keys + i], &x->keys[i].after);
        if (error)
            return error;
        memcpy(names, topic->data, topic->len);
        x->keys[i].topic = (struct resp_arg){.data = names, .len = topic->len};
        names += topic->len;
    }
    return NULL;
}

static void destroy_xread(struct resp_wait *wait)
{
    free(wait);
}

static bool retry_xread(struct resp_wait *wait, struct buf *out, bool last);

/* NULL when out of memory. */
static struct xread *create_xread(struct resp *r, const struct resp_request *q,
                                  const struct xread_options *o)
{
    size_t bytes = 0;
    for (size_t i = 0; i < o->keys; i++)
        bytes += q->argv[o->first + i].len;
    struct xread *x = calloc(1, sizeof(*x) + o->keys * sizeof(x->keys[0]) + bytes);
    if (!x)
        return NULL;
    x->wait.resp = r;
    x->wait.retry = retry_xread;
    x->wait.destroy = destroy_xread;
    x->count = o->count;
    x->key_count = o->keys;
    return x;
}

/* What all keys gave. */
struct xread_result {
    struct buf text;
    size_t keys; /* that have messages */
    struct gap gap;
    bool too_large;
};

static enum err read_key(const struct xread *x, struct xread_key *key, struct scan *s,
                         struct xread_result *result)
{
    struct entries e = {
        .left = x->count,
        .before = result->text.len,
        .max = reply_max(x->wait.resp),
    };
    struct position p;
    struct worker *w = worker_of(x->wait.resp->conn);
    enum err err = scan_select(s, key->topic.data, key->topic.len);
    if (err == ERR_OK)
        err =
            replay_start(&s->replay, scan_feed(s), &key->after, hub_head(w->hub), &p, &result->gap);
    if (err == ERR_OK)
        err = read_forward(s, &p, s->replay.head, &e, &result->gap);
    if (err == ERR_OK && e.count) {
        result->gap.reason = GAP_NONE; /* behind these messages: the next read tells it */
        result->keys++;
        if (x->wait.resp->version == RESP2)
            resp_reply_array(&result->text, 2);
        resp_reply_bulk(&result->text, key->topic.data, key->topic.len);
        resp_reply_array(&result->text, e.count);
        buf_append(&result->text, e.text.data, e.text.len);
    } else if (err == ERR_OK && result->gap.reason == GAP_NONE) {
        key->after = (struct after){.kind = AFTER_CURSOR, .cursor = {.offset = p.offset}};
    }
    result->too_large = e.too_large;
    buf_finish(&e.text);
    return err;
}

static enum err read_keys(struct xread *x, struct xread_result *result)
{
    struct scan s;
    enum err err = scan_init(&s, worker_of(x->wait.resp->conn));
    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < x->key_count && err == ERR_OK && !result->too_large; i++) {
        err = read_key(x, &x->keys[i], &s, result);
        if (result->gap.reason != GAP_NONE)
            break;
    }
    scan_finish(&s);
    return err == ERR_OK && result->text.failed ? ERR_NOMEM : err;
}

static bool answer_xread(struct xread *x, const struct xread_result *result, enum err err,
                         struct buf *out)
{
    struct resp *r = x->wait.resp;
    if (err != ERR_OK)
        resp_error_of(r, err, NULL);
    else if (result->gap.reason != GAP_NONE)
        reply_gap(r, &result->gap);
    else if (result->too_large)
        reply_too_large(r);
    else if (result->keys == 0)
        return false;
    if (err != ERR_OK || result->gap.reason != GAP_NONE || result->too_large)
        return true;
    if (r->version == RESP3)
        resp_reply_map(out, RESP3, result->keys);
    else
        resp_reply_array(out, result->keys);
    buf_append(out, result->text.data, result->text.len);
    return true;
}

static bool retry_xread(struct resp_wait *wait, struct buf *out, bool last)
{
    struct xread *x = (struct xread *)wait;
    struct xread_result result = {0};
    enum err err = read_keys(x, &result);
    bool answered = answer_xread(x, &result, err, out);
    buf_finish(&result.text);
    if (!answered && last)
        resp_reply_null_array(out, x->wait.resp->version);
    return answered || last;
}

static enum err wait_for_keys(struct xread *x)
{
    struct resp *r = x->wait.resp;
    struct resp_arg *topics = malloc(x->key_count * sizeof(*topics));
    if (!topics)
        return ERR_NOMEM;
    for (size_t i = 0; i < x->key_count; i++)
        topics[i] = x->keys[i].topic;
    enum err e = resp_wait_join(&x->wait, r, topics, x->key_count);
    free(topics);
    return e;
}

void resp_read_xread(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct xread_options o;
    const char *error = parse_options(r, q, &o);
    struct xread *x = error ? NULL : create_xread(r, q, &o);
    if (!error)
        error = x ? parse_keys(worker_of(r->conn), q, &o, x) : "ERR out of memory";
    if (error) {
        resp_error(r, error);
    } else if (!retry_xread(&x->wait, out, !o.blocks || !resp_wait_allowed(r))) {
        enum err e = wait_for_keys(x);
        if (e == ERR_OK) {
            resp_wait_begin(&x->wait, o.block_ms);
            return;
        }
        resp_error_of(r, e, NULL);
    }
    if (x)
        resp_wait_destroy(&x->wait);
}
