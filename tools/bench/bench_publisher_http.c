/* Publishing by POST on kept connections, pipelined. */
#include "tools/bench/bench.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_publisher.h"
#include "tools/bench/bench_subscriber.h"

enum { STATUS_CREATED = 201 };

static void http_form(struct bench_publishers *set, size_t size)
{
    struct buf *out = &set->command;
    buf_puts(out, "POST /t/" BENCH_TOPIC_PREFIX);
    set->topic_at = out->len;
    buf_printf(out, "%08x HTTP/1.1\r\nHost: %s:%s\r\nContent-Length: %zu\r\n\r\n", 0,
               set->place->host, set->place->port, size);
    set->mark_at = out->len;
    publisher_put_payload(out, size);
}

static size_t read_answer(struct bench_publisher *p, const char *data, size_t n)
{
    struct http_head h;
    if (!http_read_head(data, n, &h))
        return 0;
    if (h.status == 0) {
        publisher_fail(p, "an answer that is no HTTP/1.1");
        return n;
    }
    if (h.content_len > n - h.len)
        return 0;
    const char *line_end = memchr(data, '\r', h.len);
    if (h.status == STATUS_CREATED)
        publisher_answered(p);
    else
        publisher_refused(p, data, (size_t)(line_end - data));
    if (!h.close)
        return h.len + h.content_len;
    publisher_reopen(p);
    return n;
}

static size_t http_read(struct bench_publisher *p, const char *data, size_t n)
{
    size_t used = 0, step = 1;
    while (used < n && step > 0 && !p->set->loop->failed) {
        step = read_answer(p, data + used, n - used);
        used += step;
    }
    return used;
}

const struct publish_protocol publish_http = {
    .reopens = true,
    .form = http_form,
    .read = http_read,
};
