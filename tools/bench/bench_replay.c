/*
 * The mode replay: subscribers that begin at the beginning, of a log that the mode fill has made.
 * A round goes: connect all, and read until each has got every message of its topic.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_http.h"
#include "tools/bench/bench_live.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_modes.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_raw.h"
#include "tools/bench/bench_report.h"
#include "tools/bench/bench_subscriber.h"
#include "tools/bench/bench_transports.h"

#define PROGRESS     (250 * BENCH_MS) /* between two progress lines */
#define LONGEST_TURN (100 * BENCH_MS)

enum { SPARE_FILES = 64, ALONE_US = 1000000 };

struct replay {
    const struct bench_config *config;
    struct raw_server raw_server;
    struct http_place place;
    pid_t server; /* what is measured; 0 = unknown */
    struct bench_loop loop;
    struct bench_plan plan;
    struct bench_subscribers subscribers; /* of this round; its counters are of all */
    struct bench_moment spent;            /* in all rounds */
    struct bench_live live;
    struct bench_histogram alone, beside; /* the live one's delays before and meanwhile */
    bool live_well;
    uint64_t progress_at;
};

static void show_progress(void *ctx)
{
    struct replay *r = ctx;
    uint64_t now = bench_now();
    if (now - r->progress_at < PROGRESS)
        return;
    r->progress_at = now;
    progress("%llu of %llu", (unsigned long long)r->subscribers.delivered,
             (unsigned long long)r->plan.expected);
}

/* --- a round --- */

static enum bench_exit allocate(struct replay *r)
{
    const struct bench_config *c = r->config;
    struct bench_subscribers *set = &r->subscribers;
    set->loop = &r->loop;
    set->plan = &r->plan;
    set->protocol = bench_protocol_of(c->transport);
    set->place = &r->place;
    set->raw = c->raw;
    set->after = "earliest";
    r->plan.expected += c->count * c->subscribers;
    if (subscribers_init(set, (uint32_t)c->subscribers)) {
        bench_say("%s", err_text(ERR_NOMEM));
        return BENCH_FAILED;
    }
    return BENCH_OK;
}

/* Until all is there, or nothing has come for so long that nothing will. */
static void read_all(struct replay *r)
{
    struct bench_subscribers *set = &r->subscribers;
    uint64_t quiet_since = bench_now(), before = subscribers_outstanding(set);
    while (subscribers_outstanding(set) && set->live && !r->loop.failed && !loop_interrupted()) {
        loop_turn(&r->loop, LONGEST_TURN);
        show_progress(r);
        if (subscribers_outstanding(set) != before)
            quiet_since = bench_now();
        before = subscribers_outstanding(set);
        if (bench_now() - quiet_since > r->config->drain_s * BENCH_SECOND)
            return;
    }
}

static enum bench_exit read_round(struct replay *r)
{
    struct bench_subscribers *set = &r->subscribers;
    struct bench_moment from, to;
    enum bench_exit status = allocate(r);
    moment_take(&from, r->server);
    if (status == BENCH_OK)
        status = subscribers_connect(set, show_progress, r);
    if (status == BENCH_OK)
        read_all(r);
    moment_take(&to, r->server);
    moment_add(&r->spent, &from, &to);
    if (status == BENCH_OK)
        subscribers_settle(set);
    subscribers_finish(set);
    set->live = set->connecting = 0;
    return status;
}

/* --- the report --- */

static enum bench_exit report(const struct replay *run)
{
    static const struct bench_moment zero;
    const struct bench_config *c = run->config;
    const struct bench_subscribers *set = &run->subscribers;
    double seconds = (double)run->spent.time / 1e9, delivered = (double)set->delivered;
    struct bench_report r = {0};
    report_text(&r, "mode", "mode", c->bare ? "replay --bare" : "replay");
    report_text(&r, "transport", "transport", bench_transport_names[c->transport]);
    report_text(&r, "format", "format", c->raw ? "raw" : "envelope");
    report_number(&r, "subscribers", "subscribers", (double)c->subscribers, 0, "");
    report_number(&r, "topics", "topics", (double)c->topics, 0, "");
    report_number(&r, "messages", "messages of each", (double)c->count, 0, "");
    report_number(&r, "size", NULL, (double)c->size, 0, "bytes");
    report_number(&r, "rounds", "rounds", (double)c->rounds, 0, "");
    report_number(&r, "seconds", "measured", seconds, 2, "s");
    report_number(&r, "deliveries_per_s", "delivered", delivered / seconds, 0, "/s");
    report_cpu(&r, "cpu_per_delivery_us", &zero, &run->spent, delivered);
    if (c->live) {
        report_latency(&r, "live_alone", "live delivery before", &run->alone);
        report_latency(&r, "live_beside", "live delivery meanwhile", &run->beside);
    }
    subscribers_report(set, &r);
    enum bench_exit status = report_print(&r, c->json);
    bool well = !run->loop.failed && subscribers_well(set) && run->live_well &&
                set->delivered <= run->plan.expected;
    return status ? status : well ? BENCH_OK : BENCH_FAILED;
}

/* --- beginning and end --- */

static enum bench_exit choose_server(struct replay *r)
{
    const struct bench_config *c = r->config;
    r->server = (pid_t)c->pid;
    if (c->bare) {
        if (raw_server_start(&r->raw_server, c)) {
            bench_say("cannot start the server");
            return BENCH_FAILED;
        }
        r->place = r->raw_server.place;
        r->server = r->raw_server.pid;
        return BENCH_OK;
    }
    if (!http_choose_place(&r->place, c))
        return BENCH_USAGE;
    if (!r->server)
        r->server = bench_server_of(c->socket);
    return r->server ? http_find_messages(&r->place, 0) : BENCH_LOST;
}

static enum bench_exit prepare(struct replay *r)
{
    const struct bench_config *c = r->config;
    enum err e = plan_init(&r->plan, (uint32_t)c->topics, 1);
    r->plan.tag = mark_fill_tag();
    for (uint32_t i = 0; !e && i < c->topics; i++)
        r->plan.sent[i] = (uint32_t)c->count;
    if (!e)
        e = process_allow_files(c->subscribers + SPARE_FILES);
    if (!e)
        return BENCH_OK;
    bench_say(e == ERR_LIMIT ? "so many descriptors are not allowed (ulimit -n)" : "%s",
              err_text(e));
    return BENCH_FAILED;
}

/* The live one's delays while nothing else happens. */
static enum bench_exit begin_live(struct replay *r)
{
    r->live_well = true;
    if (!r->config->live)
        return BENCH_OK;
    enum bench_exit status = live_start(&r->live, r->config, &r->place);
    if (status)
        return status;
    usleep(ALONE_US);
    r->live_well = live_take(&r->live, &r->alone);
    return BENCH_OK;
}

static enum bench_exit run(struct replay *r)
{
    enum bench_exit status = prepare(r);
    if (status == BENCH_OK)
        status = begin_live(r);
    for (uint64_t i = 0; i < r->config->rounds && status == BENCH_OK && !loop_interrupted(); i++)
        status = read_round(r);
    if (r->live.pid > 0 && status == BENCH_OK)
        r->live_well &= live_take(&r->live, &r->beside);
    if (status == BENCH_OK)
        status = report(r);
    live_stop(&r->live);
    plan_finish(&r->plan);
    return status;
}

enum bench_exit bench_replay(const struct bench_config *config)
{
    struct replay *r = calloc(1, sizeof(*r));
    if (!r)
        return BENCH_FAILED;
    r->config = config;
    enum bench_exit status = choose_server(r);
    if (status == BENCH_OK && loop_init(&r->loop, config->spin)) {
        bench_say("epoll_create1 failed");
        status = BENCH_FAILED;
    } else if (status == BENCH_OK) {
        status = run(r);
        loop_finish(&r->loop);
    }
    raw_server_stop(&r->raw_server);
    http_place_finish(&r->place);
    progress_clear();
    free(r);
    return status;
}
