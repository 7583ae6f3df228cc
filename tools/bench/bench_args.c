/* Options: one table for getopt_long, the defaults, the ranges and the help. */
#include "tools/bench/bench_args.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_progress.h"
#include "tools/client/tls_seal.h"

enum kind { KIND_NUMBER, KIND_FLAG, KIND_TEXT, KIND_TRANSPORT, KIND_PUBLISH_BY };

#define IN(mode)    (1u << BENCH_##mode)
#define STREAMING   (IN(FANOUT) | IN(RAW))
#define PUBLISHING  (STREAMING | IN(PUBLISH))
#define APPENDING   (IN(LOG) | IN(FILL))
#define READING     (IN(REPLAY) | IN(RESUME))
#define ALL         (PUBLISHING | APPENDING | READING | IN(HANDSHAKE) | IN(SEAL) | IN(TOKEN))
#define ASKING      (IN(FANOUT) | IN(PUBLISH) | READING | IN(HANDSHAKE)) /* a hub, by its URL */
#define FIELD(name) offsetof(struct bench_config, name)

struct spec {
    unsigned modes;
    const char *name, *arg, *help;
    enum kind kind;
    size_t field;
    uint64_t min, max, initial; /* KIND_NUMBER */
};

/* clang-format off */
static const struct spec specs[] = {
    {STREAMING, "transport", "NAME", "how subscribers connect: ws, sse, poll or resp (raw: the first three)",
     KIND_TRANSPORT, FIELD(transport), 0, 0, 0},
    {IN(REPLAY), "transport", "NAME", "how subscribers connect: ws, sse or poll",
     KIND_TRANSPORT, FIELD(transport), 0, 0, 0},
    {STREAMING | IN(REPLAY), "raw", NULL, "bare payloads instead of envelopes",
     KIND_FLAG, FIELD(raw), 0, 0, 0},
    {STREAMING, "browser", NULL, "requests with all the header fields that a browser sends",
     KIND_FLAG, FIELD(browser), 0, 0, 0},
    {STREAMING, "subscribers", "N", "how many",
     KIND_NUMBER, FIELD(subscribers), 1, BENCH_SUBSCRIBERS_MAX, 100},
    {IN(REPLAY), "subscribers", "N", "how many",
     KIND_NUMBER, FIELD(subscribers), 1, BENCH_SUBSCRIBERS_MAX, 1},
    {PUBLISHING | IN(REPLAY), "topics", "N", "topics, dealt to the subscribers in turn",
     KIND_NUMBER, FIELD(topics), 1, BENCH_TOPICS_MAX, 1},
    {IN(LOG), "topics", "N", "topics, chosen at random for each message",
     KIND_NUMBER, FIELD(topics), 1, BENCH_TOPICS_MAX, 1000},
    {IN(FILL), "topics", "N", "topics",
     KIND_NUMBER, FIELD(topics), 1, BENCH_TOPICS_MAX, 1},
    {IN(FILL), "share", "N", "one message in N is of topic 0, the others are of topics chosen at random",
     KIND_NUMBER, FIELD(share), 1, UINT32_MAX, 5},
    {IN(FANOUT), "further-topics", "N", "topics of each subscriber besides, to which nothing is published",
     KIND_NUMBER, FIELD(further), 0, BENCH_FURTHER_MAX, 0},
    {IN(FANOUT), "stuck", "N", "so many of the subscribers never read",
     KIND_NUMBER, FIELD(stuck), 0, BENCH_SUBSCRIBERS_MAX, 0},
    {IN(FANOUT), "streams", "N", "so many subscribers share a connection of HTTP/2; 0 = each has its own, of HTTP/1.1",
     KIND_NUMBER, FIELD(streams), 0, BENCH_SUBSCRIBERS_MAX, 0},
    {STREAMING, "publishers", "N", "publishing connections",
     KIND_NUMBER, FIELD(publishers), 1, BENCH_PUBLISHERS_MAX, 1},
    {IN(PUBLISH), "connections", "N", "publishing connections",
     KIND_NUMBER, FIELD(publishers), 1, BENCH_PUBLISHERS_MAX, 1},
    {IN(HANDSHAKE), "connections", "N", "handshakes under way at once",
     KIND_NUMBER, FIELD(publishers), 1, BENCH_PUBLISHERS_MAX, 16},
    {IN(FANOUT) | IN(PUBLISH), "publish-by", "NAME", "how they publish: resp (on the hub's socket, the default), http or ws",
     KIND_PUBLISH_BY, FIELD(publish_by), 0, 0, 0},
    {STREAMING, "rate", "N", "messages a second in all; 0 = as fast as they are acknowledged",
     KIND_NUMBER, FIELD(rate), 0, 100000000, 50},
    {IN(PUBLISH), "rate", "N", "messages a second in all; 0 = as fast as they are acknowledged",
     KIND_NUMBER, FIELD(rate), 0, 100000000, 0},
    {IN(LOG), "rate", "N", "messages a second, a commit at a time; 0 = as fast as they are committed",
     KIND_NUMBER, FIELD(rate), 0, 100000000, 0},
    {STREAMING, "window", "N", "at rate 0: run at most N messages ahead of what all subscribers have; 0 = any number",
     KIND_NUMBER, FIELD(window), 0, UINT32_MAX, 256},
    {PUBLISHING, "pipeline", "N", "publishes of a connection that may wait for their answer",
     KIND_NUMBER, FIELD(pipeline), 1, BENCH_PIPELINE_MAX, 256},
    {PUBLISHING | IN(FILL) | IN(REPLAY), "size", "BYTES", "size of a payload",
     KIND_NUMBER, FIELD(size), MARK_SIZE, BENCH_SIZE_MAX, 128},
    {IN(SEAL), "size", "BYTES", "bytes of a record",
     KIND_NUMBER, FIELD(size), 1, TLS_RECORD_MAX, TLS_RECORD_MAX},
    {IN(TOKEN), "size", "BYTES", "bytes of the claims, about",
     KIND_NUMBER, FIELD(size), 200, 1000, 300},
    {IN(TOKEN), "key", "FILE", "a secret, or a private key (PEM); the default is a secret",
     KIND_TEXT, FIELD(key), 0, 0, 0},
    {IN(LOG), "size", "BYTES", "size of a payload",
     KIND_NUMBER, FIELD(size), 1, BENCH_SIZE_MAX, 128},
    {PUBLISHING, "seconds", "N", "how long to measure",
     KIND_NUMBER, FIELD(seconds), 1, 86400, 10},
    {IN(SEAL), "seconds", "N", "how long to seal",
     KIND_NUMBER, FIELD(seconds), 1, 86400, 1},
    {IN(TOKEN), "seconds", "N", "how long to measure each",
     KIND_NUMBER, FIELD(seconds), 1, 86400, 1},
    {IN(LOG), "seconds", "N", "most time for each measurement",
     KIND_NUMBER, FIELD(seconds), 1, 86400, 5},
    {PUBLISHING, "warmup", "MS", "how long to publish before measuring",
     KIND_NUMBER, FIELD(warmup_ms), 0, 3600000, 1000},
    {STREAMING | IN(REPLAY), "drain", "SECONDS", "how long to wait at the end for messages that stay out",
     KIND_NUMBER, FIELD(drain_s), 1, 3600, 10},
    {IN(PUBLISH), "count", "N", "end after so many messages; 0 = when the time is over",
     KIND_NUMBER, FIELD(count), 0, UINT32_MAX, 0},
    {IN(LOG), "count", "N", "most messages for each measurement",
     KIND_NUMBER, FIELD(count), 1, UINT32_MAX, 2000000},
    {IN(FILL), "count", "N", "messages",
     KIND_NUMBER, FIELD(count), 1, UINT32_MAX, 1000000},
    {IN(REPLAY), "count", "N", "messages that the log holds of each topic",
     KIND_NUMBER, FIELD(count), 1, UINT32_MAX, 1000000},
    {IN(RESUME), "count", "N", "how often to ask",
     KIND_NUMBER, FIELD(count), 1, UINT32_MAX, 1000},
    {IN(HANDSHAKE), "count", "N", "handshakes in all",
     KIND_NUMBER, FIELD(count), 1, UINT32_MAX, 1000},
    {IN(REPLAY), "rounds", "N", "how often to read it all",
     KIND_NUMBER, FIELD(rounds), 1, 1000000, 1},
    {IN(REPLAY), "live", "RATE", "a live subscriber beside, with so many messages a second; 0 = none",
     KIND_NUMBER, FIELD(live), 0, 100000, 0},
    {IN(RESUME), "filter", "TOPIC", "the topic or pattern (default bench/00000000)",
     KIND_TEXT, FIELD(filter), 0, 0, 0},
    {IN(RESUME), "last", "N", "messages from the end; 0 = ask for what is not there yet",
     KIND_NUMBER, FIELD(last), 0, 1000, 10},
    {APPENDING, "batch", "N", "messages of one commit",
     KIND_NUMBER, FIELD(batch), 1, 1000000, 1000},
    {IN(LOG), "dir", "PATH", "where to make (and remove) the logs; the default is this directory",
     KIND_TEXT, FIELD(dir), 0, 0, 0},
    {IN(FILL), "dir", "PATH", "the log to make: hub.data_dir of the hub that is to serve it",
     KIND_TEXT, FIELD(dir), 0, 0, 0},
    {IN(LOG), "synced", NULL, "only what is synced at each commit",
     KIND_FLAG, FIELD(synced), 0, 0, 0},
    {IN(REPLAY), "bare", NULL, "read from a server of its own that only writes, instead of the hub",
     KIND_FLAG, FIELD(bare), 0, 0, 0},
    {IN(RAW), "batch", NULL, "one write for all frames that have arrived, else one for each",
     KIND_FLAG, FIELD(batched), 0, 0, 0},
    {IN(RAW) | IN(REPLAY), "server-cpu", "N", "the core on which the server of its own runs",
     KIND_NUMBER, FIELD(server_cpu), 0, BENCH_CPU_ANY, BENCH_CPU_ANY},
    {ASKING, "url", "HOST:PORT", "where the hub serves HTTP (default 127.0.0.1:8420)",
     KIND_TEXT, FIELD(url), 0, 0, 0},
    {IN(FANOUT) | IN(PUBLISH) | READING, "tls", NULL, "speak TLS there, as with --url https://HOST:PORT",
     KIND_FLAG, FIELD(tls), 0, 0, 0},
    {IN(HANDSHAKE), "hold", NULL, "end none before all are there, and tell the memory of each",
     KIND_FLAG, FIELD(hold), 0, 0, 0},
    {IN(HANDSHAKE), "plain", NULL, "connect and end, without TLS: what is none of the handshake's",
     KIND_FLAG, FIELD(plain), 0, 0, 0},
    {ASKING, "tls-resume", NULL, "the same, and go on with the session of the first connection",
     KIND_FLAG, FIELD(tls_resume), 0, 0, 0},
    {ASKING, "socket", "PATH",
     "the hub's socket (else LONGWIRE_SOCKET, else " BENCH_DEFAULT_SOCKET ")",
     KIND_TEXT, FIELD(socket), 0, 0, 0},
    {ASKING, "pid", "N", "the hub's process; 0 = whoever has the socket",
     KIND_NUMBER, FIELD(pid), 0, INT32_MAX, 0},
    {PUBLISHING | IN(REPLAY), "spin", NULL, "never sleep, so that the server never has to wake this process",
     KIND_FLAG, FIELD(spin), 0, 0, 0},
    {ALL, "quiet", NULL, "do not show how the run is going",
     KIND_FLAG, FIELD(quiet), 0, 0, 0},
    {ALL, "json", NULL, "one JSON object instead of a table",
     KIND_FLAG, FIELD(json), 0, 0, 0},
    {ALL, "help", NULL, "show this and exit",
     KIND_FLAG, FIELD(help), 0, 0, 0},
};
/* clang-format on */

enum { SPECS = sizeof(specs) / sizeof(specs[0]) };

const char *const bench_mode_names[BENCH_MODES] = {
    [BENCH_FANOUT] = "fanout",   [BENCH_RAW] = "raw",
    [BENCH_PUBLISH] = "publish", [BENCH_LOG] = "log",
    [BENCH_FILL] = "fill",       [BENCH_REPLAY] = "replay",
    [BENCH_RESUME] = "resume",   [BENCH_HANDSHAKE] = "handshake",
    [BENCH_SEAL] = "seal",       [BENCH_TOKEN] = "token",
};

const char *const bench_transport_names[BENCH_TRANSPORTS] = {
    [BENCH_WS] = "ws",
    [BENCH_SSE] = "sse",
    [BENCH_POLL] = "poll",
    [BENCH_RESP] = "resp",
};

const char *const bench_publish_by_names[BENCH_PUBLISH_BYS] = {
    [BENCH_BY_RESP] = "resp",
    [BENCH_BY_HTTP] = "http",
    [BENCH_BY_WS] = "ws",
};

static bool takes(enum bench_mode mode, const struct spec *s)
{
    return s->modes >> mode & 1;
}

static enum bench_exit set_number(const struct spec *s, const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || errno || *end || n < s->min || n > s->max) {
        bench_say("--%s takes a whole number from %" PRIu64 " to %" PRIu64, s->name, s->min,
                  s->max);
        return BENCH_USAGE;
    }
    *ret = n;
    return BENCH_OK;
}

static enum bench_exit set_name(const struct spec *s, const char *const *names, size_t count,
                                const char *text, uint64_t *ret)
{
    struct buf allowed = {0};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            buf_finish(&allowed);
            *ret = i;
            return BENCH_OK;
        }
        buf_printf(&allowed, "%s%s", i ? ", " : "", names[i]);
    }
    bench_say("--%s is one of %.*s", s->name, (int)allowed.len, allowed.data);
    buf_finish(&allowed);
    return BENCH_USAGE;
}

static enum bench_exit set(struct bench_config *c, const struct spec *s, const char *value)
{
    void *field = (char *)c + s->field;
    switch (s->kind) {
    case KIND_FLAG:
        *(bool *)field = true;
        return BENCH_OK;
    case KIND_TEXT:
        *(const char **)field = value;
        return BENCH_OK;
    case KIND_TRANSPORT:
        return set_name(s, bench_transport_names, BENCH_TRANSPORTS, value, field);
    case KIND_PUBLISH_BY:
        return set_name(s, bench_publish_by_names, BENCH_PUBLISH_BYS, value, field);
    case KIND_NUMBER:
        break;
    }
    return set_number(s, value, field);
}

static void set_defaults(struct bench_config *c, enum bench_mode mode)
{
    const char *from_environment = getenv("LONGWIRE_SOCKET");
    *c = (struct bench_config){
        .mode = mode,
        .url = "127.0.0.1:8420",
        .socket = BENCH_DEFAULT_SOCKET,
        .dir = mode == BENCH_LOG ? "." : NULL,
        .filter = BENCH_TOPIC_PREFIX "00000000",
    };
    if (from_environment && *from_environment)
        c->socket = from_environment;
    for (size_t i = 0; i < SPECS; i++) {
        if (takes(mode, &specs[i]) && specs[i].kind == KIND_NUMBER)
            *(uint64_t *)(void *)((char *)c + specs[i].field) = specs[i].initial;
    }
}

/* What one option alone cannot be wrong about. */
static enum bench_exit check(struct bench_config *c)
{
    const char *problem = NULL;
    bool only_writes = c->mode == BENCH_RAW || c->bare;
    if (only_writes && c->transport == BENCH_RESP)
        problem = "a server that only writes has the transports ws, sse and, in raw, poll";
    if (c->bare && c->transport == BENCH_POLL)
        problem = "--bare has the transports ws and sse";
    if (c->mode == BENCH_RAW && c->transport == BENCH_POLL && c->raw)
        problem = "the long-polls of raw take envelopes";
    if (c->mode == BENCH_REPLAY && c->transport == BENCH_RESP)
        problem = "the local socket replays nothing; --transport is one of ws, sse and poll";
    if (c->further && (c->raw || c->transport == BENCH_RESP))
        problem = "bare payloads are of one topic; --further-topics takes envelopes";
    if (c->stuck && c->stuck >= c->subscribers)
        problem = "--stuck leaves nobody to read";
    if (c->streams && c->transport != BENCH_SSE)
        problem = "over HTTP/2 there are event streams only: --transport sse";
    if (c->plain && c->tls_resume)
        problem = "--plain has no session to resume";
    if (c->bare && c->live)
        problem = "--bare has nobody beside it";
    if (c->mode == BENCH_FILL && !c->dir && !c->help)
        problem = "--dir says where to make the log";
    if (c->publishers * (c->subscribers + c->topics) > BENCH_STREAMS_MAX)
        problem = "too many publishers for so many subscribers and topics";
    if (c->transport == BENCH_RESP)
        c->raw = true; /* it has no other format */
    if (!problem)
        return BENCH_OK;
    bench_say("%s", problem);
    return BENCH_USAGE;
}

static enum bench_exit complain(char **argv)
{
    bench_say("%s is no option of this mode, or lacks its argument", argv[optind - 1]);
    return BENCH_USAGE;
}

enum bench_exit bench_args_parse(struct bench_config *ret, enum bench_mode mode, int argc,
                                 char **argv)
{
    struct option longs[SPECS + 1] = {0}, *next = longs;
    enum bench_exit status = BENCH_OK;
    set_defaults(ret, mode);
    for (int i = 0; i < (int)SPECS; i++) {
        int argument = specs[i].arg ? required_argument : no_argument;
        if (takes(mode, &specs[i]))
            *next++ = (struct option){specs[i].name, argument, NULL, i};
    }
    opterr = 0;
    for (int found; status == BENCH_OK;) {
        found = getopt_long(argc, argv, "", longs, NULL);
        if (found == -1)
            break;
        status = found == '?' ? complain(argv) : set(ret, &specs[found], optarg);
    }
    if (status == BENCH_OK && optind < argc) {
        bench_say("%s: everything is said by options", argv[optind]);
        return BENCH_USAGE;
    }
    return status ? status : check(ret);
}

static void put_option(struct buf *out, const struct spec *s)
{
    size_t start = out->len;
    buf_printf(out, "  --%s", s->name);
    if (s->arg)
        buf_printf(out, " %s", s->arg);
    while (!out->failed && out->len < start + 24)
        buf_putc(out, ' ');
    buf_puts(out, s->help);
    if (s->kind == KIND_NUMBER && s->initial != BENCH_CPU_ANY)
        buf_printf(out, " (%" PRIu64 ")", s->initial);
    buf_putc(out, '\n');
}

void bench_args_help(struct buf *out, enum bench_mode mode)
{
    for (size_t i = 0; i < SPECS; i++) {
        if (takes(mode, &specs[i]))
            put_option(out, &specs[i]);
    }
}
