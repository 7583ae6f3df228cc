#include "http/h1/h1_protocol.h"

#include "base/spare.h"
#include "delivery/worker.h"
#include "http/auth_request.h"
#include "http/h1/h1.h"
#include "http/h1/h1_publish.h"
#include "http/h1/h1_reader.h"
#include "http/h1/http_repeat.h"
#include "http/http_transport.h"

/* --- input --- */

/* The connection ends behind all that is to be written or due; if that is nothing, at once. */
static void end_or_close(struct conn *c, struct h1 *h, enum close_reason why)
{
    if (h->due || conn_has_output(c))
        h1_end_in_order(c, h);
    else
        conn_close(c, why);
}

/* The peer sends no more, and all that it sent has been read. */
static void end_of_input(struct conn *c, struct h1 *h)
{
    if (h->phase == H1_IDLE || h->phase == H1_BODY)
        end_or_close(c, h, CLOSE_PEER);
    /* Otherwise an answer is on its way, which ends the connection. */
}

static size_t h1_input(struct conn *c, char *data, size_t n)
{
    struct h1 *h = h1_of(c);
    h->more = n > 0;
    h1_go_on(c, h);
    size_t used = h1_read(c, h, data, n);
    bool done = used == n && c->reading && !c->yielded; /* what it has sent has been worked off */
    if (c->input_over && done && c->protocol == &h1_protocol && conn_is_open(c))
        end_of_input(c, h);
    return used;
}

/* All requests that it sent get their answers; a poll does not wait any more. */
static void h1_input_ended(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (exchange_time_up(&h->exchange))
        return;
    if (!c->in)
        end_of_input(c, h);
    h1_limit_due(c, h);
}

/* --- time --- */

/* Unless it is the hub that does not read it. */
static void request_too_slow(struct conn *c, struct h1 *h)
{
    if (c->awaits_room) {
        h1_begin_body_time(c, h);
        conn_set_deadline(c, h->body_until_ms);
        return;
    }
    h->complete = false;
    exchange_fail(&h->exchange, 408, "The request did not arrive in time");
}

static void h1_timeout(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (exchange_time_up(&h->exchange))
        return;
    if (h->due && (c->input_over || h->phase == H1_ANSWERING || h->phase == H1_ENDING))
        h1_give_up_due(c, h);
    else if (h->last)
        conn_close(c, CLOSE_KICKED);
    else if (h->phase == H1_IDLE && http_request_idle(&h->request))
        h1_idle_too_long(c);
    else if (h->phase != H1_ANSWERING)
        request_too_slow(c, h);
}

/* --- the end --- */

static void h1_finish(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (!h)
        return;
    http_due_clear(&h->due);
    h1_end(h);
    spare_give(h, sizeof(*h));
    c->state = NULL;
}

static void h1_shutdown(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (!exchange_time_up(&h->exchange) && h->phase == H1_IDLE &&
        (http_request_idle(&h->request) || c->level))
        h1_end_in_order(c, h); /* who pipelines much would otherwise always have begun one */
}

static void h1_kicked(struct conn *c)
{
    struct h1 *h = h1_of(c);
    h->last = true;
    if (exchange_time_up(&h->exchange))
        return;
    if (h->phase != H1_ANSWERING)
        end_or_close(c, h, CLOSE_KICKED);
    if (h->due || h->phase == H1_ANSWERING)
        h1_set_deadline(c, CONN_FAREWELL_MS);
}

/* --- what it holds --- */

static size_t h1_held(const struct conn *c)
{
    const struct h1 *h = c->state;
    return http_request_held(&h->request) + exchange_held(&h->exchange) + http_due_held(h->due);
}

static void h1_refuse(struct conn *c)
{
    struct h1 *h = h1_of(c);
    if (h->phase == H1_ENDING || (!h->due && !exchange_may_be_refused(&h->exchange))) {
        conn_close(c, CLOSE_MEMORY);
        return;
    }
    if (h1_awaits_current(h)) {
        h->last = true;
        return;
    }
    if (!exchange_may_be_refused(&h->exchange)) { /* between requests */
        h1_end_behind_due(c, h);
        return;
    }
    h->complete = false;
    exchange_fail_later(&h->exchange, 503, 1,
                        "The hub holds as much for its clients as hub.peer_bytes allows");
}

static void h1_describe(struct conn *c, struct description *d)
{
    const struct exchange *x = c->state ? exchange_of(c) : NULL;
    if (x && x->waiter && x->waiter->describe)
        x->waiter->describe(x, d);
}

/* A request that waits is answered with what there is; the next one is judged anew. */
static void h1_rights(struct conn *c, enum rights_event e)
{
    if (e != RIGHTS_SOON)
        exchange_time_up(exchange_of(c));
}

const struct protocol h1_protocol = {
    .name = "http",
    .transport = &http_transport,
    .input = h1_input,
    .input_ended = h1_input_ended,
    .timeout = h1_timeout,
    .finish = h1_finish,
    .shutdown = h1_shutdown,
    .kicked = h1_kicked,
    .rights = h1_rights,
    .describe = h1_describe,
    .held = h1_held,
    .refuse = h1_refuse,
    .answered = h1_published,
};

static void end_thread(struct worker *w)
{
    (void)w;
    auth_request_finish_thread();
    http_repeat_finish_thread();
    http_fields_finish_thread();
}

const struct frontend h1_frontend = {.transport = &http_transport,
                                     .part = {.end_thread = end_thread}};
