/* Publishers: connecting, sending, answers. Their protocols are in bench_publisher_*.c. */
#ifndef TOOLS_BENCH_BENCH_PUBLISHER_H
#define TOOLS_BENCH_BENCH_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_wire.h"

struct bench_publishers;
struct bench_publisher;

/* One way to publish. */
struct publish_protocol {
    bool local;   /* connects to the local socket, else to the URL */
    bool reopens; /* a connection on which nothing is unanswered may end at any time */
    /* Appends what is to be sent, and to be answered, before the first publish; NULL = nothing. */
    void (*greet)(const struct bench_publishers *set, struct buf *out);
    /* Makes SET's `command`, with a payload of SIZE bytes, and notes the places in it. */
    void (*form)(struct bench_publishers *set, size_t size);
    /* Has the last word on a command that is filled in; NULL = none. */
    void (*seal)(const struct bench_publishers *set, char *command, const struct bench_mark *m);
    /* Reads N bytes: what the last call left over, and new ones. Returns how many it used up. Calls
     * publisher_ready() and, for each answer, publisher_answered() or publisher_refused(); or
     * publisher_fail() or publisher_reopen(), and then returns N. */
    size_t (*read)(struct bench_publisher *p, const char *data, size_t n);
};

extern const struct publish_protocol publish_resp, publish_http, publish_ws;

struct bench_publisher {
    struct bench_source source;
    struct bench_publishers *set;
    struct buf out; /* commands not yet sent, from `out_sent` on */
    size_t out_sent;
    struct buf rest; /* input that is no whole answer yet */
    uint64_t *times; /* ring of `pipeline`: when each unanswered command was due */
    uint32_t oldest; /* its first entry */
    uint32_t unanswered;
    struct bench_wire wire;
    bool watching; /* for room to send */
    bool ready;    /* to publish */
};

struct bench_publishers {
    struct bench_loop *loop;
    const struct publish_protocol *protocol;
    const char *socket;             /* path of the local socket */
    const struct http_place *place; /* of the URL */
    uint64_t tag;
    uint32_t count, pipeline;
    uint32_t ready; /* of those */
    struct bench_publisher *items;
    struct buf command; /* one publish; topic and mark are filled in */
    size_t topic_at, mark_at;
    size_t sealed_at;               /* protocol: where that begins what it seals */
    uint64_t now;                   /* when the answers that are being read had arrived */
    struct bench_histogram latency; /* from being due to its answer */
    uint64_t answered, refused;
    pid_t server; /* whose socket it is, or what CONFIG says */
};

/* Connects CONFIG's publishers to the socket at PATH, or to PLACE, as their protocol says, and
 * waits until they can publish; says why not. PATH and PLACE (NULL: not by URL) are borrowed. SET
 * is zeroed before, but for its `protocol`, that of CONFIG (bench_transports.h). */
MUST_CHECK enum bench_exit publishers_init(struct bench_publishers *set, struct bench_loop *loop,
                                           const char *path, const struct http_place *place,
                                           const struct bench_config *config, uint64_t tag);
/* To be called also after a publishers_init that failed. */
void publishers_finish(struct bench_publishers *set);

static inline bool publisher_full(const struct bench_publisher *p)
{
    return p->unanswered == p->set->pipeline;
}

/* Queues one message with the mark M; P is not full. */
void publisher_publish(struct bench_publisher *p, uint32_t topic, const struct bench_mark *m);
/* Sends what is queued. */
void publishers_flush(struct bench_publishers *set);
/* Commands not yet answered. */
uint64_t publishers_unanswered(const struct bench_publishers *set);

/* --- for the protocols --- */

/* The hub has answered the greeting. */
void publisher_ready(struct bench_publisher *p);
/* The oldest publish without an answer has been acknowledged. */
void publisher_answered(struct bench_publisher *p);
/* It has been refused, with this text of N bytes; the first refusal of all is said. */
void publisher_refused(struct bench_publisher *p, const char *saying, size_t n);
/* The hub reads no more of this connection, having refused something: what was sent behind that
 * counts as refused, too. Goes on with another connection. */
void publisher_reopen(struct bench_publisher *p);
/* Ends the run for that reason. */
void publisher_fail(struct bench_publisher *p, const char *what);
/* Appends a payload of SIZE bytes, in which the mark is to be filled in. */
void publisher_put_payload(struct buf *out, size_t size);

/* Appends one PUBLISH of SIZE bytes, in which the topic's eight digits and the mark are to be
 * filled in at those places; returns its length, which is always the same. */
size_t publish_command(struct buf *out, size_t size, size_t *ret_topic_at, size_t *ret_mark_at);

#endif
