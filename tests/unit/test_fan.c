/* A fan-out over real sockets, by each way there is: one by one, by a ring that has room for all of
 * it, and by one that has not. Whatever the way, the same is told. */
#include "net/fan.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef WITH_LIBURING
#include <liburing.h>
#endif

#include "net/submission.h"

enum { RECEIVERS = 40, BIG = 1 << 20, SMALL_RING = 4, FANS = 20, FILL_STEP = 613 };

static const struct way {
    const char *name;
    unsigned entries; /* 0: no ring */
} ways[] = {
    {"one by one", 0},
    {"a ring", SUBMISSION_ENTRIES},
    {"a ring that is smaller than the fan-out", SMALL_RING},
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static struct receiver {
    int fd, peer;
    unsigned cuts;
    size_t taken;
    enum err why;
} receivers[RECEIVERS];

static struct submission *ring;
static char bytes[BIG], got[BIG + 1];

/* --- what goes wrong in the system --- */

static int interrupted; /* so many calls are, before they do anything */

ssize_t __real_send(int fd, const void *data, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t n, int flags);

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags)
{
    if (interrupted > 0) {
        interrupted--;
        errno = EINTR;
        return -1;
    }
    return __real_send(fd, data, n, flags);
}

#ifdef WITH_LIBURING
static int takes_at_once; /* entries, of each submission; 0: all */
static int submits;       /* calls that did something */
static int fails_with;    /* the submissions behind FAILS_AFTER */
static int fails_after;
static int no_ring_for;   /* why there is none */
static bool keeps_silent; /* nothing is done, and told as done */

int __real_io_uring_submit(struct io_uring *r);
int __wrap_io_uring_submit(struct io_uring *r);
int __real_io_uring_queue_init(unsigned entries, struct io_uring *r, unsigned flags);
int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *r, unsigned flags);

/* Only the first of those that wait, as when memory is short. */
static int submit_some(struct io_uring *r, unsigned n)
{
    unsigned tail = r->sq.sqe_tail, ready = io_uring_sq_ready(r);
    r->sq.sqe_tail = tail - (ready > n ? ready - n : 0);
    int done = __real_io_uring_submit(r);
    r->sq.sqe_tail = tail;
    return done;
}

int __wrap_io_uring_submit(struct io_uring *r)
{
    if (keeps_silent)
        return __real_io_uring_submit(r) ? 0 : 0;
    if (interrupted > 0) {
        interrupted--;
        return -EINTR;
    }
    if (fails_with && submits >= fails_after)
        return -fails_with;
    submits++;
    return takes_at_once ? submit_some(r, (unsigned)takes_at_once) : __real_io_uring_submit(r);
}

int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *r, unsigned flags)
{
    return no_ring_for ? -no_ring_for : __real_io_uring_queue_init(entries, r, flags);
}
#endif

/* --- sockets --- */

/* With little room. */
static void make_tcp(int *ret_fd, int *ret_peer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int room = 16 << 10, listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&at, &len);
    *ret_peer = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(setsockopt(*ret_peer, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    ck_assert_int_eq(connect(*ret_peer, (struct sockaddr *)&at, len), 0);
    *ret_fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    ck_assert_int_ge(*ret_fd, 0);
    close(listener);
}

static void make_local(int *ret_fd, int *ret_peer)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *ret_fd = fds[0];
    *ret_peer = fds[1];
}

/* What TCP has taken it may move on at any moment, so only a local one stays full. */
enum { TCP, LOCAL };

static void (*const makers[])(int *ret_fd, int *ret_peer) = {
    [TCP] = make_tcp,
    [LOCAL] = make_local,
};

static void open_receiver(struct receiver *r, int kind)
{
    *r = (struct receiver){0};
    makers[kind](&r->fd, &r->peer);
}

static void close_receiver(struct receiver *r)
{
    close(r->fd);
    if (r->peer >= 0)
        close(r->peer);
}

/* All kinds in turn. */
static void open_all(void)
{
    for (int i = 0; i < RECEIVERS; i++)
        open_receiver(&receivers[i], i % 2);
}

static void close_all(void)
{
    for (int i = 0; i < RECEIVERS; i++)
        close_receiver(&receivers[i]);
}

/* What has come to R, of which there are N bytes or, if the hub has closed, less. */
static size_t hear(const struct receiver *r, size_t n)
{
    size_t have = 0;
    ssize_t m;
    while (have < n && (m = recv(r->peer, got + have, sizeof(got) - have, 0)) > 0)
        have += (size_t)m;
    m = recv(r->peer, got + have, sizeof(got) - have, MSG_DONTWAIT);
    return m > 0 ? have + (size_t)m : have;
}

static void check_bytes(const struct receiver *r, size_t from, size_t n)
{
    ck_assert_uint_eq(hear(r, n), n);
    ck_assert_mem_eq(got, bytes + from, n);
}

/* --- the fan-out --- */

static void cut(void *ctx, void *who, size_t taken, enum err why)
{
    struct receiver *r = who;
    ck_assert_ptr_eq(ctx, receivers);
    r->cuts++;
    r->taken = taken;
    r->why = why;
}

static void begin(struct fan *f)
{
    for (int i = 0; i < RECEIVERS; i++)
        receivers[i].cuts = 0;
    fan_begin(f, ring, cut, receivers);
}

static void send_to(struct fan *f, struct receiver *r, size_t from, size_t n)
{
    fan_send(f, r->fd, bytes + from, n, r);
}

static bool have_ring(void)
{
    const char *why;
    struct submission *s = submission_create(SMALL_RING, &why);
    submission_destroy(s);
    return s != NULL;
}

static void setup(void)
{
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = (char)(i * 31 % 251);
}

static void teardown(void)
{
    submission_destroy(ring);
    ring = NULL;
}

/* False: this kernel, or this build, has no ring. */
static bool take_way(int way)
{
    const char *why;
    ring = ways[way].entries ? submission_create(ways[way].entries, &why) : NULL;
    return ring || !ways[way].entries;
}

/* --- tests --- */

START_TEST(what_goes_whole_is_not_told_and_comes_in_order)
{
    struct fan f;
    if (!take_way(_i))
        return;
    open_all();
    for (int fan = 0; fan < FANS; fan++) {
        int count = fan * RECEIVERS / (FANS - 1); /* none, a few, all */
        begin(&f);
        for (int i = 0; i < count; i++)
            send_to(&f, &receivers[i], (size_t)fan * 100, 100);
        fan_end(&f);
        ck_assert_uint_eq(f.sent, (unsigned)count);
        ck_assert_uint_eq(f.cuts, 0);
        ck_assert_uint_eq(fan_together(&f), ring && count > 1 ? (unsigned)count : 0);
    }
    for (int i = 0; i < RECEIVERS; i++) {
        int first = 0;
        while (first * RECEIVERS / (FANS - 1) <= i)
            first++;
        check_bytes(&receivers[i], (size_t)first * 100, (size_t)(FANS - first) * 100);
    }
    close_all();
}
END_TEST

/* Sends FILL bytes to the one in the middle before, so that it is cut at another place, and says
 * how many more it took. */
static size_t cut_one(int kind, size_t fill, bool *ret_full)
{
    struct fan f;
    struct receiver *r = &receivers[1];
    for (int i = 0; i < 3; i++)
        open_receiver(&receivers[i], i == 1 ? kind : !kind);
    size_t filled = 0;
    ssize_t n = 1;
    while (filled < fill && (n = __real_send(r->fd, bytes + filled, fill - filled, 0)) > 0)
        filled += (size_t)n;
    *ret_full = filled < fill;
    begin(&f);
    send_to(&f, &receivers[0], 0, 10);
    send_to(&f, r, filled, BIG - filled);
    send_to(&f, &receivers[2], 5, 10);
    fan_end(&f);
    ck_assert_uint_eq(f.cuts, 1);
    ck_assert_uint_eq(r->cuts, 1);
    ck_assert_int_eq(r->why, ERR_AGAIN);
    check_bytes(&receivers[0], 0, 10);
    check_bytes(&receivers[2], 5, 10);
    shutdown(r->fd, SHUT_WR);
    check_bytes(r, 0, filled + r->taken);
    for (int i = 0; i < 3; i++)
        close_receiver(&receivers[i]);
    return r->taken;
}

START_TEST(what_is_cut_is_told_to_the_byte)
{
    if (!take_way(_i % WAYS))
        return;
    bool full = false;
    size_t cuts = 0, taken = 1;
    for (size_t fill = 0; !full; fill += FILL_STEP) {
        taken = cut_one(_i / WAYS, fill, &full);
        cuts += taken > 0;
    }
    if (_i / WAYS == LOCAL)
        ck_assert_uint_eq(taken, 0);
    ck_assert_uint_gt(cuts, 10);
}
END_TEST

START_TEST(sends_of_each_size_around_the_room_there_is)
{
    if (!take_way(_i % WAYS))
        return;
    struct fan f;
    bool full;
    size_t room = cut_one(_i / WAYS, 0, &full), whole = 0;
    for (size_t n = room - 40; n <= room + 40; n++) {
        open_receiver(&receivers[0], _i / WAYS);
        open_receiver(&receivers[1], _i / WAYS);
        begin(&f);
        send_to(&f, &receivers[0], 0, n);
        send_to(&f, &receivers[1], 0, 1);
        fan_end(&f);
        whole += !receivers[0].cuts;
        shutdown(receivers[0].fd, SHUT_WR);
        check_bytes(&receivers[0], 0, receivers[0].cuts ? receivers[0].taken : n);
        check_bytes(&receivers[1], 0, 1);
        close_receiver(&receivers[0]);
        close_receiver(&receivers[1]);
    }
    if (_i / WAYS == LOCAL)
        ck_assert_uint_ge(whole, 1);
}
END_TEST

/* R is local. */
static void fill(const struct receiver *r)
{
    while (__real_send(r->fd, bytes, BIG, MSG_NOSIGNAL) > 0)
        continue;
}

/* Without a signal that would end this program. */
START_TEST(why_it_was_cut_is_told)
{
    struct fan f;
    if (!take_way(_i))
        return;
    open_all();
    fill(&receivers[1]);
    close(receivers[2].peer);
    receivers[2].peer = -1;
    __real_send(receivers[3].peer, bytes, 10, 0); /* unread: closing resets */
    close(receivers[3].peer);
    receivers[3].peer = -1;
    shutdown(receivers[4].fd, SHUT_WR);
    begin(&f);
    for (int i = 0; i < RECEIVERS; i++)
        if (i != 2)
            send_to(&f, &receivers[i], 0, 10);
    fan_end(&f);
    ck_assert_uint_eq(f.sent, RECEIVERS - 1);
    ck_assert_uint_eq(f.cuts, 3);
    ck_assert(receivers[1].cuts == 1 && receivers[1].why == ERR_AGAIN && !receivers[1].taken);
    ck_assert(receivers[3].cuts == 1 && receivers[3].why == ERR_CLOSED && !receivers[3].taken);
    ck_assert(receivers[4].cuts == 1 && receivers[4].why == ERR_CLOSED && !receivers[4].taken);
    for (int i = 5; i < RECEIVERS; i++)
        check_bytes(&receivers[i], 0, 10);
    close_all();
}
END_TEST

START_TEST(a_call_that_was_interrupted_is_made_again)
{
    struct fan f;
    if (!take_way(_i))
        return;
    open_all();
    interrupted = 3;
    begin(&f);
    for (int i = 0; i < RECEIVERS; i++)
        send_to(&f, &receivers[i], 0, 10);
    fan_end(&f);
    ck_assert_int_eq(interrupted, 0);
    ck_assert_uint_eq(f.cuts, 0);
    for (int i = 0; i < RECEIVERS; i++)
        check_bytes(&receivers[i], 0, 10);
    close_all();
}
END_TEST

/* A descriptor of the last fan-out may be another connection's by now. */
START_TEST(nothing_is_under_way_behind_the_end)
{
    struct fan f;
    if (!take_way(_i))
        return;
    for (int round = 0; round < 3; round++) {
        open_all();
        begin(&f);
        for (int i = 0; i < RECEIVERS; i++)
            send_to(&f, &receivers[i], (size_t)round, 10);
        fan_end(&f);
        for (int i = 0; i < RECEIVERS; i++)
            close(receivers[i].fd);
        for (int i = 0; i < RECEIVERS; i++) {
            check_bytes(&receivers[i], (size_t)round, 10);
            close(receivers[i].peer);
        }
    }
}
END_TEST

#ifdef WITH_LIBURING
static void check_all_of_a_fan(int way)
{
    struct fan f;
    if (!take_way(way))
        return;
    open_all();
    fill(&receivers[1]);
    fill(&receivers[RECEIVERS - 3]);
    for (int fan = 0; fan < 3; fan++) {
        begin(&f);
        for (int i = 0; i < RECEIVERS; i++)
            send_to(&f, &receivers[i], (size_t)fan * 10, 10);
        fan_end(&f);
        ck_assert_uint_eq(f.cuts, 2);
        ck_assert(receivers[1].cuts == 1 && receivers[RECEIVERS - 3].cuts == 1);
    }
    for (int i = 0; i < RECEIVERS; i++)
        if (i != 1 && i != RECEIVERS - 3)
            check_bytes(&receivers[i], 0, 30);
    close_all();
    teardown();
}

START_TEST(a_kernel_that_takes_a_few_at_a_time_gets_the_others_again)
{
    if (!have_ring())
        return;
    takes_at_once = 3;
    check_all_of_a_fan(1);
    check_all_of_a_fan(2);
    ck_assert_int_gt(submits, 3 * RECEIVERS / 3);
}
END_TEST

/* At the beginning, in the middle of a fan-out, and when some of it has been taken. */
START_TEST(a_ring_that_fails_loses_nothing)
{
    static const int after[] = {0, 1, 2, 5, 11};
    if (!have_ring())
        return;
    for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++)
        for (takes_at_once = 0; takes_at_once < 3; takes_at_once++) {
            submits = 0;
            fails_after = after[i] + 1; /* it is tried once when it is made */
            fails_with = i % 2 ? EAGAIN : ENOMEM;
            check_all_of_a_fan(1 + (int)i % 2);
            fails_with = 0;
        }
}
END_TEST

/* This flag is as old as what is tried. */
START_TEST(there_is_a_ring_where_the_kernel_is_new_enough)
{
    struct io_uring r;
    if (io_uring_queue_init(SMALL_RING, &r, IORING_SETUP_COOP_TASKRUN) != 0)
        return;
    io_uring_queue_exit(&r);
    ck_assert(have_ring());
}
END_TEST

START_TEST(why_there_is_no_ring_is_told)
{
    const char *why = NULL;
    if (!have_ring())
        return;
    no_ring_for = EPERM;
    ck_assert_ptr_null(submission_create(SMALL_RING, &why));
    ck_assert_str_eq(why, "Operation not permitted");
    no_ring_for = EINVAL;
    ck_assert_ptr_null(submission_create(SMALL_RING, &why));
    ck_assert_str_eq(why, "the kernel is older than Linux 5.19");
    no_ring_for = 0;
    keeps_silent = true;
    ck_assert_ptr_null(submission_create(SMALL_RING, &why));
    ck_assert_ptr_nonnull(strstr(why, "does not tell"));
    keeps_silent = false;
}
END_TEST
#endif

static int count_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

START_TEST(a_ring_leaves_no_descriptor_behind)
{
    int before = count_descriptors();
    have_ring();
    ck_assert_int_eq(count_descriptors(), before);
    submission_destroy(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fan");
    TCase *t = tcase_create("fan");
    int kinds = sizeof(makers) / sizeof(makers[0]);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, what_goes_whole_is_not_told_and_comes_in_order, 0, WAYS);
    tcase_add_loop_test(t, what_is_cut_is_told_to_the_byte, 0, WAYS * kinds);
    tcase_add_loop_test(t, sends_of_each_size_around_the_room_there_is, 0, WAYS * kinds);
    tcase_add_loop_test(t, why_it_was_cut_is_told, 0, WAYS);
    tcase_add_loop_test(t, a_call_that_was_interrupted_is_made_again, 0, WAYS);
    tcase_add_loop_test(t, nothing_is_under_way_behind_the_end, 0, WAYS);
    tcase_add_test(t, a_ring_leaves_no_descriptor_behind);
#ifdef WITH_LIBURING
    tcase_add_test(t, a_kernel_that_takes_a_few_at_a_time_gets_the_others_again);
    tcase_add_test(t, a_ring_that_fails_loses_nothing);
    tcase_add_test(t, there_is_a_ring_where_the_kernel_is_new_enough);
    tcase_add_test(t, why_there_is_no_ring_is_told);
#endif
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
