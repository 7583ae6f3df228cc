/*
 * What the hub bounds and tells: the size of a group, what waits for a worker, its figures, and
 * the time by which it dates. The clocks are moved by the test.
 */
#include "broker/broker_remove.h"
#include "broker/hub.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/now.h"
#include "broker/clock.h"
#include "tests/unit/broker_fixture.h"

enum {
    GROUP_MESSAGES = 8192, /* these as in hub.c */
    GROUP_BYTES = 16 << 20,
    INBOX_BATCHES = 4096,
    INBOX_BYTES = 64 << 20,
    FAILING_MS = 10000,
    HOUR_MS = 3600 * 1000,
};

static struct rig rig;
static struct retention_rules rules;
static struct hub *hub;

/* --- clocks --- */

static atomic_ullong real_ahead_ms, steady_ahead_ms;

/* The linker puts this in the place of the real one. */
int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = __real_clock_gettime(clock, t);
    t->tv_sec +=
        (time_t)(atomic_load(clock == CLOCK_REALTIME ? &real_ahead_ms : &steady_ahead_ms) / 1000);
    return rc;
}

/* While it is set, nobody waits for as long as was asked. */
static atomic_bool hurried;

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until);

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    struct timespec soon = *until;
    if (atomic_load(&hurried))
        soon.tv_sec = 0;
    return __real_pthread_cond_timedwait(cond, lock, &soon);
}

/* --- a hub --- */

static void start_hub(unsigned workers, size_t queue_bytes)
{
    struct hub_options o = {workers, queue_bytes, 0, &rig.log};
    ck_assert_int_eq(hub_start(&o, rig.broker, &hub), ERR_OK);
}

static void setup(void)
{
    rig_init(&rig, false);
    rules = (struct retention_rules){.rules = NULL};
    rig.options.retention = &rules;
    rig.now_ms = now_unix_ms();
    rig_start(&rig);
    hub = NULL;
}

static void teardown(void)
{
    hub_stop(hub);
    hub_destroy(hub);
    rig_finish(&rig);
}

static struct hub_stats stats(void)
{
    struct hub_stats s;
    hub_read_stats(hub, &s);
    return s;
}

static void await(sem_t *s)
{
    while (sem_wait(s) < 0)
        ck_assert_int_eq(errno, EINTR);
}

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
    await(&b->go);
}

static void block(struct block *b)
{
    b->call.run = block_broker;
    sem_init(&b->reached, 0, 0);
    sem_init(&b->go, 0, 0);
    hub_call_broker(hub, &b->call);
    await(&b->reached);
}

static struct publish *publish_many(const char *topic, uint32_t count, size_t payload)
{
    char *text = calloc(1, payload + 1);
    struct publish *p = publish_create(count);
    ck_assert(text && p);
    memset(text, 'x', payload);
    for (uint32_t i = 0; i < count; i++)
        publish_set(p, i, message_of(topic, text, NULL));
    free(text);
    return p;
}

static void send(struct publish *p)
{
    hub_publish(hub, p, p);
}

/* Worker W's mail. */
struct post {
    struct hub_mail mail;
    unsigned worker;
    size_t batches, answers; /* that have come */
    uint64_t time_ms;        /* of the newest message */
    enum err result;         /* of the newest answer */
};

static void take(struct post *w)
{
    hub_take_mail(hub, w->worker, &w->mail);
    for (size_t i = 0; i < w->mail.batch_count; i++) {
        struct batch *b = w->mail.batches[i];
        w->time_ms = b->messages[b->count - 1]->time_ms;
        batch_unref(b);
    }
    w->batches += w->mail.batch_count;
    w->mail.batch_count = 0;
    for (const struct publish *p = w->mail.answers; p; p = p->next, w->answers++)
        w->result = p->result;
    list_free(w->mail.answers);
    w->mail.answers = NULL;
}

static void await_answers(struct post *w, size_t count)
{
    struct pollfd p = {.fd = hub_mail_fd(hub, w->worker), .events = POLLIN};
    uint64_t n;
    for (take(w); w->answers < count; take(w)) {
        if (!hub_may_sleep(hub, w->worker))
            continue;
        while (poll(&p, 1, -1) < 0)
            ck_assert_int_eq(errno, EINTR);
        ck_assert_int_eq(read(p.fd, &n, sizeof(n)), sizeof(n));
    }
}

static enum err publish_and_wait(struct post *w, struct publish *p)
{
    send(p);
    await_answers(w, w->answers + 1);
    return w->result;
}

static void post_finish(struct post *w)
{
    take(w);
    free(w->mail.batches);
}

/* --- groups --- */

static uint64_t commits_of(struct post *w, struct publish *first, struct publish *second)
{
    uint64_t before = stats().commits;
    size_t answers = w->answers;
    struct block b;
    block(&b);
    send(first);
    send(second);
    ck_assert_uint_eq(stats().queued_bytes, first->bytes + second->bytes);
    sem_post(&b.go);
    await_answers(w, answers + 2);
    ck_assert_uint_eq(stats().queued_bytes, 0);
    return stats().commits - before;
}

static struct publish *messages(uint32_t count)
{
    return publish_many("mem/group", count, 1);
}

START_TEST(a_group_has_so_many_messages_at_most)
{
    struct post w = {.worker = 0};
    start_hub(1, SIZE_MAX);
    ck_assert_uint_eq(commits_of(&w, messages(GROUP_MESSAGES - 1), messages(1)), 1);
    ck_assert_uint_eq(commits_of(&w, messages(GROUP_MESSAGES), messages(1)), 2);
    /* One publish is never cut. */
    ck_assert_uint_eq(commits_of(&w, messages(GROUP_MESSAGES + 1), messages(1)), 2);
    post_finish(&w);
}
END_TEST

/* A publish of one message that counts as BYTES. */
static struct publish *heavy(size_t bytes)
{
    size_t empty = sizeof(struct publish) + sizeof(struct publish_item) + sizeof(struct message);
    struct publish *p = publish_many("mem/group", 1, bytes - empty - strlen("mem/group"));
    ck_assert_uint_le(p->bytes, bytes);
    p->bytes = bytes;
    return p;
}

START_TEST(a_group_has_so_many_bytes_at_most)
{
    struct post w = {.worker = 0};
    start_hub(1, SIZE_MAX);
    ck_assert_uint_eq(commits_of(&w, heavy(GROUP_BYTES - 1000), heavy(1000)), 1);
    ck_assert_uint_eq(commits_of(&w, heavy(GROUP_BYTES - 1000), heavy(1001)), 2);
    ck_assert_uint_eq(commits_of(&w, heavy(GROUP_BYTES + 1000), heavy(1000)), 2);
    post_finish(&w);
}
END_TEST

START_TEST(the_queue_is_full_with_its_last_byte)
{
    struct post w = {.worker = 0};
    struct block b;
    start_hub(1, 3000);
    block(&b);
    struct publish *first = heavy(1000);
    first->next = heavy(1999);
    hub_publish(hub, first, first->next); /* a list: all of it counts */
    ck_assert_uint_eq(stats().queued_bytes, 2999);
    ck_assert(!hub_is_full(hub));
    struct publish *probe = publish_create(0);
    probe->bytes = 1;
    send(probe);
    ck_assert(hub_is_full(hub));
    sem_post(&b.go);
    await_answers(&w, 3);
    ck_assert(!hub_is_full(hub));
    post_finish(&w);
}
END_TEST

/* --- inboxes --- */

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
static void commit_groups(size_t count, size_t payload)
{
    static struct behind b = {.call.run = tell_reached};
    sem_init(&b.reached, 0, 0);
    while (count--) {
        send(publish_many("mem/one", 1, payload));
        hub_call_broker(hub, &b.call);
        await(&b.reached);
    }
}

/* One more, whose batch waits for room. */
static void commit_too_many(size_t payload)
{
    uint64_t head = hub_head(hub);
    send(publish_many("mem/one", 1, payload));
    while (hub_head(hub) == head)
        sched_yield();
}

/* Gives a broker that goes on time to be seen doing so: one that waits does not care. */
static void give_time(void)
{
    poll(NULL, 0, 30);
}

/* Worker 1 fetches nothing: it gets COUNT batches and no more. */
static void check_full_with(size_t count, size_t payload)
{
    struct post w = {.worker = 0}, lazy = {.worker = 1};
    commit_groups(count, payload);
    commit_too_many(payload);
    send(publish_many("mem/one", 1, payload));
    give_time();
    ck_assert_uint_eq(hub_head(hub), count + 1); /* its last batch waits for room */
    take(&lazy);
    ck_assert_uint_eq(lazy.batches, count);
    await_answers(&w, count + 2);
    take(&lazy);
    ck_assert_uint_eq(lazy.batches, count + 2);
    /* All of the room is there again. */
    commit_groups(count - 1, payload);
    await_answers(&w, 2 * count + 1);
    take(&lazy);
    ck_assert_uint_eq(lazy.batches, 2 * count + 1);
    post_finish(&w);
    post_finish(&lazy);
}

START_TEST(so_many_batches_wait_for_a_worker)
{
    start_hub(2, SIZE_MAX);
    check_full_with(INBOX_BATCHES, 1);
}
END_TEST

START_TEST(so_many_bytes_wait_for_a_worker)
{
    enum { PIECES = 4 };
    start_hub(2, SIZE_MAX);
    check_full_with(PIECES, INBOX_BYTES / PIECES);
}
END_TEST

/* --- figures --- */

START_TEST(a_log_is_failing_until_it_takes_a_message_or_nobody_tries)
{
    static const enum err faults[] = {ERR_NOSPACE, ERR_IO, ERR_GONE};
    struct post w = {.worker = 0};
    rig.fault = faults[_i];
    start_hub(1, SIZE_MAX);
    ck_assert_int_eq(publish_and_wait(&w, publish_many("a", 1, 1)), faults[_i]);
    ck_assert(stats().failing);
    ck_assert_int_eq(publish_and_wait(&w, publish_create(0)), ERR_OK);
    ck_assert(stats().failing); /* an empty publish has told nothing new */
    atomic_fetch_add(&steady_ahead_ms, FAILING_MS);
    ck_assert(!stats().failing);
    ck_assert_uint_eq(stats().failed, 1);
    post_finish(&w);
}
END_TEST

static atomic_int place;
static atomic_uint looks;

static enum err look_for_place(struct store *s)
{
    (void)s;
    atomic_fetch_add(&looks, 1);
    return (enum err)atomic_load(&place);
}

/* Whoever asks for readiness, or publishes, makes the hub look for its log. */
START_TEST(a_log_that_is_not_in_its_place_is_failing)
{
    static struct store_ops ops;
    struct post w = {.worker = 0};
    ops = *rig.store->ops;
    ops.check_place = look_for_place;
    rig.store->ops = &ops;
    atomic_store(&place, ERR_OK);
    start_hub(1, SIZE_MAX);
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_int_eq(publish_and_wait(&w, publish_create(0)), ERR_OK);
        ck_assert_uint_eq(atomic_load(&looks), i);
    }
    ck_assert(!stats().failing);
    atomic_store(&place, ERR_GONE);
    atomic_fetch_add(&steady_ahead_ms, 2000);
    ck_assert_int_eq(publish_and_wait(&w, publish_many("mem/a", 1, 1)), ERR_OK);
    ck_assert_uint_eq(atomic_load(&looks), 4);
    ck_assert(stats().failing);
    ck_assert_uint_eq(stats().failed, 0);
    atomic_store(&place, ERR_OK);
    atomic_fetch_add(&steady_ahead_ms, 2000);
    ck_assert_int_eq(publish_and_wait(&w, publish_many("mem/a", 1, 1)), ERR_OK);
    ck_assert(!stats().failing);
    post_finish(&w);
}
END_TEST

/* What needs no disk does not hide that others failed beside it. */
START_TEST(a_group_may_fail_in_part)
{
    struct post w = {.worker = 0};
    struct block b;
    start_hub(1, SIZE_MAX);
    ck_assert_int_eq(publish_and_wait(&w, publish_many("mem/a", 1, 1)), ERR_OK);
    block(&b);
    rig.fault = ERR_NOSPACE;
    send(publish_many("a", 2, 1));
    send(publish_many("b", 1, 1));
    send(publish_many("mem/a", 3, 1));
    sem_post(&b.go);
    await_answers(&w, 4);
    ck_assert_int_eq(w.result, ERR_OK);
    ck_assert(stats().failing);
    ck_assert_uint_eq(stats().failed, 2);
    ck_assert_uint_eq(stats().published, 4);
    post_finish(&w);
}
END_TEST

/* A refusal that is not the log's makes nobody wait for the log. */
START_TEST(a_topic_too_many_is_no_failure_of_the_log)
{
    struct post w = {.worker = 0};
    char topic[16];
    start_hub(1, SIZE_MAX);
    for (unsigned i = 0; i < rig.options.max_topics; i++) {
        snprintf(topic, sizeof(topic), "%u", i);
        ck_assert_int_eq(publish_and_wait(&w, publish_many(topic, 1, 1)), ERR_OK);
    }
    ck_assert_int_eq(publish_and_wait(&w, publish_many("more", 1, 1)), ERR_LIMIT);
    ck_assert_uint_eq(stats().failed, 1);
    ck_assert(!stats().failing);
    post_finish(&w);
}
END_TEST

static void set_rules(struct hub_call *call, void *where)
{
    (void)call;
    broker_set_retention(where, &rules);
}

/* Retention runs behind publishes, behind calls that may have changed its rules, and when it is
 * time. */
START_TEST(what_retention_takes_away_is_counted)
{
    struct post w = {.worker = 0};
    struct hub_call call = {.run = set_rules};
    start_hub(1, SIZE_MAX);
    ck_assert_int_eq(publish_and_wait(&w, publish_many("a", 9, 1)), ERR_OK);
    ck_assert_uint_eq(stats().expired, 0);
    rules.otherwise.max_messages = 5;
    hub_call_broker(hub, &call);
    while (stats().expired < 4)
        sched_yield();
    ck_assert_int_eq(publish_and_wait(&w, publish_many("a", 2, 1)), ERR_OK);
    while (stats().expired < 6)
        sched_yield();
    struct block b;
    block(&b);
    rules = (struct retention_rules){.otherwise = {.max_age_ms = 1}};
    hub_call_broker(hub, &call);
    sem_post(&b.go);
    while (stats().expired < 11)
        sched_yield();
    ck_assert_uint_eq(stats().expired, 11);
    post_finish(&w);
}
END_TEST

START_TEST(a_hub_begins_where_the_log_ends)
{
    rig_publish_run(&rig, "a", 7);
    start_hub(1, SIZE_MAX);
    ck_assert_uint_eq(hub_head(hub), 7);
    ck_assert_uint_eq(stats().published, 0);
}
END_TEST

/* --- time --- */

struct setting {
    struct hub_call call;
    uint64_t real_ms, steady_ms;
    sem_t done;
};

static void set_clocks(struct hub_call *call, void *where)
{
    struct setting *s = (struct setting *)call;
    (void)where;
    atomic_fetch_add(&real_ahead_ms, s->real_ms);
    atomic_fetch_add(&steady_ahead_ms, s->steady_ms);
    sem_post(&s->done);
}

/* On the broker's thread, so that it sees both at once. */
static void pass(uint64_t real_ms, uint64_t steady_ms)
{
    struct setting s = {.call.run = set_clocks, .real_ms = real_ms, .steady_ms = steady_ms};
    sem_init(&s.done, 0, 0);
    hub_call_broker(hub, &s.call);
    await(&s.done);
}

/* When a message comes that is published now. */
static uint64_t dated(struct post *w)
{
    ck_assert_int_eq(publish_and_wait(w, publish_many("a", 1, 1)), ERR_OK);
    return w->time_ms;
}

static void check_near(uint64_t ms, uint64_t expected_ms)
{
    ck_assert_uint_ge(ms + CLOCK_STEP_MS, expected_ms);
    ck_assert_uint_le(ms, expected_ms + HOUR_MS / 4);
}

START_TEST(a_clock_that_was_set_is_followed_when_it_has_stood)
{
    struct post w = {.worker = 0};
    start_hub(1, SIZE_MAX);
    uint64_t first_ms = dated(&w);
    pass(HOUR_MS, 0);
    check_near(dated(&w), first_ms);
    check_near(hub_clock_ms(hub), first_ms);
    pass(CLOCK_CONFIRM_MS, CLOCK_CONFIRM_MS);
    check_near(dated(&w), first_ms + HOUR_MS + CLOCK_CONFIRM_MS);
    check_near(hub_clock_ms(hub), first_ms + HOUR_MS + CLOCK_CONFIRM_MS);
    post_finish(&w);
}
END_TEST

static void pass_idly(uint64_t real_ms, uint64_t steady_ms)
{
    atomic_fetch_add(&real_ahead_ms, real_ms);
    atomic_fetch_add(&steady_ahead_ms, steady_ms);
}

/* Nobody publishes, and nobody asks for anything. */
START_TEST(a_clock_that_was_set_is_followed_while_nothing_happens)
{
    struct post w = {.worker = 0};
    start_hub(1, SIZE_MAX);
    uint64_t first_ms = dated(&w);
    atomic_store(&hurried, true);
    pass(0, 0); /* it may be waiting already */
    pass_idly(HOUR_MS, 0);
    /* Less than an hour passes in all. */
    for (int i = 0; i < 50 && hub_clock_ms(hub) < first_ms + HOUR_MS; i++) {
        pass_idly(CLOCK_CONFIRM_MS, CLOCK_CONFIRM_MS);
        for (int n = 0; n < 200 && hub_clock_ms(hub) < first_ms + HOUR_MS; n++)
            usleep(1000);
    }
    ck_assert_uint_ge(hub_clock_ms(hub), first_ms + HOUR_MS);
    atomic_store(&hurried, false);
    post_finish(&w);
}
END_TEST

/* Keys are as old as they are: by a step of the clock none is forgotten. */
START_TEST(keys_are_known_behind_a_step)
{
    struct post w = {.worker = 0};
    struct publish *keyed[2];
    for (int i = 0; i < 2; i++) {
        keyed[i] = publish_create(1);
        publish_set(keyed[i], 0, message_of("a", "x", "key"));
    }
    rig_finish(&rig);
    rig_init(&rig, false);
    rig.options.dedup_window_ms = HOUR_MS;
    rig.now_ms = now_unix_ms();
    rig_start(&rig);
    start_hub(1, SIZE_MAX);
    ck_assert_int_eq(publish_and_wait(&w, keyed[0]), ERR_OK);
    pass(10 * HOUR_MS, 0);
    dated(&w);
    pass(CLOCK_CONFIRM_MS, CLOCK_CONFIRM_MS);
    check_near(dated(&w), now_unix_ms());
    size_t batches = w.batches;
    ck_assert_int_eq(publish_and_wait(&w, keyed[1]), ERR_OK);
    ck_assert_uint_eq(w.batches, batches); /* nothing new */
    post_finish(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hub_limits");
    TCase *t = tcase_create("hub_limits");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_group_has_so_many_messages_at_most);
    tcase_add_test(t, a_group_has_so_many_bytes_at_most);
    tcase_add_test(t, the_queue_is_full_with_its_last_byte);
    tcase_add_test(t, so_many_batches_wait_for_a_worker);
    tcase_add_test(t, so_many_bytes_wait_for_a_worker);
    tcase_add_loop_test(t, a_log_is_failing_until_it_takes_a_message_or_nobody_tries, 0, 3);
    tcase_add_test(t, a_log_that_is_not_in_its_place_is_failing);
    tcase_add_test(t, a_group_may_fail_in_part);
    tcase_add_test(t, a_topic_too_many_is_no_failure_of_the_log);
    tcase_add_test(t, what_retention_takes_away_is_counted);
    tcase_add_test(t, a_hub_begins_where_the_log_ends);
    tcase_add_test(t, a_clock_that_was_set_is_followed_when_it_has_stood);
    tcase_add_test(t, a_clock_that_was_set_is_followed_while_nothing_happens);
    tcase_add_test(t, keys_are_known_behind_a_step);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
