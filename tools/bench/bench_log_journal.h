/* What the group journal takes: what stands before the hub's log. */
#ifndef TOOLS_BENCH_BENCH_LOG_JOURNAL_H
#define TOOLS_BENCH_BENCH_LOG_JOURNAL_H

#include "base/err.h"
#include "tools/bench/bench_log_result.h"

/* Packs groups and appends them to a journal, without any log behind it. Errors: as journal_create
 * and journal_append. */
MUST_CHECK enum err log_journal_append(struct log_run *run, struct log_result *ret);

#endif
