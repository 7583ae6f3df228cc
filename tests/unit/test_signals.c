/* Which signals end the hub, which it only speaks of, and which it does not notice. */
#include "daemon/signals.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

static const int meant[] = {SIGTERM, SIGINT, SIGHUP};
static const int told[] = {SIGUSR1, SIGUSR2, SIGQUIT, SIGALRM};
static const int ignored[] = {SIGPIPE, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGXFSZ};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* As a program begins that nobody has started in the background, where some are ignored. */
static void setup(void)
{
    for (int sig = 1; sig <= SIGRTMAX; sig++)
        signal(sig, SIG_DFL);
}

START_TEST(those_that_mean_something_are_given)
{
    sigset_t set;
    signals_catch(&set);
    raise(meant[_i]);
    ck_assert_int_eq(signals_wait(&set, 10000), meant[_i]);
    ck_assert_int_eq(signals_wait(&set, 0), 0);
}
END_TEST

START_TEST(others_are_passed_over)
{
    sigset_t set;
    signals_catch(&set);
    raise(told[_i]); /* taken out of the way, or it would end the process */
    ck_assert_int_eq(signals_wait(&set, 10000), 0);
    raise(SIGTERM);
    ck_assert_int_eq(signals_wait(&set, 10000), SIGTERM);
}
END_TEST

START_TEST(the_rest_does_nothing)
{
    sigset_t set, pending;
    signals_catch(&set);
    for (size_t i = 0; i < COUNT(ignored); i++)
        raise(ignored[i]);
    for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
        raise(sig);
    sigpending(&pending);
    ck_assert(sigisemptyset(&pending));
    ck_assert_int_eq(signals_wait(&set, 0), 0);
}
END_TEST

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

START_TEST(nothing_comes_in_time)
{
    sigset_t set;
    signals_catch(&set);
    uint64_t begin = now_ms();
    ck_assert_int_eq(signals_wait(&set, 1001), 0);
    ck_assert_uint_ge(now_ms() - begin, 1000); /* two clocks that are read at different moments */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signals");
    TCase *tc = tcase_create("signals");
    tcase_add_checked_fixture(tc, setup, NULL);
    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, those_that_mean_something_are_given, 0, COUNT(meant));
    tcase_add_loop_test(tc, others_are_passed_over, 0, COUNT(told));
    tcase_add_test(tc, the_rest_does_nothing);
    tcase_add_test(tc, nothing_comes_in_time);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
