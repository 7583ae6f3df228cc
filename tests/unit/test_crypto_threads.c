/* Threads for costly arithmetic: every job comes home once, whatever happens meanwhile. */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/now.h"
#include "net/crypto_threads.h"
#include "net/loop.h"

enum { JOBS = 1000, THREADS = 3, PORTS = 2, QUEUE = 64 };

struct job {
    struct crypto_job job; /* first */
    pthread_t ran_on;
    unsigned place; /* how many had run before */
    unsigned done;
};

static struct process process;
static const struct net_settings settings;
static struct loop loops[PORTS];
static struct crypto_port ports[PORTS];
static struct crypto_threads *threads;
static struct job jobs[JOBS];
static unsigned done_count;
static _Atomic unsigned ran_count;
static _Atomic bool at_gate; /* a job is there */

/* What stands at the gate goes on when it is opened. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void run(struct crypto_job *job)
{
    struct job *j = (struct job *)job;
    atomic_store(&at_gate, true);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    j->ran_on = pthread_self();
    j->place = atomic_fetch_add(&ran_count, 1);
}

static void done(struct crypto_job *job)
{
    struct job *j = (struct job *)job;
    j->done++;
    done_count++;
}

static enum err submit(unsigned port, struct job *j)
{
    j->job.run = run;
    j->job.done = done;
    return crypto_port_submit(&ports[port], &j->job);
}

static void begin(unsigned count, size_t queue)
{
    ck_assert_int_eq(crypto_threads_create(count, queue, &threads), ERR_OK);
    for (unsigned i = 0; i < PORTS; i++) {
        ck_assert_int_eq(loop_init(&loops[i], i, &process, &settings), ERR_OK);
        ck_assert_int_eq(crypto_port_open(&ports[i], threads, &loops[i]), ERR_OK);
    }
}

static void end(void)
{
    crypto_threads_stop(threads);
    for (unsigned i = 0; i < PORTS; i++) {
        crypto_port_close(&ports[i]);
        loop_finish(&loops[i]);
    }
    crypto_threads_destroy(threads);
}

/* Waits at the loops until so many are done in all. */
static void await(unsigned count)
{
    while (done_count < count) {
        for (unsigned i = 0; i < PORTS; i++) {
            loop_set_timer(&loops[i], 1);
            loop_wait(&loops[i], false);
            crypto_port_serve(&ports[i]);
        }
    }
    ck_assert_uint_eq(done_count, count);
}

START_TEST(each_comes_home_once)
{
    unsigned next = 0;
    begin(THREADS, QUEUE);
    while (next < JOBS) {
        enum err e = submit(next % PORTS, &jobs[next]);
        if (e == ERR_OK)
            next++;
        else
            ck_assert_int_eq(e, ERR_LIMIT);
        for (unsigned i = 0; i < PORTS && e != ERR_OK; i++) {
            loop_set_timer(&loops[i], 1);
            loop_wait(&loops[i], false);
            crypto_port_serve(&ports[i]);
        }
    }
    await(JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        ck_assert_uint_eq(jobs[i].done, 1);
        ck_assert(jobs[i].job.ran);
        ck_assert(!pthread_equal(jobs[i].ran_on, pthread_self()));
    }
    end();
    ck_assert_uint_eq(done_count, JOBS);
}
END_TEST

/* The thread is at the first one, or is going to be, and so many more have room. */
START_TEST(the_queue_has_a_bound)
{
    unsigned taken = 0;
    begin(1, 4);
    pthread_mutex_lock(&gate);
    while (taken < JOBS && submit(0, &jobs[taken]) == ERR_OK)
        taken++;
    ck_assert_uint_ge(taken, 4);
    ck_assert_uint_le(taken, 5);
    pthread_mutex_unlock(&gate);
    await(taken);
    ck_assert_int_eq(submit(1, &jobs[taken]), ERR_OK); /* there is room again */
    await(taken + 1);
    end();
}
END_TEST

/* Many that come home together are done in several turns, in their order. */
START_TEST(a_turn_does_some_of_them)
{
    enum { MANY = 3 * CRYPTO_DONE_PER_TURN - 1 };
    begin(1, MANY);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(submit(0, &jobs[i]), ERR_OK);
    while (atomic_load(&ran_count) < MANY)
        sched_yield();
    crypto_threads_stop(threads); /* all are home */
    loop_set_timer(&loops[0], 1);
    loop_wait(&loops[0], false);
    for (unsigned turn = 1; turn <= 3; turn++) {
        ck_assert(crypto_port_has_more(&ports[0]));
        crypto_port_serve(&ports[0]);
        ck_assert_uint_eq(done_count, turn < 3 ? turn * CRYPTO_DONE_PER_TURN : MANY);
        ck_assert_uint_eq(jobs[done_count - 1].done, 1);
    }
    ck_assert(!crypto_port_has_more(&ports[0]));
    end();
}
END_TEST

START_TEST(what_a_turn_has_left_is_done_at_the_end)
{
    enum { MANY = CRYPTO_DONE_PER_TURN + 5 };
    begin(1, MANY);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(submit(0, &jobs[i]), ERR_OK);
    crypto_threads_stop(threads);
    loop_set_timer(&loops[0], 1);
    loop_wait(&loops[0], false);
    crypto_port_serve(&ports[0]);
    ck_assert_uint_eq(done_count, CRYPTO_DONE_PER_TURN);
    end();
    ck_assert_uint_eq(done_count, MANY);
}
END_TEST

/* One thread, which the first job holds until all others wait. */
START_TEST(what_goes_on_is_before_what_begins)
{
    static const bool goes_on[] = {false, false, true, false, true};
    static const unsigned order[] = {0, 2, 4, 1, 3};
    enum { COUNT = sizeof(goes_on) / sizeof(goes_on[0]) };
    begin(1, QUEUE);
    pthread_mutex_lock(&gate);
    ck_assert_int_eq(submit(0, &jobs[0]), ERR_OK);
    while (!atomic_load(&at_gate))
        sched_yield();
    for (unsigned i = 1; i < COUNT; i++) {
        jobs[i].job.goes_on = goes_on[i];
        ck_assert_int_eq(submit(0, &jobs[i]), ERR_OK);
    }
    pthread_mutex_unlock(&gate);
    await(COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        ck_assert_uint_eq(jobs[order[i]].place, i);
    end();
}
END_TEST

/* At the end, those that wait come home as they are. */
START_TEST(what_has_not_run_comes_home_too)
{
    begin(1, JOBS);
    pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(submit(i % PORTS, &jobs[i]), ERR_OK);
    pthread_mutex_unlock(&gate);
    end();
    ck_assert_uint_eq(done_count, 100);
    unsigned ran = 0;
    for (unsigned i = 0; i < 100; i++) {
        ck_assert_uint_eq(jobs[i].done, 1);
        ran += jobs[i].job.ran;
    }
    ck_assert_uint_eq(ran, ran_count);
}
END_TEST

START_TEST(nothing_is_taken_without_threads)
{
    begin(1, QUEUE);
    crypto_threads_stop(threads);
    ck_assert_int_eq(submit(0, &jobs[0]), ERR_CLOSED);
    crypto_port_close(&ports[0]);
    ck_assert_int_eq(submit(0, &jobs[0]), ERR_CLOSED);
    end();
    ck_assert_uint_eq(done_count, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("crypto_threads");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, each_comes_home_once);
    tcase_add_test(t, the_queue_has_a_bound);
    tcase_add_test(t, a_turn_does_some_of_them);
    tcase_add_test(t, what_a_turn_has_left_is_done_at_the_end);
    tcase_add_test(t, what_goes_on_is_before_what_begins);
    tcase_add_test(t, what_has_not_run_comes_home_too);
    tcase_add_test(t, nothing_is_taken_without_threads);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
