#include "frontends/ws/ws_subscribe.h"

#include "delivery/counting.h"
#include "frontends/ws/ws_connection.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_waiting.h"
#include "http/http_quota.h"
#include "http/subscribe.h"

static const struct fault *stream_fault(enum err e)
{
    static const struct fault too_far = {"bad_cursor", "-N reaches back at most 100000 messages"};
    static const struct fault full = {"limit", SUBSCRIBE_FULL};
    static const struct fault unavailable = {"unavailable", "The hub cannot do this now"};
    if (e == ERR_FULL)
        return &full;
    return e == ERR_LIMIT ? &too_far : &unavailable;
}

/* M without what only publishing needs. */
static void join(struct conn *c, const struct ws_control *m)
{
    struct stream *s = &ws_of(c)->stream;
    uint64_t offset;
    enum err e =
        stream_join(s, m->topic.data, m->topic.len, ws_encoding_of(ws_of(c)), &m->after, &offset);
    http_quota_settle(c, stream_filters(s));
    struct buf *out = e == ERR_OK ? conn_out(c) : NULL;
    if (e != ERR_OK) {
        ws_answer_error(c, stream_fault(e), &m->ref);
    } else if (out) {
        char cursor[CURSOR_TEXT_SIZE];
        ws_format_offset(c, offset, cursor);
        size_t frame = ws_frame_begin(out);
        ws_control_subscribed(out, m->topic.data, m->topic.len, cursor, &m->ref);
        ws_frame_end(out, frame, WS_TEXT);
        stream_settle(s);
    }
}

static void wait_for_turn(struct conn *c, const struct ws_control *m)
{
    struct waiting *waiting = ws_waiting_create(c, m);
    if (!waiting)
        return;
    waiting->granted = waiting->has_quota = true;
    ws_of(c)->waiting = waiting;
    conn_yield_for(c, subscribe_need(c, &m->after));
}

static enum err find_place(struct conn *c, struct waiting *waiting)
{
    struct feed_spec spec;
    feed_spec_init(&spec, worker_of(c)->feeds);
    enum err e = ERR_OK;
    if (!waiting->counting && waiting->after.kind == AFTER_LAST)
        e = feed_spec_add(&spec, waiting->text, waiting->topic_len);
    if (e == ERR_OK)
        e = counting_resolve(c, &waiting->counting, &spec, &waiting->after);
    feed_spec_finish(&spec);
    return e;
}

/* True: the first subscription that waits has got its place. What goes wrong will do so again when
 * it joins, and be told there. */
static bool has_place(struct conn *c, struct waiting *waiting)
{
    enum conn_need need = subscribe_need(c, &waiting->after);
    if (need == CONN_NEEDS_LITTLE)
        return true;
    if (conn_has_whole_slice(c))
        return find_place(c, waiting) != ERR_AGAIN;
    conn_yield_for(c, need);
    return false;
}

/* What was asked for by `subscribe` has it. False: answered. */
static bool take_quota(struct conn *c, const struct waiting *waiting)
{
    struct json_slice ref = ws_asked(waiting).ref;
    struct http_quota quota;
    if (waiting->has_quota || http_quota_subscribe(c, 1, &quota))
        return true;
    ws_answer_over(c, &quota, &ref);
    return false;
}

void ws_go_on_waiting(struct conn *c)
{
    struct ws *ws = ws_of(c);
    struct waiting *waiting;
    while (ws->phase == WS_OPEN && (waiting = ws->waiting) && !waiting->judging) {
        struct ws_control m = ws_asked(waiting);
        waiting->granted =
            waiting->granted || ws_may_use(c, ACCESS_SUBSCRIBE, m.topic.data, m.topic.len, &m.ref);
        if (waiting->granted && !has_place(c, waiting))
            return;
        m.after = waiting->after;
        if (waiting->granted && take_quota(c, waiting))
            join(c, &m);
        if (ws->phase == WS_OPEN)
            ws_end_waiting(ws);
        if (!conn_is_open(c))
            return;
    }
}

void ws_subscribe(struct conn *c, const struct ws_control *m)
{
    static const struct fault limit = {"limit", "More topics than limits.subscriptions allows"};
    struct http_quota quota;
    budget_charge(&c->loop->work, WORK_SUBSCRIBE);
    if (!ws_may_use(c, ACCESS_SUBSCRIBE, m->topic.data, m->topic.len, &m->ref))
        return;
    if (stream_filters(&ws_of(c)->stream) >= worker_settings(c)->subscriptions)
        ws_answer_error(c, &limit, &m->ref);
    else if (!http_quota_subscribe(c, 1, &quota))
        ws_answer_over(c, &quota, &m->ref);
    else if (subscribe_need(c, &m->after) != CONN_NEEDS_LITTLE)
        wait_for_turn(c, m);
    else
        join(c, m);
}

void ws_unsubscribe(struct conn *c, const struct ws_control *m)
{
    static const struct fault unknown = {"not_subscribed", "There is no such subscription"};
    struct stream *s = &ws_of(c)->stream;
    enum err e = stream_part(s, m->topic.data, m->topic.len);
    http_quota_settle(c, stream_filters(s));
    struct buf *out = e == ERR_OK ? conn_out(c) : NULL;
    if (e != ERR_OK) {
        ws_answer_error(c, e == ERR_NOT_FOUND ? &unknown : stream_fault(e), &m->ref);
    } else if (out) {
        size_t frame = ws_frame_begin(out);
        ws_control_unsubscribed(out, m->topic.data, m->topic.len, &m->ref);
        ws_frame_end(out, frame, WS_TEXT);
    }
}
