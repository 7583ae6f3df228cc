/* Reading histograms; adding to them is inline, in the header. */
#include "tools/bench/bench_histogram.h"

#include <math.h>
#include <string.h>

void histogram_clear(struct bench_histogram *h)
{
    memset(h, 0, sizeof(*h));
}

uint64_t histogram_upper(size_t i)
{
    if (i < (size_t)2 << HISTOGRAM_BITS)
        return i;
    unsigned shift = (unsigned)(i >> HISTOGRAM_BITS) - 1;
    uint64_t mantissa = i - ((size_t)shift << HISTOGRAM_BITS);
    return ((mantissa + 1) << shift) - 1;
}

/* Which of the values in ascending order, counted from 1. */
static uint64_t rank_of(const struct bench_histogram *h, double percent)
{
    double rank = ceil(percent / 100 * (double)h->count - 1e-6); /* 1e-6: the product is inexact */
    return rank < 1 ? 1 : (uint64_t)rank;
}

uint64_t histogram_percentile(const struct bench_histogram *h, double percent)
{
    if (h->count == 0)
        return 0;
    uint64_t left = rank_of(h, percent);
    size_t i = 0;
    while (i < HISTOGRAM_CELLS - 1 && h->cells[i] < left)
        left -= h->cells[i++];
    uint64_t upper = histogram_upper(i);
    return i == HISTOGRAM_CELLS - 1 || upper > h->max ? h->max : upper;
}
