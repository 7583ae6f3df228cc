#include "admin/admin.h"

#include <stdlib.h>
#include <string.h>

#include "base/now.h"
#include "base/workers.h"
#include "broker/cursor.h"
#include "broker/interest.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "delivery/description.h"
#include "delivery/envelope.h"
#include "delivery/scan.h"
#include "delivery/stream.h"
#include "net/turn.h"

enum {
    STEP_TOPICS = 256, /* topics looked at in one turn */
};

static uint64_t started_ms; /* monotonic */

__attribute__((constructor)) static void note_start(void)
{
    started_ms = now_monotonic_ms();
}

/* --- life --- */

static void come_home(struct errand *e)
{
    struct admin *a = (struct admin *)e;
    if (e->result == ERR_OK && a->text.failed)
        e->result = ERR_NOMEM;
    a->done(a);
}

struct admin *admin_create(struct worker *w, void (*done)(struct admin *a), void *owner)
{
    struct admin *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    errand_init(&a->errand, w, come_home);
    a->done = done;
    a->owner = owner;
    return a;
}

void admin_destroy(struct admin *a)
{
    if (!a)
        return;
    store_verify_destroy(a->verify);
    buf_finish(&a->text);
    free(a->word);
    free(a);
}

static struct admin *admin_of(struct errand *e)
{
    return (struct admin *)e;
}

static enum err keep_word(struct admin *a, const char *word, size_t n)
{
    a->word = malloc(n + 1);
    if (!a->word)
        return ERR_NOMEM;
    memcpy(a->word, word, n);
    a->word[n] = '\0';
    a->word_len = n;
    return ERR_OK;
}

static void put_cursor(const struct worker *w, uint64_t offset, struct buf *out)
{
    char text[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(text, offset, hub_log(w->hub)->epoch);
    buf_putc(out, '"');
    buf_append(out, text, n);
    buf_putc(out, '"');
}

static void put_number(struct buf *out, const char *name, uint64_t n)
{
    buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

/* Before each element of the array that is being written. */
static void put_comma(struct buf *out)
{
    if (out->len > 1)
        buf_putc(out, ',');
}

/* --- topics --- */

static void put_subscribers(struct worker *w, const struct topic *t, struct buf *out)
{
    uint32_t count[INTEREST_TRANSPORTS];
    interest_count(hub_interest(w->hub), t->name, t->name_len, count);
    buf_puts(out, ",\"subscribers\":{");
    for (unsigned i = 0; i < INTEREST_TRANSPORTS; i++)
        buf_printf(out, "%s\"%s\":%u", i ? "," : "", transport_names[i], count[i]);
    buf_putc(out, '}');
}

static enum err put_first(struct worker *w, struct scan *scan, const struct topic *t,
                          struct buf *out)
{
    uint64_t first = 0;
    enum err e = ERR_OK;
    if (t->last > t->floor) {
        e = scan_select(scan, t->name, t->name_len);
        if (e == ERR_OK)
            e = scan_first(scan, t->floor, &first);
    }
    buf_puts(out, ",\"first\":");
    if (first)
        put_cursor(w, first, out);
    else
        buf_puts(out, "null");
    return e;
}

static enum err put_topic(struct worker *w, struct scan *scan, const struct topic *t,
                          struct buf *out)
{
    buf_puts(out, "{\"topic\":");
    envelope_json_string(out, t->name, t->name_len);
    put_number(out, "messages", t->messages);
    put_number(out, "bytes", t->bytes);
    enum err e = put_first(w, scan, t, out);
    buf_puts(out, ",\"last\":");
    if (t->last)
        put_cursor(w, t->last, out);
    else
        buf_puts(out, "null");
    buf_printf(out, ",\"durability\":\"%s\"", t->memory ? "memory" : "disk");
    buf_printf(out, ",\"rate\":%.3f", topic_rate(t, hub_clock_ms(w->hub)));
    put_subscribers(w, t, out);
    buf_putc(out, '}');
    return e;
}

enum err admin_topic(struct worker *w, struct topic *topic, struct buf *out)
{
    struct scan scan;
    enum err e = scan_init(&scan, w);
    if (e != ERR_OK)
        return e;
    e = put_topic(w, &scan, topic, out);
    scan_finish(&scan);
    return e == ERR_OK && out->failed ? ERR_NOMEM : e;
}

static enum err add_topics(struct admin *a, struct worker *w, struct scan *scan)
{
    enum err e = ERR_OK;
    struct id_walk left = topic_table_walk(hub_topics(w->hub), (uint32_t)a->at + 1);
    const struct topic *t = NULL;
    for (int i = 0; i < STEP_TOPICS && e == ERR_OK && (t = id_walk_next(&left)); i++) {
        a->at = t->id;
        if (!topic_matches(a->word, a->word_len, t->name, t->name_len))
            continue;
        put_comma(&a->text);
        e = put_topic(w, scan, t, &a->text);
    }
    if (!t || a->at > a->until)
        a->at = a->until;
    return e == ERR_OK && a->text.len > ADMIN_TEXT_MAX ? ERR_LIMIT : e;
}

static void topics_step(struct errand *errand, void *where)
{
    struct admin *a = admin_of(errand);
    struct worker *w = where;
    struct scan scan;
    enum err e = scan_init(&scan, w);
    if (e == ERR_OK) {
        e = add_topics(a, w, &scan);
        scan_finish(&scan);
    }
    if (e == ERR_OK && a->at < a->until) {
        errand_to_worker(errand, w->loop.index, topics_step);
        return;
    }
    buf_putc(&a->text, ']');
    errand_home(errand, e);
}

void admin_topics(struct admin *a, const char *pattern, size_t n)
{
    struct worker *w = a->errand.home;
    a->until = topic_table_last_id(hub_topics(w->hub));
    buf_putc(&a->text, '[');
    if (keep_word(a, pattern, n) == ERR_OK)
        errand_to_worker(&a->errand, w->loop.index, topics_step);
    else
        errand_home(&a->errand, ERR_NOMEM);
}

/* --- figures --- */

void admin_total(struct worker *w, struct admin_totals *ret)
{
    struct topic_table *topics = hub_topics(w->hub);
    memset(ret, 0, sizeof(*ret));
    struct id_walk all = topic_table_walk(topics, 0);
    const struct topic *t;
    ret->topics = topic_table_count(topics);
    ret->uptime_s = (now_monotonic_ms() - started_ms) / 1000;
    while ((t = id_walk_next(&all))) {
        ret->messages += t->messages;
        ret->bytes += t->bytes;
    }
    const struct process *p = w->loop.process;
    for (unsigned i = 0; i < p->loop_count; i++) {
        const struct loop *other = p->loops[i];
        for (unsigned k = 0; k < COUNTER_COUNT; k++)
            ret->counters[k] += counter_get(&other->counters, k);
        for (unsigned k = 0; k < TRANSPORT_COUNT; k++)
            ret->connections[k] += other->conns_by_transport[k];
    }
}

/* The members of an object whose names and values are given. */
static void put_members(struct buf *out, const char *const *names, const uint64_t *values,
                        unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buf_printf(out, "%s\"%s\":%llu", i ? "," : "", names[i], (unsigned long long)values[i]);
}

/* NUMBER and AT of the job are the size of the log, and what is in use of it. */
static void put_stats(const struct worker *w, const struct admin_totals *t, struct admin *a)
{
    struct buf *out = &a->text;
    struct hub_stats s;
    hub_read_stats(w->hub, &s);
    buf_puts(out, "{\"version\":\"" LONGWIRE_VERSION "\"");
    put_number(out, "uptime_seconds", t->uptime_s);
    put_number(out, "epoch", hub_log(w->hub)->epoch);
    buf_puts(out, ",\"head\":");
    put_cursor(w, hub_head(w->hub), out);
    put_number(out, "topics", t->topics);
    put_number(out, "topics_forgotten", s.forgotten);
    put_number(out, "messages", t->messages);
    put_number(out, "bytes", t->bytes);
    put_number(out, "log_bytes", a->number);
    put_number(out, "log_used_bytes", a->at);
    put_number(out, "log_damaged", s.damaged);
    put_number(out, "workers", hub_workers(w->hub));
    put_number(out, "commits", s.commits);
    put_number(out, "published", s.published);
    put_number(out, "expired", s.expired);
    put_number(out, "queued_bytes", s.queued_bytes);
    put_number(out, "peer_bytes", peer_memory_held(w->loop.book.memory));
    put_number(out, "peer_bytes_peak", w->loop.book.memory->peak);
    buf_puts(out, ",\"connections\":{");
    put_members(out, transport_names, t->connections, TRANSPORT_COUNT);
    buf_puts(out, "},\"counters\":{");
    put_members(out, counter_names, t->counters, COUNTER_COUNT);
    buf_puts(out, "}}");
}

static void stats_at_home(struct errand *e, void *where)
{
    struct admin *a = admin_of(e);
    struct admin_totals totals;
    admin_total(where, &totals);
    put_stats(where, &totals, a);
    errand_home(e, ERR_OK);
}

static void stats_at_broker(struct errand *e, void *where)
{
    admin_of(e)->number = broker_log_bytes(where);
    admin_of(e)->at = broker_log_used(where);
    errand_to_worker(e, e->home->loop.index, stats_at_home);
}

void admin_stats(struct admin *a)
{
    errand_to_broker(&a->errand, stats_at_broker);
}

/* --- connections --- */

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
        if (out->len && out->data[out->len - 1] != '[')
            buf_putc(out, ',');
        envelope_json_string(out, name, n);
    }
}

static void put_lag(const struct lag_figures *lag, struct buf *out)
{
    put_number(out, "lag_messages", lag->messages);
    put_number(out, "lag_bytes", lag->bytes);
    put_number(out, "lag_seconds", lag->age_ms / 1000);
}

static void put_client(struct admin *a, struct conn *c)
{
    const struct worker *w = worker_of(c);
    struct buf *out = &a->text;
    struct description d;
    char address[64];
    describe(c, &d);
    conn_address(c, address, sizeof(address));
    put_comma(out);
    buf_printf(out, "{\"id\":%llu", (unsigned long long)conn_number(c));
    buf_printf(out, ",\"transport\":\"%s\",\"address\":\"%s\"", transport_names[c->counted_as],
               address);
    if (d.name) {
        buf_puts(out, ",\"name\":");
        envelope_json_string(out, d.name, strlen(d.name));
    }
    if (d.deflate)
        buf_puts(out, ",\"deflate\":true");
    buf_puts(out, ",\"topics\":[");
    put_filters(d.feed, out);
    put_joining(d.stream, out);
    buf_puts(out, "],\"cursor\":");
    if (d.has_cursor)
        put_cursor(w, d.cursor, out);
    else
        buf_puts(out, "null");
    put_number(out, "lag", d.has_cursor && d.cursor < w->head ? w->head - d.cursor : 0);
    put_lag(&d.lag, out);
    put_number(out, "age_seconds", age_s(c));
    put_number(out, "held_bytes", conn_held(c));
    buf_putc(out, '}');
}

/* --- lines as Redis 7 writes them: its fields in its order, then our own --- */

static void line_peer(const struct conn *c, const struct description *d, struct buf *out)
{
    char address[64], local[64];
    uint64_t now_s = loop_now(c->loop) / 1000;
    conn_address(c, address, sizeof(address));
    conn_local_address(c, local, sizeof(local));
    buf_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=%s", (unsigned long long)conn_number(c),
               address, local, conn_fan_fd(c), d->name ? d->name : "");
    buf_printf(out, " age=%llu idle=%llu flags=%s%s db=0", (unsigned long long)age_s(c),
               (unsigned long long)(now_s - c->progress_s), d->feed ? "P" : "",
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
    size_t unread = c->in ? c->in->len : 0, unsent = conn_unsent(c);
    buf_printf(out, " qbuf=%zu qbuf-free=%zu argv-mem=0 multi-mem=%zu rbs=0 rbp=0 obl=0", unread,
               c->in ? c->in->cap - unread : 0, d->queued_bytes);
    buf_printf(out, " oll=%d omem=%zu tot-mem=%zu", unsent > 0, unsent,
               sizeof(*c) + (c->in ? c->in->cap : 0) + unsent + d->queued_bytes);
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
               d.lib_version ? d.lib_version : "", transport_names[c->counted_as]);
}

static void put_line(struct admin *a, struct conn *c)
{
    admin_client_line(c, &a->text);
}

static void visit_conn(struct conn *c, void *ctx)
{
    struct admin *a = ctx;
    if (a->text.len <= ADMIN_TEXT_MAX)
        a->visit(a, c);
}

/* From worker to worker; `at` is the next one. */
static void conns_step(struct errand *e, void *where)
{
    struct admin *a = admin_of(e);
    struct worker *w = where;
    turn_each_conn(&w->loop, visit_conn, a);
    if (a->text.len <= ADMIN_TEXT_MAX && ++a->at < hub_workers(e->home->hub)) {
        errand_to_worker(e, (unsigned)a->at, conns_step);
        return;
    }
    buf_puts(&a->text, a->end);
    errand_home(e, a->text.len > ADMIN_TEXT_MAX ? ERR_LIMIT : ERR_OK);
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
    struct admin *a = admin_of(e);
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
    if (keep_word(a, address, n) == ERR_OK)
        visit_all_conns(a, kick_if_from, "");
    else
        errand_home(&a->errand, ERR_NOMEM);
}

/* --- the log --- */

static void purge_step(struct errand *e, void *where)
{
    struct admin *a = admin_of(e);
    struct topic *topic = topic_table_get(broker_topics(where), a->topic_id);
    enum err result = topic ? broker_purge(where, topic, &a->number) : ERR_OK; /* else forgotten */
    errand_home(e, result);
}

void admin_purge(struct admin *a, const struct topic *topic)
{
    a->topic_id = topic->id;
    errand_to_broker(&a->errand, purge_step);
}

/* One piece, and behind what waits for the broker for the next. */
static void trim_step(struct errand *errand, void *where)
{
    struct admin *a = admin_of(errand);
    uint64_t removed;
    enum err e = broker_trim(where, &a->at, a->until, &removed);
    a->number += removed;
    if (e == ERR_OK && a->at < a->until)
        errand_to_broker(errand, trim_step);
    else
        errand_home(errand, e);
}

void admin_trim(struct admin *a, uint64_t upto)
{
    a->until = upto;
    errand_to_broker(&a->errand, trim_step);
}

static void put_copied(struct admin *a)
{
    const struct store_copied *c = &a->backup.copied;
    char cursor[CURSOR_TEXT_SIZE];
    cursor_format(cursor, c->last, c->epoch);
    buf_puts(&a->text, "{\"path\":");
    envelope_json_string(&a->text, a->word, a->word_len);
    put_number(&a->text, "bytes", c->bytes);
    buf_printf(&a->text, ",\"cursor\":\"%s\"}", cursor);
}

static void backup_over(struct hub_call *call, void *where)
{
    struct admin *a = (struct admin *)((char *)call - offsetof(struct admin, backup.call));
    (void)where;
    if (a->backup.result == ERR_OK)
        put_copied(a);
    errand_home(&a->errand, a->backup.result);
}

void admin_backup(struct admin *a, const char *path, size_t n)
{
    struct worker *w = a->errand.home;
    enum err e = keep_word(a, path, n);
    a->backup = (struct hub_backup){
        .call.run = backup_over,
        .worker = w->loop.index,
        .path = a->word,
    };
    if (e == ERR_OK)
        e = hub_backup(w->hub, &a->backup);
    if (e != ERR_OK)
        errand_home(&a->errand, e);
}

/* --- verifying --- */

static void put_place(const struct store_place *p, struct buf *out)
{
    const char *unit = store_damage_unit(p->damage);
    buf_printf(out, "{\"damage\":\"%s\"", store_damage_name(p->damage));
    if (*unit)
        put_number(out, unit, p->number);
    if (p->topic_id)
        put_number(out, "topic_id", p->topic_id);
    if (p->name_len) {
        buf_puts(out, ",\"topic\":");
        envelope_json_string(out, p->name, p->name_len);
    }
    buf_putc(out, '}');
}

static void put_report(const struct store_report *r, struct buf *out)
{
    const char *names[STORE_DAMAGE_KINDS];
    for (unsigned i = 0; i < STORE_DAMAGE_KINDS; i++)
        names[i] = store_damage_name(i);
    buf_printf(out, "{\"records\":%llu", (unsigned long long)r->records);
    put_number(out, "damaged", store_report_damaged(r));
    put_number(out, "topics", r->topics);
    put_number(out, "blocks", r->blocks);
    put_number(out, "groups", r->groups);
    put_number(out, "unsettled", r->unsettled);
    buf_puts(out, ",\"damage\":{");
    put_members(out, names, r->damage, STORE_DAMAGE_KINDS);
    buf_puts(out, "},\"places\":[");
    for (size_t i = 0; i < r->place_count; i++) {
        if (i)
            buf_putc(out, ',');
        put_place(&r->places[i], out);
    }
    buf_puts(out, "]}");
}

/* One step a turn. A hub that stops does not wait for the end. */
static void verify_step(struct errand *errand, void *where)
{
    struct admin *a = admin_of(errand);
    struct worker *w = where;
    bool done = false;
    enum err e = w->loop.draining ? ERR_CLOSED : store_verify_step(a->verify, &done);
    if (e == ERR_OK && !done) {
        errand_to_worker(errand, w->loop.index, verify_step);
        return;
    }
    if (e == ERR_OK)
        put_report(store_verify_report(a->verify), &a->text);
    errand_home(errand, e);
}

void admin_verify(struct admin *a)
{
    struct worker *w = a->errand.home;
    enum err e = store_verify_create(w->replay.store, &a->verify);
    if (e == ERR_OK)
        errand_to_worker(&a->errand, w->loop.index, verify_step);
    else
        errand_home(&a->errand, e);
}
