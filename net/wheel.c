#include "net/wheel.h"

#include <stddef.h>
#include <string.h>

#include "utlist.h"

void wheel_init(struct wheel *w, uint64_t now_ms)
{
    memset(w, 0, sizeof(*w));
    w->tick = now_ms / WHEEL_TICK_MS;
}

/* The first tick that lies wholly behind the deadline; never the one being looked at now. */
static uint64_t slot_for(const struct wheel *w, uint64_t due_ms)
{
    uint64_t tick = due_ms / WHEEL_TICK_MS + 1, last = w->tick + WHEEL_SLOTS - 1;
    if (due_ms == WHEEL_NEVER || tick > last)
        tick = last;
    if (tick <= w->tick)
        tick = w->tick + 1;
    return tick % WHEEL_SLOTS;
}

static void put(struct wheel *w, struct wheel_item *i, uint64_t due_ms)
{
    i->due_ms = due_ms;
    i->slot = slot_for(w, due_ms);
    DL_APPEND(w->slots[i->slot], i);
    w->filled[i->slot / 64] |= (uint64_t)1 << i->slot % 64;
}

void wheel_remove(struct wheel *w, struct wheel_item *i)
{
    if (!i->prev)
        return;
    DL_DELETE(w->slots[i->slot], i);
    i->next = i->prev = NULL;
    if (!w->slots[i->slot])
        w->filled[i->slot / 64] &= ~((uint64_t)1 << i->slot % 64);
}

void wheel_set(struct wheel *w, struct wheel_item *i, uint64_t due_ms)
{
    if (due_ms > WHEEL_NEVER)
        due_ms = WHEEL_NEVER;
    if (i->prev && i->due_ms == due_ms)
        return; /* it is looked at when its slot comes, and then put where it belongs */
    wheel_remove(w, i);
    put(w, i, due_ms);
}

/* The first tick from w->tick on, below END, whose slot has items; END when none has. */
static uint64_t next_filled(const struct wheel *w, uint64_t end)
{
    uint64_t tick = w->tick;
    while (tick < end) {
        uint64_t bits = w->filled[tick % WHEEL_SLOTS / 64] >> tick % 64;
        if (bits) {
            tick += (uint64_t)__builtin_ctzll(bits);
            return tick < end ? tick : end;
        }
        tick += 64 - tick % 64;
    }
    return end;
}

struct wheel_item *wheel_pop_due(struct wheel *w, uint64_t now_ms)
{
    uint64_t end = now_ms / WHEEL_TICK_MS + 1;
    if (end > w->tick + WHEEL_SLOTS)
        w->tick = end - WHEEL_SLOTS; /* the clock jumped: one look at every slot is enough */
    while ((w->tick = next_filled(w, end)) < end) {
        struct wheel_item *i = w->slots[w->tick % WHEEL_SLOTS];
        wheel_remove(w, i);
        if (i->due_ms <= now_ms)
            return i;
        put(w, i, i->due_ms); /* at least one slot further on, so this slot runs empty */
    }
    w->tick = end - 1; /* what is set now may stand in the very next tick */
    return NULL;
}

uint64_t wheel_wait_ms(const struct wheel *w, uint64_t now_ms)
{
    uint64_t end = w->tick + WHEEL_SLOTS;
    uint64_t tick = next_filled(w, end);
    if (tick == end)
        return UINT64_MAX;
    uint64_t at = tick * WHEEL_TICK_MS;
    return at > now_ms ? at - now_ms : 0;
}

void wheel_each(const struct wheel *w, void (*visit)(struct wheel_item *i, void *ctx), void *ctx)
{
    for (size_t slot = 0; slot < WHEEL_SLOTS; slot++)
        for (struct wheel_item *i = w->slots[slot]; i; i = i->next)
            visit(i, ctx);
}
