/* What the disk and bare LMDB take: what the log is compared with. */
#ifndef TOOLS_BENCH_BENCH_LOG_BARE_H
#define TOOLS_BENCH_BENCH_LOG_BARE_H

#include "base/err.h"
#include "tools/bench/bench_log_result.h"

/* Appends 4 KiB to a file and syncs it, over and over. ERR_IO, ERR_NOSPACE. */
MUST_CHECK enum err log_bare_fdatasync(struct log_run *run, struct log_result *ret);
/* Appends to an LMDB database with integer keys and nothing else. ERR_IO, ERR_NOSPACE. */
MUST_CHECK enum err log_bare_append(struct log_run *run, struct log_result *ret);

#endif
