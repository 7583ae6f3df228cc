#include "net/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/workers.h"
#include "net/backlog.h"
#include "net/budget.h"
#include "net/counters.h"
#include "net/loop.h"
#include "net/peer.h"
#include "net/peer_memory.h"
#include "net/readiness.h"

enum {
    /* Input kept while a protocol cannot take it; then reading stops. */
    INPUT_KEPT_MAX = 256 << 10,
    /* Unsent replies at which a connection counts as congested, and at which it is given up. */
    OUTPUT_CONGESTED = 256 << 10,
    OUTPUT_MAX = 128 << 20,
    WRITE_PIECE = 256 << 10, /* of output that waits: what is written at once */
    /* How long a lingering connection waits for the peer to close. */
    LINGER_MS = 1000,
    /* When a connection is looked at again whose deadline has come while it waits for its turn. */
    YIELDED_MS = 100,
    /* For how long who has asked for much counts as one who does; kept modulo LEVEL_TIMES. */
    LEVEL_MS = 128,
    LEVEL_TIMES = 8,
    LEVEL_MAX = 3,
};

static const struct {
    const char *text;
    bool error;
} reasons[CLOSE_REASONS] = {
#define CLOSE_ENTRY(name, is_error, reason) {reason, is_error},
    CLOSE_TABLE(CLOSE_ENTRY)
#undef CLOSE_ENTRY
};

enum conn_state conn_state(const struct conn *c)
{
    return (enum conn_state)c->state_bits;
}

static void set_state(struct conn *c, enum conn_state s)
{
    c->state_bits = (uint8_t)s;
}

bool conn_is_open(const struct conn *c)
{
    return conn_state(c) == CONN_OPEN;
}

int conn_fd(const struct conn *c)
{
    return c->fd;
}

uint64_t conn_number(const struct conn *c)
{
    return (uint64_t)c->id * WORKERS_MAX + c->loop->index;
}

void conn_touch(struct conn *c)
{
    struct loop *l = c->loop;
    if (c->in_turn)
        return;
    c->in_turn = true;
    c->turn_next = NULL;
    if (l->turn)
        l->turn_last->turn_next = c;
    else
        l->turn = c;
    l->turn_last = c;
}

/* --- what the loop watches --- */

/* Not while the protocol takes less than comes. */
static bool has_room_for_input(const struct conn *c)
{
    return !c->in || c->in->len < INPUT_KEPT_MAX;
}

static bool wants_input(const struct conn *c)
{
    if (c->yielded)
        return false;
    if (conn_state(c) == CONN_LINGERING)
        return true;
    return conn_is_open(c) && c->reading && has_room_for_input(c) && !peer_load_is_paused(c->load);
}

static struct readiness *readiness_of(const struct conn *c)
{
    return &c->loop->readiness[c->local];
}

static void watch(struct conn *c)
{
    unsigned wanted = READY_NONE;
    if (conn_state(c) == CONN_CLOSED)
        return;
    if (wants_input(c) && !c->input_over)
        wanted |= READY_READ;
    if (c->blocked)
        wanted |= READY_WRITE;
    if (wanted == c->watched)
        return;
    if (readiness_watch(readiness_of(c), c->fd, c, c->watched, wanted) == ERR_OK)
        c->watched = wanted & (READY_READ | READY_WRITE);
    else
        conn_close(c, CLOSE_NOMEM);
}

enum err conn_create(struct loop *l, int fd, bool local, bool trusted, const struct protocol *p,
                     struct conn **ret)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c || readiness_watch(&l->readiness[local], fd, c, READY_NONE, READY_READ) != ERR_OK) {
        close(fd);
        free(c);
        return ERR_NOMEM;
    }
    c->loop = l;
    c->fd = fd;
    c->watched = READY_READ;
    c->protocol = p;
    c->id = ++l->next_conn_id;
    c->local = local;
    c->trusted = trusted;
    c->reading = true;
    c->since_s = c->progress_s = (uint32_t)(l->now_ms / 1000);
    wheel_set(&l->wheel, &c->wheel, WHEEL_NEVER);
    l->conns++;
    if (!local)
        atomic_fetch_add(&l->process->conns, 1);
    c->counted_as = p->transport & 15;
    l->conns_by_transport[p->transport]++;
    *ret = c;
    return ERR_OK;
}

/* --- ending --- */

static void log_close(const struct conn *c, enum close_reason why)
{
    char address[64];
    if (!reasons[why].error)
        return;
    conn_address(c, address, sizeof(address));
    log_debug("connection %llu from %s (%s): %s", (unsigned long long)conn_number(c), address,
              c->protocol->name, reasons[why].text);
}

void conn_close(struct conn *c, enum close_reason why)
{
    if (conn_state(c) == CONN_CLOSED)
        return;
    log_close(c, why);
    set_state(c, CONN_CLOSED);
    wheel_remove(&c->loop->wheel, &c->wheel);
    conn_touch(c);
}

void conn_finish_after_output(struct conn *c)
{
    if (!conn_is_open(c))
        return;
    set_state(c, CONN_ENDING);
    conn_set_deadline(c, c->loop->now_ms + c->loop->settings->write_timeout_ms);
    conn_touch(c);
}

void conn_kick(struct conn *c)
{
    if (conn_is_open(c) && c->protocol->kicked)
        c->protocol->kicked(c);
    else
        conn_close(c, CLOSE_KICKED);
}

static void drop_buf(struct buf **b)
{
    if (!*b)
        return;
    buf_finish(*b);
    free(*b);
    *b = NULL;
}

static void drop_rest(struct conn *c)
{
    if (!c->rest)
        return;
    peer_memory_unpin(c->loop->book.memory, c->rest);
    blob_unref(c->rest);
    c->rest = NULL;
}

/* Gives back everything but the memory of C itself. */
static void dismantle(struct conn *c)
{
    struct loop *l = c->loop;
    if (c->fd < 0)
        return;
    if (c->protocol->finish)
        c->protocol->finish(c);
    readiness_forget(readiness_of(c), c);
    close(c->fd); /* it is not watched any more then */
    c->fd = -1;
    drop_buf(&c->in);
    drop_buf(&c->out);
    drop_rest(c);
    peer_book_remove(&l->book, &c->load);
    free(c->peer);
    c->peer = NULL;
    l->conns--;
    if (!c->local)
        atomic_fetch_sub(&l->process->conns, 1);
    l->conns_by_transport[c->counted_as]--;
}

enum err conn_accepted(struct conn *c, const struct ip_port *from)
{
    if (!net_settings_trust(c->loop->settings, &from->ip))
        return ERR_ACCESS;
    c->peer = peer_create(from, c->trusted);
    return c->peer ? ERR_OK : ERR_NOMEM;
}

void conn_hold(struct conn *c)
{
    c->holds++;
}

void conn_release(struct conn *c)
{
    if (--c->holds == 0 && conn_state(c) == CONN_CLOSED)
        conn_touch(c);
}

void conn_count_as(struct conn *c, enum transport t)
{
    c->loop->conns_by_transport[t]++; /* first: the sum over all is never too low */
    c->loop->conns_by_transport[c->counted_as]--;
    c->counted_as = t & 15;
}

void conn_set_protocol(struct conn *c, const struct protocol *p, void *state)
{
    if (c->protocol->finish)
        c->protocol->finish(c);
    conn_count_as(c, p->transport);
    c->protocol = p;
    c->state = state;
}

/* --- output --- */

struct buf *conn_out(struct conn *c)
{
    if (conn_state(c) == CONN_CLOSED || conn_state(c) == CONN_LINGERING)
        return NULL;
    if (!c->out)
        c->out = calloc(1, sizeof(*c->out));
    if (!c->out || c->out->failed || c->out->len > OUTPUT_MAX) {
        conn_close(c, c->out && !c->out->failed ? CLOSE_OVERFLOW : CLOSE_NOMEM);
        return NULL;
    }
    conn_touch(c);
    return c->out;
}

void conn_write(struct conn *c, const void *data, size_t n)
{
    struct buf *out = conn_out(c);
    if (out)
        buf_append(out, data, n);
}

void conn_give(struct conn *c, struct buf *b, size_t at)
{
    struct buf *out = conn_out(c);
    if (out && out->len == 0 && !b->failed && b->len <= UINT32_MAX) {
        buf_finish(out);
        *out = *b;
        c->out_at = (uint32_t)at;
        buf_init(b);
        return;
    }
    if (out)
        buf_append(out, b->data + at, b->len - at);
    buf_finish(b);
}

bool conn_is_congested(const struct conn *c)
{
    return c->out && c->out->len - c->out_at > OUTPUT_CONGESTED;
}

bool conn_is_busy(const struct conn *c)
{
    return conn_state(c) != CONN_OPEN || c->blocked || c->rest || c->out;
}

bool conn_is_stuck(const struct conn *c)
{
    uint64_t moved_ms = (uint64_t)c->progress_s * 1000;
    return c->blocked && c->loop->now_ms - moved_ms >= c->loop->settings->write_timeout_ms;
}

static size_t rest_unsent(const struct conn *c)
{
    return c->rest ? c->rest->len - c->rest_tail - c->rest_at : 0;
}

size_t conn_unsent(const struct conn *c)
{
    return (c->out ? c->out->len - c->out_at : 0) + rest_unsent(c);
}

static void progress(struct conn *c, size_t n)
{
    counter_add(&c->loop->counters, COUNTER_bytes_out, n);
    c->progress_s = (uint32_t)(c->loop->now_ms / 1000);
}

/* The kernel gives up what the peer has not taken for http.write_timeout (TCP_USER_TIMEOUT): it may
 * notice before the deadline does. */
static enum close_reason why_lost(int error)
{
    return error == ETIMEDOUT ? CLOSE_WRITE_TIMEOUT : CLOSE_RESET;
}

/* One write; 0 when the socket is full or broken (then C is closed). */
static size_t write_some(struct conn *c, const void *data, size_t n)
{
    ssize_t m;
    do
        m = send(conn_fd(c), data, n, MSG_NOSIGNAL);
    while (m < 0 && errno == EINTR);
    if (m < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            conn_close(c, why_lost(errno));
        m = 0;
    }
    if ((size_t)m < n && conn_state(c) != CONN_CLOSED) {
        c->blocked = true;
        watch(c);
    }
    if (m)
        progress(c, (size_t)m);
    return (size_t)m;
}

size_t conn_push(struct conn *c, const void *data, size_t n)
{
    return write_some(c, data, n);
}

void conn_keep_rest(struct conn *c, struct blob *b, uint32_t at, unsigned tail)
{
    if (conn_state(c) == CONN_CLOSED)
        return;
    c->rest = blob_ref(b);
    c->rest_at = at;
    c->rest_tail = tail & 15;
    peer_memory_pin(c->loop->book.memory, b);
    conn_touch(c); /* to be counted */
}

/* The same for what waits: of very much one piece, and the others when others have had theirs. */
static size_t write_piece(struct conn *c, const void *data, size_t n)
{
    size_t piece = n < WRITE_PIECE ? n : WRITE_PIECE, m = write_some(c, data, piece);
    if (m == piece && piece < n) {
        c->blocked = true;
        watch(c);
    }
    return m;
}

static void write_rest(struct conn *c)
{
    if (!c->rest)
        return;
    c->rest_at += (uint32_t)write_piece(c, c->rest->data + c->rest_at, rest_unsent(c));
    if (rest_unsent(c) == 0)
        drop_rest(c);
}

/* Moves what is left only when it is less than what goes, so that a large reply is not copied with
 * every write, and a peer that never quite catches up does not make the buffer grow. */
static void drop_written(struct conn *c)
{
    if (c->out_at == c->out->len)
        drop_buf(&c->out);
    else if (c->out_at >= c->out->len / 2)
        buf_consume(c->out, c->out_at);
    else
        return;
    c->out_at = 0;
}

static void write_out(struct conn *c)
{
    if (!c->out)
        return;
    if (c->out->failed) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    bool congested = conn_is_congested(c);
    size_t left = c->out->len - c->out_at;
    c->out_at += left ? (uint32_t)write_piece(c, c->out->data + c->out_at, left) : 0;
    drop_written(c);
    if (congested && !conn_is_congested(c))
        conn_resume(c);
}

void conn_flush(struct conn *c)
{
    if (c->blocked || conn_state(c) == CONN_CLOSED)
        return;
    write_rest(c);
    if (!c->rest && !c->blocked)
        write_out(c);
}

/* --- what it holds --- */

static size_t room_of(const struct buf *b)
{
    return b ? b->cap : 0;
}

size_t conn_held(const struct conn *c)
{
    size_t own = c->protocol->held && c->state ? c->protocol->held(c) : 0;
    return own + room_of(c->in) + room_of(c->out);
}

/* Whether the peer has read what it was told so far, or nearly. */
static bool would_hear(const struct conn *c)
{
    return !c->rest && room_of(c->out) <= PEER_MEMORY_FLOOR;
}

void conn_refuse(struct conn *c)
{
    drop_buf(&c->in);
    if (conn_is_open(c) && c->protocol->refuse && would_hear(c)) {
        c->protocol->refuse(c);
        return;
    }
    conn_close(c, CLOSE_MEMORY);
    drop_buf(&c->out);
    drop_rest(c);
}

void conn_look_again(struct conn *c)
{
    watch(c);
}

/* --- input --- */

static void keep_input(struct conn *c, const char *data, size_t n)
{
    if (n == 0)
        return;
    if (!c->in)
        c->in = calloc(1, sizeof(*c->in));
    if (c->in)
        buf_append(c->in, data, n);
    if (!c->in || c->in->failed)
        conn_close(c, CLOSE_NOMEM);
}

static void tell_input_over(struct conn *c)
{
    if (c->protocol->input_ended)
        c->protocol->input_ended(c);
    else if (c->out || c->rest)
        conn_finish_after_output(c);
    else
        conn_close(c, CLOSE_PEER);
}

/* Gives the protocol N bytes, again after it changed to another one; returns how many were used. */
static size_t give(struct conn *c, char *data, size_t n)
{
    size_t used = 0, answers = conn_unsent(c);
    const struct protocol *p, *first = c->protocol;
    budget_begin_slice(&c->loop->work, conn_has_whole_slice(c) ? BUDGET_SLICE : BUDGET_LIGHT);
    do {
        p = c->protocol;
        used += p->input(c, data + used, n - used);
    } while (p != c->protocol && used < n && conn_is_open(c) && c->reading && !c->yielded);
    if (conn_unsent(c) > answers)
        budget_charge(&c->loop->work, conn_unsent(c) - answers);
    budget_settle(&c->loop->work);
    if (c->input_over && c->protocol != first && used == n && conn_is_open(c) && !c->yielded)
        tell_input_over(c); /* the new one has not been told */
    return used;
}

/* Gives what was kept, or nothing at all to a protocol that was resumed. */
static void give_kept(struct conn *c)
{
    struct buf none = {0}, *in = c->in;
    c->in = NULL;
    c->resumed = false;
    size_t used = give(c, in ? in->data : none.data, in ? in->len : 0);
    if (!in)
        return;
    if (conn_is_open(c) && used < in->len) {
        buf_consume(in, used);
        c->in = in;
        return;
    }
    buf_finish(in);
    free(in);
}

static void input(struct conn *c, char *data, size_t n)
{
    budget_charge(&c->loop->work, n);
    counter_add(&c->loop->counters, COUNTER_bytes_in, n);
    if (c->in) {
        keep_input(c, data, n);
        if (conn_is_open(c))
            give_kept(c);
    } else {
        size_t used = give(c, data, n);
        if (conn_is_open(c))
            keep_input(c, data + used, n - used);
    }
    watch(c);
}

static void input_ended(struct conn *c)
{
    c->input_over = true;
    watch(c);
    if (conn_state(c) == CONN_LINGERING) {
        conn_close(c, CLOSE_DONE);
        return;
    }
    tell_input_over(c);
}

static void yield_to(struct conn *c, unsigned ring);

/* What came is nobody's any more. Many may send on and on after their last answer: the next piece
 * is for when nobody is before it who still wants something. */
static void drop_input(struct conn *c, size_t n)
{
    budget_charge(&c->loop->work, n);
    yield_to(c, BACKLOG_ENDING);
    watch(c);
}

static void on_readable(struct conn *c)
{
    struct loop *l = c->loop;
    ssize_t n;
    do
        n = recv(conn_fd(c), l->read_buffer, LOOP_READ_BYTES, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0 && conn_state(c) == CONN_LINGERING)
        drop_input(c, (size_t)n);
    else if (n > 0)
        input(c, l->read_buffer, (size_t)n);
    else if (n == 0)
        input_ended(c);
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        conn_close(c, why_lost(errno));
}

static void on_writable(struct conn *c)
{
    size_t unsent = conn_unsent(c);
    c->blocked = false;
    conn_flush(c);
    budget_charge(&c->loop->work, WORK_SLICE + unsent - conn_unsent(c));
    watch(c);
    if (!conn_is_busy(c) && c->protocol->drained)
        c->protocol->drained(c);
    conn_touch(c);
}

/* --- whose turn it is --- */

static unsigned now_at(const struct conn *c)
{
    return c->loop->now_ms / LEVEL_MS % LEVEL_TIMES;
}

/* It asks for more than it gets: is behind those who did so less often. */
static void rise(struct conn *c)
{
    if (c->level < LEVEL_MAX)
        c->level++;
    c->level_at = now_at(c) & (LEVEL_TIMES - 1);
}

/* Unless it rose a moment ago; by a chance of one in LEVEL_TIMES it stays for a moment more. */
static void fall(struct conn *c)
{
    if (c->level_at != now_at(c))
        c->level = 0;
}

/* Whoever asks for little is served at once; those who asked for much have a turn of their own, so
 * that a newcomer is behind none of them, however many there are. */
static void read_or_yield(struct conn *c)
{
    if (c->level)
        fall(c);
    if (!c->level || !conn_is_open(c)) {
        on_readable(c);
        return;
    }
    budget_charge(&c->loop->work, WORK_SLICE);
    conn_yield(c);
    watch(c);
}

void conn_ready(struct conn *c, unsigned what)
{
    what &= c->watched;
    if (what & READY_WRITE && conn_state(c) != CONN_CLOSED)
        on_writable(c);
    if (what & READY_READ && wants_input(c))
        read_or_yield(c);
}

static void yield_to(struct conn *c, unsigned ring)
{
    bool lingers = conn_state(c) == CONN_LINGERING;
    if ((!lingers && !conn_is_open(c)) || c->yielded)
        return;
    if (backlog_add(&c->loop->backlog, c, c->local ? BACKLOG_LOCAL : ring) != ERR_OK) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    counter_add(&c->loop->counters, COUNTER_yields, 1);
    c->yielded = true;
    conn_hold(c);
}

/* Where it stands by what it asked for of late. */
static unsigned ring_of(const struct conn *c)
{
    return c->level > 1 ? BACKLOG_FIRST + c->level - 1U : BACKLOG_FIRST;
}

void conn_yield(struct conn *c)
{
    yield_to(c, ring_of(c));
}

void conn_yield_for(struct conn *c, enum conn_need need)
{
    unsigned ring = need > CONN_NEEDS_SOME ? BACKLOG_LIGHT + need - 1U : BACKLOG_LIGHT;
    yield_to(c, c->level && ring_of(c) > ring ? ring_of(c) : ring);
}

bool conn_may_go_on(struct conn *c)
{
    if (budget_slice_left(&c->loop->work))
        return true;
    if (!c->yielded)
        rise(c);
    conn_yield(c);
    return false;
}

bool conn_has_whole_slice(const struct conn *c)
{
    return c->local || c->loop->in_backlog;
}

void conn_go_on(struct conn *c)
{
    const struct budget *b = &c->loop->work;
    c->yielded = false;
    budget_begin_slice(&c->loop->work, BUDGET_SLICE);
    conn_touch(c); /* at the end of the turn its answers leave */
    if (conn_is_open(c) && c->reading)
        give_kept(c);
    if (wants_input(c) && !c->input_over && budget_slice_is_light(b))
        on_readable(c);
    if (!budget_slice_is_light(b))
        c->level_at = now_at(c) & (LEVEL_TIMES - 1);
    else if (!c->yielded)
        fall(c);
    watch(c);
    conn_release(c);
}

/* The time of a connection that ends is up: one that still takes its output gets more. */
static void end_late(struct conn *c)
{
    const struct loop *l = c->loop;
    if (conn_state(c) == CONN_LINGERING)
        conn_close(c, CLOSE_DONE);
    else if (conn_is_stuck(c))
        conn_close(c, CLOSE_WRITE_TIMEOUT);
    else
        conn_set_deadline(c, l->now_ms + l->settings->write_timeout_ms);
}

/* What came before the deadline may be waiting in the socket, and so may room for output: the
 * process may have been stopped, or busy with others. */
static void look_at_socket(struct conn *c)
{
    if (c->blocked)
        on_writable(c);
    if (conn_is_open(c) && c->watched & READY_READ)
        on_readable(c);
}

void conn_deadline(struct conn *c)
{
    uint64_t due = c->wheel.due_ms;
    look_at_socket(c);
    if (conn_state(c) == CONN_CLOSED || c->wheel.due_ms != due)
        return;
    if (c->yielded && conn_is_open(c)) {
        conn_set_deadline(c, c->loop->now_ms + YIELDED_MS);
        return;
    }
    conn_set_deadline(c, WHEEL_NEVER); /* connections are always in the wheel */
    if (!conn_is_open(c))
        end_late(c);
    else if (c->protocol->timeout)
        c->protocol->timeout(c);
}

void conn_pause(struct conn *c)
{
    c->reading = false;
    watch(c);
}

void conn_resume(struct conn *c)
{
    if (!conn_is_open(c))
        return;
    c->reading = true;
    c->resumed = true;
    watch(c);
    conn_touch(c);
}

void conn_set_deadline(struct conn *c, uint64_t at_ms)
{
    if (conn_state(c) != CONN_CLOSED)
        wheel_set(&c->loop->wheel, &c->wheel, at_ms);
}

/* --- the end of a turn --- */

static void linger(struct conn *c)
{
    if (c->input_over || shutdown(conn_fd(c), SHUT_WR) != 0) {
        conn_close(c, CLOSE_DONE);
        return;
    }
    set_state(c, CONN_LINGERING);
    conn_set_deadline(c, c->loop->now_ms + LINGER_MS);
    watch(c);
}

static void free_if_unused(struct conn *c)
{
    if (c->holds == 0 && !c->in_turn) /* finish() may have put it on the list again */
        free(c);
}

/* Who asked for much is not before others who did; looking whether there is anything to do at all
 * is for everybody. */
static bool may_go_on_now(const struct conn *c)
{
    const struct loop *l = c->loop;
    if (!c->in && !c->level)
        return true;
    return budget_has_left(&l->work) && (!c->level || c->local || !backlog_count(&l->backlog));
}

bool conn_end_turn(struct conn *c)
{
    if ((c->in || c->resumed) && c->reading && conn_is_open(c) && !c->yielded) {
        if (may_go_on_now(c))
            give_kept(c);
        else if (c->level)
            conn_yield(c);
        else
            yield_to(c, BACKLOG_LIGHT);
    }
    conn_flush(c);
    if (conn_state(c) == CONN_ENDING && !c->out && !c->rest)
        linger(c);
    if (conn_state(c) == CONN_CLOSED) {
        dismantle(c);
        free_if_unused(c);
        return false;
    }
    watch(c);
    if (conn_is_open(c) && !conn_is_busy(c) && c->protocol->drained)
        c->protocol->drained(c);
    return true;
}

void conn_address(const struct conn *c, char *out, size_t size)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    struct ip_port socket;
    char text[IP_PORT_TEXT_SIZE];
    snprintf(out, size, c->local ? "unix" : "unknown");
    if (!c->peer && (c->local || getpeername(conn_fd(c), (struct sockaddr *)&a, &len) != 0 ||
                     !ip_from_sockaddr((struct sockaddr *)&a, &socket)))
        return;
    ip_port_format(c->peer ? &c->peer->client : &socket, text);
    snprintf(out, size, "%s", text);
}

void conn_local_address(const struct conn *c, char *out, size_t size)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    struct ip_port socket;
    char text[IP_PORT_TEXT_SIZE];
    snprintf(out, size, c->local ? "unix" : "unknown");
    if (c->local || getsockname(conn_fd(c), (struct sockaddr *)&a, &len) != 0 ||
        !ip_from_sockaddr((struct sockaddr *)&a, &socket))
        return;
    ip_port_format(&socket, text);
    snprintf(out, size, "%s", text);
}
