/* What /proc and the clocks know about a process. */
#include "tools/bench/bench_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/bench/bench.h"

/* The clock tick's counters, which alone tell user and kernel apart. */
static enum err read_ticks(pid_t pid, struct bench_cpu *ret)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)(pid ? pid : getpid()));
    FILE *f = fopen(path, "re");
    if (!f)
        return ERR_NOT_FOUND;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *p = strrchr(text, ')'); /* the name may hold anything */
    if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                     &ret->user_ticks, &ret->kernel_ticks) != 2)
        return ERR_NOT_FOUND;
    return ERR_OK;
}

enum err process_cpu(pid_t pid, struct bench_cpu *ret)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
        return ERR_NOT_FOUND;
    ret->total = (uint64_t)t.tv_sec * BENCH_SECOND + (uint64_t)t.tv_nsec;
    return read_ticks(pid, ret);
}

double process_kernel_share(const struct bench_cpu *from, const struct bench_cpu *to)
{
    double user = (double)(to->user_ticks - from->user_ticks);
    double kernel = (double)(to->kernel_ticks - from->kernel_ticks);
    return kernel / (user + kernel);
}

void moment_take(struct bench_moment *m, pid_t server)
{
    *m = (struct bench_moment){.time = bench_now()};
    if (server && process_cpu(server, &m->server))
        m->server = (struct bench_cpu){0};
    if (process_cpu(0, &m->self))
        m->self = (struct bench_cpu){0};
}

static void cpu_add(struct bench_cpu *sum, const struct bench_cpu *from, const struct bench_cpu *to)
{
    sum->total += to->total - from->total;
    sum->user_ticks += to->user_ticks - from->user_ticks;
    sum->kernel_ticks += to->kernel_ticks - from->kernel_ticks;
}

void moment_add(struct bench_moment *sum, const struct bench_moment *from,
                const struct bench_moment *to)
{
    sum->time += to->time - from->time;
    cpu_add(&sum->server, &from->server, &to->server);
    cpu_add(&sum->self, &from->self, &to->self);
}

enum err process_pss(pid_t pid, uint64_t *ret)
{
    char path[64], line[256];
    uint64_t kib;
    enum err e = ERR_ACCESS;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return errno == EACCES || errno == EPERM ? ERR_ACCESS : ERR_NOT_FOUND;
    while (e && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "Pss: %" SCNu64 " kB", &kib) == 1) {
            *ret = kib * 1024;
            e = ERR_OK;
        }
    }
    fclose(f);
    return e;
}

enum err process_allow_files(uint64_t n)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        return ERR_LIMIT;
    if (r.rlim_cur >= n)
        return ERR_OK;
    r.rlim_cur = n;
    if (r.rlim_max < n)
        r.rlim_max = n; /* root may */
    return setrlimit(RLIMIT_NOFILE, &r) ? ERR_LIMIT : ERR_OK;
}

void process_exact_timers(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}
