/*
 * Memory messages that a worker commits in the place of the broker's thread: when it may, what it
 * never overtakes, and what happens to those who come meanwhile. Each step waits for the one before
 * it; the clocks stand still. Meant for ThreadSanitizer too.
 */
#include "broker/hub.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/broker_fixture.h"

enum { INBOX_BATCHES = 4096, GROUP_MESSAGES = 8192 /* as in hub.c */ };

static struct rig rig;
static struct hub *hub;

static void await(sem_t *s)
{
    while (sem_wait(s) < 0)
        ck_assert_int_eq(errno, EINTR);
}

/* --- the thread --- */

static sem_t asleep;       /* the thread has gone to sleep */
static atomic_uint sleeps; /* so many times */
static atomic_ullong now_ms;

uint64_t __wrap_now_monotonic_ms(void);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);

uint64_t __wrap_now_monotonic_ms(void)
{
    return atomic_load(&now_ms);
}

/* The lock is held until it waits: whoever gets that after the post finds it asleep. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    (void)until;
    atomic_fetch_add(&sleeps, 1);
    sem_post(&asleep);
    return pthread_cond_wait(cond, lock) ? 1 : 0;
}

/* --- commits that are held up --- */

/* The next commit tells that it is there, and waits: where it reads the clock, or in the log. */
static atomic_bool hold_commit, hold_append;
static sem_t held, go_on;

uint64_t __real_now_unix_ms(void);
uint64_t __wrap_now_unix_ms(void);

uint64_t __wrap_now_unix_ms(void)
{
    if (atomic_exchange(&hold_commit, false)) {
        sem_post(&held);
        await(&go_on);
    }
    return __real_now_unix_ms();
}

/* --- a hub --- */

static void start_hub(void)
{
    struct hub_options o = {2, 1 << 20, 0, &rig.log};
    ck_assert_int_eq(hub_start(&o, rig.broker, &hub), ERR_OK);
    await(&asleep);
}

static void setup(void)
{
    sem_init(&asleep, 0, 0);
    sem_init(&held, 0, 0);
    sem_init(&go_on, 0, 0);
    atomic_store(&sleeps, 0);
    atomic_store(&hold_commit, false);
    atomic_store(&hold_append, false);
    atomic_store(&now_ms, 1000000);
    rig_init(&rig, false);
    rig_start(&rig);
    start_hub();
}

static void teardown(void)
{
    hub_stop(hub);
    hub_destroy(hub);
    rig_finish(&rig);
}

static struct publish *publish_at(unsigned worker, const char *topic)
{
    struct publish *p = publish_create(1);
    ck_assert_ptr_nonnull(p);
    publish_set(p, 0, message_of(topic, "payload", NULL));
    p->worker = worker;
    return p;
}

static void send(unsigned worker, const char *topic)
{
    struct publish *p = publish_at(worker, topic);
    hub_publish(hub, p, p);
}

/* What has come for a worker. */
struct post {
    unsigned worker;
    struct hub_mail mail;
    uint64_t head;
    unsigned answers, calls;
};

static void take(struct post *w)
{
    hub_take_mail(hub, w->worker, &w->mail);
    for (size_t i = 0; i < w->mail.batch_count; i++) {
        ck_assert_uint_eq(w->mail.batches[i]->first, w->head + 1);
        w->head = w->mail.batches[i]->last;
        batch_unref(w->mail.batches[i]);
    }
    w->mail.batch_count = 0;
    for (const struct publish *p = w->mail.answers; p; p = p->next, w->answers++) {
        ck_assert_int_eq(p->result, ERR_OK);
        ck_assert(p->count == 0 || p->items[0].offset <= w->head); /* its batch came before */
    }
    list_free(w->mail.answers);
    w->mail.answers = NULL;
    for (struct hub_call *c = w->mail.calls; c; c = c->next)
        w->calls++;
    w->mail.calls = NULL;
}

static void finish(struct post *w)
{
    take(w);
    free(w->mail.batches);
}

/* Sends by way of the thread, which is awaited to sleep again. */
static void send_by_thread(unsigned worker, const char *topic)
{
    unsigned before = atomic_load(&sleeps);
    send(worker, topic);
    await(&asleep);
    ck_assert_uint_eq(atomic_load(&sleeps), before + 1);
}

static bool wakes(unsigned worker)
{
    struct pollfd p = {.fd = hub_mail_fd(hub, worker), .events = POLLIN};
    uint64_t n;
    if (poll(&p, 1, 0) != 1)
        return false;
    ck_assert_int_eq(read(p.fd, &n, sizeof(n)), sizeof(n));
    return true;
}

/* --- when --- */

/* The first one makes the topic known to the log, and reserves offsets. */
START_TEST(a_known_memory_topic_needs_no_other_thread)
{
    struct post w = {0}, other = {.worker = 1};
    send_by_thread(0, "mem/a");
    unsigned appends = rig.appends;
    take(&w);
    for (unsigned i = 2; i <= 10; i++) {
        send(0, "mem/a");
        ck_assert_uint_eq(hub_head(hub), i);
        take(&w);
        ck_assert_uint_eq(w.head, i);
        ck_assert_uint_eq(w.answers, i);
    }
    ck_assert_uint_eq(atomic_load(&sleeps), 2); /* the thread slept all the time */
    ck_assert_uint_eq(rig.appends, appends);
    take(&other);
    ck_assert_uint_eq(other.head, 10);
    struct hub_stats stats;
    hub_read_stats(hub, &stats);
    ck_assert_uint_eq(stats.published, 10);
    ck_assert_uint_eq(stats.commits, 10);
    ck_assert_uint_eq(stats.queued_bytes, 0);
    finish(&w);
    finish(&other);
}
END_TEST

/* The one that sleeps, and once; the one that is awake looks by itself. */
START_TEST(only_workers_that_sleep_are_woken)
{
    struct post w = {0}, other = {.worker = 1};
    send_by_thread(0, "mem/a");
    ck_assert(wakes(0) && wakes(1));
    take(&w);
    take(&other);
    ck_assert(hub_may_sleep(hub, 1));
    send(0, "mem/a");
    ck_assert(!hub_may_sleep(hub, 0)); /* it has mail */
    send(0, "mem/a");
    ck_assert(!wakes(0));
    ck_assert(wakes(1) && !wakes(1));
    take(&w);
    ck_assert(hub_may_sleep(hub, 0));
    send(1, "mem/a");
    ck_assert(wakes(0));
    finish(&w);
    finish(&other);
}
END_TEST

START_TEST(what_may_need_the_log_goes_by_the_thread)
{
    struct post w = {0};
    send_by_thread(0, "mem/a");
    send_by_thread(0, "disk/a");
    send_by_thread(0, "mem/b"); /* not known */
    struct publish *probe = publish_create(0);
    hub_publish(hub, probe, probe);
    await(&asleep);
    struct publish *both = publish_at(0, "mem/a");
    both->next = publish_at(0, "disk/a");
    hub_publish(hub, both, both->next);
    await(&asleep);
    ck_assert_uint_eq(atomic_load(&sleeps), 6);
    send(0, "mem/b");
    ck_assert_uint_eq(atomic_load(&sleeps), 6);
    take(&w);
    ck_assert_uint_eq(w.head, 6);
    ck_assert_uint_eq(w.answers, 7);
    finish(&w);
}
END_TEST

/* The log has to know first that it is one of memory now. */
START_TEST(a_topic_that_was_durable_goes_by_the_thread_once)
{
    teardown();
    rig_init(&rig, true);
    rig_start(&rig);
    rig_publish(&rig, "disk/a");
    rig.all_memory = true;
    rig_restart(&rig, true);
    start_hub();
    send_by_thread(0, "mem/a");
    send_by_thread(0, "disk/a");
    uint64_t head = hub_head(hub);
    send(0, "disk/a");
    ck_assert_uint_eq(hub_head(hub), head + 1);
}
END_TEST

/* The thread looks whether the log is still there, and what has become too old. */
START_TEST(now_and_then_the_thread_has_its_turn)
{
    struct post w = {0};
    send_by_thread(0, "mem/a");
    send(0, "mem/a");
    ck_assert_uint_eq(hub_head(hub), 2);
    atomic_fetch_add(&now_ms, 1000);
    send_by_thread(0, "mem/a");
    send(0, "mem/a");
    ck_assert_uint_eq(hub_head(hub), 4);
    finish(&w);
}
END_TEST

/* Offsets are reserved in the log, some ten thousands at a time. */
START_TEST(offsets_are_reserved_first)
{
    struct post w = {0}, other = {.worker = 1};
    send_by_thread(0, "mem/a");
    unsigned appends = rig.appends, slept = atomic_load(&sleeps);
    for (unsigned i = 2; i <= 70000; i++) {
        send(0, "mem/a");
        for (take(&w); w.head < i; take(&w))
            sched_yield();
        take(&other);
    }
    await(&asleep);
    ck_assert_uint_eq(rig.appends, appends + 1);
    ck_assert_uint_gt(atomic_load(&sleeps), slept);
    finish(&w);
    finish(&other);
}
END_TEST

/* What is too much for one group is cut by the thread. */
START_TEST(large_groups_are_the_threads)
{
    struct post w = {0};
    struct hub_stats stats;
    send_by_thread(0, "mem/a");
    struct publish *first = publish_at(0, "mem/a"), *last = first;
    for (unsigned i = 0; i < GROUP_MESSAGES; i++)
        last = last->next = publish_at(0, "mem/a");
    hub_publish(hub, first, last);
    await(&asleep);
    hub_read_stats(hub, &stats);
    ck_assert_uint_eq(stats.commits, 3);
    finish(&w);
}
END_TEST

/* --- meanwhile --- */

static enum err (*append)(struct store *s, const struct store_batch *b);

static enum err append_slowly(struct store *s, const struct store_batch *b)
{
    if (atomic_exchange(&hold_append, false)) {
        sem_post(&held);
        await(&go_on);
    }
    return append(s, b);
}

static void slow_down_log(struct store_ops *ops)
{
    append = rig.store->ops->append;
    *ops = *rig.store->ops;
    ops->append = append_slowly;
    rig.store->ops = ops; /* the thread sleeps; the queue's lock hands this over */
}

/* Nothing is shown before what has an earlier offset is safe. */
START_TEST(memory_messages_do_not_overtake_durable_ones)
{
    static struct store_ops slow;
    struct post w = {0}, other = {.worker = 1};
    send_by_thread(0, "mem/a");
    take(&w);
    take(&other);
    slow_down_log(&slow);
    atomic_store(&hold_append, true);
    send(0, "disk/a");
    await(&held); /* it is being written */
    send(0, "mem/a");
    send(1, "mem/a");
    take(&w);
    take(&other);
    ck_assert_uint_eq(w.head, 1);
    ck_assert_uint_eq(other.head, 1);
    ck_assert_uint_eq(hub_head(hub), 1);
    sem_post(&go_on);
    await(&asleep);
    take(&w);
    ck_assert_uint_eq(w.head, 4); /* in order, as take() checks */
    ck_assert_uint_eq(w.answers, 3);
    finish(&w);
    finish(&other);
}
END_TEST

static void *send_from_elsewhere(void *arg)
{
    send(1, "mem/a");
    return arg;
}

static atomic_uint called; /* as of the broker's thread */

static void note_call(struct hub_call *call, void *where)
{
    (void)call;
    (void)where;
    atomic_fetch_add(&called, 1);
}

/* A worker is in the thread's place, and in the middle of its commit. */
static pthread_t begin_commit(void)
{
    pthread_t t;
    atomic_store(&hold_commit, true);
    ck_assert_int_eq(pthread_create(&t, NULL, send_from_elsewhere, NULL), 0);
    await(&held);
    return t;
}

static void end_commit(pthread_t t)
{
    sem_post(&go_on);
    pthread_join(t, NULL);
}

START_TEST(who_comes_meanwhile_comes_behind_it)
{
    struct post w = {0}, other = {.worker = 1};
    struct hub_call call = {.run = note_call};
    atomic_store(&called, 0);
    send_by_thread(0, "mem/a");
    pthread_t t = begin_commit();
    send(0, "mem/a");
    send(0, "disk/a");
    hub_call_broker(hub, &call);
    take(&w);
    ck_assert_uint_eq(w.head, 1);
    ck_assert_uint_eq(atomic_load(&called), 0);
    end_commit(t);
    await(&asleep);
    ck_assert_uint_eq(atomic_load(&called), 1);
    take(&w);
    take(&other);
    ck_assert_uint_eq(w.head, 4);
    ck_assert_uint_eq(w.answers, 3);
    ck_assert_uint_eq(other.head, 4);
    ck_assert_uint_eq(other.answers, 1);
    send(0, "mem/a"); /* and there is nothing in the way any more */
    ck_assert_uint_eq(hub_head(hub), 5);
    finish(&w);
    finish(&other);
}
END_TEST

/* The thread is woken into it, and nothing more happens: it is not forgotten behind. */
START_TEST(the_thread_waits_until_its_place_is_free)
{
    struct post w = {0}, other = {.worker = 1};
    struct hub_call call = {.run = note_call};
    atomic_store(&called, 0);
    send_by_thread(0, "mem/a");
    for (unsigned i = 1; i <= 100; i++) {
        pthread_t t = begin_commit();
        hub_call_broker(hub, &call);
        end_commit(t);
        await(&asleep);
        ck_assert_uint_eq(atomic_load(&called), i);
    }
    take(&w);
    ck_assert_uint_eq(w.head, 101);
    finish(&w);
    finish(&other);
}
END_TEST

/* Whoever is in the thread's place waits for nobody, himself least of all. */
START_TEST(with_a_full_inbox_it_is_the_thread_who_waits)
{
    struct post w = {0}, lazy = {.worker = 1};
    send_by_thread(0, "mem/a");
    for (unsigned i = 2; i <= INBOX_BATCHES; i++) {
        send(0, "mem/a");
        take(&w);
    }
    ck_assert_uint_eq(w.head, INBOX_BATCHES);
    ck_assert_uint_eq(atomic_load(&sleeps), 2);
    send(0, "mem/a"); /* returns */
    while (hub_head(hub) == INBOX_BATCHES)
        sched_yield();
    take(&lazy);
    await(&asleep);
    take(&w);
    ck_assert_uint_eq(w.head, INBOX_BATCHES + 1);
    ck_assert_uint_eq(w.answers, INBOX_BATCHES + 1);
    finish(&w);
    finish(&lazy);
}
END_TEST

/* --- all at once --- */

enum { WORKERS = 2, PUBLISHES = 3000 };

static struct post posts[WORKERS];

static void await_mail(const struct post *w)
{
    struct pollfd p = {.fd = hub_mail_fd(hub, w->worker), .events = POLLIN};
    uint64_t n;
    if (!hub_may_sleep(hub, w->worker))
        return;
    while (poll(&p, 1, -1) < 0)
        ck_assert_int_eq(errno, EINTR);
    ck_assert_int_eq(read(p.fd, &n, sizeof(n)), sizeof(n));
}

/* Mostly to memory topics; one outstanding, or many. */
static void *run_worker(void *arg)
{
    struct post *w = arg;
    unsigned asked = 0;
    while (w->answers < PUBLISHES || w->head < WORKERS * PUBLISHES) {
        if (asked < PUBLISHES && asked - w->answers < 1 + asked / 100 % 8) {
            send(w->worker, asked % 50 ? "mem/a" : "disk/a");
            asked++;
        } else {
            await_mail(w);
        }
        take(w);
    }
    return NULL;
}

START_TEST(all_get_all_batches_in_order)
{
    pthread_t threads[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        posts[i] = (struct post){.worker = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_worker, &posts[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_uint_eq(posts[i].answers, PUBLISHES);
        ck_assert_uint_eq(posts[i].head, WORKERS * PUBLISHES);
        finish(&posts[i]);
    }
    ck_assert_uint_eq(broker_head(rig.broker), WORKERS * PUBLISHES);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hub_memory");
    TCase *t = tcase_create("hub_memory");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_known_memory_topic_needs_no_other_thread);
    tcase_add_test(t, only_workers_that_sleep_are_woken);
    tcase_add_test(t, what_may_need_the_log_goes_by_the_thread);
    tcase_add_test(t, a_topic_that_was_durable_goes_by_the_thread_once);
    tcase_add_test(t, now_and_then_the_thread_has_its_turn);
    tcase_add_test(t, offsets_are_reserved_first);
    tcase_add_test(t, large_groups_are_the_threads);
    tcase_add_test(t, memory_messages_do_not_overtake_durable_ones);
    tcase_add_test(t, who_comes_meanwhile_comes_behind_it);
    tcase_add_test(t, the_thread_waits_until_its_place_is_free);
    tcase_add_test(t, with_a_full_inbox_it_is_the_thread_who_waits);
    tcase_add_test(t, all_get_all_batches_in_order);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
