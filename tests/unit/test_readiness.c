/* Readiness: what is watched is told, and nothing else, whatever happens to the other side. */
#include "net/readiness.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 1000 };

static struct readiness readiness;
static int ours, theirs;
static unsigned told, times;

static void setup(void)
{
    int pair[2];
    ck_assert_int_eq(readiness_open(&readiness), ERR_OK);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
}

static void teardown(void)
{
    readiness_close(&readiness);
    close(ours);
    close(theirs);
}

static void note(void *item, unsigned what)
{
    ck_assert_ptr_eq(item, &ours);
    told = what;
    times++;
}

/* What is told now; 0 = nothing. */
static unsigned take(void)
{
    told = times = 0;
    readiness_collect(&readiness);
    ck_assert_uint_eq(times, 0);
    while (readiness_tell(&readiness, note))
        ;
    ck_assert_uint_le(times, 1);
    return told;
}

static void watch(unsigned was, unsigned wanted)
{
    ck_assert_int_eq(readiness_watch(&readiness, ours, &ours, was, wanted), ERR_OK);
}

static void fill(int fd)
{
    static const char bytes[4096];
    while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
        ;
}

static void drain(int fd)
{
    char bytes[4096];
    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
}

START_TEST(input_is_told_until_it_is_read)
{
    watch(READY_NONE, READY_READ);
    ck_assert_uint_eq(take(), READY_NONE);
    ck_assert_int_eq(send(theirs, "x", 1, 0), 1);
    ck_assert_uint_eq(take(), READY_READ);
    ck_assert_uint_eq(take(), READY_READ);
    drain(ours);
    ck_assert_uint_eq(take(), READY_NONE);
}
END_TEST

START_TEST(room_is_told_when_it_is_watched)
{
    watch(READY_NONE, READY_READ);
    fill(ours);
    watch(READY_READ, READY_READ | READY_WRITE);
    ck_assert_uint_eq(take(), READY_NONE);
    drain(theirs);
    ck_assert_uint_eq(take(), READY_WRITE);
    ck_assert_int_eq(send(theirs, "x", 1, 0), 1);
    ck_assert_uint_eq(take(), READY_READ | READY_WRITE);
    watch(READY_READ | READY_WRITE, READY_READ);
    ck_assert_uint_eq(take(), READY_READ);
}
END_TEST

START_TEST(a_watch_ends_and_begins_again)
{
    watch(READY_NONE, READY_READ);
    ck_assert_int_eq(send(theirs, "x", 1, 0), 1);
    watch(READY_READ, READY_NONE);
    ck_assert_uint_eq(take(), READY_NONE);
    watch(READY_NONE, READY_NONE);
    watch(READY_NONE, READY_READ);
    ck_assert_uint_eq(take(), READY_READ);
}
END_TEST

/* A connection that nobody reads from must not keep the loop busy when its peer leaves. */
START_TEST(a_broken_connection_is_told_only_while_it_is_watched)
{
    watch(READY_NONE, READY_READ);
    watch(READY_READ, READY_NONE);
    close(theirs);
    ck_assert_uint_eq(take(), READY_NONE);
    watch(READY_NONE, READY_WRITE);
    ck_assert_uint_eq(take(), READY_READ | READY_WRITE);
}
END_TEST

START_TEST(closing_the_descriptor_ends_the_watch)
{
    watch(READY_NONE, READY_READ);
    ck_assert_int_eq(send(theirs, "x", 1, 0), 1);
    close(ours);
    ck_assert_uint_eq(take(), READY_NONE);
    ours = -1;
}
END_TEST

START_TEST(what_cannot_be_watched_is_refused)
{
    ck_assert_int_eq(readiness_watch(&readiness, -1, &ours, READY_NONE, READY_READ), ERR_NOMEM);
    ck_assert_uint_eq(take(), READY_NONE);
}
END_TEST

static unsigned seen[PAIRS];

static void count(void *item, unsigned what)
{
    unsigned *at = item;
    ck_assert_uint_eq(what, READY_READ);
    ++*at;
}

static unsigned not_seen(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < PAIRS; i++)
        n += seen[i] == 0;
    return n;
}

static void tell_collected(void)
{
    readiness_collect(&readiness);
    while (readiness_tell(&readiness, count))
        ;
}

START_TEST(none_of_many_is_passed_over)
{
    int fds[PAIRS];
    for (size_t i = 0; i < PAIRS; i++) {
        fds[i] = dup(theirs);
        ck_assert_int_ge(fds[i], 0);
        ck_assert_int_eq(readiness_watch(&readiness, fds[i], &seen[i], READY_NONE, READY_READ),
                         ERR_OK);
    }
    ck_assert_int_eq(send(ours, "x", 1, 0), 1);
    memset(seen, 0, sizeof(seen));
    tell_collected();
    unsigned left = not_seen();
    ck_assert_uint_gt(left, 0);
    for (size_t i = 0; i < PAIRS && not_seen(); i++)
        tell_collected();
    ck_assert_uint_eq(not_seen(), 0);
    for (size_t i = 0; i < PAIRS; i++)
        close(fds[i]);
}
END_TEST

/* Those that were not told in this turn come first in the next one, and none is told twice. */
START_TEST(what_is_left_over_is_told_before_others_are_collected)
{
    int one = dup(theirs), other = dup(theirs);
    memset(seen, 0, sizeof(seen));
    ck_assert_int_eq(readiness_watch(&readiness, one, &seen[0], READY_NONE, READY_READ), ERR_OK);
    ck_assert_int_eq(readiness_watch(&readiness, other, &seen[1], READY_NONE, READY_READ), ERR_OK);
    ck_assert_int_eq(send(ours, "x", 1, 0), 1);
    readiness_collect(&readiness);
    ck_assert(readiness_tell(&readiness, count));
    ck_assert(readiness_pending(&readiness));
    readiness_collect(&readiness);
    ck_assert(readiness_tell(&readiness, count));
    ck_assert_uint_eq(seen[0], 1);
    ck_assert_uint_eq(seen[1], 1);
    ck_assert(!readiness_pending(&readiness));
    ck_assert(!readiness_tell(&readiness, count));
    close(one);
    close(other);
}
END_TEST

START_TEST(what_is_forgotten_is_not_told)
{
    watch(READY_NONE, READY_READ);
    ck_assert_int_eq(send(theirs, "x", 1, 0), 1);
    readiness_collect(&readiness);
    readiness_forget(&readiness, &ours);
    ck_assert(!readiness_tell(&readiness, note));
    ck_assert_uint_eq(take(), READY_READ);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("readiness");
    TCase *t = tcase_create("readiness");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, input_is_told_until_it_is_read);
    tcase_add_test(t, room_is_told_when_it_is_watched);
    tcase_add_test(t, a_watch_ends_and_begins_again);
    tcase_add_test(t, a_broken_connection_is_told_only_while_it_is_watched);
    tcase_add_test(t, closing_the_descriptor_ends_the_watch);
    tcase_add_test(t, what_cannot_be_watched_is_refused);
    tcase_add_test(t, none_of_many_is_passed_over);
    tcase_add_test(t, what_is_left_over_is_told_before_others_are_collected);
    tcase_add_test(t, what_is_forgotten_is_not_told);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
