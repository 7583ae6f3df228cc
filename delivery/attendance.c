#include "delivery/attendance.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/now.h"
#include "broker/filter.h"
#include "broker/presence.h"
#include "broker/topic_name.h"
#include "delivery/description.h"
#include "delivery/errand.h"
#include "delivery/presence_json.h"
#include "delivery/stream.h"
#include "delivery/worker.h"
#include "net/turn.h"

enum {
    CLERK = 0,          /* the number of its worker */
    LINGERS_MAX = 1024, /* ended in one turn */
    RETRY_MS = 1000,    /* after a publish that failed */
    FULL_MS = 50,       /* while the hub's queue is full */
    STEP_CONNS = 128,   /* connections that are looked through in one turn */
    REFUSED_MS = 60000, /* how often it is told that there is no topic left */
};

static const void *(*person_of_conn)(const struct conn *c);
static const struct presence_people *people_of_conns;
static void (*told_listener)(void *ctx, const struct message *m, bool leaving, uint32_t number);
static void *told_ctx;

void attendance_set_people(const struct presence_people *people,
                           const void *(*person_of)(const struct conn *c))
{
    people_of_conns = people;
    person_of_conn = person_of;
}

void attendance_set_listener(void (*told)(void *ctx, const struct message *m, bool leaving,
                                          uint32_t number),
                             void *ctx)
{
    told_listener = told;
    told_ctx = ctx;
}

static struct presence *presence_of(const struct worker *w)
{
    return hub_presence(w->hub);
}

/* --- coming and going --- */

static void serve_call(struct hub_call *call, void *where);

static void wake_clerk(struct worker *w)
{
    if (w->loop.draining)
        return; /* as serve() */
    w->attendance.wake.run = serve_call;
    hub_call_worker(w->hub, CLERK, &w->attendance.wake);
}

/* Whether subscribers of F are members there. */
static bool is_present(const struct worker *w, struct filter *f)
{
    if (f->present_serial == w->attendance.serial)
        return f->present;
    f->present_serial = w->attendance.serial;
    f->present =
        !f->pattern && presence_rules_have(&w->attendance.settings->presence, f->name, f->len);
    return f->present;
}

static struct presence_place place_of(const struct worker *w, const struct filter *f,
                                      const struct conn *c)
{
    return (struct presence_place){
        .topic = f->name,
        .topic_len = f->len,
        .conn = conn_number(c),
        .person = person_of_conn ? person_of_conn(c) : NULL,
        .unix_ms = hub_clock_ms(w->hub),
    };
}

enum err attendance_subscribed(struct worker *w, struct filter *f, unsigned transport,
                               struct conn *c)
{
    if (!is_present(w, f) || !c || !transports[transport]->attends)
        return ERR_OK;
    bool wake;
    struct presence_place at = place_of(w, f, c);
    f->was_present = true;
    enum err e = presence_enter(presence_of(w), &at, &wake);
    if (wake)
        wake_clerk(w);
    return e;
}

void attendance_unsubscribed(struct worker *w, struct filter *f, struct conn *c)
{
    if (!f->was_present || !c)
        return;
    bool wake;
    presence_leave(presence_of(w), f->name, f->len, conn_number(c), now_monotonic_ms(), &wake);
    if (wake)
        wake_clerk(w);
}

/* --- looking through connections --- */

/* Makes it so that C has as many subscriptions to F as it has: one, and those that are about to be
 * the same. */
static enum err set_seat(struct worker *w, struct filter *f, const struct conn *c, uint32_t count)
{
    bool wake;
    struct presence_place at = place_of(w, f, c);
    f->was_present |= count > 0;
    enum err e = presence_set(presence_of(w), &at, count, now_monotonic_ms(), &wake);
    if (wake)
        wake_clerk(w);
    return e;
}

static uint32_t count_joiners(const struct stream *s, const struct filter *f)
{
    const struct joiner *j = NULL;
    const char *name;
    size_t n;
    uint32_t count = 0;
    while (s && (j = stream_next_joiner(s, j, &name, &n)))
        count += j->sub.feed->filters[0] == f;
    return count;
}

static enum err look_at_set(struct worker *w, const struct description *d, const struct conn *c)
{
    enum err e = ERR_OK;
    for (uint32_t i = 0; d->feed && i < d->feed->filter_count && e == ERR_OK; i++) {
        struct filter *f = d->feed->filters[i];
        if (is_present(w, f))
            e = set_seat(w, f, c, 1 + count_joiners(d->stream, f));
        else if (f->was_present)
            e = set_seat(w, f, c, 0);
    }
    return e;
}

static enum err look_at_joiners(struct worker *w, const struct description *d, const struct conn *c)
{
    const struct joiner *j = NULL;
    const char *name;
    size_t n;
    enum err e = ERR_OK;
    while (d->stream && e == ERR_OK && (j = stream_next_joiner(d->stream, j, &name, &n))) {
        struct filter *f = j->sub.feed->filters[0];
        if (feed_has(w->feeds, d->feed, name, n))
            continue;
        if (is_present(w, f))
            e = set_seat(w, f, c, count_joiners(d->stream, f));
        else if (f->was_present)
            e = set_seat(w, f, c, 0);
    }
    return e;
}

/* Brings what is known of C in line with its subscriptions. */
static enum err look_at(struct conn *c)
{
    struct worker *w = worker_of(c);
    struct description d = {0};
    if (c->counted_as >= transport_count() || !transports[c->counted_as]->attends ||
        !c->protocol->describe)
        return ERR_OK;
    c->protocol->describe(c, &d);
    enum err e = look_at_set(w, &d, c);
    return e == ERR_OK ? look_at_joiners(w, &d, c) : e;
}

void attendance_known(struct conn *c)
{
    if (worker_of(c)->attendance.serial && look_at(c) != ERR_OK)
        conn_close(c, CLOSE_NOMEM);
}

/* All connections of a worker; an errand of its own. */
struct round {
    struct errand errand; /* first */
    uint32_t serial;      /* of the rules for which it is made */
    struct conn **conns;  /* held */
    size_t count, next, cap;
    bool incomplete;
};

static void end_round(struct errand *e)
{
    struct round *r = (struct round *)e;
    while (r->next < r->count)
        conn_release(r->conns[r->next++]);
    if (r->incomplete)
        log_error("out of memory: members that were there before presence was switched on are "
                  "missing until they come again");
    free(r->conns);
    free(r);
}

static void go_round(struct errand *e, void *where)
{
    struct round *r = (struct round *)e;
    struct worker *w = where;
    for (int i = 0; i < STEP_CONNS && r->next < r->count; i++) {
        struct conn *c = r->conns[r->next++];
        if (conn_state(c) != CONN_CLOSED)
            r->incomplete |= look_at(c) != ERR_OK;
        conn_release(c);
    }
    if (r->next < r->count && r->serial == w->attendance.serial && !w->loop.draining)
        errand_to_worker(e, w->loop.index, go_round);
    else
        errand_home(e, ERR_OK);
}

static void note_conn(struct conn *c, void *ctx)
{
    struct round *r = ctx;
    if (r->count == r->cap)
        return; /* there are no more than were counted */
    conn_hold(c);
    r->conns[r->count++] = c;
}

static void begin_round(struct worker *w)
{
    struct round *r = calloc(1, sizeof(*r));
    if (r)
        r->conns = calloc(w->loop.conns + 1, sizeof(struct conn *));
    if (!r || !r->conns) {
        free(r);
        log_error("out of memory: presence begins with those who come from now on");
        return;
    }
    errand_init(&r->errand, w, end_round);
    r->cap = w->loop.conns;
    r->serial = w->attendance.serial;
    turn_each_conn(&w->loop, note_conn, r);
    errand_to_worker(&r->errand, w->loop.index, go_round);
}

static void take_settings(struct worker *w)
{
    struct settings *former = w->attendance.settings;
    w->attendance.settings = settings_ref(w->settings);
    settings_unref(former);
    if (w->loop.index == CLERK)
        presence_set_linger(presence_of(w), w->settings->presence_linger_ms);
}

void attendance_begin(struct worker *w)
{
    struct attendance *a = &w->attendance;
    a->serial = w->settings->presence.any;
    a->due_ms = UINT64_MAX;
    a->batch = ATTENDANCE_TELL_MAX;
    if (w->loop.index == CLERK)
        presence_set_people(presence_of(w), people_of_conns);
    take_settings(w);
}

/* Others have come. */
static void change_settings(struct worker *w)
{
    bool same = presence_rules_equal(&w->attendance.settings->presence, &w->settings->presence);
    take_settings(w);
    if (same)
        return;
    w->attendance.serial++;
    begin_round(w);
}

/* --- the clerk --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static struct message *message_of(const struct presence_member *m)
{
    char topic[TOPIC_NAME_MAX];
    struct buf text = {0};
    presence_json_event(m, &text);
    struct message_init init = {
        .topic = topic,
        .topic_len = presence_topic_of(m->topic, m->topic_len, topic),
        .payload = text.data,
        .payload_len = text.len,
        .event = m->leaving ? "leave" : "join",
        .event_len = strlen(m->leaving ? "leave" : "join"),
        .kind = MESSAGE_JSON,
    };
    struct message *message = text.failed ? NULL : message_create(&init);
    buf_finish(&text);
    return message;
}

static bool take(void *ctx, const struct presence_member *m)
{
    struct attendance *a = ctx;
    struct message *message = message_of(m);
    if (!message)
        return false;
    a->leaving[a->count] = m->leaving;
    a->numbers[a->count] = m->number;
    a->told[a->count++] = message;
    return true;
}

static void drop_told(struct attendance *a)
{
    while (a->count)
        message_unref(a->told[--a->count]);
}

static void try_later(struct worker *w, uint64_t ms)
{
    w->attendance.retry_ms = loop_now(&w->loop) + ms;
    w->attendance.due_ms = least(w->attendance.due_ms, w->attendance.retry_ms);
}

/* All of them were told. */
static void note_told(struct worker *w)
{
    const struct attendance *a = &w->attendance;
    for (uint32_t i = 0; i < a->count; i++) {
        counter_add(&w->loop.counters,
                    a->leaving[i] ? COUNTER_presence_leaves : COUNTER_presence_joins, 1);
        if (told_listener)
            told_listener(told_ctx, a->told[i], a->leaving[i], a->numbers[i]);
    }
}

/* There is no topic left for the only one that was to be told: nobody can follow it, and others
 * have to be told. */
static void give_up_on(struct worker *w)
{
    counter_add(&w->loop.counters, COUNTER_presence_untold, 1);
    log_warn("who comes and goes at %s is not told: the hub has as many topics as hub.max_topics "
             "allows",
             w->attendance.told[0]->topic_name);
}

static void serve(struct worker *w);

static void came_back(struct publish *p, void *where)
{
    struct worker *w = where;
    struct attendance *a = &w->attendance;
    enum err e = p->result;
    bool refused = e == ERR_LIMIT && a->count == 1;
    publish_free(p);
    if (e == ERR_OK)
        note_told(w);
    else if (refused)
        give_up_on(w);
    a->batch = e == ERR_LIMIT && !refused ? 1 : refused ? 1 : ATTENDANCE_TELL_MAX;
    drop_told(a);
    presence_told(presence_of(w), e == ERR_OK || refused, loop_now(&w->loop));
    if (e != ERR_OK && e != ERR_LIMIT)
        try_later(w, RETRY_MS);
    serve(w);
}

/* Publishes what was taken; false: out of memory. */
static bool publish_all(struct worker *w)
{
    const struct attendance *a = &w->attendance;
    struct publish *p = publish_create(a->count);
    if (!p)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        publish_set(p, i, message_ref(a->told[i]));
    p->worker = w->loop.index;
    p->uncounted = true;
    p->came_back = came_back;
    hub_publish(w->hub, p, p);
    return true;
}

static void tell(struct worker *w)
{
    struct attendance *a = &w->attendance;
    if (hub_is_full(w->hub)) {
        try_later(w, FULL_MS);
        return;
    }
    if (presence_tell(presence_of(w), a->batch, hub_head(w->hub), take, a) && publish_all(w))
        return;
    if (a->count)
        presence_told(presence_of(w), false, loop_now(&w->loop));
    drop_told(a);
    try_later(w, RETRY_MS);
}

static void serve(struct worker *w)
{
    struct attendance *a = &w->attendance;
    struct presence *p = presence_of(w);
    uint64_t now = loop_now(&w->loop);
    if (w->loop.draining)
        return; /* nobody is to hear of it: see broker_remember */
    a->due_ms = presence_end_lingers(p, now, w->loop.clock.lost_ms, LINGERS_MAX);
    if (!presence_is_due(p))
        return;
    if (now >= a->retry_ms)
        tell(w);
    else
        a->due_ms = least(a->due_ms, a->retry_ms);
}

/* Nobody sends the call again before this: it may be in one list of calls alone. */
static void serve_call(struct hub_call *call, void *where)
{
    struct worker *w = where;
    (void)call;
    presence_awake(presence_of(w));
    serve(w);
}

void attendance_check(struct worker *w)
{
    if (w->attendance.settings != w->settings)
        change_settings(w);
    if (w->attendance.due_ms <= loop_now(&w->loop))
        serve(w);
}

uint64_t attendance_wait_ms(const struct worker *w)
{
    uint64_t now = loop_now(&w->loop), due = w->attendance.due_ms;
    return due == UINT64_MAX ? UINT64_MAX : due > now ? due - now : 0;
}

void attendance_finish(struct worker *w)
{
    drop_told(&w->attendance);
    settings_unref(w->attendance.settings);
}
