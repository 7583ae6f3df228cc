#include "base/rate.h"

#include <stdatomic.h>

static const uint64_t second_ns = 1000000000;

/* How long N of them take to come. */
static uint64_t time_of(const struct rate_rule *rule, uint64_t n)
{
    return n / rule->per_s * second_ns + n % rule->per_s * second_ns / rule->per_s;
}

/* What the bucket holds, as time; one of them fits into any. */
static uint64_t depth_of(const struct rate_rule *rule)
{
    uint64_t one = time_of(rule, 1);
    return rule->burst_ns > one ? rule->burst_ns : one;
}

uint64_t rate_room(const struct rate_rule *rule)
{
    uint64_t burst_s = rule->burst_ns / second_ns, rest_ns = rule->burst_ns % second_ns;
    uint64_t room = rule->per_s * burst_s + rule->per_s / 1000 * rest_ns / (second_ns / 1000) +
                    rule->per_s % 1000 * rest_ns / second_ns;
    return room ? room : 1;
}

bool rate_take(struct rate *r, const struct rate_rule *rule, uint64_t n, uint64_t now_ns,
               uint64_t *ret_wait_ns)
{
    uint64_t full = atomic_load_explicit(&r->full_ns, memory_order_relaxed), from;
    uint64_t cost = time_of(rule, n), depth = depth_of(rule), needed = cost < depth ? cost : depth;
    do {
        from = full > now_ns ? full : now_ns;
        if (from - now_ns + needed > depth) {
            *ret_wait_ns = from - now_ns + needed - depth;
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&r->full_ns, &full, from + cost,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void rate_give_back(struct rate *r, const struct rate_rule *rule, uint64_t n)
{
    uint64_t full = atomic_load_explicit(&r->full_ns, memory_order_relaxed), less;
    uint64_t cost = time_of(rule, n);
    do
        less = full > cost ? full - cost : 0;
    while (!atomic_compare_exchange_weak_explicit(&r->full_ns, &full, less, memory_order_relaxed,
                                                  memory_order_relaxed));
}

bool rate_is_full(const struct rate *r, uint64_t now_ns)
{
    return atomic_load_explicit(&r->full_ns, memory_order_relaxed) <= now_ns;
}
