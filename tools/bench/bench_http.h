/* Questions by HTTP. */
#ifndef TOOLS_BENCH_BENCH_HTTP_H
#define TOOLS_BENCH_BENCH_HTTP_H

#include <stdint.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_connect.h"

/* Looks for a message of TOPIC in the log of the hub there. BENCH_FAILED: there is none,
 * BENCH_LOST: no connection; both say so. */
enum bench_exit http_find_messages(const struct http_place *place, uint32_t topic);

#endif
