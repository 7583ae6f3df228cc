#include "http/h2/h2_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/spare.h"
#include "delivery/worker.h"
#include "http/dispatch.h"
#include "http/h2/h2_answer.h"
#include "http/http_time.h"
#include "http/http_transport.h"

static const char no_memory[] = "The hub is out of memory";
static const char too_long[] = "The body is longer than the hub takes";

static void set_deadline(struct conn *c, uint64_t ms)
{
    conn_set_deadline(c, loop_now(c->loop) + ms);
}

/* --- the head --- */

/* Bytes that it says its body has; UINT64_MAX: it does not say. nghttp2 has looked at the number.
 */
static uint64_t length_of(const struct exchange *x)
{
    const char *text = http_fields_get(x->fields, HTTP_FIELD_CONTENT_LENGTH, NULL);
    return text ? strtoull(text, NULL, 10) : UINT64_MAX;
}

static void begin_body_time(struct conn *c, struct h2_request *r)
{
    r->body_until_ms = http_time_body(c);
    conn_set_deadline(c, r->body_until_ms);
}

/* A length that is too long is refused before any of it is sent. */
static void wants_body(struct conn *c, struct h2_request *r)
{
    struct exchange *x = &r->exchange;
    uint64_t length = length_of(x);
    if (x->body_max && length != UINT64_MAX && length > x->body_max) {
        exchange_fail(x, 413, too_long);
        return;
    }
    begin_body_time(c, r);
    if (http_fields_has(x->fields, HTTP_FIELD_EXPECT))
        h2_ask_for_body(x);
}

static bool refuse_head(struct h2_request *r)
{
    struct exchange *x = &r->exchange;
    if (r->refused == 503)
        exchange_fail_later(x, 503, 1, r->reason);
    else if (r->refused)
        exchange_fail(x, r->refused, r->reason);
    return r->refused != 0;
}

/* Nothing of its body is taken until it is known whose it is. */
static void wait_for_judgement(struct conn *c, struct h2_request *r)
{
    r->phase = H2_REQUEST_ANSWERING;
    conn_set_deadline(c, WHEEL_NEVER);
}

static void go_on_with_body(struct conn *c, struct h2_request *r)
{
    if (r->phase == H2_REQUEST_BODY && !r->connect && !h2_stream_of(c)->came_all)
        wants_body(c, r);
}

static void begin(struct conn *c, struct h2_request *r)
{
    bool publish = r->exchange.method == HTTP_POST;
    budget_charge(&c->loop->work, publish ? WORK_PUBLISH : WORK_REQUEST);
    r->phase = H2_REQUEST_BODY;
    if (refuse_head(r))
        return;
    dispatch_head(&r->exchange);
    if (r->exchange.judging)
        wait_for_judgement(c, r);
    else
        go_on_with_body(c, r);
}

static void judged(struct exchange *x)
{
    struct conn *c = x->conn;
    struct h2_request *r = h2_request_of(c);
    r->phase = H2_REQUEST_BODY;
    dispatch_judged(x);
    if (c->protocol != &h2_request_protocol || !conn_is_open(c))
        return;
    go_on_with_body(c, r);
    conn_resume(c);
}

/* --- the body --- */

static void take_body(struct conn *c, struct h2_request *r, const char *data, size_t n)
{
    struct exchange *x = &r->exchange;
    r->body_until_ms = http_time_body_goes_on(c, r->body_until_ms, n);
    conn_set_deadline(c, r->body_until_ms);
    if (x->body_max == 0)
        return; /* a body that the route has no use for */
    if (n > x->body_max - x->body.len) {
        exchange_fail(x, 413, too_long);
        return;
    }
    buf_append(&x->body, data, n);
    if (x->body.failed)
        exchange_fail_later(x, 503, 1, no_memory);
}

static void run(struct conn *c, struct h2_request *r)
{
    r->phase = H2_REQUEST_ANSWERING;
    conn_set_deadline(c, WHEEL_NEVER);
    dispatch_run(&r->exchange);
}

/* --- input --- */

/* It speaks another protocol, or ends. */
static bool is_over(const struct conn *c)
{
    return c->protocol != &h2_request_protocol || !conn_is_open(c);
}

/* Not while the hub takes no publishes: its window stays as it is then. */
static bool must_wait(struct conn *c, const struct h2_request *r)
{
    return r->exchange.method == HTTP_POST && worker_must_wait(worker_of(c), c);
}

static bool takes_body(const struct conn *c)
{
    return !is_over(c) && h2_request_of(c)->phase == H2_REQUEST_BODY;
}

static void run_if_complete(struct conn *c)
{
    struct h2_request *r = h2_request_of(c);
    if (r->connect || h2_stream_is_read(h2_stream_of(c)))
        run(c, r);
}

static size_t request_input(struct conn *c, char *data, size_t n)
{
    struct h2_request *r = h2_request_of(c);
    if (r->phase == H2_REQUEST_NEW)
        begin(c, r);
    if (!is_over(c))
        exchange_go_on(&r->exchange);
    if (!takes_body(c))
        return is_over(c) || r->connect || r->exchange.judging ? 0 : n;
    if (must_wait(c, r))
        return 0;
    if (n)
        take_body(c, r, data, n);
    if (takes_body(c))
        run_if_complete(c);
    return n;
}

/* What lies in the connection comes first. */
void h2_request_look(struct conn *c)
{
    if (is_over(c) || c->in || !c->reading || c->yielded)
        return;
    budget_begin_slice(&c->loop->work, BUDGET_LIGHT);
    if (h2_request_of(c)->phase <= H2_REQUEST_BODY)
        request_input(c, NULL, 0);
    budget_settle(&c->loop->work);
}

void h2_request_peer_ended(struct conn *c)
{
    struct h2_request *r = h2_request_of(c);
    if (r->phase <= H2_REQUEST_BODY)
        conn_close(c, CLOSE_PEER);
    else
        exchange_time_up(&r->exchange);
}

/* --- publishes --- */

static enum err publish(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                        uint64_t wait_ms)
{
    struct conn *c = x->conn;
    struct h2_request *r = h2_request_of(c);
    r->publish = p;
    r->answer = answer;
    p->uncounted = true;
    worker_publish(worker_of(c), c, p);
    buf_finish(&x->body);
    set_deadline(c, wait_ms ? wait_ms : HTTP_TIME_PUBLISH_MS);
    return ERR_OK;
}

static void tell(struct conn *c, struct h2_request *r, exchange_published_fn *how)
{
    const struct publish *p = r->publish;
    struct exchange_answer a = {r->exchange.ops, c, p, &r->exchange.lines, NULL};
    r->publish = NULL;
    how(&a, p);
}

static void request_answered(struct conn *c, struct publish *p)
{
    struct h2_request *r = h2_request_of(c);
    if (conn_is_open(c) && r->publish == p)
        tell(c, r, r->answer);
}

static void tell_late(struct exchange_answer *a, const struct publish *p)
{
    (void)p;
    exchange_answer_fail(a, 503, 5, "The log did not answer in time");
}

/* --- time and the end --- */

/* Unless it is the hub that does not take it. */
static void too_slow(struct conn *c, struct h2_request *r)
{
    if (c->awaits_room)
        begin_body_time(c, r);
    else
        exchange_fail(&r->exchange, 408, "The request did not arrive in time");
}

static void request_timeout(struct conn *c)
{
    struct h2_request *r = h2_request_of(c);
    if (exchange_time_up(&r->exchange))
        return;
    if (r->kicked)
        conn_close(c, CLOSE_KICKED);
    else if (r->publish)
        tell(c, r, tell_late);
    else if (r->phase <= H2_REQUEST_BODY)
        too_slow(c, r);
}

static void request_shutdown(struct conn *c)
{
    exchange_time_up(&h2_request_of(c)->exchange);
}

static void request_kicked(struct conn *c)
{
    struct h2_request *r = h2_request_of(c);
    if (exchange_time_up(&r->exchange))
        return;
    r->kicked = true;
    if (r->publish)
        set_deadline(c, CONN_FAREWELL_MS);
    else
        conn_close(c, CLOSE_KICKED);
}

static void request_finish(struct conn *c)
{
    struct h2_request *r = h2_request_of(c);
    if (!r)
        return;
    h2_request_end(r);
    spare_give(r, sizeof(*r));
    c->state = NULL;
}

/* --- what it holds --- */

static size_t request_held(const struct conn *c)
{
    const struct h2_request *r = c->state;
    return http_fields_held(r->fields) + exchange_held(&r->exchange);
}

static void request_refuse(struct conn *c)
{
    struct exchange *x = exchange_of(c);
    if (exchange_may_be_refused(x) && !h2_request_of(c)->publish)
        exchange_fail_later(x, 503, 1,
                            "The hub holds as much for its clients as hub.peer_bytes allows");
    else
        conn_close(c, CLOSE_MEMORY);
}

static void request_describe(struct conn *c, struct description *d)
{
    const struct exchange *x = c->state ? exchange_of(c) : NULL;
    if (x && x->waiter && x->waiter->describe)
        x->waiter->describe(x, d);
}

static void request_rights(struct conn *c, enum rights_event e)
{
    if (e != RIGHTS_SOON)
        exchange_time_up(exchange_of(c));
}

const struct protocol h2_request_protocol = {
    .name = "http",
    .transport = &http_transport,
    .input = request_input,
    .timeout = request_timeout,
    .finish = request_finish,
    .shutdown = request_shutdown,
    .kicked = request_kicked,
    .rights = request_rights,
    .describe = request_describe,
    .held = request_held,
    .refuse = request_refuse,
    .answered = request_answered,
};

/* --- the beginning --- */

static void forget_head(struct exchange *x)
{
    struct h2_request *r = h2_request_of(x->conn);
    http_fields_give_back(r->fields);
    r->fields = NULL;
}

static const struct exchange_ops ops = {
    .reply = h2_reply,
    .reply_with = h2_reply_with,
    .reply_shared = h2_reply_shared,
    .publish = publish,
    .answer = h2_answer,
    .stream = h2_stream,
    .upgrade = h2_upgrade,
    .judged = judged,
    .forget_head = forget_head,
};

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void take_method(struct h2_request *r, const struct h2_head *head)
{
    struct exchange *x = &r->exchange;
    x->method_name = h2_head_text(head, head->method);
    x->method = x->method_name ? dispatch_method(x->method_name) : HTTP_UNKNOWN;
    if (!head->protocol)
        return;
    r->connect = x->websocket = true;
    x->method = HTTP_GET;
}

static void take_head(struct h2_request *r, struct h2_head *head)
{
    struct exchange *x = &r->exchange;
    const char *path = or_empty(h2_head_text(head, head->path)), *host = h2_head_host(head);
    take_method(r, head);
    url_split(path, strlen(path), &x->url);
    x->host = or_empty(host);
    x->has_host = host != NULL;
    x->fields = r->fields = head->fields;
    r->refused = head->status;
    r->reason = head->reason;
    head->fields = NULL;
}

enum err h2_request_create(struct conn *c, struct h2_head *head, bool status_only)
{
    struct h2_request *r = spare_take_zeroed(sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    r->exchange.ops = &ops;
    r->exchange.conn = c;
    r->exchange.trusted = c->trusted;
    r->exchange.keyless = true;
    r->exchange.status_only = status_only;
    take_head(r, head);
    c->state = r;
    set_deadline(c, c->loop->settings->head_timeout_ms);
    return ERR_OK;
}
