#include "http/h1/h1_silent.h"

#include <string.h>

#include "base/spare.h"
#include "delivery/worker.h"
#include "http/h1/h1.h"
#include "http/h1/h1_answer.h"
#include "http/h1/h1_protocol.h"
#include "http/h1/h1_publish.h"
#include "http/h1/h1_reader.h"
#include "http/http_transport.h"

/* The state of those that came by a listener for figures and readiness; others have none. */
static char status_only;

/* --- the first byte --- */

static void forget_head(struct exchange *x)
{
    http_request_forget_head(&h1_of_exchange(x)->request);
}

static const struct exchange_ops ops = {
    .reply = h1_reply,
    .reply_with = h1_reply_with,
    .reply_shared = h1_reply_shared,
    .publish = h1_publish,
    .answer = h1_answer,
    .stream = h1_stream,
    .upgrade = h1_upgrade,
    .judged = h1_judged,
    .forget_head = forget_head,
};

/* NULL: out of memory, C is closed. */
static struct h1 *create(struct conn *c)
{
    struct h1 *h = spare_take_zeroed(sizeof(*h));
    if (!h) {
        conn_close(c, CLOSE_NOMEM);
        return NULL;
    }
    h->exchange.ops = &ops;
    h->exchange.conn = c;
    h->exchange.trusted = c->trusted;
    h->exchange.status_only = c->state == &status_only;
    h->exchange.host = "";
    return h;
}

/* Speaks HTTP/1.1 from now on, to which what has come is given again. The deadline stays that of
 * the first request. NULL: out of memory, C is closed. */
static struct h1 *begin(struct conn *c)
{
    struct h1 *h = create(c);
    if (h) {
        h1_expect(c, h);
        conn_set_protocol(c, &h1_protocol, h);
    }
    return h;
}

/* What HTTP/2 begins with (RFC 9113 section 3.4); written before there is a connection. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
static void (*next_version)(struct conn *c, bool status_only);

void h1_set_next(void (*adopt)(struct conn *c, bool status_only))
{
    next_version = adopt;
}

/* Whether the N bytes that came first may be the preface, or its beginning. */
static bool may_be_next(const struct conn *c, const char *data, size_t n)
{
    size_t same = n < sizeof(preface) - 1 ? n : sizeof(preface) - 1;
    return next_version && worker_settings(c)->h2 && !c->input_over &&
           memcmp(data, preface, same) == 0;
}

/* Speaks another version once all N bytes of it are there, in the time that a head has. */
static void become_next(struct conn *c, size_t n)
{
    uint64_t until = loop_now(c->loop) + c->loop->settings->head_timeout_ms;
    if (n >= sizeof(preface) - 1)
        next_version(c, c->state == &status_only);
    else if (c->wheel.due_ms > until)
        conn_set_deadline(c, until);
}

/* Uses none of it. */
static size_t silent_input(struct conn *c, char *data, size_t n)
{
    if (n && may_be_next(c, data, n))
        become_next(c, n);
    else if (n)
        begin(c);
    return 0;
}

/* --- what else may happen --- */

/* Half a preface is half a request line, too. */
static void silent_timeout(struct conn *c)
{
    struct h1 *h = conn_unread(c) ? begin(c) : NULL;
    if (h)
        exchange_fail(&h->exchange, 408, "The request did not arrive in time");
    else
        h1_idle_too_long(c);
}

static void silent_shutdown(struct conn *c)
{
    if (conn_unread(c))
        begin(c);
    else
        conn_finish_after_output(c);
}

const struct protocol h1_silent_protocol = {
    .name = "http",
    .transport = &http_transport,
    .input = silent_input,
    .timeout = silent_timeout,
    .shutdown = silent_shutdown,
};

void h1_accepted(struct conn *c, bool is_status_only)
{
    c->state = is_status_only ? &status_only : NULL;
    h1_set_deadline(c, worker_settings(c)->idle_timeout_ms);
}

void h1_adopt(struct conn *c)
{
    conn_set_protocol(c, &h1_silent_protocol, NULL);
    h1_set_deadline(c, worker_settings(c)->idle_timeout_ms);
}
