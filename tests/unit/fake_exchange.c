#include "tests/unit/fake_exchange.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/worker.h"
#include "http/dispatch.h"
#include "http/http_lines.h"
#include "http/shared_answer.h"
#include "net/link.h"

/* --- the link --- */

static struct link_io take(struct link *l, const void *data, size_t n)
{
    buf_append(l->at.state, data, n);
    return (struct link_io){n, ERR_OK};
}

static struct link_io nothing(struct link *l, void *data, size_t n)
{
    (void)l;
    (void)data;
    (void)n;
    return (struct link_io){0, ERR_AGAIN};
}

static bool shut(struct link *l)
{
    (void)l;
    return true;
}

static bool is_secure(const struct link *l)
{
    (void)l;
    return true;
}

/* What it does not say is as of a link that was closed. */
static struct link_ops keeping, keeping_secrets;

static void make_links(void)
{
    keeping = *link_none().ops;
    keeping.send = take;
    keeping.receive = nothing;
    keeping.shut = shut;
    keeping_secrets = keeping;
    keeping_secrets.is_secure = is_secure;
}

/* --- the end of an exchange --- */

static struct fake *fake_of(struct exchange *x)
{
    return (struct fake *)x;
}

static void end_request(struct fake *f)
{
    exchange_end(&f->exchange);
    buf_finish(&f->exchange.body);
    http_fields_give_back(f->fields);
    f->fields = NULL;
    buf_clear(&f->target);
    f->exchange.url = (struct url){0};
    f->exchange.route = NULL;
    f->asked = false;
}

/* --- answers --- */

static void put(struct buf *out, const char *text, size_t n)
{
    buf_append(out, text, n);
    buf_putc(out, '\0');
    ck_assert(!out->failed);
    out->len--;
}

static struct fake_answer *note(struct fake *f, enum fake_kind kind, const struct buf *lines,
                                const struct exchange_reply *r)
{
    ck_assert_uint_lt(f->count, FAKE_ANSWERS);
    struct fake_answer *a = &f->answers[f->count++];
    a->kind = kind;
    a->status = r->status;
    a->polls = fake_conns(f, "poll");
    if (r->type)
        http_lines_put(&a->lines, "Content-Type", r->type);
    buf_puts(&a->lines, r->guard ? r->guard : "");
    put(&a->lines, lines->data, lines->len);
    return a;
}

static void reply(struct exchange *x, const struct exchange_reply *r)
{
    struct fake_answer *a = note(fake_of(x), FAKE_WHOLE, &x->lines, r);
    put(&a->body, r->body, r->n);
    end_request(fake_of(x));
}

static void reply_with(struct exchange *x, const struct exchange_reply *r, struct buf *body,
                       size_t at)
{
    struct fake_answer *a = note(fake_of(x), FAKE_WHOLE, &x->lines, r);
    put(&a->body, body->data + at, body->len - at);
    buf_finish(body);
    end_request(fake_of(x));
}

static void reply_shared(struct exchange *x, struct blob *b, bool at_once)
{
    size_t n;
    (void)at_once;
    const char *body = shared_answer_body(b, &n);
    struct exchange_reply r = {.status = 200};
    struct fake_answer *a = note(fake_of(x), FAKE_SHARED, &x->lines, &r);
    a->shared = b;
    put(&a->lines, b->data, (size_t)(body - b->data));
    put(&a->body, body, n);
    end_request(fake_of(x));
}

static enum err publish(struct exchange *x, struct publish *p, exchange_published_fn *answer,
                        uint64_t wait_ms)
{
    struct fake *f = fake_of(x);
    if (f->refuses_publishes) {
        publish_free(p);
        return ERR_NOMEM;
    }
    ck_assert_ptr_null(f->publish);
    f->publish = p;
    f->published = answer;
    f->wait_ms = wait_ms;
    if (!f->keeps_publishes)
        worker_publish(worker_of(x->conn), x->conn, p);
    return ERR_OK;
}

/* Here the exchange waits for its publish: nothing is asked behind it. */
static void answer_published(struct exchange_answer *a, const struct exchange_reply *r)
{
    struct fake *f = a->due;
    put(&note(f, FAKE_WHOLE, a->lines, r)->body, r->body, r->n);
}

static struct buf *stream(struct exchange *x, const struct exchange_reply *r)
{
    note(fake_of(x), FAKE_STREAM, &x->lines, r);
    return conn_out(x->conn);
}

static void upgrade(struct exchange *x, const struct buf *lines)
{
    struct exchange_reply r = {.status = 101};
    note(fake_of(x), FAKE_UPGRADE, lines, &r);
}

static void forget_head(struct exchange *x)
{
    struct fake *f = fake_of(x);
    f->forgot_head = true;
    http_fields_give_back(f->fields);
    f->fields = NULL;
}

static const struct exchange_ops ops = {
    .reply = reply,
    .reply_with = reply_with,
    .reply_shared = reply_shared,
    .publish = publish,
    .answer = answer_published,
    .stream = stream,
    .upgrade = upgrade,
    .forget_head = forget_head,
};

/* --- the connection --- */

static size_t input(struct conn *c, char *data, size_t n)
{
    (void)data;
    exchange_go_on(exchange_of(c));
    return n;
}

static void timeout(struct conn *c)
{
    exchange_time_up(exchange_of(c));
}

static void published(struct conn *c, struct publish *p)
{
    struct fake *f = fake_of(exchange_of(c));
    struct exchange_answer a = {&ops, c, p, &f->exchange.lines, f};
    ck_assert_ptr_eq(f->publish, p);
    f->publish = NULL;
    f->published(&a, p);
    end_request(f);
}

static void finish(struct conn *c)
{
    if (c->state)
        end_request(fake_of(exchange_of(c)));
    c->state = NULL;
}

static struct transport transport = {.name = "fake"};

static const struct protocol protocol = {
    .name = "fake",
    .transport = &transport,
    .input = input,
    .timeout = timeout,
    .answered = published,
    .finish = finish,
};

void fake_open(struct fake *f, struct desk *d)
{
    struct link link = {.ops = &keeping, .at.state = &f->sent};
    make_links();
    memset(f, 0, sizeof(*f));
    ck_assert_int_eq(transport_register(&transport), ERR_OK);
    f->desk = d;
    ck_assert_int_eq(conn_create(&d->worker->loop, link, false, true, &protocol, &f->conn), ERR_OK);
    conn_hold(f->conn);
    f->conn->state = f;
    f->exchange.ops = &ops;
    f->exchange.conn = f->conn;
    f->exchange.trusted = true;
    f->host = "localhost";
}

void fake_secure(struct fake *f)
{
    f->conn->link.ops = &keeping_secrets;
}

void fake_close(struct fake *f)
{
    if (f->keeps_publishes)
        publish_free(f->publish);
    conn_close(f->conn, CLOSE_PEER);
    conn_release(f->conn);
    desk_end_turn(f->desk);
    for (unsigned i = 0; i < f->count; i++) {
        buf_finish(&f->answers[i].lines);
        buf_finish(&f->answers[i].body);
    }
    buf_finish(&f->target);
    buf_finish(&f->sent);
}

/* --- what is asked --- */

static void read_fields(struct fake *f, const char *lines)
{
    f->fields = http_fields_take();
    ck_assert_ptr_nonnull(f->fields);
    while (lines && *lines) {
        const char *colon = strchr(lines, ':'), *end = strchr(lines, '\n');
        http_fields_add(f->fields, lines, (size_t)(colon - lines), colon + 2,
                        (size_t)(end - colon - 2));
        lines = end + 1;
    }
    f->exchange.fields = f->fields;
}

void fake_ask(struct fake *f, const char *method, const char *target, const char *fields,
              const char *body)
{
    struct exchange *x = &f->exchange;
    ck_assert(!f->asked);
    f->asked = true;
    f->forgot_head = false;
    read_fields(f, fields);
    put(&f->target, target, strlen(target));
    url_split(f->target.data, f->target.len, &x->url);
    x->method_name = method;
    x->method = dispatch_method(method);
    x->host = f->host ? f->host : "";
    x->has_host = f->host;
    x->chunked = f->chunked;
    x->websocket = f->websocket;
    desk_begin_turn(f->desk);
    budget_begin_slice(&f->conn->loop->work, BUDGET_LIGHT);
    dispatch_head(x);
    if (f->asked && body)
        buf_puts(&x->body, body);
    if (f->asked)
        dispatch_run(x);
    desk_end_turn(f->desk);
}

void fake_publish_ends(struct fake *f, enum err result)
{
    struct publish *p = f->publish;
    p->result = result;
    published(f->conn, p);
    publish_free(p);
}

/* --- what was answered --- */

const struct fake_answer *fake_answer(const struct fake *f)
{
    ck_assert_uint_gt(f->count, 0);
    return &f->answers[f->count - 1];
}

bool fake_has_line(const struct fake *f, const char *line)
{
    return strstr(fake_answer(f)->lines.data, line) != NULL;
}

bool fake_is_closed(const struct fake *f)
{
    return conn_state(f->conn) == CONN_CLOSED;
}

unsigned fake_conns(const struct fake *f, const char *name)
{
    for (unsigned i = 0; i < transport_count(); i++)
        if (strcmp(transport_name(i), name) == 0)
            return f->desk->worker->loop.conns_by_transport[i];
    return 0;
}

const char *fake_sent(struct fake *f)
{
    desk_end_turn(f->desk);
    put(&f->sent, "", 0);
    return f->sent.data;
}
