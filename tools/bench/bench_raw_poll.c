#include "tools/bench/bench_raw_poll.h"

#include <stdlib.h>
#include <string.h>

#define EPOCH "3824910012"

bool raw_poll_waits(const char *request, uint64_t *ret_after)
{
    static const char after[] = "&after=";
    const char *at = strstr(request, after);
    if (at)
        *ret_after = strtoull(at + sizeof(after) - 1, NULL, 10);
    return at != NULL;
}

void raw_poll_keep(struct raw_poll_log *l, uint64_t offset, const char *envelope, size_t n)
{
    size_t at = l->count++ % RAW_POLL_KEPT;
    buf_clear(&l->envelopes[at]);
    buf_append(&l->envelopes[at], envelope, n);
    l->offsets[at] = offset;
}

bool raw_poll_has(const struct raw_poll_log *l, uint64_t after)
{
    return l->count && l->offsets[(l->count - 1) % RAW_POLL_KEPT] > after;
}

/* The number of the first that is kept behind AFTER. */
static uint64_t first_behind(const struct raw_poll_log *l, uint64_t after)
{
    uint64_t oldest = l->count > RAW_POLL_KEPT ? l->count - RAW_POLL_KEPT : 0, i = l->count;
    while (i > oldest && l->offsets[(i - 1) % RAW_POLL_KEPT] > after)
        i--;
    return i;
}

static void put_body(const struct raw_poll_log *l, uint64_t after, uint64_t cursor, struct buf *out)
{
    uint64_t first = first_behind(l, after);
    buf_printf(out, "{\"cursor\":\"%llu-" EPOCH "\",\"messages\":[", (unsigned long long)cursor);
    for (uint64_t i = first; i < l->count; i++) {
        const struct buf *envelope = &l->envelopes[i % RAW_POLL_KEPT];
        if (i > first)
            buf_putc(out, ',');
        buf_append(out, envelope->data, envelope->len);
    }
    buf_puts(out, "],\"live\":true}");
}

void raw_poll_answer(const struct raw_poll_log *l, uint64_t after, uint64_t head, struct buf *out)
{
    struct buf body = {0};
    bool any = raw_poll_has(l, after);
    uint64_t cursor = any ? l->offsets[(l->count - 1) % RAW_POLL_KEPT] : head;
    put_body(l, after, cursor, &body);
    buf_printf(out,
               "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 07:31:15 GMT\r\n"
               "Longwire-Cursor: %llu-" EPOCH "\r\n"
               "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
               "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
               "Cross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-store\r\n"
               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               (unsigned long long)cursor, body.len);
    buf_append(out, body.data, body.len);
    out->failed |= body.failed;
    buf_finish(&body);
}
