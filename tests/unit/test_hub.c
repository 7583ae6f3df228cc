/*
 * The broker's thread and the workers' inboxes: order, answers, calls, back-pressure and stopping.
 * Meant for ThreadSanitizer too.
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
#include <sys/resource.h>
#include <unistd.h>

#include "base/workers.h"
#include "tests/unit/broker_fixture.h"

static struct rig rig;
static struct hub *hub;

static void start_hub(unsigned workers, size_t queue_bytes, uint64_t sync_interval_ms)
{
    struct hub_options o = {workers, queue_bytes, sync_interval_ms, &rig.log};
    ck_assert_int_eq(hub_start(&o, rig.broker, &hub), ERR_OK);
    ck_assert_uint_eq(hub_workers(hub), workers);
}

static void setup(void)
{
    rig_init(&rig, false);
    rig_start(&rig);
    hub = NULL;
}

static void teardown(void)
{
    hub_stop(hub);
    hub_destroy(hub);
    rig_finish(&rig);
}

/* --- a worker --- */

struct worker {
    pthread_t thread;
    unsigned index;
    struct hub_mail mail;
    uint64_t head;     /* the last offset that has arrived */
    uint64_t messages; /* arrived */
    uint32_t asked, answered;
    size_t calls;
};

static void wait_for_mail(unsigned w)
{
    struct pollfd p = {.fd = hub_mail_fd(hub, w), .events = POLLIN};
    uint64_t count;
    if (!hub_may_sleep(hub, w))
        return;
    while (poll(&p, 1, -1) < 0)
        ck_assert_int_eq(errno, EINTR);
    ck_assert_int_eq(read(p.fd, &count, sizeof(count)), sizeof(count));
}

static void take_batch(struct worker *w, struct batch *b)
{
    ck_assert_uint_eq(b->first, w->head + 1);
    ck_assert_uint_eq(b->last - b->first + 1, b->count);
    for (uint32_t i = 0; i < b->count; i++)
        ck_assert_uint_eq(b->messages[i]->offset, b->first + i);
    w->head = b->last;
    w->messages += b->count;
    ck_assert_uint_le(w->head, hub_head(hub));
    batch_unref(b);
}

static void take_answer(struct worker *w, struct publish *p)
{
    ck_assert_uint_eq(p->worker, w->index);
    ck_assert_ptr_eq(p->owner, w);
    ck_assert_uint_eq(p->tag, ++w->answered);
    ck_assert_int_eq(p->result, ERR_OK);
    for (uint32_t i = 0; i < p->count; i++) {
        ck_assert_uint_gt(p->items[i].offset, 0);
        ck_assert_uint_le(p->items[i].offset, w->head); /* its batch came before */
    }
    publish_free(p);
}

static void take_mail(struct worker *w)
{
    hub_take_mail(hub, w->index, &w->mail);
    for (size_t i = 0; i < w->mail.batch_count; i++)
        take_batch(w, w->mail.batches[i]);
    w->mail.batch_count = 0;
    while (w->mail.answers) {
        struct publish *next = w->mail.answers->next;
        take_answer(w, w->mail.answers);
        w->mail.answers = next;
    }
    for (struct hub_call *c = w->mail.calls, *next; c; c = next, w->calls++) {
        next = c->next;
        c->run(c, w);
    }
    w->mail.calls = NULL;
}

static void worker_finish(struct worker *w)
{
    free(w->mail.batches);
}

/* A publish of COUNT messages of the worker's own topic. */
static struct publish *ask(struct worker *w, uint32_t count)
{
    char topic[] = "worker/0";
    struct publish *p = publish_create(count);
    topic[7] = (char)('0' + w->index);
    for (uint32_t i = 0; i < count; i++)
        publish_set(p, i, message_of(topic, "payload", NULL));
    p->owner = w;
    p->worker = w->index;
    p->tag = ++w->asked;
    return p;
}

static void publish_one(struct worker *w)
{
    struct publish *p = ask(w, 1);
    hub_publish(hub, p, p);
}

/* --- many at once --- */

enum { WORKERS = 4, PUBLISHES = 600, TOTAL = WORKERS * PUBLISHES * 3 / 2 };

/* Publishes one and two messages in turn, one or three publishes at a time. */
static void publish_a_few(struct worker *w)
{
    struct publish *first = ask(w, w->asked % 2 + 1), *last = first;
    if (w->asked % 4 == 1 && w->asked + 2 <= PUBLISHES)
        for (int i = 0; i < 2; i++) {
            last->next = ask(w, w->asked % 2 + 1);
            last = last->next;
        }
    hub_publish(hub, first, last);
}

static void *run_worker(void *arg)
{
    struct worker *w = arg;
    while (w->answered < PUBLISHES || w->messages < TOTAL) {
        if (w->asked < PUBLISHES && !hub_is_full(hub))
            publish_a_few(w);
        else
            wait_for_mail(w->index);
        take_mail(w);
    }
    return NULL;
}

/* _i: with a queue that is often full. */
START_TEST(all_workers_get_all_batches_and_their_own_answers)
{
    static struct worker workers[WORKERS];
    memset(workers, 0, sizeof(workers));
    start_hub(WORKERS, _i ? 2000 : 1 << 20, 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].index = i;
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        ck_assert_uint_eq(workers[i].messages, TOTAL);
        ck_assert_uint_eq(workers[i].head, TOTAL);
        worker_finish(&workers[i]);
    }
    struct hub_stats stats;
    hub_read_stats(hub, &stats);
    ck_assert_uint_eq(stats.published, TOTAL);
    ck_assert_uint_ge(stats.commits, 1);
    ck_assert_uint_eq(stats.failed, 0);
    ck_assert_uint_eq(stats.queued_bytes, 0);
    ck_assert(!stats.failing);
    ck_assert_uint_eq(hub_head(hub), TOTAL);
}
END_TEST

START_TEST(one_worker_is_enough)
{
    struct worker w = {0};
    start_hub(1, 1 << 20, 0);
    publish_one(&w);
    while (w.answered < 1) {
        wait_for_mail(0);
        take_mail(&w);
    }
    ck_assert_uint_eq(w.head, 1);
    ck_assert_ptr_eq(hub_topics(hub), broker_topics(rig.broker));
    ck_assert_ptr_eq(hub_interest(hub), broker_interest(rig.broker));
    ck_assert_ptr_eq(hub_log(hub), &rig.log);
    worker_finish(&w);
}
END_TEST

/* The answer to an empty publish says that everything before it has been committed. */
START_TEST(a_probe_comes_back_behind_what_was_before_it)
{
    struct worker w = {0};
    start_hub(1, 1 << 20, 0);
    for (int i = 0; i < 50; i++) {
        publish_one(&w);
        struct publish *probe = ask(&w, 0);
        hub_publish(hub, probe, probe);
        while (w.answered < w.asked) {
            wait_for_mail(0);
            take_mail(&w);
        }
        ck_assert_uint_eq(w.head, (uint64_t)i + 1);
    }
    worker_finish(&w);
}
END_TEST

/* --- calls --- */

struct trip {
    struct hub_call call;
    unsigned worker;
    int number;
    pthread_t broker_thread;
};

static int trips_out; /* the number of the next trip to reach the broker */

static void come_home(struct hub_call *call, void *where)
{
    struct trip *t = (struct trip *)call;
    const struct worker *w = where;
    ck_assert_uint_eq(w->index, t->worker);
    ck_assert_int_eq(t->number, (int)w->calls);
    ck_assert(!pthread_equal(t->broker_thread, pthread_self()));
    free(t);
}

static void go_to_broker(struct hub_call *call, void *where)
{
    struct trip *t = (struct trip *)call;
    ck_assert_ptr_eq(where, rig.broker);
    ck_assert_int_eq(t->number, trips_out++);
    t->broker_thread = pthread_self();
    t->call.run = come_home;
    hub_call_worker(hub, t->worker, call);
}

START_TEST(calls_go_to_the_broker_and_come_back_in_order)
{
    struct worker w = {.index = 1};
    start_hub(2, 1 << 20, 0);
    trips_out = 0;
    for (int i = 0; i < 100; i++) {
        struct trip *t = calloc(1, sizeof(*t));
        t->call.run = go_to_broker;
        t->worker = 1;
        t->number = i;
        hub_call_broker(hub, &t->call);
        if (i % 3 == 0)
            publish_one(&w);
    }
    while (w.calls < 100 || w.answered < w.asked) {
        wait_for_mail(1);
        take_mail(&w);
    }
    worker_finish(&w);
}
END_TEST

/* --- back-pressure and stopping --- */

/* A call that keeps the broker's thread until it is let go. */
struct block {
    struct hub_call call;
    sem_t reached, go;
};

static void block_broker(struct hub_call *call, void *where)
{
    struct block *b = (struct block *)call;
    (void)where;
    sem_post(&b->reached);
    while (sem_wait(&b->go) < 0)
        ck_assert_int_eq(errno, EINTR);
}

static void block(struct block *b)
{
    b->call.run = block_broker;
    sem_init(&b->reached, 0, 0);
    sem_init(&b->go, 0, 0);
    hub_call_broker(hub, &b->call);
    while (sem_wait(&b->reached) < 0)
        ck_assert_int_eq(errno, EINTR);
}

START_TEST(the_queue_is_full_until_it_is_committed)
{
    struct worker w = {0};
    struct block b;
    start_hub(1, 5000, 0);
    ck_assert(!hub_is_full(hub));
    block(&b);
    int published = 0;
    for (; !hub_is_full(hub); published++)
        publish_one(&w);
    ck_assert_int_gt(published, 5);
    ck_assert_int_lt(published, 100);
    struct hub_stats stats;
    hub_read_stats(hub, &stats);
    ck_assert_uint_ge(stats.queued_bytes, 5000);
    publish_one(&w); /* never refused */
    sem_post(&b.go);
    while (w.answered < w.asked) {
        wait_for_mail(0);
        take_mail(&w);
    }
    ck_assert(!hub_is_full(hub));
    hub_read_stats(hub, &stats);
    ck_assert_uint_eq(stats.commits, 1); /* what gathers is one group */
    worker_finish(&w);
}
END_TEST

static void *stop_hub(void *arg)
{
    (void)arg;
    hub_stop(hub);
    return NULL;
}

START_TEST(stopping_commits_what_is_queued)
{
    struct worker w = {0};
    struct block b;
    pthread_t stopper;
    start_hub(2, 1 << 20, 0);
    block(&b);
    for (int i = 0; i < 20; i++)
        publish_one(&w);
    ck_assert_uint_eq(broker_head(rig.broker), 0);
    ck_assert_int_eq(pthread_create(&stopper, NULL, stop_hub, NULL), 0);
    sem_post(&b.go);
    pthread_join(stopper, NULL);
    ck_assert_uint_eq(broker_head(rig.broker), 20);
    hub_take_mail(hub, 0, &w.mail);
    for (const struct publish *p = w.mail.answers; p; p = p->next) {
        ck_assert_int_eq(p->result, ERR_OK);
        ck_assert_uint_eq(p->items[0].offset, ++w.answered);
    }
    ck_assert_uint_eq(w.answered, 20);
    list_free(w.mail.answers);
    for (size_t i = 0; i < w.mail.batch_count; i++)
        batch_unref(w.mail.batches[i]);
    worker_finish(&w);
    hub_stop(hub); /* once more is fine */
}
END_TEST

/* Runs behind the commit of what was queued before it. */
struct behind {
    struct hub_call call;
    sem_t reached;
};

static void tell_reached(struct hub_call *call, void *where)
{
    (void)where;
    sem_post(&((struct behind *)call)->reached);
}

/* Commits so many groups, one after the other. */
static void commit_groups(struct worker *w, unsigned count)
{
    static struct behind b = {.call.run = tell_reached};
    sem_init(&b.reached, 0, 0);
    while (count--) {
        publish_one(w);
        hub_call_broker(hub, &b.call);
        while (sem_wait(&b.reached) < 0)
            ck_assert_int_eq(errno, EINTR);
    }
}

/* One more, whose batch waits for room. */
static void commit_too_many(struct worker *w)
{
    uint64_t head = hub_head(hub);
    publish_one(w);
    while (hub_head(hub) == head)
        sched_yield();
}

enum { INBOX_BATCHES = 4096 }; /* as in hub.c */

/* The second worker fetches nothing: the broker waits for it rather than drop anything. */
START_TEST(a_full_inbox_makes_the_broker_wait)
{
    struct worker w = {0}, lazy = {.index = 1};
    start_hub(2, 1 << 20, 0);
    commit_groups(&w, INBOX_BATCHES);
    commit_too_many(&w);
    take_mail(&w);
    for (int i = 0; i < 100; i++)
        publish_one(&w);
    ck_assert_uint_eq(hub_head(hub), INBOX_BATCHES + 1);
    while (w.answered < w.asked || lazy.head < w.head) {
        struct worker *next = lazy.head < w.head ? &lazy : &w;
        wait_for_mail(next->index);
        take_mail(next);
    }
    ck_assert_uint_eq(w.head, INBOX_BATCHES + 101);
    worker_finish(&w);
    worker_finish(&lazy);
}
END_TEST

START_TEST(a_full_inbox_does_not_keep_the_hub_from_stopping)
{
    struct worker w = {0};
    start_hub(2, 1 << 20, 0);
    commit_groups(&w, INBOX_BATCHES);
    commit_too_many(&w);
    for (int i = 0; i < 100; i++)
        publish_one(&w);
    hub_stop(hub);
    ck_assert_uint_eq(broker_head(rig.broker), INBOX_BATCHES + 101);
}
END_TEST

/* --- failures and syncing --- */

static enum err wait_for_answer(struct worker *w)
{
    do {
        wait_for_mail(0);
        hub_take_mail(hub, 0, &w->mail);
        for (size_t i = 0; i < w->mail.batch_count; i++)
            batch_unref(w->mail.batches[i]);
        w->mail.batch_count = 0;
    } while (!w->mail.answers);
    enum err e = w->mail.answers->result;
    list_free(w->mail.answers);
    w->mail.answers = NULL;
    return e;
}

static enum err publish_and_wait(struct worker *w)
{
    publish_one(w);
    return wait_for_answer(w);
}

/* Publishes one that expects nothing behind what is beyond the head. */
static enum err collide_and_wait(struct worker *w)
{
    struct publish *p = ask(w, 1);
    ck_assert_int_eq(publish_expect(p, 0, &(struct cursor){.offset = UINT64_MAX}, 0), ERR_OK);
    hub_publish(hub, p, p);
    return wait_for_answer(w);
}

START_TEST(a_failing_log_shows_until_it_works_again)
{
    struct worker w = {0};
    struct hub_stats stats;
    start_hub(1, 1 << 20, 0);
    ck_assert_int_eq(publish_and_wait(&w), ERR_OK);
    rig.fault = ERR_NOSPACE; /* the broker sleeps; the queue's lock hands this over */
    ck_assert_int_eq(publish_and_wait(&w), ERR_NOSPACE);
    hub_read_stats(hub, &stats);
    ck_assert(stats.failing);
    ck_assert_uint_eq(stats.failed, 1);
    ck_assert_uint_eq(stats.published, 1);
    ck_assert_uint_eq(hub_head(hub), 1);
    rig.fault = ERR_OK;
    ck_assert_int_eq(publish_and_wait(&w), ERR_OK);
    hub_read_stats(hub, &stats);
    ck_assert(!stats.failing);
    ck_assert_uint_eq(stats.failed, 1);
    ck_assert_uint_eq(stats.published, 2);
    ck_assert_uint_eq(hub_head(hub), 2);
    worker_finish(&w);
}
END_TEST

/* The broker did what it was asked to. */
START_TEST(a_conflict_is_no_failure)
{
    struct worker w = {0};
    struct hub_stats stats;
    start_hub(1, 1 << 20, 0);
    ck_assert_int_eq(publish_and_wait(&w), ERR_OK);
    ck_assert_int_eq(collide_and_wait(&w), ERR_CONFLICT);
    hub_read_stats(hub, &stats);
    ck_assert(!stats.failing);
    ck_assert_uint_eq(stats.failed, 0);
    ck_assert_uint_eq(stats.published, 1);
    ck_assert_uint_eq(hub_head(hub), 1);
    worker_finish(&w);
}
END_TEST

START_TEST(the_log_is_synced_after_the_interval)
{
    struct worker w = {0};
    start_hub(1, 1 << 20, 1);
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_int_eq(publish_and_wait(&w), ERR_OK);
        while (atomic_load(&rig.syncs) < i)
            sched_yield();
    }
    ck_assert_uint_eq(atomic_load(&rig.syncs), 3);
    worker_finish(&w);
}
END_TEST

/* --- backups --- */

static struct store_ops slow_ops; /* the store's, but that a copy takes until it is let go */
static atomic_bool let_go;
static atomic_uint copies;

static enum err copy_slowly(struct store_copy *c, struct store_copied *ret)
{
    atomic_fetch_add(&copies, 1);
    while (!atomic_load(&let_go)) {
        if (store_copy_detach(c) != ERR_OK)
            return ERR_CLOSED;
        sched_yield();
    }
    *ret = (struct store_copied){.bytes = 7, .epoch = 8, .last = 9};
    return ERR_OK;
}

static void start_slow_hub(void)
{
    slow_ops = *rig.store->ops;
    slow_ops.copy = copy_slowly;
    rig.store->ops = &slow_ops;
    atomic_store(&let_go, false);
    atomic_store(&copies, 0);
    start_hub(2, 1 << 20, 0);
}

struct asked_backup {
    struct hub_backup backup;
    unsigned over; /* how often its call ran */
};

static void backup_is_over(struct hub_call *call, void *where)
{
    const struct worker *w = where;
    ck_assert_uint_eq(w->index, 1);
    ((struct asked_backup *)call)->over++;
}

static enum err ask_backup(struct asked_backup *b)
{
    *b = (struct asked_backup){
        .backup = {.call.run = backup_is_over, .worker = 1, .path = "/nowhere"}};
    return hub_backup(hub, &b->backup);
}

static void await_backup(struct worker *w, const struct asked_backup *b)
{
    while (!b->over) {
        wait_for_mail(w->index);
        take_mail(w);
    }
    ck_assert_uint_eq(b->over, 1);
}

START_TEST(publishing_goes_on_during_a_backup)
{
    struct worker w = {0}, other = {.index = 1};
    struct asked_backup first, second;
    start_slow_hub();
    for (unsigned round = 1; round <= 3; round++) {
        ck_assert_int_eq(ask_backup(&first), ERR_OK);
        while (atomic_load(&copies) < round)
            sched_yield();
        ck_assert_int_eq(ask_backup(&second), ERR_LOCKED);
        publish_one(&w);
        while (w.answered < w.asked) {
            wait_for_mail(0);
            take_mail(&w);
        }
        ck_assert_uint_eq(first.over, 0);
        atomic_store(&let_go, true);
        await_backup(&other, &first);
        ck_assert_int_eq(first.backup.result, ERR_OK);
        ck_assert_uint_eq(first.backup.copied.bytes, 7);
        ck_assert_uint_eq(first.backup.copied.last, 9);
        atomic_store(&let_go, false);
    }
    ck_assert_uint_eq(atomic_load(&copies), 3);
    worker_finish(&w);
    worker_finish(&other);
}
END_TEST

/* The linker puts this in the place of the real one. */
static bool no_threads;
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg)
{
    return no_threads ? EAGAIN : __real_pthread_create(t, a, run, arg);
}

START_TEST(without_threads_there_is_no_backup)
{
    struct worker w = {.index = 1};
    struct asked_backup b;
    start_slow_hub();
    no_threads = true;
    ck_assert_int_eq(ask_backup(&b), ERR_IO);
    no_threads = false;
    ck_assert_int_eq(ask_backup(&b), ERR_OK);
    atomic_store(&let_go, true);
    await_backup(&w, &b);
    ck_assert_int_eq(b.backup.result, ERR_OK);
    worker_finish(&w);
}
END_TEST

START_TEST(without_threads_no_hub_starts)
{
    struct hub_options o = {1, 1 << 20, 0, &rig.log};
    no_threads = true;
    ck_assert_int_eq(hub_start(&o, rig.broker, &hub), ERR_IO);
    no_threads = false;
    ck_assert_ptr_null(hub);
}
END_TEST

START_TEST(a_backup_can_be_ended)
{
    struct worker w = {.index = 1};
    struct asked_backup first, second;
    start_slow_hub();
    ck_assert_int_eq(ask_backup(&first), ERR_OK);
    hub_end_backups(hub);
    await_backup(&w, &first);
    ck_assert_int_eq(first.backup.result, ERR_CLOSED);
    ck_assert_int_eq(ask_backup(&second), ERR_CLOSED);
    hub_end_backups(hub);
    hub_end_backups(NULL);
    worker_finish(&w);
}
END_TEST

START_TEST(stopping_ends_a_backup)
{
    static struct asked_backup first;
    start_slow_hub();
    ck_assert_int_eq(ask_backup(&first), ERR_OK);
    hub_stop(hub);
    ck_assert_int_eq(first.backup.result, ERR_CLOSED);
}
END_TEST

/* --- life --- */

START_TEST(without_descriptors_no_hub_starts)
{
    struct rlimit limit, few;
    struct hub_options o = {8, 1 << 20, 0, &rig.log};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = dup(0);
    ck_assert_int_ge(next, 0);
    close(next);
    for (int room = 0; room < 8; room++) {
        few = limit;
        few.rlim_cur = (rlim_t)(next + room);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        ck_assert_int_eq(hub_start(&o, rig.broker, &hub), ERR_IO);
        ck_assert_ptr_null(hub);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(dup(0), next);
    close(next);
}
END_TEST

START_TEST(an_unused_hub_stops)
{
    start_hub(WORKERS_MAX, 1, 0);
    hub_stop(hub);
    hub_stop(NULL);
    hub_destroy(NULL);
}
END_TEST

/* What nobody fetched goes with the hub. */
START_TEST(mail_that_is_left_is_freed)
{
    struct worker w = {0};
    start_hub(2, 1 << 20, 0);
    commit_groups(&w, 10);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hub");
    TCase *t = tcase_create("hub");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, all_workers_get_all_batches_and_their_own_answers, 0, 2);
    tcase_add_test(t, one_worker_is_enough);
    tcase_add_test(t, a_probe_comes_back_behind_what_was_before_it);
    tcase_add_test(t, calls_go_to_the_broker_and_come_back_in_order);
    tcase_add_test(t, the_queue_is_full_until_it_is_committed);
    tcase_add_test(t, stopping_commits_what_is_queued);
    tcase_add_test(t, a_full_inbox_makes_the_broker_wait);
    tcase_add_test(t, a_full_inbox_does_not_keep_the_hub_from_stopping);
    tcase_add_test(t, a_failing_log_shows_until_it_works_again);
    tcase_add_test(t, a_conflict_is_no_failure);
    tcase_add_test(t, the_log_is_synced_after_the_interval);
    tcase_add_test(t, publishing_goes_on_during_a_backup);
    tcase_add_test(t, without_threads_there_is_no_backup);
    tcase_add_test(t, without_threads_no_hub_starts);
    tcase_add_test(t, a_backup_can_be_ended);
    tcase_add_test(t, stopping_ends_a_backup);
    tcase_add_test(t, without_descriptors_no_hub_starts);
    tcase_add_test(t, an_unused_hub_stops);
    tcase_add_test(t, mail_that_is_left_is_freed);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
