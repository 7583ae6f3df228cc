/* Server-Sent Events: lines are read as far as their marks. Size lines and ends of chunks, which no
 * hub lets begin inside of a line, are passed over like all lines that are no data. */
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_subscriber.h"

enum phase { PHASE_HEAD, PHASE_LINES, PHASE_LONG_LINE };

enum { LONG_LINE = 2048 }; /* so much of an unfinished line holds its mark */

static void sse_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                        struct buf *out)
{
    http_request(set, s, "", "Accept: text/event-stream\r\n", out);
}

static size_t read_head(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                        size_t n)
{
    return http_take_head(set, s, data, n, 200, PHASE_LINES);
}

static size_t read_line(struct bench_subscribers *set, struct bench_subscriber *s, const char *p,
                        size_t n)
{
    struct bench_mark mark;
    if (*p == '\n')
        return 1;
    const char *end = memchr(p, '\n', n);
    if (!end && n < LONG_LINE)
        return 0;
    size_t len = end ? (size_t)(end - p) : n;
    bool found = *p == 'd' && mark_find(p, len, set->plan->tag, &mark);
    if (end) {
        if (found)
            subscriber_got(set, s, &mark);
        return len + 1;
    }
    s->phase = PHASE_LONG_LINE;
    s->mark = found ? mark : (struct bench_mark){0};
    return n;
}

static size_t end_long_line(struct bench_subscribers *set, struct bench_subscriber *s,
                            const char *p, size_t n)
{
    const char *end = memchr(p, '\n', n);
    if (!end)
        return n;
    if (s->mark.number)
        subscriber_got(set, s, &s->mark);
    s->phase = PHASE_LINES;
    return (size_t)(end - p) + 1;
}

static size_t sse_read(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                       size_t n)
{
    size_t used = 0, step = 1;
    while (used < n && step > 0) {
        if (s->state == SUBSCRIBER_LOST)
            return n;
        if (s->phase == PHASE_HEAD)
            step = read_head(set, s, data + used, n - used);
        else if (s->phase == PHASE_LINES)
            step = read_line(set, s, data + used, n - used);
        else
            step = end_long_line(set, s, data + used, n - used);
        used += step;
    }
    return used;
}

static void sse_begin_stream(struct bench_subscriber *s)
{
    s->phase = PHASE_LINES;
}

const struct bench_protocol bench_sse = {
    .request = sse_request,
    .read = sse_read,
    .begin_stream = sse_begin_stream,
};
