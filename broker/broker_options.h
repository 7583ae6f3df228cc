/* What a broker is made with. */
#ifndef BROKER_BROKER_OPTIONS_H
#define BROKER_BROKER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct retention_rules;
struct roll_options;

/* Whether a topic is kept in memory only. */
typedef bool broker_is_memory(void *ctx, const char *topic, size_t n);

struct broker_options {
    uint64_t tail_bytes; /* what the hot tail may weigh */
    uint32_t max_topics;
    uint64_t subscription_bytes; /* what subscriptions may take, see interest_take */
    uint64_t dedup_window_ms;
    size_t dedup_max_keys;
    unsigned transports;              /* by which subscribers are counted, see interest_create */
    uint64_t presence_salt;           /* see presence_create */
    const struct roll_options *hooks; /* copied, see there; NULL = nobody is told by hooks */
    broker_is_memory *is_memory;
    void *is_memory_ctx;
    const struct retention_rules *retention; /* borrowed (broker_set_retention); NULL = no limits */
};

#endif
