/* Publishing over a WebSocket: `publish` objects, each in a frame of its own (RFC 6455). */
#include <stdio.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_publisher.h"
#include "tools/bench/bench_subscriber.h"

enum { STATUS_SWITCHING = 101 };

enum {
    TEXT_WHOLE = 0x81,
    MASKED = 0x80,
    SHORT_MAX = 125,       /* payload lengths that stand in the header's second byte */
    ANSWER_MAX = 16 << 10, /* bytes of a payload */
};

static void ws_greet(const struct bench_publishers *set, struct buf *out)
{
    buf_printf(out, "GET /ws HTTP/1.1\r\nHost: %s:%s\r\n%s\r\n", set->place->host, set->place->port,
               ws_upgrade);
}

static void put_header(struct buf *out, size_t len)
{
    uint16_t n16 = htobe16((uint16_t)len);
    uint64_t n64 = htobe64(len);
    buf_putc(out, (char)TEXT_WHOLE);
    buf_putc(out, (char)(MASKED | (len <= SHORT_MAX ? len : len <= UINT16_MAX ? 126 : 127)));
    if (len > UINT16_MAX)
        buf_append(out, &n64, sizeof(n64));
    else if (len > SHORT_MAX)
        buf_append(out, &n16, sizeof(n16));
    buf_append(out, "mask", WS_MASK_SIZE);
}

/* Marks and padding need no escapes in JSON. */
static void ws_form(struct bench_publishers *set, size_t size)
{
    static const char before[] = "{\"op\":\"publish\",\"topic\":\"" BENCH_TOPIC_PREFIX;
    static const char between[] = "00000000\",\"data\":\"", after[] = "\"}";
    struct buf *out = &set->command;
    put_header(out, sizeof(before) - 1 + sizeof(between) - 1 + size + sizeof(after) - 1);
    set->sealed_at = out->len;
    buf_puts(out, before);
    set->topic_at = out->len;
    buf_puts(out, between);
    set->mark_at = out->len;
    publisher_put_payload(out, size);
    buf_puts(out, after);
}

/* Masks the payload (section 5.3) by a key that differs from frame to frame. */
static void ws_seal(const struct bench_publishers *set, char *command, const struct bench_mark *m)
{
    uint64_t mixed = (m->time + m->number) * UINT64_C(0x9e3779b97f4a7c15);
    char *p = command + set->sealed_at, *end = command + set->command.len;
    memcpy(p - WS_MASK_SIZE, &mixed, WS_MASK_SIZE);
    uint64_t key = (mixed & UINT32_MAX) | mixed << 32, eight;
    for (; end - p >= (ptrdiff_t)sizeof(eight); p += sizeof(eight)) {
        memcpy(&eight, p, sizeof(eight));
        eight ^= key;
        memcpy(p, &eight, sizeof(eight));
    }
    for (size_t i = 0; p < end; i++)
        *p++ ^= ((const char *)&key)[i];
}

static size_t read_head(struct bench_publisher *p, const char *data, size_t n)
{
    struct http_head h;
    if (!http_read_head(data, n, &h))
        return 0;
    if (h.status != STATUS_SWITCHING) {
        publisher_fail(p, "the hub opens no WebSocket");
        return n;
    }
    publisher_ready(p);
    return h.len;
}

static bool begins(const char *text, size_t n, const char *with)
{
    size_t len = strlen(with);
    return n >= len && memcmp(text, with, len) == 0;
}

static void take_frame(struct bench_publisher *p, unsigned opcode, const char *payload, size_t n)
{
    char text[WS_PONG_MAX];
    if (opcode == WS_PING) {
        buf_append(&p->out, text, ws_write_pong(text, payload, n));
    } else if (opcode == WS_CLOSE) {
        snprintf(text, sizeof(text), "the hub closes with code %u", ws_close_code(payload, n));
        publisher_fail(p, text);
    } else if (begins(payload, n, "{\"op\":\"published\"")) {
        publisher_answered(p);
    } else if (begins(payload, n, "{\"op\":\"error\"")) {
        publisher_refused(p, payload, n);
    }
}

static size_t read_frame(struct bench_publisher *p, const char *data, size_t n)
{
    struct ws_header h;
    if (!ws_read_header(data, n, &h))
        return 0;
    if (h.broken || h.len > ANSWER_MAX) {
        publisher_fail(p, "an answer that is no WebSocket's");
        return n;
    }
    if (h.len > n - h.size)
        return 0;
    take_frame(p, h.opcode, data + h.size, h.len);
    return h.size + h.len;
}

static size_t ws_read(struct bench_publisher *p, const char *data, size_t n)
{
    size_t used = 0, step = 1;
    while (used < n && step > 0 && !p->set->loop->failed) {
        if (p->ready)
            step = read_frame(p, data + used, n - used);
        else
            step = read_head(p, data + used, n - used);
        used += step;
    }
    return used;
}

const struct publish_protocol publish_ws = {
    .greet = ws_greet,
    .form = ws_form,
    .seal = ws_seal,
    .read = ws_read,
};
