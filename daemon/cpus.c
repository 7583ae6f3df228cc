#include "daemon/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CPU_SET_BYTES = 8192 }; /* 65536 processors */

/* --- affinity --- */

static unsigned by_affinity(void)
{
    cpu_set_t *set = calloc(1, CPU_SET_BYTES);
    int n = 0;
    if (set && sched_getaffinity(0, CPU_SET_BYTES, set) == 0)
        n = CPU_COUNT_S(CPU_SET_BYTES, set);
    free(set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : online > 0 ? (unsigned)online : 1;
}

/* --- quota --- */

/* Reads two words of the file DIR/NAME; false when it is not there or has none. */
static bool read_words(const char *dir, const char *name, char first[32], char second[32])
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = n > 0 && (size_t)n < sizeof(path) ? fopen(path, "re") : NULL;
    *second = '\0';
    bool read = f && fscanf(f, "%31s %31s", first, second) >= 1;
    if (f)
        fclose(f);
    return read;
}

/* Processors that QUOTA us in each PERIOD us are worth, 0 = any number ("max", "-1"). */
static unsigned worth(const char *quota, const char *period)
{
    long long q = strtoll(quota, NULL, 10), p = strtoll(period, NULL, 10);
    if (q <= 0 || p <= 0)
        return 0;
    long long n = q / p + (q % p != 0);
    return n < INT_MAX ? (unsigned)n : 0;
}

static unsigned quota_at(const char *dir)
{
    char quota[32], period[32];
    if (read_words(dir, "cpu.max", quota, period))
        return worth(quota, period);
    char unused[32];
    if (read_words(dir, "cpu.cfs_quota_us", quota, unused) &&
        read_words(dir, "cpu.cfs_period_us", period, unused))
        return worth(quota, period);
    return 0;
}

/* The smallest of those at ROOT/GROUP and above it, up to ROOT. Cuts GROUP. */
static unsigned smallest_quota(const char *root, char *group)
{
    unsigned least = 0;
    for (;;) {
        char dir[PATH_MAX];
        int n = snprintf(dir, sizeof(dir), "%s%s", root, group);
        unsigned here = n > 0 && (size_t)n < sizeof(dir) ? quota_at(dir) : 0;
        if (here && (!least || here < least))
            least = here;
        char *end = strrchr(group, '/');
        if (!end)
            return least;
        *end = '\0';
    }
}

/* Whether the comma separated LIST of controllers has "cpu". */
static bool has_cpu(const char *list)
{
    for (const char *at = list; *at; at += *at == ',') {
        size_t n = strcspn(at, ",");
        if (n == 3 && memcmp(at, "cpu", 3) == 0)
            return true;
        at += n;
    }
    return false;
}

/* A line of /proc/self/cgroup: `HIERARCHY:CONTROLLERS:GROUP`. */
static unsigned quota_of_line(char *line, const char *cgroup)
{
    char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
    if (!group)
        return 0;
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    list++;
    if (!*list)
        return smallest_quota(cgroup, group);
    if (!has_cpu(list))
        return 0;
    char root[PATH_MAX];
    int n = snprintf(root, sizeof(root), "%s/%s", cgroup, list);
    return n > 0 && (size_t)n < sizeof(root) ? smallest_quota(root, group) : 0;
}

unsigned cpus_by_quota(const char *proc, const char *cgroup)
{
    char path[PATH_MAX], line[PATH_MAX];
    unsigned least = 0;
    snprintf(path, sizeof(path), "%s/self/cgroup", proc);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f)) {
        unsigned here = quota_of_line(line, cgroup);
        if (here && (!least || here < least))
            least = here;
    }
    if (f)
        fclose(f);
    return least;
}

unsigned cpus_usable(void)
{
    unsigned n = by_affinity(), quota = cpus_by_quota("/proc", "/sys/fs/cgroup");
    return quota && quota < n ? quota : n;
}
