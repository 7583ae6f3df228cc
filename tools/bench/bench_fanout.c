/*
 * The modes fanout and raw. A run goes: connect publishers, measure memory, connect subscribers,
 * measure memory again, publish for the warm-up, then for the time that counts, then wait until
 * everything has arrived.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_modes.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_publisher.h"
#include "tools/bench/bench_raw.h"
#include "tools/bench/bench_report.h"
#include "tools/bench/bench_subscriber.h"
#include "tools/bench/bench_transports.h"

#define SETTLE       (500 * BENCH_MS) /* after connecting, before memory is measured */
#define LONGEST_TURN (100 * BENCH_MS)

enum {
    SPARE_FILES = 64,
    MORE_MAX_S = 60, /* measured beyond --seconds, while nothing arrives */
};

/* The counters at one moment. */
struct moment {
    struct bench_moment cpu;
    uint64_t delivered, published;
};

struct fanout {
    const struct bench_config *config;
    struct raw_server raw_server;
    struct http_place place;
    const char *socket;
    pid_t server; /* what is measured; 0 = unknown */
    struct bench_loop loop;
    struct bench_plan plan;
    struct bench_publishers publishers;
    struct bench_subscribers subscribers;
    uint64_t published; /* since publishing began */
    uint64_t publish_start;
    struct bench_pace pace;
    uint64_t pss_before, pss_after, pss_end; /* 0 = unknown */
    struct bench_moment connect_begin, connect_end;
    struct moment begin, end; /* of what is measured */
};

/* --- measuring --- */

static void take_moment(const struct fanout *f, struct moment *m)
{
    moment_take(&m->cpu, f->server);
    m->delivered = f->subscribers.delivered;
    m->published = f->plan.published;
}

static void measure_memory(const struct fanout *f, uint64_t *ret)
{
    if (!f->server || process_pss(f->server, ret))
        *ret = 0;
}

static void show_progress(void *ctx)
{
    struct fanout *f = ctx;
    const struct bench_subscribers *set = &f->subscribers;
    uint64_t now = bench_now();
    double rate;
    if (!pace_step(&f->pace, now, set->delivered, &rate))
        return;
    if (!f->publish_start) {
        progress("%u of %u subscribed", set->live, set->count);
        return;
    }
    progress("%.0f s  %.0f deliveries/s  %" PRIu64 " behind  missing %" PRIu64 "  repeated %" PRIu64
             "  out of order %" PRIu64,
             (double)((now - f->publish_start) / BENCH_SECOND), rate, subscribers_outstanding(set),
             set->missing, set->repeated, set->late);
}

/* --- publishing --- */

static uint64_t outstanding(const struct fanout *f)
{
    return subscribers_outstanding(&f->subscribers);
}

/* When the next message is due; UINT64_MAX = only after something has happened. */
static uint64_t next_due(const struct fanout *f, uint64_t now)
{
    const struct bench_config *c = f->config;
    if (c->rate)
        return f->publish_start +
               (uint64_t)((double)f->published * (double)BENCH_SECOND / (double)c->rate);
    if (c->window && outstanding(f) >= c->window * f->subscribers.live / c->topics)
        return UINT64_MAX;
    return now;
}

/* False: the publisher whose turn it is has too much unanswered. */
static bool publish_one(struct fanout *f, uint64_t due)
{
    uint32_t publishers = f->plan.publishers;
    uint32_t publisher = (uint32_t)(f->published % publishers);
    uint32_t topic = (uint32_t)(f->published / publishers % f->plan.topics);
    struct bench_publisher *p = &f->publishers.items[publisher];
    if (publisher_full(p))
        return false;
    struct bench_mark mark = {.stream = topic * publishers + publisher, .time = due};
    mark.number = ++f->plan.sent[mark.stream];
    publisher_publish(p, topic, &mark);
    f->published++;
    f->plan.published++;
    f->plan.expected += f->plan.audience[topic];
    return true;
}

/* Publishes what is due; returns when to do so again. */
static uint64_t publish_due(struct fanout *f)
{
    uint64_t now = bench_now(), due = next_due(f, now);
    bool room = true;
    while (due <= now && room && !f->loop.failed) {
        room = publish_one(f, due);
        if (room)
            due = next_due(f, now);
    }
    publishers_flush(&f->publishers);
    return room ? due : UINT64_MAX;
}

static bool broken(const struct fanout *f)
{
    return f->loop.failed || loop_interrupted() || f->subscribers.live == 0;
}

static void publish_for(struct fanout *f, uint64_t duration)
{
    uint64_t end = bench_now() + duration, now;
    while ((now = bench_now()) < end && !broken(f)) {
        uint64_t next = publish_due(f), wait = next > now ? next - now : 0;
        loop_turn(&f->loop, wait < LONGEST_TURN ? wait : LONGEST_TURN);
        show_progress(f);
    }
}

static void idle_for(struct fanout *f, uint64_t duration)
{
    uint64_t end = bench_now() + duration;
    while (bench_now() < end && !broken(f))
        loop_turn(&f->loop, 10 * BENCH_MS);
}

/* Until everything is there, or nothing has come for so long that nothing will. */
static void drain(struct fanout *f)
{
    uint64_t quiet_since = bench_now(), before = outstanding(f);
    while (!broken(f) && (outstanding(f) || publishers_unanswered(&f->publishers))) {
        publishers_flush(&f->publishers);
        loop_turn(&f->loop, 10 * BENCH_MS);
        show_progress(f);
        if (outstanding(f) != before)
            quiet_since = bench_now();
        before = outstanding(f);
        if (bench_now() - quiet_since > f->config->drain_s * BENCH_SECOND)
            return;
    }
}

/* On a busy machine all may arrive behind the time that is measured: of nothing there are no
 * figures, so it goes on until there is something. */
static void measure_more(struct fanout *f)
{
    uint64_t limit = bench_now() + MORE_MAX_S * BENCH_SECOND;
    if (f->subscribers.delivered != f->begin.delivered || broken(f))
        return;
    bench_say("nothing arrived within --seconds; measuring on until something does");
    while (f->subscribers.delivered == f->begin.delivered && !broken(f) && bench_now() < limit)
        publish_for(f, LONGEST_TURN);
}

static void measure(struct fanout *f)
{
    f->publish_start = bench_now();
    publish_for(f, f->config->warmup_ms * BENCH_MS);
    if (f->config->warmup_ms) {
        histogram_clear(&f->subscribers.latency);
        histogram_clear(&f->publishers.latency);
    }
    take_moment(f, &f->begin);
    publish_for(f, f->config->seconds * BENCH_SECOND);
    measure_more(f);
    take_moment(f, &f->end);
    measure_memory(f, &f->pss_end);
    drain(f);
}

/* --- the report --- */

static void report_setup(const struct fanout *f, struct bench_report *r)
{
    const struct bench_config *c = f->config;
    const char *mode = bench_mode_names[c->mode];
    report_text(r, "mode", "mode", c->batched ? "raw --batch" : mode);
    report_text(r, "transport", "transport", bench_transport_names[c->transport]);
    report_text(r, "tls", "TLS", f->place.tls ? "yes" : "no");
    report_text(r, "format", "format", c->raw ? "raw" : "envelope");
    report_number(r, "subscribers", "subscribers", (double)c->subscribers, 0, "");
    report_number(r, "stuck", c->stuck ? "of them never read" : NULL, (double)c->stuck, 0, "");
    report_number(r, "streams", c->streams ? "on each connection" : NULL, (double)c->streams, 0,
                  "");
    report_number(r, "topics", "topics", (double)c->topics, 0, "");
    report_number(r, "further_topics", c->further ? "further topics of each" : NULL,
                  (double)c->further, 0, "");
    report_number(r, "publishers", "publishers", (double)c->publishers, 0, "");
    report_text(r, "publish_by", "published by", bench_publish_by_names[c->publish_by]);
    report_number(r, "size", "payload", (double)c->size, 0, "bytes");
    report_number(r, "rate", NULL, (double)c->rate, 0, "");
    report_number(r, "window", NULL, (double)c->window, 0, "");
}

static void report_connecting(const struct fanout *f, struct bench_report *r)
{
    const struct bench_moment *from = &f->connect_begin, *to = &f->connect_end;
    double count = f->subscribers.count, time = (double)(to->time - from->time);
    double cpu = (double)(to->server.total - from->server.total);
    double bytes = (double)f->pss_after - (double)f->pss_before;
    bool known = f->pss_before && f->pss_after;
    report_number(r, "memory_per_connection", "server's memory for a subscriber",
                  known ? bytes / count : (double)NAN, 0, "bytes");
    report_number(r, "resumed", f->place.tls ? "TLS sessions resumed" : NULL,
                  (double)f->subscribers.resumed, 0, "");
    report_number(r, "connects_per_s", "subscribers connected", count * 1e9 / time, 0, "/s");
    report_number(r, "connect_cpu_us", "server's CPU for each",
                  to->server.total ? cpu / count / 1e3 : (double)NAN, 2, "us");
}

static void report_rates(const struct fanout *f, struct bench_report *r)
{
    const struct moment *from = &f->begin, *to = &f->end;
    double seconds = (double)(to->cpu.time - from->cpu.time) / 1e9;
    double delivered = (double)(to->delivered - from->delivered);
    double published = (double)(to->published - from->published);
    report_number(r, "seconds", "measured", seconds, 2, "s");
    report_number(r, "published_per_s", "published", published / seconds, 0, "/s");
    report_number(r, "deliveries_per_s", "delivered", delivered / seconds, 0, "/s");
    report_cpu(r, "cpu_per_delivery_us", &from->cpu, &to->cpu, delivered);
    bool known = f->pss_after && f->pss_end;
    double grown = (double)f->pss_end - (double)f->pss_after;
    report_number(r, "memory_grown", "server's memory grew by", known ? grown / 1024 : (double)NAN,
                  0, "KiB");
}

static void report_checks(const struct fanout *f, struct bench_report *r)
{
    report_number(r, "published", "published in all", (double)f->plan.published, 0, "");
    subscribers_report(&f->subscribers, r);
    report_number(r, "unanswered", "publishes unanswered",
                  (double)publishers_unanswered(&f->publishers), 0, "");
    report_number(r, "refused", "publishes refused", (double)f->publishers.refused, 0, "");
}

static enum bench_exit report(struct fanout *f)
{
    struct bench_report r = {0};
    const struct bench_subscribers *set = &f->subscribers;
    report_setup(f, &r);
    report_connecting(f, &r);
    report_rates(f, &r);
    report_latency(&r, "latency", "publish to delivery", &set->latency);
    report_latency(&r, "ack", "publish to acknowledgement", &f->publishers.latency);
    report_checks(f, &r);
    enum bench_exit status = report_print(&r, f->config->json);
    bool well = !f->loop.failed && subscribers_well(set) && !f->publishers.refused &&
                !publishers_unanswered(&f->publishers);
    return status ? status : well ? BENCH_OK : BENCH_FAILED;
}

/* --- beginning and end --- */

static enum bench_exit choose_server(struct fanout *f)
{
    const struct bench_config *c = f->config;
    f->socket = c->socket;
    if (c->mode != BENCH_RAW)
        return http_choose_place(&f->place, c) ? BENCH_OK : BENCH_USAGE;
    if (raw_server_start(&f->raw_server, c)) {
        bench_say("cannot start the server");
        return BENCH_FAILED;
    }
    f->place = f->raw_server.place;
    f->socket = f->raw_server.socket;
    f->server = f->raw_server.pid;
    return BENCH_OK;
}

static enum bench_exit allocate(struct fanout *f)
{
    const struct bench_config *c = f->config;
    struct bench_subscribers *set = &f->subscribers;
    set->loop = &f->loop;
    set->plan = &f->plan;
    set->protocol = bench_protocol_of(c->transport);
    set->place = &f->place;
    set->socket = f->socket;
    set->raw = c->raw;
    set->browser = c->browser;
    set->further = (uint32_t)c->further;
    set->stuck = (uint32_t)c->stuck;
    set->streams = (uint32_t)c->streams;
    set->sharing = c->streams ? &bench_h2 : NULL;
    enum err e = plan_init(&f->plan, (uint32_t)c->topics, (uint32_t)c->publishers);
    if (!e)
        e = subscribers_init(set, (uint32_t)c->subscribers);
    if (!e)
        e = process_allow_files(c->subscribers + c->publishers + SPARE_FILES);
    if (!e)
        return BENCH_OK;
    bench_say(e == ERR_LIMIT ? "so many descriptors are not allowed (ulimit -n)" : "%s",
              err_text(e));
    return BENCH_FAILED;
}

static enum bench_exit connect_all(struct fanout *f)
{
    f->publishers.protocol = bench_publish_protocol_of(f->config->publish_by);
    enum bench_exit status =
        publishers_init(&f->publishers, &f->loop, f->socket, &f->place, f->config, f->plan.tag);
    if (status)
        return status;
    if (!f->server)
        f->server = f->publishers.server;
    measure_memory(f, &f->pss_before);
    moment_take(&f->connect_begin, f->server);
    status = subscribers_connect(&f->subscribers, show_progress, f);
    moment_take(&f->connect_end, f->server);
    if (status)
        return status;
    idle_for(f, SETTLE);
    measure_memory(f, &f->pss_after);
    return BENCH_OK;
}

static enum bench_exit run(struct fanout *f)
{
    enum bench_exit status = allocate(f);
    if (status == BENCH_OK)
        status = connect_all(f);
    if (status == BENCH_OK) {
        measure(f);
        subscribers_settle(&f->subscribers);
        status = report(f);
    }
    publishers_finish(&f->publishers);
    subscribers_finish(&f->subscribers);
    plan_finish(&f->plan);
    return status;
}

enum bench_exit bench_fanout(const struct bench_config *config)
{
    struct fanout *f = calloc(1, sizeof(*f));
    if (!f)
        return BENCH_FAILED;
    f->config = config;
    process_exact_timers();
    enum bench_exit status = choose_server(f);
    if (status == BENCH_OK && loop_init(&f->loop, config->spin)) {
        bench_say("epoll_create1 failed");
        status = BENCH_FAILED;
    } else if (status == BENCH_OK) {
        status = run(f);
        loop_finish(&f->loop);
    }
    raw_server_stop(&f->raw_server);
    http_place_finish(&f->place);
    progress_clear();
    free(f);
    return status;
}
