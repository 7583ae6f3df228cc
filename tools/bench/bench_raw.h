/* The server that the mode raw measures. */
#ifndef TOOLS_BENCH_BENCH_RAW_H
#define TOOLS_BENCH_BENCH_RAW_H

#include <sys/types.h>

#include "base/err.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"

/* The server that raw measures: a process of its own. In the mode replay it has `count` messages of
 * each topic for each subscriber. */
struct raw_server {
    pid_t pid;
    char socket[64];
    struct http_place place;
};

/* Forks. ERR_IO. */
MUST_CHECK enum err raw_server_start(struct raw_server *r, const struct bench_config *config);
void raw_server_stop(struct raw_server *r);

#endif
