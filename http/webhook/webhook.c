#include "http/webhook/webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "broker/roll.h"
#include "broker/topic_name.h"
#include "delivery/attendance.h"
#include "delivery/errand.h"
#include "delivery/worker.h"
#include "http/webhook/webhook_sender.h"
#include "http/webhook/webhook_text.h"

enum {
    TELL_MAX = 64, /* changes told at once */
    RETRY_MS = 1000,
    FULL_MS = 50, /* while the hub's queue is full */
};

/* What is noted of one name. */
struct mark {
    char note[ROLL_NOTE_SIZE];
    struct buf value; /* owned; empty: nothing any more */
};

/* All zero but on worker 0, where there are hooks. */
static struct clerk {
    struct worker *worker;
    struct roll *roll;
    struct hub_call wake;
    uint64_t run;
    uint64_t next;     /* the number of the next event */
    uint64_t due_ms;   /* when it looks at the roll again; UINT64_MAX = when it is woken */
    uint64_t retry_ms; /* not before that, since it could not be told */
    bool busy;         /* telling: */
    struct errand errand;
    struct message *events[TELL_MAX]; /* references */
    uint32_t event_count;
    bool troubled; /* it could not be told, and the log says so */
    struct mark comings[TELL_MAX], goings[TELL_MAX];
    uint32_t coming_count, going_count;
    char next_text[24];
} clerk;

/* --- what is to be told --- */

static struct message *message_of(const struct roll_change *c)
{
    const struct webhook_id id = {clerk.next + clerk.event_count, clerk.run};
    const char *name = webhook_event_name(webhook_event_of(c));
    struct buf text = {0};
    webhook_put_event(&text, &id, hub_clock_ms(clerk.worker->hub), c);
    struct message_init init = {
        .topic = TOPIC_HOOKS_EVENTS,
        .topic_len = sizeof(TOPIC_HOOKS_EVENTS) - 1,
        .payload = text.data,
        .payload_len = text.len,
        .event = name,
        .event_len = strlen(name),
        .kind = MESSAGE_JSON,
    };
    struct message *m = text.failed ? NULL : message_create(&init);
    buf_finish(&text);
    return m;
}

static bool take_event(const struct roll_change *c)
{
    if (!(clerk.worker->settings->hooks.events & 1u << webhook_event_of(c)))
        return true;
    struct message *m = message_of(c);
    if (m)
        clerk.events[clerk.event_count++] = m;
    return m;
}

static bool take(void *ctx, const struct roll_change *c)
{
    struct mark *m =
        c->going ? &clerk.goings[clerk.going_count] : &clerk.comings[clerk.coming_count];
    (void)ctx;
    snprintf(m->note, sizeof(m->note), "%s", c->note);
    if (!c->going) {
        buf_putc(&m->value, c->member ? 'm' : 't');
        buf_append(&m->value, c->name, c->len);
    }
    if (m->value.failed || !take_event(c)) {
        buf_finish(&m->value);
        return false;
    }
    *(c->going ? &clerk.going_count : &clerk.coming_count) += 1;
    return true;
}

static void drop_all(void)
{
    while (clerk.event_count)
        message_unref(clerk.events[--clerk.event_count]);
    while (clerk.coming_count)
        buf_finish(&clerk.comings[--clerk.coming_count].value);
    clerk.going_count = 0;
}

/* --- telling it --- */

static void serve(void);

/* It was told, or is to be told again. */
static void end(bool done)
{
    clerk.busy = false;
    drop_all();
    roll_told(clerk.roll, done);
    clerk.retry_ms = done ? 0 : loop_now(&clerk.worker->loop) + RETRY_MS;
    clerk.due_ms = clerk.retry_ms;
    serve();
}

/* To be told again; said once until it works. */
static void give_up(enum err e)
{
    if (!clerk.troubled)
        log_warn("hooks: events cannot be stored, and are told later: %s", err_text(e));
    clerk.troubled = true;
    end(false);
}

static void goings_noted(struct errand *e)
{
    if (e->result != ERR_OK)
        log_warn("hooks: what has ended may be told again after a restart: %s",
                 err_text(e->result));
    end(true);
}

static void note_goings(struct errand *e, void *where)
{
    struct store_note notes[TELL_MAX];
    for (uint32_t i = 0; i < clerk.going_count; i++)
        notes[i] = (struct store_note){clerk.goings[i].note, NULL, 0};
    errand_home(e, broker_put_notes(where, notes, clerk.going_count));
}

static void all_told(void)
{
    if (!clerk.going_count) {
        end(true);
        return;
    }
    errand_init(&clerk.errand, clerk.worker, goings_noted);
    errand_to_broker(&clerk.errand, note_goings);
}

static void came_back(struct publish *p, void *where)
{
    enum err e = p->result;
    (void)where;
    publish_free(p);
    if (e != ERR_OK) {
        give_up(e);
        return;
    }
    clerk.troubled = false;
    clerk.next += clerk.event_count;
    counter_add(&clerk.worker->loop.counters, COUNTER_hooks_events, clerk.event_count);
    webhook_sender_more(clerk.next - 1);
    all_told();
}

static bool publish_all(void)
{
    struct publish *p = publish_create(clerk.event_count);
    if (!p)
        return false;
    for (uint32_t i = 0; i < clerk.event_count; i++)
        publish_set(p, i, message_ref(clerk.events[i]));
    p->worker = clerk.worker->loop.index;
    p->uncounted = true;
    p->came_back = came_back;
    hub_publish(clerk.worker->hub, p, p);
    return true;
}

static void comings_noted(struct errand *e)
{
    if (e->result != ERR_OK)
        give_up(e->result);
    else if (!clerk.event_count)
        all_told();
    else if (!publish_all())
        give_up(ERR_NOMEM);
}

/* And the number that nobody has behind these. */
static void note_comings(struct errand *e, void *where)
{
    struct store_note notes[TELL_MAX + 1];
    uint32_t n = 0;
    for (; n < clerk.coming_count; n++) {
        const struct mark *m = &clerk.comings[n];
        notes[n] = (struct store_note){m->note, m->value.data, m->value.len};
    }
    if (clerk.event_count)
        notes[n++] = (struct store_note){roll_note_next, clerk.next_text, strlen(clerk.next_text)};
    errand_home(e, n ? broker_put_notes(where, notes, n) : ERR_OK);
}

static void tell(void)
{
    clerk.busy = true;
    snprintf(clerk.next_text, sizeof(clerk.next_text), "%" PRIu64, clerk.next + clerk.event_count);
    errand_init(&clerk.errand, clerk.worker, comings_noted);
    errand_to_broker(&clerk.errand, note_comings);
}

static void serve(void)
{
    struct worker *w = clerk.worker;
    uint64_t wait, now = loop_now(&w->loop);
    if (clerk.busy || w->loop.draining || now < clerk.due_ms)
        return; /* a hub that stops tells nobody: whoever was here comes back, or goes then */
    if (hub_is_full(w->hub)) {
        clerk.due_ms = now + FULL_MS;
        return;
    }
    uint32_t taken = roll_take(clerk.roll, now, TELL_MAX, take, NULL, &wait);
    if (taken)
        tell();
    else if (wait == 0)
        clerk.due_ms = clerk.retry_ms = now + RETRY_MS; /* out of memory */
    else
        clerk.due_ms = wait == UINT64_MAX ? wait : now + wait;
}

/* --- what it is told --- */

static void awake(struct hub_call *call, void *where)
{
    (void)call;
    (void)where;
    if (!clerk.worker)
        return;
    roll_awake(clerk.roll);
    clerk.due_ms = clerk.retry_ms;
    serve();
}

/* By whoever changes the roll. */
static void wake(void *ctx)
{
    clerk.wake.run = awake;
    hub_call_worker(ctx, WEBHOOK_CLERK, &clerk.wake);
}

/* M has been told in _presence/TOPIC. */
static void member_told(void *ctx, const struct message *m, bool leaving, uint32_t number)
{
    static const size_t above = sizeof(TOPIC_PRESENCE "/") - 1;
    const char *topic = m->topic->name + above;
    size_t n = m->topic->name_len - above, rest;
    struct buf name = {0};
    (void)ctx;
    (void)number;
    if (!roll_has(clerk.roll, topic, n) ||
        !webhook_put_member(&name, topic, n, m->payload, m->payload_len, &rest))
        return;
    struct roll_change c = {
        .name = name.data,
        .len = name.len,
        .more = m->payload + rest,
        .more_len = m->payload_len - rest - 1, /* without the brace */
        .member = true,
        .going = leaving,
    };
    enum err e = name.failed ? ERR_NOMEM : roll_member(clerk.roll, &c);
    if (e != ERR_OK)
        log_warn("hooks: who comes or goes at %s is not told: %s", topic, err_text(e));
    buf_finish(&name);
}

/* --- life --- */

static void begin(struct hub_call *call, void *where)
{
    struct worker *w = where;
    uint64_t last = 0;
    (void)call;
    clerk.worker = w;
    clerk.roll = hub_roll(w->hub);
    (void)!getrandom(&clerk.run, sizeof(clerk.run), 0);
    if (webhook_sender_last(w, &last) != ERR_OK)
        log_warn("hooks: the newest events in the log cannot be read");
    clerk.next = last ? last + 1 : roll_start_of(clerk.roll)->next;
    webhook_sender_begin(w);
    webhook_sender_more(clerk.next - 1);
    attendance_set_listener(member_told, NULL);
    roll_set_wake(clerk.roll, wake, w->hub);
    serve();
}

void webhook_begin(struct hub *h)
{
    static struct hub_call call = {.run = begin};
    if (hub_roll(h))
        hub_call_worker(h, WEBHOOK_CLERK, &call);
}

/* Other workers do not look at what is the clerk's. */
static bool is_clerk(const struct worker *w)
{
    return w->loop.index == WEBHOOK_CLERK && clerk.worker;
}

static void end_turn(struct worker *w)
{
    if (!is_clerk(w))
        return;
    serve();
    webhook_sender_check();
}

static uint64_t wait_ms(const struct worker *w)
{
    if (!is_clerk(w) || w->loop.draining)
        return UINT64_MAX;
    uint64_t now = loop_now(&w->loop), wait = webhook_sender_wait_ms();
    if (clerk.busy || clerk.due_ms == UINT64_MAX)
        return wait;
    uint64_t own = clerk.due_ms > now ? clerk.due_ms - now : 0;
    return own < wait ? own : wait;
}

static void end_thread(struct worker *w)
{
    if (!is_clerk(w))
        return;
    roll_set_wake(clerk.roll, NULL, NULL);
    attendance_set_listener(NULL, NULL);
    drop_all();
    clerk.worker = NULL;
    webhook_sender_finish();
}

const struct frontend webhook_frontend = {
    .part = {.end_turn = end_turn, .wait_ms = wait_ms, .end_thread = end_thread}};

void webhook_put_status(struct worker *w, struct buf *out)
{
    if (!is_clerk(w)) {
        buf_puts(out, "{\"on\":false}");
        return;
    }
    buf_printf(out, "{\"on\":true,\"here\":%" PRIu64, roll_names(clerk.roll));
    webhook_sender_put(out);
    buf_putc(out, '}');
}
