/*
 * Histograms of latencies, log-linear as HdrHistogram's: values below 2^8 exactly, above that 2^7
 * steps in each power of two, which is an error below 0.8 %. Values of 2^41 ns (36 minutes) and
 * more count as that.
 */
#ifndef TOOLS_BENCH_BENCH_HISTOGRAM_H
#define TOOLS_BENCH_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_BITS = 7,
    HISTOGRAM_TOP_BITS = 41,
    HISTOGRAM_CELLS = (HISTOGRAM_TOP_BITS - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS,
};

struct bench_histogram {
    uint64_t count, max;
    uint64_t cells[HISTOGRAM_CELLS];
};

static inline size_t histogram_cell(uint64_t v)
{
    unsigned top = 63 - (unsigned)__builtin_clzll(v | 1);
    unsigned shift = top > HISTOGRAM_BITS ? top - HISTOGRAM_BITS : 0;
    size_t cell = ((size_t)shift << HISTOGRAM_BITS) + (size_t)(v >> shift);
    return cell < HISTOGRAM_CELLS ? cell : HISTOGRAM_CELLS - 1;
}

static inline void histogram_add(struct bench_histogram *h, uint64_t v)
{
    h->cells[histogram_cell(v)]++;
    h->count++;
    if (v > h->max)
        h->max = v;
}

void histogram_clear(struct bench_histogram *h);
/* The largest value that cell I counts. */
uint64_t histogram_upper(size_t i);
/* The value that PERCENT of all are not above (rounded up by the error, never above max); 0 when
 * there are none. */
uint64_t histogram_percentile(const struct bench_histogram *h, double percent);

#endif
