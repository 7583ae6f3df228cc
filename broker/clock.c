#include "broker/clock.h"

static int64_t distance(uint64_t from, uint64_t to)
{
    return (int64_t)(to - from);
}

static bool is_near(int64_t ms)
{
    return ms <= CLOCK_STEP_MS && ms >= -CLOCK_STEP_MS;
}

uint64_t clock_moved(uint64_t time_ms, int64_t off_ms)
{
    uint64_t back = off_ms < 0 ? -(uint64_t)off_ms : 0;
    if (back)
        return time_ms > back ? time_ms - back : 0;
    return time_ms + (uint64_t)off_ms;
}

void clock_init(struct clock *c, uint64_t unix_ms, uint64_t steady_ms, uint64_t last_ms)
{
    bool unset = unix_ms < CLOCK_EARLIEST_MS && last_ms > unix_ms;
    *c = (struct clock){.now_ms = unset ? last_ms : unix_ms, .steady_ms = steady_ms};
}

/* A clock that goes backwards a little is waited for. */
static void follow(struct clock *c, uint64_t unix_ms)
{
    if (unix_ms > c->now_ms)
        c->now_ms = unix_ms;
    c->doubted = false;
}

/* It stands OFF_MS from where it would be. */
static enum clock_event doubt(struct clock *c, uint64_t unix_ms, int64_t off_ms)
{
    bool again = c->doubted && is_near(off_ms - c->off_ms);
    c->off_ms = off_ms;
    if (!again) {
        c->since_ms = c->steady_ms;
        c->doubted = true;
        return CLOCK_DOUBTED;
    }
    if (c->steady_ms - c->since_ms < CLOCK_CONFIRM_MS || unix_ms < CLOCK_EARLIEST_MS)
        return CLOCK_SAME;
    c->now_ms = unix_ms;
    c->doubted = false;
    return CLOCK_STEPPED;
}

enum clock_event clock_tell(struct clock *c, uint64_t unix_ms, uint64_t steady_ms,
                            int64_t *ret_off_ms)
{
    uint64_t passed = steady_ms > c->steady_ms ? steady_ms - c->steady_ms : 0;
    uint64_t expected = c->now_ms + passed;
    c->steady_ms += passed;
    *ret_off_ms = distance(expected, unix_ms);
    if (is_near(*ret_off_ms)) {
        bool was = c->doubted;
        follow(c, unix_ms);
        return was ? CLOCK_BACK : CLOCK_SAME;
    }
    c->now_ms = expected;
    return doubt(c, unix_ms, *ret_off_ms);
}
