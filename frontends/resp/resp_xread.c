#include "frontends/resp/resp_xread.h"

#include <stdlib.h>
#include <string.h>

#include "broker/cursor.h"
#include "broker/topic_name.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_entries.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_reply.h"
#include "frontends/resp/resp_wait.h"

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
            return resp_bad_count;
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
            return resp_bad_topic;
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
    struct resp_entries e = {
        .left = x->count,
        .before = result->text.len,
        .max = resp_entries_max(x->wait.resp),
    };
    struct position p;
    struct worker *w = worker_of(x->wait.resp->conn);
    enum err err = scan_select(s, key->topic.data, key->topic.len);
    if (err == ERR_OK)
        err =
            replay_start(&s->replay, scan_feed(s), &key->after, hub_head(w->hub), &p, &result->gap);
    if (err == ERR_OK)
        err = resp_entries_read(s, &p, s->replay.head, &e, &result->gap);
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
        resp_entries_gap(r, &result->gap);
    else if (result->too_large)
        resp_entries_too_large(r);
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

void resp_xread(struct resp *r, const struct resp_request *q, struct buf *out)
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
