#include "frontends/ws/ws.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/attendance.h"
#include "delivery/counting.h"
#include "delivery/description.h"
#include "delivery/stream.h"
#include "delivery/stream_rights.h"
#include "frontends/ws/ws_control.h"
#include "frontends/ws/ws_encoding.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_handshake.h"
#include "http/audit.h"
#include "http/bearer.h"
#include "http/exchange.h"
#include "http/http_access.h"
#include "http/http_quota.h"
#include "http/publish.h"
#include "http/tokens.h"
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

/* What takes more than one turn, and comes one after the other. Nothing that came behind it is read
 * until then.
 *
 * A subscription that takes work (subscribe_need) waits for its turn, once or often; one of the URL
 * of a client that is WAITING, for its token. */
struct waiting {
    struct waiting *next;
    struct counting *counting; /* NULL = not begun */
    struct after after;
    size_t topic_len, ref_len;
    bool granted, has_quota;
    bool judging; /* it is a token that is being verified, and no subscription */
    bool silent;  /* it stands for one that has still to come: until then the phase is WAITING */
    uint32_t until_s;          /* SILENT: for how long that is waited for, monotonic s */
    struct tokens_check check; /* JUDGING */
    struct conn *conn;         /* likewise */
    char text[];               /* topic, and `ref` if there is one */
};

/*
 *   WAITING ---> OPEN ---> LEAVING ---> CLOSED
 *      for its token
 */
enum ws_phase {
    WS_OPEN,
    WS_WAITING, /* says nothing that counts before `auth` */
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
        struct waiting *waiting; /* WAITING, OPEN; NULL = none */
        const char *close_text;  /* LEAVING: a constant, or NULL */
    };
};

static struct transport ws_transport = {.name = "ws", .subscribes = true, .attends = true};

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

/* Reads what comes, or will. */
static bool is_listening(const struct ws *ws)
{
    return ws->phase == WS_OPEN || ws->phase == WS_WAITING;
}

/* The first of what it waits for has come, or is given up. */
static void end_waiting(struct ws *ws)
{
    struct waiting *waiting = ws->waiting;
    ws->waiting = waiting->next;
    tokens_forget(&waiting->check);
    counting_free(waiting->counting);
    free(waiting);
}

static void drop_waiting(struct ws *ws)
{
    while (is_listening(ws) && ws->waiting)
        end_waiting(ws);
}

static void set_phase(struct ws *ws, enum ws_phase phase)
{
    if (phase > WS_WAITING)
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
    if (!is_listening(ws))
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

/* The next ping, or the end of waiting for a token. */
static void set_deadline(struct conn *c)
{
    const struct ws *ws = ws_of(c);
    uint64_t at = loop_now(c->loop) + worker_settings(c)->heartbeat_ms;
    for (const struct waiting *w = ws->phase == WS_WAITING ? ws->waiting : NULL; w; w = w->next)
        if (w->silent && (uint64_t)w->until_s * 1000 < at)
            at = (uint64_t)w->until_s * 1000;
    conn_set_deadline(c, at);
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

/* For M, or its token; NULL: out of memory, C ends. */
static struct waiting *waiting_create(struct conn *c, const struct ws_control *m)
{
    size_t topic = m->topic.data ? m->topic.len : 0, ref = m->ref.data ? m->ref.len : 0;
    struct waiting *waiting = calloc(1, sizeof(*waiting) + topic + ref);
    if (!waiting) {
        conn_close(c, CLOSE_NOMEM);
        return NULL;
    }
    waiting->conn = c;
    waiting->after = m->after;
    waiting->topic_len = topic;
    waiting->ref_len = ref;
    if (topic)
        memcpy(waiting->text, m->topic.data, topic);
    if (ref)
        memcpy(waiting->text + topic, m->ref.data, ref);
    return waiting;
}

static void wait_for_turn(struct conn *c, const struct ws_control *m)
{
    struct waiting *waiting = waiting_create(c, m);
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

/* What was asked for; borrowed. */
static struct ws_control asked(const struct waiting *waiting)
{
    const char *ref = waiting->text + waiting->topic_len;
    return (struct ws_control){
        .op = WS_OP_SUBSCRIBE,
        .topic = {(char *)(uintptr_t)waiting->text, waiting->topic_len},
        .ref = {waiting->ref_len ? (char *)(uintptr_t)ref : NULL, waiting->ref_len},
        .after = waiting->after,
    };
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

/* Whether C may; false: answered. */
static bool may_use(struct conn *c, enum access_right right, const char *topic, size_t n,
                    const struct json_slice *ref)
{
    struct access_reason reason;
    struct buf text = {0};
    if (http_may_topic(c, right, topic, n, &reason))
        return true;
    access_reason_put(&reason, topic, n, &text);
    buf_putc(&text, '\0');
    struct fault denied = {http_lacks_token(c) ? "unauthorized" : "forbidden",
                           text.failed ? "This is not allowed here" : text.data};
    answer_error(c, &denied, ref);
    buf_finish(&text);
    return false;
}

/* What was asked for by `subscribe` has it. False: answered. */
static bool take_quota(struct conn *c, const struct waiting *waiting)
{
    struct json_slice ref = asked(waiting).ref;
    struct http_quota quota;
    if (waiting->has_quota || http_quota_subscribe(c, 1, &quota))
        return true;
    answer_over(c, &quota, &ref);
    return false;
}

/* The subscriptions that wait, one after the other. */
static void go_on_waiting(struct conn *c)
{
    struct ws *ws = ws_of(c);
    struct waiting *waiting;
    while (ws->phase == WS_OPEN && (waiting = ws->waiting) && !waiting->judging) {
        struct ws_control m = asked(waiting);
        waiting->granted =
            waiting->granted || may_use(c, ACCESS_SUBSCRIBE, m.topic.data, m.topic.len, &m.ref);
        if (waiting->granted && !has_place(c, waiting))
            return;
        m.after = waiting->after;
        if (waiting->granted && take_quota(c, waiting))
            join(c, &m);
        if (ws->phase == WS_OPEN)
            end_waiting(ws);
        if (!conn_is_open(c))
            return;
    }
}

static void handle_subscribe(struct conn *c, const struct ws_control *m)
{
    static const struct fault limit = {"limit", "More topics than limits.subscriptions allows"};
    struct http_quota quota;
    budget_charge(&c->loop->work, WORK_SUBSCRIBE);
    if (!may_use(c, ACCESS_SUBSCRIBE, m->topic.data, m->topic.len, &m->ref))
        return;
    if (stream_filters(&ws_of(c)->stream) >= worker_settings(c)->subscriptions)
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
    static const struct fault stopping = {"unavailable", "The hub is stopping"};
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
    else if (!may_use(c, ACCESS_PUBLISH, m->publish.topic, m->publish.topic_len, &m->ref))
        return;
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

/* --- tokens --- */

/* Nothing before its token; a token that does not count is as none. */
static void answer_silent(struct conn *c, const struct json_slice *ref)
{
    static const struct fault silent = {"unauthorized",
                                        "The first thing here is auth with a token"};
    audit_silent(c);
    answer_error(c, &silent, ref);
}

static bool keep_nothing(void *ctx, const char *filter, size_t n)
{
    (void)ctx;
    (void)filter;
    (void)n;
    return false;
}

static void answer_authenticated(struct conn *c, const struct principal *p,
                                 const struct json_slice *ref)
{
    struct buf *out = frame_out(c);
    if (!out)
        return;
    size_t frame = ws_frame_begin(out);
    ws_control_authenticated(out, p->expires_s, ref);
    ws_frame_end(out, frame, WS_TEXT);
}

static void judge_again(struct conn *c)
{
    struct stream *s = &ws_of(c)->stream;
    stream_judge(s, http_may_keep, c);
    http_quota_settle(c, stream_filters(s));
}

/* From now on it has P. What it waited with goes on. */
static void renew(struct conn *c, struct principal *p, const struct json_slice *ref)
{
    static const struct fault other = {"forbidden",
                                       "The sub of a token must be that of the former one"};
    const struct principal *before = bearer_of(c);
    struct http_quota quota;
    struct ws *ws = ws_of(c);
    if (before && strcmp(before->sub, p->sub) != 0) {
        answer_error(c, &other, ref);
        return;
    }
    if (bearer_set(c, p) != ERR_OK) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    attendance_known(c);
    if (!http_quota_join(c, stream_filters(&ws->stream), &quota)) {
        answer_over(c, &quota, ref);
        end_with(c, WS_CLOSE_TRY_LATER, "More connections than its client may have");
        return;
    }
    answer_authenticated(c, p, ref);
    if (ws->phase == WS_WAITING) {
        set_phase(ws, WS_OPEN);
        end_waiting(ws);
        go_on_waiting(c);
    } else {
        judge_again(c);
    }
}

/* From now on it is WAITING for a token, in front of what it waits for. */
static bool begin_silence(struct conn *c, struct ws *ws)
{
    struct waiting *waiting = waiting_create(c, &(struct ws_control){0});
    if (!waiting)
        return false;
    uint64_t until = loop_now(c->loop) + worker_settings(c)->auth_timeout_ms;
    waiting->silent = true;
    waiting->until_s = (uint32_t)((until + 999) / 1000);
    waiting->next = ws->waiting;
    ws->waiting = waiting;
    set_phase(ws, WS_WAITING);
    return true;
}

/* The token that it brought does not count: if it has no other, it is not taken for none. */
static void refuse_token(struct conn *c, const struct token_why *why, const struct json_slice *ref)
{
    bool over = why->fault == TOKEN_EXPIRED || why->fault == TOKEN_REVOKED;
    struct fault fault = {over ? token_fault_name(why->fault) : "unauthorized", why->text};
    audit_token(c, why->fault);
    answer_error(c, &fault, ref);
    if (!bearer_of(c) && ws_of(c)->phase == WS_OPEN && begin_silence(c, ws_of(c))) {
        stream_judge(&ws_of(c)->stream, keep_nothing, NULL);
        http_quota_settle(c, 0);
        set_deadline(c);
    }
}

static void judge_token(struct conn *c, const struct token_verdict *v, const struct json_slice *ref)
{
    static const struct fault later = {"unavailable", "The hub cannot verify the token now"};
    if (v->result == ERR_OK)
        renew(c, v->principal, ref);
    else if (v->result == ERR_ACCESS)
        refuse_token(c, &v->why, ref);
    else
        answer_error(c, &later, ref);
}

static void verified(struct tokens_check *k, const struct token_verdict *v)
{
    struct waiting *waiting = (struct waiting *)((char *)k - offsetof(struct waiting, check));
    struct conn *c = waiting->conn;
    struct ws *ws = ws_of(c);
    struct json_slice ref = asked(waiting).ref;
    ws->waiting = waiting->next;
    judge_token(c, v, &ref);
    free(waiting);
    if (conn_is_open(c) && is_listening(ws))
        conn_resume(c);
}

static void handle_auth(struct conn *c, const struct ws_control *m)
{
    static const struct fault no_tokens = {"unsupported", "This hub takes no tokens"};
    struct ws *ws = ws_of(c);
    struct ws_control ref = {.ref = m->ref};
    struct token_verdict v;
    if (!http_takes_tokens(c)) {
        answer_error(c, &no_tokens, &m->ref);
        return;
    }
    struct waiting *waiting = waiting_create(c, &ref);
    if (!waiting)
        return;
    waiting->check.done = verified;
    const struct auth_subject s = {.conn = c, .token = m->token.data, .token_len = m->token.len};
    if (tokens_ask(&s, &waiting->check, &v)) {
        free(waiting);
        judge_token(c, &v, &m->ref);
        return;
    }
    waiting->judging = true;
    waiting->next = ws->waiting;
    ws->waiting = waiting;
}

/* Its rights are over: nothing is delivered from now on; what it has published is answered. */
static void ws_rights(struct conn *c, enum rights_event e)
{
    struct ws *ws = ws_of(c);
    bool expired = e == RIGHTS_EXPIRED;
    if (e == RIGHTS_CHANGED && ws->phase == WS_OPEN)
        judge_again(c);
    if ((!expired && e != RIGHTS_REVOKED) || !is_listening(ws))
        return;
    stream_finish(&ws->stream);
    struct buf *out = ws->raw ? NULL : frame_out(c);
    if (out) {
        size_t frame = ws_frame_begin(out);
        ws_control_expired(out, expired ? "expired" : "revoked");
        ws_frame_end(out, frame, WS_TEXT);
    }
    end_with(c, WS_CLOSE_UNAUTHORIZED,
             expired ? "The token has expired" : "The token has been revoked");
}

static void handle_control(struct conn *c, char *text, size_t n)
{
    struct buf scratch = {0};
    struct ws_control m;
    counter_add(&c->loop->counters, COUNTER_ws_control, 1);
    budget_charge(&c->loop->work, WORK_CONTROL + n * WORK_JSON_BYTE);
    const struct fault *fault = ws_control_parse(text, n, &scratch, &m);
    if (fault)
        answer_error(c, fault, &m.ref);
    else if (ws_of(c)->phase == WS_WAITING && m.op != WS_OP_AUTH)
        answer_silent(c, &m.ref);
    else if (m.op == WS_OP_SUBSCRIBE)
        handle_subscribe(c, &m);
    else if (m.op == WS_OP_UNSUBSCRIBE)
        handle_unsubscribe(c, &m);
    else if (m.op == WS_OP_PUBLISH)
        handle_publish(c, &m);
    else if (m.op == WS_OP_AUTH)
        handle_auth(c, &m);
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
    struct access_reason reason;
    if (fault)
        end_with(c, WS_CLOSE_POLICY, fault->message);
    else if (!http_may_topic(c, ACCESS_PUBLISH, topic, n, &reason))
        end_with(c, WS_CLOSE_POLICY, "Publishing to this topic is not allowed here");
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

/* What came is to be dealt with before anything else is read. */
static bool must_wait(const struct ws *ws)
{
    return ws->waiting && !ws->waiting->silent;
}

static bool takes_input(struct conn *c, const struct ws *ws)
{
    if (!conn_is_open(c) || !is_listening(ws) || must_wait(ws) || conn_is_congested(c))
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
    if (is_listening(ws) && must_wait(ws))
        return 0;
    if (!is_listening(ws) || (!ws->reader && !create_reader(c, ws)))
        return n;
    while (type != WS_EVENT_NONE && takes_input(c, ws)) {
        struct ws_event e;
        type = ws_reader_feed(ws->reader, &data, &left, &e);
        if (type != WS_EVENT_NONE)
            handle_event(c, &e);
    }
    if (type == WS_EVENT_NONE && ws_reader_idle(ws->reader))
        drop_reader(ws);
    if (!is_listening(ws))
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
    if (is_listening(ws) && c->in)
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
    if (!c->reading && is_listening(ws))
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

/* No token came in time. */
static bool is_silent_too_long(const struct conn *c, const struct ws *ws)
{
    const struct waiting *last = ws->phase == WS_WAITING ? ws->waiting : NULL;
    while (last && !last->silent)
        last = last->next;
    return last && loop_now(c->loop) >= (uint64_t)last->until_s * 1000;
}

static void end_silence(struct conn *c)
{
    audit_silent(c);
    end_with(c, WS_CLOSE_UNAUTHORIZED, "No token came in time");
}

static void ws_timeout(struct conn *c)
{
    char frame[WS_CONTROL_FRAME_MAX];
    const struct ws *ws = ws_of(c);
    if (ws->phase == WS_LEAVING) {
        end_now(c, ws->close_code, ws->close_text);
        return;
    }
    set_deadline(c);
    if (is_silent_too_long(c, ws))
        end_silence(c);
    else if (conn_is_stuck(c))
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

static size_t held_by_waiting(const struct ws *ws)
{
    size_t held = 0;
    if (!is_listening(ws))
        return 0;
    for (const struct waiting *w = ws->waiting; w; w = w->next)
        held += sizeof(*w) + w->topic_len + w->ref_len + counting_held(w->counting);
    return held;
}

static size_t ws_held(const struct conn *c)
{
    const struct ws *ws = c->state;
    size_t reader = ws->reader ? sizeof(*ws->reader) + ws_reader_held(ws->reader) : 0;
    return reader + held_by_waiting(ws) + ws->inflight * sizeof(struct pending) +
           stream_held(&ws->stream);
}

static void ws_refuse(struct conn *c)
{
    drop_reader(ws_of(c));
    if (is_listening(ws_of(c)))
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
    .rights = ws_rights,
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
    set_deadline(c);
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
    drop_waiting(ws);
    free(ws);
    subscribe_fail(x, e);
}

/* All of SUB is to be subscribed to when a token has come: WS, which has no connection yet. */
static enum err put_off(struct ws *ws, struct conn *c, const struct subscription *sub)
{
    for (uint32_t i = sub->spec.count; i > 0; i--) {
        struct ws_control m = {.after = sub->after};
        m.topic.data = (char *)(uintptr_t)filter_name(sub->spec.filters[i - 1], &m.topic.len);
        struct waiting *waiting = waiting_create(c, &m);
        if (!waiting)
            return ERR_NOMEM;
        waiting->next = ws->waiting;
        ws->waiting = waiting;
    }
    return begin_silence(c, ws) ? ERR_OK : ERR_NOMEM;
}

static enum err begin(struct ws *ws, struct conn *c, const struct subscription *sub)
{
    static const struct after latest = {.kind = AFTER_LATEST};
    struct feed_spec none;
    bool empty = sub->spec.count == 0 || sub->awaits_token;
    feed_spec_init(&none, worker_of(c)->feeds);
    stream_init(&ws->stream, c, &ws_stream_ops);
    ws->stream.told_live = empty; /* no topic yet: nothing to be live about */
    enum err e = stream_start(&ws->stream, empty ? &none : &sub->spec, encoding_of(ws),
                              empty ? &latest : &sub->after);
    feed_spec_finish(&none);
    return e;
}

void ws_start(struct exchange *x, const struct subscription *sub)
{
    struct ws_handshake h;
    if (!check_handshake(x, &h))
        return;
    struct ws *ws = create(sub, &h);
    if (!ws) {
        exchange_fail_later(x, 503, 1, "The hub is out of memory");
        return;
    }
    enum err e = sub->awaits_token ? put_off(ws, x->conn, sub) : ERR_OK;
    if (e == ERR_OK)
        e = begin(ws, x->conn, sub);
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

static void end_thread(struct worker *w)
{
    (void)w;
    ws_deflate_finish_thread();
}

/* Counts what was compressed; gives the memory for it back. */
const struct frontend ws_frontend = {
    .transport = &ws_transport,
    .encodings = ws_encodings,
    .part = {.end_turn = count_compressed, .end_thread = end_thread},
};

void ws_http_run(struct exchange *x)
{
    if (x->websocket)
        subscribe_http_websocket(x);
    else
        fail_upgrade(x, "This path is for WebSockets");
}
