#include "http/h1/h1_publish.h"

#include "delivery/worker.h"
#include "http/h1/h1_answer.h"
#include "http/http_time.h"

enum {
    CREATED_BYTES = 400,     /* about what the answer to a publish takes */
    CREATED_ROOM = 64 << 10, /* bytes of such answers that room is made for at once */
};

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
    h1_forget_body(h);
    return ERR_OK;
}

enum err h1_publish(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                    uint64_t wait_ms)
{
    struct h1 *h = h1_of_exchange(x);
    bool goes_on = !wait_ms && h1_keeps_alive(h);
    enum err e = hand_over(h, p, answer, !goes_on);
    if (e == ERR_OK && goes_on) {
        h1_end(h);
        h1_begin(x->conn, h);
    } else if (e == ERR_OK && wait_ms) {
        h1_set_deadline(x->conn, wait_ms);
    } else if (e == ERR_OK) {
        h1_limit_due(x->conn, h);
    }
    return e;
}

/* --- answers --- */

/* Whether the connection goes on behind the answer A, the first one. */
static bool keeps_alive_behind(const struct conn *c, const struct http_due_answer *a)
{
    const struct h1 *h = c->state;
    if (a->current)
        return h1_keeps_alive(h);
    return h->phase != H1_ENDING || h->due->count > 1;
}

static void put_due(struct exchange_answer *x, struct buf *out, const struct exchange_reply *r)
{
    const struct http_due_answer *a = x->due;
    h1_put_answer(x->conn, out,
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
    http_response_created(out, &created, r->guard, http_time_date(c->loop), r->body, r->n);
}

void h1_answer(struct exchange_answer *a, const struct exchange_reply *r)
{
    struct buf *out = conn_out(a->conn);
    if (!out)
        return;
    if (is_plain(a->conn, a->due, r))
        put_created(a->conn, out, r);
    else
        put_due(a, out, r);
}

/* A is answered: TELL says how. */
static void answer_due(struct conn *c, struct http_due_answer *a, exchange_published_fn *tell,
                       const struct publish *p)
{
    struct exchange_answer answer = {h1_of(c)->exchange.ops, c, p, &a->text, a};
    tell(&answer, p);
}

/* --- the order --- */

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

bool h1_has_room(const struct conn *c, const struct h1 *h)
{
    return !http_due_is_full(h->due, worker_settings(c)->inflight);
}

static void go_on_with_held(struct conn *c)
{
    conn_set_deadline(c, WHEEL_NEVER);
    conn_resume(c);
}

/* Nothing is due any more. */
static void go_on_behind_due(struct conn *c, struct h1 *h)
{
    if (h->phase == H1_ENDING)
        conn_finish_after_output(c);
    else if (h->phase == H1_HELD)
        go_on_with_held(c);
    else if (h->phase == H1_IDLE && http_request_idle(&h->request))
        h1_set_deadline(c, worker_settings(c)->idle_timeout_ms);
}

/* The first answer is written. */
static void drop_first_due(struct conn *c, struct h1 *h)
{
    bool current = http_due_first(h->due)->current;
    bool keep_alive = !current || h1_keeps_alive(h);
    http_due_drop_first(&h->due);
    write_due_texts(c, h);
    if (current)
        h1_answered(c, h, keep_alive);
    else if (!h->due)
        go_on_behind_due(c, h);
    h1_limit_due(c, h);
    if (!c->reading && h->phase != H1_ENDING && h1_has_room(c, h))
        conn_resume(c);
}

void h1_published(struct conn *c, struct publish *p)
{
    struct h1 *h = h1_of(c);
    struct http_due_answer *a = http_due_first(h->due);
    if (!a || a->publish != p)
        return; /* its request was given up */
    answer_due(c, a, a->answer, p);
    drop_first_due(c, h);
}

static void tell_late(struct exchange_answer *a, const struct publish *p)
{
    (void)p;
    exchange_answer_fail(a, 503, 5, "The log did not answer in time");
}

void h1_give_up_due(struct conn *c, struct h1 *h)
{
    if (!http_due_first(h->due)->current)
        h1_end_behind_due(c, h);
    h->complete = false;
    http_due_drop_others(h->due);
    struct http_due_answer *first = http_due_first(h->due);
    answer_due(c, first, tell_late, first->publish);
    drop_first_due(c, h);
}
