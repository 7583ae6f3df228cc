/* What a subscriber at the head notices of a replay beside it. */
#ifndef TOOLS_BENCH_BENCH_LIVE_H
#define TOOLS_BENCH_BENCH_LIVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"

/* A live subscriber and its publisher: a process of their own, so that their delays are the hub's.
 */
struct bench_live {
    pid_t pid; /* 0 = none */
    int fd;
};

/* Forks, publishes CONFIG's `live` messages a second to the topic behind CONFIG's topics, and
 * returns when the subscriber is there; says why not. */
MUST_CHECK enum bench_exit live_start(struct bench_live *l, const struct bench_config *config,
                                      const struct http_place *place);
/* The delays from publishing to delivery since the last call. False: something was lost. */
MUST_CHECK bool live_take(struct bench_live *l, struct bench_histogram *ret);
void live_stop(struct bench_live *l);

#endif
