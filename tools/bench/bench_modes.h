/* The modes, each in the file of its name. */
#ifndef TOOLS_BENCH_BENCH_MODES_H
#define TOOLS_BENCH_BENCH_MODES_H

#include "base/err.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"

MUST_CHECK enum bench_exit bench_fanout(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_publish(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_log(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_fill(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_replay(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_handshake(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_seal(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_token(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_resume(const struct bench_config *config);

#endif
