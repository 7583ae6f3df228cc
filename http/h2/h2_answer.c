#include "http/h2/h2_answer.h"

#include <string.h>

#include "base/blob.h"
#include "http/h2/h2_lines.h"
#include "http/h2/h2_output.h"
#include "http/http_lines.h"
#include "http/http_problem.h"
#include "http/http_time.h"
#include "http/shared_answer.h"
#include "net/loop.h"

enum { HEAD_SIZE = 1024 /* bytes of lines that are made at once: mostly no more are needed */ };

static struct h2_request *request_of(struct exchange *x)
{
    return (struct h2_request *)x;
}

/* --- heads --- */

static void count_answer(const struct exchange *x, unsigned status)
{
    struct counters *counters = &x->conn->loop->counters;
    counter_add(counters, COUNTER_http_requests, 1);
    if (status >= 400)
        counter_add(counters, COUNTER_http_errors, 1);
}

/* The head with the lines TEXT, which it takes; END: there is no body. */
static void send_head(struct conn *c, unsigned status, struct buf *text, bool end)
{
    struct h2_stream *s = h2_stream_of(c);
    struct h2_lines lines;
    if (text->failed)
        conn_close(c, CLOSE_NOMEM);
    else if (!h2_lines_read(&lines, status, text))
        conn_close(c, CLOSE_PROTOCOL); /* no answer has so many */
    else if (h2_stream_session(s) && !s->closed && conn_is_open(c))
        h2_send_head(s, lines.nv, lines.count, end);
    buf_finish(text);
}

/* The body that follows has N bytes; what is left of the request's is nobody's. */
static void count_body(struct conn *c, size_t n)
{
    struct h2_stream *s = h2_stream_of(c);
    struct h2 *h = h2_stream_session(s);
    size_t dropped = h2_stream_drop_unread(s);
    if (h)
        h->unread -= dropped;
    s->counted = true;
    s->left = (uint32_t)n;
}

/* What all answers have. */
static struct buf begin_lines(const struct conn *c, const struct buf *more)
{
    struct buf text = {0};
    buf_reserve(&text, HEAD_SIZE);
    http_lines_put(&text, "Date", http_time_date(c->loop));
    buf_append(&text, more->data, more->len);
    text.failed |= more->failed;
    return text;
}

/* The head of an answer whose body has N bytes; false: it has no body. */
static bool put_head(struct exchange *x, const struct exchange_reply *r, size_t n)
{
    bool body = n > 0 && x->method != HTTP_HEAD;
    struct buf text = begin_lines(x->conn, &x->lines);
    buf_puts(&text, r->guard);
    if (http_has_content(r->status)) {
        http_lines_put(&text, "Content-Type", r->type);
        http_lines_put_u64(&text, "Content-Length", n);
    }
    count_answer(x, r->status);
    send_head(x->conn, r->status, &text, !body);
    if (body)
        count_body(x->conn, n);
    return body;
}

/* --- the end --- */

void h2_request_end(struct h2_request *r)
{
    exchange_end(&r->exchange);
    buf_finish(&r->exchange.body);
    http_fields_give_back(r->fields);
    r->fields = NULL;
    r->publish = NULL;
}

static void answered(struct conn *c)
{
    h2_request_of(c)->phase = H2_REQUEST_ANSWERED;
    h2_request_end(h2_request_of(c));
    conn_finish_after_output(c);
}

/* A WebSocket was asked for, and this is none: its client would take any 2xx for one. */
static bool is_no_answer(struct exchange *x, unsigned status)
{
    return request_of(x)->connect && status < 300;
}

static void refuse_connect(struct exchange *x)
{
    exchange_fail(x, 404, "There is no WebSocket at this path");
}

/* --- whole answers --- */

/* At once, as far as it goes. */
static void write_body(struct conn *c, const char *body, size_t n)
{
    size_t sent = conn_is_busy(c) ? 0 : conn_push(c, body, n);
    if (sent < n)
        conn_write(c, body + sent, n - sent);
}

void h2_reply(struct exchange *x, const struct exchange_reply *r)
{
    if (is_no_answer(x, r->status)) {
        refuse_connect(x);
        return;
    }
    if (put_head(x, r, r->n))
        write_body(x->conn, r->body, r->n);
    answered(x->conn);
}

void h2_reply_with(struct exchange *x, const struct exchange_reply *r, struct buf *body, size_t at)
{
    struct conn *c = x->conn;
    if (body->failed)
        conn_close(c, CLOSE_NOMEM);
    else if (is_no_answer(x, r->status))
        refuse_connect(x);
    else if (put_head(x, r, body->len - at))
        conn_give(c, body, at);
    buf_finish(body);
    if (h2_request_of(c)->phase != H2_REQUEST_ANSWERED)
        answered(c);
}

/* --- answers that requests have in common --- */

/* The lines of B behind the first two, without the empty one. */
static struct buf shared_lines(const struct exchange *x, const struct blob *b, const char *body)
{
    const char *from = b->data + SHARED_ANSWER_START;
    struct buf text = begin_lines(x->conn, &x->lines);
    buf_append(&text, from, (size_t)(body - from) - 2);
    return text;
}

void h2_reply_shared(struct exchange *x, struct blob *b, bool at_once)
{
    struct conn *c = x->conn;
    size_t n, sent = 0;
    const char *body = shared_answer_body(b, &n);
    struct buf text = shared_lines(x, b, body);
    count_answer(x, 200);
    send_head(c, 200, &text, n == 0);
    count_body(c, n);
    if (at_once && n && !conn_is_busy(c))
        sent = conn_push(c, body, n);
    else
        budget_charge(&c->loop->work, n);
    if (sent < n)
        conn_keep_rest(c, b, (uint32_t)((size_t)(body - b->data) + sent), 0);
    answered(c);
}

/* --- answers without an end --- */

struct buf *h2_stream(struct exchange *x, const struct exchange_reply *r)
{
    struct buf text = begin_lines(x->conn, &x->lines);
    buf_puts(&text, r->guard);
    http_lines_put(&text, "Content-Type", r->type);
    count_answer(x, r->status);
    send_head(x->conn, r->status, &text, false);
    return conn_out(x->conn);
}

void h2_upgrade(struct exchange *x, const struct buf *lines)
{
    struct buf text = begin_lines(x->conn, lines);
    count_answer(x, 200);
    send_head(x->conn, 200, &text, false);
    h2_stream_of(x->conn)->tunnel = true;
}

/* --- others --- */

void h2_answer(struct exchange_answer *a, const struct exchange_reply *r)
{
    h2_reply(exchange_of(a->conn), r);
}

void h2_ask_for_body(struct exchange *x)
{
    struct buf none = {0};
    send_head(x->conn, 100, &none, false);
}
