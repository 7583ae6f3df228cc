#include "net/holding.h"

#include <limits.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/blob.h"
#include "base/log.h"
#include "base/now.h"
#include "net/conn.h"
#include "net/loop.h"

enum {
    CONN_BYTES = 4096,    /* what a connection leaves in the heap, about, when it goes */
    REFUSED_AT_ONCE = 16, /* in a turn, of those who had their time: a thousand took 40 ms */
};

static uint64_t refused_so_far(const struct loop *l)
{
    const struct process *p = l->process;
    uint64_t n = 0;
    for (unsigned i = 0; i < p->loop_count; i++)
        n += counter_get(&p->loops[i]->counters, COUNTER_memory_refused);
    return n;
}

/* --- counting --- */

/* What it keeps of a message that others may have, too. A large one is always worth a look, however
 * many share it now. */
static size_t shared_by(const struct conn *c)
{
    const struct blob *rest = conn_rest(c);
    if (!rest)
        return 0;
    size_t share = peer_memory_share(rest);
    bool large = rest->len > PEER_MEMORY_FLOOR;
    return large && share <= PEER_MEMORY_FLOOR ? PEER_MEMORY_FLOOR + 1 : share;
}

static void pause_if_too_large(struct conn *c)
{
    struct loop *l = c->loop;
    if (!c->load || c->load->paused || !peer_book_is_above_share(&l->book, c->load))
        return;
    counter_add(&l->counters, COUNTER_memory_paused, 1);
    peer_book_pause(&l->book, c->load, true);
    conn_look_again(c);
}

void holding_count(struct conn *c)
{
    struct peer_book *b = &c->loop->book;
    if (conn_state(c) == CONN_CLOSED)
        return;
    if (conn_state(c) == CONN_LINGERING) { /* it has had its say, and goes in a moment */
        peer_book_remove(b, &c->load);
        return;
    }
    size_t own = conn_held(c), weight = own + shared_by(c);
    bool paused = peer_load_is_paused(c->load);
    if (weight <= PEER_MEMORY_FLOOR && !c->load)
        return;
    if (peer_book_set(b, &c->load, c, c->local, own, weight) != ERR_OK)
        conn_close(c, CLOSE_NOMEM);
    else if (peer_memory_is_pressed(b->memory))
        pause_if_too_large(c);
    else if (paused && !c->load)
        conn_look_again(c);
}

/* --- giving way --- */

/* The largest is another worker's: wakes that, unless it has been. */
static void ask(struct loop *l, unsigned other)
{
    struct peer_memory *m = l->book.memory;
    if (atomic_exchange(&m->asked[other], true))
        return;
    if (!l->nudge(l, other))
        atomic_store(&m->asked[other], false);
}

/* What is in the book may be what it held before it was answered in this turn. */
static bool is_still_so_large(struct conn *c)
{
    uint8_t class = c->load->class;
    holding_count(c);
    return c->load && c->load->class >= class;
}

static void refuse_largest(struct loop *l)
{
    struct conn *c = peer_book_largest(&l->book)->conn;
    if (!is_still_so_large(c))
        return;
    peer_book_remove(&l->book, &c->load);
    if (conn_state(c) == CONN_CLOSED)
        return; /* about to give it back anyway */
    counter_add(&l->counters, COUNTER_memory_refused, 1);
    conn_refuse(c);
}

/* Refuses the largest, as far as they are of this worker, until MARK bytes are held. True: it would
 * be more than MOST of them. */
static bool refuse_until(struct loop *l, uint64_t mark, unsigned most)
{
    while (peer_memory_held(l->book.memory) > mark) {
        unsigned whose = peer_book_whose(&l->book);
        if (whose != l->index) {
            ask(l, whose);
            return false;
        }
        if (!peer_book_largest(&l->book))
            return false;
        if (most-- == 0)
            return true;
        refuse_largest(l);
    }
    return false;
}

bool holding_is_full(const struct loop *l)
{
    return peer_memory_held(l->book.memory) > peer_memory_limit(l->book.memory);
}

bool holding_is_for_others(const struct loop *l)
{
    return holding_is_full(l) && peer_book_whose(&l->book) != l->index;
}

/* The limit holds at once, whatever that takes: no more than it has to. */
static void keep_limit(struct loop *l)
{
    const struct peer_memory *m = l->book.memory;
    if (holding_is_full(l))
        refuse_until(l, peer_memory_brim(m), UINT_MAX);
}

void holding_settle(struct conn *c)
{
    holding_count(c);
    if (c->load)
        keep_limit(c->loop);
}

static void visit_to_pause(struct peer_load *load, void *ctx)
{
    (void)ctx;
    pause_if_too_large(load->conn);
}

static void visit_to_resume(struct peer_load *load, void *ctx)
{
    struct loop *l = ctx;
    if (!load->paused)
        return;
    peer_book_pause(&l->book, load, false);
    conn_look_again(load->conn);
}

/* Shares change with what others do. */
static void visit_to_count(struct peer_load *load, void *ctx)
{
    (void)ctx;
    holding_count(load->conn);
}

static void go_on_pressed(struct loop *l)
{
    struct peer_book *b = &l->book;
    if (!b->pressed_since_ms) {
        b->pressed_since_ms = loop_now(l);
        peer_book_each(b, visit_to_pause, l);
    }
    keep_limit(l);
    if (loop_now(l) - b->pressed_since_ms >= HOLDING_PATIENCE_MS) {
        b->pressed_since_ms = loop_now(l);
        b->refuses = true;
        peer_book_each(b, visit_to_count, l);
    }
    if (b->refuses)
        b->refuses = refuse_until(l, peer_memory_low(b->memory), REFUSED_AT_ONCE);
}

static void go_on_relieved(struct loop *l)
{
    l->book.pressed_since_ms = 0;
    l->book.refuses = false;
    if (l->book.paused)
        peer_book_each(&l->book, visit_to_resume, l);
}

/* --- saying so --- */

static void tell_pressed(struct loop *l)
{
    struct peer_memory *m = l->book.memory;
    if (atomic_exchange(&m->told, true))
        return;
    atomic_store(&m->refused_before, refused_so_far(l));
    log_warn("clients make the hub hold %llu bytes, of hub.peer_bytes = %llu: the largest are not "
             "read from, then refused",
             (unsigned long long)peer_memory_held(m), (unsigned long long)peer_memory_limit(m));
}

static void tell_relieved(struct loop *l)
{
    struct peer_memory *m = l->book.memory;
    if (now_monotonic_ms() - atomic_load(&m->relieved_ms) < HOLDING_QUIET_MS ||
        !atomic_exchange(&m->told, false))
        return;
    log_info("clients hold %llu bytes, as much as they may; %llu were refused",
             (unsigned long long)peer_memory_held(m),
             (unsigned long long)(refused_so_far(l) - atomic_load(&m->refused_before)));
}

/* --- giving back --- */

void holding_set_heap(void)
{
#ifdef __GLIBC__
    /* Otherwise the limit grows with what is freed, and large buffers come to lie among small
     * ones. */
    mallopt(M_MMAP_THRESHOLD, HOLDING_MAPPED_BYTES);
#endif
}

/* What was freed in small pieces stays with the process unless it is asked for: malloc gives back
 * only what lies at the end of the heap. */
static uint64_t footprint(const struct loop *l)
{
    uint64_t conns = atomic_load_explicit(&l->process->conns, memory_order_relaxed);
    return peer_memory_held(l->book.memory) + conns * CONN_BYTES;
}

static bool is_worth_trimming(const struct loop *l)
{
    const struct peer_memory *m = l->book.memory;
    return atomic_load_explicit(&m->trim_mark, memory_order_relaxed) >=
           footprint(l) + peer_memory_limit(m) / HOLDING_TRIM_PART;
}

static void trim(struct loop *l)
{
    struct peer_memory *m = l->book.memory;
    uint64_t now = now_monotonic_ms(), last = atomic_load(&m->trimmed_ms);
    if (now - last < HOLDING_TRIM_MS || !atomic_compare_exchange_strong(&m->trimmed_ms, &last, now))
        return;
    atomic_store(&m->trim_mark, footprint(l));
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static void give_back(struct loop *l)
{
    struct peer_memory *m = l->book.memory;
    if (is_worth_trimming(l))
        trim(l);
    else if (footprint(l) > atomic_load_explicit(&m->trim_mark, memory_order_relaxed))
        atomic_store_explicit(&m->trim_mark, footprint(l), memory_order_relaxed);
}

/* --- turns --- */

void holding_end_turn(struct loop *l)
{
    struct peer_memory *m = l->book.memory;
    if (atomic_load_explicit(&m->asked[l->index], memory_order_relaxed))
        atomic_store(&m->asked[l->index], false); /* before it looks */
    enum peer_memory_change change = peer_memory_look(m);
    if (change == PEER_MEMORY_PRESSED)
        tell_pressed(l);
    else if (change == PEER_MEMORY_RELIEVED)
        atomic_store(&m->relieved_ms, now_monotonic_ms());
    if (peer_memory_is_pressed(m)) {
        go_on_pressed(l);
        return;
    }
    go_on_relieved(l);
    if (atomic_load_explicit(&m->told, memory_order_relaxed))
        tell_relieved(l);
    give_back(l);
}

uint64_t holding_wait_ms(const struct loop *l)
{
    const struct peer_memory *m = l->book.memory;
    if (l->book.refuses)
        return 0;
    if (l->book.paused || l->book.pressed_since_ms)
        return HOLDING_CHECK_MS;
    if (atomic_load_explicit(&m->told, memory_order_relaxed) || is_worth_trimming(l))
        return HOLDING_TRIM_MS;
    return UINT64_MAX;
}
