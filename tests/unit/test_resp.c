/* The protocol of the local socket without a socket: what a connection does with its commands, in
 * which order it answers them, and when it takes no more. The connection and the worker's queue of
 * publishes are stand-ins; the commands are the real ones. */
#include "frontends/resp/resp_protocol.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/hub.h"
#include "delivery/description.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_client.h"
#include "frontends/resp/resp_command.h"
#include "frontends/resp/resp_multi.h"
#include "frontends/resp/resp_wait.h"
#include "frontends/resp/resp_xread.h"

enum { INFLIGHT = 4, PAYLOAD_MAX = 1000, BODY_MAX = 2000, SPARE = 1 << 20 };

static struct worker worker;
static struct settings settings;
static struct conn conn;
static struct store_state log_state = {.epoch = 9};

/* What the connection was told, and what it says. */
static struct {
    struct buf out;
    enum close_reason why;
    bool closed, ending, paused, congested, full_hub, slice_over;
    unsigned resumed, adopted, finished, asked_hub;
    uint64_t deadline;
} peer;

/* Publishes that were handed in and are not answered. */
static struct publish *queue[64];
static size_t queued;

struct buf *__wrap_conn_out(struct conn *c);
bool __wrap_conn_is_open(const struct conn *c);
void __wrap_conn_close(struct conn *c, enum close_reason why);
void __wrap_conn_finish_after_output(struct conn *c);
void __wrap_conn_pause(struct conn *c);
void __wrap_conn_resume(struct conn *c);
bool __wrap_conn_is_congested(const struct conn *c);
bool __wrap_conn_may_go_on(struct conn *c);
void __wrap_conn_set_deadline(struct conn *c, uint64_t at_ms);
void __wrap_worker_publish(struct worker *w, struct conn *c, struct publish *p);
bool __wrap_worker_must_wait(struct worker *w, struct conn *c);
void __wrap_h1_adopt(struct conn *c);
const struct store_state *__wrap_hub_log(const struct hub *h);
void __wrap_feed_leave(struct subscriber *s, struct feed_table *t, void *who);
void __wrap_resp_xread(struct resp *r, const struct resp_request *q, struct buf *out);

struct buf *__wrap_conn_out(struct conn *c)
{
    (void)c;
    return peer.closed ? NULL : &peer.out;
}

bool __wrap_conn_is_open(const struct conn *c)
{
    (void)c;
    return !peer.closed && !peer.ending;
}

void __wrap_conn_close(struct conn *c, enum close_reason why)
{
    (void)c;
    peer.closed = true;
    peer.why = why;
}

void __wrap_conn_finish_after_output(struct conn *c)
{
    (void)c;
    peer.ending = true;
    peer.finished++;
}

void __wrap_conn_pause(struct conn *c)
{
    (void)c;
    peer.paused = true;
}

void __wrap_conn_resume(struct conn *c)
{
    (void)c;
    peer.paused = false;
    peer.resumed++;
}

bool __wrap_conn_is_congested(const struct conn *c)
{
    (void)c;
    return peer.congested;
}

bool __wrap_conn_may_go_on(struct conn *c)
{
    (void)c;
    return !peer.slice_over;
}

void __wrap_conn_set_deadline(struct conn *c, uint64_t at_ms)
{
    (void)c;
    peer.deadline = at_ms;
}

void __wrap_worker_publish(struct worker *w, struct conn *c, struct publish *p)
{
    (void)w;
    (void)c;
    ck_assert_uint_lt(queued, sizeof(queue) / sizeof(queue[0]));
    queue[queued++] = p;
}

bool __wrap_worker_must_wait(struct worker *w, struct conn *c)
{
    (void)w;
    (void)c;
    peer.asked_hub++;
    return peer.full_hub;
}

void __wrap_h1_adopt(struct conn *c)
{
    (void)c;
    peer.adopted++;
}

const struct store_state *__wrap_hub_log(const struct hub *h)
{
    (void)h;
    return &log_state;
}

void __wrap_feed_leave(struct subscriber *s, struct feed_table *t, void *who)
{
    (void)s;
    (void)t;
    (void)who;
}

static void setup(void)
{
    memset(&worker, 0, sizeof(worker));
    memset(&settings, 0, sizeof(settings));
    memset(&conn, 0, sizeof(conn));
    memset(&peer, 0, sizeof(peer));
    settings.max_message_bytes = PAYLOAD_MAX;
    settings.max_body_bytes = BODY_MAX;
    settings.inflight = INFLIGHT;
    settings.subscriptions = 5;
    worker.settings = &settings;
    worker.loop.now_ms = 1000;
    conn.loop = &worker.loop;
    conn.protocol = &resp_protocol;
    conn.local = true;
    queued = 0;
}

static void teardown(void)
{
    resp_protocol.finish(&conn);
    ck_assert_ptr_null(conn.state);
    while (queued)
        publish_free(queue[--queued]);
    buf_finish(&peer.out);
}

/* --- what is fed, and what comes back --- */

/* Feeds N bytes, from memory of exactly their size; returns how many are to be fed again. */
static size_t feed_bytes(const char *bytes, size_t n)
{
    char *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, n);
    size_t used = resp_protocol.input(&conn, copy, n);
    free(copy);
    ck_assert_uint_le(used, n);
    return n - used;
}

/* The same of a text. */
static size_t feed(const char *text)
{
    return feed_bytes(text, strlen(text));
}

/* Feeds TEXT, and again what was given back, as long as something is and input is not stopped. */
static void feed_all(const char *text)
{
    size_t rest = strlen(text), before;
    do {
        before = rest;
        rest = feed_bytes(text + strlen(text) - rest, rest);
    } while (rest && rest < before && !peer.paused && !peer.ending);
    ck_assert_uint_eq(rest, 0);
}

static struct resp *state(void)
{
    return conn.state;
}

/* All replies since the last time. */
static void check_replies(const char *expected)
{
    buf_putc(&peer.out, '\0');
    ck_assert_str_eq(peer.out.data, expected);
    buf_clear(&peer.out);
}

/* Answers the oldest publish; SUBSCRIBERS of its first message. */
static void answer(enum err result, uint32_t subscribers)
{
    ck_assert_uint_gt(queued, 0);
    struct publish *p = queue[0];
    memmove(queue, queue + 1, --queued * sizeof(queue[0]));
    p->result = result;
    for (uint32_t i = 0; i < p->count; i++) {
        p->items[i].subscribers = subscribers + i;
        p->items[i].offset = 100 + i;
    }
    resp_protocol.answered(&conn, p);
    publish_free(p);
}

static uint64_t counted(enum counter c)
{
    return counter_get(&worker.loop.counters, c);
}

/* --- the first bytes --- */

START_TEST(http_requests_are_told_by_their_methods)
{
    static const char *const methods[] = {"GET ",     "POST ",  "HEAD ",    "PUT ",  "DELETE ",
                                          "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "};
    const char *method = methods[_i];
    for (size_t n = 1; n < strlen(method); n++) {
        ck_assert_uint_eq(feed_bytes(method, n), n);
        ck_assert_uint_eq(peer.adopted, 0);
    }
    ck_assert_ptr_null(conn.state);
    ck_assert_uint_eq(feed(method), strlen(method));
    ck_assert_uint_eq(peer.adopted, 1);
    ck_assert_ptr_null(conn.state);
}
END_TEST

START_TEST(others_are_commands)
{
    ck_assert_uint_eq(feed("PUNSU"), 0);
    ck_assert_ptr_nonnull(conn.state);
    ck_assert_uint_eq(feed("BSCRIBE\r\nGET / HTTP/1.1\r\n"), 0);
    ck_assert_uint_eq(peer.adopted, 0);
    check_replies("*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n"
                  "-ERR unknown command 'GET', with args beginning with: '/' 'HTTP/1.1' \r\n");
}
END_TEST

START_TEST(one_that_says_nothing_may_end)
{
    resp_protocol.input_ended(&conn);
    ck_assert(peer.closed && peer.why == CLOSE_PEER);
    peer.closed = false;
    resp_protocol.shutdown(&conn);
    ck_assert(peer.closed && peer.why == CLOSE_SHUTDOWN);
    peer.closed = false;
    resp_protocol.kicked(&conn);
    ck_assert(peer.closed && peer.why == CLOSE_KICKED);
    peer.closed = false;
    resp_protocol.refuse(&conn);
    ck_assert(peer.closed && peer.why == CLOSE_MEMORY);
    peer.closed = false;
    resp_protocol.timeout(&conn);
    resp_protocol.drained(&conn);
    ck_assert(!peer.closed);
}
END_TEST

START_TEST(a_payload_may_grow_before_it_is_refused)
{
    char head[64];
    snprintf(head, sizeof(head), "*2\r\n$4\r\nECHO\r\n$%d\r\n", 2 * PAYLOAD_MAX + SPARE);
    ck_assert_uint_eq(feed(head), 0);
    ck_assert_int_eq(state()->state, RESP_READY);
    resp_protocol.finish(&conn);
    snprintf(head, sizeof(head), "*2\r\n$4\r\nECHO\r\n$%d\r\n", 2 * PAYLOAD_MAX + SPARE + 1);
    feed(head);
    check_replies("-ERR Protocol error: invalid bulk length\r\n");
    ck_assert(peer.ending);
}
END_TEST

/* --- order --- */

START_TEST(publishes_are_answered_as_they_come_back)
{
    ck_assert_uint_eq(feed("PUBLISH a 1\r\nXADD a * data 2\r\n"), 0);
    ck_assert_uint_eq(queued, 2);
    ck_assert(!queue[0]->uncounted && queue[1]->uncounted);
    check_replies("");
    answer(ERR_OK, 7);
    check_replies(":7\r\n");
    answer(ERR_OK, 0);
    check_replies("$5\r\n100-9\r\n");
    ck_assert_int_eq(state()->state, RESP_READY);
    ck_assert_uint_eq(counted(COUNTER_resp_commands), 2);
}
END_TEST

START_TEST(another_command_waits_for_all_publishes_before_it)
{
    const char text[] = "PUBLISH a 1\r\nPUBLISH a 2\r\nECHO x\r\nECHO y\r\n";
    size_t rest = feed(text);
    ck_assert_uint_eq(rest, strlen("ECHO y\r\n"));
    ck_assert_int_eq(state()->state, RESP_HELD);
    ck_assert(peer.paused);
    ck_assert_uint_eq(resp_protocol.held(&conn), strlen("ECHOx"));
    ck_assert_uint_eq(feed("ECHO y\r\n"), rest); /* nothing is taken meanwhile */
    answer(ERR_OK, 0);
    check_replies(":0\r\n");
    ck_assert_int_eq(state()->state, RESP_HELD);
    answer(ERR_OK, 0);
    check_replies(":0\r\n$1\r\nx\r\n");
    ck_assert_int_eq(state()->state, RESP_READY);
    ck_assert(!peer.paused);
    ck_assert_uint_eq(resp_protocol.held(&conn), 0);
    ck_assert_uint_eq(feed("ECHO y\r\n"), 0);
    check_replies("$1\r\ny\r\n");
}
END_TEST

/* What is wrong with a publish is said in its place, too. */
START_TEST(a_wrong_publish_waits_for_those_before_it)
{
    feed("PUBLISH a 1\r\nPUBLISH # 2\r\n");
    ck_assert_int_eq(state()->state, RESP_HELD);
    check_replies("");
    answer(ERR_NOSPACE, 0);
    buf_putc(&peer.out, '\0');
    const char *second = strstr(peer.out.data, "\r\n-BADTOPIC ");
    ck_assert(strncmp(peer.out.data, "-NOSPACE ", 9) == 0 && second);
    ck_assert_uint_eq(counted(COUNTER_resp_errors), 2);
    buf_clear(&peer.out);
    ck_assert_uint_eq(feed("PUBLISH # 2\r\n"), 0);
    ck_assert_int_eq(state()->state, RESP_READY);
    ck_assert_uint_eq(queued, 0);
}
END_TEST

START_TEST(a_protocol_error_comes_behind_the_answers)
{
    feed("PUBLISH a 1\r\n*1\r\n:1\r\n");
    ck_assert_int_eq(state()->state, RESP_FAILED);
    check_replies("");
    ck_assert(!peer.ending);
    ck_assert_uint_eq(feed("PING\r\n"), 0); /* dropped */
    answer(ERR_OK, 0);
    check_replies(":0\r\n-ERR Protocol error: expected '$', got ':'\r\n");
    ck_assert(peer.ending);
    ck_assert_int_eq(state()->state, RESP_ENDING);
    ck_assert_uint_eq(feed("PING\r\n"), 0);
    check_replies("");
}
END_TEST

START_TEST(quit_ends_behind_its_answer)
{
    feed("QUIT\r\nPUBLISH a 1\r\n");
    check_replies("+OK\r\n");
    ck_assert_uint_eq(peer.finished, 1);
    ck_assert_uint_eq(queued, 0);
}
END_TEST

/* --- how much --- */

START_TEST(only_so_many_publishes_are_under_way)
{
    char text[256] = "";
    for (int i = 0; i < INFLIGHT + 2; i++)
        strcat(text, "PUBLISH a x\r\n");
    size_t rest = feed(text);
    ck_assert_uint_eq(queued, INFLIGHT);
    ck_assert_uint_eq(rest, 2 * strlen("PUBLISH a x\r\n"));
    ck_assert_int_eq(state()->state, RESP_FULL);
    ck_assert(peer.paused);
    ck_assert_uint_eq(feed("PUBLISH a x\r\n"), strlen("PUBLISH a x\r\n"));
    ck_assert_uint_eq(queued, INFLIGHT);
    answer(ERR_OK, 0);
    ck_assert_int_eq(state()->state, RESP_READY);
    ck_assert(!peer.paused);
    ck_assert_uint_eq(feed("PUBLISH a x\r\n"), 0);
    ck_assert_uint_eq(queued, INFLIGHT);
}
END_TEST

START_TEST(replies_that_do_not_leave_stop_it)
{
    feed("PING\r\n");
    unsigned resumed = peer.resumed;
    peer.congested = true;
    ck_assert_uint_eq(feed("PING\r\n"), strlen("PING\r\n"));
    ck_assert_int_eq(state()->state, RESP_FULL);
    ck_assert(peer.paused);
    resp_protocol.drained(&conn);
    ck_assert_uint_eq(peer.resumed, resumed); /* not enough of them */
    peer.congested = false;
    resp_protocol.drained(&conn);
    ck_assert_uint_eq(peer.resumed, resumed + 1);
    ck_assert_uint_eq(feed("PING\r\n"), 0);
    check_replies("+PONG\r\n+PONG\r\n");
    resp_protocol.drained(&conn);
    ck_assert_uint_eq(peer.resumed, resumed + 1); /* it was not stopped */
}
END_TEST

START_TEST(publishers_wait_for_the_hub_others_do_not)
{
    peer.full_hub = true;
    ck_assert_uint_eq(feed("PING\r\nPING\r\n"), 0);
    ck_assert_uint_eq(peer.asked_hub, 0);
    ck_assert_uint_eq(feed("PUBLISH a 1\r\nPUBLISH a 2\r\n"), strlen("PUBLISH a 2\r\n"));
    ck_assert_uint_eq(queued, 1);
    ck_assert_uint_eq(feed("PUBLISH a 2\r\n"), strlen("PUBLISH a 2\r\n"));
    peer.full_hub = false;
    ck_assert_uint_eq(feed("PUBLISH a 2\r\n"), 0);
    ck_assert_uint_eq(queued, 2);
}
END_TEST

START_TEST(a_slice_that_is_used_up_leaves_the_rest)
{
    peer.slice_over = true;
    ck_assert_uint_eq(feed("PING\r\n"), strlen("PING\r\n"));
    peer.slice_over = false;
    feed("PING\r\n");
    int64_t before = worker.loop.work.slice;
    feed("PING\r\nPING\r\n");
    ck_assert_int_eq(before - worker.loop.work.slice, 2 * WORK_COMMAND);
    check_replies("+PONG\r\n+PONG\r\n+PONG\r\n");
}
END_TEST

/* XRANGE reads even if it is wrong in the end. */
START_TEST(one_command_that_reads_is_enough_for_a_turn)
{
    const char read[] = "XRANGE # - +\r\n";
    ck_assert_uint_eq(feed("XRANGE # - +\r\nXRANGE # - +\r\nPING\r\n"), strlen(read) + 6);
    ck_assert_uint_eq(peer.resumed, 1); /* it comes again by itself */
    ck_assert(!peer.paused);
    check_replies("-BADTOPIC not a valid topic\r\n");
    ck_assert_uint_eq(feed("XRANGE # - +\r\nPING\r\n"), 6);
    check_replies("-BADTOPIC not a valid topic\r\n");
    ck_assert_uint_eq(feed("PING\r\nXRANGE x\r\nPING\r\n"),
                      0); /* one that is refused reads nothing */
    ck_assert_uint_eq(peer.resumed, 2);
}
END_TEST

/* --- the peer closes its side --- */

START_TEST(a_half_closed_peer_gets_its_answers)
{
    conn.input_over = true;
    feed("PING\r\nPUBLISH a 1\r\n");
    ck_assert(!peer.ending);
    resp_protocol.input_ended(&conn);
    ck_assert(!peer.ending);
    answer(ERR_OK, 0);
    ck_assert(peer.ending);
    check_replies("+PONG\r\n:0\r\n");
}
END_TEST

START_TEST(a_half_closed_peer_gets_all_that_it_sent)
{
    struct kept_input rest = {0};
    conn.in = &rest; /* something is left to be fed */
    feed("PUBLISH a 1\r\n");
    conn.input_over = true;
    resp_protocol.input_ended(&conn);
    answer(ERR_OK, 0);
    ck_assert(!peer.ending);
    conn.in = NULL;
    feed("PING\r\n");
    ck_assert(peer.ending);
    check_replies(":0\r\n+PONG\r\n");
}
END_TEST

START_TEST(a_half_closed_peer_gets_what_a_read_left_for_later)
{
    conn.input_over = true;
    ck_assert_uint_eq(feed("XRANGE # - +\r\nPING\r\n"), 6);
    ck_assert(!peer.ending);
    ck_assert_uint_eq(feed("PING\r\n"), 0);
    ck_assert(peer.ending);
    check_replies("-BADTOPIC not a valid topic\r\n+PONG\r\n");
}
END_TEST

START_TEST(a_half_closed_peer_that_asked_for_nothing_more_ends)
{
    feed("PING\r\n");
    ck_assert(!peer.ending);
    conn.input_over = true;
    resp_protocol.input_ended(&conn);
    ck_assert_uint_eq(peer.finished, 1);
    ck_assert_int_eq(state()->state, RESP_ENDING);
}
END_TEST

/* --- a command that waits --- */

static unsigned retried, destroyed;
static bool was_last;

static bool retry(struct resp_wait *w, struct buf *out, bool last)
{
    (void)w;
    retried++;
    was_last = last;
    if (last)
        buf_puts(out, "*-1\r\n");
    return last;
}

static void destroy(struct resp_wait *w)
{
    destroyed++;
    free(w);
}

/* XREAD: waits without an end. */
void __wrap_resp_xread(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct resp_wait *w = calloc(1, sizeof(*w));
    (void)q;
    (void)out;
    ck_assert_ptr_nonnull(w);
    w->resp = r;
    w->retry = retry;
    w->destroy = destroy;
    r->wait = w;
    resp_begin_wait(r, false);
    peer.deadline = 5000;
}

static void begin_wait(void)
{
    retried = destroyed = 0;
    ck_assert_uint_eq(feed("XREAD BLOCK 0 STREAMS a $\r\n"), 0);
    ck_assert_int_eq(state()->state, RESP_WAITING);
}

static void check_given_up(void)
{
    check_replies("*-1\r\n");
    ck_assert(was_last);
    ck_assert_uint_eq(retried, 1);
    ck_assert_uint_eq(destroyed, 1);
    ck_assert_ptr_null(state()->wait);
}

START_TEST(what_comes_behind_one_that_waits_waits)
{
    begin_wait();
    ck_assert_uint_eq(feed("PING\r\n"), 6);
    resp_protocol.timeout(&conn);
    check_given_up();
    ck_assert_uint_eq(peer.deadline, WHEEL_NEVER);
    ck_assert_int_eq(state()->state, RESP_READY);
    ck_assert_uint_eq(feed("PING\r\n"), 0);
    check_replies("+PONG\r\n");
}
END_TEST

START_TEST(one_that_is_woken_reads_again)
{
    begin_wait();
    resp_protocol.drained(&conn);
    ck_assert_uint_eq(retried, 0);
    state()->wait->woken = true;
    resp_protocol.drained(&conn);
    ck_assert(retried == 1 && !was_last && !state()->wait->woken);
    resp_protocol.drained(&conn);
    ck_assert_uint_eq(retried, 1);
    ck_assert_int_eq(state()->state, RESP_WAITING);
}
END_TEST

START_TEST(one_that_waits_is_answered_when_its_peer_closes_its_side)
{
    begin_wait();
    conn.input_over = true;
    resp_protocol.input_ended(&conn);
    check_given_up();
    ck_assert_uint_eq(feed("PING\r\n"), 0);
    check_replies("+PONG\r\n");
    ck_assert(peer.ending);
}
END_TEST

START_TEST(one_that_waits_is_answered_when_the_hub_stops)
{
    begin_wait();
    worker.loop.draining = true;
    resp_protocol.shutdown(&conn);
    check_given_up();
    ck_assert(peer.ending);
    ck_assert_int_eq(state()->state, RESP_ENDING);
}
END_TEST

START_TEST(one_that_waits_is_answered_when_it_is_kicked)
{
    begin_wait();
    resp_protocol.kicked(&conn);
    check_given_up();
    ck_assert(peer.ending && !peer.closed);
}
END_TEST

/* --- the end --- */

START_TEST(a_stopping_hub_answers_what_is_under_way)
{
    feed("PUBLISH a 1\r\nPUBLISH a 2\r\n");
    resp_protocol.shutdown(&conn);
    ck_assert(!peer.ending);
    ck_assert_uint_eq(feed("PUBLISH a 3\r\n"), 0);
    ck_assert_uint_eq(queued, 2);
    answer(ERR_OK, 0);
    ck_assert(!peer.ending);
    answer(ERR_OK, 0);
    ck_assert(peer.ending);
    check_replies(":0\r\n:0\r\n");
}
END_TEST

START_TEST(a_stopping_hub_ends_who_has_nothing_under_way)
{
    feed("PING\r\n");
    resp_protocol.shutdown(&conn);
    ck_assert(peer.ending && !peer.closed);
}
END_TEST

START_TEST(a_stopping_hub_runs_what_is_held)
{
    feed("PUBLISH a 1\r\nPING\r\n");
    worker.loop.draining = true;
    resp_protocol.shutdown(&conn);
    ck_assert(!peer.ending);
    answer(ERR_OK, 0);
    check_replies(":0\r\n+PONG\r\n");
    ck_assert(peer.ending);
}
END_TEST

START_TEST(a_stopping_hub_lets_nobody_begin_to_wait)
{
    retried = destroyed = 0;
    feed("PUBLISH a 1\r\nXREAD BLOCK 0 STREAMS a $\r\n");
    worker.loop.draining = true;
    resp_protocol.shutdown(&conn);
    answer(ERR_OK, 0);
    ck_assert_uint_eq(destroyed, 1);
    check_replies(":0\r\n*-1\r\n");
    ck_assert(peer.ending);
}
END_TEST

START_TEST(a_stopping_hub_lets_a_failed_one_end_by_itself)
{
    feed("PUBLISH a 1\r\n*1\r\n:1\r\n");
    resp_protocol.shutdown(&conn);
    ck_assert_int_eq(state()->state, RESP_FAILED);
    answer(ERR_OK, 0);
    check_replies(":0\r\n-ERR Protocol error: expected '$', got ':'\r\n");
    ck_assert(peer.ending);
}
END_TEST

START_TEST(who_is_kicked_gets_the_answers_under_way)
{
    feed("PUBLISH a 1\r\nPING\r\n"); /* held, and not begun */
    resp_protocol.kicked(&conn);
    ck_assert(!peer.ending && !peer.closed);
    ck_assert_uint_eq(peer.deadline, 1000 + CONN_FAREWELL_MS);
    answer(ERR_OK, 0);
    check_replies(":0\r\n");
    ck_assert(peer.ending && !peer.closed);
}
END_TEST

START_TEST(who_is_kicked_waits_no_longer_than_that)
{
    feed("PUBLISH a 1\r\n");
    resp_protocol.kicked(&conn);
    ck_assert(!peer.closed);
    resp_protocol.timeout(&conn);
    ck_assert(peer.closed && peer.why == CLOSE_KICKED);
    peer.closed = false;
    resp_protocol.kicked(&conn); /* the second time is the last */
    ck_assert(peer.closed && peer.why == CLOSE_KICKED);
}
END_TEST

START_TEST(who_is_kicked_gets_the_answer_of_a_transaction)
{
    feed("MULTI\r\nPUBLISH a 1\r\nEXEC\r\n");
    check_replies("+OK\r\n+QUEUED\r\n");
    resp_protocol.kicked(&conn);
    ck_assert(!peer.ending && !peer.closed);
    answer(ERR_OK, 2);
    check_replies("*1\r\n:2\r\n");
    ck_assert(peer.ending && !peer.closed);
}
END_TEST

START_TEST(who_is_kicked_idle_ends)
{
    feed("PING\r\n");
    resp_protocol.kicked(&conn);
    ck_assert(peer.ending && !peer.closed);
}
END_TEST

START_TEST(who_holds_too_much_is_told)
{
    feed("*2\r\n$4\r\nECHO\r\n$9\r\nhalf");
    ck_assert_uint_gt(resp_protocol.held(&conn), 9);
    resp_protocol.refuse(&conn);
    check_replies("-ERR the hub holds as much for its clients as it may\r\n");
    ck_assert(peer.ending && !peer.closed);
    ck_assert_uint_eq(resp_protocol.held(&conn), 0);
}
END_TEST

START_TEST(who_holds_too_much_while_full_is_told_behind_its_answers)
{
    settings.inflight = 1;
    ck_assert_uint_eq(feed("PUBLISH a 1\r\n"), 0);
    ck_assert_int_eq(state()->state, RESP_FULL);
    resp_protocol.refuse(&conn);
    check_replies("");
    answer(ERR_OK, 0);
    check_replies(":0\r\n-ERR the hub holds as much for its clients as it may\r\n");
    ck_assert(peer.ending && !peer.closed);
}
END_TEST

START_TEST(who_holds_too_much_while_something_runs_is_cut_off)
{
    feed("PUBLISH a 1\r\nPING\r\n");
    resp_protocol.refuse(&conn);
    ck_assert(peer.closed && peer.why == CLOSE_MEMORY);
}
END_TEST

/* --- what is told of it --- */

START_TEST(listings_have_its_names_and_its_last_command)
{
    struct description d = {0};
    feed("CLIENT SETNAME n\r\nCLIENT SETINFO LIB-NAME l\r\nCLIENT SETINFO lib-ver 1\r\n");
    feed("NONSENSE\r\nCLIENT ID x\r\nHELLO 3\r\n");
    resp_protocol.describe(&conn, &d);
    ck_assert_str_eq(d.name, "n");
    ck_assert_str_eq(d.lib_name, "l");
    ck_assert_str_eq(d.lib_version, "1");
    ck_assert_str_eq(d.command, "hello");
    ck_assert_uint_eq(d.resp, 3);
    ck_assert(!d.in_transaction && d.queued == 0 && d.queued_bytes == 0);
    feed("NONSENSE\r\nCLIENT ID x\r\n");
    resp_protocol.describe(&conn, &d);
    ck_assert_str_eq(d.command, "hello"); /* those did not run */
}
END_TEST

START_TEST(names_have_a_limit)
{
    char text[400];
    snprintf(text, sizeof(text), "CLIENT SETNAME %0*d\r\n", RESP_NAME_MAX, 7);
    feed(text);
    check_replies("+OK\r\n");
    snprintf(text, sizeof(text), "CLIENT SETNAME %0*d\r\n", RESP_NAME_MAX + 1, 7);
    feed(text);
    check_replies("-ERR a client's name is at most 255 bytes long\r\n");
    ck_assert_uint_eq(strlen(state()->name), RESP_NAME_MAX);
    feed("*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$3\r\na\x7F"
         "b\r\n");
    check_replies("-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
    feed("CLIENT SETNAME \"\"\r\nCLIENT GETNAME\r\n");
    check_replies("+OK\r\n$-1\r\n");
}
END_TEST

/* --- transactions --- */

START_TEST(a_transaction_is_one_publish)
{
    feed("MULTI\r\nPUBLISH a 1\r\nECHO x\r\nXADD b * data 2\r\nPUBLISH a 3\r\n");
    check_replies("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    ck_assert_uint_eq(queued, 0);
    ck_assert_uint_eq(feed("EXEC\r\nPING\r\n"), 6);
    ck_assert_uint_eq(queued, 1);
    ck_assert_uint_eq(queue[0]->count, 3);
    ck_assert(!queue[0]->uncounted && !queue[0]->expectations);
    ck_assert(peer.paused);
    ck_assert_int_eq(state()->state, RESP_WAITING);
    ck_assert_uint_eq(state()->inflight, 1);
    answer(ERR_OK, 5);
    check_replies("*4\r\n:5\r\n$1\r\nx\r\n$5\r\n101-9\r\n:7\r\n");
    ck_assert_int_eq(state()->state, RESP_READY);
    ck_assert(!peer.paused);
    ck_assert_uint_eq(feed("PING\r\n"), 0);
    check_replies("+PONG\r\n");
    ck_assert(state()->publisher);
}
END_TEST

START_TEST(a_condition_names_its_command)
{
    feed("MULTI\r\nPING\r\nXADD b * data 2\r\nXADD b * data 2 expect 7-9\r\nEXEC\r\n");
    check_replies("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    ck_assert_uint_eq(queue[0]->count, 2);
    ck_assert(!queue[0]->items[0].conditional && queue[0]->items[1].conditional);
    ck_assert_uint_eq(queue[0]->expectations[1].seen.offset, 7);
    queue[0]->conflict = 1;
    queue[0]->current = 8;
    answer(ERR_CONFLICT, 0);
    buf_putc(&peer.out, '\0');
    ck_assert_ptr_eq(strstr(peer.out.data, "-CONFLICT 8-9 "), peer.out.data);
    ck_assert_ptr_nonnull(strstr(peer.out.data, " (command 3 of the transaction)\r\n"));
    ck_assert_ptr_null(state()->multi);
    ck_assert_int_eq(state()->state, RESP_READY);
}
END_TEST

START_TEST(a_condition_outside_a_transaction_names_no_command)
{
    feed("XADD b * data 2 expect 7-9\r\n");
    queue[0]->current = 8;
    answer(ERR_CONFLICT, 0);
    buf_putc(&peer.out, '\0');
    ck_assert_ptr_eq(strstr(peer.out.data, "-CONFLICT 8-9 "), peer.out.data);
    ck_assert_ptr_null(strstr(peer.out.data, "of the transaction"));
}
END_TEST

/* Feeds a transaction of COUNT times COMMAND, up to its EXEC. */
static void begin_transaction(const char *command, int count)
{
    feed_all("MULTI\r\n");
    for (int i = 0; i < count; i++)
        feed_all(command);
    buf_clear(&peer.out);
}

START_TEST(one_read_of_a_transaction_is_enough_for_a_turn)
{
    begin_transaction("XRANGE # - +\r\n", 3);
    feed("EXEC\r\n");
    check_replies("");
    for (unsigned left = 2; left > 0; left--) {
        ck_assert_int_eq(state()->state, RESP_WAITING);
        ck_assert(!peer.paused);
        ck_assert_uint_eq(peer.resumed, 3 - left);
        check_replies("");
        feed(""); /* as conn_resume has it called */
    }
    check_replies("*3\r\n-BADTOPIC not a valid topic\r\n-BADTOPIC not a valid topic\r\n"
                  "-BADTOPIC not a valid topic\r\n");
    ck_assert_int_eq(state()->state, RESP_READY);
    ck_assert_ptr_null(state()->multi);
}
END_TEST

START_TEST(other_commands_go_on_beside_a_read)
{
    feed("MULTI\r\nXRANGE # - +\r\nPING\r\nECHO x\r\nXLEN #\r\n");
    check_replies("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    feed("EXEC\r\n");
    check_replies("*4\r\n-BADTOPIC not a valid topic\r\n+PONG\r\n$1\r\nx\r\n"
                  "-BADTOPIC not a valid topic\r\n");
}
END_TEST

START_TEST(a_transaction_leaves_others_their_turn)
{
    begin_transaction("PING\r\n", 3);
    int64_t before = worker.loop.work.slice;
    feed("EXEC\r\n");
    check_replies("*3\r\n+PONG\r\n+PONG\r\n+PONG\r\n");
    ck_assert_int_eq(before - worker.loop.work.slice, 4 * WORK_COMMAND);
}
END_TEST

/* Its slice is used up by each command. */
static void slice_is_over(struct resp *r, const struct resp_request *q, struct buf *out)
{
    (void)r;
    (void)q;
    peer.slice_over = true;
    buf_puts(out, "+ran\r\n");
}

START_TEST(a_slice_that_is_over_stops_a_transaction)
{
    static const struct resp_command command = {"test", 1, 1, 0, slice_is_over, NULL, "", ""};
    struct resp_request q = {1, &(struct resp_arg){.data = "test", .len = 4}};
    feed("MULTI\r\n");
    for (int i = 0; i < 2; i++)
        resp_multi_queue(state(), &command, &q, &peer.out);
    check_replies("+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    feed("EXEC\r\n");
    check_replies("");
    ck_assert_int_eq(state()->state, RESP_WAITING);
    ck_assert_ptr_ne(resp_out(state()), &peer.out);
    peer.slice_over = false;
    feed("");
    check_replies("*2\r\n+ran\r\n+ran\r\n");
    ck_assert_ptr_eq(resp_out(state()), &peer.out);
}
END_TEST

/* What one turn has read does not count in the next, which may begin with something else. */
START_TEST(each_turn_of_a_transaction_may_read)
{
    static const struct resp_command command = {"test",        1,    1,  RESP_READONLY,
                                                slice_is_over, NULL, "", ""};
    struct resp_request q = {1, &(struct resp_arg){.data = "test", .len = 4}};
    feed("MULTI\r\n");
    resp_multi_queue(state(), &command, &q, &peer.out);
    feed("PING\r\nXRANGE # - +\r\n");
    buf_clear(&peer.out);
    feed("EXEC\r\n");
    check_replies("");
    peer.slice_over = false;
    feed("");
    check_replies("*3\r\n+ran\r\n+PONG\r\n-BADTOPIC not a valid topic\r\n");
}
END_TEST

START_TEST(errors_spoil_a_transaction_and_free_it)
{
    begin_transaction("PUBLISH a 1\r\n", 1);
    ck_assert_uint_gt(resp_protocol.held(&conn), 100);
    feed("NONSENSE\r\n");
    buf_clear(&peer.out);
    struct description d = {0};
    resp_protocol.describe(&conn, &d);
    ck_assert(d.in_transaction);
    ck_assert_uint_eq(d.queued, 0);
    feed("PUBLISH a 2\r\n");
    resp_protocol.describe(&conn, &d);
    ck_assert_uint_eq(d.queued, 0);
    check_replies("+QUEUED\r\n");
    feed("EXEC\r\nEXEC\r\n");
    check_replies("-EXECABORT Transaction discarded because of previous errors.\r\n"
                  "-ERR EXEC without MULTI\r\n");
    ck_assert_uint_eq(queued, 0);
}
END_TEST

START_TEST(a_transaction_weighs_what_it_holds)
{
    struct description d = {0};
    feed("MULTI\r\n");
    resp_protocol.describe(&conn, &d);
    size_t empty = d.queued_bytes;
    ck_assert_uint_gt(empty, 0);
    feed("ECHO 12345\r\nPUBLISH a 12345\r\n");
    resp_protocol.describe(&conn, &d);
    ck_assert_uint_eq(d.queued, 2);
    ck_assert_uint_eq(d.queued_bytes - empty, 2 * 128 + 9 + 13);
    ck_assert_uint_eq(resp_protocol.held(&conn), d.queued_bytes);
    feed("DISCARD\r\nDISCARD\r\n");
    check_replies("+OK\r\n+QUEUED\r\n+QUEUED\r\n+OK\r\n-ERR DISCARD without MULTI\r\n");
    ck_assert_uint_eq(resp_protocol.held(&conn), 0);
}
END_TEST

START_TEST(the_bytes_of_a_transaction_have_a_limit)
{
    char text[BODY_MAX + 100];
    /* Two commands of half the limit, their overhead included, fit; a byte more does not. */
    int half = BODY_MAX / 2 - 128 - 4;
    for (int more = 0; more < 2; more++) {
        feed("MULTI\r\n");
        snprintf(text, sizeof(text), "ECHO %0*d\r\n", half, 7);
        feed(text);
        snprintf(text, sizeof(text), "ECHO %0*d\r\n", half + more, 7);
        feed(text);
        feed("DISCARD\r\n");
        check_replies(more ? "+OK\r\n+QUEUED\r\n-LIMIT the commands of a transaction are at most "
                             "http.max_body_bytes long\r\n+OK\r\n"
                           : "+OK\r\n+QUEUED\r\n+QUEUED\r\n+OK\r\n");
    }
}
END_TEST

START_TEST(a_transaction_is_forgotten_by_reset)
{
    begin_transaction("PUBLISH a 1\r\n", 2);
    feed("CLIENT SETNAME n\r\nHELLO 3\r\nRESET\r\nEXEC\r\nCLIENT GETNAME\r\n");
    check_replies("+QUEUED\r\n+QUEUED\r\n+RESET\r\n-ERR EXEC without MULTI\r\n$-1\r\n");
    ck_assert_uint_eq(queued, 0);
    ck_assert_int_eq(state()->version, RESP2);
}
END_TEST

START_TEST(a_transaction_that_fails_is_told_once)
{
    begin_transaction("PUBLISH a 1\r\n", 2);
    feed("EXEC\r\n");
    answer(ERR_NOSPACE, 0);
    buf_putc(&peer.out, '\0');
    ck_assert_ptr_eq(strstr(peer.out.data, "-NOSPACE "), peer.out.data);
    ck_assert_ptr_eq(strchr(peer.out.data, '\n'), peer.out.data + strlen(peer.out.data) - 1);
    ck_assert_ptr_null(state()->multi);
    ck_assert(!peer.paused);
    ck_assert_int_eq(state()->state, RESP_READY);
}
END_TEST

START_TEST(a_transaction_whose_peer_is_gone_is_freed)
{
    begin_transaction("PUBLISH a 1\r\n", 2);
    feed("EXEC\r\n");
    peer.closed = true;
    answer(ERR_OK, 0);
    ck_assert_ptr_null(state()->multi);
}
END_TEST

static TCase *tcase(const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    return t;
}

static void add_first_bytes(Suite *s)
{
    TCase *t = tcase("first bytes");
    tcase_add_loop_test(t, http_requests_are_told_by_their_methods, 0, 9);
    tcase_add_test(t, others_are_commands);
    tcase_add_test(t, one_that_says_nothing_may_end);
    tcase_add_test(t, a_payload_may_grow_before_it_is_refused);
    suite_add_tcase(s, t);
}

static void add_order(Suite *s)
{
    TCase *t = tcase("order");
    tcase_add_test(t, publishes_are_answered_as_they_come_back);
    tcase_add_test(t, another_command_waits_for_all_publishes_before_it);
    tcase_add_test(t, a_wrong_publish_waits_for_those_before_it);
    tcase_add_test(t, a_protocol_error_comes_behind_the_answers);
    tcase_add_test(t, quit_ends_behind_its_answer);
    tcase_add_test(t, only_so_many_publishes_are_under_way);
    tcase_add_test(t, replies_that_do_not_leave_stop_it);
    tcase_add_test(t, publishers_wait_for_the_hub_others_do_not);
    tcase_add_test(t, a_slice_that_is_used_up_leaves_the_rest);
    tcase_add_test(t, one_command_that_reads_is_enough_for_a_turn);
    suite_add_tcase(s, t);
}

static void add_ends(Suite *s)
{
    TCase *t = tcase("ends");
    tcase_add_test(t, a_half_closed_peer_gets_its_answers);
    tcase_add_test(t, a_half_closed_peer_gets_all_that_it_sent);
    tcase_add_test(t, a_half_closed_peer_gets_what_a_read_left_for_later);
    tcase_add_test(t, a_half_closed_peer_that_asked_for_nothing_more_ends);
    tcase_add_test(t, what_comes_behind_one_that_waits_waits);
    tcase_add_test(t, one_that_is_woken_reads_again);
    tcase_add_test(t, one_that_waits_is_answered_when_its_peer_closes_its_side);
    tcase_add_test(t, one_that_waits_is_answered_when_the_hub_stops);
    tcase_add_test(t, one_that_waits_is_answered_when_it_is_kicked);
    tcase_add_test(t, a_stopping_hub_answers_what_is_under_way);
    tcase_add_test(t, a_stopping_hub_ends_who_has_nothing_under_way);
    tcase_add_test(t, a_stopping_hub_runs_what_is_held);
    tcase_add_test(t, a_stopping_hub_lets_nobody_begin_to_wait);
    tcase_add_test(t, a_stopping_hub_lets_a_failed_one_end_by_itself);
    tcase_add_test(t, who_is_kicked_gets_the_answers_under_way);
    tcase_add_test(t, who_is_kicked_waits_no_longer_than_that);
    tcase_add_test(t, who_is_kicked_gets_the_answer_of_a_transaction);
    tcase_add_test(t, who_is_kicked_idle_ends);
    tcase_add_test(t, who_holds_too_much_is_told);
    tcase_add_test(t, who_holds_too_much_while_full_is_told_behind_its_answers);
    tcase_add_test(t, who_holds_too_much_while_something_runs_is_cut_off);
    suite_add_tcase(s, t);
}

static void add_transactions(Suite *s)
{
    TCase *t = tcase("transactions");
    tcase_add_test(t, a_transaction_is_one_publish);
    tcase_add_test(t, a_condition_names_its_command);
    tcase_add_test(t, a_condition_outside_a_transaction_names_no_command);
    tcase_add_test(t, one_read_of_a_transaction_is_enough_for_a_turn);
    tcase_add_test(t, other_commands_go_on_beside_a_read);
    tcase_add_test(t, a_transaction_leaves_others_their_turn);
    tcase_add_test(t, a_slice_that_is_over_stops_a_transaction);
    tcase_add_test(t, each_turn_of_a_transaction_may_read);
    tcase_add_test(t, errors_spoil_a_transaction_and_free_it);
    tcase_add_test(t, a_transaction_weighs_what_it_holds);
    tcase_add_test(t, the_bytes_of_a_transaction_have_a_limit);
    tcase_add_test(t, a_transaction_is_forgotten_by_reset);
    tcase_add_test(t, a_transaction_that_fails_is_told_once);
    tcase_add_test(t, a_transaction_whose_peer_is_gone_is_freed);
    suite_add_tcase(s, t);
}

static void add_listings(Suite *s)
{
    TCase *t = tcase("listings");
    tcase_add_test(t, listings_have_its_names_and_its_last_command);
    tcase_add_test(t, names_have_a_limit);
    suite_add_tcase(s, t);
}

int main(void)
{
    Suite *s = suite_create("resp");
    add_first_bytes(s);
    add_order(s);
    add_ends(s);
    add_transactions(s);
    add_listings(s);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
