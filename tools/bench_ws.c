/* WebSocket, the client's side (RFC 6455): frames are read as far as their marks, pings answered.
 */
#include "tools/bench_subscriber.h"

#include <sys/random.h>

enum phase { PHASE_HEAD, PHASE_FRAMES };

enum {
    HEADER_MAX = 10,
    LONG_FRAME = 2048, /* so much of an unfinished payload holds its mark */
};

/* Nobody in between could be deceived by a constant key. */
const char ws_upgrade[] =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: bG9uZ3dpcmUtYmVuY2guLg==\r\n";

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

bool ws_read_header(const char *p, size_t n, struct ws_header *ret)
{
    *ret = (struct ws_header){0};
    if (n < 2)
        return false;
    ret->opcode = (unsigned char)p[0] & 0x0f;
    ret->len = read_length(p, n, &ret->size);
    ret->broken =
        p[0] & 0x70 || p[1] & 0x80 || (ret->opcode >= WS_CLOSE && ret->len > WS_CONTROL_MAX);
    return ret->broken || n >= ret->size;
}

/* Section 5.3: a client's frames are masked. */
size_t ws_write_pong(char *out, const char *payload, size_t n)
{
    char *mask = out + 2;
    out[0] = (char)(0x80 | WS_PONG);
    out[1] = (char)(0x80 | n);
    if (getrandom(mask, WS_MASK_SIZE, GRND_NONBLOCK) != WS_MASK_SIZE)
        memcpy(mask, "mask", WS_MASK_SIZE);
    for (size_t i = 0; i < n; i++)
        mask[WS_MASK_SIZE + i] = (char)(payload[i] ^ mask[i % WS_MASK_SIZE]);
    return 2 + WS_MASK_SIZE + n;
}

unsigned ws_close_code(const char *payload, size_t n)
{
    return n < 2 ? 1005 : (unsigned)((unsigned char)payload[0] << 8 | (unsigned char)payload[1]);
}

static void ws_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                       struct buf *out)
{
    http_request(set, s, "", ws_upgrade, out);
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

static void send_pong(struct bench_subscribers *set, struct bench_subscriber *s,
                      const char *payload, size_t n)
{
    char frame[WS_PONG_MAX];
    subscriber_send(set, s, frame, ws_write_pong(frame, payload, n));
}

static void take_frame(struct bench_subscribers *set, struct bench_subscriber *s, unsigned opcode,
                       const char *payload, size_t n)
{
    struct bench_mark mark;
    if (opcode == WS_CLOSE)
        subscriber_fail(set, s, "the server closes with code %u", ws_close_code(payload, n));
    else if (opcode == WS_PING)
        send_pong(set, s, payload, n);
    else if (opcode < WS_CLOSE && mark_find(payload, n, set->plan->tag, &mark))
        subscriber_got(set, s, &mark);
}

static size_t read_frame(struct bench_subscribers *set, struct bench_subscriber *s, const char *p,
                         size_t n)
{
    struct ws_header h;
    if (!ws_read_header(p, n, &h))
        return 0;
    if (h.broken) {
        subscriber_fail(set, s, "the server breaks the WebSocket protocol");
        return n;
    }
    if (h.len <= n - h.size) {
        take_frame(set, s, h.opcode, p + h.size, h.len);
        return h.size + h.len;
    }
    if (n - h.size < LONG_FRAME)
        return 0;
    s->due = h.len - (n - h.size);
    if (!mark_find(p + h.size, n - h.size, set->plan->tag, &s->mark))
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
