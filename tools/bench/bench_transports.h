/*
 * Which protocol stands for what the command line names: the one place that knows them all.
 */
#ifndef TOOLS_BENCH_BENCH_TRANSPORTS_H
#define TOOLS_BENCH_BENCH_TRANSPORTS_H

#include "tools/bench/bench_args.h"
#include "tools/bench/bench_publisher.h"

struct bench_protocol;
struct publish_protocol;

/* How subscribers get their messages. */
const struct bench_protocol *bench_protocol_of(enum bench_transport t);
/* How publishers send theirs. */
const struct publish_protocol *bench_publish_protocol_of(enum bench_publish_by by);

#endif
