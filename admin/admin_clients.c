#include "admin/admin_clients.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin_document.h"
#include "base/workers.h"
#include "delivery/description.h"
#include "delivery/envelope.h"
#include "delivery/stream.h"
#include "http/bearer.h"
#include "net/turn.h"

enum {
    STEP_CONNS = 128, /* connections that are visited in one turn */
    /* How much a document may grow before it is counted: between two workers, and every so often.
     */
    COUNTED_BYTES = 32 << 10,
};

/* --- documents --- */

static void describe(struct conn *c, struct description *d)
{
    memset(d, 0, sizeof(*d));
    if (c->protocol->describe)
        c->protocol->describe(c, d);
}

static uint64_t age_s(const struct conn *c)
{
    return loop_now(c->loop) / 1000 - c->since_s;
}

static void put_filters(const struct feed *f, struct buf *out)
{
    for (uint32_t i = 0; f && i < f->filter_count; i++) {
        size_t n;
        const char *name = filter_name(f->filters[i], &n);
        if (i)
            buf_putc(out, ',');
        envelope_json_string(out, name, n);
    }
}

/* Besides, those that are replayed before they join. */
static void put_joining(const struct stream *s, struct buf *out)
{
    const struct joiner *j = NULL;
    const char *name;
    size_t n;
    while (s && (j = stream_next_joiner(s, j, &name, &n))) {
        admin_put_comma(out);
        envelope_json_string(out, name, n);
    }
}

static void put_lag(const struct lag_figures *lag, struct buf *out)
{
    admin_put_number(out, "lag_messages", lag->messages);
    admin_put_number(out, "lag_bytes", lag->bytes);
    admin_put_number(out, "lag_seconds", lag->age_ms / 1000);
}

/* Whose token it has. */
static void put_bearer(const struct conn *c, struct buf *out)
{
    const struct principal *p = bearer_of(c);
    if (p && *p->sub) {
        buf_puts(out, ",\"sub\":");
        envelope_json_string(out, p->sub, strlen(p->sub));
    }
    if (p && p->expires_s > 0)
        admin_put_number(out, "expires", (uint64_t)p->expires_s);
}

/* That of the certificate which the client has shown. */
static void put_subject(const struct conn *c, struct buf *out)
{
    const char *subject = conn_subject(c);
    if (!*subject)
        return;
    buf_puts(out, ",\"certificate\":");
    envelope_json_string(out, subject, strlen(subject));
}

static void put_client(struct admin *a, struct conn *c)
{
    const struct worker *w = worker_of(c);
    struct buf *out = &a->text;
    struct description d;
    char address[64];
    describe(c, &d);
    conn_address(c, address, sizeof(address));
    admin_put_comma(out);
    buf_printf(out, "{\"id\":%llu", (unsigned long long)conn_number(c));
    buf_printf(out, ",\"transport\":\"%s\",\"address\":\"%s\"", transport_name(c->counted_as),
               address);
    if (d.name) {
        buf_puts(out, ",\"name\":");
        envelope_json_string(out, d.name, strlen(d.name));
    }
    put_bearer(c, out);
    put_subject(c, out);
    if (d.deflate)
        buf_puts(out, ",\"deflate\":true");
    buf_puts(out, ",\"topics\":[");
    put_filters(d.feed, out);
    put_joining(d.stream, out);
    buf_puts(out, "],\"cursor\":");
    if (d.has_cursor)
        admin_put_cursor(w, d.cursor, out);
    else
        buf_puts(out, "null");
    admin_put_number(out, "lag", d.has_cursor && d.cursor < w->head ? w->head - d.cursor : 0);
    put_lag(&d.lag, out);
    admin_put_number(out, "age_seconds", age_s(c));
    admin_put_number(out, "held_bytes", conn_held(c));
    buf_putc(out, '}');
}

/* --- lines as Redis 7 writes them: its fields in its order, then our own --- */

/* Seconds since it was last written to, by itself or in a fan-out. */
static uint64_t idle_s(const struct conn *c, const struct description *d)
{
    uint32_t last_s = d->delivered_s > c->progress_s ? d->delivered_s : c->progress_s;
    return loop_now(c->loop) / 1000 - last_s;
}

static void line_peer(const struct conn *c, const struct description *d, struct buf *out)
{
    char address[64], local[64];
    conn_address(c, address, sizeof(address));
    conn_local_address(c, local, sizeof(local));
    buf_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=%s", (unsigned long long)conn_number(c),
               address, local, conn_fan_fd(c), d->name ? d->name : "");
    buf_printf(out, " age=%llu idle=%llu flags=%s%s db=0", (unsigned long long)age_s(c),
               (unsigned long long)idle_s(c, d), d->feed ? "P" : "",
               d->in_transaction ? "x"
               : d->feed         ? ""
                                 : "N");
}

static void line_subscriptions(const struct description *d, struct buf *out)
{
    uint32_t filters = d->stream ? stream_filters(d->stream) : d->feed ? d->feed->filter_count : 0;
    uint32_t patterns = d->patterns < filters ? d->patterns : filters;
    buf_printf(out, " sub=%u psub=%u ssub=0 multi=%lld", filters - patterns, patterns,
               d->in_transaction ? (long long)d->queued : -1);
}

/* What is held for it. Replies are in one buffer: `oll` is whether there are any. */
static void line_memory(const struct conn *c, const struct description *d, struct buf *out)
{
    size_t room = c->in ? c->in->text.cap : 0, unread = conn_unread(c), unsent = conn_unsent(c);
    buf_printf(out, " qbuf=%zu qbuf-free=%zu argv-mem=0 multi-mem=%zu rbs=0 rbp=0 obl=0", unread,
               room - unread, d->queued_bytes);
    buf_printf(out, " oll=%d omem=%zu tot-mem=%zu", unsent > 0, unsent,
               sizeof(*c) + room + unsent + d->queued_bytes);
}

void admin_client_line(struct conn *c, struct buf *out)
{
    struct description d;
    describe(c, &d);
    line_peer(c, &d, out);
    line_subscriptions(&d, out);
    line_memory(c, &d, out);
    buf_printf(out, " events=%s%s cmd=%s user=default redir=-1 resp=%u", c->reading ? "r" : "",
               c->blocked ? "w" : "", d.command ? d.command : "NULL", d.resp);
    buf_printf(out, " lib-name=%s lib-ver=%s transport=%s\n", d.lib_name ? d.lib_name : "",
               d.lib_version ? d.lib_version : "", transport_name(c->counted_as));
}

static void put_line(struct admin *a, struct conn *c)
{
    admin_client_line(c, &a->text);
}

/* --- from worker to worker, and bit by bit --- */

static void note_conn(struct conn *c, void *ctx)
{
    struct admin_walk *walk = ctx;
    if (walk->count == walk->cap)
        return; /* it came meanwhile */
    conn_hold(c);
    walk->conns[walk->count++] = c;
}

/* W's connections, which may end while others are looked at. */
static enum err begin_worker(struct admin *a, struct worker *w)
{
    a->walk = (struct admin_walk){.cap = w->loop.conns};
    a->walk.conns = calloc(w->loop.conns + 1, sizeof(struct conn *));
    if (!a->walk.conns)
        return ERR_NOMEM;
    turn_each_conn(&w->loop, note_conn, &a->walk);
    return ERR_OK;
}

static void end_worker(struct admin_walk *walk)
{
    while (walk->next < walk->count)
        conn_release(walk->conns[walk->next++]);
    free(walk->conns);
    *walk = (struct admin_walk){0};
}

/* Some of them; ERR_AGAIN: there are more. */
static enum err visit_some(struct admin *a)
{
    struct admin_walk *walk = &a->walk;
    for (int i = 0; i < STEP_CONNS && walk->next < walk->count; i++) {
        struct conn *c = walk->conns[walk->next++];
        if (conn_state(c) != CONN_CLOSED)
            a->visit(a, c);
        conn_release(c);
    }
    if (a->text.len > ADMIN_TEXT_MAX)
        return ERR_LIMIT;
    return walk->next < walk->count ? ERR_AGAIN : ERR_OK;
}

static void conns_step(struct errand *e, void *where);

/* Between two workers, and when much has been added: it is counted as what its asker holds, who may
 * be gone, so that nobody wants the rest. */
static void count_at_home(struct errand *e, void *where)
{
    struct admin *a = admin_of_errand(e);
    (void)where;
    a->unwanted = !admin_goes_on(a);
    errand_to_worker(e, (unsigned)a->at, conns_step);
}

/* Goes home when all have been visited, for good or bad. */
static void end_step(struct errand *e, enum err result)
{
    struct admin *a = admin_of_errand(e);
    end_worker(&a->walk);
    if (result != ERR_OK || ++a->at == hub_workers(e->home->hub)) {
        buf_puts(&a->text, a->end);
        errand_home(e, result);
    } else {
        errand_to_worker(e, e->home->loop.index, count_at_home);
    }
}

/* `at` is the worker. */
static void conns_step(struct errand *e, void *where)
{
    struct admin *a = admin_of_errand(e);
    size_t counted = admin_held(a);
    enum err result = a->unwanted ? ERR_CLOSED : ERR_OK;
    if (result == ERR_OK && !a->walk.conns)
        result = begin_worker(a, where);
    if (result == ERR_OK)
        result = visit_some(a);
    if (result != ERR_AGAIN)
        end_step(e, result);
    else if (a->text.cap > counted + COUNTED_BYTES)
        errand_to_worker(e, e->home->loop.index, count_at_home);
    else
        errand_to_worker(e, (unsigned)a->at, conns_step);
}

static void visit_all_conns(struct admin *a, void (*visit)(struct admin *a, struct conn *c),
                            const char *end)
{
    a->visit = visit;
    a->end = end;
    errand_to_worker(&a->errand, 0, conns_step);
}

void admin_clients(struct admin *a)
{
    buf_putc(&a->text, '[');
    visit_all_conns(a, put_client, "]");
}

void admin_client_lines(struct admin *a)
{
    visit_all_conns(a, put_line, "");
}

/* --- ending connections --- */

static void kick_step(struct errand *e, void *where)
{
    struct admin *a = admin_of_errand(e);
    struct worker *w = where;
    struct conn *c = turn_find_conn(&w->loop, a->at);
    if (c && conn_state(c) != CONN_LINGERING) { /* else it has ended, for its peer */
        conn_kick(c);
        a->number = 1;
    }
    errand_home(e, ERR_OK);
}

void admin_kick(struct admin *a, uint64_t number)
{
    unsigned w = (unsigned)(number % WORKERS_MAX);
    a->at = number;
    if (w < hub_workers(a->errand.home->hub))
        errand_to_worker(&a->errand, w, kick_step);
    else
        errand_home(&a->errand, ERR_OK);
}

static void kick_if_from(struct admin *a, struct conn *c)
{
    char address[64];
    conn_address(c, address, sizeof(address));
    if (strcmp(address, a->word) != 0)
        return;
    conn_kick(c);
    a->number++;
}

void admin_kick_address(struct admin *a, const char *address, size_t n)
{
    if (admin_keep_word(a, address, n) == ERR_OK)
        visit_all_conns(a, kick_if_from, "");
    else
        errand_home(&a->errand, ERR_NOMEM);
}
