#include "base/now.h"

#include <time.h>

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t now_unix_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

uint64_t now_monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

uint64_t now_boottime_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}
