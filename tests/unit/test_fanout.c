/* The fan-out: who is written to past its connection, who is asked, and what becomes of those that
 * are cut. Built several times: with net/fan.c, which tells who is cut at once, with it and a ring,
 * and with one that tells it at the end (late_fan.c). */
#include "delivery/fanout.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "delivery/catchup.h"
#include "delivery/description.h"
#include "delivery/stream.h"
#include "tests/unit/desk.h"

#define HOST       "Host: localhost\r\n"
#define SSE(path)  "GET " path " HTTP/1.1\r\n" HOST "Accept: text/event-stream\r\n\r\n"
#define BARE(path) "GET " path " HTTP/1.0\r\n" HOST "Accept: text/event-stream\r\n\r\n"
#define POLL(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define WS(path)                                                                                   \
    "GET " path " HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"               \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Many messages of so many bytes are more than a socket takes. */
enum { MANY = 100, BYTES = 5000, CLIENTS = 4 };

static struct desk desk;
static struct client clients[CLIENTS];
static size_t failing_size; /* the next allocation of it fails; 0 = none */
static bool failing_place;  /* and the next of a stream's place */

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
struct catchup *__real_catchup_create(struct stream *s);
struct catchup *__wrap_catchup_create(struct stream *s);

static bool fails(size_t n)
{
    if (n == 0 || n != failing_size)
        return false;
    failing_size = 0;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails(n) ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails(n) ? NULL : __real_realloc(p, n);
}

struct catchup *__wrap_catchup_create(struct stream *s)
{
    bool fails_now = failing_place;
    failing_place = false;
    return fails_now ? NULL : __real_catchup_create(s);
}

static void setup(void)
{
    desk_open(&desk);
    for (int i = 0; i < CLIENTS; i++)
        client_open(&clients[i], &desk, false);
}

static void teardown(void)
{
    for (int i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    desk_close(&desk);
}

static const struct stream *stream_of(const struct client *c)
{
    struct description d = {0};
    c->conn->protocol->describe(c->conn, &d);
    ck_assert_ptr_nonnull(d.stream);
    return d.stream;
}

static bool is_asked(const struct client *c)
{
    return feed_entry(&stream_of(c)->sub)->look;
}

static void say_all(const char *request)
{
    for (int i = 0; i < CLIENTS; i++) {
        client_say(&clients[i], request);
        client_hear_all(&clients[i]);
        client_forget(&clients[i]);
    }
}

static const struct {
    const char *request, *mark;
} kinds[] = {
    {SSE("/t/a"), "data: x"},
    {BARE("/t/a"), "data: x"},
    {SSE("/t?topic=a&topic=b"), "data: {"},
    {WS("/t/a"), "\"data\":\"x"},
    {WS("/t/a?format=raw"), NULL},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* --- who is written to, and who is asked --- */

START_TEST(who_only_receives_is_written_to_past_its_connection)
{
    say_all(kinds[_i].request);
    uint32_t moved_s = clients[0].conn->progress_s;
    desk_wait(&desk, 5000);
    uint64_t deliveries = desk_count(&desk, COUNTER_deliveries);
    uint64_t delivered = desk_count(&desk, COUNTER_delivered_bytes);
    uint64_t out = desk_count(&desk, COUNTER_bytes_out);
    size_t bytes = 0;
    for (int i = 0; i < CLIENTS; i++)
        ck_assert(!is_asked(&clients[i]));
    desk_publish(&desk, "a", 3, 10);
    for (int i = 0; i < CLIENTS; i++) {
        client_hear_all(&clients[i]);
        bytes += clients[i].got.len;
        if (kinds[_i].mark)
            ck_assert_uint_eq(client_times(&clients[i], kinds[_i].mark), 3);
        ck_assert_uint_eq(clients[i].conn->progress_s, moved_s);
        ck_assert(!is_asked(&clients[i]));
    }
    ck_assert_uint_eq(desk_count(&desk, COUNTER_deliveries) - deliveries, 3 * CLIENTS);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_delivered_bytes) - delivered, bytes);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_bytes_out) - out, bytes);
}
END_TEST

/* What waits goes first, whoever made it wait; behind that, nobody is asked any more. */
START_TEST(whose_output_waits_is_asked)
{
    say_all(SSE("/t/a"));
    conn_write(clients[1].conn, "8\r\n: first\r\n", 12);
    ck_assert(is_asked(&clients[1]));
    ck_assert(!is_asked(&clients[0]));
    desk_publish(&desk, "a", 1, 10);
    const char *text = client_hear_all(&clients[1]);
    const char *first = strstr(text, ": first"), *second = strstr(text, "data: x");
    ck_assert(first && second && first < second);
    ck_assert(!is_asked(&clients[1]));
    conn_write(clients[1].conn, "8\r\n: again\r\n", 12);
    ck_assert(is_asked(&clients[1]));
    desk_end_turn(&desk);
    ck_assert(!is_asked(&clients[1])); /* all has left */
}
END_TEST

START_TEST(who_ends_gets_nothing_more)
{
    say_all(SSE("/t/a"));
    conn_finish_after_output(clients[0].conn);
    ck_assert(is_asked(&clients[0]));
    conn_close(clients[1].conn, CLOSE_DONE);
    ck_assert(is_asked(&clients[1]));
    desk_publish(&desk, "a", 1, 10);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(client_heard(&clients[i], "data: x"), i > 1);
}
END_TEST

/* --- who is cut --- */

static void hear_everybody_out(void)
{
    for (int i = 0; i < CLIENTS; i++)
        client_hear_all(&clients[i]);
}

/* All together, one beside others that read, and again when they are back at the head. */
START_TEST(who_is_cut_misses_nothing_and_gets_nothing_twice)
{
    say_all(kinds[_i].request);
    uint64_t before = desk_count(&desk, COUNTER_deliveries);
    for (int round = 1; round <= 3; round++) {
        desk_publish(&desk, "a", MANY, BYTES);
        for (int i = 0; i < CLIENTS; i++)
            ck_assert_int_eq(stream_of(&clients[i])->state, STREAM_BLOCKED);
        client_hear_all(&clients[0]);
        desk_publish(&desk, "a", 1, BYTES);
        hear_everybody_out();
        desk_catch_up(&desk);
        hear_everybody_out();
        for (int i = 0; i < CLIENTS; i++)
            ck_assert_int_eq(stream_of(&clients[i])->state, STREAM_LIVE);
    }
    unsigned count = 3 * (MANY + 1);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_deliveries) - before, (uint64_t)count * CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        if (kinds[_i].mark)
            ck_assert_uint_eq(client_times(&clients[i], kinds[_i].mark), count);
        ck_assert_uint_eq(clients[i].got.len, clients[0].got.len);
        ck_assert_int_eq(memcmp(clients[i].got.data, clients[0].got.data, clients[i].got.len), 0);
    }
}
END_TEST

START_TEST(who_is_lost_is_closed)
{
    say_all(SSE("/t/a"));
    int elsewhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(dup2(elsewhere, clients[2].fd), clients[2].fd);
    close(elsewhere);
    desk_publish(&desk, "a", 1, 10);
    ck_assert_uint_eq(clients[0].conn->loop->conns, CLIENTS - 1);
    for (int i = 0; i < CLIENTS; i++)
        if (i != 2)
            ck_assert(client_heard(&clients[i], "data: x"));
}
END_TEST

/* The time for which the peer has taken nothing begins when it is full: that it took all before is
 * not noted. Trying again at its deadlines changes nothing. */
START_TEST(who_is_full_is_stuck_after_the_time_for_that)
{
    say_all(SSE("/t/a"));
    desk_wait(&desk, desk.settings->net.write_timeout_ms);
    desk_publish(&desk, "a", 1, 10);
    desk_publish(&desk, "a", MANY, BYTES);
    struct conn *c = clients[0].conn;
    ck_assert(c->blocked && !conn_is_stuck(c));
    desk_wait(&desk, desk.settings->net.write_timeout_ms - 2000);
    ck_assert(!conn_is_stuck(c));
    for (int i = 0; i < 10; i++) {
        conn_set_deadline(c, loop_now(c->loop) + 100);
        desk_wait(&desk, 200);
    }
    ck_assert(c->blocked && conn_is_stuck(c));
}
END_TEST

/* --- members that come and leave in the middle --- */

enum { MEMBERS = 8 };

static struct member {
    struct subscriber sub; /* first */
    unsigned got;          /* parcels */
    bool was_cut;
    size_t taken;
    enum err why;
} members[MEMBERS];
static const struct receiver_ops member_ops;
static int order[2 * MEMBERS], order_count;

/* As those event streams that are there, of another topic. */
static void join_as(struct subscriber *sub, const struct receiver_ops *kind, int handle)
{
    const struct feed *like = stream_of(&clients[0])->sub.feed;
    struct feed_spec spec;
    feed_spec_init(&spec, desk.worker->feeds);
    ck_assert_int_eq(feed_spec_add(&spec, "m", 1), ERR_OK);
    ck_assert_int_eq(feed_join(sub, &spec, like->encoding, like->transport, NULL), ERR_OK);
    feed_spec_finish(&spec);
    ck_assert_int_eq(feed_go_live(sub, kind, handle), ERR_OK);
}

static void join(int i, int handle)
{
    join_as(&members[i].sub, &member_ops, handle);
}

static void leave_all(void)
{
    for (int i = 0; i < MEMBERS; i++)
        feed_leave(&members[i].sub, desk.worker->feeds, NULL);
}

/* At the first parcel for number 1, that one, one before and one behind it leave, and two come. */
static void member_deliver(struct subscriber *sub, const struct parcel *p)
{
    struct member *m = subscriber_owner(sub);
    ck_assert_uint_eq(p->count, 1);
    order[order_count++] = (int)(m - members);
    m->got++;
    if (m != &members[1] || m->got > 1)
        return;
    feed_go_idle(&members[0].sub);
    feed_leave(&members[1].sub, desk.worker->feeds, NULL);
    feed_leave(&members[3].sub, desk.worker->feeds, NULL);
    join(5, LIVE_NO_HANDLE);
    join(6, LIVE_NO_HANDLE);
    join(1, LIVE_NO_HANDLE);
}

static void member_cut(struct subscriber *sub, const struct parcel *p, size_t n, enum err why)
{
    struct member *m = subscriber_owner(sub);
    ck_assert_uint_lt(n, p->size);
    order[order_count++] = (int)(m - members);
    m->was_cut = true;
    m->taken = n;
    m->why = why;
    if (feed_is_live(sub))
        feed_go_idle(sub);
}

static const struct receiver_ops member_ops = {.deliver = member_deliver, .cut = member_cut};

static void begin_members(void)
{
    memset(members, 0, sizeof(members));
    order_count = 0;
    say_all(SSE("/t/a"));
}

START_TEST(who_leaves_in_the_middle_gets_nothing_and_who_comes_the_next)
{
    static const unsigned first[MEMBERS] = {1, 1, 1, 0, 1, 0, 0, 0};
    static const unsigned then[MEMBERS] = {1, 2, 2, 0, 2, 1, 1, 0};
    begin_members();
    for (int i = 0; i < 5; i++)
        join(i, LIVE_NO_HANDLE);
    desk_publish(&desk, "m", 1, 10);
    for (int i = 0; i < MEMBERS; i++)
        ck_assert_uint_eq(members[i].got, first[i]);
    desk_publish(&desk, "m", 1, 10);
    for (int i = 0; i < MEMBERS; i++)
        ck_assert_uint_eq(members[i].got, then[i]);
    leave_all();
}
END_TEST

static void fill(int fd)
{
    char bytes[4096] = {0};
    while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        continue;
}

static int make_pair(int *ret_peer)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *ret_peer = fds[1];
    return fds[0];
}

/* A full one, one whose peer is gone, and one that leaves before it hears of its cut; the others
 * get everything. */
START_TEST(cuts_are_told_with_their_reason)
{
    int fds[4], peers[4];
    char text[200];
    begin_members();
    for (int i = 0; i < 4; i++)
        fds[i] = make_pair(&peers[i]);
    fill(fds[0]);
    close(peers[1]);
    fill(fds[3]);
    join(0, fds[0]);
    join(2, fds[2]);
    join(1, fds[1]);
    join(3, fds[3]);
    uint64_t before = desk_count(&desk, COUNTER_deliveries);
    desk_publish(&desk, "m", 1, 10);
    ck_assert(members[0].was_cut && members[0].why == ERR_AGAIN && members[0].taken == 0);
    ck_assert(members[1].was_cut && members[1].why == ERR_CLOSED && members[1].taken == 0);
    ck_assert(members[3].was_cut && members[3].why == ERR_AGAIN);
    ck_assert(!members[2].was_cut && members[2].got == 0);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_deliveries) - before, 1);
    ck_assert_int_gt(recv(peers[2], text, sizeof(text), 0), 0);
    ck_assert(feed_is_live(&members[2].sub) && !feed_is_live(&members[0].sub));
    desk_publish(&desk, "m", 1, 10);
    ck_assert_int_gt(recv(peers[2], text, sizeof(text), 0), 0);
    ck_assert_int_eq(order_count, 3);
    leave_all();
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
        if (i != 1)
            close(peers[i]);
    }
}
END_TEST

/* --- members of several blocks --- */

enum { CROWD = 2 * LIVE_BLOCK + 50 };

static struct crowd_member {
    struct subscriber sub; /* first */
    unsigned got;
} crowd[CROWD];
static uint32_t crowd_next; /* whose turn it should be */
static const struct receiver_ops crowd_ops;

static void crowd_join(uint32_t i, int handle)
{
    join_as(&crowd[i].sub, &crowd_ops, handle);
}

/* Those at the borders of the blocks leave, themselves or one another, and are back behind all. */
static void crowd_deliver(struct subscriber *sub, const struct parcel *p)
{
    struct crowd_member *m = subscriber_owner(sub);
    uint32_t i = (uint32_t)(m - crowd);
    ck_assert_uint_eq(p->count, 1);
    ck_assert_uint_eq(i, crowd_next);
    m->got++;
    crowd_next = i + 1;
    if (i % LIVE_BLOCK != LIVE_BLOCK - 1)
        return;
    crowd_next = i + 2; /* the first of the next block has left */
    for (uint32_t j = i; j <= i + 1; j++) {
        feed_leave(&crowd[j].sub, desk.worker->feeds, NULL);
        crowd_join(j, LIVE_NO_HANDLE);
    }
}

static void crowd_cut(struct subscriber *sub, const struct parcel *p, size_t n, enum err why)
{
    ck_abort_msg("%p was cut of %p after %zu bytes: %d", (void *)sub, (const void *)p, n, why);
}

static const struct receiver_ops crowd_ops = {.deliver = crowd_deliver, .cut = crowd_cut};

START_TEST(a_crowd_of_several_blocks_gets_it_in_order)
{
    memset(crowd, 0, sizeof(crowd));
    crowd_next = 0;
    say_all(SSE("/t/a"));
    for (uint32_t i = 0; i < CROWD; i++)
        crowd_join(i, LIVE_NO_HANDLE);
    desk_publish(&desk, "m", 1, 10);
    ck_assert_uint_eq(crowd_next, CROWD);
    for (uint32_t i = 0; i < CROWD; i++) {
        bool left = i > 0 && i % LIVE_BLOCK == 0;
        ck_assert_uint_eq(crowd[i].got, left ? 0 : 1);
        ck_assert(feed_is_live(&crowd[i].sub));
    }
    for (uint32_t i = 0; i < CROWD; i++)
        feed_leave(&crowd[i].sub, desk.worker->feeds, NULL);
}
END_TEST

/* --- polls --- */

/* Its peer still reads the answer before: that of this one would only add to what waits, so it is
 * made where limits are looked at between two, and not in the fan-out. */
START_TEST(a_poll_whose_connection_is_busy_is_answered_behind_the_fan_out)
{
    const struct conn *c = clients[0].conn;
    const struct backlog *b = &desk.worker->loop.backlog;
    desk_publish(&desk, "much", 60, BYTES);
    client_say(&clients[0], POLL("/t/much?after=earliest&wait=0") POLL("/t/a"));
    client_say(&clients[1], POLL("/t/a"));
    size_t unsent = conn_unsent(c);
    uint64_t polls = desk_count(&desk, COUNTER_polls);
    ck_assert(conn_is_busy(c) && !conn_is_congested(c));
    ck_assert_uint_eq(backlog_count(b), 0);
    desk_publish(&desk, "a", 1, 10);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_polls), polls + 1); /* the other one */
    ck_assert_uint_eq(conn_unsent(c), unsent);
    ck_assert_uint_eq(backlog_count(b), 1);
    desk_go_on(&desk);
    ck_assert_uint_eq(desk_count(&desk, COUNTER_polls), polls + 2);
    ck_assert_uint_gt(conn_unsent(c), unsent);
    client_hear_all(&clients[0]);
    ck_assert_uint_eq(client_times(&clients[0], "\"data\":\"xxxxxxxxxx\""), 1);
}
END_TEST

/* By io_uring, if this program has that: else none does. */
static void check_together(uint64_t before, unsigned sends)
{
    uint64_t submitted = desk_count(&desk, COUNTER_submitted) - before;
    ck_assert_uint_eq(submitted, desk.worker->loop.submission ? sends : 0);
}

START_TEST(answers_of_a_turn_leave_together)
{
    say_all(POLL("/t/a"));
    uint64_t before = desk_count(&desk, COUNTER_submitted);
    desk_publish(&desk, "a", 1, 10);
    check_together(before, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        client_hear_all(&clients[i]);
        ck_assert_uint_eq(client_times(&clients[i], "\"data\":\"xxxxxxxxxx\""), 1);
    }
}
END_TEST

START_TEST(streams_are_sent_to_together)
{
    say_all(SSE("/t/a"));
    uint64_t before = desk_count(&desk, COUNTER_submitted);
    desk_publish(&desk, "a", 1, 10);
    check_together(before, CLIENTS);
    before = desk_count(&desk, COUNTER_submitted);
    client_close(&clients[0]);
    client_close(&clients[1]);
    client_close(&clients[2]);
    desk_publish(&desk, "a", 1, 10);
    check_together(before, 0); /* one alone */
    client_hear_all(&clients[3]);
    ck_assert_uint_eq(client_times(&clients[3], "data: xxxxxxxxxx\n"), 2);
    for (int i = 0; i < 3; i++)
        client_open(&clients[i], &desk, false);
}
END_TEST

/* More than the sockets take, in one piece and in two. */
START_TEST(answers_that_are_cut_go_on)
{
    static const size_t sizes[] = {200000, 400000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        say_all(POLL("/t/a"));
        desk_publish(&desk, "a", 1, sizes[i]);
        for (int k = 0; k < CLIENTS; k++) {
            ck_assert(conn_is_busy(clients[k].conn));
            client_hear_all(&clients[k]);
            ck_assert_uint_eq(client_times(&clients[k], "\"live\":true}"), 1);
            ck_assert_uint_gt(clients[k].got.len, sizes[i]);
            ck_assert_uint_lt(clients[k].got.len, sizes[i] + 2000);
            client_forget(&clients[k]);
        }
    }
}
END_TEST

/* --- without memory --- */

/* The second member of a feed is the first for whom room is made. */
START_TEST(a_poll_for_which_there_is_no_room_is_refused)
{
    client_say(&clients[0], POLL("/t/a"));
    failing_size = 4 * sizeof(struct live);
    client_say(&clients[1], POLL("/t/a"));
    ck_assert_uint_eq(failing_size, 0);
    ck_assert(client_heard(&clients[1], "HTTP/1.1 503"));
    client_say(&clients[1], POLL("/t/a"));
    desk_publish(&desk, "a", 1, 10);
    for (int i = 0; i < 2; i++)
        ck_assert(client_heard(&clients[i], "\"data\":\"xxxxxxxxxx\""));
}
END_TEST

START_TEST(a_stream_for_which_there_is_no_room_ends)
{
    client_say(&clients[0], SSE("/t/a"));
    failing_size = 4 * sizeof(struct live);
    client_say(&clients[1], SSE("/t/a"));
    ck_assert_uint_eq(failing_size, 0);
    ck_assert(client_ended(&clients[1]));
    desk_publish(&desk, "a", 1, 10);
    ck_assert(client_heard(&clients[0], "data: x"));
}
END_TEST

/* What it would have to remember is where it stopped; the others are told nothing of that. */
static void end_one_that_falls_behind(const char *mark)
{
    size_t ended = CLIENTS;
    failing_place = true;
    desk_publish(&desk, "a", MANY, BYTES);
    ck_assert(!failing_place);
    for (size_t i = 0; i < CLIENTS; i++)
        if (client_ended(&clients[i]))
            ended = i;
    ck_assert_uint_lt(ended, CLIENTS);
    ck_assert_uint_eq(desk.worker->loop.conns, CLIENTS - 1);
    hear_everybody_out();
    desk_catch_up(&desk);
    hear_everybody_out();
    const struct buf *whole = &clients[ended ? 0 : 1].got, *part = &clients[ended].got;
    ck_assert_uint_lt(part->len, whole->len);
    ck_assert_int_eq(memcmp(part->data, whole->data, part->len), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        if (i == ended)
            continue;
        ck_assert_int_eq(stream_of(&clients[i])->state, STREAM_LIVE);
        ck_assert_ptr_null(stream_of(&clients[i])->catchup);
        ck_assert_uint_eq(clients[i].got.len, whole->len);
        if (mark)
            ck_assert_uint_eq(client_times(&clients[i], mark), MANY);
    }
}

START_TEST(a_stream_whose_place_cannot_be_kept_ends)
{
    say_all(kinds[_i].request);
    end_one_that_falls_behind(kinds[_i].mark);
}
END_TEST

/* The same for those who are asked, and not written to past their connections. */
START_TEST(an_asked_stream_whose_place_cannot_be_kept_ends)
{
    say_all(SSE("/t/a"));
    for (int i = 0; i < CLIENTS; i++)
        conn_write(clients[i].conn, "8\r\n: first\r\n", 12);
    end_one_that_falls_behind("data: x");
}
END_TEST

START_TEST(a_stream_without_memory_for_its_place_does_not_begin)
{
    failing_place = true;
    client_say(&clients[0], SSE("/t/a"));
    ck_assert(!failing_place);
    ck_assert(client_heard(&clients[0], "retry: "));
    client_say(&clients[1], SSE("/t/a"));
    desk_publish(&desk, "a", 1, 10);
    ck_assert(!client_heard(&clients[0], "data: x"));
    ck_assert(client_heard(&clients[1], "data: x"));
}
END_TEST

/* A control object as a frame of a client, whose mask is zero. */
static void say_control(struct client *c, const char *object)
{
    char frame[200] = {(char)0x81, (char)(0x80 | strlen(object))};
    ck_assert_uint_lt(strlen(object), 126);
    memcpy(frame + 6, object, strlen(object));
    client_say_bytes(c, frame, 6 + strlen(object));
}

START_TEST(what_has_no_memory_to_join_changes_nothing)
{
    static const char join_b[] = "{\"op\":\"subscribe\",\"topic\":\"b\"}";
    say_all(WS("/t/a"));
    failing_place = true;
    say_control(&clients[0], join_b);
    ck_assert(!failing_place);
    ck_assert(client_heard(&clients[0], "\"unavailable\""));
    ck_assert_ptr_null(stream_of(&clients[0])->catchup);
    ck_assert_uint_eq(stream_filters(stream_of(&clients[0])), 1);
    desk_publish(&desk, "b", 1, 10);
    ck_assert(!client_heard(&clients[0], "\"data\":\"x"));
    say_control(&clients[0], join_b);
    ck_assert_ptr_null(stream_of(&clients[0])->catchup);
    desk_publish(&desk, "b", 1, 10);
    desk_publish(&desk, "a", 1, 10);
    ck_assert_uint_eq(client_times(&clients[0], "\"data\":\"x"), 2);
}
END_TEST

/* What it needed meanwhile is given back. */
START_TEST(who_is_at_the_head_has_nothing_for_catching_up)
{
    desk_publish(&desk, "a", 1, 10);
    say_all(SSE("/t/a?after=earliest"));
    desk_catch_up(&desk);
    hear_everybody_out();
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(stream_of(&clients[i])->state, STREAM_LIVE);
        ck_assert_ptr_null(stream_of(&clients[i])->catchup);
    }
    ck_assert_ptr_null(desk.worker->lagging);
}
END_TEST

static Suite *fanout_suite(void)
{
    Suite *s = suite_create("fanout");
    TCase *t = tcase_create("fanout");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, who_only_receives_is_written_to_past_its_connection, 0, KINDS);
    tcase_add_test(t, whose_output_waits_is_asked);
    tcase_add_test(t, who_ends_gets_nothing_more);
    tcase_add_loop_test(t, who_is_cut_misses_nothing_and_gets_nothing_twice, 0, KINDS);
    tcase_add_test(t, who_is_lost_is_closed);
    tcase_add_test(t, who_is_full_is_stuck_after_the_time_for_that);
    tcase_add_test(t, who_leaves_in_the_middle_gets_nothing_and_who_comes_the_next);
    tcase_add_test(t, a_crowd_of_several_blocks_gets_it_in_order);
    tcase_add_test(t, cuts_are_told_with_their_reason);
    tcase_add_test(t, answers_of_a_turn_leave_together);
    tcase_add_test(t, streams_are_sent_to_together);
    tcase_add_test(t, answers_that_are_cut_go_on);
    tcase_add_test(t, a_poll_whose_connection_is_busy_is_answered_behind_the_fan_out);
    tcase_add_test(t, a_poll_for_which_there_is_no_room_is_refused);
    tcase_add_test(t, a_stream_for_which_there_is_no_room_ends);
    tcase_add_loop_test(t, a_stream_whose_place_cannot_be_kept_ends, 0, KINDS);
    tcase_add_test(t, an_asked_stream_whose_place_cannot_be_kept_ends);
    tcase_add_test(t, a_stream_without_memory_for_its_place_does_not_begin);
    tcase_add_test(t, what_has_no_memory_to_join_changes_nothing);
    tcase_add_test(t, who_is_at_the_head_has_nothing_for_catching_up);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(fanout_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
