/* WebSocket, the client's side (RFC 6455): frames are read as far as their marks, pings answered.
 */
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_subscriber.h"

enum phase { PHASE_HEAD, PHASE_FRAMES };

enum { LONG_FRAME = 2048 }; /* so much of an unfinished payload holds its mark */

static void ws_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                       struct buf *out)
{
    http_request(set, s, "", ws_upgrade, out);
}

static size_t read_head(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                        size_t n)
{
    return http_take_head(set, s, data, n, 101, PHASE_FRAMES);
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
