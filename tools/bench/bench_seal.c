/* The mode seal: how fast records of TLS are sealed when nothing else is done, which is what no
 * hub's TLS can be faster than. */
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_modes.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_report.h"
#include "tools/client/tls_seal.h"

enum { AT_ONCE = 1000 }; /* records between looks at the clock */

static enum bench_exit report(const struct bench_config *c, const struct bench_cpu *used,
                              double records)
{
    struct bench_report r = {0};
    double us = (double)used->total / 1e3;
    report_text(&r, "mode", "mode", "seal");
    report_number(&r, "size", "bytes of a record", (double)c->size, 0, "");
    report_number(&r, "records", "records sealed", records, 0, "");
    report_number(&r, "seal_cpu_us", "CPU for each", us / records, 3, "us");
    report_number(&r, "sealed_mb_per_s", "", records * (double)c->size / us, 0, "MB/s");
    return report_print(&r, c->json);
}

static enum bench_exit run(const struct bench_config *c, struct tls_sealer *s)
{
    struct bench_cpu from, to;
    uint64_t records = 0, end = bench_now() + c->seconds * BENCH_SECOND;
    if (process_cpu(0, &from))
        return BENCH_FAILED;
    while (bench_now() < end && !loop_interrupted())
        for (int i = 0; i < AT_ONCE; i++, records++)
            if (tls_sealer_seal(s, c->size))
                return BENCH_FAILED;
    if (process_cpu(0, &to))
        return BENCH_FAILED;
    to.total -= from.total;
    return report(c, &to, (double)records);
}

enum bench_exit bench_seal(const struct bench_config *config)
{
    struct tls_sealer *s;
    if (tls_sealer_create(&s))
        return BENCH_FAILED;
    enum bench_exit status = run(config, s);
    tls_sealer_destroy(s);
    return status;
}
