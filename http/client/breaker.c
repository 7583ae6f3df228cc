#include "http/client/breaker.h"

bool breaker_may_ask(struct breaker *b, uint64_t now_ms)
{
    if (!b->pause_ms)
        return true;
    if (b->trying || now_ms < b->open_until_ms)
        return false;
    b->trying = true;
    return true;
}

bool breaker_succeeded(struct breaker *b)
{
    bool was_open = b->pause_ms > 0;
    *b = (struct breaker){0};
    return was_open;
}

static void open_for(struct breaker *b, uint32_t pause_ms, uint64_t now_ms)
{
    b->pause_ms = pause_ms < BREAKER_PAUSE_MAX_MS ? pause_ms : BREAKER_PAUSE_MAX_MS;
    b->open_until_ms = now_ms + b->pause_ms;
}

/* Those that were under way when it opened fail, too, which says nothing new. */
bool breaker_failed(struct breaker *b, uint64_t now_ms)
{
    if (b->pause_ms && !b->trying)
        return false;
    b->trying = false;
    if (++b->failures < BREAKER_FAILURES)
        return false;
    open_for(b, b->pause_ms ? b->pause_ms * 2 : BREAKER_PAUSE_MS, now_ms);
    return true;
}

uint64_t breaker_wait_ms(const struct breaker *b, uint64_t now_ms)
{
    return b->pause_ms && now_ms < b->open_until_ms ? b->open_until_ms - now_ms : 0;
}
