/*
 * longwire-demo: publishes this machine's figures to a hub, several times a second.
 *
 * Topics PREFIX/cpu, /memory, /net, /disk and /system; payloads are JSON objects that begin with
 * `seq` (from 1, without holes, for each topic), `run` (drawn at random at each start) and `t`
 * (Unix time of the reading in ms), so that a subscriber can see for itself whether anything is
 * missing.
 */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/std_fds.h"
#include "base/utf8.h"
#include "demo/feed.h"
#include "demo/machine.h"

enum {
    RATE_DEFAULT = 5, /* readings a second */
    RATE_MAX = 100,
    PREFIX_MAX = 200,  /* bytes */
    FAREWELL_MS = 500, /* for the last acknowledgements, at the end */
};

static const struct {
    const char *name;
    void (*put)(const struct machine *m, struct buf *out);
} topics[] = {
    {"cpu", machine_put_cpu},   {"memory", machine_put_memory}, {"net", machine_put_net},
    {"disk", machine_put_disk}, {"system", machine_put_system},
};
enum { TOPICS = sizeof(topics) / sizeof(topics[0]) };

struct options {
    const char *socket;
    const char *prefix;
    unsigned rate; /* readings a second */
};

struct publisher {
    const struct options *options;
    struct feed *feed;
    struct machine machine;
    uint64_t seq; /* of the last reading */
    uint32_t run;
    bool full;        /* the queue is, and that has been said */
    const char *file; /* read last, for the error message */
};

static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void usage(FILE *out)
{
    fprintf(out, "usage: longwire-demo [--socket PATH] [--rate N] [--prefix TOPIC]\n"
                 "Publishes this machine's figures to a Longwire hub until it is stopped.\n\n"
                 "  --socket PATH   the hub's local socket (/run/longwire/longwire.sock)\n"
                 "  --rate N        readings a second, 1 to 100 (5)\n"
                 "  --prefix TOPIC  where the topics cpu, memory, net, disk, system go (demo)\n");
}

MUST_CHECK static bool parse_rate(const char *text, unsigned *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || n < 1 || n > RATE_MAX)
        return false;
    *ret = (unsigned)n;
    return true;
}

/* Exits on --help and on mistakes. */
static struct options parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"socket", required_argument, NULL, 's'},
        {"rate", required_argument, NULL, 'r'},
        {"prefix", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options o = {"/run/longwire/longwire.sock", "demo", RATE_DEFAULT};
    int c;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 's') {
            o.socket = optarg;
        } else if (c == 'p' && strlen(optarg) >= 1 && strlen(optarg) <= PREFIX_MAX) {
            o.prefix = optarg;
        } else if (c == 'h') {
            usage(stdout);
            exit(EXIT_SUCCESS);
        } else if (c != 'r' || !parse_rate(optarg, &o.rate)) {
            if (c != '?')
                fprintf(stderr, "longwire-demo: \"%s\" is out of range\n", optarg);
            usage(stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
    return o;
}

/* Queues the last reading under every topic. */
MUST_CHECK static enum err publish(struct publisher *p)
{
    char topic[PREFIX_MAX + 32], key[64];
    struct buf payload = {0};
    enum err e = ERR_OK;
    uint64_t time_ms = clock_ms(CLOCK_REALTIME);
    p->seq++;
    snprintf(key, sizeof(key), "%08" PRIx32 "-%" PRIu64, p->run, p->seq);
    for (size_t i = 0; i < TOPICS && e == ERR_OK; i++) {
        buf_clear(&payload);
        buf_printf(&payload, "{\"seq\":%" PRIu64 ",\"run\":%" PRIu32 ",\"t\":%" PRIu64 ",", p->seq,
                   p->run, time_ms);
        topics[i].put(&p->machine, &payload);
        buf_putc(&payload, '}');
        snprintf(topic, sizeof(topic), "%s/%s", p->options->prefix, topics[i].name);
        e = payload.failed ? ERR_NOMEM : feed_push(p->feed, topic, &payload, "sample", key);
    }
    buf_finish(&payload);
    return e;
}

/* TEXT as a JSON string. A path that is no UTF-8, or has control characters, is left out. */
static void put_string(struct buf *out, const char *text)
{
    bool plain = utf8_valid(text, strlen(text));
    for (const char *c = text; *c && plain; c++)
        plain = (unsigned char)*c >= ' ';
    buf_putc(out, '"');
    for (const char *c = text; *c && plain; c++) {
        if (*c == '"' || *c == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *c);
    }
    buf_putc(out, '"');
}

/* The program beside this one, or the one on the PATH. */
static void put_longwirectl(struct buf *out)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("longwirectl"));
    char *name = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;
    if (name)
        strcpy(name + 1, "longwirectl");
    put_string(out, name && access(path, X_OK) == 0 ? path : "longwirectl");
}

/* What the page needs to tell how to reach the hub from a terminal. */
MUST_CHECK static enum err publish_about(struct publisher *p)
{
    char topic[PREFIX_MAX + 32], key[64], socket[PATH_MAX];
    struct buf payload = {0};
    buf_puts(&payload, "{\"socket\":");
    put_string(&payload, realpath(p->options->socket, socket) ? socket : p->options->socket);
    buf_puts(&payload, ",\"longwirectl\":");
    put_longwirectl(&payload);
    buf_putc(&payload, '}');
    snprintf(topic, sizeof(topic), "%s/about", p->options->prefix);
    snprintf(key, sizeof(key), "%08" PRIx32 "-about", p->run);
    enum err e = payload.failed ? ERR_NOMEM : feed_push(p->feed, topic, &payload, "about", key);
    buf_finish(&payload);
    return e;
}

/* One reading. While the queue is full there is none, so that no number is given and then lost. */
MUST_CHECK static enum err sample(struct publisher *p, uint64_t now_ms)
{
    bool full = feed_room(p->feed) < TOPICS;
    if (full && !p->full)
        fprintf(stderr, "longwire-demo: too much is waiting for the hub; pausing\n");
    p->full = full;
    if (full)
        return ERR_OK;
    enum err e = machine_read(&p->machine, now_ms, &p->file);
    return e == ERR_OK ? publish(p) : e;
}

/* Waits until DUE_MS, a signal, or news from the hub. */
static void wait_until(const struct feed *feed, uint64_t due_ms, const sigset_t *mask)
{
    uint64_t now = clock_ms(CLOCK_MONOTONIC);
    if (feed_due_ms(feed) < due_ms)
        due_ms = feed_due_ms(feed);
    uint64_t left = due_ms > now ? due_ms - now : 0;
    struct timespec timeout = {(time_t)(left / 1000), (long)(left % 1000) * 1000000};
    struct pollfd fd = {feed_fd(feed), feed_events(feed), 0};
    ppoll(&fd, 1, &timeout, mask);
}

/* Reads and publishes on an absolute schedule: a late reading does not delay the next one. */
MUST_CHECK static enum err run(struct publisher *p, const sigset_t *mask)
{
    uint64_t start = clock_ms(CLOCK_MONOTONIC), ticks = 1;
    while (!stopping) {
        uint64_t now = clock_ms(CLOCK_MONOTONIC);
        uint64_t passed = (now - start) * p->options->rate / 1000;
        if (passed >= ticks) {
            ticks = passed + 1; /* readings that were slept through are skipped */
            enum err e = sample(p, now);
            if (e != ERR_OK)
                return e;
        }
        feed_run(p->feed, clock_ms(CLOCK_MONOTONIC));
        wait_until(p->feed, start + (ticks * 1000 + p->options->rate - 1) / p->options->rate, mask);
    }
    return ERR_OK;
}

/* Gives the hub a moment to acknowledge what it has been sent. */
static void say_farewell(struct publisher *p, const sigset_t *mask)
{
    uint64_t end = clock_ms(CLOCK_MONOTONIC) + FAREWELL_MS;
    while (feed_fd(p->feed) >= 0 && feed_waiting(p->feed) > 0 && clock_ms(CLOCK_MONOTONIC) < end) {
        wait_until(p->feed, end, mask);
        feed_run(p->feed, clock_ms(CLOCK_MONOTONIC));
    }
}

/* SIGTERM and SIGINT arrive only inside ppoll, with the returned mask. */
static void catch_signals(sigset_t *ret_mask)
{
    struct sigaction action = {.sa_handler = stop};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, ret_mask);
    sigdelset(ret_mask, SIGTERM);
    sigdelset(ret_mask, SIGINT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

int main(int argc, char **argv)
{
    static struct publisher p;
    if (!std_fds_open())
        return 1;
    struct options o = parse_options(argc, argv);
    sigset_t mask;
    p.options = &o;
    p.feed = feed_create(o.socket);
    enum err e = p.feed ? ERR_OK : ERR_NOMEM;
    if (getrandom(&p.run, sizeof(p.run), 0) != sizeof(p.run))
        p.run = (uint32_t)clock_ms(CLOCK_REALTIME);
    catch_signals(&mask);
    if (e == ERR_OK)
        e = publish_about(&p);
    if (e == ERR_OK)
        e = machine_read(&p.machine, clock_ms(CLOCK_MONOTONIC), &p.file); /* rates need two */
    if (e == ERR_OK)
        e = run(&p, &mask);
    if (e == ERR_OK)
        say_farewell(&p, &mask);
    else if (e == ERR_IO)
        fprintf(stderr, "longwire-demo: cannot read %s\n", p.file);
    else
        fprintf(stderr, "longwire-demo: %s\n", err_text(e));
    feed_destroy(p.feed);
    return e == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
