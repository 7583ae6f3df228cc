#include "http/h1/h1_reader.h"

#include <string.h>

#include "delivery/worker.h"
#include "http/dispatch.h"
#include "http/h1/h1_answer.h"
#include "http/h1/h1_publish.h"
#include "http/h1/http_repeat.h"
#include "http/http_time.h"

static const char no_memory[] = "The hub is out of memory";
static const char too_long[] = "The body is longer than the hub takes";

/* --- the body --- */

void h1_begin_body_time(struct conn *c, struct h1 *h)
{
    h->body_until_ms = http_time_body(c);
}

/* In its place: behind the answers that are due. */
static void ask_for_body(struct conn *c, struct h1 *h)
{
    struct buf *out = h1_answer_room(c, h);
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
    h1_begin_body_time(c, h);
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
    h->body_until_ms = http_time_body_goes_on(c, h->body_until_ms, h->request.body_len);
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

/* --- requests --- */

/* The request line is there. */
static void take_line(struct h1 *h)
{
    const struct http_request *r = &h->request;
    struct exchange *x = &h->exchange;
    x->method_name = r->method;
    x->method = dispatch_method(r->method);
    url_split(r->target, strlen(r->target), &x->url);
}

/* All of the head is there. */
static void take_head(struct h1 *h)
{
    const struct http_request *r = &h->request;
    struct exchange *x = &h->exchange;
    take_line(h);
    x->fields = r->fields;
    x->host = r->host;
    x->has_host = r->has_host;
    x->chunked = r->minor > 0;
    x->websocket = http_request_upgrade(r, "websocket");
}

static bool is_publish(const struct h1 *h)
{
    const char *target = h->request.target;
    return target[0] == '/' && target[1] == 't' && strcmp(h->request.method, "POST") == 0;
}

/* Only a publish goes on while answers are due: whatever else it is may ask for what they have
 * published. Of whoever comes through a proxy each request may be another client's. */
static bool goes_beside_due(const struct conn *c, bool publish)
{
    return !conn_is_proxied(c) && publish;
}

static void hold_request(struct conn *c, struct h1 *h)
{
    h->phase = H1_HELD;
    conn_set_deadline(c, WHEEL_NEVER);
}

/* Nothing more of it is read until it is known whose it is. */
static void wait_for_judgement(struct conn *c, struct h1 *h)
{
    h->phase = H1_ANSWERING;
    conn_set_deadline(c, WHEEL_NEVER);
}

/* The connection speaks another protocol now: H is freed. */
static bool is_over(const struct conn *c, const struct h1 *h)
{
    return h1_of(c) != h;
}

/* What is read in part has its time; what was whole has needed none. BEGUN: its first byte came
 * now, or that of a request before it. */
static void set_reading_deadline(struct conn *c, const struct h1 *h, bool begun)
{
    if (h->phase == H1_BODY && h->request.has_body)
        conn_set_deadline(c, h->body_until_ms);
    else if (h->phase == H1_IDLE && begun && !http_request_idle(&h->request))
        h1_set_deadline(c, c->loop->settings->head_timeout_ms);
}

static void begin_request(struct conn *c, struct h1 *h)
{
    h->phase = H1_BODY;
    h->complete = !h->request.has_body;
    take_head(h);
    dispatch_head(&h->exchange);
    if (h->exchange.judging)
        wait_for_judgement(c, h);
    else if (h->phase == H1_BODY && h->request.has_body)
        wants_body(c, h);
}

void h1_judged(struct exchange *x)
{
    struct conn *c = x->conn;
    struct h1 *h = h1_of(c);
    h->phase = H1_BODY;
    dispatch_judged(x);
    if (is_over(c, h))
        return;
    if (h->phase == H1_BODY && h->request.has_body)
        wants_body(c, h);
    set_reading_deadline(c, h, false);
    conn_resume(c);
}

static void run_request(struct conn *c, struct h1 *h)
{
    h->phase = H1_ANSWERING;
    h->complete = true;
    conn_set_deadline(c, WHEEL_NEVER);
    dispatch_run(&h->exchange);
}

static void refuse(struct conn *c, struct h1 *h)
{
    unsigned status = h->request.status;
    h->complete = false;
    if (h->request.method)
        take_line(h); /* no body for HEAD */
    if (status == 503 && !h->request.method && h->due)
        h1_end_behind_due(c, h);
    else if (status == 503 && !h->request.method)
        conn_close(c, CLOSE_NOMEM); /* it may be an EventSource */
    else if (status == 503)
        exchange_fail_later(&h->exchange, status, 1, no_memory);
    else
        exchange_fail(&h->exchange, status, h->request.reason);
}

static void begin_or_hold(struct conn *c, struct h1 *h)
{
    bool publish = is_publish(h);
    budget_charge(&c->loop->work, publish ? WORK_PUBLISH : WORK_REQUEST);
    if (h->due && !goes_beside_due(c, publish))
        hold_request(c, h);
    else
        begin_request(c, h);
}

/* Handles one event of the reader. False: nothing more to do with the input now. */
static bool handle(struct conn *c, struct h1 *h, enum http_read event)
{
    switch (event) {
    case HTTP_READ_MORE:
        return false;
    case HTTP_READ_HEAD:
        begin_or_hold(c, h);
        return true;
    case HTTP_READ_BODY:
        budget_charge(&c->loop->work, WORK_PIECE);
        take_body(c, h);
        if (h->phase == H1_BODY && http_request_is_read(&h->request))
            run_request(c, h); /* as by DONE, which comes next */
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

/* --- input --- */

/* Stops reading before the next request if as much is due as may be. */
static bool must_wait_for_due(struct conn *c, const struct h1 *h)
{
    if (!h->due || h->phase != H1_IDLE || !http_request_idle(&h->request) || h1_has_room(c, h))
        return false;
    conn_pause(c);
    return true;
}

/* Whether input can be taken now: not while the current request is to be answered first or the
 * broker has no room, and not before others have had their turn. */
static bool takes_input(struct conn *c, const struct h1 *h)
{
    if (is_over(c, h) || !conn_is_open(c) || conn_is_congested(c))
        return false;
    if (h->phase != H1_IDLE && h->phase != H1_BODY)
        return false;
    if (must_wait_for_due(c, h))
        return false;
    if (h->phase == H1_BODY && h->exchange.method == HTTP_POST && worker_must_wait(worker_of(c), c))
        return false;
    return conn_may_go_on(c);
}

void h1_go_on(struct conn *c, struct h1 *h)
{
    if (h->phase == H1_HELD && !h->due && !conn_is_congested(c))
        begin_request(c, h);
    exchange_go_on(&h->exchange);
}

size_t h1_read(struct conn *c, struct h1 *h, char *data, size_t n)
{
    size_t used = 0;
    bool more = true, begun = false;
    while (more && takes_input(c, h)) {
        bool was_idle = http_request_idle(&h->request);
        size_t taken = 0;
        enum http_read event = http_repeat_feed(&h->request, data + used, n - used, &taken);
        used += taken;
        h->more = used < n;
        begun |= was_idle && !http_request_idle(&h->request);
        more = handle(c, h, event);
    }
    if (is_over(c, h))
        return used;
    own_body(h);
    set_reading_deadline(c, h, begun);
    return used;
}
