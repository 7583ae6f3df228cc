/*
 * The mode handshake: connections that begin TLS and end, some at once, and what each costs the
 * server. With --tls-resume all go on with the session of one before them.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_connect.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_modes.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_report.h"
#include "tools/bench/bench_wire.h"

#define LONGEST_TURN (100 * BENCH_MS)
#define STALL        (30 * BENCH_SECOND) /* no handshake ends for so long: give up */

enum { SPARE_FILES = 64, SETTLE_US = 500000 };

struct run;

/* A place for one connection after the other; of those that stay, for one. */
struct slot {
    struct bench_source source;
    struct run *run;
    struct bench_wire wire;
    uint64_t began;
};

struct run {
    const struct bench_config *config;
    struct http_place place;
    pid_t server;
    struct bench_loop loop;
    struct slot *slots;
    uint64_t slot_count;
    uint64_t begun, done, resumed;
    uint64_t pss_before, pss_after; /* --hold; 0 = unknown */
    struct bench_histogram latency;
    struct bench_pace pace;
};

static void begin(struct slot *s)
{
    struct run *r = s->run;
    s->began = bench_now();
    r->begun++;
    s->wire.fd = http_connect(&r->place);
    if (s->wire.fd < 0 || (r->place.tls && wire_begin_tls(&s->wire, &r->place)) ||
        loop_add(&r->loop, s->wire.fd, EPOLLOUT, &s->source))
        r->loop.failed = true;
}

/* The next one, in this place or in another. */
static void go_on(struct slot *s)
{
    struct run *r = s->run;
    if (r->config->hold)
        loop_change(&r->loop, s->wire.fd, 0, &s->source);
    else
        wire_close(&s->wire);
    if (r->begun < r->config->count)
        begin(r->config->hold ? &r->slots[r->begun] : s);
}

static void finish(struct slot *s)
{
    struct run *r = s->run;
    histogram_add(&r->latency, bench_now() - s->began);
    r->resumed += s->wire.tls && tls_stream_resumed(s->wire.tls);
    r->done++;
    go_on(s);
}

static void on_ready(struct bench_source *source, uint32_t events)
{
    struct slot *s = (struct slot *)(void *)source;
    (void)events;
    if (!s->wire.tls) {
        finish(s);
        return;
    }
    switch (tls_stream_handshake(s->wire.tls)) {
    case TLS_WANTS_READ:
        loop_change(&s->run->loop, s->wire.fd, EPOLLIN, &s->source);
        break;
    case TLS_WANTS_WRITE:
        loop_change(&s->run->loop, s->wire.fd, EPOLLOUT, &s->source);
        break;
    case TLS_FAILED:
        bench_say("%s", tls_stream_problem(s->wire.tls));
        s->run->loop.failed = true;
        break;
    case TLS_DONE:
        finish(s);
        break;
    }
}

static void show_progress(struct run *r)
{
    double rate;
    if (pace_step(&r->pace, bench_now(), r->done, &rate))
        progress("%.0f handshakes/s, %llu of %llu", rate, (unsigned long long)r->done,
                 (unsigned long long)r->config->count);
}

static void shake_all(struct run *r)
{
    uint64_t done = 0, moved_at = bench_now();
    for (uint64_t i = 0; i < r->config->publishers && r->begun < r->config->count; i++)
        begin(&r->slots[i]);
    while (r->done < r->config->count && !r->loop.failed && !loop_interrupted()) {
        loop_turn(&r->loop, LONGEST_TURN);
        show_progress(r);
        if (r->done != done)
            moved_at = bench_now();
        done = r->done;
        if (bench_now() - moved_at > STALL) {
            bench_say("the server does not answer handshakes");
            r->loop.failed = true;
        }
    }
}

/* A session of TLS 1.3 comes behind the handshake, so something is asked for. */
static bool learn_session(struct run *r)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    struct bench_wire w;
    char answer[4096];
    if (!wire_open(&w, &r->place))
        return false;
    bool asked = wire_send_all(&w, request, sizeof(request) - 1);
    while (asked && wire_recv_wait(&w, answer, sizeof(answer)) > 0)
        ;
    wire_close(&w);
    return true;
}

static enum bench_exit report(const struct run *run, const struct bench_moment *from,
                              const struct bench_moment *to)
{
    struct bench_report r = {0};
    double seconds = (double)(to->time - from->time) / 1e9;
    report_text(&r, "mode", "mode", "handshake");
    report_number(&r, "connections", "at once", (double)run->config->publishers, 0, "");
    report_number(&r, "handshakes", "handshakes", (double)run->done, 0, "");
    report_number(&r, "resumed", "of them resumed", (double)run->resumed, 0, "");
    report_number(&r, "seconds", "measured", seconds, 2, "s");
    report_number(&r, "handshakes_per_s", "", (double)run->done / seconds, 0, "/s");
    report_cpu(&r, "cpu_per_handshake_us", from, to, (double)run->done);
    bool known = run->pss_before && run->pss_after;
    double bytes = ((double)run->pss_after - (double)run->pss_before) / (double)run->done;
    report_number(&r, "memory_per_connection",
                  run->config->hold ? "server's memory for each" : NULL,
                  known ? bytes : (double)NAN, 0, "bytes");
    report_latency(&r, "handshake", "connecting to secured", &run->latency);
    enum bench_exit status = report_print(&r, run->config->json);
    bool well = !run->loop.failed && run->done == run->config->count;
    return status ? status : well ? BENCH_OK : BENCH_FAILED;
}

static void measure_memory(const struct run *r, uint64_t *ret)
{
    if (!r->config->hold || process_pss(r->server, ret))
        *ret = 0;
}

static enum bench_exit run(struct run *r)
{
    struct bench_moment from, to;
    r->slot_count = r->config->hold ? r->config->count : r->config->publishers;
    r->slots = calloc(r->slot_count, sizeof(*r->slots));
    if (!r->slots || process_allow_files(r->slot_count + SPARE_FILES))
        return BENCH_FAILED;
    for (uint64_t i = 0; i < r->slot_count; i++)
        r->slots[i] = (struct slot){.source.ready = on_ready, .run = r, .wire.fd = -1};
    if (r->config->tls_resume && !learn_session(r))
        return BENCH_LOST;
    measure_memory(r, &r->pss_before);
    moment_take(&from, r->server);
    shake_all(r);
    moment_take(&to, r->server);
    if (r->config->hold)
        usleep(SETTLE_US);
    measure_memory(r, &r->pss_after);
    return report(r, &from, &to);
}

static enum bench_exit choose_server(struct run *r)
{
    struct bench_config secure = *r->config;
    secure.tls = !r->config->plain;
    if (!http_choose_place(&r->place, &secure))
        return BENCH_USAGE;
    r->server = r->config->pid ? (pid_t)r->config->pid : bench_server_of(r->config->socket);
    return r->server ? BENCH_OK : BENCH_LOST;
}

static void finish_run(struct run *r)
{
    for (uint64_t i = 0; r->slots && i < r->slot_count; i++)
        wire_close(&r->slots[i].wire);
    free(r->slots);
    http_place_finish(&r->place);
    progress_clear();
}

enum bench_exit bench_handshake(const struct bench_config *config)
{
    struct run *r = calloc(1, sizeof(*r));
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
    finish_run(r);
    free(r);
    return status;
}
