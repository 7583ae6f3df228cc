/*
 * The mode resume: what it costs to find the last few messages of a topic or a pattern. One client
 * asks for them over and over by long-polls that do not wait, always from the same cursor.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
#include "tools/bench/bench_subscriber.h"

enum { READ_SIZE = 64 << 10 };

struct resume {
    const struct bench_config *config;
    struct http_place place;
    pid_t server;
    struct bench_wire wire;
    struct buf answer;
    struct http_head head;
    const char *body; /* of the answer */
    char cursor[BENCH_CURSOR_SIZE];
    size_t messages; /* in each answer */
    uint64_t asked;
    bool differs; /* an answer had another number of messages */
    struct bench_histogram latency;
};

/* RFC 3986: all but unreserved characters as %XX. */
static void put_encoded(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~/", *text))
            buf_putc(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static bool send_request(struct resume *r, const char *after)
{
    struct buf request = {0};
    buf_puts(&request, "GET /t?topic=");
    put_encoded(&request, r->config->filter);
    buf_printf(&request, "&wait=0&after=%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", after, r->place.host,
               r->place.port);
    bool sent = !request.failed && wire_send_all(&r->wire, request.data, request.len);
    buf_finish(&request);
    return sent;
}

/* Whether head and body are there. */
static bool is_whole(struct resume *r)
{
    if (!http_read_head(r->answer.data, r->answer.len, &r->head))
        return false;
    r->body = r->answer.data + r->head.len;
    return r->head.status != 200 || r->answer.len - r->head.len >= r->head.content_len;
}

static bool read_answer(struct resume *r)
{
    buf_clear(&r->answer);
    do {
        char *to = buf_reserve(&r->answer, READ_SIZE);
        ssize_t n = to ? wire_recv_wait(&r->wire, to, READ_SIZE) : -1;
        if (n <= 0) {
            bench_say("the hub closed the connection");
            return false;
        }
        r->answer.len += (size_t)n;
    } while (!is_whole(r));
    if (r->head.status == 200)
        return true;
    bench_say("the hub answers %u", r->head.status);
    return false;
}

static bool ask(struct resume *r, const char *after)
{
    uint64_t began = bench_now();
    if (!send_request(r, after) || !read_answer(r))
        return false;
    histogram_add(&r->latency, bench_now() - began);
    return true;
}

static size_t count_messages(const struct resume *r)
{
    static const char id[] = "{\"id\":\"";
    const char *p = r->body, *end = p + r->head.content_len;
    size_t count = 0;
    while ((p = memmem(p, (size_t)(end - p), id, sizeof(id) - 1))) {
        count++;
        p += sizeof(id) - 1;
    }
    return count;
}

/* Notes the cursor just before the first message of the answer, or behind all. */
static bool note_place(struct resume *r)
{
    static const char id[] = "\"id\":\"";
    if (r->config->last == 0) {
        snprintf(r->cursor, sizeof(r->cursor), "%.*s", (int)r->head.cursor_len, r->head.cursor);
        return true;
    }
    const char *first = memmem(r->body, r->head.content_len, id, sizeof(id) - 1);
    char *rest;
    if (!first) {
        bench_say("%s has no messages", r->config->filter);
        return false;
    }
    uint64_t offset = strtoull(first + sizeof(id) - 1, &rest, 10); /* ends at the dash */
    int epoch = (int)strcspn(rest, "\"");
    snprintf(r->cursor, sizeof(r->cursor), "%llu%.*s", (unsigned long long)offset - 1, epoch, rest);
    r->messages = count_messages(r);
    return true;
}

static bool ask_over_and_over(struct resume *r)
{
    bool well = true;
    for (; well && r->asked < r->config->count && !loop_interrupted(); r->asked++) {
        well = ask(r, r->cursor);
        r->differs |= well && count_messages(r) != r->messages;
    }
    return well;
}

static enum bench_exit report(const struct resume *run, const struct bench_moment *from,
                              const struct bench_moment *to)
{
    struct bench_report r = {0};
    report_text(&r, "mode", "mode", "resume");
    report_number(&r, "messages", "messages of an answer", (double)run->messages, 0, "");
    report_number(&r, "requests", "requests", (double)run->asked, 0, "");
    report_cpu(&r, "cpu_per_request_us", from, to, (double)run->asked);
    report_latency(&r, "request", "request to answer", &run->latency);
    report_text(&r, "same", "the same each time", run->differs ? "no" : "yes");
    enum bench_exit status = report_print(&r, run->config->json);
    return status ? status : run->differs ? BENCH_FAILED : BENCH_OK;
}

static enum bench_exit run(struct resume *r)
{
    struct bench_moment from, to;
    char last[32];
    if (!wire_open(&r->wire, &r->place))
        return BENCH_LOST;
    snprintf(last, sizeof(last), "-%llu", (unsigned long long)r->config->last);
    if (r->config->last == 0)
        snprintf(last, sizeof(last), "latest");
    if (!ask(r, last) || !note_place(r))
        return BENCH_FAILED;
    histogram_clear(&r->latency);
    moment_take(&from, r->server);
    if (!ask_over_and_over(r))
        return BENCH_FAILED;
    moment_take(&to, r->server);
    return report(r, &from, &to);
}

enum bench_exit bench_resume(const struct bench_config *config)
{
    struct resume *r = calloc(1, sizeof(*r));
    if (!r)
        return BENCH_FAILED;
    r->config = config;
    r->wire.fd = -1;
    r->server = config->pid ? (pid_t)config->pid : bench_server_of(config->socket);
    enum bench_exit status = BENCH_LOST;
    if (r->server)
        status = http_choose_place(&r->place, config) ? run(r) : BENCH_USAGE;
    wire_close(&r->wire);
    http_place_finish(&r->place);
    buf_finish(&r->answer);
    free(r);
    return status;
}
