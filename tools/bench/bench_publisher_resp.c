/* Publishing on the local socket: RESP2, one PUBLISH after the other. */
#include "tools/bench/bench.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_publisher.h"

enum { LINE_LEN_MAX = 1024 }; /* the longest error message */

size_t publish_command(struct buf *out, size_t size, size_t *ret_topic_at, size_t *ret_mark_at)
{
    buf_printf(out, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n" BENCH_TOPIC_PREFIX, BENCH_TOPIC_LEN);
    *ret_topic_at = out->len;
    buf_printf(out, "%08x\r\n$%zu\r\n", 0, size);
    *ret_mark_at = out->len;
    publisher_put_payload(out, size);
    buf_puts(out, "\r\n");
    return out->len;
}

static void resp_form(struct bench_publishers *set, size_t size)
{
    publish_command(&set->command, size, &set->topic_at, &set->mark_at);
}

/* Every reply is one line: a number, or an error. */
static size_t resp_read(struct bench_publisher *p, const char *data, size_t n)
{
    const char *at = data, *end = data + n, *newline;
    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
        if (*at == ':')
            publisher_answered(p);
        else
            publisher_refused(p, at,
                              (size_t)(newline - at) - (newline > at && newline[-1] == '\r'));
        at = newline + 1;
    }
    if (end - at <= LINE_LEN_MAX)
        return (size_t)(at - data);
    publisher_fail(p, "an answer that is no RESP");
    return n;
}

const struct publish_protocol publish_resp = {.local = true, .form = resp_form, .read = resp_read};
