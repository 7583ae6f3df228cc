/*
 * What all files of longwire-bench share: exit codes, limits, time. The others are:
 *
 *     longwire-bench.c      the modes, help
 *     bench_args.*          options
 *     bench_loop.*          epoll
 *     bench_mark.*          what is in a payload: number and time
 *     bench_histogram.*     latencies
 *     bench_publisher.*     publishers: connecting, sending, answers
 *     bench_publisher_resp.c, …_http.c, …_ws.c    what they send and read
 *     bench_subscriber.*    the set of subscribers: connecting, reading, checking
 *     bench_ws.c, bench_sse.c, bench_poll.c, bench_resp.c, bench_http.c    what they read
 *     bench_h2.c            connections of HTTP/2 that several subscribers share
 *     bench_transports.*    which of these an option names
 *     bench_connect.*       where the hub is, and sockets to it
 *     bench_wire.*          connections of a client, with TLS or without
 *     bench_process.*       CPU time and memory of a process
 *     bench_report.*        figures as a table and as JSON
 *     bench_progress.*      what is said on standard error
 *     bench_fanout.c        the modes fanout and raw
 *     bench_raw.*           the server that raw measures
 *     bench_publish.c       the mode publish
 *     bench_log*            the mode log
 *     bench_fill.c          the mode fill
 *     bench_replay.c        the mode replay
 *     bench_live.*          a live subscriber beside it
 *     bench_resume.c        the mode resume
 *     bench_handshake.c     the mode handshake
 *     bench_seal.c          the mode seal
 *     bench_token.c         the mode token
 *
 * One thread. Times are nanoseconds of the monotonic clock unless a name says otherwise. Nothing
 * but base/ is shared with the hub (the modes log and fill measure storage/): what is measured must
 * not measure itself.
 */
#ifndef TOOLS_BENCH_BENCH_H
#define TOOLS_BENCH_BENCH_H

#include <stdint.h>
#include <time.h>

/* Exit codes, part of the interface (longwire-bench(1)). */
enum bench_exit {
    BENCH_OK = 0,
    BENCH_FAILED = 1, /* messages were lost, repeated or refused, or this program failed */
    BENCH_USAGE = 2,
    BENCH_LOST = 3, /* cannot connect, or not subscribe */
};

#define BENCH_DEFAULT_SOCKET "/run/longwire/longwire.sock"

enum {
    BENCH_SIZE_MAX = 16 << 20, /* bytes of a payload */
    BENCH_SUBSCRIBERS_MAX = 1000000,
    BENCH_TOPICS_MAX = 1000000,
    BENCH_FURTHER_MAX = 100,   /* topics of a subscriber besides its own */
    BENCH_FURTHER_POOL = 1000, /* from which these are chosen */
    BENCH_PUBLISHERS_MAX = 1024,
    BENCH_PIPELINE_MAX = 65536,
    BENCH_STREAMS_MAX = 64 << 20, /* pairs of a subscriber, or a topic, and a publisher */
};

#define BENCH_SECOND UINT64_C(1000000000)
#define BENCH_MS     UINT64_C(1000000)

/* Topics are numbers here and "bench/%08x" on the wire: all the same length. */
enum { BENCH_TOPIC_LEN = 14 };
#define BENCH_TOPIC_PREFIX  "bench/"
#define BENCH_FURTHER_FIRST 0x80000000u

static inline uint64_t bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BENCH_SECOND + (uint64_t)t.tv_nsec;
}

#endif
