/* Figures as a table and as JSON, and how fast something goes. */
#ifndef TOOLS_BENCH_BENCH_REPORT_H
#define TOOLS_BENCH_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_process.h"

enum { REPORT_ROWS_MAX = 64, REPORT_KEY_SIZE = 48, REPORT_NOTE_SIZE = 96 };

struct report_row {
    char key[REPORT_KEY_SIZE]; /* in JSON */
    const char *label;         /* in the table; NULL = JSON only */
    const char *unit;
    const char *text; /* instead of a number */
    double number;    /* NaN = not known */
    int decimals;
    char note[REPORT_NOTE_SIZE]; /* in the table, behind the unit */
};

struct bench_report {
    size_t count;
    struct report_row rows[REPORT_ROWS_MAX];
};

/* Each adds a row. KEY is copied; the other texts are borrowed. */
void report_text(struct bench_report *r, const char *key, const char *label, const char *text);
void report_number(struct bench_report *r, const char *key, const char *label, double number,
                   int decimals, const char *unit);
/* Rows PREFIX_p50_ms, _p90_, _p99_, _p999_ and _max_, in the table one line. */
void report_latency(struct bench_report *r, const char *prefix, const char *label,
                    const struct bench_histogram *h);
/* What happened between the two cost: the server for each of COUNT, as row KEY, and both in all. */
void report_cpu(struct bench_report *r, const char *key, const struct bench_moment *from,
                const struct bench_moment *to, double count);
/* Writes behind the last row. */
void report_note(struct bench_report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints to standard output. BENCH_FAILED when that fails. */
MUST_CHECK enum bench_exit report_print(const struct bench_report *r, bool json);

enum { PROGRESS_STEPS = 4 }; /* of a second */

/* When to show it, and how fast something is counted up. Zeroed before. */
struct bench_pace {
    uint64_t times[PROGRESS_STEPS], counts[PROGRESS_STEPS]; /* a ring */
    uint32_t steps;
};

/* Whether the line is due, four times a second; *RET_RATE: how much was added to COUNT in the last
 * second, for each second. */
bool pace_step(struct bench_pace *p, uint64_t now, uint64_t count, double *ret_rate);

#endif
