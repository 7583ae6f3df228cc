/* The mode log: the disk, bare LMDB and the hub's log, one after the other in throw-away folders.
 */
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_log_bare.h"
#include "tools/bench/bench_log_journal.h"
#include "tools/bench/bench_log_store.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_modes.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_report.h"

enum { OPEN_FOLDERS = 4 };

static double per_second(const struct log_result *r)
{
    return r->time ? (double)r->messages * 1e9 / (double)r->time : (double)NAN;
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *f)
{
    (void)s;
    (void)type;
    (void)f;
    return remove(path);
}

static enum err make_folder(struct log_run *run)
{
    const char *parent = run->config->dir;
    if ((size_t)snprintf(run->path, sizeof(run->path), "%s/longwire-bench-XXXXXX", parent) >=
        sizeof(run->path))
        return ERR_TOO_LARGE;
    if (mkdtemp(run->path))
        return ERR_OK;
    bench_say("cannot make a folder in %s: %s", parent, strerror(errno));
    return ERR_IO;
}

typedef enum err measurement(struct log_run *run, struct log_result *ret);

/* Runs ONE in a folder of its own, which is removed, with what ONE left in it, unless it fails. */
static enum err in_folder(struct log_run *run, const char *what, measurement *one,
                          struct log_result *ret)
{
    progress("%s", what);
    enum err e = make_folder(run);
    if (e)
        return e;
    e = one(run, ret);
    if (e)
        bench_say("%s: %s", what, err_text(e));
    nftw(run->path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    return e;
}

/* --- the rows --- */

/* What is measured, in the order of the table. What is not bare LMDB is compared with that, as it
 * was measured before it. */
static const struct row {
    const char *key, *label;
    measurement *append;
    bool synced;
    bool many; /* all topics, else one */
} rows[] = {
    {"lmdb_sync", "bare LMDB, synced", log_bare_append, true, false},
    {"journal_sync", "journal, synced, 1 topic", log_journal_append, true, false},
    {"store_sync_1", "log, synced, 1 topic", log_store_append, true, false},
    {"store_sync", "log, synced, all topics", log_store_append, true, true},
    {"lmdb_nosync", "bare LMDB, not synced", log_bare_append, false, false},
    {"journal_nosync", "journal, not synced, 1 topic", log_journal_append, false, false},
    {"store_nosync_1", "log, not synced, 1 topic", log_store_append, false, false},
    {"store_nosync", "log, not synced, all topics", log_store_append, false, true},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool is_bare(const struct row *row)
{
    return row->append == log_bare_append;
}

/* Row KEY_NAME. */
static void put(struct bench_report *r, const char *key, const char *name, const char *label,
                double number, int decimals, const char *unit)
{
    char whole[REPORT_KEY_SIZE];
    snprintf(whole, sizeof(whole), "%s_%s", key, name);
    report_number(r, whole, label, number, decimals, unit);
}

static double cpu_us(const struct log_result *l)
{
    return (double)l->cpu / 1e3 / (double)l->messages;
}

static void report_append(struct bench_report *r, const struct row *row, const struct log_result *l,
                          const struct log_result *bare)
{
    double p50 = (double)histogram_percentile(&l->commits, 50) / 1e6;
    double ratio = per_second(l) / per_second(bare), cpu_ratio = cpu_us(bare) / cpu_us(l);
    put(r, row->key, "p50_ms", NULL, p50, 3, "ms");
    put(r, row->key, "cpu_us", NULL, cpu_us(l), 3, "us");
    put(r, row->key, "ratio", NULL, ratio, 2, "");
    put(r, row->key, "cpu_ratio", NULL, cpu_ratio, 2, "");
    put(r, row->key, "per_s", row->label, per_second(l), 0, "/s");
    if (!is_bare(row))
        report_note(r, "commit %8.3f ms  CPU %.3f us  %.2f of bare (by CPU %.2f)", p50, cpu_us(l),
                    ratio, cpu_ratio);
    else
        report_note(r, "commit %8.3f ms  CPU %.3f us", p50, cpu_us(l));
}

static enum err measure_append(struct log_run *run, const struct row *row, struct bench_report *r,
                               struct log_result *bare)
{
    static struct log_result result;
    struct log_result *l = is_bare(row) ? bare : &result;
    run->synced = row->synced;
    run->topics = row->many ? (uint32_t)run->config->topics : 1;
    enum err e = in_folder(run, row->label, row->append, l);
    if (!e)
        report_append(r, row, l, bare);
    return e;
}

static enum err measure_disk(struct log_run *run, struct bench_report *r)
{
    static struct log_result disk;
    enum err e = in_folder(run, "fdatasync", log_bare_fdatasync, &disk);
    if (e)
        return e;
    report_latency(r, "fdatasync", "write of 4 KiB and fdatasync", &disk.commits);
    report_number(r, "fdatasync_per_s", "", per_second(&disk), 0, "/s");
    return ERR_OK;
}

static enum err measure(struct log_run *run, struct bench_report *r)
{
    static struct log_result bare;
    enum err e = measure_disk(run, r);
    for (size_t i = 0; i < ROWS && !e && !loop_interrupted(); i++)
        if (rows[i].synced || !run->config->synced)
            e = measure_append(run, &rows[i], r, &bare);
    return e;
}

enum bench_exit bench_log(const struct bench_config *config)
{
    struct log_run run = {.config = config};
    struct bench_report r = {0};
    report_text(&r, "mode", "mode", "log");
    report_number(&r, "size", "payload", (double)config->size, 0, "bytes");
    report_number(&r, "batch", "a commit", (double)config->batch, 0, "messages");
    report_number(&r, "topics", "topics, if not one", (double)config->topics, 0, "");
    if (measure(&run, &r)) {
        progress_clear();
        return BENCH_FAILED;
    }
    return report_print(&r, config->json);
}
