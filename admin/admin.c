#include "admin/admin.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin_document.h"
#include "base/now.h"
#include "broker/broker_remove.h"
#include "broker/cursor.h"
#include "broker/interest.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "delivery/envelope.h"
#include "delivery/scan.h"

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
    admin_count(a);
    if (e->result == ERR_OK && a->text.failed)
        e->result = ERR_NOMEM;
    a->done(a);
}

struct admin *admin_create(struct conn *c, void (*done)(struct admin *a), void *owner)
{
    struct admin *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    errand_init(&a->errand, worker_of(c), come_home);
    a->done = done;
    a->owner = owner;
    a->asker = c;
    conn_hold(c);
    return a;
}

void admin_destroy(struct admin *a)
{
    if (!a)
        return;
    store_verify_destroy(a->verify);
    buf_finish(&a->text);
    free(a->word);
    conn_release(a->asker);
    free(a);
}

void admin_count(struct admin *a)
{
    size_t walk = a->walk.cap * sizeof(struct conn *);
    atomic_store_explicit(&a->held, sizeof(*a) + a->text.cap + a->word_len + walk,
                          memory_order_relaxed);
}

bool admin_goes_on(struct admin *a)
{
    admin_count(a);
    if (conn_state(a->asker) == CONN_CLOSED)
        return false;
    conn_touch(a->asker); /* to be counted */
    return true;
}

enum err admin_keep_word(struct admin *a, const char *word, size_t n)
{
    a->word = malloc(n + 1);
    if (!a->word)
        return ERR_NOMEM;
    memcpy(a->word, word, n);
    a->word[n] = '\0';
    a->word_len = n;
    return ERR_OK;
}

/* --- topics --- */

static void put_subscribers(struct worker *w, const struct topic *t, struct buf *out)
{
    uint32_t count[INTEREST_TRANSPORTS];
    interest_count(hub_interest(w->hub), t->name, t->name_len, count);
    buf_puts(out, ",\"subscribers\":{");
    bool any = false;
    for (unsigned i = 0; i < transport_count(); i++) {
        if (!transports[i]->subscribes)
            continue;
        buf_printf(out, "%s\"%s\":%u", any ? "," : "", transport_name(i), count[i]);
        any = true;
    }
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
        admin_put_cursor(w, first, out);
    else
        buf_puts(out, "null");
    return e;
}

static enum err put_topic(struct worker *w, struct scan *scan, const struct topic *t,
                          struct buf *out)
{
    buf_puts(out, "{\"topic\":");
    envelope_json_string(out, t->name, t->name_len);
    admin_put_number(out, "messages", t->messages);
    admin_put_number(out, "bytes", t->bytes);
    enum err e = put_first(w, scan, t, out);
    buf_puts(out, ",\"last\":");
    if (t->last)
        admin_put_cursor(w, t->last, out);
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
        if (!topic_matches_any(a->word, a->word_len, t->name, t->name_len))
            continue;
        admin_put_comma(&a->text);
        e = put_topic(w, scan, t, &a->text);
    }
    if (!t || a->at > a->until)
        a->at = a->until;
    return e == ERR_OK && a->text.len > ADMIN_TEXT_MAX ? ERR_LIMIT : e;
}

static void topics_step(struct errand *errand, void *where)
{
    struct admin *a = admin_of_errand(errand);
    struct worker *w = where;
    struct scan scan;
    enum err e = scan_init(&scan, w);
    if (e == ERR_OK) {
        e = add_topics(a, w, &scan);
        scan_finish(&scan);
    }
    if (e == ERR_OK && a->at < a->until && admin_goes_on(a)) {
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
    if (admin_keep_word(a, pattern, n) == ERR_OK)
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
        for (unsigned k = 0; k < transport_count(); k++)
            ret->connections[k] += other->conns_by_transport[k];
    }
}

static void put_connections(const struct admin_totals *t, struct buf *out)
{
    const char *names[TRANSPORTS_MAX];
    for (unsigned i = 0; i < transport_count(); i++)
        names[i] = transport_name(i);
    admin_put_members(out, names, t->connections, transport_count());
}

/* NUMBER and AT of the job are the size of the log, and what is in use of it. */
static void put_stats(const struct worker *w, const struct admin_totals *t, struct admin *a)
{
    struct buf *out = &a->text;
    struct hub_stats s;
    hub_read_stats(w->hub, &s);
    buf_puts(out, "{\"version\":\"" LONGWIRE_VERSION "\"");
    admin_put_number(out, "uptime_seconds", t->uptime_s);
    admin_put_number(out, "epoch", hub_log(w->hub)->epoch);
    buf_puts(out, ",\"head\":");
    admin_put_cursor(w, hub_head(w->hub), out);
    admin_put_number(out, "topics", t->topics);
    admin_put_number(out, "topics_forgotten", s.forgotten);
    admin_put_number(out, "messages", t->messages);
    admin_put_number(out, "bytes", t->bytes);
    admin_put_number(out, "log_bytes", a->number);
    admin_put_number(out, "log_used_bytes", a->at);
    admin_put_number(out, "log_damaged", s.damaged);
    admin_put_number(out, "workers", hub_workers(w->hub));
    buf_printf(out, ",\"io_uring\":%s", w->loop.process->io_uring ? "true" : "false");
    admin_put_number(out, "commits", s.commits);
    admin_put_number(out, "published", s.published);
    admin_put_number(out, "expired", s.expired);
    admin_put_number(out, "queued_bytes", s.queued_bytes);
    admin_put_number(out, "peer_bytes", peer_memory_held(w->loop.book.memory));
    admin_put_number(out, "peer_bytes_peak", w->loop.book.memory->peak);
    buf_puts(out, ",\"connections\":{");
    put_connections(t, out);
    buf_puts(out, "},\"counters\":{");
    admin_put_members(out, counter_names, t->counters, COUNTER_COUNT);
    buf_puts(out, "}}");
}

static void stats_at_home(struct errand *e, void *where)
{
    struct admin *a = admin_of_errand(e);
    struct admin_totals totals;
    admin_total(where, &totals);
    put_stats(where, &totals, a);
    errand_home(e, ERR_OK);
}

static void stats_at_broker(struct errand *e, void *where)
{
    admin_of_errand(e)->number = broker_log_bytes(where);
    admin_of_errand(e)->at = broker_log_used(where);
    errand_to_worker(e, e->home->loop.index, stats_at_home);
}

void admin_stats(struct admin *a)
{
    errand_to_broker(&a->errand, stats_at_broker);
}

/* --- the log --- */

static void purge_step(struct errand *e, void *where)
{
    struct admin *a = admin_of_errand(e);
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
    struct admin *a = admin_of_errand(errand);
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
    admin_put_number(&a->text, "bytes", c->bytes);
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
    enum err e = admin_keep_word(a, path, n);
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
        admin_put_number(out, unit, p->number);
    if (p->topic_id)
        admin_put_number(out, "topic_id", p->topic_id);
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
    admin_put_number(out, "damaged", store_report_damaged(r));
    admin_put_number(out, "topics", r->topics);
    admin_put_number(out, "blocks", r->blocks);
    admin_put_number(out, "groups", r->groups);
    admin_put_number(out, "unsettled", r->unsettled);
    buf_puts(out, ",\"damage\":{");
    admin_put_members(out, names, r->damage, STORE_DAMAGE_KINDS);
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
    struct admin *a = admin_of_errand(errand);
    struct worker *w = where;
    bool done = false;
    enum err e = w->loop.draining ? ERR_CLOSED : store_verify_step(a->verify, &done);
    if (e == ERR_OK && !done && admin_goes_on(a)) {
        errand_to_worker(errand, w->loop.index, verify_step);
        return;
    }
    if (e == ERR_OK && done)
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
