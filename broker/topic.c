#include "broker/topic.h"

void topic_stored_left(struct topic *t, uint64_t messages, uint64_t bytes)
{
    messages = messages < t->stored_messages ? messages : t->stored_messages;
    bytes = bytes < t->stored_bytes ? bytes : t->stored_bytes;
    t->messages -= t->stored_messages - messages;
    t->bytes -= t->stored_bytes - bytes;
    t->stored_messages = messages;
    t->stored_bytes = bytes;
}

void topic_rate_add(struct topic *t, uint64_t now_ms)
{
    uint64_t window = now_ms / TOPIC_RATE_WINDOW_MS;
    uint64_t last = atomic_load_explicit(&t->rate_window, memory_order_relaxed);
    uint32_t now = atomic_load_explicit(&t->rate_now, memory_order_relaxed);
    if (window != last) {
        atomic_store_explicit(&t->rate_before, window == last + 1 ? now : 0, memory_order_relaxed);
        atomic_store_explicit(&t->rate_window, window, memory_order_relaxed);
        now = 0;
    }
    atomic_store_explicit(&t->rate_now, now + 1, memory_order_relaxed);
}

double topic_rate(const struct topic *t, uint64_t now_ms)
{
    uint64_t window = now_ms / TOPIC_RATE_WINDOW_MS;
    uint64_t last = atomic_load_explicit(&t->rate_window, memory_order_relaxed);
    double now = atomic_load_explicit(&t->rate_now, memory_order_relaxed);
    double before = atomic_load_explicit(&t->rate_before, memory_order_relaxed);
    if (window == last + 1) {
        before = now;
        now = 0;
    } else if (window != last) {
        return 0;
    }
    double gone = (double)(now_ms % TOPIC_RATE_WINDOW_MS) / TOPIC_RATE_WINDOW_MS;
    return (before * (1 - gone) + now) * 1000 / TOPIC_RATE_WINDOW_MS;
}
