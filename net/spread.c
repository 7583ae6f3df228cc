#include "net/spread.h"

#include "net/wheel.h"

static const uint64_t GOLDEN = 2654435769u; /* 2^32 / 1.618… */

uint64_t spread_early(struct spread *s, uint64_t now_ms, uint64_t within_ms)
{
    uint64_t tick = now_ms / WHEEL_TICK_MS;
    if (tick != s->tick)
        s->in_tick = 0;
    s->tick = tick;
    if (s->in_tick++ < SPREAD_FEW)
        return 0;
    uint32_t part = (uint32_t)(++s->placed * GOLDEN);
    return part * within_ms >> 32;
}

uint64_t spread_next(uint64_t due_ms, uint64_t interval_ms, uint64_t now_ms)
{
    if (now_ms < due_ms)
        return due_ms;
    return due_ms + ((now_ms - due_ms) / interval_ms + 1) * interval_ms;
}
