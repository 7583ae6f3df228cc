#include "net/turn_clock.h"

void turn_clock_init(struct turn_clock *c, uint64_t real_ms)
{
    *c = (struct turn_clock){.now_ms = real_ms, .real_ms = real_ms, .until_ms = real_ms};
}

void turn_clock_sleep(struct turn_clock *c, uint64_t at_ms)
{
    uint64_t wait = at_ms > c->now_ms ? at_ms - c->now_ms : 0;
    c->until_ms = at_ms == UINT64_MAX ? UINT64_MAX : c->real_ms + wait;
}

uint64_t turn_clock_read(struct turn_clock *c, uint64_t real_ms, uint64_t ran_ms)
{
    uint64_t due = c->until_ms > c->real_ms ? c->until_ms : c->real_ms;
    due += due < UINT64_MAX - ran_ms ? ran_ms : 0;
    uint64_t pause = real_ms > due && real_ms - due >= CLOCK_PAUSE_MS ? real_ms - due : 0;
    if (pause)
        c->lost_ms += pause + CLOCK_AFTER_MS;
    c->real_ms = c->until_ms = real_ms;
    if (real_ms > c->now_ms + c->lost_ms)
        c->now_ms = real_ms - c->lost_ms;
    return pause;
}
