/*
 * This machine's figures, as Linux tells them under /proc: what the demo publishes.
 *
 * Counters only ever grow; what is shown of them is the rate between two readings. Nothing here
 * knows topics or the hub.
 */
#ifndef DEMO_MACHINE_H
#define DEMO_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { MACHINE_CPUS_MAX = 512 }; /* those beyond count only in the total */

struct machine_cpu {
    uint64_t busy, total; /* clock ticks */
};

struct machine_counters {
    uint64_t at_ms; /* monotonic time of the reading */
    unsigned cpu_count;
    struct machine_cpu cpu[MACHINE_CPUS_MAX]; /* in the order of /proc/stat */
    struct machine_cpu all_cpus;
    uint64_t context_switches;
    uint64_t net_received, net_sent;  /* bytes, all interfaces but loopback */
    uint64_t net_loopback;            /* bytes received on loopback */
    uint64_t disk_read, disk_written; /* bytes, whole disks */
};

struct machine_gauges {
    uint64_t memory_total, memory_available, memory_cached; /* bytes */
    uint64_t swap_used;                                     /* bytes */
    double load[3];                                         /* averages over 1, 5 and 15 minutes */
    unsigned running, threads;                              /* runnable ones, all */
    unsigned processes;
};

struct machine {
    struct machine_counters now, before;
    struct machine_gauges gauges;
};

/* Reads everything at monotonic time AT_MS; what was `now` becomes `before`. ERR_IO when *RET_FILE
 * cannot be read, ERR_NOMEM. What a container hides (disks, network) stays 0. */
MUST_CHECK enum err machine_read(struct machine *m, uint64_t at_ms, const char **ret_file);

/* Each appends the members of one JSON object, without its braces. */
void machine_put_cpu(const struct machine *m, struct buf *out);
void machine_put_memory(const struct machine *m, struct buf *out);
void machine_put_net(const struct machine *m, struct buf *out);
void machine_put_disk(const struct machine *m, struct buf *out);
void machine_put_system(const struct machine *m, struct buf *out);

/* The parsers behind machine_read: TEXT is one file's whole content, NUL-terminated. What they do
 * not know they skip; what is not there leaves its field as it was. */
void machine_parse_stat(const char *text, struct machine_counters *c);
void machine_parse_meminfo(const char *text, struct machine_gauges *g);
void machine_parse_net(const char *text, struct machine_counters *c);
void machine_parse_disks(const char *text, struct machine_counters *c);
void machine_parse_loadavg(const char *text, struct machine_gauges *g);

#endif
