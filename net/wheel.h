/*
 * A timer wheel: one deadline for each connection, no timer of its own.
 *
 * Deadlines are rounded up to the wheel's tick. Those further away than one turn of the wheel are
 * looked at once a turn. Pure: time comes in.
 */
#ifndef NET_WHEEL_H
#define NET_WHEEL_H

#include <stdint.h>

enum { WHEEL_SLOT_BITS = 11, WHEEL_SLOTS = 1 << WHEEL_SLOT_BITS, WHEEL_TICK_MS = 32 };

/* This late, or later. */
#define WHEEL_NEVER (UINT64_MAX >> WHEEL_SLOT_BITS)

/* Embedded in what has a deadline, as small as can be. All zero = not in a wheel. */
struct wheel_item {
    struct wheel_item *next, *prev; /* prev NULL = not in the wheel */
    uint64_t due_ms : 64 - WHEEL_SLOT_BITS;
    uint64_t slot : WHEEL_SLOT_BITS; /* where it stands */
};

struct wheel {
    struct wheel_item *slots[WHEEL_SLOTS]; /* utlist lists */
    uint64_t filled[WHEEL_SLOTS / 64];     /* bitmap of non-empty slots */
    uint64_t tick; /* the one looked at last; everything due before it has been taken */
};

void wheel_init(struct wheel *w, uint64_t now_ms);
/* (Re)sets the item's deadline; WHEEL_NEVER parks it where it costs nothing until a turn ends. */
void wheel_set(struct wheel *w, struct wheel_item *i, uint64_t due_ms);
/* Fine when it is not in. */
void wheel_remove(struct wheel *w, struct wheel_item *i);
/* Takes one item that is due at NOW_MS out of the wheel; NULL when none is left. */
struct wheel_item *wheel_pop_due(struct wheel *w, uint64_t now_ms);
/* Milliseconds until wheel_pop_due may have something, UINT64_MAX when the wheel is empty. */
uint64_t wheel_wait_ms(const struct wheel *w, uint64_t now_ms);
/* Calls VISIT for every item; VISIT must not change the wheel. */
void wheel_each(const struct wheel *w, void (*visit)(struct wheel_item *i, void *ctx), void *ctx);

#endif
