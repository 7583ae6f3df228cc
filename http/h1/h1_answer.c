#include "http/h1/h1_answer.h"

#include <string.h>

#include "http/h1/http_response.h"
#include "http/http_lines.h"
#include "http/http_time.h"
#include "http/shared_answer.h"
#include "net/loop.h"

enum { CONNECTION_LINE = 64 }; /* room for what the connection is told of itself */

struct buf *h1_answer_room(struct conn *c, struct h1 *h)
{
    if (!h->due)
        return conn_out(c);
    struct buf *out = http_due_text(&h->due);
    if (!out)
        conn_close(c, CLOSE_NOMEM);
    return out;
}

void h1_put_answer(struct conn *c, struct buf *out, const struct http_answer *a)
{
    struct counters *counters = &c->loop->counters;
    counter_add(counters, COUNTER_http_requests, 1);
    if (a->status >= 400)
        counter_add(counters, COUNTER_http_errors, 1);
    http_response_answer(out, a, http_time_date(c->loop));
}

/* An answer to the current request. */
static struct http_answer answer_of(const struct h1 *h, const struct exchange_reply *r)
{
    return (struct http_answer){
        .status = r->status,
        .minor = h->request.minor,
        .keep_alive = h1_keeps_alive(h),
        .head = h->exchange.method == HTTP_HEAD,
        .fields = &h->exchange.lines,
        .guard = r->guard,
        .type = r->type,
        .body = r->body,
        .body_len = r->n,
    };
}

void h1_reply(struct exchange *x, const struct exchange_reply *r)
{
    struct h1 *h = h1_of_exchange(x);
    struct buf *out = h1_answer_room(x->conn, h);
    struct http_answer a = answer_of(h, r);
    if (!out)
        return;
    h1_put_answer(x->conn, out, &a);
    h1_answered(x->conn, h, a.keep_alive);
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
void h1_reply_with(struct exchange *x, const struct exchange_reply *r, struct buf *body, size_t at)
{
    struct conn *c = x->conn;
    struct buf head = {0};
    struct http_answer a = answer_of(h1_of_exchange(x), r);
    a.body_len = body->len - at;
    if (a.head && !body->failed)
        body->len = at;
    a.head = true;
    h1_put_answer(c, &head, &a);
    join(c, &head, body, at);
    buf_finish(&head);
    buf_finish(body);
    if (conn_state(c) != CONN_CLOSED)
        h1_answered(c, h1_of_exchange(x), a.keep_alive);
}

/* --- answers that requests have in common --- */

/* The connection sends them as they are, and keeps what it cannot send now by reference. */
static void refer_shared(struct conn *c, struct blob *b, bool at_once)
{
    bool now = at_once && !conn_writes_together(c);
    size_t sent = now ? conn_push(c, b->data, b->len) : 0;
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

void h1_reply_shared(struct exchange *x, struct blob *b, bool at_once)
{
    struct conn *c = x->conn;
    struct h1 *h = h1_of_exchange(x);
    bool keep_alive = h1_keeps_alive(h);
    counter_add(&c->loop->counters, COUNTER_http_requests, 1);
    if (is_complete(h, keep_alive))
        refer_shared(c, b, at_once);
    else
        copy_shared(c, h, b, keep_alive);
    if (conn_state(c) != CONN_CLOSED)
        h1_answered(c, h, keep_alive);
}

/* --- answers without an end --- */

/* No other request is read in this connection, however the stream ends. */
struct buf *h1_stream(struct exchange *x, const struct exchange_reply *r)
{
    struct buf *out = conn_out(x->conn);
    counter_add(&x->conn->loop->counters, COUNTER_http_requests, 1);
    if (!out)
        return NULL;
    http_response_start(out, r->status, http_time_date(x->conn->loop));
    put_lines(out, &x->lines);
    buf_puts(out, r->guard);
    http_lines_put(out, "Content-Type", r->type);
    if (x->chunked)
        http_lines_put(out, "Transfer-Encoding", "chunked");
    http_response_connection(out, h1_of_exchange(x)->request.minor, false);
    http_response_end(out);
    return out;
}

void h1_upgrade(struct exchange *x, const struct buf *lines)
{
    struct buf *out = conn_out(x->conn);
    counter_add(&x->conn->loop->counters, COUNTER_http_requests, 1);
    if (!out)
        return;
    http_response_start(out, 101, http_time_date(x->conn->loop));
    http_lines_put(out, "Upgrade", "websocket");
    http_lines_put(out, "Connection", "Upgrade");
    put_lines(out, lines);
    http_response_end(out);
}
