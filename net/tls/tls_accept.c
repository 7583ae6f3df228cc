#include "net/tls/tls_accept.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "net/crypto_threads.h"
#include "net/loop.h"
#include "net/peer.h"
#include "net/service.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_handshake.h"
#include "net/tls/tls_hello.h"

/* In the order in which one passes through them. */
enum accept_state {
    READS_HELLO,
    QUEUED,  /* in the list of those without a place */
    STEPS,   /* its handshake is on a thread, or on the way from or to it */
    IDLE,    /* in the list of those who wait for their client */
    FLUSHES, /* its handshake is over, and what it has written has not left */
};

/* The state of a connection until its handshake is over. It outlives the connection while a step
 * runs. */
struct tls_accept {
    struct crypto_job job; /* first */
    struct conn *conn;     /* NULL: it has ended */
    struct loop *loop;
    const struct service *service;
    struct tls_accept *next, *prev; /* in the list that `state` tells */
    enum accept_state state;
    enum tls_outcome outcome; /* of the last step */
    uint64_t due_ms, idle_ms; /* when it has to be over; IDLE: since when; monotonic */
    struct tls_hello hello;
    struct tls_handshake *handshake; /* NULL: it has no place */
};

/* --- places --- */

static unsigned places_of(const struct loop *l)
{
    unsigned most = l->settings->tls_handshakes_max, loops = l->process->loop_count;
    unsigned share = loops > 1 ? most / loops : most;
    return share ? share : 1;
}

static void count(const struct tls_accept *a, enum counter which)
{
    counter_add(&a->loop->counters, which, 1);
}

static uint64_t patience_of(const struct tls_accept *a)
{
    uint64_t end_ms = a->idle_ms + TLS_PATIENCE_MS;
    return end_ms < a->due_ms ? end_ms : a->due_ms;
}

/* While others wait for a place, the one that waits longest for its client does so for a while. */
static void press(const struct tls_places *p)
{
    if (p->queued && p->idle)
        conn_set_deadline(p->idle->conn, patience_of(p->idle));
}

static void move(struct tls_accept *a, enum accept_state to)
{
    struct tls_places *p = &a->loop->tls;
    if (a->state == QUEUED)
        DL_DELETE(p->queued, a);
    else if (a->state == IDLE)
        DL_DELETE(p->idle, a);
    a->state = to;
    if (to == QUEUED)
        DL_APPEND(p->queued, a);
    else if (to == IDLE)
        DL_APPEND(p->idle, a);
    a->idle_ms = loop_now(a->loop);
    press(p);
}

static void start(struct tls_accept *a);

/* Who came last and who has waited longest take turns: a crowd that was there before, and never
 * answers, keeps newcomers waiting for a place or two, and newcomers keep nobody waiting for ever.
 */
static struct tls_accept *next_of(struct tls_places *p)
{
    struct tls_accept *next = p->last_is_next ? p->queued->prev : p->queued;
    p->last_is_next = !p->last_is_next;
    return next;
}

/* One of those that wait for a place gets it. */
static void give_up_place(struct tls_accept *a)
{
    struct tls_places *p = &a->loop->tls;
    if (!a->handshake)
        return;
    tls_handshake_destroy(a->handshake);
    a->handshake = NULL;
    p->taken--;
    while (p->queued && p->taken < places_of(a->loop))
        start(next_of(p));
}

static void destroy(struct tls_accept *a)
{
    move(a, READS_HELLO);
    give_up_place(a);
    tls_hello_finish(&a->hello);
    free(a);
}

/* --- answers to what is no hello --- */

static void refuse(struct conn *c, const void *answer, size_t n)
{
    counter_add(&c->loop->counters, COUNTER_tls_not_tls, 1);
    conn_write(c, answer, n);
    conn_finish_after_output(c);
}

static void answer_http(struct conn *c)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\n"
        "Content-Type: application/problem+json\r\n"
        "Content-Length: 136\r\n"
        "Connection: close\r\n"
        "\r\n"
        "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
        "\"detail\":\"this port speaks TLS: the URL has to begin with https:// or wss://\"}\n";
    refuse(c, answer, sizeof(answer) - 1);
}

static void answer_alert(struct conn *c, enum tls_alert alert)
{
    uint8_t record[TLS_HELLO_ALERT_SIZE];
    log_debug("connection %llu: no ClientHello came: %s", (unsigned long long)conn_number(c),
              tls_alert_name(alert));
    tls_hello_put_alert(alert, record);
    refuse(c, record, sizeof(record));
}

/* --- steps --- */

static void run(struct crypto_job *job)
{
    struct tls_accept *a = (struct tls_accept *)job;
    a->outcome = tls_handshake_step(a->handshake);
}

static void done(struct crypto_job *job);

/* Nothing is read until the step is over. GOES_ON: it is not the first one. */
static void step(struct tls_accept *a, bool goes_on)
{
    move(a, STEPS);
    conn_pause(a->conn);
    a->job = (struct crypto_job){.run = run, .done = done, .goes_on = goes_on};
    if (a->loop->crypto && crypto_port_submit(a->loop->crypto, &a->job) == ERR_OK)
        return;
    move(a, IDLE); /* so that it is no thread's */
    count(a, COUNTER_tls_crowded);
    conn_close(a->conn, CLOSE_TLS_CROWDED);
}

/* --- a whole hello: a place for it --- */

static void begin_handshake(struct tls_accept *a)
{
    struct tls_context *context = tls_current_get(a->loop->process->tls);
    char name[TLS_NAME_MAX + 1];
    tls_hello_name(&a->hello, name);
    a->handshake = context ? tls_handshake_create(context, name) : NULL;
    if (a->handshake)
        a->loop->tls.taken++;
}

/* It has a place from now on. */
static void start(struct tls_accept *a)
{
    move(a, READS_HELLO);
    if (!conn_is_open(a->conn))
        return;
    begin_handshake(a);
    if (a->handshake &&
        tls_handshake_feed(a->handshake, a->hello.record.data, a->hello.record.len) == ERR_OK) {
        tls_hello_finish(&a->hello);
        step(a, false);
        return;
    }
    conn_close(a->conn, CLOSE_NOMEM);
}

/* What came behind the hello is a part of what is fed first. */
static void ask_for_place(struct tls_accept *a, const char *data, size_t n)
{
    struct tls_places *p = &a->loop->tls;
    buf_append(&a->hello.record, data, n);
    if (a->hello.record.failed) {
        conn_close(a->conn, CLOSE_NOMEM);
        return;
    }
    conn_pause(a->conn);
    move(a, QUEUED);
    if (p->taken < places_of(a->loop))
        start(next_of(p));
}

/* --- the end of a handshake --- */

static void tell_failure(const struct tls_accept *a)
{
    static const enum counter counters[TLS_FAILURES] = {
        [TLS_FAILED_ALERT] = COUNTER_tls_failed_alert,
        [TLS_FAILED_VERSION] = COUNTER_tls_failed_version,
        [TLS_FAILED_SUITE] = COUNTER_tls_failed_suite,
        [TLS_FAILED_CERTIFICATE] = COUNTER_tls_failed_certificate,
        [TLS_FAILED_PROTOCOL] = COUNTER_tls_failed_protocol,
        [TLS_FAILED_INTERNAL] = COUNTER_tls_failed_internal,
    };
    enum tls_failure f = tls_handshake_failure(a->handshake);
    char address[64];
    count(a, counters[f]);
    conn_address(a->conn, address, sizeof(address));
    log_debug("connection %llu from %s: no TLS: %s", (unsigned long long)conn_number(a->conn),
              address, tls_failure_text(f));
}

/* From here on its bytes go through TLS, and it speaks what was agreed on. */
static void go_on(struct tls_accept *a)
{
    struct conn *c = a->conn;
    const struct service *s = a->service;
    struct link link;
    enum err e = tls_handshake_link(a->handshake, c->link, &link);
    conn_set_link(c, link);
    if (e == ERR_OK)
        e = conn_set_subject(c, tls_handshake_subject(a->handshake));
    if (e != ERR_OK) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    count(a, COUNTER_tls_handshakes);
    if (tls_handshake_was_resumed(a->handshake))
        count(a, COUNTER_tls_resumed);
    if (tls_handshake_is_compact(a->handshake))
        count(a, COUNTER_tls_compact);
    bool h2 = tls_handshake_chose_h2(a->handshake) && s->within_h2;
    (h2 ? s->within_h2 : s->within)->adopt(c); /* A is gone */
    conn_resume(c);
}

static void finish_handshake(struct tls_accept *a)
{
    move(a, FLUSHES);
    conn_flush(a->conn);
    if (conn_is_open(a->conn) && !conn_is_busy(a->conn))
        go_on(a);
}

static void send_output(struct tls_accept *a)
{
    struct buf *out = tls_handshake_output(a->handshake);
    if (out->len)
        conn_write(a->conn, out->data, out->len);
    buf_clear(out);
}

static void after_step(struct tls_accept *a)
{
    struct conn *c = a->conn;
    move(a, IDLE);
    send_output(a);
    if (a->outcome == TLS_DONE) {
        finish_handshake(a);
    } else if (a->outcome == TLS_FAILED) {
        tell_failure(a);
        move(a, READS_HELLO);
        give_up_place(a);
        conn_finish_after_output(c);
    } else {
        conn_resume(c);
    }
}

/* The connection may have ended meanwhile, and so may the threads. */
static void done(struct crypto_job *job)
{
    struct tls_accept *a = (struct tls_accept *)job;
    if (!a->conn)
        destroy(a);
    else if (!job->ran)
        move(a, IDLE);
    else if (conn_is_open(a->conn))
        after_step(a);
    else
        move(a, IDLE);
}

/* --- the protocol --- */

static size_t read_hello(struct tls_accept *a, const char *data, size_t n)
{
    size_t used;
    switch (tls_hello_feed(&a->hello, data, n, &used)) {
    case TLS_HELLO_MORE:
        break;
    case TLS_HELLO_WHOLE:
        ask_for_place(a, data + used, n - used);
        break;
    case TLS_HELLO_HTTP:
        answer_http(a->conn);
        break;
    case TLS_HELLO_WRONG:
        answer_alert(a->conn, a->hello.alert);
        break;
    case TLS_HELLO_NOMEM:
        conn_close(a->conn, CLOSE_NOMEM);
        break;
    }
    return n;
}

static size_t tls_input(struct conn *c, char *data, size_t n)
{
    struct tls_accept *a = c->state;
    if (n == 0)
        return 0;
    if (a->state == READS_HELLO)
        return read_hello(a, data, n);
    if (a->state != IDLE)
        return 0;
    if (tls_handshake_feed(a->handshake, data, n) == ERR_OK)
        step(a, true);
    else
        conn_close(c, CLOSE_NOMEM);
    return n;
}

static void tls_drained(struct conn *c)
{
    struct tls_accept *a = c->state;
    if (a->state == FLUSHES)
        go_on(a);
}

static void end(struct tls_accept *a, enum counter which, enum close_reason why)
{
    count(a, which);
    conn_close(a->conn, why);
    if (a->state == STEPS)
        return; /* it has its place until the step is over */
    move(a, READS_HELLO);
    give_up_place(a);
}

static void tls_timeout(struct conn *c)
{
    struct tls_accept *a = c->state;
    uint64_t now = loop_now(a->loop);
    if (now >= a->due_ms)
        end(a, COUNTER_tls_timeouts, CLOSE_TLS_TIMEOUT);
    else if (a->state == IDLE && a->loop->tls.queued && now >= patience_of(a))
        end(a, COUNTER_tls_crowded, CLOSE_TLS_CROWDED);
    else
        conn_set_deadline(c, a->due_ms); /* nobody waits for its place any more */
}

static void tls_finish(struct conn *c)
{
    struct tls_accept *a = c->state;
    c->state = NULL;
    if (a->state == STEPS)
        a->conn = NULL;
    else
        destroy(a);
}

static size_t tls_held(const struct conn *c)
{
    const struct tls_accept *a = c->state;
    return a->hello.record.cap + (a->handshake ? TLS_HANDSHAKE_BYTES : 0);
}

const struct protocol tls_protocol = {
    .name = "tls",
    .input = tls_input,
    .drained = tls_drained,
    .timeout = tls_timeout,
    .finish = tls_finish,
    .held = tls_held,
};

void tls_begin(struct conn *c, const struct service *s)
{
    struct tls_accept *a = calloc(1, sizeof(*a));
    if (!a) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    a->conn = c;
    a->loop = c->loop;
    a->service = s;
    if (c->protocol == &tls_protocol)
        c->state = a;
    else
        conn_set_protocol(c, &tls_protocol, a);
    a->due_ms = loop_now(c->loop) + c->loop->settings->tls_handshake_timeout_ms;
    conn_set_deadline(c, a->due_ms);
}
