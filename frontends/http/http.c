#include "frontends/http/http.h"

#include <stdlib.h>
#include <string.h>

#include "frontends/counting.h"
#include "frontends/http/http_response.h"
#include "frontends/peer.h"
#include "frontends/poll.h"
#include "frontends/publish.h"
#include "frontends/worker.h"

enum {
    HEADERS_MAX = 100,
    BODY_BYTES_PER_MS = 4, /* a body that is slower for long is cut off */
    /* Room that is made at once, in bytes, since mostly no more is needed: */
    REPLY_HEAD = 512,
    FIELDS_SIZE = 160,
};

static const char no_memory[] = "The hub is out of memory";
static const char too_long[] = "The body is longer than the hub takes";

struct http *http_of(struct conn *c)
{
    return c->state;
}

const char *http_now(void)
{
    static _Thread_local struct http_date date;
    return http_date(&date, hub_time_ms());
}

static const struct settings *settings_of(const struct conn *c)
{
    return c->worker->settings;
}

static void deadline_in(struct conn *c, uint64_t ms)
{
    conn_set_deadline(c, worker_now(c->worker) + ms);
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
    deadline_in(c, s->idle_timeout_ms);
}

static void forget_name(struct http *h)
{
    free(h->name);
    h->name = NULL;
    h->name_len = 0;
}

void http_forget_head(struct http *h)
{
    http_request_forget_head(&h->request);
    h->url = (struct url){0};
    forget_name(h);
}

static void end_exchange(struct http *h)
{
    http_request_finish(&h->request);
    buf_finish(&h->body);
    buf_finish(&h->fields);
    forget_name(h);
    poll_free(h->poll);
    h->poll = NULL;
    publish_batch_free(h->batch);
    h->batch = NULL;
    counting_free(h->counting);
    h->counting = NULL;
    h->unfinished = false;
    h->awaited = NULL;
}

/* The answer is written: on to the next request, or to the end. */
static void answered(struct conn *c, struct http *h, bool keep_alive)
{
    end_exchange(h);
    begin_exchange(c, h);
    if (!keep_alive)
        conn_finish_after_output(c);
    else
        conn_resume(c);
}

/* Whether the connection can go on: only if the end of this request is known and was reached. */
static bool keeps_alive(const struct conn *c, const struct http *h)
{
    bool over = h->last || (c->input_over && !h->more && !c->in);
    return h->request.keep_alive && h->complete && !c->worker->draining && !over;
}

static void start_reply(struct conn *c, struct http *h, struct buf *out, unsigned status)
{
    struct counters *counters = &c->worker->counters;
    counter_add(counters, COUNTER_http_requests, 1);
    if (status >= 400)
        counter_add(counters, COUNTER_http_errors, 1);
    http_response_start(out, status, http_now());
    http_put_fields(h, out);
}

/* GUARD: the lines that say what browsers may do with it. N bytes of body follow. */
static void put_head(struct conn *c, struct buf *out, unsigned status, const char *guard,
                     const char *type, size_t n)
{
    struct http *h = http_of(c);
    start_reply(c, h, out, status);
    buf_puts(out, guard);
    http_response_connection(out, h->request.minor, keeps_alive(c, h));
    if (status != 204)
        http_response_content(out, type, n);
    http_response_end(out);
}

static void reply(struct conn *c, unsigned status, const char *guard, const char *type,
                  const char *body, size_t n)
{
    struct http *h = http_of(c);
    struct buf *out = conn_out(c);
    bool keep_alive = keeps_alive(c, h);
    if (!out)
        return;
    buf_reserve(out, h->fields.len + REPLY_HEAD + n);
    put_head(c, out, status, guard, type, n);
    if (h->method != HTTP_HEAD)
        buf_append(out, body, n);
    answered(c, h, keep_alive);
}

static const char data_only[] = HTTP_DATA_ONLY "Cache-Control: no-store\r\n";

void http_reply(struct conn *c, unsigned status, const char *type, const char *body, size_t n)
{
    reply(c, status, data_only, type, body, n);
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

void http_reply_with(struct conn *c, unsigned status, const char *type, struct buf *body, size_t at)
{
    struct http *h = http_of(c);
    struct buf head = {0};
    bool keep_alive = keeps_alive(c, h);
    put_head(c, &head, status, data_only, type, body->len - at);
    if (h->method == HTTP_HEAD && !body->failed)
        body->len = at;
    join(c, &head, body, at);
    buf_finish(&head);
    buf_finish(body);
    if (conn_state(c) != CONN_CLOSED)
        answered(c, h, keep_alive);
}

void http_reply_file(struct conn *c, const char *type, const char *body, size_t n)
{
    reply(c, 200, HTTP_NO_GUESS "Cache-Control: no-cache\r\n", type, body, n);
}

void http_fail(struct conn *c, unsigned status, const char *detail)
{
    struct buf body = {0};
    http_refusal_note(c, status, detail);
    http_problem_body(&body, status, detail, strlen(detail));
    http_reply(c, status, HTTP_PROBLEM_TYPE, body.data, body.len);
    buf_finish(&body);
}

void http_add_field(struct http *h, const char *name, const char *value)
{
    if (!h->fields.data)
        buf_reserve(&h->fields, FIELDS_SIZE);
    http_response_header(&h->fields, name, value);
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

void http_publish(struct conn *c, struct publish *p)
{
    if (!p) {
        http_fail_later(c, 503, 1, no_memory);
        return;
    }
    p->uncounted = true;
    http_of(c)->awaited = p;
    worker_publish(c->worker, c, p);
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

static void add_allow(struct http *h)
{
    char allow[64] = "";
    if (h->route->methods & HTTP_GET)
        strcat(allow, "GET, ");
    if (h->route->methods & HTTP_HEAD)
        strcat(allow, "HEAD, ");
    if (h->route->methods & HTTP_POST)
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

/* Refuses, before a body is read, what this client may not ask for. False: it is answered. */
static bool check_access(struct conn *c, struct http *h)
{
    if (http_access_is_shut(c, h))
        http_deny(c, NULL);
    else if (h->route && h->route->flags & HTTP_ROUTE_PRIVATE && !http_may_see_status(c))
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
    http_access_options(c, h);
}

/* Finds out what is asked, and refuses what cannot be before a body is read. */
static void handle_head(struct conn *c, struct http *h)
{
    unsigned status = 404;
    h->phase = HTTP_PHASE_BODY;
    c->trusted = h->trusted;
    peer_take_request(c, &h->request);
    http_access_host(c, h);
    h->complete = !h->request.has_body;
    h->method = method_of(h->request.method);
    h->body_max = 0;
    url_split(h->request.target, strlen(h->request.target), &h->url);
    http_access_origin(c, h);
    h->route = http_route_find(h, &status);
    if (asks_for_options(h) && !http_access_is_shut(c, h))
        answer_options(c, h);
    else if (check_access(c, h) && check_method(c, h, status) && h->route->head)
        h->route->head(c, h);
}

/* The body may be silent for body_timeout from now on. */
static void begin_body_time(struct conn *c, struct http *h)
{
    h->body_until_ms = worker_now(c->worker) + settings_of(c)->body_timeout_ms;
    conn_set_deadline(c, h->body_until_ms);
}

/* N bytes of the body win back what they may take, so that a trickle does not hold the connection
 * for ever. */
static void extend_body_time(struct conn *c, struct http *h, size_t n)
{
    uint64_t most = worker_now(c->worker) + settings_of(c)->body_timeout_ms;
    uint64_t until = h->body_until_ms + n / BODY_BYTES_PER_MS;
    h->body_until_ms = until < most ? until : most;
    conn_set_deadline(c, h->body_until_ms);
}

/* A length that is too long is refused before any of it is sent. */
static void wants_body(struct conn *c, struct http *h)
{
    const char *length = http_request_header(&h->request, "Content-Length", NULL);
    if (h->body_max && length && strtoull(length, NULL, 10) > h->body_max) {
        http_fail(c, 413, too_long);
        return;
    }
    begin_body_time(c, h);
    if (h->request.expect_continue)
        conn_write(c, HTTP_CONTINUE, strlen(HTTP_CONTINUE));
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
    buf_append(&h->body, h->request.body, h->request.body_len);
    if (h->body.failed)
        http_fail_later(c, 503, 1, no_memory);
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
    if (status == 503 && !h->request.method)
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
        budget_charge(&c->worker->work, WORK_REQUEST);
        handle_head(c, h);
        if (h->phase == HTTP_PHASE_BODY && h->request.has_body)
            wants_body(c, h);
        return true;
    case HTTP_READ_BODY:
        budget_charge(&c->worker->work, WORK_PIECE);
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

/* Whether input can be taken now: not while an answer is due or the broker has no room, and not
 * before others have had their turn. */
static bool takes_input(struct conn *c, const struct http *h)
{
    if (c->protocol != &http_protocol || !conn_is_open(c) || conn_is_congested(c))
        return false;
    if (h->phase == HTTP_PHASE_ANSWERING)
        return false;
    if (h->phase == HTTP_PHASE_BODY && h->method == HTTP_POST && worker_must_wait(c->worker, c))
        return false;
    return conn_may_go_on(c);
}

/* The peer sends no more, and all that it sent has been read. */
static void end_of_input(struct conn *c, const struct http *h)
{
    if (h->phase == HTTP_PHASE_ANSWERING)
        return; /* the answer is on its way; it ends the connection */
    if (c->out || c->rest)
        conn_finish_after_output(c);
    else
        conn_close(c, CLOSE_PEER);
}

static size_t http_input(struct conn *c, char *data, size_t n)
{
    struct http *h = http_of(c);
    size_t used = 0;
    bool more = true;
    if (h->unfinished) {
        h->unfinished = false;
        if (h->poll)
            poll_go_on(c);
        else
            h->route->run(c, h);
    }
    while (more && takes_input(c, h)) {
        bool was_idle = http_request_idle(&h->request);
        size_t taken = 0;
        enum http_read event = http_request_feed(&h->request, data + used, n - used, &taken);
        used += taken;
        h->more = used < n;
        if (was_idle && !http_request_idle(&h->request))
            deadline_in(c, settings_of(c)->head_timeout_ms);
        more = handle(c, h, event);
    }
    bool done = used == n && c->reading && !c->yielded; /* what it has sent has been worked off */
    if (c->input_over && done && c->protocol == &http_protocol && conn_is_open(c))
        end_of_input(c, h);
    return used;
}

/* All requests that it sent get their answers; a poll does not wait any more. */
static void http_input_ended(struct conn *c)
{
    struct http *h = http_of(c);
    if (h->poll)
        poll_timeout(c);
    else if (!c->in)
        end_of_input(c, h);
}

/* Ends the connection, too: another protocol on it would take the answer for one of its own. */
static void give_up_publish(struct conn *c, struct http *h)
{
    h->complete = false;
    http_fail_later(c, 503, 5, "The log did not answer in time");
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
        return;
    }
    h->complete = false;
    http_fail(c, 408, "The request did not arrive in time");
}

static void http_timeout(struct conn *c)
{
    struct http *h = http_of(c);
    if (h->poll)
        poll_timeout(c);
    else if (h->awaited)
        give_up_publish(c, h);
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
    end_exchange(h);
    free(h);
    c->state = NULL;
}

static void http_shutdown(struct conn *c)
{
    struct http *h = http_of(c);
    if (h->poll)
        poll_timeout(c);
    else if (h->phase == HTTP_PHASE_IDLE && (http_request_idle(&h->request) || c->level))
        conn_finish_after_output(c); /* who pipelines much would otherwise always have begun one */
}

static void http_kicked(struct conn *c)
{
    struct http *h = http_of(c);
    h->last = true;
    if (h->poll)
        poll_timeout(c);
    else if (h->phase == HTTP_PHASE_ANSWERING)
        deadline_in(c, CONN_FAREWELL_MS);
    else if (c->out || c->rest)
        conn_finish_after_output(c);
    else
        conn_close(c, CLOSE_KICKED);
}

static size_t http_held(const struct conn *c)
{
    const struct http *h = c->state;
    return h->request.head.cap + h->body.cap + h->fields.cap + h->name_len +
           (h->poll ? poll_held(h->poll) : 0) + publish_batch_held(h->batch) +
           counting_held(h->counting);
}

/* To whoever may be an EventSource nothing is said, as in refuse_path(). */
static void http_refuse(struct conn *c)
{
    struct http *h = http_of(c);
    if (!h->poll && h->method != HTTP_POST) {
        conn_close(c, CLOSE_MEMORY);
        return;
    }
    h->complete = false;
    http_fail_later(c, 503, 1, "The hub holds as much for its clients as hub.peer_bytes allows");
}

static void http_describe(struct conn *c, struct conn_description *d)
{
    struct http *h = http_of(c);
    if (h && h->poll)
        poll_describe(h->poll, d);
}

static void http_answered(struct conn *c, struct publish *p)
{
    if (p == http_of(c)->awaited) /* otherwise its request was given up */
        publish_http_answer(c, p);
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
