#include "frontends/resp/resp_protocol.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "delivery/description.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_command.h"
#include "frontends/resp/resp_encoding.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_multi.h"
#include "frontends/resp/resp_publish.h"
#include "frontends/resp/resp_subscribe.h"
#include "frontends/resp/resp_table.h"
#include "frontends/resp/resp_wait.h"
#include "http/h1/h1_silent.h"

enum {
    ARGS_MAX = 65536,      /* words of a command */
    INLINE_MAX = 64 << 10, /* bytes of an inline command */
    /* What a command may have besides payloads; a payload that is not much too large is refused
     * without ending the connection. */
    COMMAND_SPARE = 1 << 20,
};

static struct counters *counters(const struct resp *r)
{
    return &r->conn->loop->counters;
}

/* --- life --- */

/* Whether the first bytes are those of an HTTP request, or of HTTP/2 itself (PRI); ERR_AGAIN: too
 * few to tell. */
static enum err sniff_http(const char *data, size_t n)
{
    static const char *const methods[] = {"GET ",     "POST ",  "HEAD ",    "PUT ",   "DELETE ",
                                          "OPTIONS ", "PATCH ", "CONNECT ", "TRACE ", "PRI "};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        size_t len = strlen(methods[i]);
        if (memcmp(data, methods[i], n < len ? n : len) == 0)
            return n < len ? ERR_AGAIN : ERR_OK;
    }
    return ERR_NOT_FOUND;
}

static struct resp *create(struct conn *c)
{
    struct resp *r = calloc(1, sizeof(*r));
    size_t payload = worker_settings(c)->max_message_bytes;
    if (!r) {
        conn_close(c, CLOSE_NOMEM);
        return NULL;
    }
    r->conn = c;
    r->version = RESP2;
    r->limits = (struct resp_limits){
        .args = ARGS_MAX,
        .bulk = payload * 2 + COMMAND_SPARE,
        .command = payload * 2 + 2 * COMMAND_SPARE,
        .line = INLINE_MAX,
    };
    resp_reader_init(&r->reader, &r->limits);
    c->state = r;
    return r;
}

/* The state of C, made when its first bytes turn out to be ours; NULL when they do not, or when it
 * cannot be told yet. */
static struct resp *state_of(struct conn *c, const char *data, size_t n)
{
    if (c->state || n == 0)
        return c->state;
    switch (sniff_http(data, n)) {
    case ERR_OK:
        h1_adopt(c);
        return NULL;
    case ERR_AGAIN:
        return NULL;
    default:
        return create(c);
    }
}

static void finish(struct conn *c)
{
    struct resp *r = c->state;
    c->state = NULL;
    if (!r)
        return;
    resp_subscribe_finish(r);
    resp_wait_destroy(r->wait);
    resp_reader_finish(&r->reader);
    resp_multi_drop(r);
    free(r->held);
    free(r->name);
    free(r->lib_name);
    free(r->lib_version);
    free(r);
}

/* --- commands --- */

/* A connection that ends behind publishes under way waits for the next answer so long, since the
 * log may be stuck; who is kicked, as long in all. */
static void limit_answers(struct resp *r)
{
    bool ends = r->quits || r->conn->input_over || r->state == RESP_FAILED;
    if (!ends || r->kicked || !conn_is_open(r->conn))
        return;
    conn_set_deadline(r->conn,
                      r->inflight ? loop_now(r->conn->loop) + CONN_FAREWELL_MS : WHEEL_NEVER);
}

/* Puts Q by until the publishes before it are answered. */
static void hold(struct resp *r, const struct resp_request *q)
{
    r->held = resp_request_copy(q);
    r->quits = resp_arg_is(&q->argv[0], "QUIT");
    if (!r->held) {
        conn_close(r->conn, CLOSE_NOMEM);
        return;
    }
    resp_set_state(r, RESP_HELD);
    conn_pause(r->conn);
    limit_answers(r);
}

/* A transaction that is being put together gets no publish under way, so nothing waits here. */
static void queue(struct resp *r, const struct resp_command *command, const struct resp_request *q)
{
    struct buf *out = conn_out(r->conn);
    if (out)
        resp_multi_queue(r, command, q, out);
}

static void refuse(struct resp *r, const struct resp_command *command, const struct resp_request *q)
{
    resp_table_refuse(r, command, q);
    resp_multi_spoil(r->multi);
}

/* Runs Q, or replies why it cannot be run. False: not before the publishes under way are
 * answered. */
static bool run(struct resp *r, const struct resp_request *q)
{
    const struct resp_command *command = resp_table_find(q);
    bool fits = command && resp_table_fits(r, command, q);
    if (fits && r->multi && !(command->flags & RESP_AT_ONCE)) {
        queue(r, command, q);
        return true;
    }
    if (fits && command->publish)
        return resp_publish_run(r, command, q);
    if (r->inflight)
        return false;
    struct buf *out = conn_out(r->conn);
    r->has_read |= fits && resp_command_reads(command);
    r->last = fits ? command : r->last;
    if (out && fits)
        command->run(r, q, out);
    else if (out)
        refuse(r, command, q);
    return true;
}

static void run_or_hold(struct resp *r)
{
    struct resp_request q = {r->reader.argc, r->reader.argv};
    counter_add(counters(r), COUNTER_resp_commands, 1);
    budget_charge(&r->conn->loop->work, WORK_COMMAND);
    if (!run(r, &q))
        hold(r, &q);
}

static void run_held(struct resp *r)
{
    struct resp_held *held = r->held;
    r->held = NULL;
    resp_set_state(r, RESP_READY);
    run(r, &held->request);
    free(held);
    if (r->state == RESP_READY)
        resp_end_wait(r);
    else if (r->conn->loop->draining)
        resp_wait_time_is_up(r);
}

static bool has_room(const struct resp *r)
{
    return r->inflight < worker_settings(r->conn)->inflight && !conn_is_congested(r->conn);
}

/* Whether another command may be taken now; if not, input stops until it may. */
static bool may_take(struct resp *r)
{
    if (!has_room(r)) {
        resp_set_state(r, RESP_FULL);
        conn_pause(r->conn);
        return false;
    }
    resp_set_state(r, RESP_READY);
    if (r->publisher && worker_must_wait(worker_of(r->conn), r->conn))
        return false;
    return conn_may_go_on(r->conn);
}

static void go_on_if_room(struct resp *r)
{
    if (r->state != RESP_FULL || !has_room(r))
        return;
    resp_set_state(r, RESP_READY);
    conn_resume(r->conn);
}

static void tell_failure(struct resp *r)
{
    resp_errorf(r, "ERR %s", r->reader.error);
    resp_end(r);
}

static void fail(struct resp *r)
{
    resp_set_state(r, RESP_FAILED);
    if (r->inflight == 0)
        tell_failure(r);
    else
        limit_answers(r);
}

/* Others are to have their turn before the next command that is here already. */
static size_t leave_rest(struct resp *r)
{
    size_t rest = resp_reader_give_back(&r->reader);
    if (rest)
        conn_resume(r->conn);
    return rest;
}

/* Runs the commands that were fed. Returns how many bytes at the end are to be fed again. */
static size_t run_commands(struct resp *r)
{
    r->has_read = false;
    while (conn_is_open(r->conn)) {
        switch (resp_reader_next(&r->reader)) {
        case RESP_MORE:
            return 0;
        case RESP_ERROR:
            fail(r);
            return 0;
        case RESP_COMMAND:
            run_or_hold(r);
        }
        if (r->state != RESP_READY || !may_take(r))
            return resp_reader_give_back(&r->reader);
        if (r->has_read)
            return leave_rest(r);
    }
    return 0;
}

/* --- the connection's events --- */

/* The peer has sent its last command: when it is answered, there is no more to do. */
static void end_if_over(struct resp *r)
{
    if (r->conn->input_over && r->state == RESP_READY && r->inflight == 0)
        resp_end(r);
}

/* One whose commands left the rest to a later turn. */
static void go_on_with_transaction(struct resp *r)
{
    r->has_read = false;
    resp_multi_go_on(r);
}

static size_t input(struct conn *c, char *data, size_t n)
{
    struct resp *r = state_of(c, data, n);
    if (!r)
        return 0;
    if (r->state == RESP_WAITING)
        go_on_with_transaction(r);
    if (r->state == RESP_FAILED || r->state == RESP_ENDING)
        return n;
    if (r->state == RESP_HELD || r->state == RESP_WAITING || !may_take(r))
        return 0;
    resp_reader_feed(&r->reader, data, n);
    size_t rest = run_commands(r);
    if (rest == 0)
        end_if_over(r);
    return n - rest;
}

/* What waits for messages is answered as if its time were up, and what was sent behind it follows:
 * whether anybody is still there to wait cannot be told. */
static void input_ended(struct conn *c)
{
    struct resp *r = c->state;
    if (!r)
        conn_close(c, CLOSE_PEER);
    else if (r->wait)
        resp_wait_time_is_up(r);
    else if (r->inflight)
        limit_answers(r);
    else if (!c->in)
        end_if_over(r);
}

static void answered(struct conn *c, struct publish *p)
{
    struct resp *r = c->state;
    r->inflight--;
    if (r->multi)
        resp_multi_answered(r, p);
    else
        resp_publish_answer(r, p);
    go_on_if_room(r);
    limit_answers(r);
    if (r->inflight)
        return;
    if (r->state == RESP_HELD)
        run_held(r);
    else if (r->state == RESP_FAILED)
        tell_failure(r);
    else if (r->state == RESP_ENDING)
        conn_finish_after_output(c);
    else if (!c->in)
        end_if_over(r);
}

static void drained(struct conn *c)
{
    struct resp *r = c->state;
    if (!r || !conn_is_open(c))
        return;
    go_on_if_room(r);
    resp_wait_turn_ended(r);
    resp_subscribe_drained(r);
}

static void busy(struct conn *c)
{
    struct resp *r = c->state;
    if (r)
        resp_subscribe_busy(r);
}

static void timeout(struct conn *c)
{
    struct resp *r = c->state;
    if (r && r->kicked)
        conn_close(c, CLOSE_KICKED);
    else if (r && r->inflight)
        conn_close(c, CLOSE_UNANSWERED);
    else if (r)
        resp_wait_time_is_up(r);
}

/* What runs is answered first, and so are the publishes under way; what was put by is not begun. */
static void kicked(struct conn *c)
{
    struct resp *r = c->state;
    if (!r || r->kicked) {
        conn_close(c, CLOSE_KICKED);
        return;
    }
    r->kicked = true;
    conn_set_deadline(c, loop_now(c->loop) + CONN_FAREWELL_MS);
    if (r->wait)
        resp_wait_time_is_up(r);
    if (r->state == RESP_READY || r->state == RESP_FULL || r->state == RESP_HELD)
        resp_set_state(r, RESP_ENDING);
    if (r->state == RESP_ENDING && r->inflight == 0)
        conn_finish_after_output(c);
}

/* What waits for other threads is answered soon and ends in resp_end_wait. */
static void stop(struct conn *c)
{
    struct resp *r = c->state;
    if (!r) {
        conn_close(c, CLOSE_SHUTDOWN);
        return;
    }
    if (r->wait)
        resp_wait_time_is_up(r);
    else if (r->state == RESP_READY || r->state == RESP_FULL)
        resp_set_state(r, RESP_ENDING);
    if (r->state == RESP_ENDING && r->inflight == 0)
        conn_finish_after_output(c);
}

static size_t held(const struct conn *c)
{
    const struct resp *r = c->state;
    return resp_reader_held(&r->reader) + (r->held ? resp_request_bytes(&r->held->request) : 0) +
           resp_multi_held(r->multi) + resp_subscribe_held(r) +
           (r->wait ? feed_share(r->wait->sub.feed) : 0) + (r->job ? admin_held(r->job) : 0);
}

/* A command that is half read is answered in its place; one that runs is cut off. */
static void refuse_peer(struct conn *c)
{
    struct resp *r = c->state;
    if (!r || (r->state != RESP_READY && r->state != RESP_FULL)) {
        conn_close(c, CLOSE_MEMORY);
        return;
    }
    resp_reader_fail(&r->reader, "the hub holds as much for its clients as it may");
    fail(r);
}

static void describe(struct conn *c, struct description *d)
{
    const struct resp *r = c->state;
    if (!r)
        return;
    d->name = r->name;
    d->lib_name = r->lib_name;
    d->lib_version = r->lib_version;
    d->command = r->last ? r->last->name : NULL;
    d->resp = r->version;
    resp_multi_describe(r->multi, d);
    if (r->wait)
        d->feed = r->wait->sub.feed;
    resp_subscribe_describe(r, d);
}

const struct protocol resp_protocol = {
    .name = "resp",
    .transport = &resp_transport,
    .input = input,
    .input_ended = input_ended,
    .kicked = kicked,
    .drained = drained,
    .busy = busy,
    .timeout = timeout,
    .finish = finish,
    .shutdown = stop,
    .describe = describe,
    .held = held,
    .refuse = refuse_peer,
    .answered = answered,
};

const struct frontend resp_frontend = {.transport = &resp_transport, .encodings = resp_encodings};
