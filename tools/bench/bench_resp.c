/* SUBSCRIBE on the local socket: RESP2 replies are read as far as their marks. */
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_subscriber.h"

enum {
    LINE_MAX_BYTES = 1024, /* the longest error message */
    LONG_BULK = 2048,      /* so much of an unfinished bulk string holds its mark */
};

static void resp_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                         struct buf *out)
{
    (void)set;
    buf_printf(out, "*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n" BENCH_TOPIC_PREFIX "%08x\r\n",
               BENCH_TOPIC_LEN, s->topic);
}

/* P: behind the line `$LEN`, which took HEADER bytes. */
static size_t read_bulk(struct bench_subscribers *set, struct bench_subscriber *s, const char *p,
                        size_t n, size_t header, uint64_t len)
{
    struct bench_mark mark;
    uint64_t whole = len + 2; /* CRLF */
    if (whole > n && n < LONG_BULK)
        return 0;
    bool found = mark_find(p, whole < n ? len : n, set->plan->tag, &mark);
    if (whole <= n) {
        if (found)
            subscriber_got(set, s, &mark);
        return header + whole;
    }
    s->due = whole - n;
    s->mark = found ? mark : (struct bench_mark){0};
    return header + n;
}

static size_t read_item(struct bench_subscribers *set, struct bench_subscriber *s, const char *p,
                        size_t n)
{
    const char *end = memchr(p, '\n', n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES);
    size_t line = end ? (size_t)(end - p) + 1 : n;
    if (!end && n < LINE_MAX_BYTES)
        return 0;
    if (end && *p == '$')
        return read_bulk(set, s, end + 1, n - line, line, strtoull(p + 1, NULL, 10));
    if (!end || *p == '-' || !strchr("*:", *p)) {
        subscriber_fail(set, s, "the hub answers %.*s", (int)(line > 2 ? line - 2 : line), p);
        return n;
    }
    if (*p == ':' && s->state == SUBSCRIBER_ASKING)
        subscriber_ready(set, s);
    return line;
}

static size_t resp_read(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                        size_t n)
{
    size_t used = 0, step = 1;
    while (used < n && step > 0) {
        if (s->state == SUBSCRIBER_LOST)
            return n;
        if (s->due)
            step = subscriber_pass(set, s, n - used);
        else
            step = read_item(set, s, data + used, n - used);
        used += step;
    }
    return used;
}

const struct bench_protocol bench_resp = {
    .local = true,
    .request = resp_request,
    .read = resp_read,
};
