/* The mode publish: how many messages are acknowledged, and how soon. */
#include <inttypes.h>
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
#include "tools/bench/bench_report.h"
#include "tools/bench/bench_transports.h"

#define LONGEST_TURN (100 * BENCH_MS)
#define DRAIN        (10 * BENCH_SECOND)

struct run {
    const struct bench_config *config;
    struct bench_loop loop;
    struct bench_publishers publishers;
    struct http_place place;
    uint64_t published, start;
    struct bench_pace pace;
};

struct moment {
    struct bench_moment cpu;
    uint64_t answered;
};

static void take_moment(const struct run *r, struct moment *m)
{
    moment_take(&m->cpu, r->publishers.server);
    m->answered = r->publishers.answered;
}

static void show_progress(struct run *r)
{
    uint64_t now = bench_now();
    double rate;
    if (!pace_step(&r->pace, now, r->publishers.answered, &rate))
        return;
    progress("%.0f s  %.0f acknowledged/s  p50 %.3f ms  p99 %.3f ms  refused %" PRIu64,
             (double)((now - r->start) / BENCH_SECOND), rate,
             (double)histogram_percentile(&r->publishers.latency, 50) / 1e6,
             (double)histogram_percentile(&r->publishers.latency, 99) / 1e6, r->publishers.refused);
}

static uint64_t next_due(const struct run *r, uint64_t now)
{
    uint64_t rate = r->config->rate;
    if (rate == 0)
        return now;
    return r->start + (uint64_t)((double)r->published * (double)BENCH_SECOND / (double)rate);
}

/* Gives each publisher in turn all that is due and that it has room for, so that one which waits
 * does not hold up the others; returns when to do so again. */
static uint64_t publish_due(struct run *r, uint64_t left)
{
    uint64_t now = bench_now(), due = next_due(r, now);
    for (uint32_t i = 0; i < r->publishers.count; i++) {
        struct bench_publisher *p = &r->publishers.items[i];
        for (; !publisher_full(p) && due <= now && left > 0; left--) {
            uint32_t topic = (uint32_t)(r->published % r->config->topics);
            struct bench_mark mark = {topic, (uint32_t)++r->published, due};
            publisher_publish(p, topic, &mark);
            due = next_due(r, now);
        }
    }
    publishers_flush(&r->publishers);
    return r->config->rate && due > now ? due : UINT64_MAX;
}

/* Publishes until the time is over or COUNT (0 = any number) are published. */
static void publish_for(struct run *r, uint64_t duration, uint64_t count)
{
    uint64_t end = bench_now() + duration, last = count ? r->published + count : UINT64_MAX, now;
    while ((now = bench_now()) < end && r->published < last && !r->loop.failed &&
           !loop_interrupted()) {
        uint64_t next = publish_due(r, last - r->published), wait = next > now ? next - now : 0;
        loop_turn(&r->loop, wait < LONGEST_TURN ? wait : LONGEST_TURN);
        show_progress(r);
    }
}

static void drain(struct run *r)
{
    uint64_t end = bench_now() + DRAIN;
    while (publishers_unanswered(&r->publishers) && bench_now() < end && !r->loop.failed) {
        publishers_flush(&r->publishers);
        loop_turn(&r->loop, LONGEST_TURN);
    }
}

static enum bench_exit report(const struct run *run, const struct moment *from,
                              const struct moment *to)
{
    const struct bench_config *c = run->config;
    double seconds = (double)(to->cpu.time - from->cpu.time) / 1e9;
    double answered = (double)(to->answered - from->answered);
    uint64_t unanswered = publishers_unanswered(&run->publishers);
    struct bench_report r = {0};
    report_text(&r, "mode", "mode", "publish");
    report_text(&r, "publish_by", "published by", bench_publish_by_names[c->publish_by]);
    report_number(&r, "connections", "connections", (double)c->publishers, 0, "");
    report_number(&r, "pipeline", "waiting for an answer, at most", (double)c->pipeline, 0, "each");
    report_number(&r, "topics", "topics", (double)c->topics, 0, "");
    report_number(&r, "size", "payload", (double)c->size, 0, "bytes");
    report_number(&r, "seconds", "measured", seconds, 2, "s");
    report_number(&r, "acknowledged", "acknowledged", answered, 0, "");
    report_number(&r, "acknowledged_per_s", "", answered / seconds, 0, "/s");
    report_cpu(&r, "cpu_per_message_us", &from->cpu, &to->cpu, answered);
    report_latency(&r, "ack", "publish to acknowledgement", &run->publishers.latency);
    report_number(&r, "unanswered", "unanswered", (double)unanswered, 0, "");
    report_number(&r, "refused", "refused", (double)run->publishers.refused, 0, "");
    enum bench_exit status = report_print(&r, c->json);
    bool well = !run->loop.failed && !unanswered && !run->publishers.refused;
    return status ? status : well ? BENCH_OK : BENCH_FAILED;
}

static enum bench_exit run(struct run *r)
{
    struct moment from, to;
    r->publishers.protocol = bench_publish_protocol_of(r->config->publish_by);
    enum bench_exit status = publishers_init(&r->publishers, &r->loop, r->config->socket, &r->place,
                                             r->config, mark_tag());
    if (status == BENCH_OK) {
        r->start = bench_now();
        publish_for(r, r->config->warmup_ms * BENCH_MS, 0);
        if (r->config->count)
            drain(r); /* so that these very messages are measured */
        histogram_clear(&r->publishers.latency);
        take_moment(r, &from);
        publish_for(r, r->config->seconds * BENCH_SECOND, r->config->count);
        if (r->config->count)
            drain(r);
        take_moment(r, &to);
        drain(r);
        status = report(r, &from, &to);
    }
    publishers_finish(&r->publishers);
    return status;
}

enum bench_exit bench_publish(const struct bench_config *config)
{
    struct run *r = calloc(1, sizeof(*r));
    if (!r)
        return BENCH_FAILED;
    r->config = config;
    process_exact_timers();
    enum bench_exit status = BENCH_FAILED;
    if (!http_choose_place(&r->place, config)) {
        status = BENCH_USAGE;
    } else if (loop_init(&r->loop, config->spin)) {
        bench_say("epoll_create1 failed");
    } else {
        status = run(r);
        loop_finish(&r->loop);
    }
    http_place_finish(&r->place);
    progress_clear();
    free(r);
    return status;
}
