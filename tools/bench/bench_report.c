/* Figures as a table or as one JSON object. */
#include "tools/bench/bench_report.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"

enum { LABEL_WIDTH = 34, NUMBER_WIDTH = 15, LATENCIES = 5 };

bool pace_step(struct bench_pace *p, uint64_t now, uint64_t count, double *ret_rate)
{
    uint32_t last = (p->steps + PROGRESS_STEPS - 1) % PROGRESS_STEPS;
    if (p->steps && now - p->times[last] < BENCH_SECOND / PROGRESS_STEPS)
        return false;
    uint32_t oldest = p->steps < PROGRESS_STEPS ? 0 : p->steps % PROGRESS_STEPS;
    double time = (double)(now - p->times[oldest]);
    *ret_rate = p->steps ? (double)(count - p->counts[oldest]) * 1e9 / time : 0;
    uint32_t at = p->steps++ % PROGRESS_STEPS;
    p->times[at] = now;
    p->counts[at] = count;
    return true;
}

static struct report_row *add(struct bench_report *r, const char *key, const char *label)
{
    assert(r->count < REPORT_ROWS_MAX);
    struct report_row *row = &r->rows[r->count++];
    *row = (struct report_row){.label = label, .unit = ""};
    snprintf(row->key, sizeof(row->key), "%s", key);
    return row;
}

void report_text(struct bench_report *r, const char *key, const char *label, const char *text)
{
    add(r, key, label)->text = text;
}

void report_number(struct bench_report *r, const char *key, const char *label, double number,
                   int decimals, const char *unit)
{
    struct report_row *row = add(r, key, label);
    row->number = isfinite(number) ? number : (double)NAN; /* so many a second in no time */
    row->decimals = decimals;
    row->unit = unit;
}

void report_note(struct bench_report *r, const char *fmt, ...)
{
    struct report_row *row = &r->rows[r->count - 1];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(row->note, sizeof(row->note), fmt, ap);
    va_end(ap);
}

void report_latency(struct bench_report *r, const char *prefix, const char *label,
                    const struct bench_histogram *h)
{
    static const double percents[LATENCIES] = {50, 90, 99, 99.9, 100};
    static const char *const names[LATENCIES] = {"p50", "p90", "p99", "p999", "max"};
    double ms[LATENCIES];
    for (size_t i = 0; i < LATENCIES; i++) {
        char key[REPORT_KEY_SIZE];
        ms[i] = h->count ? (double)histogram_percentile(h, percents[i]) / 1e6 : (double)NAN;
        snprintf(key, sizeof(key), "%s_%s_ms", prefix, names[i]);
        report_number(r, key, i == 0 ? label : NULL, ms[i], 3, "ms");
    }
    struct report_row *first = &r->rows[r->count - LATENCIES];
    snprintf(first->note, sizeof(first->note), "p50  (p90 %.3f, p99 %.3f, p99.9 %.3f, max %.3f)",
             ms[1], ms[2], ms[3], ms[4]);
}

void report_cpu(struct bench_report *r, const char *key, const struct bench_moment *from,
                const struct bench_moment *to, double count)
{
    double time = (double)(to->time - from->time);
    double server = (double)(to->server.total - from->server.total);
    double self = (double)(to->self.total - from->self.total);
    if (!to->server.total)
        server = (double)NAN;
    report_number(r, key, "server's CPU for each", server / count / 1e3, 3, "us");
    report_number(r, "cpu_kernel_percent", "of it in the kernel",
                  100 * process_kernel_share(&from->server, &to->server), 0, "%");
    report_number(r, "server_cpu_percent", "server's CPU", 100 * server / time, 1, "%");
    report_number(r, "load_cpu_percent", "this program's CPU", 100 * self / time, 1, "%");
}

/* With a comma between each three digits. */
static void put_number(struct buf *out, double number, int decimals)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%.*f", decimals, number);
    const char *point = strchr(text, '.');
    size_t whole = point ? (size_t)(point - text) : (size_t)n;
    size_t sign = text[0] == '-' ? 1 : 0;
    for (size_t i = 0; i < whole; i++) {
        if (i > sign && (whole - i) % 3 == 0)
            buf_putc(out, ',');
        buf_putc(out, text[i]);
    }
    if (point)
        buf_puts(out, point);
}

static void put_value(struct buf *out, const struct report_row *row)
{
    if (row->text)
        buf_puts(out, row->text);
    else if (isnan(row->number))
        buf_putc(out, '-');
    else
        put_number(out, row->number, row->decimals);
}

static void put_row(struct buf *out, const struct report_row *row)
{
    struct buf value = {0};
    put_value(&value, row);
    buf_printf(out, "  %-*s%*.*s", LABEL_WIDTH, row->label, NUMBER_WIDTH, (int)value.len,
               value.data ? value.data : "");
    if (row->unit[0])
        buf_printf(out, " %s", row->unit);
    if (row->note[0])
        buf_printf(out, "  %s", row->note);
    buf_putc(out, '\n');
    buf_finish(&value);
}

static void put_table(struct buf *out, const struct bench_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->rows[i].label)
            put_row(out, &r->rows[i]);
    }
}

/* Keys and texts are words of this program: nothing is to be escaped. */
static void put_json(struct buf *out, const struct bench_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct report_row *row = &r->rows[i];
        buf_printf(out, "%c\"%s\":", i == 0 ? '{' : ',', row->key);
        if (row->text)
            buf_printf(out, "\"%s\"", row->text);
        else if (isnan(row->number))
            buf_puts(out, "null");
        else
            buf_printf(out, "%.*f", row->decimals, row->number);
    }
    buf_puts(out, "}\n");
}

enum bench_exit report_print(const struct bench_report *r, bool json)
{
    struct buf out = {0};
    progress_clear();
    if (json)
        put_json(&out, r);
    else
        put_table(&out, r);
    bool done =
        !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_finish(&out);
    if (!done)
        bench_say("cannot write the report to standard output");
    return done ? BENCH_OK : BENCH_FAILED;
}
