#include "net/refusals.h"

#include "base/log.h"

bool refusals_may_log(struct refusals *r, uint64_t now_ms)
{
    refusals_check(r, now_ms);
    if (now_ms >= r->until_ms)
        *r = (struct refusals){.until_ms = now_ms + REFUSALS_MS};
    if (r->lines == REFUSALS_LINES) {
        r->unsaid++;
        return false;
    }
    r->lines++;
    return true;
}

bool refusals_check(struct refusals *r, uint64_t now_ms)
{
    if (!r->unsaid || now_ms < r->until_ms)
        return false;
    log_info("refused %u more requests in these %d seconds", r->unsaid, REFUSALS_MS / 1000);
    r->unsaid = 0;
    return true;
}

uint64_t refusals_wait_ms(const struct refusals *r, uint64_t now_ms)
{
    if (!r->unsaid)
        return UINT64_MAX;
    return r->until_ms > now_ms ? r->until_ms - now_ms : 0;
}
