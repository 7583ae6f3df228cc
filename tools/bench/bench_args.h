/* What the command line says. */
#ifndef TOOLS_BENCH_BENCH_ARGS_H
#define TOOLS_BENCH_BENCH_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/bench/bench.h"

enum bench_mode {
    BENCH_FANOUT,
    BENCH_RAW,
    BENCH_PUBLISH,
    BENCH_LOG,
    BENCH_FILL,
    BENCH_REPLAY,
    BENCH_RESUME,
    BENCH_HANDSHAKE,
    BENCH_SEAL,
    BENCH_TOKEN,
    BENCH_MODES,
};

enum bench_transport { BENCH_WS, BENCH_SSE, BENCH_POLL, BENCH_RESP, BENCH_TRANSPORTS };

/* How publishers publish: PUBLISH on the local socket, POST, or `publish` over a WebSocket. */
enum bench_publish_by { BENCH_BY_RESP, BENCH_BY_HTTP, BENCH_BY_WS, BENCH_PUBLISH_BYS };

extern const char *const bench_mode_names[BENCH_MODES];
extern const char *const bench_transport_names[BENCH_TRANSPORTS];
extern const char *const bench_publish_by_names[BENCH_PUBLISH_BYS];

/* What the command line says; texts are borrowed from argv. Each mode uses some of it. */
struct bench_config {
    enum bench_mode mode;
    uint64_t transport;  /* enum bench_transport */
    uint64_t publish_by; /* enum bench_publish_by */
    uint64_t subscribers, topics, publishers;
    uint64_t further;    /* topics of a subscriber to which nothing is published */
    uint64_t stuck;      /* of the subscribers: they never read */
    uint64_t streams;    /* subscribers of one connection, over HTTP/2; 0 = HTTP/1.1 */
    uint64_t rate;       /* messages a second in all; 0 = as fast as possible */
    uint64_t seconds;    /* of measuring */
    uint64_t warmup_ms;  /* of publishing before that */
    uint64_t drain_s;    /* longest wait for what is under way at the end */
    uint64_t size;       /* bytes of a payload */
    uint64_t pipeline;   /* publishes of one connection that wait for their answer */
    uint64_t window;     /* rate 0: messages that not all subscribers have got; 0 = no limit */
    uint64_t count;      /* messages */
    uint64_t batch;      /* log, fill: messages of one commit */
    uint64_t share;      /* fill: each so many-th message is of topic 0 */
    uint64_t rounds;     /* replay: how often all is read */
    uint64_t live;       /* replay: messages a second of the live subscriber; 0 = none */
    uint64_t last;       /* resume: so many messages from the end */
    uint64_t pid;        /* of the hub; 0 = whoever has the local socket */
    uint64_t server_cpu; /* raw: where the server runs, CPU_ANY = anywhere */
    bool raw;            /* bare payloads, else envelopes */
    bool browser;        /* fanout: requests as long as a browser's */
    bool batched;        /* raw: one write for all that has arrived */
    bool spin;           /* never sleep */
    bool synced;         /* log: only what is synced */
    bool bare;           /* replay: from the raw server */
    bool tls;            /* whatever the URL says */
    bool tls_resume;     /* connections go on with the session of the first */
    bool hold;           /* handshake: all stay open until the end */
    bool plain;          /* handshake: connect only */
    bool quiet;
    bool json;
    bool help;
    const char *url, *socket, *dir, *filter, *key;
};

enum { BENCH_CPU_ANY = 1023 };

/* Fills *RET from the words behind the mode's name (ARGV[0]); says what is wrong. BENCH_USAGE. */
MUST_CHECK enum bench_exit bench_args_parse(struct bench_config *ret, enum bench_mode mode,
                                            int argc, char **argv);
/* Appends one line for each option of MODE. */
void bench_args_help(struct buf *out, enum bench_mode mode);

#endif
