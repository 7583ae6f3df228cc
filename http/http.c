#include "http/http.h"

#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "delivery/worker.h"
#include "http/forwarding.h"
#include "http/http_access.h"
#include "http/http_refusal.h"
#include "http/http_response.h"

enum {
    HEADERS_MAX = 100,
    BODY_BYTES_PER_MS = 4,   /* a body that is slower for long is cut off */
    CREATED_BYTES = 400,     /* about what the answer to a publish takes */
    CREATED_ROOM = 64 << 10, /* bytes of such answers that room is made for at once */
    SHARED_HEAD = 512,       /* bytes that are made at once, since mostly no more is needed */
};

static const char data_guard[] = HTTP_DATA_ONLY "Cache-Control: no-store\r\n";
static const char no_memory[] = "The hub is out of memory";
static const char too_long[] = "The body is longer than the hub takes";

/* What stands at which path; written before there is a connection. */
static const struct http_routes *routes;

void http_set_routes(const struct http_routes *r)
{
    routes = r;
}

struct http *http_of(struct conn *c)
{
    return c->state;
}

const char *http_now(void)
{
    static _Thread_local struct http_date date;
    return http_date(&date, now_unix_ms());
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

static void begin_exchange(struct conn *c, struct http *h)
{
    const struct settings *s = settings_of(c);
    h->limits = (struct http_limits){
        .head_bytes = (uint32_t)s->max_head_bytes,
        .target_bytes = (uint32_t)s->max_head_bytes,
        .headers = HEADERS_MAX,
        .body_bytes =
            s->max_body_bytes > s->max_message_bytes ? s->max_body_bytes : s->max_message_bytes,
    };
    http_request_init(&h->request, &h->limits);
    h->phase = HTTP_PHASE_IDLE;
    h->route = NULL;
    h->url = (struct url){0};
    h->method = 0;
    conn_set_deadline(c, h->due ? WHEEL_NEVER : loop_now(c->loop) + s->idle_timeout_ms);
}

static void forget_name(struct http *h)
{
    if (!h->name_borrowed)
        free(h->name);
    h->name_borrowed = false;
    h->name = NULL;
    h->name_len = 0;
}

void http_forget_head(struct http *h)
{
    http_request_forget_head(&h->request);
    h->url = (struct url){0};
    forget_name(h);
}

static void forget_body(struct http *h)
{
    if (h->body_borrowed)
        buf_init(&h->body);
    else
        buf_finish(&h->body);
    h->body_borrowed = false;
}

static void end_exchange(struct http *h)
{
    http_request_finish(&h->request);
    forget_body(h);
    buf_finish(&h->fields);
    forget_name(h);
    if (h->waiter)
        h->waiter->end(h);
    http_wait(h, NULL, NULL);
    h->unfinished = false;
}

/* Nothing more is read, and what has been read in part is given up: the connection ends behind the
 * answers that are due. */
static void end_behind_due(struct conn *c, struct http *h)
{
    end_exchange(h);
    begin_exchange(c, h);
    h->phase = HTTP_PHASE_ENDING;
    conn_pause(c);
}

static void end_in_order(struct conn *c, struct http *h)
{
    if (h->due)
        end_behind_due(c, h);
    else
        conn_finish_after_output(c);
}

/* The answer is written: on to the next request, or to the end. */
static void answered(struct conn *c, struct http *h, bool keep_alive)
{
    end_exchange(h);
    begin_exchange(c, h);
    if (!keep_alive)
        end_in_order(c, h);
    else
        conn_resume(c);
}

/* Whether the connection can go on: only if the end of this request is known and was reached. */
static bool keeps_alive(const struct conn *c, const struct http *h)
{
    bool over = h->last || (c->input_over && !h->more && !c->in);
    return h->request.keep_alive && h->complete && !c->loop->draining && !over;
}

/* --- answers --- */

/* Where an answer to the current request goes: behind those that are due. NULL: the connection
 * ends, or has ended. */
static struct buf *answer_room(struct conn *c, struct http *h)
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

/* An answer to the current request. GUARD: the lines that say what browsers may do with it. */
static struct http_answer answer_of(const struct conn *c, unsigned status, const char *guard,
                                    const char *type)
{
    const struct http *h = c->state;
    return (struct http_answer){
        .status = status,
        .minor = h->request.minor,
        .keep_alive = keeps_alive(c, h),
        .head = h->method == HTTP_HEAD,
        .fields = &h->fields,
        .guard = guard,
        .type = type,
    };
}

static void reply(struct conn *c, unsigned status, const char *guard, const char *type,
                  const char *body, size_t n)
{
    struct http *h = http_of(c);
    struct buf *out = answer_room(c, h);
    struct http_answer a = answer_of(c, status, guard, type);
    if (!out)
        return;
    a.body = body;
    a.body_len = n;
    put_answer(c, out, &a);
    answered(c, h, a.keep_alive);
}

void http_reply(struct conn *c, unsigned status, const char *type, const char *body, size_t n)
{
    reply(c, status, data_guard, type, body, n);
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
void http_reply_with(struct conn *c, unsigned status, const char *type, struct buf *body, size_t at)
{
    struct http *h = http_of(c);
    struct buf head = {0};
    struct http_answer a = answer_of(c, status, data_guard, type);
    a.body_len = body->len - at;
    if (a.head && !body->failed)
        body->len = at;
    a.head = true;
    put_answer(c, &head, &a);
    join(c, &head, body, at);
    buf_finish(&head);
    buf_finish(body);
    if (conn_state(c) != CONN_CLOSED)
        answered(c, h, a.keep_alive);
}

/* --- answers that requests have in common --- */

struct blob *http_shared_create(const char *fields, const char *type, const char *body, size_t n)
{
    struct buf head = {0};
    buf_reserve(&head, SHARED_HEAD);
    http_response_start(&head, 200, http_now());
    buf_puts(&head, fields);
    buf_puts(&head, data_guard);
    http_response_content(&head, type, n);
    http_response_end(&head);
    struct blob *b = head.failed ? NULL : blob_join(head.data, head.len, body, n);
    buf_finish(&head);
    return b;
}

/* The connection sends them as they are, and keeps what it cannot send now by reference. */
static void refer_shared(struct conn *c, struct blob *b, bool at_once)
{
    size_t sent = at_once ? conn_push(c, b->data, b->len) : 0;
    if (!at_once)
        budget_charge(&c->loop->work, b->len);
    if (sent < b->len)
        conn_keep_rest(c, b, (uint32_t)sent, 0);
}

/* With the lines that this answer has for itself behind the first two. */
static void copy_shared(struct conn *c, const struct http *h, const struct blob *b, bool keep_alive)
{
    const size_t start = sizeof("HTTP/1.1 200 OK\r\nDate: \r\n") - 1 + HTTP_DATE_SIZE - 1;
    struct buf *out = conn_out(c);
    if (!out)
        return;
    buf_reserve(out, h->fields.len + SHARED_HEAD + b->len);
    buf_append(out, b->data, start);
    http_put_fields(h, out);
    http_response_connection(out, h->request.minor, keep_alive);
    buf_append(out, b->data + start, b->len - start);
}

/* Nothing is to be added to it, and nothing is to be sent before. */
static bool is_complete(const struct conn *c, const struct http *h, bool keep_alive)
{
    return keep_alive && h->request.minor > 0 && !h->fields.len && !h->fields.failed &&
           !conn_is_busy(c);
}

void http_reply_shared(struct conn *c, struct blob *b, bool at_once)
{
    struct http *h = http_of(c);
    bool keep_alive = keeps_alive(c, h);
    counter_add(&c->loop->counters, COUNTER_http_requests, 1);
    if (is_complete(c, h, keep_alive))
        refer_shared(c, b, at_once);
    else
        copy_shared(c, h, b, keep_alive);
    if (conn_state(c) != CONN_CLOSED)
        answered(c, h, keep_alive);
}

void http_reply_file(struct conn *c, const char *type, const char *body, size_t n)
{
    reply(c, 200, HTTP_NO_GUESS "Cache-Control: no-cache\r\n", type, body, n);
}

void http_fail(struct conn *c, unsigned status, const char *detail)
{
    const struct http *h = http_of(c);
    struct buf body = {0};
    http_refusal_note(c, &(struct http_refusal){h->request.method, &h->url, status, detail});
    http_problem_body(&body, status, detail, strlen(detail));
    http_reply(c, status, HTTP_PROBLEM_TYPE, body.data, body.len);
    buf_finish(&body);
}

void http_deny(struct conn *c, const char *detail)
{
    static const char foreign[] =
        "The Host of the request is none of this machine, so it may do as others elsewhere "
        "(access.anonymous): a proxy must be in http.trusted_proxies, another name of this machine "
        "in http.hosts";
    http_fail(c, 403, http_of(c)->foreign_host ? foreign : detail);
}

void http_add_field(struct http *h, const char *name, const char *value)
{
    http_response_add_field(&h->fields, name, value);
}

void http_put_fields(const struct http *h, struct buf *out)
{
    buf_append(out, h->fields.data, h->fields.len);
    out->failed |= h->fields.failed;
}

void http_fail_later(struct conn *c, unsigned status, unsigned retry_s, const char *detail)
{
    http_response_header_u64(&http_of(c)->fields, "Retry-After", retry_s);
    http_fail(c, status, detail);
}

void http_go_on_later(struct conn *c)
{
    http_of(c)->unfinished = true;
    conn_yield(c);
}

void http_go_on_for(struct conn *c, enum conn_need need)
{
    http_of(c)->unfinished = true;
    conn_yield_for(c, need);
}

/* --- publishes under way, and their answers --- */

/* Hands P over and notes what its answer needs; ERR_NOMEM. CURRENT: as in http_due_answer. */
static enum err hand_over(struct conn *c, struct publish *p, http_due_answer_fn *answer,
                          bool current)
{
    struct http *h = http_of(c);
    struct http_due_answer *a = http_due_add(&h->due, p, p->bytes);
    if (!a) {
        publish_free(p);
        return ERR_NOMEM;
    }
    a->answer = answer;
    a->text = h->fields;
    h->fields = (struct buf){0};
    a->method = (uint8_t)h->method;
    a->minor = h->request.minor;
    a->current = current;
    p->uncounted = true;
    worker_publish(worker_of(c), c, p);
    forget_body(h);
    return ERR_OK;
}

void http_publish(struct conn *c, struct publish *p, http_due_answer_fn *answer)
{
    struct http *h = http_of(c);
    bool goes_on = keeps_alive(c, h);
    if (!p || hand_over(c, p, answer, !goes_on) != ERR_OK) {
        http_fail_later(c, 503, 1, no_memory);
    } else if (goes_on) {
        end_exchange(h);
        begin_exchange(c, h);
    }
}

void http_probe(struct conn *c, struct publish *p, http_due_answer_fn *answer, uint64_t ms)
{
    if (!p || hand_over(c, p, answer, true) != ERR_OK)
        http_fail_later(c, 503, 1, no_memory);
    else
        deadline_in(c, ms);
}

/* Whether the connection goes on behind the answer A, the first one. */
static bool keeps_alive_behind(const struct conn *c, const struct http_due_answer *a)
{
    const struct http *h = c->state;
    if (a->current)
        return keeps_alive(c, h);
    return h->phase != HTTP_PHASE_ENDING || h->due->count > 1;
}

void http_due_reply(struct conn *c, struct http_due_answer *a, unsigned status, const char *type,
                    const char *body, size_t n)
{
    struct buf *out = conn_out(c);
    if (!out)
        return;
    put_answer(c, out,
               &(struct http_answer){
                   .status = status,
                   .minor = a->minor,
                   .keep_alive = keeps_alive_behind(c, a),
                   .head = a->method == HTTP_HEAD,
                   .fields = &a->text,
                   .guard = data_guard,
                   .type = type,
                   .body = body,
                   .body_len = n,
               });
}

/* Nearly all answers are so, to HTTP/1.1, in a connection that goes on. */
static bool is_plain(const struct conn *c, const struct http_due_answer *a)
{
    return a->minor == 1 && !a->text.len && !a->text.failed && keeps_alive_behind(c, a);
}

/* What the next answers take, if all that are due are like the first one. */
static size_t room_for(uint32_t answers)
{
    size_t room = (size_t)answers * CREATED_BYTES;
    return room < CREATED_ROOM ? room : CREATED_ROOM;
}

void http_due_created(struct conn *c, struct http_due_answer *a, const char *body, size_t n)
{
    static _Thread_local struct http_created created;
    if (!is_plain(c, a)) {
        http_due_reply(c, a, 201, "application/json", body, n);
        return;
    }
    struct buf *out = conn_out(c);
    if (!out)
        return;
    if (!out->cap)
        buf_reserve(out, room_for(http_of(c)->due->count));
    counter_add(&c->loop->counters, COUNTER_http_requests, 1);
    http_response_created(out, &created, data_guard, date_of(c->loop), body, n);
}

void http_due_fail(struct conn *c, struct http_due_answer *a, unsigned status, unsigned retry_s,
                   const char *detail)
{
    struct buf body = {0};
    http_refusal_note_publish(c, status, detail, a->publish);
    if (retry_s)
        http_response_header_u64(&a->text, "Retry-After", retry_s);
    http_problem_body(&body, status, detail, strlen(detail));
    http_due_reply(c, a, status, HTTP_PROBLEM_TYPE, body.data, body.len);
    buf_finish(&body);
}

/* What was answered meanwhile and has come to the front leaves. */
static void write_due_texts(struct conn *c, struct http *h)
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

static bool has_room(const struct conn *c, const struct http *h)
{
    return !http_due_is_full(h->due, settings_of(c)->inflight);
}

/* Nothing is due any more. */
static void go_on_behind_due(struct conn *c, struct http *h)
{
    if (h->phase == HTTP_PHASE_ENDING)
        conn_finish_after_output(c);
    else if (h->phase == HTTP_PHASE_HELD)
        conn_resume(c);
    else if (h->phase == HTTP_PHASE_IDLE && http_request_idle(&h->request))
        deadline_in(c, settings_of(c)->idle_timeout_ms);
}

/* The first answer is written. */
static void drop_first_due(struct conn *c, struct http *h)
{
    bool current = http_due_first(h->due)->current;
    bool keep_alive = !current || keeps_alive(c, h);
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
    struct http *h = http_of(c);
    struct http_due_answer *a = http_due_first(h->due);
    if (!a || a->publish != p)
        return; /* its request was given up */
    a->answer(c, a, p);
    drop_first_due(c, h);
}

/* --- reading --- */

static unsigned method_of(const char *name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"GET", HTTP_GET},         {"HEAD", HTTP_HEAD},   {"POST", HTTP_POST},
        {"OPTIONS", HTTP_OPTIONS}, {"PUT", HTTP_OTHER},   {"DELETE", HTTP_OTHER},
        {"PATCH", HTTP_OTHER},     {"TRACE", HTTP_OTHER},
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(name, methods[i].name) == 0)
            return methods[i].method;
    return HTTP_UNKNOWN;
}

/* Finds the route of what is asked; *RET_STATUS says why there is none. */
static const struct http_route *find_route(struct http *h, unsigned *ret_status)
{
    const struct http_route *r = http_routes_find(routes, &h->url, h->method);
    *ret_status = 404;
    if (!r || (h->status_only && !(r->flags & HTTP_ROUTE_STATUS)))
        return NULL;
    if (!r->takes_rest)
        return r;
    enum err e = http_route_rest(r, &h->url, &h->name, &h->name_len, &h->name_borrowed);
    *ret_status = e == ERR_NOMEM ? 503 : 400;
    return e == ERR_OK ? r : NULL;
}

static void add_allow(struct http *h)
{
    unsigned methods = http_routes_methods(routes, h->route);
    char allow[64] = "";
    if (methods & HTTP_GET)
        strcat(allow, "GET, ");
    if (methods & HTTP_HEAD)
        strcat(allow, "HEAD, ");
    if (methods & HTTP_POST)
        strcat(allow, "POST, ");
    strcat(allow, "OPTIONS");
    http_add_field(h, "Allow", allow);
}

/* A browser's EventSource gives up for ever at a 503, but comes back to a connection that just
 * ended: so whoever may be one gets no answer. */
static void refuse_path(struct conn *c, const struct http *h, unsigned status)
{
    if (status != 503)
        http_fail(c, status,
                  status == 404 ? "There is nothing at this path" : "The path is not valid");
    else if (h->method == HTTP_GET)
        conn_close(c, CLOSE_NOMEM);
    else
        http_fail_later(c, 503, 1, no_memory);
}

/* On loopback listeners, a request for a foreign host counts as from elsewhere. */
static void judge_host(struct conn *c, struct http *h)
{
    h->foreign_host = h->trusted && http_access_is_foreign_host(c, &h->request);
    if (h->foreign_host)
        c->trusted = false;
}

/* Whether its host leaves it without any right. */
static bool is_shut_out(const struct conn *c, const struct http *h)
{
    bool open = h->route && h->route->flags & HTTP_ROUTE_OPEN;
    return h->foreign_host && !open && !http_may_subscribe(c) && !http_may_publish(c) &&
           !http_may_see_status(c);
}

static bool may_see_private(const struct conn *c, const struct http *h)
{
    return http_may_see_status(c) || (h->status_only && !h->foreign_host);
}

/* Refuses, before a body is read, what this client may not ask for. False: it is answered. */
static bool check_access(struct conn *c, struct http *h)
{
    if (is_shut_out(c, h))
        http_deny(c, NULL);
    else if (h->route && h->route->flags & HTTP_ROUTE_PRIVATE && !may_see_private(c, h))
        http_deny(c, "This is for clients on this machine, at http.metrics_listen, or where "
                     "access.anonymous has status");
    else if (h->method == HTTP_POST && !h->origin_allowed)
        http_fail(
            c, 403,
            "Pages of this origin may not publish or change subscriptions (see access.origin)");
    else
        return true;
    return false;
}

/* The same for what makes no sense; STATUS says why there is no route. */
static bool check_method(struct conn *c, struct http *h, unsigned status)
{
    if (h->method == HTTP_UNKNOWN) {
        http_fail(c, 501, "The method is not known");
    } else if (!h->route) {
        refuse_path(c, h, status);
    } else if (!(h->route->methods & h->method)) {
        add_allow(h);
        http_fail(c, 405, "This path does not take this method");
    } else {
        return true;
    }
    return false;
}

static bool asks_for_options(const struct http *h)
{
    return h->method == HTTP_OPTIONS && (h->route || strcmp(h->request.target, "*") == 0);
}

static void answer_options(struct conn *c, struct http *h)
{
    if (h->route)
        add_allow(h);
    if (!h->origin_allowed) {
        http_fail(c, 403, "Pages of this origin have no access (see access.origin)");
        return;
    }
    http_access_put_preflight(&h->request, &h->fields);
    http_reply(c, 204, NULL, NULL, 0);
}

/* Finds out what is asked, and refuses what cannot be before a body is read. */
static void handle_head(struct conn *c, struct http *h)
{
    unsigned status = 404;
    h->phase = HTTP_PHASE_BODY;
    c->trusted = h->trusted;
    forwarding_take(c, &h->request);
    judge_host(c, h);
    h->complete = !h->request.has_body;
    h->method = method_of(h->request.method);
    h->body_max = 0;
    url_split(h->request.target, strlen(h->request.target), &h->url);
    h->origin_allowed = http_access_take_origin(c, &h->request, &h->fields);
    h->route = find_route(h, &status);
    if (asks_for_options(h) && !is_shut_out(c, h))
        answer_options(c, h);
    else if (check_access(c, h) && check_method(c, h, status) && h->route->head)
        h->route->head(c, h);
}

/* The body may be silent for body_timeout from now on. */
static void begin_body_time(struct conn *c, struct http *h)
{
    h->body_until_ms = loop_now(c->loop) + settings_of(c)->body_timeout_ms;
}

/* N bytes of the body win back what they may take, so that a trickle does not hold the connection
 * for ever. */
static void extend_body_time(struct conn *c, struct http *h, size_t n)
{
    uint64_t most = loop_now(c->loop) + settings_of(c)->body_timeout_ms;
    uint64_t until = h->body_until_ms + n / BODY_BYTES_PER_MS;
    h->body_until_ms = until < most ? until : most;
}

/* In its place: behind the answers that are due. */
static void ask_for_body(struct conn *c, struct http *h)
{
    struct buf *out = answer_room(c, h);
    if (out)
        buf_puts(out, HTTP_CONTINUE);
}

/* A length that is too long is refused before any of it is sent. */
static void wants_body(struct conn *c, struct http *h)
{
    if (h->body_max && http_request_length(&h->request) > h->body_max) {
        http_fail(c, 413, too_long);
        return;
    }
    begin_body_time(c, h);
    if (h->request.expect_continue)
        ask_for_body(c, h);
}

/* A small body mostly comes with its head: then it stays where it is, as long as the input does. */
static bool borrow_body(struct http *h)
{
    bool whole = h->body.len == 0 && http_request_is_read(&h->request);
    if (!whole || !(h->route->flags & HTTP_ROUTE_MESSAGE))
        return false;
    h->body = (struct buf){.data = (char *)(uintptr_t)h->request.body, .len = h->request.body_len};
    h->body_borrowed = true;
    return true;
}

/* The input goes: what is borrowed of it becomes our own. */
static void own_body(struct conn *c, struct http *h)
{
    struct buf body = h->body;
    if (!h->body_borrowed)
        return;
    h->body_borrowed = false;
    h->body = (struct buf){0};
    buf_append(&h->body, body.data, body.len);
    if (h->body.failed)
        http_fail_later(c, 503, 1, no_memory);
}

static void take_body(struct conn *c, struct http *h)
{
    extend_body_time(c, h, h->request.body_len);
    if (h->body_max == 0)
        return; /* a body that the route has no use for */
    if (h->request.body_len > h->body_max - h->body.len) {
        http_fail(c, 413, too_long);
        return;
    }
    if (borrow_body(h))
        return;
    buf_append(&h->body, h->request.body, h->request.body_len);
    if (h->body.failed)
        http_fail_later(c, 503, 1, no_memory);
}

static bool is_publish(const struct http *h)
{
    const char *target = h->request.target;
    return target[0] == '/' && target[1] == 't' && strcmp(h->request.method, "POST") == 0;
}

/* Only a publish goes on while answers are due: whatever else it is may ask for what they have
 * published. Of whoever comes through a proxy each request may be another client's. */
static bool goes_beside_due(const struct conn *c, const struct http *h)
{
    return !c->peer && is_publish(h);
}

static void hold_request(struct conn *c, struct http *h)
{
    h->phase = HTTP_PHASE_HELD;
    conn_set_deadline(c, WHEEL_NEVER);
}

static void begin_request(struct conn *c, struct http *h)
{
    handle_head(c, h);
    if (h->phase == HTTP_PHASE_BODY && h->request.has_body)
        wants_body(c, h);
}

static void run_request(struct conn *c, struct http *h)
{
    h->phase = HTTP_PHASE_ANSWERING;
    h->complete = true;
    conn_set_deadline(c, WHEEL_NEVER);
    h->route->run(c, h);
}

static void refuse(struct conn *c, struct http *h)
{
    unsigned status = h->request.status;
    h->complete = false;
    if (h->request.method) { /* the head is there: no body for HEAD */
        h->method = method_of(h->request.method);
        url_split(h->request.target, strlen(h->request.target), &h->url);
    }
    if (status == 503 && !h->request.method && h->due)
        end_behind_due(c, h);
    else if (status == 503 && !h->request.method)
        conn_close(c, CLOSE_NOMEM); /* as in refuse_path(): it may be anything */
    else if (status == 503)
        http_fail_later(c, status, 1, no_memory);
    else
        http_fail(c, status, h->request.reason);
}

/* Handles one event of the reader. False: nothing more to do with the input now. */
static bool handle(struct conn *c, struct http *h, enum http_read event)
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
static bool must_wait_for_due(struct conn *c, const struct http *h)
{
    if (h->phase != HTTP_PHASE_IDLE || !http_request_idle(&h->request) || has_room(c, h))
        return false;
    conn_pause(c);
    return true;
}

/* Whether input can be taken now: not while the current request is to be answered first or the
 * broker has no room, and not before others have had their turn. */
static bool takes_input(struct conn *c, const struct http *h)
{
    if (c->protocol != &http_protocol || !conn_is_open(c) || conn_is_congested(c))
        return false;
    if (h->phase != HTTP_PHASE_IDLE && h->phase != HTTP_PHASE_BODY)
        return false;
    if (must_wait_for_due(c, h))
        return false;
    if (h->phase == HTTP_PHASE_BODY && h->method == HTTP_POST && worker_must_wait(worker_of(c), c))
        return false;
    return conn_may_go_on(c);
}

/* The connection ends behind all that is to be written or due; if that is nothing, at once. */
static void end_or_close(struct conn *c, struct http *h, enum close_reason why)
{
    if (h->due || conn_has_output(c))
        end_in_order(c, h);
    else
        conn_close(c, why);
}

/* The peer sends no more, and all that it sent has been read. */
static void end_of_input(struct conn *c, struct http *h)
{
    if (h->phase == HTTP_PHASE_IDLE || h->phase == HTTP_PHASE_BODY)
        end_or_close(c, h, CLOSE_PEER);
    /* Otherwise an answer is on its way, which ends the connection. */
}

/* What has been put off goes on. */
static void go_on(struct conn *c, struct http *h)
{
    if (h->phase == HTTP_PHASE_HELD && !h->due && !conn_is_congested(c))
        begin_request(c, h);
    if (!h->unfinished)
        return;
    h->unfinished = false;
    if (h->waiter && h->waiter->go_on)
        h->waiter->go_on(c, h);
    else
        h->route->run(c, h);
}

/* What is read in part has its time; what was whole has needed none. BEGUN: its first byte came
 * now, or that of a request before it. */
static void set_reading_deadline(struct conn *c, const struct http *h, bool begun)
{
    if (h->phase == HTTP_PHASE_BODY && h->request.has_body)
        conn_set_deadline(c, h->body_until_ms);
    else if (h->phase == HTTP_PHASE_IDLE && begun && !http_request_idle(&h->request))
        deadline_in(c, c->loop->settings->head_timeout_ms);
}

/* Reads what there is of DATA; returns how much that is. */
static size_t read_requests(struct conn *c, struct http *h, char *data, size_t n)
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
    own_body(c, h);
    set_reading_deadline(c, h, begun);
    return used;
}

static size_t http_input(struct conn *c, char *data, size_t n)
{
    struct http *h = http_of(c);
    h->more = n > 0;
    go_on(c, h);
    size_t used = read_requests(c, h, data, n);
    bool done = used == n && c->reading && !c->yielded; /* what it has sent has been worked off */
    if (c->input_over && done && c->protocol == &http_protocol && conn_is_open(c))
        end_of_input(c, h);
    return used;
}

/* A request that waits for something is answered with what there is. False: none does. */
static bool time_up(struct conn *c, struct http *h)
{
    if (!h->waiter || !h->waiter->time_up)
        return false;
    h->waiter->time_up(c, h);
    return true;
}

/* All requests that it sent get their answers; a poll does not wait any more. */
static void http_input_ended(struct conn *c)
{
    struct http *h = http_of(c);
    if (!time_up(c, h) && !c->in)
        end_of_input(c, h);
}

/* Ends the connection, too: another protocol on it would take the answer for one of its own. What
 * is due behind the first one stays without an answer. */
static void give_up_due(struct conn *c, struct http *h)
{
    h->complete = false;
    http_due_drop_others(h->due);
    http_due_fail(c, http_due_first(h->due), 503, 5, "The log did not answer in time");
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
static void request_too_slow(struct conn *c, struct http *h)
{
    if (c->awaits_room) {
        begin_body_time(c, h);
        conn_set_deadline(c, h->body_until_ms);
        return;
    }
    h->complete = false;
    http_fail(c, 408, "The request did not arrive in time");
}

static void http_timeout(struct conn *c)
{
    struct http *h = http_of(c);
    if (time_up(c, h))
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
    struct http *h = http_of(c);
    if (!h)
        return;
    http_due_clear(&h->due);
    end_exchange(h);
    free(h);
    c->state = NULL;
}

static void http_shutdown(struct conn *c)
{
    struct http *h = http_of(c);
    if (!time_up(c, h) && h->phase == HTTP_PHASE_IDLE &&
        (http_request_idle(&h->request) || c->level))
        end_in_order(c, h); /* who pipelines much would otherwise always have begun one */
}

static void http_kicked(struct conn *c)
{
    struct http *h = http_of(c);
    h->last = true;
    if (time_up(c, h))
        return;
    if (h->phase != HTTP_PHASE_ANSWERING)
        end_or_close(c, h, CLOSE_KICKED);
    if (h->due || h->phase == HTTP_PHASE_ANSWERING)
        deadline_in(c, CONN_FAREWELL_MS);
}

static size_t http_held(const struct conn *c)
{
    const struct http *h = c->state;
    return http_request_held(&h->request) + h->body.cap + h->fields.cap + h->name_len +
           (h->waiter ? h->waiter->held(h) : 0) + http_due_held(h->due);
}

/* Whether the current request has been handed over, to be answered when it comes back. */
static bool awaits_current(const struct http *h)
{
    return h->due && http_due_last(h->due)->current;
}

/* Whether the current request may be told that it is refused: whoever may be an EventSource may
 * not, as in refuse_path(). */
static bool may_be_refused(const struct http *h)
{
    return h->method == HTTP_POST || (h->waiter && h->waiter->may_refuse);
}

static void http_refuse(struct conn *c)
{
    struct http *h = http_of(c);
    if (h->phase == HTTP_PHASE_ENDING || (!h->due && !may_be_refused(h))) {
        conn_close(c, CLOSE_MEMORY);
        return;
    }
    if (awaits_current(h)) {
        h->last = true;
        return;
    }
    if (!may_be_refused(h)) { /* between requests */
        end_behind_due(c, h);
        return;
    }
    h->complete = false;
    http_fail_later(c, 503, 1, "The hub holds as much for its clients as hub.peer_bytes allows");
}

static void http_describe(struct conn *c, struct description *d)
{
    struct http *h = http_of(c);
    if (h && h->waiter && h->waiter->describe)
        h->waiter->describe(h, d);
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

static struct http *create(struct conn *c)
{
    struct http *h = calloc(1, sizeof(*h));
    if (h)
        h->trusted = c->trusted;
    else
        conn_close(c, CLOSE_NOMEM);
    return h;
}

void http_accepted(struct conn *c, bool status_only)
{
    struct http *h = create(c);
    if (!h)
        return;
    h->status_only = status_only;
    c->state = h;
    begin_exchange(c, h);
}

void http_adopt(struct conn *c)
{
    struct http *h = create(c);
    if (!h)
        return;
    conn_set_protocol(c, &http_protocol, h);
    begin_exchange(c, h);
}

const struct worker_part http_part = {.end_thread = http_fields_finish_thread};
