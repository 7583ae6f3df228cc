#include "http/h1/h1.h"

#include "delivery/worker.h"
#include "http/http_time.h"

/* As the settings are now; a request that is being read has them, too. */
static const struct http_limits *limits_of(const struct conn *c)
{
    static _Thread_local struct http_limits limits;
    const struct settings *s = worker_settings(c);
    limits = (struct http_limits){
        .head_bytes = (uint32_t)s->max_head_bytes,
        .target_bytes = (uint32_t)s->max_head_bytes,
        .headers = HTTP_FIELDS_MAX,
        .body_bytes =
            s->max_body_bytes > s->max_message_bytes ? s->max_body_bytes : s->max_message_bytes,
    };
    return &limits;
}

void h1_expect(struct conn *c, struct h1 *h)
{
    http_request_init(&h->request, limits_of(c));
    h->phase = H1_IDLE;
    h->exchange.route = NULL;
    h->exchange.url = (struct url){0};
    h->exchange.method = 0;
}

void h1_begin(struct conn *c, struct h1 *h)
{
    h1_expect(c, h);
    conn_set_deadline(c, h->due ? WHEEL_NEVER
                                : loop_now(c->loop) + worker_settings(c)->idle_timeout_ms);
}

void h1_forget_body(struct h1 *h)
{
    if (h->body_borrowed)
        buf_init(&h->exchange.body);
    else
        buf_finish(&h->exchange.body);
    h->body_borrowed = false;
}

void h1_end(struct h1 *h)
{
    http_request_finish(&h->request);
    h1_forget_body(h);
    exchange_end(&h->exchange);
}

bool h1_awaits_current(const struct h1 *h)
{
    return h->due && http_due_last(h->due)->current;
}

void h1_limit_due(struct conn *c, const struct h1 *h)
{
    if (!h->due || h->last)
        return;
    if (h1_awaits_current(h))
        h1_set_deadline(c, HTTP_TIME_PUBLISH_MS);
    else if (h->phase == H1_ENDING || c->input_over)
        h1_set_deadline(c, CONN_FAREWELL_MS);
}

void h1_end_behind_due(struct conn *c, struct h1 *h)
{
    h1_end(h);
    h1_begin(c, h);
    h->phase = H1_ENDING;
    h1_limit_due(c, h);
    conn_pause(c);
}

void h1_end_in_order(struct conn *c, struct h1 *h)
{
    if (h->due)
        h1_end_behind_due(c, h);
    else
        conn_finish_after_output(c);
}

void h1_answered(struct conn *c, struct h1 *h, bool keep_alive)
{
    h1_end(h);
    h1_begin(c, h);
    if (!keep_alive)
        h1_end_in_order(c, h);
    else
        conn_resume(c);
}

bool h1_keeps_alive(const struct h1 *h)
{
    const struct conn *c = h->exchange.conn;
    bool over = h->last || (c->input_over && !h->more && !c->in);
    return h->request.keep_alive && h->complete && !c->loop->draining && !over;
}

void h1_set_deadline(struct conn *c, uint64_t ms)
{
    conn_set_deadline(c, loop_now(c->loop) + ms);
}

/* A peer that still reads the last answer is not idle. */
void h1_idle_too_long(struct conn *c)
{
    if (conn_is_stuck(c))
        conn_close(c, CLOSE_WRITE_TIMEOUT);
    else if (conn_is_busy(c))
        h1_set_deadline(c, worker_settings(c)->idle_timeout_ms);
    else
        conn_close(c, CLOSE_IDLE);
}
