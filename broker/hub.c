#include "broker/hub.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/spare.h"
#include "broker/broker_clock.h"
#include "broker/broker_forget.h"
#include "broker/broker_memory.h"
#include "broker/broker_remove.h"
#include "broker/clock.h"
#include "broker/topic_table.h"

enum {
    /* Most that one commit takes from the queue: keeps its latency and its memory bounded. */
    GROUP_MESSAGES = 8192,
    GROUP_BYTES = 16 << 20,
    /* A worker that has so many batches or bytes to fetch makes the broker wait. */
    INBOX_BATCHES = 4096,
    INBOX_BYTES = 64 << 20,
    /* How long a refused group counts as "the log takes no publishes" when nobody tries again. */
    FAILING_MS = 10000,
    PLACE_MS = 1000, /* between two looks at whether the log is in its place */
    /* The broker's thread looks at the clock so often at least, since that can be set. */
    IDLE_MAX_MS = 60000,
};

struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t taken; /* the worker took its mail */
    int fd;               /* eventfd */
    bool knows;           /* the worker is awake and will look, or is being woken */
    bool closed;          /* the worker is gone: nobody fetches batches any more */
    struct hub_mail mail;
    size_t batch_bytes;
    struct publish **answers_end;
    struct hub_call **calls_end;
};

/* The copy that is being made, if any. */
struct backups {
    pthread_mutex_t lock; /* guards the rest */
    struct store_copy *copy;
    struct hub_backup *asked;
    pthread_t thread;
    bool started; /* there is a thread to be joined; it has done its work when COPY is NULL */
    bool ended;   /* no more are made */
};

struct hub {
    struct hub_options options;
    struct broker *broker;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards the queue */
    pthread_cond_t wake;
    bool sleeping, stopping;
    bool stepped_in; /* a worker commits in the thread's place: all that is the thread's is its own
                        meanwhile */
    bool held_up;    /* the thread waits for that to end */
    struct publish *queue, **queue_end;
    struct hub_call *calls, **calls_end;
    _Atomic uint64_t queued_bytes;
    _Atomic uint64_t head;
    _Atomic uint64_t published, commits, failed;
    _Atomic uint64_t failed_at_ms; /* the log refused a group; 0 = it took one since */
    struct clock clock;            /* the thread's */
    uint64_t place_due_ms;         /* the thread's: when to look for the log again */
    bool refused;              /* the thread's: the log takes no publishes, which has been told */
    _Atomic uint64_t ahead_ms; /* by so much its time is ahead of the steady one */
    unsigned inbox_count;
    struct inbox *inboxes;
    struct backups backups;
};

uint64_t hub_clock_ms(const struct hub *h)
{
    return now_boottime_ms() + atomic_load_explicit(&h->ahead_ms, memory_order_relaxed);
}

/* --- inboxes --- */

static enum err inbox_init(struct inbox *in)
{
    in->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (in->fd < 0)
        return ERR_IO;
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->taken, NULL);
    in->answers_end = &in->mail.answers;
    in->calls_end = &in->mail.calls;
    return ERR_OK;
}

static void mail_drop(struct hub_mail *mail)
{
    for (size_t i = 0; i < mail->batch_count; i++)
        batch_unref(mail->batches[i]);
    while (mail->answers) {
        struct publish *next = mail->answers->next;
        publish_free(mail->answers);
        mail->answers = next;
    }
    free(mail->batches);
}

static void inbox_finish(struct inbox *in)
{
    mail_drop(&in->mail);
    pthread_mutex_destroy(&in->lock);
    pthread_cond_destroy(&in->taken);
    close(in->fd);
}

static bool has_mail(const struct inbox *in)
{
    return in->mail.batch_count || in->mail.answers || in->mail.calls;
}

/* Tells the worker that there is mail, if it does not know. Without the lock, which is the first
 * thing that it takes. */
static void inbox_signal(struct inbox *in)
{
    static const uint64_t one = 1;
    pthread_mutex_lock(&in->lock);
    bool news = !in->knows && has_mail(in);
    in->knows |= news;
    pthread_mutex_unlock(&in->lock);
    while (news && write(in->fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static size_t batch_bytes(const struct batch *b)
{
    size_t n = sizeof(*b);
    for (uint32_t i = 0; i < b->count; i++)
        n += message_size(b->messages[i]) + b->messages[i]->payload_len;
    return n;
}

/* A pointer for each batch is fixed bookkeeping: a hub that cannot even store that could only lose
 * messages silently, so it ends and the log brings everything back at the next start. */
static void mail_grow(struct hub_mail *mail)
{
    size_t cap = mail->batch_cap ? mail->batch_cap * 2 : 64;
    struct batch **batches = realloc(mail->batches, cap * sizeof(struct batch *));
    if (!batches) {
        log_error("out of memory for the workers' inboxes, ending");
        abort();
    }
    mail->batches = batches;
    mail->batch_cap = cap;
}

static bool is_full(const struct inbox *in)
{
    return in->mail.batch_count >= INBOX_BATCHES || in->batch_bytes >= INBOX_BYTES;
}

/* Does not signal yet. */
static void inbox_put_batch(struct inbox *in, struct batch *b, size_t bytes)
{
    pthread_mutex_lock(&in->lock);
    while (!in->closed && is_full(in))
        pthread_cond_wait(&in->taken, &in->lock);
    if (in->closed) {
        pthread_mutex_unlock(&in->lock);
        return;
    }
    if (in->mail.batch_count == in->mail.batch_cap)
        mail_grow(&in->mail);
    in->mail.batches[in->mail.batch_count++] = batch_ref(b);
    in->batch_bytes += bytes;
    pthread_mutex_unlock(&in->lock);
}

void hub_take_mail(struct hub *h, unsigned w, struct hub_mail *mail)
{
    struct inbox *in = &h->inboxes[w];
    pthread_mutex_lock(&in->lock);
    struct hub_mail empty = {.batches = mail->batches, .batch_cap = mail->batch_cap};
    *mail = in->mail;
    in->mail = empty;
    in->batch_bytes = 0;
    in->answers_end = &in->mail.answers;
    in->calls_end = &in->mail.calls;
    in->knows = true;
    pthread_cond_signal(&in->taken);
    pthread_mutex_unlock(&in->lock);
}

bool hub_may_sleep(struct hub *h, unsigned w)
{
    struct inbox *in = &h->inboxes[w];
    pthread_mutex_lock(&in->lock);
    bool empty = !has_mail(in);
    in->knows = !empty;
    pthread_mutex_unlock(&in->lock);
    return empty;
}

int hub_mail_fd(struct hub *h, unsigned w)
{
    return h->inboxes[w].fd;
}

void hub_call_worker(struct hub *h, unsigned w, struct hub_call *call)
{
    struct inbox *in = &h->inboxes[w];
    call->next = NULL;
    pthread_mutex_lock(&in->lock);
    *in->calls_end = call;
    in->calls_end = &call->next;
    pthread_mutex_unlock(&in->lock);
    inbox_signal(in);
}

/* --- the queue --- */

/* Gives back the lock, and only then wakes the thread, which takes it. */
static void queue_unlock(struct hub *h)
{
    bool sleeping = h->sleeping;
    pthread_mutex_unlock(&h->lock);
    if (sleeping)
        pthread_cond_signal(&h->wake);
}

bool hub_is_full(const struct hub *h)
{
    return atomic_load_explicit(&h->queued_bytes, memory_order_relaxed) >= h->options.queue_bytes;
}

void hub_call_broker(struct hub *h, struct hub_call *call)
{
    call->next = NULL;
    pthread_mutex_lock(&h->lock);
    *h->calls_end = call;
    h->calls_end = &call->next;
    queue_unlock(h);
}

/* Cuts the next group off the queue; with the lock held. */
static struct publish *take_group(struct hub *h, size_t *ret_bytes)
{
    size_t messages = 0, bytes = 0;
    struct publish *first = h->queue, *last = NULL;
    for (struct publish *p = first; p; p = p->next) {
        if (last && (messages + p->count > GROUP_MESSAGES || bytes + p->bytes > GROUP_BYTES))
            break;
        messages += p->count;
        bytes += p->bytes;
        last = p;
    }
    if (last) {
        h->queue = last->next;
        last->next = NULL;
        if (!h->queue)
            h->queue_end = &h->queue;
    }
    *ret_bytes = bytes;
    return first;
}

static struct hub_call *take_calls(struct hub *h)
{
    struct hub_call *first = h->calls;
    h->calls = NULL;
    h->calls_end = &h->calls;
    return first;
}

/* --- committing: by the broker's thread, or who is in its place --- */

static void tell_doubt(int64_t off_ms)
{
    log_warn("the clock has been set %lld s %s: followed if it stays so for %d s",
             (long long)(off_ms < 0 ? -off_ms : off_ms) / 1000, off_ms < 0 ? "back" : "ahead",
             CLOCK_CONFIRM_MS / 1000);
}

/* The time to date and to age messages by. */
static uint64_t tell_time(struct hub *h)
{
    int64_t off_ms;
    switch (clock_tell(&h->clock, now_unix_ms(), now_boottime_ms(), &off_ms)) {
    case CLOCK_SAME:
        break;
    case CLOCK_DOUBTED:
        tell_doubt(off_ms);
        broker_doubt_clock(h->broker, h->clock.now_ms);
        break;
    case CLOCK_BACK:
        log_info("the clock is back: no message was dated by it meanwhile");
        break;
    case CLOCK_STEPPED:
        log_warn("the clock is followed from now on; messages are as old as they were before");
        broker_step_clock(h->broker, off_ms);
        break;
    }
    atomic_store_explicit(&h->ahead_ms, h->clock.now_ms - h->clock.steady_ms, memory_order_relaxed);
    return h->clock.now_ms;
}

static void send_batch(struct hub *h, struct batch *b)
{
    size_t bytes = batch_bytes(b);
    for (unsigned w = 0; w < h->inbox_count; w++)
        inbox_put_batch(&h->inboxes[w], b, bytes);
    batch_unref(b);
}

/* Gives each worker its own publishes back, in order. */
static void send_answers(struct hub *h, struct publish *list)
{
    while (list) {
        struct inbox *in = &h->inboxes[list->worker];
        unsigned w = list->worker;
        pthread_mutex_lock(&in->lock);
        while (list && list->worker == w) {
            struct publish *next = list->next;
            list->next = NULL;
            *in->answers_end = list;
            in->answers_end = &list->next;
            list = next;
        }
        pthread_mutex_unlock(&in->lock);
    }
}

/* Looks now and then whether the log is still in its place, and whenever somebody asks whether the
 * hub is ready. */
static enum err look_for_log(struct hub *h, const struct publish *list)
{
    uint64_t now_ms = now_monotonic_ms();
    bool asked = false;
    for (const struct publish *p = list; p && !asked; p = p->next)
        asked = p->count == 0;
    if (!asked && now_ms < h->place_due_ms)
        return ERR_OK;
    h->place_due_ms = now_ms + PLACE_MS;
    return broker_check_place(h->broker);
}

static bool is_the_logs(enum err e)
{
    return e == ERR_NOSPACE || e == ERR_IO || e == ERR_GONE;
}

/* Whether the log has taken something. */
static bool was_written(const struct batch *b)
{
    for (uint32_t i = 0; b && i < b->count; i++)
        if (!b->messages[i]->topic->memory)
            return true;
    return false;
}

/* The log refuses publishes with E, or takes them: a line when that begins, and when it ends. */
static void tell_refusal(struct hub *h, enum err e, const struct batch *b)
{
    if (e && !h->refused)
        log_error("the log takes no publishes: %s", err_text(e));
    if (e)
        h->refused = true;
    else if (h->refused && was_written(b)) {
        log_info("the log takes publishes again");
        h->refused = false;
    }
}

/* E: what is wrong with the log, whatever was published. */
static void count_results(struct hub *h, const struct publish *list, const struct batch *b,
                          enum err e)
{
    uint64_t failed = 0;
    for (const struct publish *p = list; p; p = p->next) {
        failed += p->result != ERR_OK && p->result != ERR_CONFLICT;
        if (is_the_logs(p->result))
            e = p->result;
    }
    if (e)
        atomic_store_explicit(&h->failed_at_ms, now_monotonic_ms(), memory_order_relaxed);
    else if (b)
        atomic_store_explicit(&h->failed_at_ms, 0, memory_order_relaxed);
    tell_refusal(h, e, b);
    atomic_fetch_add_explicit(&h->failed, failed, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->commits, 1, memory_order_relaxed);
    if (b)
        atomic_fetch_add_explicit(&h->published, b->count, memory_order_relaxed);
}

static void commit_group(struct hub *h, struct publish *list, size_t bytes)
{
    struct batch *batch;
    enum err place = look_for_log(h, list);
    broker_commit(h->broker, list, tell_time(h), &batch);
    count_results(h, list, batch, place);
    /* The head is known to all before any subscriber can show a cursor of it to another worker. */
    atomic_store_explicit(&h->head, broker_head(h->broker), memory_order_release);
    atomic_fetch_sub_explicit(&h->queued_bytes, bytes, memory_order_relaxed);
    if (batch)
        send_batch(h, batch);
    send_answers(h, list);
    /* Once for both: a worker that the batch woke would run, sleep, and be woken by the answers. */
    for (unsigned w = 0; w < h->inbox_count; w++)
        inbox_signal(&h->inboxes[w]);
}

/* --- publishing --- */

struct load {
    size_t messages, bytes;
};

static struct load load_of(const struct publish *list)
{
    struct load load = {0};
    for (const struct publish *p = list; p; p = p->next) {
        load.messages += p->count;
        load.bytes += p->bytes;
    }
    return load;
}

/* Takes the place of the thread, which sleeps, if nothing waits for it. Now and then all goes by
 * the thread, which looks after more than publishes (PLACE_MS). */
static bool step_in(struct hub *h)
{
    uint64_t now_ms = now_monotonic_ms();
    pthread_mutex_lock(&h->lock);
    bool vacant = h->sleeping && !h->stepped_in && !h->held_up && !h->stopping;
    if (vacant && !h->queue && !h->calls && now_ms < h->place_due_ms)
        h->stepped_in = true;
    else
        vacant = false;
    pthread_mutex_unlock(&h->lock);
    return vacant;
}

/* What came meanwhile is the thread's. */
static void step_out(struct hub *h)
{
    pthread_mutex_lock(&h->lock);
    h->stepped_in = false;
    bool wanted = h->held_up || h->queue || h->calls || h->stopping;
    pthread_mutex_unlock(&h->lock);
    if (wanted)
        pthread_cond_signal(&h->wake);
}

/* Whoever is in the thread's place waits for nobody: the one that it would wait for may be itself.
 * Only who is there puts batches in. */
static bool is_any_full(struct hub *h)
{
    bool full = false;
    for (unsigned w = 0; w < h->inbox_count && !full; w++) {
        struct inbox *in = &h->inboxes[w];
        pthread_mutex_lock(&in->lock);
        full = is_full(in);
        pthread_mutex_unlock(&in->lock);
    }
    return full;
}

/* Commits what is in memory only on this thread, if nobody else is at it. So it never overtakes
 * what is on its way to the log. A clock in doubt may have to be told to the log, too. */
static bool commit_here(struct hub *h, struct publish *list, const struct load *load)
{
    if (load->messages > GROUP_MESSAGES || load->bytes > GROUP_BYTES || !step_in(h))
        return false;
    bool can = !h->clock.doubted && broker_needs_no_log(h->broker, list) && !is_any_full(h);
    if (can)
        commit_group(h, list, 0);
    step_out(h);
    return can;
}

void hub_publish(struct hub *h, struct publish *first, struct publish *last)
{
    last->next = NULL;
    struct load load = load_of(first);
    if (commit_here(h, first, &load))
        return;
    atomic_fetch_add_explicit(&h->queued_bytes, load.bytes, memory_order_relaxed);
    pthread_mutex_lock(&h->lock);
    *h->queue_end = first;
    h->queue_end = &last->next;
    queue_unlock(h);
}

/* --- the broker's thread --- */

static void run_calls(struct hub *h, struct hub_call *calls)
{
    while (calls) {
        struct hub_call *next = calls->next;
        calls->run(calls, h->broker);
        calls = next;
    }
}

/* What the broker's thread does when its time has come. */
struct timetable {
    uint64_t sync_at_ms;   /* unsynced commits are due, monotonic; UINT64_MAX = there are none */
    uint64_t retain_at_ms; /* retention has more to do, by the hub's clock */
    uint64_t clock_at_ms;  /* the clock is to be looked at, monotonic */
    bool retain_fails;     /* and could not, the last time; logged */
};

/* How long nothing will be due, in ms. */
static uint64_t idle_ms(const struct hub *h, const struct timetable *t)
{
    uint64_t now = now_monotonic_ms(), unix_now = hub_clock_ms(h), idle = IDLE_MAX_MS;
    if (t->sync_at_ms <= now || t->retain_at_ms <= unix_now || t->clock_at_ms <= now)
        return 0;
    if (t->sync_at_ms - now < idle)
        idle = t->sync_at_ms - now;
    if (t->clock_at_ms - now < idle)
        idle = t->clock_at_ms - now;
    return t->retain_at_ms - unix_now < idle ? t->retain_at_ms - unix_now : idle;
}

/* With the lock held. */
static void wait_for_work(struct hub *h, uint64_t ms)
{
    uint64_t until_ms = now_monotonic_ms() + ms;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    h->sleeping = true;
    pthread_cond_timedwait(&h->wake, &h->lock, &until);
    while ((h->held_up = h->stepped_in))
        pthread_cond_wait(&h->wake, &h->lock);
    h->sleeping = false;
}

static void sync_log(struct hub *h, struct timetable *t)
{
    enum err e = broker_sync(h->broker);
    if (e != ERR_OK)
        log_error("cannot sync the log: %s", err_text(e));
    t->sync_at_ms = UINT64_MAX;
}

static void retain(struct hub *h, struct timetable *t)
{
    enum err e = broker_retain(h->broker, tell_time(h), &t->retain_at_ms);
    if (e != ERR_OK && !t->retain_fails)
        log_error("cannot remove what is not to be kept, trying on: %s", err_text(e));
    t->retain_fails = e != ERR_OK;
}

/* Whether retention is due by it: also when it was set back, since what is due was told by the
 * former time. */
static bool look_at_clock(struct hub *h, struct timetable *t)
{
    uint64_t ahead = atomic_load_explicit(&h->ahead_ms, memory_order_relaxed);
    uint64_t now = tell_time(h);
    int64_t moved = (int64_t)(atomic_load_explicit(&h->ahead_ms, memory_order_relaxed) - ahead);
    t->clock_at_ms = now_monotonic_ms() + IDLE_MAX_MS;
    return t->retain_at_ms <= now || moved < -CLOCK_STEP_MS;
}

static void work(struct hub *h, struct timetable *t, struct hub_call *calls, struct publish *list,
                 size_t bytes)
{
    uint64_t interval = h->options.sync_interval_ms;
    if (list) {
        commit_group(h, list, bytes);
        if (interval && t->sync_at_ms == UINT64_MAX)
            t->sync_at_ms = now_monotonic_ms() + interval;
    }
    run_calls(h, calls);
    if (look_at_clock(h, t) || list || calls)
        retain(h, t);
    if (t->sync_at_ms <= now_monotonic_ms())
        sync_log(h, t);
}

static void *broker_thread(void *arg)
{
    struct hub *h = arg;
    struct timetable t = {.sync_at_ms = UINT64_MAX};
    pthread_mutex_lock(&h->lock);
    for (;;) {
        size_t bytes;
        struct hub_call *calls = take_calls(h);
        struct publish *list = take_group(h, &bytes);
        uint64_t idle = calls || list ? 0 : idle_ms(h, &t);
        if (!calls && !list && h->stopping)
            break;
        if (idle > 0) {
            wait_for_work(h, idle);
            continue;
        }
        pthread_mutex_unlock(&h->lock);
        work(h, &t, calls, list, bytes);
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    spare_finish_thread();
    return NULL;
}

/* --- backups --- */

static void *backup_thread(void *arg)
{
    struct hub *h = arg;
    struct backups *all = &h->backups;
    struct hub_backup *b = all->asked;
    struct store_copy *copy = all->copy;
    b->result = store_copy_run(copy, &b->copied);
    pthread_mutex_lock(&all->lock);
    all->copy = NULL;
    pthread_mutex_unlock(&all->lock);
    store_copy_destroy(copy);
    hub_call_worker(h, b->worker, &b->call);
    return NULL;
}

/* With the lock held, or by the last one: a thread whose copy is over may still be on its way out.
 */
static void join_former(struct backups *all)
{
    if (all->started)
        pthread_join(all->thread, NULL);
    all->started = false;
}

static enum err start_backup(struct hub *h, struct hub_backup *b)
{
    struct backups *all = &h->backups;
    all->copy = broker_copy(h->broker, b->path);
    if (!all->copy)
        return ERR_NOMEM;
    all->asked = b;
    all->started = pthread_create(&all->thread, NULL, backup_thread, h) == 0;
    if (all->started)
        return ERR_OK;
    store_copy_destroy(all->copy);
    all->copy = NULL;
    return ERR_IO;
}

enum err hub_backup(struct hub *h, struct hub_backup *b)
{
    struct backups *all = &h->backups;
    pthread_mutex_lock(&all->lock);
    enum err e = all->ended ? ERR_CLOSED : all->copy ? ERR_LOCKED : ERR_OK;
    if (e == ERR_OK) {
        join_former(all);
        e = start_backup(h, b);
    }
    pthread_mutex_unlock(&all->lock);
    return e;
}

void hub_end_backups(struct hub *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->backups.lock);
    h->backups.ended = true;
    if (h->backups.copy)
        store_copy_cancel(h->backups.copy);
    pthread_mutex_unlock(&h->backups.lock);
}

/* --- life --- */

static void init_wake(struct hub *h)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&h->lock, NULL);
}

enum err hub_start(const struct hub_options *o, struct broker *b, struct hub **ret)
{
    struct hub *h = calloc(1, sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    init_wake(h);
    pthread_mutex_init(&h->backups.lock, NULL);
    h->options = *o;
    h->broker = b;
    h->head = broker_head(b);
    clock_init(&h->clock, now_unix_ms(), now_boottime_ms(), o->log->last_time_ms);
    h->ahead_ms = h->clock.now_ms - h->clock.steady_ms;
    h->queue_end = &h->queue;
    h->calls_end = &h->calls;
    h->inboxes = calloc(o->workers, sizeof(*h->inboxes));
    enum err e = h->inboxes ? ERR_OK : ERR_NOMEM;
    while (e == ERR_OK && h->inbox_count < o->workers) {
        e = inbox_init(&h->inboxes[h->inbox_count]);
        if (e == ERR_OK)
            h->inbox_count++;
    }
    if (e == ERR_OK && pthread_create(&h->thread, NULL, broker_thread, h) != 0)
        e = ERR_IO;
    if (e != ERR_OK) {
        hub_destroy(h);
        return e;
    }
    h->started = true;
    *ret = h;
    return ERR_OK;
}

static void inbox_close(struct inbox *in)
{
    pthread_mutex_lock(&in->lock);
    in->closed = true;
    pthread_cond_signal(&in->taken);
    pthread_mutex_unlock(&in->lock);
}

void hub_stop(struct hub *h)
{
    if (!h || !h->started)
        return;
    hub_end_backups(h);
    join_former(&h->backups);
    for (unsigned w = 0; w < h->inbox_count; w++)
        inbox_close(&h->inboxes[w]);
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    queue_unlock(h);
    pthread_join(h->thread, NULL);
    h->started = false;
}

void hub_destroy(struct hub *h)
{
    if (!h)
        return;
    for (unsigned w = 0; w < h->inbox_count; w++)
        inbox_finish(&h->inboxes[w]);
    free(h->inboxes);
    pthread_mutex_destroy(&h->lock);
    pthread_mutex_destroy(&h->backups.lock);
    pthread_cond_destroy(&h->wake);
    free(h);
}

uint64_t hub_head(const struct hub *h)
{
    return atomic_load_explicit(&h->head, memory_order_acquire);
}

const struct store_state *hub_log(const struct hub *h)
{
    return h->options.log;
}

struct topic_table *hub_topics(struct hub *h)
{
    return broker_topics(h->broker);
}

struct revoked *hub_revoked(struct hub *h)
{
    return broker_revoked(h->broker);
}

struct interest *hub_interest(struct hub *h)
{
    return broker_interest(h->broker);
}

struct presence *hub_presence(struct hub *h)
{
    return broker_presence(h->broker);
}

struct roll *hub_roll(struct hub *h)
{
    return broker_roll(h->broker);
}

unsigned hub_workers(const struct hub *h)
{
    return h->inbox_count;
}

void hub_read_stats(const struct hub *h, struct hub_stats *ret)
{
    uint64_t failed_at = atomic_load_explicit(&h->failed_at_ms, memory_order_relaxed);
    *ret = (struct hub_stats){
        .published = atomic_load_explicit(&h->published, memory_order_relaxed),
        .commits = atomic_load_explicit(&h->commits, memory_order_relaxed),
        .failed = atomic_load_explicit(&h->failed, memory_order_relaxed),
        .expired = broker_expired(h->broker),
        .forgotten = broker_forgotten(h->broker),
        .queued_bytes = atomic_load_explicit(&h->queued_bytes, memory_order_relaxed),
        .damaged = broker_log_damaged(h->broker),
        .failing = failed_at && now_monotonic_ms() - failed_at < FAILING_MS,
    };
}
