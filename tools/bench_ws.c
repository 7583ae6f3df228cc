/* WebSocket, the client's side (RFC 6455): frames are read as far as their marks, pings answered.
 */
#include "tools/bench_subscriber.h"

#include <sys/random.h>

enum phase { PHASE_HEAD, PHASE_FRAMES };

enum { OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

enum {
    CONTROL_MAX = 125, /* payload bytes, section 5.5 */
    HEADER_MAX = 10,
    LONG_FRAME = 2048, /* so much of an unfinished payload holds its mark */
};

static void ws_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                       struct buf *out)
{
    /* Nobody in between could be deceived by a constant key. */
    http_request(set, s, "",
                 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: bG9uZ3dpcmUtYmVuY2guLg==\r\n",
                 out);
}

static size_t read_head(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                        size_t n)
{
    struct http_head h;
    if (!http_read_head(data, n, &h))
        return 0;
    if (h.status != 101) {
        http_complain(set, s, &h, data);
        return n;
    }
    s->phase = PHASE_FRAMES;
    subscriber_ready(set, s);
    return h.len;
}

/* Section 5.3: a client's frames are masked. */
static void send_pong(struct bench_subscribers *set, struct bench_subscriber *s,
                      const char *payload, size_t n)
{
    char frame[6 + CONTROL_MAX] = {(char)(0x80 | OP_PONG), (char)(0x80 | n)};
    char *mask = frame + 2;
    if (getrandom(mask, 4, GRND_NONBLOCK) != 4)
        memcpy(mask, &set->now, 4);
    for (size_t i = 0; i < n; i++)
        frame[6 + i] = (char)(payload[i] ^ mask[i % 4]);
    subscriber_send(set, s, frame, 6 + n);
}

static void told_to_close(struct bench_subscribers *set, struct bench_subscriber *s,
                          const char *payload, size_t n)
{
    unsigned code =
        n < 2 ? 1005 : (unsigned)((unsigned char)payload[0] << 8 | (unsigned char)payload[1]);
    subscriber_fail(set, s, "the server closes with code %u", code);
}

static void take_frame(struct bench_subscribers *set, struct bench_subscriber *s, unsigned opcode,
                       const char *payload, size_t n)
{
    struct bench_mark mark;
    if (opcode == OP_CLOSE)
        told_to_close(set, s, payload, n);
    else if (opcode == OP_PING)
        send_pong(set, s, payload, n);
    else if (opcode < OP_CLOSE && mark_find(payload, n, set->plan->tag, &mark))
        subscriber_got(set, s, &mark);
}

/* The payload's length; *RET_HEADER: bytes before it, more than N when it is not complete. */
static uint64_t read_length(const char *p, size_t n, size_t *ret_header)
{
    uint16_t n16;
    uint64_t n64;
    unsigned short_len = (unsigned char)p[1] & 0x7f;
    *ret_header = short_len < 126 ? 2 : short_len == 126 ? 4 : HEADER_MAX;
    if (n < *ret_header || short_len < 126)
        return short_len;
    if (short_len == 126) {
        memcpy(&n16, p + 2, sizeof(n16));
        return be16toh(n16);
    }
    memcpy(&n64, p + 2, sizeof(n64));
    return be64toh(n64);
}

static size_t read_frame(struct bench_subscribers *set, struct bench_subscriber *s, const char *p,
                         size_t n)
{
    size_t header;
    if (n < 2)
        return 0;
    unsigned opcode = (unsigned char)p[0] & 0x0f;
    uint64_t len = read_length(p, n, &header);
    if (p[0] & 0x70 || p[1] & 0x80 || (opcode >= OP_CLOSE && len > CONTROL_MAX)) {
        subscriber_fail(set, s, "the server breaks the WebSocket protocol");
        return n;
    }
    if (n < header)
        return 0;
    if (len <= n - header) {
        take_frame(set, s, opcode, p + header, len);
        return header + len;
    }
    if (n - header < LONG_FRAME)
        return 0;
    s->due = len - (n - header);
    if (!mark_find(p + header, n - header, set->plan->tag, &s->mark))
        s->mark.number = 0;
    return n;
}

static size_t ws_read(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                      size_t n)
{
    size_t used = 0, step = 1;
    while (used < n && step > 0) {
        if (s->state == SUBSCRIBER_LOST)
            return n;
        if (s->phase == PHASE_HEAD)
            step = read_head(set, s, data + used, n - used);
        else if (s->due)
            step = subscriber_pass(set, s, n - used);
        else
            step = read_frame(set, s, data + used, n - used);
        used += step;
    }
    return used;
}

const struct bench_protocol bench_ws = {.request = ws_request, .read = ws_read};
