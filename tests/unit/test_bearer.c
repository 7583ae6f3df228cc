/* Connections and the principals that they share: when they are told what, by any clock. */
#include "http/bearer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket.h"
#include "tests/unit/desk.h"
#include "tests/unit/random.h"

enum { START_S = 1900000000, CLIENTS = 1000 };

static struct desk desk;
static struct conn *conns[CLIENTS];
static int fds[CLIENTS];
static unsigned count;
static uint64_t unix_ms;
/* What each was told, in its order. */
static enum rights_event told[CLIENTS][4];
static unsigned told_count[CLIENTS];

uint64_t __wrap_now_unix_ms(void);

uint64_t __wrap_now_unix_ms(void)
{
    return unix_ms;
}

static void note(struct conn *c, enum rights_event e)
{
    for (unsigned i = 0; i < count; i++)
        if (conns[i] == c)
            told[i][told_count[i]++ & 3] = e;
}

static size_t input(struct conn *c, char *data, size_t n)
{
    (void)c;
    (void)data;
    return n;
}

static const struct protocol protocol = {.name = "test", .input = input, .rights = note};

static void setup(void)
{
    unix_ms = START_S * 1000ull;
    memset(told_count, 0, sizeof(told_count));
    count = 0;
    desk_open(&desk);
}

static void teardown(void)
{
    for (unsigned i = 0; i < count; i++) {
        if (conns[i])
            desk_disconnect(&desk, conns[i]);
        close(fds[i]);
    }
    bearer_frontend.part.end_thread(desk.worker);
    desk_close(&desk);
}

static unsigned connect_one(struct principal *p)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    fds[count] = pair[1];
    conns[count] = desk_connect(&desk, socket_link(pair[0], false), false, &protocol);
    ck_assert_int_eq(bearer_set(conns[count], p), ERR_OK);
    return count++;
}

static struct principal *principal(int64_t ends_s)
{
    const struct principal_parts parts = {.sub = "alice", .expires_s = ends_s, .ends_s = ends_s};
    struct principal *p = principal_create(&parts);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* Real time passes, monotonic time for long enough that it is looked at, and turns end. */
static void pass(int64_t seconds)
{
    unix_ms += (uint64_t)(seconds * 1000);
    desk_wait(&desk, 1000);
    do
        bearer_frontend.part.end_turn(desk.worker);
    while (bearer_frontend.part.wait_ms(desk.worker) == 0);
}

static void expect_told(unsigned i, unsigned n, enum rights_event last)
{
    ck_assert_uint_eq(told_count[i], n);
    if (n)
        ck_assert_int_eq(told[i][n - 1], last);
}

START_TEST(the_end_comes_after_its_announcement)
{
    struct principal *p = principal(START_S + 600);
    connect_one(p);
    connect_one(p);
    principal_unref(p);
    ck_assert(!bearer_ends_soon(conns[0]));
    pass(539);
    expect_told(0, 0, 0);
    pass(1);
    expect_told(0, 1, RIGHTS_SOON);
    ck_assert(bearer_ends_soon(conns[0]));
    pass(59);
    expect_told(1, 1, RIGHTS_SOON);
    pass(1);
    expect_told(0, 2, RIGHTS_EXPIRED);
    expect_told(1, 2, RIGHTS_EXPIRED);
    ck_assert_ptr_nonnull(bearer_of(conns[0]));
    pass(1000);
    expect_told(0, 2, RIGHTS_EXPIRED);
}
END_TEST

START_TEST(of_a_short_one_it_comes_at_half_of_its_time)
{
    struct principal *p = principal(START_S + 40);
    connect_one(p);
    principal_unref(p);
    ck_assert(bearer_ends_soon(conns[0]));
    pass(19);
    expect_told(0, 0, 0);
    pass(1);
    expect_told(0, 1, RIGHTS_SOON);
    pass(19);
    expect_told(0, 1, RIGHTS_SOON);
    pass(1);
    expect_told(0, 2, RIGHTS_EXPIRED);
}
END_TEST

START_TEST(without_an_end_nothing_comes)
{
    struct principal *p = principal(0);
    connect_one(p);
    principal_unref(p);
    ck_assert_uint_eq(bearer_frontend.part.wait_ms(desk.worker), UINT64_MAX);
    pass(2000);
    expect_told(0, 0, 0);
    ck_assert(!bearer_ends_soon(conns[0]));
}
END_TEST

START_TEST(a_clock_that_is_set_counts_at_once)
{
    struct principal *p = principal(START_S + 5000);
    connect_one(p);
    principal_unref(p);
    pass(10000);
    expect_told(0, 1, RIGHTS_EXPIRED);
}
END_TEST

START_TEST(a_clock_that_is_set_back_gives_more_time)
{
    struct principal *p = principal(START_S + 100);
    connect_one(p);
    principal_unref(p);
    pass(-5000);
    pass(5099);
    expect_told(0, 1, RIGHTS_SOON);
    pass(1);
    expect_told(0, 2, RIGHTS_EXPIRED);
}
END_TEST

/* What is over already when it comes is told in the next second. */
START_TEST(what_is_over_is_told_soon)
{
    struct principal *p = principal(START_S - 1000);
    connect_one(p);
    principal_unref(p);
    pass(1);
    expect_told(0, 1, RIGHTS_EXPIRED);
}
END_TEST

START_TEST(another_one_takes_its_place)
{
    struct principal *first = principal(START_S + 10), *second = principal(START_S + 100);
    connect_one(first);
    ck_assert_int_eq(bearer_set(conns[0], second), ERR_OK);
    ck_assert_ptr_eq(bearer_of(conns[0]), second);
    principal_unref(first);
    principal_unref(second);
    pass(11);
    expect_told(0, 0, 0);
    pass(40);
    expect_told(0, 1, RIGHTS_SOON);
    ck_assert_int_eq(bearer_set(conns[0], NULL), ERR_OK);
    ck_assert_ptr_null(bearer_of(conns[0]));
    pass(100);
    expect_told(0, 1, RIGHTS_SOON);
}
END_TEST

/* In portions; some leave meanwhile. */
START_TEST(many_are_told_once_each)
{
    struct principal *p = principal(START_S + 10);
    for (int i = 0; i < CLIENTS; i++)
        connect_one(p);
    principal_unref(p);
    unix_ms += 10000;
    desk_wait(&desk, 1000);
    bearer_frontend.part.end_turn(desk.worker);
    unsigned sum = 0;
    for (int i = 0; i < CLIENTS; i++)
        sum += told_count[i];
    ck_assert_uint_gt(sum, 0);
    ck_assert_uint_lt(sum, CLIENTS);
    desk_disconnect(&desk, conns[0]);
    desk_disconnect(&desk, conns[CLIENTS - 1]);
    conns[0] = conns[CLIENTS - 1] = NULL;
    pass(0);
    for (int i = 1; i < CLIENTS - 1; i++)
        expect_told((unsigned)i, 1, RIGHTS_EXPIRED);
    ck_assert_uint_eq(told_count[CLIENTS - 1], 0);
}
END_TEST

/* Each is in one list at a time, whoever else is. */
START_TEST(many_ends_in_any_order)
{
    enum { MANY = 60, SPAN = 150 };
    int64_t ends[MANY];
    random_seed();
    for (unsigned i = 0; i < MANY; i++) {
        ends[i] = BEARER_SOON_S + 1 + random_below(SPAN);
        struct principal *p = principal(START_S + ends[i]);
        connect_one(p);
        principal_unref(p);
    }
    for (int64_t now = 1; now <= BEARER_SOON_S + 1 + SPAN; now++) {
        pass(1);
        unsigned gone = random_below(MANY * 8);
        for (unsigned i = 0; i < MANY; i++) {
            if (!conns[i])
                continue;
            expect_told(i, (ends[i] - BEARER_SOON_S <= now) + (ends[i] <= now),
                        ends[i] <= now ? RIGHTS_EXPIRED : RIGHTS_SOON);
            if (i == gone) {
                desk_disconnect(&desk, conns[i]);
                conns[i] = NULL;
            }
        }
    }
}
END_TEST

static bool is_it(void *ctx, const struct principal *p)
{
    return p == ctx;
}

START_TEST(one_is_revoked)
{
    struct principal *a = principal(0), *b = principal(START_S + 1000);
    connect_one(a);
    connect_one(b);
    bearer_revoke(desk.worker, is_it, b);
    pass(1);
    expect_told(0, 0, 0);
    expect_told(1, 1, RIGHTS_REVOKED);
    pass(2000);
    expect_told(1, 1, RIGHTS_REVOKED);
    principal_unref(a);
    principal_unref(b);
}
END_TEST

START_TEST(it_takes_little)
{
    struct principal *p = principal(0);
    connect_one(p);
    ck_assert_uint_eq(p->refs, 2);
    connect_one(p);
    ck_assert_uint_eq(p->refs, 2);
    desk_disconnect(&desk, conns[0]);
    ck_assert_uint_eq(p->refs, 2);
    desk_disconnect(&desk, conns[1]);
    conns[0] = conns[1] = NULL;
    ck_assert_uint_eq(p->refs, 1);
    principal_unref(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bearer");
    TCase *t = tcase_create("bearer");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_end_comes_after_its_announcement);
    tcase_add_test(t, of_a_short_one_it_comes_at_half_of_its_time);
    tcase_add_test(t, without_an_end_nothing_comes);
    tcase_add_test(t, a_clock_that_is_set_counts_at_once);
    tcase_add_test(t, a_clock_that_is_set_back_gives_more_time);
    tcase_add_test(t, what_is_over_is_told_soon);
    tcase_add_test(t, another_one_takes_its_place);
    tcase_add_test(t, many_are_told_once_each);
    tcase_add_test(t, many_ends_in_any_order);
    tcase_add_test(t, one_is_revoked);
    tcase_add_test(t, it_takes_little);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
