#include "http/h1/h1.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/worker.h"
#include "http/dispatch.h"
#include "http/h1/http_response.h"
#include "http/http_now.h"
#include "http/shared_answer.h"

enum {
    HEADERS_MAX = 100,
    BODY_BYTES_PER_MS = 4,   /* a body that is slower for long is cut off */
    CREATED_BYTES = 400,     /* about what the answer to a publish takes */
    CREATED_ROOM = 64 << 10, /* bytes of such answers that room is made for at once */
    CONNECTION_LINE = 64,    /* room for what the connection is told of itself */
};

static const char no_memory[] = "The hub is out of memory";
static const char too_long[] = "The body is longer than the hub takes";

static struct h1 *h1_of(const struct conn *c)
{
    return c->state;
}

static struct h1 *h1_of_exchange(struct exchange *x)
{
    return (struct h1 *)x;
}

/* Of L's turn. */
static const char *date_of(const struct loop *l)
{
    static _Thread_local uint64_t now_ms;
    static _Thread_local const char *date;
    if (!date || now_ms != l->now_ms)
        date = http_now();
    now_ms = l->now_ms;
    return date;
}

static const struct settings *settings_of(const struct conn *c)
{
    return worker_settings(c);
}

static void deadline_in(struct conn *c, uint64_t ms)
{
    conn_set_deadline(c, loop_now(c->loop) + ms);
}

/* --- one exchange --- */

/* As the settings are now; a request that is being read has them, too. */
static const struct http_limits *limits_of(const struct conn *c)
{
    static _Thread_local struct http_limits limits;
    const struct settings *s = settings_of(c);
    limits = (struct http_limits){
        .head_bytes = (uint32_t)s->max_head_bytes,
        .target_bytes = (uint32_t)s->max_head_bytes,
        .headers = HEADERS_MAX,
        .body_bytes =
            s->max_body_bytes > s->max_message_bytes ? s->max_body_bytes : s->max_message_bytes,
    };
    return &limits;
}

static void begin_exchange(struct conn *c, struct h1 *h)
{
    http_request_init(&h->request, limits_of(c));
    h->phase = HTTP_PHASE_IDLE;
    h->exchange.route = NULL;
    h->exchange.url = (struct url){0};
    h->exchange.method = 0;
    conn_set_deadline(c,
                      h->due ? WHEEL_NEVER : loop_now(c->loop) + settings_of(c)->idle_timeout_ms);
}

static void forget_body(struct h1 *h)
{
    if (h->body_borrowed)
        buf_init(&h->exchange.body);
    else
        buf_finish(&h->exchange.body);
    h->body_borrowed = false;
}

static void end_exchange(struct h1 *h)
{
    http_request_finish(&h->request);
    forget_body(h);
    exchange_end(&h->exchange);
}

/* Nothing more is read, and what has been read in part is given up: the connection ends behind the
 * answers that are due. */
static void end_behind_due(struct conn *c, struct h1 *h)
{
    end_exchange(h);
    begin_exchange(c, h);
    h->phase = HTTP_PHASE_ENDING;
    conn_pause(c);
}

static void end_in_order(struct conn *c, struct h1 *h)
{
    if (h->due)
        end_behind_due(c, h);
    else
        conn_finish_after_output(c);
}

/* The answer is written: on to the next request, or to the end. */
static void answered(struct conn *c, struct h1 *h, bool keep_alive)
{
    end_exchange(h);
    begin_exchange(c, h);
    if (!keep_alive)
        end_in_order(c, h);
    else
        conn_resume(c);
}

/* Whether the connection can go on: only if the end of this request is known and was reached. */
static bool keeps_alive(const struct h1 *h)
{
    const struct conn *c = h->exchange.conn;
    bool over = h->last || (c->input_over && !h->more && !c->in);
    return h->request.keep_alive && h->complete && !c->loop->draining && !over;
}

/* --- answers --- */

/* Where an answer to the current request goes: behind those that are due. NULL: the connection
 * ends, or has ended. */
static struct buf *answer_room(struct conn *c, struct h1 *h)
{
    if (!h->due)
        return conn_out(c);
    struct buf *out = http_due_text(&h->due);
    if (!out)
        conn_close(c, CLOSE_NOMEM);
    return out;
}

static void put_answer(struct conn *c, struct buf *out, const struct http_answer *a)
{
    struct counters *counters = &c->loop->counters;
    counter_add(counters, COUNTER_http_requests, 1);
    if (a->status >= 400)
        counter_add(counters, COUNTER_http_errors, 1);
    http_response_answer(out, a, date_of(c->loop));
}

/* An answer to the current request. */
static struct http_answer answer_of(const struct h1 *h, const struct exchange_reply *r)
{
    return (struct http_answer){
        .status = r->status,
        .minor = h->request.minor,
        .keep_alive = keeps_alive(h),
        .head = h->exchange.method == HTTP_HEAD,
        .fields = &h->exchange.lines,
        .guard = r->guard,
        .type = r->type,
        .body = r->body,
        .body_len = r->n,
    };
}

static void h1_reply(struct exchange *x, const struct exchange_reply *r)
{
    struct h1 *h = h1_of_exchange(x);
    struct buf *out = answer_room(x->conn, h);
    struct http_answer a = answer_of(h, r);
    if (!out)
        return;
    put_answer(x->conn, out, &a);
    answered(x->conn, h, a.keep_alive);
}

/* HEAD right before AT of BODY, without copying that, if there is room. */
static void join(struct conn *c, const struct buf *head, struct buf *body, size_t at)
{
    if (head->failed || body->failed) {
        conn_close(c, CLOSE_NOMEM);
    } else if (head->len > at) {
        conn_write(c, head->data, head->len);
        conn_give(c, body, at);
    } else {
        memcpy(body->data + at - head->len, head->data, head->len);
        conn_give(c, body, at - head->len);
    }
}

/* Only what is held until nothing is due answers so. */
static void h1_reply_with(struct exchange *x, const struct exchange_reply *r, struct buf *body,
                          size_t at)
{
    struct conn *c = x->conn;
    struct buf head = {0};
    struct http_answer a = answer_of(h1_of_exchange(x), r);
    a.body_len = body->len - at;
    if (a.head && !body->failed)
        body->len = at;
    a.head = true;
    put_answer(c, &head, &a);
    join(c, &head, body, at);
    buf_finish(&head);
    buf_finish(body);
    if (conn_state(c) != CONN_CLOSED)
        answered(c, h1_of_exchange(x), a.keep_alive);
}

/* --- answers that requests have in common --- */

/* The connection sends them as they are, and keeps what it cannot send now by reference. */
static void refer_shared(struct conn *c, struct blob *b, bool at_once)
{
    size_t sent = at_once ? conn_push(c, b->data, b->len) : 0;
    if (!at_once)
        budget_charge(&c->loop->work, b->len);
    if (sent < b->len)
        conn_keep_rest(c, b, (uint32_t)sent, 0);
}

/* Fails if one of them is missing for want of memory: a page that does not find its CORS header
 * would give up. */
static void put_lines(struct buf *out, const struct buf *lines)
{
    buf_append(out, lines->data, lines->len);
    out->failed |= lines->failed;
}

/* With the lines that this answer has for itself behind the first two. */
static void copy_shared(struct conn *c, const struct h1 *h, const struct blob *b, bool keep_alive)
{
    const struct buf *lines = &h->exchange.lines;
    const size_t start = SHARED_ANSWER_START;
    struct buf *out = conn_out(c);
    if (!out)
        return;
    buf_reserve(out, lines->len + CONNECTION_LINE + b->len);
    buf_append(out, b->data, start);
    put_lines(out, lines);
    http_response_connection(out, h->request.minor, keep_alive);
    buf_append(out, b->data + start, b->len - start);
}

/* Nothing is to be added to it, and nothing is to be sent before. */
static bool is_complete(const struct h1 *h, bool keep_alive)
{
    const struct exchange *x = &h->exchange;
    return keep_alive && h->request.minor > 0 && !x->lines.len && !x->lines.failed &&
           !conn_is_busy(x->conn);
}

static void h1_reply_shared(struct exchange *x, struct blob *b, bool at_once)
{
    struct conn *c = x->conn;
    struct h1 *h = h1_of_exchange(x);
    bool keep_alive = keeps_alive(h);
    counter_add(&c->loop->counters, COUNTER_http_requests, 1);
    if (is_complete(h, keep_alive))
        refer_shared(c, b, at_once);
    else
        copy_shared(c, h, b, keep_alive);
    if (conn_state(c) != CONN_CLOSED)
        answered(c, h, keep_alive);
}

/* --- answers without an end --- */

/* No other request is read in this connection, however the stream ends. */
static struct buf *h1_stream(struct exchange *x, const struct exchange_reply *r)
{
    struct buf *out = conn_out(x->conn);
    counter_add(&x->conn->loop->counters, COUNTER_http_requests, 1);
    if (!out)
        return NULL;
    http_response_start(out, r->status, date_of(x->conn->loop));
    put_lines(out, &x->lines);
    buf_puts(out, r->guard);
    http_response_header(out, "Content-Type", r->type);
    if (x->chunked)
        http_response_header(out, "Transfer-Encoding", "chunked");
    http_response_connection(out, h1_of_exchange(x)->request.minor, false);
    http_response_end(out);
    return out;
}

static void h1_upgrade(struct exchange *x, const struct buf *lines)
{
    struct buf *out = conn_out(x->conn);
    counter_add(&x->conn->loop->counters, COUNTER_http_requests, 1);
    if (!out)
        return;
    http_response_start(out, 101, date_of(x->conn->loop));
    http_response_header(out, "Upgrade", "websocket");
    http_response_header(out, "Connection", "Upgrade");
    put_lines(out, lines);
    http_response_end(out);
}

static void h1_forget_head(struct exchange *x)
{
    http_request_forget_head(&h1_of_exchange(x)->request);
}

/* --- publishes under way, and their answers --- */

/* Hands P over and notes what its answer needs; ERR_NOMEM. CURRENT: as in http_due_answer. */
static enum err hand_over(struct h1 *h, struct publish *p, exchange_published_fn *answer,
                          bool current)
{
    struct conn *c = h->exchange.conn;
    struct http_due_answer *a = http_due_add(&h->due, p, p->bytes);
    if (!a) {
        publish_free(p);
        return ERR_NOMEM;
    }
    a->answer = answer;
    a->text = h->exchange.lines;
    h->exchange.lines = (struct buf){0};
    a->method = h->exchange.method;
    a->minor = h->request.minor;
    a->current = current;
    p->uncounted = true;
    worker_publish(worker_of(c), c, p);
    forget_body(h);
    return ERR_OK;
}

static enum err h1_publish(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                           uint64_t wait_ms)
{
    struct h1 *h = h1_of_exchange(x);
    bool goes_on = !wait_ms && keeps_alive(h);
    enum err e = hand_over(h, p, answer, !goes_on);
    if (e == ERR_OK && goes_on) {
        end_exchange(h);
        begin_exchange(x->conn, h);
    } else if (e == ERR_OK && wait_ms) {
        deadline_in(x->conn, wait_ms);
    }
    return e;
}

/* Whether the connection goes on behind the answer A, the first one. */
static bool keeps_alive_behind(const struct conn *c, const struct http_due_answer *a)
{
    const struct h1 *h = c->state;
    if (a->current)
        return keeps_alive(h);
    return h->phase != HTTP_PHASE_ENDING || h->due->count > 1;
}

static void put_due(struct exchange_answer *x, struct buf *out, const struct exchange_reply *r)
{
    const struct http_due_answer *a = x->due;
    put_answer(x->conn, out,
               &(struct http_answer){
                   .status = r->status,
                   .minor = a->minor,
                   .keep_alive = keeps_alive_behind(x->conn, a),
                   .head = a->method == HTTP_HEAD,
                   .fields = &a->text,
                   .guard = r->guard,
                   .type = r->type,
                   .body = r->body,
                   .body_len = r->n,
               });
}

/* Nearly all answers are so, to HTTP/1.1, in a connection that goes on. */
static bool is_plain(const struct conn *c, const struct http_due_answer *a,
                     const struct exchange_reply *r)
{
    return r->status == 201 && r->type == exchange_json && a->minor == 1 && !a->text.len &&
           !a->text.failed && keeps_alive_behind(c, a);
}

/* What the next answers take, if all that are due are like the first one. */
static size_t room_for(uint32_t answers)
{
    size_t room = (size_t)answers * CREATED_BYTES;
    return room < CREATED_ROOM ? room : CREATED_ROOM;
}

static void put_created(struct conn *c, struct buf *out, const struct exchange_reply *r)
{
    static _Thread_local struct http_created created;
    if (!out->cap)
        buf_reserve(out, room_for(h1_of(c)->due->count));
    counter_add(&c->loop->counters, COUNTER_http_requests, 1);
    http_response_created(out, &created, r->guard, date_of(c->loop), r->body, r->n);
}

static void h1_answer(struct exchange_answer *a, const struct exchange_reply *r)
{
    struct buf *out = conn_out(a->conn);
    if (!out)
        return;
    if (is_plain(a->conn, a->due, r))
        put_created(a->conn, out, r);
    else
        put_due(a, out, r);
}

static const struct exchange_ops h1_ops = {
    .reply = h1_reply,
    .reply_with = h1_reply_with,
    .reply_shared = h1_reply_shared,
    .publish = h1_publish,
    .answer = h1_answer,
    .stream = h1_stream,
    .upgrade = h1_upgrade,
    .forget_head = h1_forget_head,
};

/* A is answered: TELL says how. */
static void answer_due(struct conn *c, struct http_due_answer *a, exchange_published_fn *tell,
                       const struct publish *p)
{
    struct exchange_answer answer = {&h1_ops, c, p, &a->text, a};
    tell(&answer, p);
}

/* What was answered meanwhile and has come to the front leaves. */
static void write_due_texts(struct conn *c, struct h1 *h)
{
    struct http_due_answer *a;
    while ((a = http_due_first(h->due)) && !a->publish) {
        struct buf *out = conn_out(c);
        if (out) {
            buf_append(out, a->text.data, a->text.len);
            out->failed |= a->text.failed;
        }
        http_due_drop_first(&h->due);
    }
}

static bool has_room(const struct conn *c, const struct h1 *h)
{
    return !http_due_is_full(h->due, settings_of(c)->inflight);
}

/* Nothing is due any more. */
static void go_on_behind_due(struct conn *c, struct h1 *h)
{
    if (h->phase == HTTP_PHASE_ENDING)
        conn_finish_after_output(c);
    else if (h->phase == HTTP_PHASE_HELD)
        conn_resume(c);
    else if (h->phase == HTTP_PHASE_IDLE && http_request_idle(&h->request))
        deadline_in(c, settings_of(c)->idle_timeout_ms);
}

/* The first answer is written. */
static void drop_first_due(struct conn *c, struct h1 *h)
{
    bool current = http_due_first(h->due)->current;
    bool keep_alive = !current || keeps_alive(h);
    http_due_drop_first(&h->due);
    write_due_texts(c, h);
    if (current)
        answered(c, h, keep_alive);
    else if (!h->due)
        go_on_behind_due(c, h);
    if (!c->reading && h->phase != HTTP_PHASE_ENDING && has_room(c, h))
        conn_resume(c);
}

static void http_answered(struct conn *c, struct publish *p)
{
    struct h1 *h = h1_of(c);
    struct http_due_answer *a = http_due_first(h->due);
    if (!a || a->publish != p)
        return; /* its request was given up */
    answer_due(c, a, a->answer, p);
    drop_first_due(c, h);
}

/* --- reading --- */

/* The head is there. */
static void take_head(struct h1 *h)
{
    const struct http_request *r = &h->request;
    struct exchange *x = &h->exchange;
    x->fields = r->fields;
    x->method_name = r->method;
    x->method = dispatch_method(r->method);
    x->host = r->host;
    x->has_host = r->has_host;
    x->chunked = r->minor > 0;
    x->websocket = http_request_upgrade(r, "websocket");
    url_split(r->target, strlen(r->target), &x->url);
}

/* The body may be silent for body_timeout from now on. */
static void begin_body_time(struct conn *c, struct h1 *h)
{
    h->body_until_ms = loop_now(c->loop) + settings_of(c)->body_timeout_ms;
}

/* N bytes of the body win back what they may take, so that a trickle does not hold the connection
 * for ever. */
static void extend_body_time(struct conn *c, struct h1 *h, size_t n)
{
    uint64_t most = loop_now(c->loop) + settings_of(c)->body_timeout_ms;
    uint64_t until = h->body_until_ms + n / BODY_BYTES_PER_MS;
    h->body_until_ms = until < most ? until : most;
}

/* In its place: behind the answers that are due. */
static void ask_for_body(struct conn *c, struct h1 *h)
{
    struct buf *out = answer_room(c, h);
    if (out)
        buf_puts(out, HTTP_CONTINUE);
}

/* A length that is too long is refused before any of it is sent. */
static void wants_body(struct conn *c, struct h1 *h)
{
    if (h->exchange.body_max && http_request_length(&h->request) > h->exchange.body_max) {
        exchange_fail(&h->exchange, 413, too_long);
        return;
    }
    begin_body_time(c, h);
    if (h->request.expect_continue)
        ask_for_body(c, h);
}

/* A small body mostly comes with its head: then it stays where it is, as long as the input does. */
static bool borrow_body(struct h1 *h)
{
    bool whole = h->exchange.body.len == 0 && http_request_is_read(&h->request);
    if (!whole || !(h->exchange.route->flags & HTTP_ROUTE_MESSAGE))
        return false;
    h->exchange.body =
        (struct buf){.data = (char *)(uintptr_t)h->request.body, .len = h->request.body_len};
    h->body_borrowed = true;
    return true;
}

/* The input goes: what is borrowed of it becomes our own. */
static void own_body(struct h1 *h)
{
    struct buf body = h->exchange.body;
    if (!h->body_borrowed)
        return;
    h->body_borrowed = false;
    h->exchange.body = (struct buf){0};
    buf_append(&h->exchange.body, body.data, body.len);
    if (h->exchange.body.failed)
        exchange_fail_later(&h->exchange, 503, 1, no_memory);
}

static void take_body(struct conn *c, struct h1 *h)
{
    extend_body_time(c, h, h->request.body_len);
    if (h->exchange.body_max == 0)
        return; /* a body that the route has no use for */
    if (h->request.body_len > h->exchange.body_max - h->exchange.body.len) {
        exchange_fail(&h->exchange, 413, too_long);
        return;
    }
    if (borrow_body(h))
        return;
    buf_append(&h->exchange.body, h->request.body, h->request.body_len);
    if (h->exchange.body.failed)
        exchange_fail_later(&h->exchange, 503, 1, no_memory);
}

static bool is_publish(const struct h1 *h)
{
    const char *target = h->request.target;
    return target[0] == '/' && target[1] == 't' && strcmp(h->request.method, "POST") == 0;
}

/* Only a publish goes on while answers are due: whatever else it is may ask for what they have
 * published. Of whoever comes through a proxy each request may be another client's. */
static bool goes_beside_due(const struct conn *c, const struct h1 *h)
{
    return !c->peer && is_publish(h);
}

static void hold_request(struct conn *c, struct h1 *h)
{
    h->phase = HTTP_PHASE_HELD;
    conn_set_deadline(c, WHEEL_NEVER);
}

static void begin_request(struct conn *c, struct h1 *h)
{
    h->phase = HTTP_PHASE_BODY;
    h->complete = !h->request.has_body;
    take_head(h);
    dispatch_head(&h->exchange);
    if (h->phase == HTTP_PHASE_BODY && h->request.has_body)
        wants_body(c, h);
}

static void run_request(struct conn *c, struct h1 *h)
{
    h->phase = HTTP_PHASE_ANSWERING;
    h->complete = true;
    conn_set_deadline(c, WHEEL_NEVER);
    dispatch_run(&h->exchange);
}

static void refuse(struct conn *c, struct h1 *h)
{
    unsigned status = h->request.status;
    h->complete = false;
    if (h->request.method)
        take_head(h); /* it is there: no body for HEAD */
    if (status == 503 && !h->request.method && h->due)
        end_behind_due(c, h);
    else if (status == 503 && !h->request.method)
        conn_close(c, CLOSE_NOMEM); /* it may be an EventSource */
    else if (status == 503)
        exchange_fail_later(&h->exchange, status, 1, no_memory);
    else
        exchange_fail(&h->exchange, status, h->request.reason);
}

/* Handles one event of the reader. False: nothing more to do with the input now. */
static bool handle(struct conn *c, struct h1 *h, enum http_read event)
{
    switch (event) {
    case HTTP_READ_MORE:
        return false;
    case HTTP_READ_HEAD:
        budget_charge(&c->loop->work, is_publish(h) ? WORK_PUBLISH : WORK_REQUEST);
        if (h->due && !goes_beside_due(c, h))
            hold_request(c, h);
        else
            begin_request(c, h);
        return true;
    case HTTP_READ_BODY:
        budget_charge(&c->loop->work, WORK_PIECE);
        take_body(c, h);
        return true;
    case HTTP_READ_DONE:
        run_request(c, h);
        return true;
    case HTTP_READ_ERROR:
        refuse(c, h);
        return true;
    }
    return false;
}

/* Stops reading before the next request if as much is due as may be. */
static bool must_wait_for_due(struct conn *c, const struct h1 *h)
{
    if (h->phase != HTTP_PHASE_IDLE || !http_request_idle(&h->request) || has_room(c, h))
        return false;
    conn_pause(c);
    return true;
}

/* Whether input can be taken now: not while the current request is to be answered first or the
 * broker has no room, and not before others have had their turn. */
static bool takes_input(struct conn *c, const struct h1 *h)
{
    if (c->protocol != &http_protocol || !conn_is_open(c) || conn_is_congested(c))
        return false;
    if (h->phase != HTTP_PHASE_IDLE && h->phase != HTTP_PHASE_BODY)
        return false;
    if (must_wait_for_due(c, h))
        return false;
    if (h->phase == HTTP_PHASE_BODY && h->exchange.method == HTTP_POST &&
        worker_must_wait(worker_of(c), c))
        return false;
    return conn_may_go_on(c);
}

/* The connection ends behind all that is to be written or due; if that is nothing, at once. */
static void end_or_close(struct conn *c, struct h1 *h, enum close_reason why)
{
    if (h->due || conn_has_output(c))
        end_in_order(c, h);
    else
        conn_close(c, why);
}

/* The peer sends no more, and all that it sent has been read. */
static void end_of_input(struct conn *c, struct h1 *h)
{
    if (h->phase == HTTP_PHASE_IDLE || h->phase == HTTP_PHASE_BODY)
        end_or_close(c, h, CLOSE_PEER);
    /* Otherwise an answer is on its way, which ends the connection. */
}

/* What has been put off goes on. */
static void go_on(struct conn *c, struct h1 *h)
{
    if (h->phase == HTTP_PHASE_HELD && !h->due && !conn_is_congested(c))
        begin_request(c, h);
    exchange_go_on(&h->exchange);
}

/* What is read in part has its time; what was whole has needed none. BEGUN: its first byte came
 * now, or that of a request before it. */
static void set_reading_deadline(struct conn *c, const struct h1 *h, bool begun)
{
    if (h->phase == HTTP_PHASE_BODY && h->request.has_body)
        conn_set_deadline(c, h->body_until_ms);
    else if (h->phase == HTTP_PHASE_IDLE && begun && !http_request_idle(&h->request))
        deadline_in(c, c->loop->settings->head_timeout_ms);
}

/* Reads what there is of DATA; returns how much that is. */
static size_t read_requests(struct conn *c, struct h1 *h, char *data, size_t n)
{
    size_t used = 0;
    bool more = true, begun = false;
    while (more && takes_input(c, h)) {
        bool was_idle = http_request_idle(&h->request);
        size_t taken = 0;
        enum http_read event = http_request_feed(&h->request, data + used, n - used, &taken);
        used += taken;
        h->more = used < n;
        begun |= was_idle && !http_request_idle(&h->request);
        more = handle(c, h, event);
    }
    if (c->protocol != &http_protocol)
        return used;
    own_body(h);
    set_reading_deadline(c, h, begun);
    return used;
}

static size_t http_input(struct conn *c, char *data, size_t n)
{
    struct h1 *h = h1_of(c);
    h->more = n > 0;
    go_on(c, h);
    size_t used = read_requests(c, h, data, n);
    bool done = used == n && c->reading && !c->yielded; /* what it has sent has been worked off */
    if (c->input_over && done && c->protocol == &http_protocol && conn_is_open(c))
        end_of_input(c, h);
    return used;
}

/* All requests that it sent get their answers; a poll does not wait any more. */
static void http_input_ended(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (!exchange_time_up(&h->exchange) && !c->in)
        end_of_input(c, h);
}

static void tell_late(struct exchange_answer *a, const struct publish *p)
{
    (void)p;
    exchange_answer_fail(a, 503, 5, "The log did not answer in time");
}

/* Ends the connection, too: another protocol on it would take the answer for one of its own. What
 * is due behind the first one stays without an answer. */
static void give_up_due(struct conn *c, struct h1 *h)
{
    h->complete = false;
    http_due_drop_others(h->due);
    struct http_due_answer *first = http_due_first(h->due);
    answer_due(c, first, tell_late, first->publish);
    drop_first_due(c, h);
}

/* A peer that still reads the last answer is not idle. */
static void idle_too_long(struct conn *c)
{
    if (conn_is_stuck(c))
        conn_close(c, CLOSE_WRITE_TIMEOUT);
    else if (conn_is_busy(c))
        deadline_in(c, settings_of(c)->idle_timeout_ms);
    else
        conn_close(c, CLOSE_IDLE);
}

/* Unless it is the hub that does not read it. */
static void request_too_slow(struct conn *c, struct h1 *h)
{
    if (c->awaits_room) {
        begin_body_time(c, h);
        conn_set_deadline(c, h->body_until_ms);
        return;
    }
    h->complete = false;
    exchange_fail(&h->exchange, 408, "The request did not arrive in time");
}

static void http_timeout(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (exchange_time_up(&h->exchange))
        return;
    if (h->due && (h->phase == HTTP_PHASE_ANSWERING || h->phase == HTTP_PHASE_ENDING))
        give_up_due(c, h);
    else if (h->last)
        conn_close(c, CLOSE_KICKED);
    else if (h->phase == HTTP_PHASE_IDLE && http_request_idle(&h->request))
        idle_too_long(c);
    else if (h->phase != HTTP_PHASE_ANSWERING)
        request_too_slow(c, h);
}

static void http_finish(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (!h)
        return;
    http_due_clear(&h->due);
    end_exchange(h);
    free(h);
    c->state = NULL;
}

static void http_shutdown(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (!exchange_time_up(&h->exchange) && h->phase == HTTP_PHASE_IDLE &&
        (http_request_idle(&h->request) || c->level))
        end_in_order(c, h); /* who pipelines much would otherwise always have begun one */
}

static void http_kicked(struct conn *c)
{
    struct h1 *h = h1_of(c);
    h->last = true;
    if (exchange_time_up(&h->exchange))
        return;
    if (h->phase != HTTP_PHASE_ANSWERING)
        end_or_close(c, h, CLOSE_KICKED);
    if (h->due || h->phase == HTTP_PHASE_ANSWERING)
        deadline_in(c, CONN_FAREWELL_MS);
}

static size_t http_held(const struct conn *c)
{
    const struct h1 *h = c->state;
    return http_request_held(&h->request) + exchange_held(&h->exchange) + http_due_held(h->due);
}

/* Whether the current request has been handed over, to be answered when it comes back. */
static bool awaits_current(const struct h1 *h)
{
    return h->due && http_due_last(h->due)->current;
}

static void http_refuse(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (h->phase == HTTP_PHASE_ENDING || (!h->due && !exchange_may_be_refused(&h->exchange))) {
        conn_close(c, CLOSE_MEMORY);
        return;
    }
    if (awaits_current(h)) {
        h->last = true;
        return;
    }
    if (!exchange_may_be_refused(&h->exchange)) { /* between requests */
        end_behind_due(c, h);
        return;
    }
    h->complete = false;
    exchange_fail_later(&h->exchange, 503, 1,
                        "The hub holds as much for its clients as hub.peer_bytes allows");
}

static void http_describe(struct conn *c, struct description *d)
{
    const struct exchange *x = c->state ? exchange_of(c) : NULL;
    if (x && x->waiter && x->waiter->describe)
        x->waiter->describe(x, d);
}

const struct protocol http_protocol = {
    .name = "http",
    .transport = TRANSPORT_HTTP,
    .input = http_input,
    .input_ended = http_input_ended,
    .timeout = http_timeout,
    .finish = http_finish,
    .shutdown = http_shutdown,
    .kicked = http_kicked,
    .describe = http_describe,
    .held = http_held,
    .refuse = http_refuse,
    .answered = http_answered,
};

static struct h1 *create(struct conn *c)
{
    struct h1 *h = calloc(1, sizeof(*h));
    if (!h) {
        conn_close(c, CLOSE_NOMEM);
        return NULL;
    }
    h->exchange.ops = &h1_ops;
    h->exchange.conn = c;
    h->exchange.trusted = c->trusted;
    h->exchange.host = "";
    return h;
}

void http_accepted(struct conn *c, bool status_only)
{
    struct h1 *h = create(c);
    if (!h)
        return;
    h->exchange.status_only = status_only;
    c->state = h;
    begin_exchange(c, h);
}

void http_adopt(struct conn *c)
{
    struct h1 *h = create(c);
    if (!h)
        return;
    conn_set_protocol(c, &http_protocol, h);
    begin_exchange(c, h);
}

const struct worker_part http_part = {.end_thread = http_fields_finish_thread};
