/*
 * How far subscribers may fall behind: limits by topic, and what is done about those beyond them.
 *
 * Nobody has to be limited: a subscriber who is behind costs no memory, and reads on from tail or
 * log. Limits are for those to whom old messages are worth nothing.
 *
 * Pure. Rules are immutable; the frontends' settings own them.
 */
#ifndef BROKER_LAG_H
#define BROKER_LAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/feed.h"

enum lag_policy {
    LAG_REPLAY, /* it is counted, and goes on replaying */
    LAG_SKIP,   /* it is told a gap, and goes on at the head */
    LAG_CLOSE,  /* its connection ends */
};

/* Limits of one subscriber, for its messages that have not been sent since it was live; 0 = none.
 * The policy is for whichever is exceeded first. */
struct lag_limits {
    uint64_t messages;
    uint64_t bytes;  /* of payload */
    uint64_t age_ms; /* since it was live */
    enum lag_policy policy;
};

struct lag_rule {
    char *pattern; /* valid topic or pattern */
    struct lag_limits limits;
};

/* Owned by whoever has it; all zero = no limits. Changed by the functions below alone. */
struct lag_rules {
    struct lag_rule *rules; /* the first that covers one of a feed's topics or patterns counts */
    size_t count;
    struct lag_limits otherwise; /* of feeds that no rule covers */
    bool any;                    /* somebody has a limit */
};

/* How far behind a subscriber is. */
struct lag_figures {
    uint64_t messages;
    uint64_t bytes;  /* of payload */
    uint64_t age_ms; /* since it was live */
};

/* Adds a rule behind the others; PATTERN is copied. ERR_NOMEM. */
MUST_CHECK enum err lag_rules_add(struct lag_rules *r, const char *pattern,
                                  const struct lag_limits *limits);
/* The limits of those whom no rule covers. */
void lag_rules_set_others(struct lag_rules *r, const struct lag_limits *limits);
void lag_rules_finish(struct lag_rules *r);
/* The limits of F, valid as long as R. SERIAL (not 0) is R's: F keeps what was found for it. */
const struct lag_limits *lag_rules_of(const struct lag_rules *r, uint32_t serial, struct feed *f);
/* Whether a subscriber who is so far behind is beyond L. Who has nothing to get is not behind. */
bool lag_exceeds(const struct lag_figures *f, const struct lag_limits *l);

#endif
