/* Reading /proc (proc(5)) and writing what it says as JSON members. */
#include "demo/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_STEP = 16384 };  /* bytes asked for at once */
enum { SECTOR_BYTES = 512 }; /* of /proc/diskstats, whatever the disk's own */

/* The line after the one that P is in, or NULL. */
static const char *next_line(const char *p)
{
    const char *end = strchr(p, '\n');
    return end && end[1] ? end + 1 : NULL;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Reads up to MAX unsigned numbers of one line from P; returns how many there were. */
static size_t parse_numbers(const char *p, uint64_t *numbers, size_t max)
{
    size_t n = 0;
    while (n < max) {
        p += strspn(p, " \t");
        if (!isdigit((unsigned char)*p))
            break;
        char *end;
        numbers[n++] = strtoull(p, &end, 10);
        p = end;
    }
    return n;
}

/* user nice system idle iowait irq softirq steal; guest times are part of user's. */
static struct machine_cpu parse_cpu(const char *p)
{
    uint64_t t[8] = {0};
    size_t n = parse_numbers(p, t, 8);
    struct machine_cpu cpu = {0};
    for (size_t i = 0; i < n; i++)
        cpu.total += t[i];
    cpu.busy = cpu.total - t[3] - t[4];
    return cpu;
}

void machine_parse_stat(const char *text, struct machine_counters *c)
{
    c->cpu_count = 0;
    for (const char *line = text; line; line = next_line(line)) {
        if (starts_with(line, "cpu ")) {
            c->all_cpus = parse_cpu(line + 4);
        } else if (starts_with(line, "cpu") && c->cpu_count < MACHINE_CPUS_MAX) {
            c->cpu[c->cpu_count++] = parse_cpu(line + strcspn(line, " "));
        } else if (starts_with(line, "ctxt ")) {
            c->context_switches = strtoull(line + 5, NULL, 10);
        }
    }
}

void machine_parse_meminfo(const char *text, struct machine_gauges *g)
{
    uint64_t swap_total = 0, swap_free = 0;
    const struct {
        const char *name;
        uint64_t *value;
    } wanted[] = {
        {"MemTotal:", &g->memory_total}, {"MemAvailable:", &g->memory_available},
        {"Cached:", &g->memory_cached},  {"SwapTotal:", &swap_total},
        {"SwapFree:", &swap_free},
    };
    for (const char *line = text; line; line = next_line(line)) {
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            if (starts_with(line, wanted[i].name))
                *wanted[i].value = strtoull(line + strlen(wanted[i].name), NULL, 10) * 1024;
        }
    }
    g->swap_used = swap_total > swap_free ? swap_total - swap_free : 0;
}

void machine_parse_net(const char *text, struct machine_counters *c)
{
    c->net_received = c->net_sent = 0;
    for (const char *line = text; line; line = next_line(line)) {
        line += strspn(line, " ");
        const char *colon = line + strcspn(line, ":\n");
        uint64_t n[9]; /* received: bytes and 7 more; then sent bytes */
        if (*colon != ':' || parse_numbers(colon + 1, n, 9) < 9)
            continue;
        if (starts_with(line, "lo:")) {
            c->net_loopback = n[0];
        } else {
            c->net_received += n[0];
            c->net_sent += n[8];
        }
    }
}

/* Devices whose traffic is another one's, or no disk's at all. */
static bool is_virtual_disk(const char *name)
{
    static const char *const prefixes[] = {"loop", "ram", "zram", "dm-", "md", "sr", "fd"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (starts_with(name, prefixes[i]))
            return true;
    }
    return false;
}

/* sda1 of sda, nvme0n1p2 of nvme0n1; partitions follow their disk. */
static bool is_partition(const char *name, const char *disk)
{
    if (!*disk || !starts_with(name, disk))
        return false;
    const char *rest = name + strlen(disk);
    rest += *rest == 'p';
    return isdigit((unsigned char)*rest);
}

/* major minor name, then: reads, merged, sectors read, ms, writes, merged, sectors written. */
void machine_parse_disks(const char *text, struct machine_counters *c)
{
    char disk[64] = "";
    c->disk_read = c->disk_written = 0;
    for (const char *line = text; line; line = next_line(line)) {
        char name[64];
        int used = 0;
        uint64_t n[7];
        if (sscanf(line, " %*u %*u %63s%n", name, &used) < 1 || is_virtual_disk(name) ||
            is_partition(name, disk) || parse_numbers(line + used, n, 7) < 7)
            continue;
        snprintf(disk, sizeof(disk), "%s", name);
        c->disk_read += n[2] * SECTOR_BYTES;
        c->disk_written += n[6] * SECTOR_BYTES;
    }
}

void machine_parse_loadavg(const char *text, struct machine_gauges *g)
{
    struct machine_gauges read = *g;
    if (sscanf(text, "%lf %lf %lf %u/%u", &read.load[0], &read.load[1], &read.load[2],
               &read.running, &read.threads) == 5)
        *g = read;
}

/* The whole file into OUT, NUL-terminated. */
MUST_CHECK static enum err read_file(const char *path, struct buf *out)
{
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    buf_clear(out);
    do {
        char *room = buf_reserve(out, READ_STEP);
        if (!room)
            break;
        n = read(fd, room, READ_STEP);
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    close(fd);
    buf_putc(out, '\0');
    if (out->failed)
        return ERR_NOMEM;
    return n < 0 ? ERR_IO : ERR_OK;
}

/* A process is a directory of /proc whose name is a number. */
MUST_CHECK static enum err count_processes(unsigned *ret)
{
    DIR *dir = opendir("/proc");
    if (!dir)
        return ERR_IO;
    unsigned n = 0;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += isdigit((unsigned char)e->d_name[0]) != 0;
    closedir(dir);
    *ret = n;
    return ERR_OK;
}

/* Parses what can be read; returns the first error that is not a file's absence. */
MUST_CHECK static enum err read_all(struct machine *m, struct buf *text, const char **ret_file)
{
    enum { STAT, MEMINFO, LOADAVG, NET, DISKS, FILES };
    static const char *const paths[FILES] = {"/proc/stat", "/proc/meminfo", "/proc/loadavg",
                                             "/proc/net/dev", "/proc/diskstats"};
    for (int i = 0; i < FILES; i++) {
        enum err e = read_file(paths[i], text);
        bool hidden = e == ERR_IO && (i == NET || i == DISKS);
        *ret_file = paths[i];
        if (hidden)
            continue;
        if (e != ERR_OK)
            return e;
        switch (i) {
        case STAT:
            machine_parse_stat(text->data, &m->now);
            break;
        case MEMINFO:
            machine_parse_meminfo(text->data, &m->gauges);
            break;
        case LOADAVG:
            machine_parse_loadavg(text->data, &m->gauges);
            break;
        case NET:
            machine_parse_net(text->data, &m->now);
            break;
        case DISKS:
            machine_parse_disks(text->data, &m->now);
            break;
        }
    }
    *ret_file = "/proc";
    return count_processes(&m->gauges.processes);
}

enum err machine_read(struct machine *m, uint64_t at_ms, const char **ret_file)
{
    struct buf text = {0};
    m->before = m->now;
    m->now.at_ms = at_ms;
    enum err e = read_all(m, &text, ret_file);
    buf_finish(&text);
    return e;
}

/* Busy share of the time between two readings, in per cent. */
static double load_of(const struct machine_cpu *now, const struct machine_cpu *before)
{
    if (now->total <= before->total || now->busy < before->busy)
        return 0;
    double share =
        100.0 * (double)(now->busy - before->busy) / (double)(now->total - before->total);
    return share > 100 ? 100 : share;
}

/* Growth per second; 0 when the counter began anew (an interface or disk has gone). */
static uint64_t rate_of(const struct machine *m, uint64_t now, uint64_t before)
{
    uint64_t ms = m->now.at_ms - m->before.at_ms;
    return now > before && ms > 0 ? (now - before) * 1000 / ms : 0;
}

void machine_put_cpu(const struct machine *m, struct buf *out)
{
    buf_printf(out, "\"all\":%.1f,\"cpus\":[", load_of(&m->now.all_cpus, &m->before.all_cpus));
    for (unsigned i = 0; i < m->now.cpu_count; i++)
        buf_printf(out, "%s%.1f", i > 0 ? "," : "", load_of(&m->now.cpu[i], &m->before.cpu[i]));
    buf_putc(out, ']');
}

void machine_put_memory(const struct machine *m, struct buf *out)
{
    const struct machine_gauges *g = &m->gauges;
    uint64_t used =
        g->memory_total > g->memory_available ? g->memory_total - g->memory_available : 0;
    buf_printf(
        out, "\"total\":%" PRIu64 ",\"used\":%" PRIu64 ",\"cached\":%" PRIu64 ",\"swap\":%" PRIu64,
        g->memory_total, used, g->memory_cached, g->swap_used);
}

void machine_put_net(const struct machine *m, struct buf *out)
{
    const struct machine_counters *now = &m->now, *before = &m->before;
    buf_printf(out, "\"received\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"loopback\":%" PRIu64,
               rate_of(m, now->net_received, before->net_received),
               rate_of(m, now->net_sent, before->net_sent),
               rate_of(m, now->net_loopback, before->net_loopback));
}

void machine_put_disk(const struct machine *m, struct buf *out)
{
    const struct machine_counters *now = &m->now, *before = &m->before;
    buf_printf(out, "\"read\":%" PRIu64 ",\"written\":%" PRIu64,
               rate_of(m, now->disk_read, before->disk_read),
               rate_of(m, now->disk_written, before->disk_written));
}

void machine_put_system(const struct machine *m, struct buf *out)
{
    const struct machine_gauges *g = &m->gauges;
    buf_printf(out,
               "\"load\":[%.2f,%.2f,%.2f],\"running\":%u,\"threads\":%u,\"processes\":%u,"
               "\"switches\":%" PRIu64,
               g->load[0], g->load[1], g->load[2], g->running, g->threads, g->processes,
               rate_of(m, m->now.context_switches, m->before.context_switches));
}
