#include "net/peer_memory.h"

#include <stdlib.h>

#include "base/blob.h"
#include "base/workers.h"
#include "utlist.h"

/* --- what is held --- */

static void add_held(struct peer_memory *m, size_t n)
{
    uint64_t held = atomic_fetch_add_explicit(&m->held, n, memory_order_relaxed) + n;
    uint64_t peak = atomic_load_explicit(&m->peak, memory_order_relaxed);
    while (held > peak && !atomic_compare_exchange_weak_explicit(
                              &m->peak, &peak, held, memory_order_relaxed, memory_order_relaxed))
        ;
}

static void sub_held(struct peer_memory *m, size_t n)
{
    atomic_fetch_sub_explicit(&m->held, n, memory_order_relaxed);
}

void peer_memory_pin(struct peer_memory *m, struct blob *b)
{
    if (atomic_fetch_add_explicit(&b->pins, 1, memory_order_relaxed) == 0)
        add_held(m, b->len);
}

void peer_memory_unpin(struct peer_memory *m, struct blob *b)
{
    if (atomic_fetch_sub_explicit(&b->pins, 1, memory_order_relaxed) == 1)
        sub_held(m, b->len);
}

size_t peer_memory_share(const struct blob *b)
{
    uint32_t pins = atomic_load_explicit(&b->pins, memory_order_relaxed);
    return pins ? b->len / pins : b->len;
}

enum peer_memory_change peer_memory_look(struct peer_memory *m)
{
    uint64_t held = peer_memory_held(m);
    bool pressed = peer_memory_is_pressed(m);
    if (!pressed && held > peer_memory_high(m))
        return atomic_exchange(&m->pressed, true) ? PEER_MEMORY_SAME : PEER_MEMORY_PRESSED;
    if (pressed && held <= peer_memory_low(m))
        return atomic_exchange(&m->pressed, false) ? PEER_MEMORY_RELIEVED : PEER_MEMORY_SAME;
    return PEER_MEMORY_SAME;
}

/* --- a worker's book --- */

void peer_book_init(struct peer_book *b, struct peer_memory *m, unsigned worker)
{
    *b = (struct peer_book){.memory = m, .worker = worker};
}

/* Four for each power of two; 0 is for nobody. */
static uint8_t class_of(size_t weight)
{
    unsigned log = 0;
    for (size_t n = weight; n > 7; n >>= 1)
        log++;
    unsigned class = log * 4 + (unsigned)((weight >> log) & 3) + 1;
    return (uint8_t)(class < PEER_MEMORY_CLASSES ? class : PEER_MEMORY_CLASSES - 1);
}

static void tell_top(struct peer_book *b)
{
    atomic_store_explicit(&b->memory->largest[b->worker], (uint8_t)b->top, memory_order_relaxed);
}

static void link_load(struct peer_book *b, struct peer_load *l)
{
    DL_APPEND(b->classes[l->class], l);
    if (l->class <= b->top)
        return;
    b->top = l->class;
    tell_top(b);
}

static void unlink_load(struct peer_book *b, struct peer_load *l)
{
    unsigned top = b->top;
    DL_DELETE(b->classes[l->class], l);
    while (b->top && !b->classes[b->top])
        b->top--;
    if (b->top != top)
        tell_top(b);
}

static struct peer_load *enter(struct peer_book *b, struct conn *c, bool local, uint8_t class)
{
    struct peer_load *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->conn = c;
    l->local = local;
    l->class = class;
    link_load(b, l);
    atomic_fetch_add_explicit(&b->memory->holders, 1, memory_order_relaxed);
    return l;
}

static void set_bytes(struct peer_book *b, struct peer_load *l, size_t bytes)
{
    if (bytes > l->bytes)
        add_held(b->memory, bytes - l->bytes);
    else
        sub_held(b->memory, l->bytes - bytes);
    l->bytes = bytes;
}

void peer_book_remove(struct peer_book *b, struct peer_load **load)
{
    struct peer_load *l = *load;
    if (!l)
        return;
    *load = NULL;
    peer_book_pause(b, l, false);
    set_bytes(b, l, 0);
    unlink_load(b, l);
    atomic_fetch_sub_explicit(&b->memory->holders, 1, memory_order_relaxed);
    free(l);
}

enum err peer_book_set(struct peer_book *b, struct peer_load **load, struct conn *c, bool local,
                       size_t bytes, size_t weight)
{
    uint8_t class = class_of(local ? weight / PEER_MEMORY_LOCAL : weight);
    if (weight <= PEER_MEMORY_FLOOR) {
        peer_book_remove(b, load);
        return ERR_OK;
    }
    if (!*load && !(*load = enter(b, c, local, class)))
        return ERR_NOMEM;
    set_bytes(b, *load, bytes > PEER_MEMORY_FLOOR ? bytes - PEER_MEMORY_FLOOR : 0);
    if ((*load)->class == class)
        return ERR_OK;
    unlink_load(b, *load);
    (*load)->class = class;
    link_load(b, *load);
    return ERR_OK;
}

struct peer_load *peer_book_largest(const struct peer_book *b)
{
    return b->classes[b->top];
}

unsigned peer_book_whose(const struct peer_book *b)
{
    unsigned whose = b->worker, most = b->top;
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        unsigned class = atomic_load_explicit(&b->memory->largest[i], memory_order_relaxed);
        if (class > most) {
            most = class;
            whose = i;
        }
    }
    return whose;
}

void peer_book_each(struct peer_book *b, void (*visit)(struct peer_load *l, void *ctx), void *ctx)
{
    /* Upwards, and what moves up is visited again: no harm. */
    for (unsigned i = 0; i < PEER_MEMORY_CLASSES; i++) {
        struct peer_load *l, *next;
        DL_FOREACH_SAFE (b->classes[i], l, next) {
            visit(l, ctx);
        }
    }
}

void peer_book_pause(struct peer_book *b, struct peer_load *l, bool paused)
{
    if (l->paused == paused)
        return;
    l->paused = paused;
    b->paused = paused ? b->paused + 1 : b->paused - 1;
}

bool peer_book_is_above_share(const struct peer_book *b, const struct peer_load *l)
{
    uint32_t holders = atomic_load_explicit(&b->memory->holders, memory_order_relaxed);
    return l->bytes > peer_memory_limit(b->memory) / (holders ? holders : 1);
}
