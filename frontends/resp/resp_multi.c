#include "frontends/resp/resp_multi.h"

#include <stdlib.h>

#include "base/fault.h"
#include "delivery/description.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_publish.h"

enum {
    ITEMS_FIRST = 8,        /* commands allocated at first */
    COMMAND_OVERHEAD = 128, /* bytes that a command weighs besides its words */
};

enum state {
    QUEUEING,
    SPOILT,     /* nothing is put by any more, EXEC fails */
    COMMITTING, /* the publishes are under way */
    RUNNING,
};

struct item {
    const struct resp_command *command;
    struct resp_held *held;     /* NULL: a publish */
    struct message *message;    /* of a publish, until it is under way: our reference */
    struct publish_item stored; /* of a publish: `conditional`, then what came back */
    struct cursor expect;       /* of a conditional one */
};

struct resp_multi {
    enum state state;
    struct item *items;
    size_t count, cap;
    size_t publishes; /* how many of them are */
    size_t bytes;     /* what they weigh */
    size_t at;        /* the next one to run */
    struct buf replies;
};

/* --- life --- */

static void drop_items(struct resp_multi *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->items[i].held);
        message_unref(m->items[i].message);
    }
    free(m->items);
    m->items = NULL;
    m->count = m->cap = m->publishes = m->bytes = 0;
}

static void destroy(struct resp_multi *m)
{
    drop_items(m);
    buf_finish(&m->replies);
    free(m);
}

/* R has no transaction any more. Returns the one it had, to be destroyed; NULL for none. */
static struct resp_multi *take_out(struct resp *r)
{
    struct resp_multi *m = r->multi;
    r->multi = NULL;
    r->replies = NULL;
    return m;
}

void resp_multi_drop(struct resp *r)
{
    struct resp_multi *m = take_out(r);
    if (m)
        destroy(m);
}

void resp_multi_spoil(struct resp_multi *m)
{
    if (!m)
        return;
    m->state = SPOILT;
    drop_items(m);
}

size_t resp_multi_held(const struct resp_multi *m)
{
    return m ? sizeof(*m) + m->bytes + m->replies.cap : 0;
}

void resp_multi_describe(const struct resp_multi *m, struct description *d)
{
    d->in_transaction = m != NULL;
    d->queued = m ? m->count : 0;
    d->queued_bytes = resp_multi_held(m);
}

/* --- putting commands by --- */

/* A single command always fits. */
static const char *check_limits(const struct resp *r, size_t bytes)
{
    const struct resp_multi *m = r->multi;
    if (m->count == RESP_MULTI_COMMANDS_MAX)
        return "LIMIT a transaction has at most 10000 commands";
    if (m->count && m->bytes + bytes > worker_settings(r->conn)->max_body_bytes)
        return "LIMIT the commands of a transaction are at most http.max_body_bytes long";
    return NULL;
}

/* Room for one more; NULL when out of memory. */
static struct item *next_item(struct resp_multi *m)
{
    if (m->count == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : ITEMS_FIRST;
        struct item *items = realloc(m->items, cap * sizeof(*items));
        if (!items)
            return NULL;
        m->items = items;
        m->cap = cap;
    }
    struct item *item = &m->items[m->count];
    *item = (struct item){0};
    return item;
}

/* Returns NULL, or what is wrong; then ITEM holds nothing. */
static const struct fault *fill(const struct resp *r, struct item *item,
                                const struct resp_request *q)
{
    static const struct fault no_memory = {"err", "out of memory"};
    struct message_init init;
    if (!item->command->publish) {
        item->held = resp_request_copy(q);
        return item->held ? NULL : &no_memory;
    }
    const struct fault *fault = resp_publish_read(r, item->command, q, &init);
    if (fault)
        return fault;
    item->message = message_create(&init);
    item->stored.conditional = init.conditional;
    item->expect = init.expect;
    return item->message ? NULL : &no_memory;
}

static const struct fault *put_by(struct resp *r, const struct resp_command *c,
                                  const struct resp_request *q, size_t bytes)
{
    static const struct fault no_memory = {"err", "out of memory"};
    struct resp_multi *m = r->multi;
    struct item *item = next_item(m);
    if (!item)
        return &no_memory;
    item->command = c;
    const struct fault *fault = fill(r, item, q);
    if (fault)
        return fault;
    m->count++;
    m->publishes += c->publish != NULL;
    m->bytes += bytes;
    r->publisher |= c->publish != NULL; /* EXEC is not taken while the hub has no room */
    return NULL;
}

/* What comes behind an error is not looked at any more than Redis does. */
static void queue(struct resp *r, const struct resp_command *c, const struct resp_request *q,
                  struct buf *out)
{
    size_t bytes = resp_request_bytes(q) + COMMAND_OVERHEAD;
    const char *error = check_limits(r, bytes);
    const struct fault *fault = error ? NULL : put_by(r, c, q, bytes);
    if (error)
        resp_error(r, error);
    if (fault)
        resp_error_fault(r, fault);
    if (error || fault)
        resp_multi_spoil(r->multi);
    else
        resp_reply_simple(out, "QUEUED");
}

void resp_multi_queue(struct resp *r, const struct resp_command *c, const struct resp_request *q,
                      struct buf *out)
{
    if (c->flags & RESP_ALONE) {
        resp_errorf(r, "ERR '%s' is not allowed inside a transaction", c->name);
        resp_multi_spoil(r->multi);
    } else if (r->multi->state == SPOILT) {
        resp_reply_simple(out, "QUEUED");
    } else {
        queue(r, c, q, out);
    }
}

/* --- EXEC --- */

/* Ends the transaction with what its commands replied. */
static void answer(struct resp *r)
{
    struct resp_multi *m = take_out(r);
    struct buf *out = conn_out(r->conn);
    if (out) {
        resp_reply_array(out, m->count);
        buf_append(out, m->replies.data, m->replies.len);
        out->failed |= m->replies.failed;
    }
    destroy(m);
    if (r->state == RESP_WAITING)
        resp_end_wait(r);
}

/* A single reply may be as large as outside a transaction; all together not much larger. */
static void run_item(struct resp *r, struct item *item)
{
    struct buf *out = &r->multi->replies;
    if (item->command->publish)
        resp_publish_put(r, item->command, &item->stored, out);
    else if (out->len > RESP_REPLY_MAX)
        resp_errorf(r, "LIMIT the replies of a transaction are at most %d MiB long",
                    RESP_REPLY_MAX >> 20);
    else
        item->command->run(r, &item->held->request, out);
}

/* Whether ITEM belongs into this turn still. */
static bool may_run(struct resp *r, const struct item *item)
{
    if (r->has_read && resp_command_reads(item->command))
        return false;
    return conn_may_go_on(r->conn);
}

/* Runs one at least. */
void resp_multi_go_on(struct resp *r)
{
    struct resp_multi *m = r->multi;
    if (!m || m->state != RUNNING)
        return;
    while (m->at < m->count) {
        struct item *item = &m->items[m->at++];
        r->has_read |= resp_command_reads(item->command);
        budget_charge(&r->conn->loop->work, WORK_COMMAND);
        run_item(r, item);
        if (m->at < m->count && !may_run(r, &m->items[m->at])) {
            resp_begin_wait(r, false); /* input() comes back here */
            return;
        }
    }
    answer(r);
}

static void run_all(struct resp *r)
{
    r->multi->state = RUNNING;
    r->replies = &r->multi->replies;
    resp_multi_go_on(r);
}

/* All messages as one publish; NULL when out of memory. */
static struct publish *make_publish(struct resp_multi *m)
{
    struct publish *p = publish_create((uint32_t)m->publishes);
    enum err e = p ? ERR_OK : ERR_NOMEM;
    uint32_t n = 0;
    for (size_t i = 0; i < m->count && e == ERR_OK; i++) {
        struct item *item = &m->items[i];
        if (!item->message)
            continue;
        publish_set(p, n, item->message);
        item->message = NULL;
        if (item->stored.conditional)
            e = publish_expect(p, n, &item->expect, (uint32_t)i + 1);
        n++;
    }
    if (e == ERR_OK)
        return p;
    publish_free(p);
    return NULL;
}

static void commit(struct resp *r)
{
    struct publish *p = make_publish(r->multi);
    if (!p) {
        resp_multi_drop(r);
        resp_error(r, "ERR out of memory");
        return;
    }
    r->multi->state = COMMITTING;
    r->inflight++;
    r->publisher = true;
    worker_publish(worker_of(r->conn), r->conn, p);
    resp_begin_wait(r, true);
}

static void keep_results(struct resp_multi *m, const struct publish *p)
{
    uint32_t n = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->items[i].command->publish)
            m->items[i].stored = p->items[n++];
}

void resp_multi_answered(struct resp *r, const struct publish *p)
{
    if (p->result == ERR_OK) {
        keep_results(r->multi, p);
        r->has_read = false;
        run_all(r);
        return;
    }
    resp_multi_drop(r);
    resp_publish_fail(r, p);
    resp_end_wait(r);
}

/* --- commands --- */

void resp_multi_multi(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    if (r->multi) {
        resp_error(r, "ERR MULTI calls can not be nested");
        return;
    }
    r->multi = calloc(1, sizeof(*r->multi));
    if (r->multi)
        resp_reply_simple(out, "OK");
    else
        resp_error(r, "ERR out of memory");
}

void resp_multi_exec(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    (void)out;
    if (!r->multi) {
        resp_error(r, "ERR EXEC without MULTI");
    } else if (r->multi->state == SPOILT) {
        resp_multi_drop(r);
        resp_error(r, "EXECABORT Transaction discarded because of previous errors.");
    } else if (r->multi->publishes) {
        commit(r);
    } else {
        run_all(r);
    }
}

void resp_multi_discard(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    if (!r->multi) {
        resp_error(r, "ERR DISCARD without MULTI");
        return;
    }
    resp_multi_drop(r);
    resp_reply_simple(out, "OK");
}

/* Nothing is watched; there is a condition for each message instead. */
void resp_multi_watch(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)q;
    (void)out;
    resp_error(r, r->multi ? "ERR WATCH inside MULTI is not allowed"
                           : "ERR WATCH is not supported: XADD ... expect CURSOR makes a publish "
                             "conditional, in a transaction too");
}

void resp_multi_unwatch(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    (void)q;
    resp_reply_simple(out, "OK");
}
