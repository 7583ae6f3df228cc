#include "http/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "http/guard.h"
#include "http/http_lines.h"
#include "http/http_problem.h"
#include "http/http_refusal.h"

const char exchange_json[] = "application/json";

static const char data_guard[] = HTTP_DATA_GUARD;
static const char file_guard[] = HTTP_NO_GUESS "Cache-Control: no-cache\r\n";
static const char no_memory[] = "The hub is out of memory";

/* --- answers --- */

void exchange_reply(struct exchange *x, unsigned status, const char *type, const char *body,
                    size_t n)
{
    x->ops->reply(x, &(struct exchange_reply){status, data_guard, type, body, n});
}

void exchange_reply_with(struct exchange *x, unsigned status, const char *type, struct buf *body,
                         size_t at)
{
    x->ops->reply_with(x, &(struct exchange_reply){status, data_guard, type, NULL, 0}, body, at);
}

void exchange_reply_shared(struct exchange *x, struct blob *b, bool at_once)
{
    x->ops->reply_shared(x, b, at_once);
}

void exchange_reply_file(struct exchange *x, const char *type, const char *body, size_t n)
{
    x->ops->reply(x, &(struct exchange_reply){200, file_guard, type, body, n});
}

void exchange_reply_unmodified(struct exchange *x)
{
    x->ops->reply(x, &(struct exchange_reply){304, file_guard, NULL, NULL, 0});
}

void exchange_fail(struct exchange *x, unsigned status, const char *detail)
{
    struct buf body = {0};
    http_refusal_note(x->conn, &(struct http_refusal){x->method_name, &x->url, status, detail});
    http_problem_body(&body, status, detail, strlen(detail));
    exchange_reply(x, status, HTTP_PROBLEM_TYPE, body.data, body.len);
    buf_finish(&body);
}

void exchange_fail_as(struct exchange *x, unsigned status, const char *code, const char *detail)
{
    struct buf body = {0};
    http_refusal_note(x->conn, &(struct http_refusal){x->method_name, &x->url, status, detail});
    http_problem_begin(&body, status, detail, strlen(detail));
    buf_printf(&body, ",\"code\":\"%s\"", code);
    http_problem_end(&body);
    exchange_reply(x, status, HTTP_PROBLEM_TYPE, body.data, body.len);
    buf_finish(&body);
}

void exchange_deny(struct exchange *x, const char *detail)
{
    static const char foreign[] =
        "The Host of the request is none of this machine, so it may do as others elsewhere "
        "(access.anonymous): a proxy must be in http.trusted_proxies, another name of this machine "
        "in http.hosts";
    exchange_fail(x, 403, x->foreign_host ? foreign : detail);
}

void exchange_fail_later(struct exchange *x, unsigned status, unsigned retry_s, const char *detail)
{
    http_lines_put_u64(&x->lines, "Retry-After", retry_s);
    exchange_fail(x, status, detail);
}

void exchange_drop(struct exchange *x, enum close_reason why)
{
    conn_close(x->conn, why);
}

void exchange_add_field(struct exchange *x, const char *name, const char *value)
{
    http_lines_gather(&x->lines, name, value);
}

struct buf *exchange_stream(struct exchange *x, const char *guard, const char *type)
{
    return x->ops->stream(x, &(struct exchange_reply){200, guard, type, NULL, 0});
}

void exchange_upgrade(struct exchange *x, const struct buf *lines)
{
    x->ops->upgrade(x, lines);
}

/* --- answers that come later --- */

void exchange_forget_head(struct exchange *x)
{
    x->ops->forget_head(x);
    x->fields = NULL;
    x->method_name = NULL;
    x->host = "";
    x->url = (struct url){0};
    exchange_forget_name(x);
}

void exchange_go_on_later(struct exchange *x)
{
    x->unfinished = true;
    conn_yield(x->conn);
}

void exchange_go_on_resumed(struct exchange *x)
{
    x->unfinished = true;
}

void exchange_go_on_for(struct exchange *x, enum conn_need need)
{
    x->unfinished = true;
    conn_yield_for(x->conn, need);
}

static void publish(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                    uint64_t wait_ms)
{
    if (!p || x->ops->publish(x, p, answer, wait_ms) != ERR_OK)
        exchange_fail_later(x, 503, 1, no_memory);
}

void exchange_publish(struct exchange *x, struct publish *p, exchange_published_fn *answer)
{
    publish(x, p, answer, 0);
}

void exchange_probe(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                    uint64_t ms)
{
    publish(x, p, answer, ms);
}

void exchange_answer_reply(struct exchange_answer *a, unsigned status, const char *type,
                           const char *body, size_t n)
{
    a->ops->answer(a, &(struct exchange_reply){status, data_guard, type, body, n});
}

void exchange_answer_fail(struct exchange_answer *a, unsigned status, unsigned retry_s,
                          const char *detail)
{
    struct buf body = {0};
    http_refusal_note_publish(a->conn, status, detail, a->publish);
    if (retry_s)
        http_lines_put_u64(a->lines, "Retry-After", retry_s);
    http_problem_body(&body, status, detail, strlen(detail));
    exchange_answer_reply(a, status, HTTP_PROBLEM_TYPE, body.data, body.len);
    buf_finish(&body);
}

/* --- for versions of HTTP --- */

void exchange_go_on(struct exchange *x)
{
    if (!x->unfinished)
        return;
    x->unfinished = false;
    if (x->waiter && x->waiter->go_on)
        x->waiter->go_on(x);
    else
        x->route->run(x);
}

bool exchange_time_up(struct exchange *x)
{
    if (!x->waiter || !x->waiter->time_up)
        return false;
    x->waiter->time_up(x);
    return true;
}

bool exchange_may_be_refused(const struct exchange *x)
{
    return x->method == HTTP_POST || (x->waiter && x->waiter->may_refuse);
}

void exchange_forget_name(struct exchange *x)
{
    if (!x->name_borrowed)
        free(x->name);
    x->name_borrowed = false;
    x->name = NULL;
    x->name_len = 0;
}

void exchange_end(struct exchange *x)
{
    buf_finish(&x->lines);
    exchange_forget_name(x);
    if (x->waiter)
        x->waiter->end(x);
    exchange_wait(x, NULL, NULL);
    x->unfinished = false;
    x->fields = NULL;
    x->method_name = NULL;
    x->host = "";
}

size_t exchange_held(const struct exchange *x)
{
    return x->body.cap + x->lines.cap + x->name_len + (x->waiter ? x->waiter->held(x) : 0);
}
