#include "tests/unit/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "broker/topic_table.h"
#include "delivery/stream.h"
#include "delivery/worker_thread.h"
#include "frontends/poll/poll.h"
#include "frontends/resp/resp_protocol.h"
#include "frontends/routes.h"
#include "frontends/sse/sse.h"
#include "frontends/ws/ws.h"
#include "http/audit.h"
#include "http/dispatch.h"
#include "http/h1/h1_protocol.h"
#include "http/h1/h1_silent.h"
#include "net/holding.h"
#include "net/readiness.h"
#include "net/socket.h"
#include "net/turn.h"
#include "tests/unit/roaming_link.h"

enum { START_MS = 1000000, STEP_MS = 20 };

static uint64_t now_ms;
static _Thread_local bool has_desk; /* the broker's thread waits by the machine's clock */

uint64_t __wrap_now_monotonic_ms(void);
uint64_t __real_now_monotonic_ms(void);

uint64_t __wrap_now_monotonic_ms(void)
{
    return has_desk ? now_ms : __real_now_monotonic_ms();
}

static struct settings *default_settings(void)
{
    struct settings *s = settings_create();
    ck_assert_ptr_nonnull(s);
    s->max_message_bytes = 1 << 20;
    s->max_head_bytes = 16 << 10;
    s->max_body_bytes = 8 << 20;
    s->net.head_timeout_ms = 10000;
    s->body_timeout_ms = 30000;
    s->idle_timeout_ms = 75000;
    s->net.write_timeout_ms = 60000;
    s->heartbeat_ms = 15000;
    s->retry_ms = 2000;
    s->poll_wait_ms = 25000;
    s->poll_wait_max_ms = 60000;
    s->poll_limit = 1000;
    s->subscriptions = 1000;
    s->inflight = 256;
    s->h2 = true;
    s->h2_max_streams = 100;
    return s;
}

static const struct frontend *const all[] = {&sse_frontend,  &ws_frontend, &poll_frontend,
                                             &resp_frontend, &h1_frontend, NULL};

void desk_open(struct desk *d)
{
    struct store_reader *reader;
    memset(d, 0, sizeof(*d));
    now_ms = START_MS;
    ck_assert_int_eq(frontend_register(all), ERR_OK);
    has_desk = true;
    rig_init(&d->rig, false);
    log_set_level(LOG_ERROR); /* also no word of there being no io_uring */
    rig_start(&d->rig);
    struct hub_options o = {1, 64 << 20, 0, &d->rig.log};
    ck_assert_int_eq(hub_start(&o, d->rig.broker, &d->hub), ERR_OK);
    dispatch_set_routes(&hub_routes);
    d->settings = default_settings();
    d->process.memory.limit = 256 << 20;
    d->process.conns_max = 100;
#ifdef DESK_IO_URING
    d->process.io_uring = true;
#endif
    ck_assert_int_eq(store_reader_create(d->rig.store, &reader), ERR_OK);
    ck_assert_int_eq(worker_create(d->hub, 0, d->settings, &d->process, all, reader, &d->worker),
                     ERR_OK);
}

void desk_close(struct desk *d)
{
    desk_end_turn(d);
    audit_frontend.part.end_thread(d->worker); /* its thread would have */
    hub_stop(d->hub);
    worker_destroy(d->worker);
    hub_destroy(d->hub);
    settings_unref(d->settings);
    rig_finish(&d->rig);
}

void desk_begin_turn(struct desk *d)
{
    turn_clock_sleep(&d->worker->loop.clock, now_ms); /* it was not held up */
    loop_update_clock(&d->worker->loop);
    topic_table_enter(hub_topics(d->hub), &d->worker->topics);
    budget_begin_turn(&d->worker->loop.work);
    budget_begin_part(&d->worker->loop.work, BUDGET_TURN);
}

void desk_end_turn(struct desk *d)
{
    struct worker *w = d->worker;
    do {
        turn_end(&w->loop);
        turn_flush(&w->loop);
    } while (w->loop.turn);
    poll_shared_drop(&w->polls, w->feeds);
    topic_table_exit(&w->topics);
}

static void keep_deadlines(struct desk *d)
{
    struct worker *w = d->worker;
    struct wheel_item *i;
    while ((i = wheel_pop_due(&w->loop.wheel, w->loop.now_ms))) {
        wheel_set(&w->loop.wheel, i, i->due_ms);
        conn_deadline((struct conn *)((char *)i - offsetof(struct conn, wheel)));
    }
    while (loop_awaited_ms(&w->loop) == 0)
        conn_awaited(conn_of_link(w->loop.awaited->link), w->loop.awaited);
}

void desk_wait(struct desk *d, uint64_t ms)
{
    for (uint64_t end = now_ms + ms; now_ms < end;) {
        now_ms = end - now_ms < STEP_MS ? end : now_ms + STEP_MS;
        desk_begin_turn(d);
        keep_deadlines(d);
        desk_end_turn(d);
    }
}

void desk_take_mail(struct desk *d)
{
    desk_begin_turn(d);
    if (hub_may_sleep(d->hub, 0))
        event_base_loop(d->worker->loop.base, EVLOOP_ONCE);
    worker_take_mail(d->worker);
    desk_end_turn(d);
}

void desk_commit(struct desk *d)
{
    struct worker *w = d->worker;
    uint64_t head = w->head;
    if (w->publishes) /* large ones are under way already */
        hub_publish(d->hub, w->publishes, w->publishes_last);
    w->publishes = w->publishes_last = NULL;
    w->publish_bytes = 0;
    while (w->head == head)
        desk_take_mail(d);
}

static void drop_answer(struct conn *c, struct publish *p)
{
    (void)c;
    (void)p;
}

/* Publishes for nobody here. */
static const struct protocol elsewhere = {.name = "elsewhere", .answered = drop_answer};

void desk_publish(struct desk *d, const char *topic, unsigned count, size_t bytes)
{
    struct publish *p = publish_create(count);
    char *payload = malloc(bytes + 1);
    ck_assert(p && payload);
    memset(payload, 'x', bytes);
    for (unsigned i = 0; i < count; i++) {
        struct message_init init = {.topic = topic,
                                    .topic_len = strlen(topic),
                                    .payload = payload,
                                    .payload_len = bytes,
                                    .kind = MESSAGE_TEXT};
        publish_set(p, i, message_create(&init));
    }
    free(payload);
    struct conn *c = calloc(1, sizeof(*c));
    ck_assert_ptr_nonnull(c);
    c->loop = &d->worker->loop;
    c->protocol = &elsewhere;
    c->holds = 1;
    worker_publish(d->worker, c, p);
    desk_commit(d);
    while (c->holds > 1)
        desk_take_mail(d);
    free(c);
}

void desk_catch_up(struct desk *d)
{
    bool more = true;
    while (more) {
        desk_begin_turn(d);
        more = stream_run_lagging(d->worker);
        desk_end_turn(d);
    }
}

uint64_t desk_count(const struct desk *d, enum counter which)
{
    return counter_get(&d->worker->loop.counters, which);
}

/* --- clients --- */

void desk_go_on(struct desk *d)
{
    struct worker *w = d->worker;
    desk_begin_turn(d);
    backlog_begin_turn(&w->loop.backlog, BUDGET_TURN);
    w->loop.in_backlog = true;
    conn_go_on(backlog_take(&w->loop.backlog));
    w->loop.in_backlog = false;
    desk_end_turn(d);
}

struct conn *desk_connect(struct desk *d, struct link link, bool local, const struct protocol *p)
{
    struct conn *c;
    desk_begin_turn(d);
    ck_assert_int_eq(conn_create(&d->worker->loop, link, local, true, p, &c), ERR_OK);
    if (p == &h1_silent_protocol)
        h1_accepted(c, false);
    conn_hold(c);
    desk_end_turn(d);
    return c;
}

void desk_serve(struct desk *d, struct conn *c, unsigned what)
{
    if (conn_state(c) == CONN_CLOSED)
        return;
    desk_begin_turn(d);
    conn_ready(c, what);
    holding_settle(c);
    desk_end_turn(d);
    while (backlog_count(&d->worker->loop.backlog))
        desk_go_on(d);
}

void desk_disconnect(struct desk *d, struct conn *c)
{
    desk_begin_turn(d);
    conn_close(c, CLOSE_PEER);
    conn_release(c);
    desk_end_turn(d);
}

static void set_buffer(int fd, int which)
{
    int bytes = 64 << 10;
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, which, &bytes, sizeof(bytes)), 0);
}

static void roam(struct client *c, bool local, const struct protocol *p)
{
    c->fd = -1;
    c->roaming = malloc(sizeof(*c->roaming));
    ck_assert_ptr_nonnull(c->roaming);
    roaming_init(c->roaming, (enum roaming_manner)random_below(ROAMING_MANNERS),
                 &c->desk->worker->loop);
    c->conn = desk_connect(c->desk, roaming_link(c->roaming), local, p);
}

static void open_client(struct client *c, struct desk *d, bool local, const struct protocol *p)
{
    int fds[2];
    memset(c, 0, sizeof(*c));
    c->desk = d;
    if (d->roams) {
        roam(c, local, p);
        return;
    }
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    set_buffer(fds[0], SO_SNDBUF);
    c->fd = fds[1];
    c->conn = desk_connect(d, socket_link(fds[0], local), local, p);
}

void client_open(struct client *c, struct desk *d, bool local)
{
    open_client(c, d, local, &h1_silent_protocol);
}

void client_open_resp(struct client *c, struct desk *d)
{
    open_client(c, d, true, &resp_protocol);
}

static bool is_closed(const struct client *c)
{
    return conn_state(c->conn) == CONN_CLOSED;
}

void client_close(struct client *c)
{
    if (!c->roaming)
        close(c->fd);
    desk_disconnect(c->desk, c->conn);
    if (c->roaming)
        roaming_finish(c->roaming);
    free(c->roaming);
    buf_finish(&c->got);
}

static void serve(struct client *c, unsigned what)
{
    desk_serve(c->desk, c->conn, what);
}

/* Until nothing moves, as it is now. */
static void move_roaming(struct client *c)
{
    while (roaming_has_news(c->roaming) && !is_closed(c))
        serve(c, roaming_look(c->roaming));
}

void client_say_bytes(struct client *c, const void *data, size_t n)
{
    const char *at = data;
    if (c->roaming) {
        roaming_say(c->roaming, data, n);
        move_roaming(c);
        return;
    }
    while (n > 0 && !is_closed(c)) {
        ssize_t m = send(c->fd, at, n < 30000 ? n : 30000, MSG_NOSIGNAL);
        ck_assert_int_gt(m, 0);
        at += m;
        n -= (size_t)m;
        serve(c, READY_READ);
    }
}

void client_say(struct client *c, const char *text)
{
    client_say_bytes(c, text, strlen(text));
}

void client_half_close(struct client *c)
{
    if (c->roaming) {
        c->roaming->input_over = true;
        move_roaming(c);
        return;
    }
    shutdown(c->fd, SHUT_WR);
    serve(c, READY_READ);
}

static size_t hear_roaming(struct client *c)
{
    struct buf *out = &c->roaming->out;
    move_roaming(c);
    size_t n = out->len;
    buf_append(&c->got, out->data, n);
    buf_clear(out);
    c->ended |= c->roaming->shut || c->roaming->closed;
    return n;
}

/* Returns how many bytes came. */
static size_t hear_some(struct client *c)
{
    char some[16384];
    if (c->roaming)
        return hear_roaming(c);
    ssize_t n = recv(c->fd, some, sizeof(some), 0);
    c->ended |= n == 0 || (n < 0 && errno != EAGAIN);
    if (n <= 0)
        return 0;
    buf_append(&c->got, some, (size_t)n);
    serve(c, READY_WRITE);
    return (size_t)n;
}

const char *client_hear(struct client *c)
{
    hear_some(c);
    buf_putc(&c->got, '\0');
    ck_assert(!c->got.failed);
    c->got.len--;
    return c->got.data;
}

const char *client_hear_all(struct client *c)
{
    do
        desk_catch_up(c->desk);
    while (hear_some(c) > 0);
    return client_hear(c);
}

void client_forget(struct client *c)
{
    client_hear_all(c);
    buf_clear(&c->got);
}

unsigned client_times(struct client *c, const char *text)
{
    unsigned times = 0;
    client_hear_all(c);
    const char *at = c->got.data, *end = at + c->got.len;
    while ((at = memmem(at, (size_t)(end - at), text, strlen(text)))) {
        times++;
        at += strlen(text);
    }
    return times;
}

bool client_heard(struct client *c, const char *text)
{
    return client_times(c, text) > 0;
}

bool client_ended(struct client *c)
{
    client_hear_all(c);
    return c->ended;
}
