#include "http/client/http_client.h"

#include <stdlib.h>
#include <utlist.h>

#include "net/conn.h"

/* How long a connection is kept that nobody needs; servers keep theirs for 5 s and more. */
enum { IDLE_MS = 4000 };

struct http_client {
    struct loop *loop;
    struct remote *remote;
    struct http_client_rules rules;
    uint32_t serial;           /* of the remote: another one for each */
    size_t address;            /* of the remote's: the one that is tried next */
    struct line *busy, *idle;  /* utlist; of the idle ones, the last one used first */
    size_t line_count;         /* of both */
    struct http_call *waiting; /* utlist; the oldest first */
    size_t waiting_count;
};

/* A connection to the server; the state of its protocol. */
struct line {
    struct http_client *client;
    struct conn *conn;
    struct http_call *call; /* NULL: it is idle, or about to go */
    struct http_reply reply;
    uint32_t serial;
    bool reused;        /* has brought an answer before */
    struct line **list; /* where it stands, &busy or &idle; NULL: in neither, it goes */
    struct line *next, *prev;
};

static const struct protocol line_protocol;

static void put_into(struct line *n, struct line **list)
{
    struct http_client *h = n->client;
    if (n->list) {
        DL_DELETE(*n->list, n);
        h->line_count--;
    }
    if (list) {
        DL_PREPEND(*list, n);
        h->line_count++;
    }
    n->list = list;
}

static void end_line(struct line *n, enum close_reason why)
{
    put_into(n, NULL);
    conn_close(n->conn, why);
}

/* --- new ones --- */

/* An idle one to the next address. ERR_CLOSED: nobody is there; ERR_NOMEM. */
static enum err connect_line(struct http_client *h, struct line **ret)
{
    struct line *n = calloc(1, sizeof(*n));
    if (!n)
        return ERR_NOMEM;
    const struct remote_address *a = &h->remote->address[h->address];
    enum err e = remote_connect(h->loop, a, &line_protocol, &n->conn);
    if (e != ERR_OK) {
        free(n);
        return e == ERR_NOMEM ? e : ERR_CLOSED;
    }
    n->conn->state = n;
    n->client = h;
    n->serial = h->serial;
    http_reply_init(&n->reply, h->rules.limits);
    put_into(n, &h->idle);
    *ret = n;
    return ERR_OK;
}

static void go_to_next_address(struct http_client *h)
{
    h->address = (h->address + 1) % h->remote->count;
}

/* The same at the first address where somebody may be, but for those that CALL was sent to. */
static enum err new_line(struct http_client *h, struct http_call *call, struct line **ret)
{
    enum err e = ERR_CLOSED;
    while (e == ERR_CLOSED && call->tries < h->remote->count) {
        call->tries++;
        e = connect_line(h, ret);
        if (e != ERR_OK)
            go_to_next_address(h);
    }
    return e;
}

/* --- calls --- */

static void give_call(struct line *n, struct http_call *call)
{
    n->call = call;
    put_into(n, &n->client->busy);
    conn_set_deadline(n->conn, call->due_ms);
    conn_write(n->conn, call->request.data, call->request.len);
}

/* CALL goes out by the line N, or, where that is NULL, by a new one. ERR_AGAIN: there are as many
 * as may be. */
static enum err start(struct http_client *h, struct http_call *call, struct line *n)
{
    enum err e = ERR_OK;
    if (h->loop->draining)
        return ERR_CLOSED;
    if (!n && h->line_count >= h->rules.connections)
        return ERR_AGAIN;
    if (!n)
        e = new_line(h, call, &n);
    if (e == ERR_OK)
        give_call(n, call);
    return e;
}

static void finish_call(struct http_call *call, const struct http_reply *r, enum err why)
{
    buf_finish(&call->request);
    call->done(call, r, why);
}

static bool is_late(const struct http_client *h, const struct http_call *call)
{
    return call->due_ms <= loop_now(h->loop);
}

/* Those that wait get what lines there are. All wait equally long: who is in time here, is so while
 * the calls that are under way last, which are older. */
static void start_waiting(struct http_client *h)
{
    while (h->waiting) {
        struct http_call *call = h->waiting;
        enum err e = is_late(h, call) ? ERR_TIMEOUT : start(h, call, h->idle);
        if (e == ERR_AGAIN)
            return;
        DL_DELETE(h->waiting, call);
        h->waiting_count--;
        if (e != ERR_OK)
            finish_call(call, NULL, e);
    }
}

static void wait_for_line(struct http_client *h, struct http_call *call)
{
    DL_APPEND(h->waiting, call);
    h->waiting_count++;
}

enum err http_client_send(struct http_client *h, struct http_call *call, struct buf *request)
{
    enum err e = ERR_NOMEM;
    call->request = *request;
    buf_init(request);
    call->due_ms = loop_now(h->loop) + h->rules.timeout_ms;
    call->tries = 0;
    if (!call->request.failed)
        e = h->waiting ? ERR_AGAIN : start(h, call, h->idle);
    if (e == ERR_AGAIN && h->waiting_count < h->rules.waiting) {
        wait_for_line(h, call);
        return ERR_OK;
    }
    if (e != ERR_OK)
        buf_finish(&call->request);
    return e == ERR_AGAIN ? ERR_LIMIT : e;
}

/* --- answers --- */

static bool may_stay(const struct line *n, const struct http_reply *r, bool alone)
{
    const struct http_client *h = n->client;
    return r->keep_alive && alone && n->serial == h->serial && !h->loop->draining &&
           conn_is_open(n->conn);
}

static void rest(struct line *n)
{
    n->reused = true;
    put_into(n, &n->client->idle);
    conn_set_deadline(n->conn, loop_now(n->client->loop) + IDLE_MS);
}

/* The answer is there. ALONE: there is nothing behind it. */
static void answer(struct line *n, bool alone)
{
    struct http_client *h = n->client;
    struct http_call *call = n->call;
    struct http_reply r = n->reply;
    http_reply_init(&n->reply, h->rules.limits);
    n->call = NULL;
    if (may_stay(n, &r, alone))
        rest(n);
    else
        end_line(n, CLOSE_DONE);
    finish_call(call, &r, ERR_OK);
    http_reply_finish(&r);
    start_waiting(h);
}

/* There is none, and there will be none. */
static void give_up(struct line *n, enum err why, enum close_reason reason)
{
    struct http_client *h = n->client;
    struct http_call *call = n->call;
    n->call = NULL;
    end_line(n, reason);
    finish_call(call, NULL, why);
    start_waiting(h);
}

static size_t line_input(struct conn *c, char *data, size_t size)
{
    struct line *n = c->state;
    size_t used;
    if (!n->call) {
        end_line(n, CLOSE_PROTOCOL); /* nothing was asked for */
        return size;
    }
    enum http_reply_read got = http_reply_feed(&n->reply, data, size, &used);
    if (got == HTTP_REPLY_DONE)
        answer(n, used == size);
    else if (got == HTTP_REPLY_FAULT)
        give_up(n, n->reply.err, CLOSE_PROTOCOL);
    return size;
}

static void line_input_ended(struct conn *c)
{
    struct line *n = c->state;
    if (!n->call || http_reply_is_untouched(&n->reply))
        end_line(n, CLOSE_PEER); /* line_finish looks after the call */
    else if (http_reply_end(&n->reply) == HTTP_REPLY_DONE)
        answer(n, true);
    else
        give_up(n, n->reply.err, CLOSE_PEER);
}

static void line_timeout(struct conn *c)
{
    struct line *n = c->state;
    if (n->call)
        give_up(n, ERR_TIMEOUT, CLOSE_UNANSWERED);
    else
        end_line(n, CLOSE_IDLE);
}

/* The connection broke, or never came to be. */
static void lose_call(struct http_client *h, struct http_call *call, const struct line *n)
{
    enum err e = ERR_CLOSED;
    if (!n->reused && n->serial == h->serial && h->remote->count)
        go_to_next_address(h);
    if (is_late(h, call))
        e = ERR_TIMEOUT;
    else if (http_reply_is_untouched(&n->reply))
        e = start(h, call, NULL);
    if (e != ERR_OK)
        finish_call(call, NULL, e == ERR_AGAIN ? ERR_CLOSED : e);
}

static void line_finish(struct conn *c)
{
    struct line *n = c->state;
    struct http_client *h = n->client;
    put_into(n, NULL);
    if (n->call)
        lose_call(h, n->call, n);
    http_reply_finish(&n->reply);
    free(n);
    start_waiting(h);
}

static size_t line_held(const struct conn *c)
{
    const struct line *n = c->state;
    return n->reply.body.cap + n->reply.line.cap + http_fields_held(n->reply.fields);
}

static const struct protocol line_protocol = {
    .name = "remote",
    .input = line_input,
    .input_ended = line_input_ended,
    .timeout = line_timeout,
    .finish = line_finish,
    .held = line_held,
};

/* --- life --- */

struct http_client *http_client_create(struct loop *l, struct remote *r,
                                       const struct http_client_rules *rules)
{
    struct http_client *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->loop = l;
    h->remote = remote_ref(r);
    h->rules = *rules;
    return h;
}

void http_client_set(struct http_client *h, struct remote *r, const struct http_client_rules *rules)
{
    remote_ref(r);
    remote_unref(h->remote);
    h->remote = r;
    h->rules = *rules;
    h->address = 0;
    h->serial++;
    while (h->idle)
        end_line(h->idle, CLOSE_DONE);
}

void http_client_destroy(struct http_client *h)
{
    if (!h)
        return;
    while (h->waiting) {
        struct http_call *call = h->waiting;
        DL_DELETE(h->waiting, call);
        buf_finish(&call->request);
    }
    remote_unref(h->remote);
    free(h);
}

void http_client_begin(const struct http_client *h, struct buf *request, const char *method)
{
    buf_printf(request, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, h->remote->path, h->remote->host);
}
