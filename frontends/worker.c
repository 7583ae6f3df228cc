#include "frontends/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "broker/topic_table.h"
#include "frontends/encodings.h"
#include "frontends/holding.h"
#include "frontends/http/http_fields.h"
#include "frontends/lagging.h"
#include "frontends/listener.h"
#include "frontends/stream.h"
#include "frontends/stream_table.h"
#include "utlist.h"

enum {
    REFUSALS_APART_MS = 60000, /* without one for so long: the next one is told again */
    /* What is fanned out at once: bounds the bytes put together and the time of one turn. */
    TURN_MESSAGES = 8192,
    TURN_BYTES = 4 << 20,
    /* Publishes of a turn that weigh more are handed over before its end. */
    PUBLISH_BYTES = 1 << 20,
    /* How often paused publishers and listeners are looked at when nothing else happens. */
    PAUSED_CHECK_MS = 50,
    CPU_ASKED_MS = 100, /* no pause is shorter (CLOCK_PAUSE_MS) */
};

/* How long this thread has run since that was last asked, which costs a system call: 0 when it was
 * asked a moment ago. */
static uint64_t ran_ms(struct worker *w, uint64_t real_ms)
{
    struct timespec t;
    if (real_ms - w->cpu_asked_ms < CPU_ASKED_MS)
        return 0;
    uint64_t before = w->cpu_ms;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    w->cpu_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    w->cpu_asked_ms = real_ms;
    return w->cpu_ms > before ? w->cpu_ms - before : 0;
}

void worker_update_clock(struct worker *w)
{
    uint64_t real_ms = hub_monotonic_ms();
    uint64_t pause = turn_clock_read(&w->clock, real_ms, ran_ms(w, real_ms));
    w->now_ms = w->clock.now_ms;
    if (!pause)
        return;
    counter_add(&w->counters, COUNTER_pauses, 1);
    log_warn("worker %u did not run for %llu ms: that does not count for any client's time limit",
             w->index, (unsigned long long)pause);
}

/* --- work --- */

void worker_begin_slice(struct worker *w, bool whole)
{
    w->paid_looks = w->replay.looked;
    budget_begin_slice(&w->work, whole ? BUDGET_SLICE : BUDGET_LIGHT);
}

void worker_charge_reads(struct worker *w)
{
    budget_charge(&w->work, (w->replay.looked - w->paid_looks) * WORK_RECORD);
    w->paid_looks = w->replay.looked;
}

bool worker_slice_left(struct worker *w)
{
    worker_charge_reads(w);
    return budget_slice_left(&w->work);
}

/* --- fan-out --- */

enum err worker_add_cut(struct worker *w, size_t end, const struct message *m)
{
    if (w->cut_count == w->cut_cap) {
        size_t cap = w->cut_cap ? w->cut_cap * 2 : 256;
        struct cut *cuts = realloc(w->cuts, cap * sizeof(*cuts));
        if (!cuts)
            return ERR_NOMEM;
        w->cuts = cuts;
        w->cut_cap = cap;
    }
    uint64_t before = w->cut_count ? w->cuts[w->cut_count - 1].payload : 0;
    w->cuts[w->cut_count++] = (struct cut){end, m->offset, before + m->payload_len};
    return ERR_OK;
}

size_t worker_cut_behind(const struct worker *w, uint64_t offset)
{
    size_t low = 0, high = w->cut_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (w->cuts[mid].offset <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Puts all hits of a feed one behind the other; a single one is used where it is. */
static enum err encode_hits(struct worker *w, const struct feed *f, struct parcel *p)
{
    buf_clear(&w->scratch);
    w->cut_count = 0;
    for (const struct feed_hit *hit = f->hits; hit; hit = hit->next) {
        const struct blob *b = message_encoded(hit->message, f->encoding);
        if (!b || worker_add_cut(w, p->size + b->len, hit->message) != ERR_OK)
            return ERR_NOMEM;
        p->data = b->data;
        p->size += b->len;
        if (hit == f->hits && !hit->next)
            break;
        buf_append(&w->scratch, b->data, b->len);
        p->data = w->scratch.data;
    }
    p->cuts = w->cuts;
    p->count = w->cut_count;
    return w->scratch.failed ? ERR_NOMEM : ERR_OK;
}

static void fan_out(struct worker *w, const struct feed *f, uint64_t before)
{
    struct parcel p = {.hits = f->hits, .before = before, .last = w->head};
    struct subscriber *sub, *next;
    if (f->encoding && encode_hits(w, f, &p) != ERR_OK) {
        /* An empty parcel: receivers see that they missed something and read it later. */
        p.data = NULL;
        p.count = p.size = 0;
    }
    DL_FOREACH_SAFE (f->live, sub, next) {
        struct receiver *r = (struct receiver *)sub;
        if (next)
            __builtin_prefetch(next->next); /* many do not stay in the cache until the next turn */
        r->deliver(r, &p);
    }
}

static void fan_out_all(struct worker *w, uint64_t before)
{
    for (struct feed *f = feed_turn_feeds(w->feeds); f; f = f->next_touched)
        fan_out(w, f, before);
    feed_turn_end(w->feeds);
}

/* Pointers to what is shared anyway are fixed bookkeeping: a worker that cannot store them could
 * only lose messages silently. */
static void must(enum err e)
{
    if (e == ERR_OK)
        return;
    log_error("out of memory for the fan-out tables, ending");
    abort();
}

static size_t enter_batch(struct worker *w, struct batch *b)
{
    size_t bytes = 0;
    must(tail_push(&w->tail, b));
    tail_drop_below(&w->tail, b->tail_first);
    for (uint32_t i = 0; i < b->count; i++) {
        must(feed_turn_add(w->feeds, b->messages[i]));
        bytes += b->messages[i]->payload_len;
    }
    w->head = w->replay.head = b->last;
    return bytes;
}

/* Hits borrow from the batches of the slice, which may leave the tail before they are sent. */
static void handle_batches(struct worker *w, struct batch **batches, size_t count)
{
    size_t i = 0;
    while (i < count) {
        uint64_t before = w->head;
        size_t messages = 0, bytes = 0, first = i;
        while (i < count && messages < TURN_MESSAGES && bytes < TURN_BYTES) {
            messages += batches[i]->count;
            bytes += enter_batch(w, batch_ref(batches[i]));
            i++;
        }
        fan_out_all(w, before);
        while (first < i)
            batch_unref(batches[first++]);
    }
}

/* --- mail --- */

static void count_answer(struct worker *w, const struct publish *p)
{
    if (p->result == ERR_CONFLICT)
        counter_add(&w->counters, COUNTER_publish_conflicts, 1);
    else if (p->result != ERR_OK)
        counter_add(&w->counters, COUNTER_publish_errors, 1);
    for (uint32_t i = 0; i < p->count && p->result == ERR_OK; i++)
        counter_add(&w->counters, COUNTER_publish_duplicates, p->items[i].duplicate);
}

static void handle_answers(struct worker *w, struct publish *list)
{
    while (list) {
        struct publish *p = list;
        struct conn *c = p->owner;
        list = p->next;
        count_answer(w, p);
        if (conn_state(c) != CONN_CLOSED && c->protocol->answered)
            c->protocol->answered(c, p);
        publish_free(p);
        conn_release(c);
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

static void take_mail(struct worker *w)
{
    hub_take_mail(w->hub, w->index, &w->mail);
    handle_batches(w, w->mail.batches, w->mail.batch_count);
    w->mail.batch_count = 0;
    handle_answers(w, w->mail.answers);
    handle_calls(w, w->mail.calls);
}

/* Something happens, on this thread alone: the first of it begins a turn. */
static void begin_turn(struct worker *w)
{
    worker_update_clock(w);
    topic_table_enter(hub_topics(w->hub), &w->topics);
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    begin_turn(w);
    take_mail(w);
}

static void on_ready(void *conn, unsigned what)
{
    conn_ready(conn, what);
    holding_settle(conn);
}

static void on_conns(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    w->conns_ready = true;
}

/* Serves one that was collected, and more of them as long as there is budget. */
static void serve(struct worker *w, struct readiness *r, int64_t work)
{
    budget_begin_part(&w->work, work);
    while (readiness_tell(r, on_ready) && budget_has_left(&w->work))
        ;
}

static bool readiness_left(const struct worker *w)
{
    return readiness_pending(&w->readiness[0]) || readiness_pending(&w->readiness[1]);
}

/* A batch is in every worker's mail before any publisher gets its answer. So a request that
 * somebody made because of an answer, on whatever worker, finds the message there if the mail is
 * taken between finding out that there is a request and reading it. */
static void serve_conns(struct worker *w)
{
    bool ready = w->conns_ready;
    w->conns_ready = false;
    if (ready) {
        readiness_collect(&w->readiness[1]);
        readiness_collect(&w->readiness[0]);
    }
    if (ready || readiness_left(w))
        take_mail(w);
    serve(w, &w->readiness[1], BUDGET_LOCAL);
    serve(w, &w->readiness[0], BUDGET_TCP);
}

/* Those that wait for a slice get one, one of each ring at least. */
static void serve_backlog(struct worker *w)
{
    struct conn *c;
    budget_begin_part(&w->work, BUDGET_BACKLOG);
    backlog_begin_turn(&w->backlog, BUDGET_BACKLOG);
    w->in_backlog = true;
    do {
        uint64_t before = w->work.done;
        c = backlog_take(&w->backlog);
        if (c)
            conn_go_on(c);
        backlog_charge(&w->backlog, w->work.done - before);
    } while (c && (budget_has_left(&w->work) || !backlog_all_had_one(&w->backlog)));
    w->in_backlog = false;
}

static void drop_backlog(struct worker *w)
{
    struct conn *c;
    while (backlog_count(&w->backlog)) {
        backlog_begin_turn(&w->backlog, BUDGET_BACKLOG);
        while ((c = backlog_take(&w->backlog)))
            conn_release(c);
    }
}

void worker_count_gap(struct worker *w, enum gap_reason reason)
{
    static const enum counter counters[] = {
        [GAP_EPOCH] = COUNTER_gaps_epoch,     [GAP_AHEAD] = COUNTER_gaps_ahead,
        [GAP_TRIMMED] = COUNTER_gaps_trimmed, [GAP_LAGGED] = COUNTER_gaps_lagged,
        [GAP_DAMAGED] = COUNTER_gaps_damaged,
    };
    if (reason != GAP_NONE)
        counter_add(&w->counters, counters[reason], 1);
}

/* --- publishing --- */

static void submit_publishes(struct worker *w)
{
    if (!w->publishes)
        return;
    hub_publish(w->hub, w->publishes, w->publishes_last);
    w->publishes = w->publishes_last = NULL;
    w->publish_bytes = 0;
}

void worker_publish(struct worker *w, struct conn *c, struct publish *p)
{
    p->owner = c;
    p->worker = w->index;
    p->next = NULL;
    conn_hold(c);
    counter_add(&w->counters, COUNTER_publishes, 1);
    if (w->publishes)
        w->publishes_last->next = p;
    else
        w->publishes = p;
    w->publishes_last = p;
    w->publish_bytes += p->bytes;
    if (w->publish_bytes > PUBLISH_BYTES)
        submit_publishes(w); /* or hub_is_full would see them too late */
}

static enum err add_paused(struct worker *w, struct conn *c)
{
    if (w->paused_count == w->paused_cap) {
        size_t cap = w->paused_cap ? w->paused_cap * 2 : 16;
        struct conn **list = realloc(w->paused_publishers, cap * sizeof(struct conn *));
        if (!list)
            return ERR_NOMEM;
        w->paused_publishers = list;
        w->paused_cap = cap;
    }
    conn_hold(c);
    c->awaits_room = true;
    w->paused_publishers[w->paused_count++] = c;
    return ERR_OK;
}

bool worker_must_wait(struct worker *w, struct conn *c)
{
    if (!hub_is_full(w->hub))
        return false;
    conn_pause(c);
    if (!c->awaits_room && add_paused(w, c) != ERR_OK)
        conn_close(c, CLOSE_NOMEM);
    return true;
}

static void resume_publishers(struct worker *w)
{
    if (w->paused_count == 0 || hub_is_full(w->hub))
        return;
    for (size_t i = 0; i < w->paused_count; i++) {
        struct conn *c = w->paused_publishers[i];
        c->awaits_room = false;
        conn_resume(c);
        conn_release(c);
    }
    w->paused_count = 0;
}

/* --- connections --- */

void worker_touch(struct worker *w, struct conn *c)
{
    if (c->in_turn)
        return;
    c->in_turn = true;
    c->turn_next = NULL;
    if (w->turn)
        w->turn_last->turn_next = c;
    else
        w->turn = c;
    w->turn_last = c;
}

static struct conn *conn_of(struct wheel_item *i)
{
    return (struct conn *)((char *)i - offsetof(struct conn, wheel));
}

struct conn_list {
    struct conn **conns;
    size_t count, cap;
};

static void collect_conn(struct wheel_item *i, void *ctx)
{
    struct conn_list *list = ctx;
    if (list->count < list->cap)
        list->conns[list->count++] = conn_of(i);
}

void worker_each_conn(struct worker *w, void (*visit)(struct conn *c, void *ctx), void *ctx)
{
    struct conn_list list = {calloc(w->conns + 1, sizeof(struct conn *)), 0, w->conns};
    if (!list.conns)
        return;
    wheel_each(&w->wheel, collect_conn, &list);
    for (size_t i = 0; i < list.count; i++)
        visit(list.conns[i], ctx);
    free(list.conns);
}

struct finding {
    uint64_t number;
    struct conn *found;
};

static void find_conn(struct conn *c, void *ctx)
{
    struct finding *f = ctx;
    if (conn_number(c) == f->number)
        f->found = c;
}

struct conn *worker_find_conn(struct worker *w, uint64_t number)
{
    struct finding f = {number, NULL};
    worker_each_conn(w, find_conn, &f);
    return f.found;
}

void worker_set_settings(struct worker *w, struct settings *s)
{
    struct settings *old = w->settings;
    w->settings = settings_ref(s);
    w->settings_serial++;
    settings_unref(old);
}

/* --- turns and time --- */

/* Those that have come, one of them at least. True: there may be more. */
static bool fire_deadlines(struct worker *w)
{
    struct wheel_item *i;
    budget_begin_part(&w->work, BUDGET_DEADLINES);
    do {
        i = wheel_pop_due(&w->wheel, w->now_ms);
        if (!i)
            return false;
        wheel_set(&w->wheel, i, i->due_ms);
        worker_begin_slice(w, false);
        conn_deadline(conn_of(i));
        worker_charge_reads(w);
    } while (budget_has_left(&w->work));
    return true;
}

static void set_timer(struct worker *w)
{
    uint64_t wait = wheel_wait_ms(&w->wheel, w->now_ms);
    if ((w->paused_count || w->draining || listener_any_paused(w)) && wait > PAUSED_CHECK_MS)
        wait = PAUSED_CHECK_MS;
    if (budget_tells_later(&w->work) && wait > BUDGET_TELL_MS)
        wait = BUDGET_TELL_MS;
    if (wait > lagging_wait_ms(w))
        wait = lagging_wait_ms(w);
    if (wait > refusals_wait_ms(&w->refusals, w->now_ms))
        wait = refusals_wait_ms(&w->refusals, w->now_ms);
    if (wait > holding_wait_ms(w))
        wait = holding_wait_ms(w);
    uint64_t at = wait == UINT64_MAX ? UINT64_MAX : w->now_ms + wait;
    if (at >= w->timer_at_ms)
        return;
    struct timeval tv = {.tv_sec = (time_t)(wait / 1000),
                         .tv_usec = (suseconds_t)(wait % 1000 * 1000)};
    if (evtimer_add(&w->timer_event, &tv) == 0)
        w->timer_at_ms = at;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    worker_update_clock(w);
    w->timer_at_ms = UINT64_MAX; /* deadlines are looked at when the sockets have been */
    listener_resume_all(w);
}

static void end_conn_turns(struct worker *w)
{
    struct conn *list = w->turn;
    w->turn = w->turn_last = NULL;
    while (list) {
        struct conn *c = list;
        list = c->turn_next;
        c->in_turn = false;
        if (conn_end_turn(c))
            holding_settle(c);
    }
}

static void count_compressed(struct worker *w)
{
    struct encodings_tally tally = encodings_take_tally();
    if (!tally.messages)
        return;
    counter_add(&w->counters, COUNTER_ws_deflated, tally.messages);
    counter_add(&w->counters, COUNTER_ws_deflated_plain_bytes, tally.plain_bytes);
    counter_add(&w->counters, COUNTER_ws_deflated_bytes, tally.packed_bytes);
}

/* Connections have input that waits for nothing but its turn. */
static bool work_left(const struct worker *w)
{
    return backlog_count(&w->backlog) || readiness_left(w);
}

static void count_turn(struct worker *w)
{
    struct counters *c = &w->counters;
    uint64_t most = w->work.most;
    bool waits = work_left(w);
    enum budget_change change = budget_end_turn(&w->work, w->now_ms, waits);
    counter_add(c, COUNTER_turns, 1);
    counter_add(c, COUNTER_turns_full, waits);
    counter_add(c, COUNTER_work, w->work.done - w->work.turn_from);
    counter_add(c, COUNTER_turn_work_max, w->work.most - most);
    if (change == BUDGET_SHORT)
        log_warn("clients of worker %u ask for more than a turn has room for: each gets a slice, "
                 "%zu wait for the next one",
                 w->index, backlog_count(&w->backlog));
    else if (change == BUDGET_ENOUGH)
        log_info("clients of worker %u ask for no more than it can do at once again", w->index);
}

/* Those who wait for another slice come behind the others, whose publishes and answers are on their
 * way by then. */
static void go_on_with_backlog(struct worker *w)
{
    if (!backlog_count(&w->backlog))
        return;
    end_conn_turns(w);
    submit_publishes(w);
    serve_backlog(w);
}

/* True when there is more to do at once. */
static bool run_turn(struct worker *w)
{
    budget_begin_turn(&w->work);
    serve_conns(w);
    bool more = fire_deadlines(w);
    resume_publishers(w);
    lagging_check(w);
    refusals_check(&w->refusals, w->now_ms);
    go_on_with_backlog(w);
    end_conn_turns(w);
    poll_shared_drop(&w->polls, w->feeds);
    holding_end_turn(w);
    more |= stream_run_lagging(w);
    count_compressed(w);
    submit_publishes(w);
    count_turn(w);
    set_timer(w);
    return more || w->turn || w->publishes || work_left(w);
}

static uint32_t count_conns(const struct worker *w)
{
    uint32_t conns = 0;
    for (unsigned i = 0; i < TRANSPORT_COUNT; i++)
        conns += w->conns_by_transport[i];
    return conns;
}

/* W takes no new connections, has none left, and so gets no new errands. */
static bool is_empty(const struct worker *w)
{
    return w->draining && count_conns(w) == 0 && w->errands == 0;
}

/* Workers end together: until then an errand may still visit any of them. */
static bool is_done(const struct worker *w)
{
    bool empty = true;
    for (unsigned i = 0; w->draining && i < hub_workers(w->hub); i++)
        empty &= is_empty(w->all[i]);
    return w->draining && (empty || hub_monotonic_ms() >= w->drain_until_ms);
}

static void abandon_conn(struct conn *c, void *ctx)
{
    (void)ctx;
    conn_close(c, CLOSE_SHUTDOWN);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    bool more = false;
    while (!is_done(w)) {
        turn_clock_sleep(&w->clock, more ? w->now_ms : w->timer_at_ms);
        event_base_loop(w->base, more ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
        begin_turn(w);
        more = run_turn(w);
        topic_table_exit(&w->topics);
    }
    begin_turn(w);
    if (!is_empty(w))
        log_warn("stopping without waiting any longer: %u connections, %u jobs of administrators",
                 count_conns(w), w->errands);
    worker_each_conn(w, abandon_conn, NULL);
    submit_publishes(w);
    end_conn_turns(w);
    poll_shared_drop(&w->polls, w->feeds);
    topic_table_exit(&w->topics);
    ws_deflate_finish_thread();
    http_fields_finish_thread();
    return NULL;
}

/* --- life --- */

static enum err watch_subscription(void *ctx, const char *filter, size_t n, unsigned transport)
{
    struct worker *w = ctx;
    return interest_add(hub_interest(w->hub), filter, n, transport);
}

static void unwatch_subscription(void *ctx, const char *filter, size_t n, unsigned transport)
{
    struct worker *w = ctx;
    interest_remove(hub_interest(w->hub), filter, n, transport);
}

/* One line for as long as it goes on. */
static void note_refusal(struct worker *w)
{
    counter_add(&w->counters, COUNTER_subscriptions_refused, 1);
    if (!w->refused_ms || w->now_ms - w->refused_ms >= REFUSALS_APART_MS)
        log_warn("subscriptions are refused: they take all that hub.subscription_bytes allows");
    w->refused_ms = w->now_ms;
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
    w->read_buffer = malloc(WORKER_READ_BYTES);
    if (!w->feeds || !w->streams || !w->read_buffer)
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

static enum err watch_conns(struct worker *w, struct readiness *r, struct event *e)
{
    if (readiness_open(r) != ERR_OK ||
        event_assign(e, w->base, r->fd, EV_READ | EV_PERSIST, on_conns, w) != 0 ||
        event_add(e, NULL) != 0)
        return ERR_IO;
    return ERR_OK;
}

static enum err create_events(struct worker *w)
{
    w->base = event_base_new();
    if (!w->base)
        return ERR_NOMEM;
    if (event_assign(&w->mail_event, w->base, hub_mail_fd(w->hub, w->index),
                     EV_READ | EV_PERSIST | EV_ET, on_mail, w) != 0 ||
        evtimer_assign(&w->timer_event, w->base, on_timer, w) != 0 ||
        event_add(&w->mail_event, NULL) != 0)
        return ERR_IO;
    w->timer_at_ms = UINT64_MAX;
    return ERR_OK;
}

enum err worker_create(struct hub *h, unsigned index, struct settings *s,
                       struct conn_budget *budget, struct store_reader *reader, struct worker **ret)
{
    struct worker *w = calloc(1, sizeof(*w));
    if (!w) {
        store_reader_destroy(reader);
        return ERR_NOMEM;
    }
    w->index = index;
    w->hub = h;
    topic_table_join(hub_topics(h), &w->topics);
    w->readiness[0].fd = w->readiness[1].fd = -1;
    w->budget = budget;
    peer_book_init(&w->book, &budget->memory, index);
    w->settings = settings_ref(s);
    w->settings_serial = 1;
    turn_clock_init(&w->clock, hub_monotonic_ms());
    w->now_ms = w->clock.now_ms;
    wheel_init(&w->wheel, w->now_ms);
    tail_init(&w->tail);
    w->replay.store = reader;
    enum err e = create_tables(w, reader);
    if (e == ERR_OK)
        e = create_events(w);
    if (e == ERR_OK)
        e = watch_conns(w, &w->readiness[0], &w->conns_event);
    if (e == ERR_OK)
        e = watch_conns(w, &w->readiness[1], &w->local_conns_event);
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

static void say_goodbye(struct conn *c, void *ctx)
{
    (void)ctx;
    if (conn_state(c) == CONN_ENDING)
        return; /* about to end by itself */
    if (c->protocol->shutdown && conn_is_open(c))
        c->protocol->shutdown(c);
    else
        conn_close(c, CLOSE_SHUTDOWN);
}

static void start_draining(struct hub_call *call, void *where)
{
    struct worker *w = where;
    struct stop_call *stop = (struct stop_call *)call;
    w->draining = true;
    w->drain_until_ms = hub_monotonic_ms() + stop->grace_ms; /* also if the process is paused */
    free(stop);
    listener_close_all(w);
    worker_each_conn(w, say_goodbye, NULL);
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
    hub_call_worker(w->hub, w->index, &stop->call);
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
    hub_take_mail(w->hub, w->index, &w->mail);
    for (size_t i = 0; i < w->mail.batch_count; i++)
        batch_unref(w->mail.batches[i]);
    handle_answers(w, w->mail.answers);
    end_conn_turns(w);
    free(w->mail.batches);
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    listener_close_all(w);
    drop_mail(w);
    for (size_t i = 0; i < w->paused_count; i++)
        conn_release(w->paused_publishers[i]);
    drop_backlog(w);
    end_conn_turns(w);
    free(w->paused_publishers);
    backlog_finish(&w->backlog);
    if (w->base) {
        event_del(&w->mail_event);
        event_del(&w->conns_event);
        event_del(&w->local_conns_event);
        evtimer_del(&w->timer_event);
        event_base_free(w->base);
    }
    readiness_close(&w->readiness[0]);
    readiness_close(&w->readiness[1]);
    tail_finish(&w->tail);
    feed_table_destroy(w->feeds);
    stream_table_destroy(w->streams);
    store_reader_destroy(w->replay.store);
    buf_finish(&w->scratch);
    free(w->cuts);
    free(w->read_buffer);
    settings_unref(w->settings);
    topic_table_leave(hub_topics(w->hub), &w->topics);
    free(w);
}
