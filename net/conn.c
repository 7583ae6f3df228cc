#include "net/conn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/blob.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/workers.h"
#include "net/backlog.h"
#include "net/budget.h"
#include "net/counters.h"
#include "net/loop.h"
#include "net/output.h"
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
    SPREAD_PART = 8, /* of a wait, that may be cut off its end */
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

/* Something has come in the way of messages. */
static void note_busy(struct conn *c)
{
    if (!c->tells_busy)
        return;
    c->tells_busy = false;
    c->protocol->busy(c);
}

static void set_state(struct conn *c, enum conn_state s)
{
    c->state_bits = s & 3;
    note_busy(c);
}

bool conn_is_open(const struct conn *c)
{
    return conn_state(c) == CONN_OPEN;
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

size_t conn_unread(const struct conn *c)
{
    return c->in ? c->in->text.len - c->in->used : 0;
}

/* Not while the protocol takes less than comes. */
static bool has_room_for_input(const struct conn *c)
{
    return conn_unread(c) < INPUT_KEPT_MAX;
}

static bool wants_input(const struct conn *c)
{
    if (c->yielded)
        return false;
    if (conn_state(c) == CONN_LINGERING)
        return true;
    return conn_is_open(c) && c->reading && has_room_for_input(c) && !peer_load_is_paused(c->load);
}

static bool may_read(const struct conn *c)
{
    return wants_input(c) && !c->input_over;
}

static void watch(struct conn *c)
{
    unsigned wanted = READY_NONE;
    if (conn_state(c) == CONN_CLOSED)
        return;
    if (may_read(c))
        wanted |= READY_READ;
    if (c->blocked)
        wanted |= READY_WRITE;
    if (wanted & READY_READ && link_has_input(&c->link))
        conn_touch(c);
    if (wanted == c->watched)
        return;
    if (c->link.ops->want(&c->link, &c->link, c->loop, c->watched, wanted) == ERR_OK)
        c->watched = wanted & (READY_READ | READY_WRITE);
    else
        conn_close(c, CLOSE_NOMEM);
}

/* All zero but for its link, which tells input from now on. NULL: out of memory; LINK is closed. */
static struct conn *linked(struct loop *l, struct link link)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c) {
        link.ops->close(&link, &link, l);
        return NULL;
    }
    c->link = link;
    if (link.ops->want(&c->link, &c->link, l, READY_NONE, READY_READ) == ERR_OK)
        return c;
    link.ops->close(&c->link, &c->link, l);
    free(c);
    return NULL;
}

static unsigned number_of(const struct transport *t)
{
    return t ? t->number : TRANSPORT_NONE;
}

enum err conn_create(struct loop *l, struct link link, bool local, bool trusted,
                     const struct protocol *p, struct conn **ret)
{
    struct conn *c = linked(l, link);
    if (!c)
        return ERR_NOMEM;
    c->loop = l;
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
    c->counted_as = number_of(p->transport) & 15;
    l->conns_by_transport[c->counted_as]++;
    *ret = c;
    return ERR_OK;
}

void conn_set_link(struct conn *c, struct link link)
{
    c->link = link;
    watch(c);
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

static void drop_in(struct conn *c)
{
    if (!c->in)
        return;
    buf_finish(&c->in->text);
    free(c->in);
    c->in = NULL;
}

static void drop_output(struct conn *c)
{
    output_destroy(c->output, c->loop->book.memory);
    c->output = NULL;
}

/* Its peer goes last: it has the bond. */
static void end_bond(struct conn *c)
{
    struct bond *b = conn_bond(c);
    struct peer *p = conn_peer(c);
    if (b)
        b->end(c, b);
    c->has_peer = false;
    c->bond = NULL;
    free(p);
}

/* Gives back everything but the memory of C itself. */
static void dismantle(struct conn *c)
{
    struct loop *l = c->loop;
    if (link_is_none(&c->link))
        return;
    if (c->protocol->finish)
        c->protocol->finish(c);
    c->link.ops->close(&c->link, &c->link, l);
    c->link = link_none();
    drop_in(c);
    drop_output(c);
    peer_book_remove(&l->book, &c->load);
    end_bond(c);
    client_end(l, &c->client);
    l->conns--;
    if (!c->local)
        atomic_fetch_sub(&l->process->conns, 1);
    l->conns_by_transport[c->counted_as]--;
}

/* --- what is tied to it --- */

struct bond *conn_bond(const struct conn *c)
{
    return c->has_peer ? c->peer->bond : c->bond;
}

void conn_set_bond(struct conn *c, struct bond *b)
{
    if (c->has_peer)
        c->peer->bond = b;
    else
        c->bond = b;
}

struct peer *conn_peer(const struct conn *c)
{
    return c->has_peer ? c->peer : NULL;
}

void conn_set_peer(struct conn *c, struct peer *p)
{
    p->bond = c->bond;
    c->peer = p;
    c->has_peer = true;
}

/* P: NULL when out of memory. */
static enum err take_peer(struct conn *c, struct peer *p)
{
    if (!p)
        return ERR_NOMEM;
    conn_set_peer(c, p);
    return ERR_OK;
}

enum err conn_accepted(struct conn *c, const struct ip_port *from)
{
    if (!net_settings_trust(c->loop->settings, &from->ip))
        return ERR_ACCESS;
    return take_peer(c, peer_create(from, c->trusted));
}

enum err conn_comes_by(struct conn *c, const struct conn *by)
{
    const struct peer *p = conn_peer(by);
    client_begin_within(c->loop, &c->client, &by->client);
    return p ? take_peer(c, peer_copy(p)) : ERR_OK;
}

enum err conn_set_subject(struct conn *c, const char *subject)
{
    struct ip_port from = {0};
    struct peer *was = conn_peer(c);
    if (*subject == '\0' || (!was && !link_peer(&c->link, &from)))
        return ERR_OK;
    struct peer *p = peer_with_subject(was, &from, c->trusted, subject);
    if (!p)
        return ERR_NOMEM;
    if (was)
        c->peer = p;
    else
        conn_set_peer(c, p);
    return ERR_OK;
}

const char *conn_subject(const struct conn *c)
{
    const struct peer *p = conn_peer(c);
    return p ? p->subject : "";
}

bool conn_is_proxied(const struct conn *c)
{
    const struct peer *p = conn_peer(c);
    return p && p->proxied;
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

void conn_count_as(struct conn *c, const struct transport *t)
{
    unsigned number = number_of(t);
    c->loop->conns_by_transport[number]++; /* first: the sum over all is never too low */
    c->loop->conns_by_transport[c->counted_as]--;
    c->counted_as = number & 15;
}

void conn_set_protocol(struct conn *c, const struct protocol *p, void *state)
{
    if (c->protocol->finish)
        c->protocol->finish(c);
    conn_count_as(c, p->transport);
    c->tells_busy = false;
    c->protocol = p;
    c->state = state;
}

/* --- output --- */

/* NULL: out of memory, C is closed. */
static struct output *output_of(struct conn *c)
{
    if (!c->output)
        c->output = output_create();
    if (c->output)
        note_busy(c);
    else
        conn_close(c, CLOSE_NOMEM);
    return c->output;
}

struct buf *conn_out(struct conn *c)
{
    if (conn_state(c) == CONN_CLOSED || conn_state(c) == CONN_LINGERING || !output_of(c))
        return NULL;
    struct buf *replies = output_room(c->output);
    if (replies->failed || replies->len > OUTPUT_MAX) {
        conn_close(c, replies->failed ? CLOSE_NOMEM : CLOSE_OVERFLOW);
        return NULL;
    }
    conn_touch(c);
    return replies;
}

void conn_write(struct conn *c, const void *data, size_t n)
{
    struct buf *out = conn_out(c);
    if (out)
        buf_append(out, data, n);
}

void conn_give(struct conn *c, struct buf *b, size_t at)
{
    if (conn_out(c))
        output_give(c->output, b, at);
    else
        buf_finish(b);
}

bool conn_is_congested(const struct conn *c)
{
    return output_replies(c->output) > OUTPUT_CONGESTED;
}

bool conn_is_busy(const struct conn *c)
{
    return conn_state(c) != CONN_OPEN || c->blocked || c->output;
}

void conn_watch_busy(struct conn *c)
{
    c->tells_busy = true;
}

bool conn_is_stuck(const struct conn *c)
{
    uint64_t moved_ms = (uint64_t)c->progress_s * 1000;
    return c->blocked && c->loop->now_ms - moved_ms >= c->loop->settings->write_timeout_ms;
}

size_t conn_unsent(const struct conn *c)
{
    return output_unsent(c->output);
}

const struct blob *conn_rest(const struct conn *c)
{
    return c->output ? c->output->rest : NULL;
}

static void note_progress(struct conn *c)
{
    c->progress_s = (uint32_t)(c->loop->now_ms / 1000);
}

static void progress(struct conn *c, size_t n)
{
    counter_add(&c->loop->counters, COUNTER_bytes_out, n);
    note_progress(c);
}

static void lose(struct conn *c, enum err why)
{
    conn_close(c, why == ERR_TIMEOUT ? CLOSE_WRITE_TIMEOUT : CLOSE_RESET);
}

/* It takes no more. That it took everything before is not always noted, so it is now. */
static void block(struct conn *c)
{
    note_progress(c);
    c->blocked = true;
    note_busy(c);
    watch(c);
}

static void write_less(struct conn *c, struct link_io io)
{
    if (io.err == ERR_AGAIN)
        block(c);
    else
        lose(c, io.err);
    if (io.n)
        progress(c, io.n);
}

/* One write; less than N when the link is full or lost (then C is closed). */
static size_t write_some(struct conn *c, const void *data, size_t n)
{
    struct link_io io = c->link.ops->send(&c->link, data, n);
    if (io.err == ERR_OK)
        progress(c, io.n);
    else
        write_less(c, io);
    return io.n;
}

size_t conn_push(struct conn *c, const void *data, size_t n)
{
    return write_some(c, data, n);
}

void conn_fan_cut(struct conn *c, size_t n, enum err why)
{
    if (conn_state(c) != CONN_CLOSED)
        write_less(c, (struct link_io){n, why});
}

void conn_keep_rest(struct conn *c, struct blob *b, uint32_t at, unsigned tail)
{
    if (conn_state(c) == CONN_CLOSED || !output_of(c))
        return;
    output_keep_rest(c->output, c->loop->book.memory, b, at, (uint32_t)b->len - tail);
    conn_touch(c); /* to be counted */
}

/* It may have more to say before the turn is over. */
static bool goes_on(const struct conn *c)
{
    return (c->in || c->resumed) && c->reading && conn_is_open(c) && !c->yielded;
}

const char *conn_fan_output(const struct conn *c, size_t *ret_len)
{
    const struct output *o = c->output;
    if (!o || o->replies.failed || output_is_empty(o) || c->blocked ||
        conn_state(c) == CONN_CLOSED || conn_fan_fd(c) < 0)
        return NULL;
    if (c->in && goes_on(c))
        return NULL; /* what it answers to that leaves in the same write */
    const char *data = output_next(o, ret_len);
    return *ret_len <= WRITE_PIECE ? data : NULL;
}

void conn_fan_wrote(struct conn *c, size_t n)
{
    progress(c, n);
    output_wrote(c->output, c->loop->book.memory, n);
    if (output_is_empty(c->output))
        drop_output(c);
}

void conn_fan_output_cut(struct conn *c, size_t n, enum err why)
{
    write_less(c, (struct link_io){n, why});
    output_wrote(c->output, c->loop->book.memory, n);
}

bool conn_writes_together(const struct conn *c)
{
    return c->loop->submission && conn_fan_fd(c) >= 0;
}

/* Of very much one piece, and the others when others have had theirs. */
static void write_piece(struct conn *c)
{
    size_t n;
    const char *data = output_next(c->output, &n);
    size_t piece = n < WRITE_PIECE ? n : WRITE_PIECE, m = write_some(c, data, piece);
    if (m == piece && piece < n)
        block(c);
    output_wrote(c->output, c->loop->book.memory, m);
}

static void write_output(struct conn *c)
{
    if (c->output->replies.failed) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    bool congested = conn_is_congested(c);
    while (!output_is_empty(c->output) && !c->blocked && conn_state(c) != CONN_CLOSED)
        write_piece(c);
    if (output_is_empty(c->output))
        drop_output(c);
    if (congested && !conn_is_congested(c))
        conn_resume(c);
}

void conn_flush(struct conn *c)
{
    if (c->output && !c->blocked && conn_state(c) != CONN_CLOSED)
        write_output(c);
}

/* Once it has left, our side may end. */
static void let_go_some(struct conn *c)
{
    note_progress(c);
    conn_touch(c);
}

/* What its protocol has of this turn. */
static void write_gathered(struct conn *c)
{
    if (!c->protocol->gathered || conn_state(c) == CONN_CLOSED)
        return;
    c->protocol->gathered(c);
    conn_flush(c);
    if (conn_is_busy(c))
        conn_touch(c); /* to be counted */
    else if (c->protocol->drained)
        c->protocol->drained(c);
}

void conn_let_go(struct conn *c)
{
    write_gathered(c);
    size_t held = link_held(&c->link);
    if (!held || conn_state(c) == CONN_CLOSED)
        return;
    enum err e = c->link.ops->flush(&c->link);
    if (link_held(&c->link) < held)
        let_go_some(c);
    if (e == ERR_AGAIN)
        block(c);
    else if (e != ERR_OK)
        lose(c, e);
}

/* --- what it holds --- */

size_t conn_held(const struct conn *c)
{
    size_t own = c->protocol->held && c->state ? c->protocol->held(c) : 0;
    return own + (c->in ? c->in->text.cap : 0) + output_held(c->output) + link_held(&c->link) +
           link_keeps(&c->link);
}

/* Whether the peer has read what it was told so far, or nearly. */
static bool would_hear(const struct conn *c)
{
    return !conn_rest(c) && output_held(c->output) + link_held(&c->link) <= PEER_MEMORY_FLOOR;
}

void conn_refuse(struct conn *c)
{
    drop_in(c);
    if (conn_is_open(c) && c->protocol->refuse && would_hear(c)) {
        c->protocol->refuse(c);
        return;
    }
    conn_close(c, CLOSE_MEMORY);
    drop_output(c);
}

void conn_look_again(struct conn *c)
{
    watch(c);
}

/* --- input --- */

static void forget_used(struct kept_input *in)
{
    buf_consume(&in->text, in->used);
    in->used = 0;
}

static void keep_input(struct conn *c, const char *data, size_t n)
{
    if (n == 0)
        return;
    if (!c->in)
        c->in = calloc(1, sizeof(*c->in));
    if (c->in && n > c->in->text.cap - c->in->text.len)
        forget_used(c->in); /* it does not grow for that */
    if (c->in)
        buf_append(&c->in->text, data, n);
    if (!c->in || c->in->text.failed)
        conn_close(c, CLOSE_NOMEM);
}

/* N more bytes of IN are used. Moves what is left only when it is less than what goes: slice by
 * slice, a long input would be copied again and again. */
static void use_kept(struct kept_input *in, size_t n)
{
    in->used += n;
    if (in->used >= in->text.len - in->used)
        forget_used(in);
}

static void tell_input_over(struct conn *c)
{
    if (c->protocol->input_ended)
        c->protocol->input_ended(c);
    else if (conn_has_output(c))
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
        used += p->input(c, used ? data + used : data, n - used);
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
    struct kept_input *in = c->in;
    size_t left = conn_unread(c);
    c->in = NULL;
    c->resumed = false;
    size_t used = give(c, in ? in->text.data + in->used : NULL, left);
    c->in = in;
    if (in && conn_is_open(c) && used < left)
        use_kept(in, used);
    else
        drop_in(c);
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

/* Its link tells it why; output would come behind that. */
static void break_off(struct conn *c)
{
    log_close(c, CLOSE_RECORDS);
    drop_output(c);
    conn_finish_after_output(c);
}

static void on_readable(struct conn *c)
{
    struct loop *l = c->loop;
    struct link_io io = c->link.ops->receive(&c->link, l->read_buffer, LOOP_READ_BYTES);
    if (io.n > 0 && conn_state(c) == CONN_LINGERING)
        drop_input(c, io.n);
    else if (io.n > 0)
        input(c, l->read_buffer, io.n);
    else if (io.err == ERR_OK)
        input_ended(c);
    else if (io.err == ERR_INVALID)
        break_off(c);
    else if (io.err != ERR_AGAIN)
        lose(c, io.err);
}

static void on_writable(struct conn *c)
{
    size_t unsent = conn_unsent(c), held = link_held(&c->link);
    uint32_t progress_s = c->progress_s;
    c->blocked = false;
    conn_let_go(c);
    if (!link_is_ready(&c->link))
        c->blocked = true;
    conn_flush(c);
    if (conn_unsent(c) == unsent && link_held(&c->link) == held)
        c->progress_s = progress_s; /* it was tried in vain */
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
    if (may_read(c) && budget_slice_is_light(b))
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
    c->loop->due_ms = due;
    if (!conn_is_open(c))
        end_late(c);
    else if (c->protocol->timeout)
        c->protocol->timeout(c);
}

void conn_awaited(struct conn *c, struct awaiting *a)
{
    struct loop *l = c->loop;
    uint64_t due = a->due_ms;
    look_at_socket(c);
    if (l->awaited != a || a->due_ms != due) /* it came, or another one */
        return;
    loop_await(l, a);
    if (may_read(c)) /* else it is not the peer's fault */
        conn_close(c, CLOSE_HALF_RECORD);
}

void conn_pause(struct conn *c)
{
    c->reading = false;
    conn_touch(c); /* who goes on within the turn has never stopped */
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

uint64_t conn_first_beat(const struct conn *c, uint64_t interval_ms)
{
    struct loop *l = c->loop;
    return l->now_ms + interval_ms - spread_early(&l->spread, l->now_ms, interval_ms);
}

uint64_t conn_next_beat(const struct conn *c, uint64_t interval_ms)
{
    return spread_next(c->loop->due_ms, interval_ms, c->loop->now_ms);
}

uint64_t conn_spread_end(const struct conn *c, uint64_t wait_ms)
{
    struct loop *l = c->loop;
    return l->now_ms + wait_ms - spread_early(&l->spread, l->now_ms, wait_ms / SPREAD_PART);
}

/* --- the end of a turn --- */

static void linger(struct conn *c)
{
    if (!c->link.ops->shut(&c->link) || c->input_over) {
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

/* There is more of what came, though the socket does not tell it. */
static void read_on(struct conn *c)
{
    if (!may_read(c) || !link_has_input(&c->link))
        return;
    if (budget_has_left(&c->loop->work))
        read_or_yield(c);
    else
        conn_yield(c);
}

bool conn_end_turn(struct conn *c)
{
    if (goes_on(c)) {
        if (may_go_on_now(c))
            give_kept(c);
        else if (c->level)
            conn_yield(c);
        else
            yield_to(c, BACKLOG_LIGHT);
    }
    read_on(c);
    conn_flush(c);
    if (conn_state(c) == CONN_ENDING && !c->output && !link_held(&c->link))
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

static void put_address(bool known, const struct ip_port *a, bool local, char *out, size_t size)
{
    char text[IP_PORT_TEXT_SIZE];
    snprintf(out, size, local ? "unix" : "unknown");
    if (!known)
        return;
    ip_port_format(a, text);
    snprintf(out, size, "%s", text);
}

void conn_address(const struct conn *c, char *out, size_t size)
{
    struct ip_port at;
    const struct peer *p = conn_peer(c);
    bool known = p || link_peer(&c->link, &at);
    put_address(known, p ? &p->client : &at, c->local, out, size);
}

void conn_local_address(const struct conn *c, char *out, size_t size)
{
    struct ip_port at;
    put_address(link_here(&c->link, &at), &at, c->local, out, size);
}
