#include "tools/bench/bench_transports.h"

#include "tools/bench/bench_args.h"
#include "tools/bench/bench_publisher.h"
#include "tools/bench/bench_subscriber.h"

const struct bench_protocol *bench_protocol_of(enum bench_transport t)
{
    static const struct bench_protocol *const protocols[BENCH_TRANSPORTS] = {
        [BENCH_WS] = &bench_ws,
        [BENCH_SSE] = &bench_sse,
        [BENCH_POLL] = &bench_poll,
        [BENCH_RESP] = &bench_resp,
    };
    return protocols[t];
}

const struct publish_protocol *bench_publish_protocol_of(enum bench_publish_by by)
{
    static const struct publish_protocol *const protocols[BENCH_PUBLISH_BYS] = {
        [BENCH_BY_RESP] = &publish_resp,
        [BENCH_BY_HTTP] = &publish_http,
        [BENCH_BY_WS] = &publish_ws,
    };
    return protocols[by];
}
