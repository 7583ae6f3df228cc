/* One measurement of the mode log, and what came of it. */
#ifndef TOOLS_BENCH_BENCH_LOG_RESULT_H
#define TOOLS_BENCH_BENCH_LOG_RESULT_H

#include <limits.h>

#include "tools/bench/bench_args.h"
#include "tools/bench/bench_histogram.h"

/* One measurement. */
struct log_run {
    const struct bench_config *config;
    char path[PATH_MAX]; /* an empty folder for it, removed afterwards */
    bool synced;
    uint32_t topics;
};

struct log_result {
    uint64_t start, time; /* until the last commit */
    uint64_t messages;
    struct bench_histogram commits; /* time of each */
    uint64_t cpu_start, cpu;        /* of this process */
};

/* Starts the clocks. */
void log_result_begin(struct log_result *r);
/* A commit of so many messages has ended; when it began. */
void log_result_add(struct log_result *r, uint64_t messages, uint64_t began);
/* Whether the count or the time is reached. */
bool log_result_enough(const struct log_result *r, const struct bench_config *c);
/* Sleeps until the next commit is due at the chosen rate: a disk that has been idle answers later
 * than one that is never left alone. */
void log_result_pace(const struct log_result *r, const struct bench_config *c);
/* Reads the CPU clock for the last time. */
void log_result_end(struct log_result *r);

#endif
