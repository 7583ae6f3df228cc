/*
 * What the files of longwire-bench share.
 *
 *     longwire-bench.c      the modes, help
 *     bench_args.c          options
 *     bench_loop.c          epoll
 *     bench_mark.*          what is in a payload: number and time
 *     bench_histogram.*     latencies
 *     bench_publisher.c     publishers: connecting, sending, answers
 *     bench_publisher_resp.c, …_http.c, …_ws.c    what they send and read
 *     bench_subscriber.*    the set of subscribers: connecting, reading, checking
 *     bench_ws.c, bench_sse.c, bench_poll.c, bench_resp.c, bench_http.c    what they read
 *     bench_transports.*    which of these an option names
 *     bench_connect.*       connections that block until they are there
 *     bench_process.c       CPU time and memory of a process
 *     bench_report.c        figures as a table and as JSON
 *     bench_progress.*      what is said on standard error
 *     bench_fanout.c        the modes fanout and raw
 *     bench_raw.c           the server that raw measures
 *     bench_publish.c       the mode publish
 *     bench_log*            the mode log
 *     bench_fill.c          the mode fill
 *     bench_replay.c        the mode replay
 *     bench_live.c          a live subscriber beside it
 *     bench_resume.c        the mode resume
 *
 * One thread. Times are nanoseconds of the monotonic clock unless a name says otherwise. Nothing
 * but base/ is shared with the hub (the modes log and fill measure storage/): what is measured must
 * not measure itself.
 */
#ifndef TOOLS_BENCH_BENCH_H
#define TOOLS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_progress.h"

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

/* ---- Options (bench_args.c) ---- */

enum bench_mode {
    BENCH_FANOUT,
    BENCH_RAW,
    BENCH_PUBLISH,
    BENCH_LOG,
    BENCH_FILL,
    BENCH_REPLAY,
    BENCH_RESUME,
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
    bool quiet;
    bool json;
    bool help;
    const char *url, *socket, *dir, *filter;
};

enum { BENCH_CPU_ANY = 1023 };

/* Fills *RET from the words behind the mode's name (ARGV[0]); says what is wrong. BENCH_USAGE. */
MUST_CHECK enum bench_exit bench_args_parse(struct bench_config *ret, enum bench_mode mode,
                                            int argc, char **argv);
/* Appends one line for each option of MODE. */
void bench_args_help(struct buf *out, enum bench_mode mode);

/* ---- Loop (bench_loop.c) ---- */

struct bench_source {
    void (*ready)(struct bench_source *s, uint32_t events); /* EPOLL bits */
};

struct bench_loop {
    int epoll;
    bool spin;   /* do not wait in the kernel: nobody has to wake this process */
    bool failed; /* a source met something that ends the run, and has said what */
};

/* ERR_IO. */
MUST_CHECK enum err loop_init(struct bench_loop *l, bool spin);
void loop_finish(struct bench_loop *l);
/* Watches FD for EVENTS; S is borrowed until FD is closed. ERR_IO. */
MUST_CHECK enum err loop_add(struct bench_loop *l, int fd, uint32_t events, struct bench_source *s);
void loop_change(struct bench_loop *l, int fd, uint32_t events, struct bench_source *s);
/* Waits until something is ready, at most WAIT (0 = not at all), and serves it. */
void loop_turn(struct bench_loop *l, uint64_t wait);
/* From now on, an interrupt from the keyboard is noted instead of ending the program. */
void loop_catch_interrupt(void);
bool loop_interrupted(void);

/* ---- HTTP (bench_http.c) ---- */

/* Looks for a message of TOPIC in the log of the hub there. BENCH_FAILED: there is none,
 * BENCH_LOST: no connection; both say so. */
enum bench_exit http_find_messages(const struct http_place *place, uint32_t topic);

/* ---- Publishers (bench_publisher.c) ---- */

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
    int fd;
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
/* ---- Processes (bench_process.c) ---- */

struct bench_cpu {
    uint64_t total; /* ns */
    uint64_t user_ticks, kernel_ticks;
};

/* All threads since the process began. PID 0: this process. ERR_NOT_FOUND. */
MUST_CHECK enum err process_cpu(pid_t pid, struct bench_cpu *ret);
/* Which part of what was used between the two was used in the kernel; NaN if nothing was. */
double process_kernel_share(const struct bench_cpu *from, const struct bench_cpu *to);

/* Server and load at one moment. */
struct bench_moment {
    uint64_t time;
    struct bench_cpu server, self; /* zero = not known */
};

/* SERVER 0: none is known. */
void moment_take(struct bench_moment *m, pid_t server);

/* Adds to SUM, zero at first, what happened between the two. */
void moment_add(struct bench_moment *sum, const struct bench_moment *from,
                const struct bench_moment *to);

/* Bytes of memory that belong to it, shared pages in part. ERR_NOT_FOUND, ERR_ACCESS. */
MUST_CHECK enum err process_pss(pid_t pid, uint64_t *ret);
/* Makes room for N descriptors. ERR_LIMIT. */
MUST_CHECK enum err process_allow_files(uint64_t n);
/* No more slack in this thread's timers. */
void process_exact_timers(void);

/* ---- Reports (bench_report.c) ---- */

enum { REPORT_ROWS_MAX = 64, REPORT_KEY_SIZE = 48, REPORT_NOTE_SIZE = 96 };

struct report_row {
    char key[REPORT_KEY_SIZE]; /* in JSON */
    const char *label;         /* in the table; NULL = JSON only */
    const char *unit;
    const char *text; /* instead of a number */
    double number;    /* NaN = not known */
    int decimals;
    char note[REPORT_NOTE_SIZE]; /* in the table, behind the unit */
};

struct bench_report {
    size_t count;
    struct report_row rows[REPORT_ROWS_MAX];
};

/* Each adds a row. KEY is copied; the other texts are borrowed. */
void report_text(struct bench_report *r, const char *key, const char *label, const char *text);
void report_number(struct bench_report *r, const char *key, const char *label, double number,
                   int decimals, const char *unit);
/* Rows PREFIX_p50_ms, _p90_, _p99_, _p999_ and _max_, in the table one line. */
void report_latency(struct bench_report *r, const char *prefix, const char *label,
                    const struct bench_histogram *h);
/* What happened between the two cost: the server for each of COUNT, as row KEY, and both in all. */
void report_cpu(struct bench_report *r, const char *key, const struct bench_moment *from,
                const struct bench_moment *to, double count);
/* Writes behind the last row. */
void report_note(struct bench_report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints to standard output. BENCH_FAILED when that fails. */
MUST_CHECK enum bench_exit report_print(const struct bench_report *r, bool json);

enum { PROGRESS_STEPS = 4 }; /* of a second */

/* When to show it, and how fast something is counted up. Zeroed before. */
struct bench_pace {
    uint64_t times[PROGRESS_STEPS], counts[PROGRESS_STEPS]; /* a ring */
    uint32_t steps;
};

/* Whether the line is due, four times a second; *RET_RATE: how much was added to COUNT in the last
 * second, for each second. */
bool pace_step(struct bench_pace *p, uint64_t now, uint64_t count, double *ret_rate);

/* ---- Modes ---- */

/* The server that raw measures: a process of its own. In the mode replay it has `count` messages of
 * each topic for each subscriber. */
struct raw_server {
    pid_t pid;
    char socket[64];
    struct http_place place;
};

/* Forks. ERR_IO. */
MUST_CHECK enum err raw_server_start(struct raw_server *r, const struct bench_config *config);
void raw_server_stop(struct raw_server *r);

/* A live subscriber and its publisher: a process of their own, so that their delays are the hub's.
 */
struct bench_live {
    pid_t pid; /* 0 = none */
    int fd;
};

/* Forks, publishes CONFIG's `live` messages a second to the topic behind CONFIG's topics, and
 * returns when the subscriber is there; says why not. */
MUST_CHECK enum bench_exit live_start(struct bench_live *l, const struct bench_config *config,
                                      const struct http_place *place);
/* The delays from publishing to delivery since the last call. False: something was lost. */
MUST_CHECK bool live_take(struct bench_live *l, struct bench_histogram *ret);
void live_stop(struct bench_live *l);

MUST_CHECK enum bench_exit bench_fanout(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_publish(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_log(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_fill(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_replay(const struct bench_config *config);
MUST_CHECK enum bench_exit bench_resume(const struct bench_config *config);

#endif
