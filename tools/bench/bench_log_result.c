
#include "tools/bench/bench_log_result.h"

#include <string.h>
#include <time.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_process.h"

static uint64_t cpu_now(void)
{
    struct bench_cpu cpu;
    return process_cpu(0, &cpu) ? 0 : cpu.total;
}

void log_result_begin(struct log_result *r)
{
    memset(r, 0, sizeof(*r));
    r->cpu_start = cpu_now();
    r->start = bench_now();
}

void log_result_add(struct log_result *r, uint64_t messages, uint64_t began)
{
    uint64_t now = bench_now();
    r->messages += messages;
    r->time = now - r->start;
    histogram_add(&r->commits, now - began);
}

bool log_result_enough(const struct log_result *r, const struct bench_config *c)
{
    return r->messages >= c->count || r->time >= c->seconds * BENCH_SECOND || loop_interrupted();
}

void log_result_pace(const struct log_result *r, const struct bench_config *c)
{
    if (!c->rate)
        return;
    uint64_t due = r->start + r->messages * BENCH_SECOND / c->rate;
    struct timespec at = {.tv_sec = (time_t)(due / BENCH_SECOND),
                          .tv_nsec = (long)(due % BENCH_SECOND)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

void log_result_end(struct log_result *r)
{
    r->cpu = cpu_now() - r->cpu_start;
}
