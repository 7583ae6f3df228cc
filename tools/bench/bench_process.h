/* CPU time and memory of a process. */
#ifndef TOOLS_BENCH_BENCH_PROCESS_H
#define TOOLS_BENCH_BENCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct bench_cpu {
    uint64_t total; /* ns */
    uint64_t user_ticks, kernel_ticks;
};

/* All threads since the process began. PID 0: this process. ERR_NOT_FOUND. */
MUST_CHECK enum err process_cpu(pid_t pid, struct bench_cpu *ret);
/* Which part of what was used between the two was used in the kernel; NaN if nothing was. */
double process_kernel_share(const struct bench_cpu *from, const struct bench_cpu *to);

/* Server and load at one moment. */
struct bench_moment {
    uint64_t time;
    struct bench_cpu server, self; /* zero = not known */
};

/* SERVER 0: none is known. */
void moment_take(struct bench_moment *m, pid_t server);

/* Adds to SUM, zero at first, what happened between the two. */
void moment_add(struct bench_moment *sum, const struct bench_moment *from,
                const struct bench_moment *to);

/* Bytes of memory that belong to it, shared pages in part. ERR_NOT_FOUND, ERR_ACCESS. */
MUST_CHECK enum err process_pss(pid_t pid, uint64_t *ret);
/* Makes room for N descriptors. ERR_LIMIT. */
MUST_CHECK enum err process_allow_files(uint64_t n);
/* No more slack in this thread's timers. */
void process_exact_timers(void);

#endif
