#include "delivery/worker_thread.h"

#include <signal.h>
#include <stdlib.h>

#include "base/deflate.h"
#include "base/log.h"
#include "base/now.h"
#include "base/spare.h"
#include "broker/topic_table.h"
#include "delivery/attendance.h"
#include "delivery/fanout.h"
#include "delivery/lagging.h"
#include "delivery/packing.h"
#include "delivery/stream.h"
#include "delivery/stream_table.h"
#include "net/holding.h"
#include "net/listener.h"
#include "net/turn.h"

enum {
    REFUSALS_APART_MS = 60000, /* without one for so long: the next one is told again */
    /* How often paused publishers and listeners are looked at when nothing else happens. */
    PAUSED_CHECK_MS = 50,
};

/* --- mail --- */

static void count_answer(struct worker *w, const struct publish *p)
{
    if (p->result == ERR_CONFLICT)
        counter_add(&w->loop.counters, COUNTER_publish_conflicts, 1);
    else if (p->result != ERR_OK)
        counter_add(&w->loop.counters, COUNTER_publish_errors, 1);
    for (uint32_t i = 0; i < p->count && p->result == ERR_OK; i++)
        counter_add(&w->loop.counters, COUNTER_publish_duplicates, p->items[i].duplicate);
}

static void answer_conn(struct worker *w, struct publish *p)
{
    struct conn *c = p->owner;
    count_answer(w, p);
    if (conn_state(c) != CONN_CLOSED && c->protocol->answered)
        c->protocol->answered(c, p);
    publish_free(p);
    conn_release(c);
}

static void handle_answers(struct worker *w, struct publish *list)
{
    while (list) {
        struct publish *p = list;
        list = p->next;
        if (p->owner)
            answer_conn(w, p);
        else
            p->came_back(p, w);
    }
}

static void handle_calls(struct worker *w, struct hub_call *list)
{
    while (list) {
        struct hub_call *next = list->next;
        list->run(list, w);
        list = next;
    }
}

void worker_take_mail(struct worker *w)
{
    hub_take_mail(w->hub, w->loop.index, &w->mail);
    fanout_batches(w, w->mail.batches, w->mail.batch_count);
    w->mail.batch_count = 0;
    handle_answers(w, w->mail.answers);
    handle_calls(w, w->mail.calls);
}

/* Something happens, on this thread alone: the first of it begins a turn. */
static void begin_turn(struct worker *w)
{
    loop_update_clock(&w->loop);
    topic_table_enter(hub_topics(w->hub), &w->topics);
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    begin_turn(w); /* which takes it */
}

/* A batch is in every worker's mail before any publisher gets its answer. So a request that
 * somebody made because of an answer, on whatever worker, finds the message there if the mail is
 * taken between finding out that there is a request and reading it. */
static void serve_conns(struct worker *w)
{
    turn_collect(&w->loop);
    worker_take_mail(w);
    turn_serve(&w->loop);
}

/* What was read is handed over at once. What was in memory only is here again, and goes out in the
 * same turn as its answers. */
static void publish_what_was_read(struct worker *w)
{
    if (!w->publishes)
        return;
    worker_submit_publishes(w);
    worker_take_mail(w);
}

/* --- turns --- */

/* What the frontends have to do behind everything else. */
static void end_frontends(struct worker *w)
{
    for (const struct frontend *const *f = w->frontends; *f; f++)
        if ((*f)->part.end_turn)
            (*f)->part.end_turn(w);
}

static void count_packed(struct worker *w)
{
    struct packing_tally tally = packing_take_tally();
    if (!tally.messages)
        return;
    counter_add(&w->loop.counters, COUNTER_compressed, tally.messages);
    counter_add(&w->loop.counters, COUNTER_compressed_plain_bytes, tally.plain_bytes);
    counter_add(&w->loop.counters, COUNTER_compressed_bytes, tally.packed_bytes);
}

static void end_frontends_of_thread(struct worker *w)
{
    for (const struct frontend *const *f = w->frontends; *f; f++)
        if ((*f)->part.end_thread)
            (*f)->part.end_thread(w);
}

static void count_turn(struct worker *w)
{
    struct counters *c = &w->loop.counters;
    uint64_t most = w->loop.work.most;
    bool waits = turn_work_left(&w->loop);
    enum budget_change change = budget_end_turn(&w->loop.work, w->loop.now_ms, waits);
    counter_add(c, COUNTER_turns, 1);
    counter_add(c, COUNTER_turns_full, waits);
    counter_add(c, COUNTER_work, w->loop.work.done - w->loop.work.turn_from);
    counter_add(c, COUNTER_turn_work_max, w->loop.work.most - most);
    if (change == BUDGET_SHORT)
        log_warn("clients of worker %u ask for more than a turn has room for: each gets a slice, "
                 "%zu wait for the next one",
                 w->loop.index, backlog_count(&w->loop.backlog));
    else if (change == BUDGET_ENOUGH)
        log_info("clients of worker %u ask for no more than it can do at once again",
                 w->loop.index);
}

/* Those who wait for another slice come behind the others, whose publishes and answers are on their
 * way by then. */
static void go_on_with_backlog(struct worker *w)
{
    if (!backlog_count(&w->loop.backlog))
        return;
    turn_end(&w->loop);
    worker_submit_publishes(w);
    turn_go_on(&w->loop);
    publish_what_was_read(w);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t wait_ms_of_frontends(const struct worker *w)
{
    uint64_t wait = UINT64_MAX;
    for (const struct frontend *const *f = w->frontends; *f; f++)
        if ((*f)->part.wait_ms)
            wait = least(wait, (*f)->part.wait_ms(w));
    return wait;
}

/* How long nothing has to be done unless something happens. */
static uint64_t wait_ms(const struct worker *w)
{
    const struct loop *l = &w->loop;
    uint64_t wait = least(wheel_wait_ms(&l->wheel, l->now_ms), loop_awaited_ms(l));
    if (w->paused_count || l->draining || listener_any_paused(l))
        wait = least(wait, PAUSED_CHECK_MS);
    if (budget_tells_later(&l->work))
        wait = least(wait, BUDGET_TELL_MS);
    wait = least(wait, lagging_wait_ms(w));
    wait = least(wait, wait_ms_of_frontends(w));
    wait = least(wait, attendance_wait_ms(w));
    wait = least(wait, refusals_wait_ms(&w->refusals, l->now_ms));
    return least(wait, holding_wait_ms(l));
}

static void after_timer(struct loop *l)
{
    if (l->timer_fired)
        listener_resume_all(l);
    l->timer_fired = false;
}

/* True when there is more to do at once. */
static bool run_turn(struct worker *w)
{
    budget_begin_turn(&w->loop.work);
    after_timer(&w->loop);
    serve_conns(w);
    publish_what_was_read(w);
    bool more = turn_deadlines(&w->loop);
    worker_resume_publishers(w);
    lagging_check(w);
    attendance_check(w);
    refusals_check(&w->refusals, w->loop.now_ms);
    go_on_with_backlog(w);
    turn_end(&w->loop);
    poll_shared_drop(&w->polls, w->feeds);
    holding_end_turn(&w->loop);
    more |= stream_run_lagging(w);
    turn_flush(&w->loop);
    end_frontends(w);
    count_packed(w);
    worker_submit_publishes(w);
    count_turn(w);
    loop_set_timer(&w->loop, wait_ms(w));
    return more || w->loop.turn || w->publishes || turn_work_left(&w->loop);
}

static uint32_t count_conns(const struct worker *w)
{
    uint32_t conns = 0;
    for (unsigned i = 0; i <= TRANSPORTS_MAX; i++)
        conns += w->loop.conns_by_transport[i];
    return conns;
}

/* W takes no new connections, has none left, and so gets no new errands. */
static bool is_empty(const struct worker *w)
{
    return w->loop.draining && count_conns(w) == 0 && w->errands == 0;
}

/* Workers end together: until then an errand may still visit any of them. */
static bool is_done(const struct worker *w)
{
    bool empty = true;
    for (unsigned i = 0; w->loop.draining && i < w->loop.process->loop_count; i++)
        empty &= is_empty(worker_of_loop(w->loop.process->loops[i]));
    return w->loop.draining && (empty || now_monotonic_ms() >= w->drain_until_ms);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    bool more = false;
    while (!is_done(w)) {
        if (!loop_look_again(&w->loop))
            loop_wait(&w->loop, more || !hub_may_sleep(w->hub, w->loop.index));
        begin_turn(w);
        more = run_turn(w);
        topic_table_exit(&w->topics);
    }
    begin_turn(w);
    if (!is_empty(w))
        log_warn("stopping without waiting any longer: %u connections, %u jobs of administrators",
                 count_conns(w), w->errands);
    turn_close_all(&w->loop, CLOSE_SHUTDOWN);
    worker_submit_publishes(w);
    turn_end(&w->loop);
    poll_shared_drop(&w->polls, w->feeds);
    topic_table_exit(&w->topics);
    end_frontends_of_thread(w);
    spare_finish_thread();
    deflate_finish_thread();
    return NULL;
}

/* Its turn ends after this, and there it looks. */
static void end_a_turn(struct hub_call *call, void *where)
{
    (void)where;
    free(call);
}

static bool nudge(struct loop *l, unsigned other)
{
    struct hub_call *call = calloc(1, sizeof(*call));
    if (!call)
        return false;
    call->run = end_a_turn;
    hub_call_worker(worker_of_loop(l)->hub, other, call);
    return true;
}

/* --- life --- */

static enum err watch_subscription(void *ctx, struct filter *f, unsigned transport, void *who)
{
    struct worker *w = ctx;
    size_t n;
    const char *name = filter_name(f, &n);
    enum err e = interest_add(hub_interest(w->hub), name, n, transport);
    if (e != ERR_OK)
        return e;
    e = attendance_subscribed(w, f, transport, who);
    if (e != ERR_OK)
        interest_remove(hub_interest(w->hub), name, n, transport);
    return e;
}

static void unwatch_subscription(void *ctx, struct filter *f, unsigned transport, void *who)
{
    struct worker *w = ctx;
    size_t n;
    const char *name = filter_name(f, &n);
    attendance_unsubscribed(w, f, who);
    interest_remove(hub_interest(w->hub), name, n, transport);
}

/* One line for as long as it goes on. */
static void note_refusal(struct worker *w)
{
    counter_add(&w->loop.counters, COUNTER_subscriptions_refused, 1);
    if (!w->refused_ms || w->loop.now_ms - w->refused_ms >= REFUSALS_APART_MS)
        log_warn("subscriptions are refused: they take all that hub.subscription_bytes allows");
    w->refused_ms = w->loop.now_ms;
}

static bool take_bytes(void *ctx, size_t bytes, bool must)
{
    struct worker *w = ctx;
    if (interest_take(hub_interest(w->hub), bytes, must))
        return true;
    note_refusal(w);
    return false;
}

static void give_back_bytes(void *ctx, size_t bytes)
{
    struct worker *w = ctx;
    interest_give_back(hub_interest(w->hub), bytes);
}

static enum err create_tables(struct worker *w, struct store_reader *reader)
{
    struct feed_watcher watcher = {watch_subscription, unwatch_subscription, take_bytes,
                                   give_back_bytes, w};
    w->feeds = feed_table_create(hub_topics(w->hub), &watcher);
    w->streams = stream_table_create();
    if (!w->feeds || !w->streams)
        return ERR_NOMEM;
    w->head = hub_head(w->hub);
    w->replay = (struct replay){
        .store = reader,
        .topics = hub_topics(w->hub),
        .feeds = w->feeds,
        .tail = &w->tail,
        .log = hub_log(w->hub),
        .head = w->head,
    };
    return ERR_OK;
}

static enum err open_port(struct worker *w, struct crypto_threads *threads)
{
    enum err e = crypto_port_open(&w->crypto, threads, &w->loop);
    if (e == ERR_OK)
        w->loop.crypto = &w->crypto;
    return e;
}

/* The hub, the loop and the tables, in this order. */
static enum err set_up(struct worker *w, unsigned index, struct settings *s, struct process *p,
                       struct store_reader *reader)
{
    w->settings = settings_ref(s);
    enum err e = loop_init(&w->loop, index, p, &s->net);
    w->loop.nudge = nudge;
    w->loop.work.looked = &w->replay.looked;
    if (e == ERR_OK)
        e = create_tables(w, reader);
    if (e == ERR_OK)
        e = loop_watch(&w->loop, &w->mail_event, hub_mail_fd(w->hub, index), EV_PERSIST | EV_ET,
                       on_mail, w);
    if (e == ERR_OK && p->crypto)
        e = open_port(w, p->crypto);
    attendance_begin(w);
    return e;
}

enum err worker_create(struct hub *h, unsigned index, struct settings *s, struct process *p,
                       const struct frontend *const *frontends, struct store_reader *reader,
                       struct worker **ret)
{
    struct worker *w = calloc(1, sizeof(*w));
    if (!w) {
        store_reader_destroy(reader);
        return ERR_NOMEM;
    }
    w->hub = h;
    w->frontends = frontends;
    topic_table_join(hub_topics(h), &w->topics);
    w->settings_serial = 1;
    tail_init(&w->tail);
    w->replay.store = reader;
    enum err e = set_up(w, index, s, p, reader);
    if (e != ERR_OK) {
        worker_destroy(w);
        return e;
    }
    *ret = w;
    return ERR_OK;
}

enum err worker_start(struct worker *w)
{
    /* Signals are the main thread's. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int failed = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    w->started = !failed;
    return failed ? ERR_IO : ERR_OK;
}

struct stop_call {
    struct hub_call call;
    uint64_t grace_ms;
};

static void start_draining(struct hub_call *call, void *where)
{
    struct worker *w = where;
    struct stop_call *stop = (struct stop_call *)call;
    w->loop.draining = true;
    w->drain_until_ms = now_monotonic_ms() + stop->grace_ms; /* also if the process is paused */
    free(stop);
    listener_close_all(&w->loop);
    turn_say_goodbye(&w->loop);
}

void worker_stop(struct worker *w, uint64_t grace_ms)
{
    struct stop_call *stop = calloc(1, sizeof(*stop));
    if (!stop) {
        log_error("out of memory while stopping");
        abort();
    }
    stop->call.run = start_draining;
    stop->grace_ms = grace_ms;
    hub_call_worker(w->hub, w->loop.index, &stop->call);
}

void worker_join(struct worker *w)
{
    if (w->started)
        pthread_join(w->thread, NULL);
    w->started = false;
}

/* Connections that a publish under way still holds come to their end here. */
static void drop_mail(struct worker *w)
{
    hub_take_mail(w->hub, w->loop.index, &w->mail);
    for (size_t i = 0; i < w->mail.batch_count; i++)
        batch_unref(w->mail.batches[i]);
    handle_answers(w, w->mail.answers);
    turn_end(&w->loop);
    free(w->mail.batches);
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    listener_close_all(&w->loop);
    drop_mail(w);
    for (size_t i = 0; i < w->paused_count; i++)
        conn_release(w->paused_publishers[i]);
    turn_drop_backlog(&w->loop);
    turn_end(&w->loop);
    crypto_port_close(&w->crypto);
    free(w->paused_publishers);
    if (w->loop.base && event_initialized(&w->mail_event))
        event_del(&w->mail_event);
    loop_finish(&w->loop);
    settings_unref(w->settings);
    tail_finish(&w->tail);
    attendance_finish(w);
    feed_table_destroy(w->feeds);
    stream_table_destroy(w->streams);
    store_reader_destroy(w->replay.store);
    buf_finish(&w->scratch);
    free(w->cuts);
    topic_table_leave(hub_topics(w->hub), &w->topics);
    free(w);
}
