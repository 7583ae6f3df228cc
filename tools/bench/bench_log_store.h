/* What the hub's log takes. */
#ifndef TOOLS_BENCH_BENCH_LOG_STORE_H
#define TOOLS_BENCH_BENCH_LOG_STORE_H

#include "base/err.h"
#include "tools/bench/bench_log_result.h"

/* Appends to the hub's log, as the errors of storage/store.h. */
MUST_CHECK enum err log_store_append(struct log_run *run, struct log_result *ret);

#endif
