#include "frontends/ws/ws.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/counting.h"
#include "delivery/description.h"
#include "delivery/stream.h"
#include "frontends/ws/ws_control.h"
#include "frontends/ws/ws_encoding.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_handshake.h"
#include "http/exchange.h"
#include "http/http_access.h"
#include "http/http_quota.h"
#include "http/publish.h"
#include "utlist.h"

enum {
    CONTROL_MAX = 64 << 10, /* what a control object may have besides its data */
    SILENCE_HEARTBEATS = 3, /* a peer that answers no ping for so many heartbeats is dead */
};

/* A publish under way: its answer echoes the ref. Answers come in order. */
struct pending {
    struct pending *next;
    size_t ref_len; /* 0 = none */
    char ref[];
};

/* A subscription that takes work (subscribe_need) and waits for its turn, once or often.
 * Nothing that came behind it is read until then. */
struct waiting {
    struct counting *counting; /* NULL = not begun */
    struct after after;
    size_t topic_len, ref_len;
    char text[]; /* topic, and `ref` if there is one */
};

/*
 *   OPEN ---> LEAVING ---> CLOSED
 */
enum ws_phase {
    WS_OPEN,
    WS_LEAVING, /* reads no more; its close frame waits for what is due, see is_due() */
    WS_CLOSED,  /* a close frame was sent */
};

struct ws {
    struct stream stream;
    struct ws_reader *reader; /* NULL between frames: most receive only, and are many */
    bool raw;
    bool deflate;     /* permessage-deflate was negotiated */
    bool published;   /* it has, and perhaps waits for its own messages */
    uint8_t phase;    /* enum ws_phase; one writer: set_phase() */
    uint32_t heard_s; /* monotonic seconds of the last input */
    uint32_t inflight;
    uint16_t close_code;     /* LEAVING: what the close frame will say */
    struct pending *pending; /* the last one, whose next is the first; NULL = none */
    union {
        struct waiting *waiting; /* OPEN; NULL = none */
        const char *close_text;  /* LEAVING: a constant, or NULL */
    };
};

static struct transport ws_transport = {.name = "ws", .subscribes = true};

static struct ws *ws_of(struct conn *c)
{
    return c->state;
}

static const struct encoding *encoding_of(const struct ws *ws)
{
    if (ws->deflate)
        return ws->raw ? &ws_encoding_raw_deflate : &ws_encoding_envelope_deflate;
    return ws->raw ? &ws_encoding_raw : &ws_encoding_envelope;
}

static void format_offset(const struct conn *c, uint64_t offset, char *out)
{
    cursor_format(out, offset, worker_of(c)->replay.log->epoch);
}

static void drop_waiting(struct ws *ws)
{
    if (ws->phase != WS_OPEN || !ws->waiting)
        return;
    counting_free(ws->waiting->counting);
    free(ws->waiting);
    ws->waiting = NULL;
}

static void set_phase(struct ws *ws, enum ws_phase phase)
{
    drop_waiting(ws);
    ws->phase = (uint8_t)phase;
}

/* --- the end --- */

/* Sends a close frame and ends the connection when it is out. */
static void end_now(struct conn *c, unsigned code, const char *reason)
{
    char frame[WS_CONTROL_FRAME_MAX];
    struct ws *ws = ws_of(c);
    if (ws->phase == WS_CLOSED)
        return;
    set_phase(ws, WS_CLOSED);
    conn_write(c, frame, ws_frame_close(frame, code, reason));
    conn_finish_after_output(c);
}

/* Something that was accepted before the end is still to be sent: answers to publishes, and to one
 * that publishes its own messages, which a stream that is not at the head has yet to bring. */
static bool is_due(const struct ws *ws)
{
    return ws->inflight || (ws->published && !stream_is_current(&ws->stream));
}

/* Ends a connection that is LEAVING when nothing is due any more. */
static void leave(struct conn *c)
{
    const struct ws *ws = ws_of(c);
    if (ws->phase == WS_LEAVING && !is_due(ws))
        end_now(c, ws->close_code, ws->close_text);
}

/* Reads no more, and sends a close frame behind what is due (RFC 6455 section 5.5.1), but after
 * CONN_FAREWELL_MS in any case. REASON is a constant. */
static void end_with(struct conn *c, unsigned code, const char *reason)
{
    struct ws *ws = ws_of(c);
    if (ws->phase != WS_OPEN)
        return;
    set_phase(ws, WS_LEAVING);
    ws->close_code = (uint16_t)code;
    ws->close_text = reason;
    if (is_due(ws)) {
        conn_pause(c);
        conn_set_deadline(c, loop_now(c->loop) + CONN_FAREWELL_MS);
    }
    leave(c);
}

/* Where to append a frame; NULL when there may be none any more. */
static struct buf *frame_out(struct conn *c)
{
    return ws_of(c)->phase == WS_CLOSED ? NULL : conn_out(c);
}

/* --- what the stream tells --- */

static bool ws_gap(struct stream *s, const struct gap *g, const char *filter, size_t n)
{
    char requested[CURSOR_TEXT_SIZE], resumed[CURSOR_TEXT_SIZE];
    if (ws_of(s->conn)->raw) {
        end_now(s->conn, WS_CLOSE_GAP, gap_reason_name(g->reason));
        return false;
    }
    struct buf *out = frame_out(s->conn);
    if (!out)
        return false;
    cursor_format(requested, g->requested.offset, g->requested.epoch);
    format_offset(s->conn, g->resumed, resumed);
    size_t frame = ws_frame_begin(out);
    ws_control_gap(out, requested, resumed, gap_reason_name(g->reason), filter, n);
    ws_frame_end(out, frame, WS_TEXT);
    return true;
}

static void ws_live(struct stream *s, uint64_t offset, const char *filter, size_t n)
{
    char cursor[CURSOR_TEXT_SIZE];
    struct buf *out;
    if (ws_of(s->conn)->raw || !(out = frame_out(s->conn)))
        return;
    format_offset(s->conn, offset, cursor);
    size_t frame = ws_frame_begin(out);
    ws_control_live(out, cursor, filter, n);
    ws_frame_end(out, frame, WS_TEXT);
}

static void ws_caught_up(struct stream *s)
{
    leave(s->conn);
}

/* --- answers --- */

static void answer_error(struct conn *c, const struct fault *fault, const struct json_slice *ref)
{
    struct buf *out = frame_out(c);
    counter_add(&c->loop->counters, COUNTER_ws_errors, 1);
    if (!out)
        return;
    size_t frame = ws_frame_begin(out);
    ws_control_error(out, fault, ref);
    ws_frame_end(out, frame, WS_TEXT);
}

static void answer_over(struct conn *c, const struct http_quota *q, const struct json_slice *ref)
{
    struct buf *out = frame_out(c);
    counter_add(&c->loop->counters, COUNTER_ws_errors, 1);
    if (!out)
        return;
    size_t frame = ws_frame_begin(out);
    ws_control_over(out, &q->fault, q->retry_s, ref);
    ws_frame_end(out, frame, WS_TEXT);
}

static void answer_conflict(struct conn *c, const struct publish *p, const struct json_slice *ref)
{
    char current[CURSOR_TEXT_SIZE];
    struct buf *out = frame_out(c);
    counter_add(&c->loop->counters, COUNTER_ws_errors, 1);
    if (!out)
        return;
    format_offset(c, p->current, current);
    size_t frame = ws_frame_begin(out);
    ws_control_conflict(out, publish_fault(p->result), current, ref);
    ws_frame_end(out, frame, WS_TEXT);
}

static const struct fault *stream_fault(enum err e)
{
    static const struct fault too_far = {"bad_cursor", "-N reaches back at most 100000 messages"};
    static const struct fault full = {"limit", SUBSCRIBE_FULL};
    static const struct fault unavailable = {"unavailable", "The hub cannot do this now"};
    if (e == ERR_FULL)
        return &full;
    return e == ERR_LIMIT ? &too_far : &unavailable;
}

/* --- control objects --- */

/* M without what only publishing needs. */
static void join(struct conn *c, const struct ws_control *m)
{
    struct stream *s = &ws_of(c)->stream;
    uint64_t offset;
    enum err e =
        stream_join(s, m->topic.data, m->topic.len, encoding_of(ws_of(c)), &m->after, &offset);
    http_quota_settle(c, stream_filters(s));
    struct buf *out = e == ERR_OK ? conn_out(c) : NULL;
    if (e != ERR_OK) {
        answer_error(c, stream_fault(e), &m->ref);
    } else if (out) {
        char cursor[CURSOR_TEXT_SIZE];
        format_offset(c, offset, cursor);
        size_t frame = ws_frame_begin(out);
        ws_control_subscribed(out, m->topic.data, m->topic.len, cursor, &m->ref);
        ws_frame_end(out, frame, WS_TEXT);
        stream_settle(s);
    }
}

static void wait_for_turn(struct conn *c, const struct ws_control *m)
{
    size_t ref = m->ref.data ? m->ref.len : 0;
    struct waiting *waiting = calloc(1, sizeof(*waiting) + m->topic.len + ref);
    if (!waiting) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    waiting->after = m->after;
    waiting->topic_len = m->topic.len;
    waiting->ref_len = ref;
    memcpy(waiting->text, m->topic.data, m->topic.len);
    if (ref)
        memcpy(waiting->text + m->topic.len, m->ref.data, ref);
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

/* What goes wrong will do so again when it joins, and be told there. */
static void go_on_waiting(struct conn *c)
{
    struct waiting *waiting = ws_of(c)->waiting;
    if (!conn_has_whole_slice(c)) {
        conn_yield_for(c, subscribe_need(c, &waiting->after));
        return;
    }
    if (find_place(c, waiting) == ERR_AGAIN)
        return;
    struct ws_control m = {
        .op = WS_OP_SUBSCRIBE,
        .topic = {waiting->text, waiting->topic_len},
        .ref = {waiting->ref_len ? waiting->text + waiting->topic_len : NULL, waiting->ref_len},
        .after = waiting->after,
    };
    ws_of(c)->waiting = NULL;
    join(c, &m);
    free(waiting);
}

static void handle_subscribe(struct conn *c, const struct ws_control *m)
{
    static const struct fault denied = {"forbidden", "Anonymous subscribing is not allowed here"};
    static const struct fault limit = {"limit", "More topics than limits.subscriptions allows"};
    struct http_quota quota;
    budget_charge(&c->loop->work, WORK_SUBSCRIBE);
    if (!http_may(c, ACCESS_SUBSCRIBE))
        answer_error(c, &denied, &m->ref);
    else if (stream_filters(&ws_of(c)->stream) >= worker_settings(c)->subscriptions)
        answer_error(c, &limit, &m->ref);
    else if (!http_quota_subscribe(c, 1, &quota))
        answer_over(c, &quota, &m->ref);
    else if (subscribe_need(c, &m->after) != CONN_NEEDS_LITTLE)
        wait_for_turn(c, m);
    else
        join(c, m);
}

static void handle_unsubscribe(struct conn *c, const struct ws_control *m)
{
    static const struct fault unknown = {"not_subscribed", "There is no such subscription"};
    struct stream *s = &ws_of(c)->stream;
    enum err e = stream_part(s, m->topic.data, m->topic.len);
    http_quota_settle(c, stream_filters(s));
    struct buf *out = e == ERR_OK ? conn_out(c) : NULL;
    if (e != ERR_OK) {
        answer_error(c, e == ERR_NOT_FOUND ? &unknown : stream_fault(e), &m->ref);
    } else if (out) {
        size_t frame = ws_frame_begin(out);
        ws_control_unsubscribed(out, m->topic.data, m->topic.len, &m->ref);
        ws_frame_end(out, frame, WS_TEXT);
    }
}

static bool remember(struct ws *ws, const struct json_slice *ref)
{
    size_t n = ref && ref->data ? ref->len : 0;
    struct pending *p = malloc(sizeof(*p) + n);
    if (!p)
        return false;
    p->ref_len = n;
    if (n)
        memcpy(p->ref, ref->data, n);
    p->next = ws->pending ? ws->pending->next : p;
    if (ws->pending)
        ws->pending->next = p;
    ws->pending = p;
    return true;
}

/* The first one, which is the caller's from now on; NULL: there is none. */
static struct pending *recall(struct ws *ws)
{
    struct pending *last = ws->pending, *first = last ? last->next : NULL;
    if (first == last)
        ws->pending = NULL;
    else
        last->next = first->next;
    return first;
}

static void publish(struct conn *c, const struct message_init *m, const struct json_slice *ref)
{
    struct ws *ws = ws_of(c);
    budget_charge(&c->loop->work, WORK_COMMAND + m->payload_len);
    if (publish_one(c, m) != ERR_OK || !remember(ws, ref)) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    ws->inflight++;
    ws->published = true;
}

static const struct fault *check_publish(struct conn *c, const struct message_init *m)
{
    static const struct fault denied = {"forbidden", "Anonymous publishing is not allowed here"};
    static const struct fault stopping = {"unavailable", "The hub is stopping"};
    if (!http_may(c, ACCESS_PUBLISH))
        return &denied;
    if (c->loop->draining)
        return &stopping;
    return publish_check(worker_settings(c), m);
}

static void handle_publish(struct conn *c, const struct ws_control *m)
{
    const struct fault *fault = check_publish(c, &m->publish);
    struct http_quota quota;
    if (fault)
        answer_error(c, fault, &m->ref);
    else if (!http_quota_publish(c, 1, m->publish.payload_len, &quota))
        answer_over(c, &quota, &m->ref);
    else
        publish(c, &m->publish, &m->ref);
}

static void handle_ping(struct conn *c, const struct ws_control *m)
{
    struct buf *out = conn_out(c);
    if (!out)
        return;
    size_t frame = ws_frame_begin(out);
    ws_control_pong(out, &m->ref);
    ws_frame_end(out, frame, WS_TEXT);
}

static void handle_control(struct conn *c, char *text, size_t n)
{
    static const struct fault no_tokens = {"unsupported", "This hub takes no tokens"};
    struct buf scratch = {0};
    struct ws_control m;
    counter_add(&c->loop->counters, COUNTER_ws_control, 1);
    budget_charge(&c->loop->work, WORK_CONTROL + n * WORK_JSON_BYTE);
    const struct fault *fault = ws_control_parse(text, n, &scratch, &m);
    if (fault)
        answer_error(c, fault, &m.ref);
    else if (m.op == WS_OP_SUBSCRIBE)
        handle_subscribe(c, &m);
    else if (m.op == WS_OP_UNSUBSCRIBE)
        handle_unsubscribe(c, &m);
    else if (m.op == WS_OP_PUBLISH)
        handle_publish(c, &m);
    else if (m.op == WS_OP_AUTH)
        answer_error(c, &no_tokens, &m.ref);
    else
        handle_ping(c, &m);
    buf_finish(&scratch);
}

/* --- frames --- */

static void handle_raw(struct conn *c, const struct ws_event *e)
{
    const struct feed *f = ws_of(c)->stream.sub.feed; /* of one topic, for good */
    size_t n;
    const char *topic = filter_name(f->filters[0], &n);
    struct message_init m = {
        .topic = topic,
        .topic_len = (uint8_t)n,
        .payload = e->data ? e->data : "",
        .payload_len = e->len,
        .kind = e->text ? MESSAGE_TEXT : MESSAGE_BINARY,
    };
    const struct fault *fault = check_publish(c, &m);
    struct http_quota quota;
    if (fault)
        end_with(c, WS_CLOSE_POLICY, fault->message);
    else if (!http_quota_publish(c, 1, m.payload_len, &quota))
        end_with(c, WS_CLOSE_TRY_LATER, "More is published than limits allow");
    else
        publish(c, &m, NULL);
}

static void count_inflated(struct conn *c, const struct ws_event *e)
{
    struct counters *counters = &c->loop->counters;
    if (!e->packed)
        return;
    budget_charge(&c->loop->work, (e->len < WS_PIECE ? e->len : WS_PIECE) * WORK_INFLATED_BYTE);
    counter_add(counters, COUNTER_ws_inflated, 1);
    counter_add(counters, COUNTER_ws_inflated_packed_bytes, e->packed);
    counter_add(counters, COUNTER_ws_inflated_bytes, e->len);
}

static void handle_message(struct conn *c, const struct ws_event *e)
{
    static const struct fault binary = {"bad_json", "Control objects are text frames"};
    count_inflated(c, e);
    if (ws_of(c)->raw)
        handle_raw(c, e);
    else if (!e->text)
        answer_error(c, &binary, NULL);
    else
        handle_control(c, e->data, e->len);
}

static void handle_event(struct conn *c, const struct ws_event *e)
{
    char frame[WS_CONTROL_FRAME_MAX];
    budget_charge(&c->loop->work, WORK_FRAME);
    switch (e->type) {
    case WS_EVENT_NONE:
    case WS_EVENT_PONG:
        break;
    case WS_EVENT_PIECE:
        budget_charge(&c->loop->work, e->len * WORK_INFLATED_BYTE);
        break;
    case WS_EVENT_MESSAGE:
        handle_message(c, e);
        break;
    case WS_EVENT_PING:
        conn_write(c, frame, ws_frame_control(frame, WS_PONG, e->data, e->len));
        break;
    case WS_EVENT_CLOSE:
        end_with(c, e->code, NULL);
        break;
    case WS_EVENT_ERROR:
        end_with(c, e->code, e->reason);
        break;
    }
}

static bool takes_input(struct conn *c, const struct ws *ws)
{
    if (!conn_is_open(c) || ws->phase != WS_OPEN || ws->waiting || conn_is_congested(c))
        return false;
    return ws->inflight < worker_settings(c)->inflight && !worker_must_wait(worker_of(c), c) &&
           conn_may_go_on(c);
}

static bool create_reader(struct conn *c, struct ws *ws)
{
    const struct settings *s = worker_settings(c);
    ws->reader = malloc(sizeof(*ws->reader));
    if (!ws->reader) {
        conn_close(c, CLOSE_NOMEM);
        return false;
    }
    /* Base64 and escapes make a message longer in its control object. */
    ws_reader_init(ws->reader,
                   ws->raw ? s->max_message_bytes : 2 * s->max_message_bytes + CONTROL_MAX,
                   ws->deflate);
    return true;
}

static void drop_reader(struct ws *ws)
{
    if (ws->reader)
        ws_reader_finish(ws->reader);
    free(ws->reader);
    ws->reader = NULL;
}

static size_t ws_input(struct conn *c, char *data, size_t n)
{
    struct ws *ws = ws_of(c);
    size_t left = n;
    enum ws_event_type type = WS_EVENT_MESSAGE;
    ws->heard_s = (uint32_t)(loop_now(c->loop) / 1000);
    if (ws->phase == WS_OPEN && ws->waiting)
        go_on_waiting(c);
    if (ws->phase == WS_OPEN && ws->waiting)
        return 0;
    if (ws->phase != WS_OPEN || (!ws->reader && !create_reader(c, ws)))
        return n;
    while (type != WS_EVENT_NONE && takes_input(c, ws)) {
        struct ws_event e;
        type = ws_reader_feed(ws->reader, &data, &left, &e);
        if (type != WS_EVENT_NONE)
            handle_event(c, &e);
    }
    if (type == WS_EVENT_NONE && ws_reader_idle(ws->reader))
        drop_reader(ws);
    if (ws->phase != WS_OPEN)
        return n; /* nothing counts behind the end: section 1.4 */
    if (c->yielded)
        return n - left;
    if (type != WS_EVENT_NONE && conn_is_open(c))
        conn_pause(c); /* resumed by an answer, room in the hub, or output that has left */
    else if (c->input_over)
        end_with(c, WS_CLOSE_NO_STATUS, NULL);
    return n - left;
}

/* What it sent before counts, also frames that wait to be taken. */
static void ws_input_ended(struct conn *c)
{
    const struct ws *ws = ws_of(c);
    if (ws->phase == WS_OPEN && c->in)
        return; /* ws_input() will see the end */
    end_with(c, WS_CLOSE_NO_STATUS, NULL);
}

/* The close frame is the only place that can tell it: it says this, whoever closes. */
static void fail_raw(struct conn *c, enum err e)
{
    struct ws *ws = ws_of(c);
    end_with(c, WS_CLOSE_TRY_LATER, publish_fault(e)->message);
    ws->close_code = WS_CLOSE_TRY_LATER;
    ws->close_text = publish_fault(e)->message;
}

static void ws_answered(struct conn *c, struct publish *p)
{
    struct ws *ws = ws_of(c);
    struct pending *pending = recall(ws);
    struct json_slice ref = {pending->ref_len ? pending->ref : NULL, pending->ref_len};
    struct buf *out = ws->raw ? NULL : frame_out(c);
    ws->inflight--;
    if (p->result != ERR_OK && ws->raw) {
        fail_raw(c, p->result);
    } else if (p->result == ERR_CONFLICT && out) {
        answer_conflict(c, p, &ref);
    } else if (p->result != ERR_OK && out) {
        answer_error(c, publish_fault(p->result), &ref);
    } else if (out) {
        char id[CURSOR_TEXT_SIZE];
        format_offset(c, p->items[0].offset, id);
        size_t frame = ws_frame_begin(out);
        ws_control_published(out, id, &ref);
        ws_frame_end(out, frame, WS_TEXT);
    }
    free(pending);
    leave(c);
    if (!c->reading && ws->phase == WS_OPEN)
        conn_resume(c);
}

static void ws_drained(struct conn *c)
{
    stream_drained(&ws_of(c)->stream);
}

static void ws_busy(struct conn *c)
{
    stream_busy(&ws_of(c)->stream);
}

static bool is_silent(const struct conn *c, const struct ws *ws)
{
    uint64_t limit = SILENCE_HEARTBEATS * worker_settings(c)->heartbeat_ms + 1000;
    return loop_now(c->loop) - (uint64_t)ws->heard_s * 1000 >= limit;
}

static void give_up(struct conn *c)
{
    counter_add(&c->loop->counters, COUNTER_ws_silent, 1);
    conn_close(c, CLOSE_RESET);
}

static void ws_timeout(struct conn *c)
{
    char frame[WS_CONTROL_FRAME_MAX];
    const struct settings *s = worker_settings(c);
    const struct ws *ws = ws_of(c);
    uint64_t now = loop_now(c->loop);
    if (ws->phase == WS_LEAVING) {
        end_now(c, ws->close_code, ws->close_text);
        return;
    }
    conn_set_deadline(c, now + s->heartbeat_ms);
    if (conn_is_stuck(c))
        conn_close(c, CLOSE_WRITE_TIMEOUT);
    else if (c->reading && is_silent(c, ws))
        give_up(c);
    else if (!conn_is_busy(c))
        conn_write(c, frame, ws_frame_control(frame, WS_PING, NULL, 0));
}

static void ws_finish(struct conn *c)
{
    struct ws *ws = ws_of(c);
    if (!ws)
        return;
    drop_waiting(ws);
    stream_finish(&ws->stream);
    drop_reader(ws);
    while (ws->pending)
        free(recall(ws));
    free(ws);
    c->state = NULL;
}

static void ws_shutdown(struct conn *c)
{
    end_with(c, WS_CLOSE_GOING_AWAY, "The hub is stopping");
}

static void ws_kicked(struct conn *c)
{
    end_with(c, WS_CLOSE_GOING_AWAY, "Ended by the administrator");
}

static size_t ws_held(const struct conn *c)
{
    const struct ws *ws = c->state;
    size_t reader = ws->reader ? sizeof(*ws->reader) + ws_reader_held(ws->reader) : 0;
    size_t waiting = ws->phase == WS_OPEN && ws->waiting ? counting_held(ws->waiting->counting) : 0;
    return reader + waiting + ws->inflight * sizeof(struct pending) + stream_held(&ws->stream);
}

static void ws_refuse(struct conn *c)
{
    drop_reader(ws_of(c));
    if (ws_of(c)->phase == WS_OPEN)
        end_now(c, WS_CLOSE_TRY_LATER, "The hub holds as much for its clients as it may");
    else
        conn_close(c, CLOSE_MEMORY);
}

static void ws_describe(struct conn *c, struct description *d)
{
    stream_describe(&ws_of(c)->stream, d);
    d->deflate = ws_of(c)->deflate;
}

static const struct protocol ws_protocol = {
    .name = "ws",
    .transport = &ws_transport,
    .input = ws_input,
    .input_ended = ws_input_ended,
    .drained = ws_drained,
    .busy = ws_busy,
    .timeout = ws_timeout,
    .finish = ws_finish,
    .shutdown = ws_shutdown,
    .kicked = ws_kicked,
    .describe = ws_describe,
    .held = ws_held,
    .refuse = ws_refuse,
    .answered = ws_answered,
};

/* --- start --- */

/* 426 with what an upgrade would have to be (RFC 9110 section 15.5.22, RFC 6455 section 4.4). Where
 * there is no Upgrade (RFC 8441), 400. */
static void fail_upgrade(struct exchange *x, const char *detail)
{
    exchange_add_field(x, "Sec-WebSocket-Version", "13");
    if (x->keyless) {
        exchange_fail(x, 400, detail);
        return;
    }
    exchange_add_field(x, "Upgrade", "websocket");
    exchange_add_field(x, "Connection", "Upgrade");
    exchange_fail(x, 426, detail);
}

static enum ws_handshake_result read_handshake(const struct exchange *x, struct ws_handshake *ret)
{
    /* Others could not share what is compressed for a smaller window. */
    return ws_handshake_read(x->fields, x->keyless, worker_settings(x->conn)->ws_deflate,
                             WS_WINDOW_MAX, ret);
}

/* Checks the handshake (RFC 6455 section 4.2.1). False: answered. */
static bool check_handshake(struct exchange *x, struct ws_handshake *h)
{
    switch (read_handshake(x, h)) {
    case WS_HANDSHAKE_OK:
        if (!x->conn->loop->draining)
            return true;
        exchange_fail_later(x, 503, 5, "The hub is stopping");
        return false;
    case WS_HANDSHAKE_VERSION:
        fail_upgrade(x, "The hub speaks version 13 of the WebSocket protocol");
        return false;
    case WS_HANDSHAKE_KEY:
        exchange_fail(x, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
        return false;
    case WS_HANDSHAKE_EXTENSION:
        exchange_fail(x, 400, "Sec-WebSocket-Extensions is malformed");
        return false;
    case WS_HANDSHAKE_NOMEM:
        break;
    }
    exchange_fail_later(x, 503, 1, "The hub is out of memory");
    return false;
}

static void answer_handshake(struct exchange *x, const struct ws *ws)
{
    struct ws_handshake h;
    struct buf lines = {0};
    if (read_handshake(x, &h) == WS_HANDSHAKE_OK) {
        h.protocol &= !ws->raw;
        ws_handshake_answer(&h, &lines);
    } else {
        lines.failed = true; /* memory is out: check_handshake has read the same */
    }
    exchange_upgrade(x, &lines);
    buf_finish(&lines);
}

/* From here on the connection is a WebSocket. */
static void ws_started(struct stream *s, uint64_t offset)
{
    struct ws *ws = (struct ws *)s;
    struct conn *c = s->conn;
    (void)offset;
    answer_handshake(exchange_of(c), ws);
    conn_set_protocol(c, &ws_protocol, ws);
    ws->heard_s = (uint32_t)(loop_now(c->loop) / 1000);
    conn_set_deadline(c, loop_now(c->loop) + worker_settings(c)->heartbeat_ms);
}

static const struct stream_ops ws_stream_ops = {
    .transport = &ws_transport,
    .started = ws_started,
    .gap = ws_gap,
    .live = ws_live,
    .caught_up = ws_caught_up,
};

static struct ws *create(const struct subscription *sub, const struct ws_handshake *h)
{
    struct ws *ws = calloc(1, sizeof(*ws));
    if (!ws)
        return NULL;
    ws->raw = sub->raw;
    ws->deflate = h->extension.deflate;
    return ws;
}

static void fail_start(struct exchange *x, struct ws *ws, enum err e)
{
    free(ws);
    subscribe_fail(x, e);
}

void ws_start(struct exchange *x, const struct subscription *sub)
{
    static const struct after latest = {.kind = AFTER_LATEST};
    struct ws_handshake h;
    bool empty = sub->spec.count == 0;
    if (!check_handshake(x, &h))
        return;
    struct ws *ws = create(sub, &h);
    if (!ws) {
        exchange_fail_later(x, 503, 1, "The hub is out of memory");
        return;
    }
    stream_init(&ws->stream, x->conn, &ws_stream_ops);
    ws->stream.told_live = empty; /* no topic yet: nothing to be live about */
    enum err e =
        stream_start(&ws->stream, &sub->spec, encoding_of(ws), empty ? &latest : &sub->after);
    if (e != ERR_OK)
        fail_start(x, ws, e);
}

/* --- what every worker does for them --- */

static void count_compressed(struct worker *w)
{
    struct ws_encoding_tally tally = ws_encoding_take_tally();
    if (!tally.messages)
        return;
    counter_add(&w->loop.counters, COUNTER_ws_deflated, tally.messages);
    counter_add(&w->loop.counters, COUNTER_ws_deflated_plain_bytes, tally.plain_bytes);
    counter_add(&w->loop.counters, COUNTER_ws_deflated_bytes, tally.packed_bytes);
}

/* Counts what was compressed; gives the memory for it back. */
const struct frontend ws_frontend = {
    .transport = &ws_transport,
    .encodings = ws_encodings,
    .part = {.end_turn = count_compressed, .end_thread = ws_deflate_finish_thread},
};

void ws_http_run(struct exchange *x)
{
    if (x->websocket)
        subscribe_http_websocket(x);
    else
        fail_upgrade(x, "This path is for WebSockets");
}
