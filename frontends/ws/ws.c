#include "frontends/ws/ws.h"

#include <stdlib.h>

#include "frontends/ws/ws_auth.h"
#include "frontends/ws/ws_connection.h"
#include "frontends/ws/ws_encoding.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_handshake.h"
#include "frontends/ws/ws_protocol.h"
#include "frontends/ws/ws_waiting.h"
#include "http/exchange.h"

static bool ws_gap(struct stream *s, const struct gap *g, const char *filter, size_t n)
{
    char requested[CURSOR_TEXT_SIZE], resumed[CURSOR_TEXT_SIZE];
    if (ws_of(s->conn)->raw) {
        ws_end_now(s->conn, WS_CLOSE_GAP, gap_reason_name(g->reason));
        return false;
    }
    struct buf *out = ws_out(s->conn);
    if (!out)
        return false;
    cursor_format(requested, g->requested.offset, g->requested.epoch);
    ws_format_offset(s->conn, g->resumed, resumed);
    size_t frame = ws_frame_begin(out);
    ws_control_gap(out, requested, resumed, gap_reason_name(g->reason), filter, n);
    ws_frame_end(out, frame, WS_TEXT);
    return true;
}

static void ws_live(struct stream *s, uint64_t offset, const char *filter, size_t n)
{
    char cursor[CURSOR_TEXT_SIZE];
    struct buf *out;
    if (ws_of(s->conn)->raw || !(out = ws_out(s->conn)))
        return;
    ws_format_offset(s->conn, offset, cursor);
    size_t frame = ws_frame_begin(out);
    ws_control_live(out, cursor, filter, n);
    ws_frame_end(out, frame, WS_TEXT);
}

static void ws_caught_up(struct stream *s)
{
    ws_leave(s->conn);
}

/* 426 with what an upgrade would have to be (RFC 9110 section 15.5.22, RFC 6455 section 4.4). Where
 * there is no Upgrade (RFC 8441), 400. */
static void fail_upgrade(struct exchange *x, const char *detail)
{
    exchange_add_field(x, "Sec-WebSocket-Version", "13");
    if (x->keyless) {
        exchange_fail(x, 400, detail);
        return;
    }
    exchange_add_field(x, "Upgrade", "websocket");
    exchange_add_field(x, "Connection", "Upgrade");
    exchange_fail(x, 426, detail);
}

static enum ws_handshake_result read_handshake(const struct exchange *x, struct ws_handshake *ret)
{
    /* Others could not share what is compressed for a smaller window. */
    return ws_handshake_read(x->fields, x->keyless, worker_settings(x->conn)->ws_deflate,
                             WS_WINDOW_MAX, ret);
}

/* Checks the handshake (RFC 6455 section 4.2.1). False: answered. */
static bool check_handshake(struct exchange *x, struct ws_handshake *h)
{
    switch (read_handshake(x, h)) {
    case WS_HANDSHAKE_OK:
        if (!x->conn->loop->draining)
            return true;
        exchange_fail_later(x, 503, 5, "The hub is stopping");
        return false;
    case WS_HANDSHAKE_VERSION:
        fail_upgrade(x, "The hub speaks version 13 of the WebSocket protocol");
        return false;
    case WS_HANDSHAKE_KEY:
        exchange_fail(x, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
        return false;
    case WS_HANDSHAKE_EXTENSION:
        exchange_fail(x, 400, "Sec-WebSocket-Extensions is malformed");
        return false;
    case WS_HANDSHAKE_NOMEM:
        break;
    }
    exchange_fail_later(x, 503, 1, "The hub is out of memory");
    return false;
}

static void answer_handshake(struct exchange *x, const struct ws *ws)
{
    struct ws_handshake h;
    struct buf lines = {0};
    if (read_handshake(x, &h) == WS_HANDSHAKE_OK) {
        h.protocol &= !ws->raw;
        ws_handshake_answer(&h, &lines);
    } else {
        lines.failed = true; /* memory is out: check_handshake has read the same */
    }
    exchange_upgrade(x, &lines);
    buf_finish(&lines);
}

/* From here on the connection is a WebSocket. */
static void ws_started(struct stream *s, uint64_t offset)
{
    struct ws *ws = (struct ws *)s;
    struct conn *c = s->conn;
    (void)offset;
    answer_handshake(exchange_of(c), ws);
    conn_set_protocol(c, &ws_protocol, ws);
    ws->heard_s = (uint32_t)(loop_now(c->loop) / 1000);
    ws_set_deadline(c, conn_first_beat(c, worker_settings(c)->heartbeat_ms));
}

static const struct stream_ops ws_stream_ops = {
    .transport = &ws_transport,
    .started = ws_started,
    .gap = ws_gap,
    .live = ws_live,
    .caught_up = ws_caught_up,
};

static struct ws *create(const struct subscription *sub, const struct ws_handshake *h)
{
    struct ws *ws = calloc(1, sizeof(*ws));
    if (!ws)
        return NULL;
    ws->raw = sub->raw;
    ws->deflate = h->extension.deflate;
    return ws;
}

static void fail_start(struct exchange *x, struct ws *ws, enum err e)
{
    ws_drop_waiting(ws);
    free(ws);
    subscribe_fail(x, e);
}

static enum err begin(struct ws *ws, struct conn *c, const struct subscription *sub)
{
    static const struct after latest = {.kind = AFTER_LATEST};
    struct feed_spec none;
    bool empty = sub->spec.count == 0 || sub->awaits_token;
    feed_spec_init(&none, worker_of(c)->feeds);
    stream_init(&ws->stream, c, &ws_stream_ops);
    ws->stream.told_live = empty; /* no topic yet: nothing to be live about */
    enum err e = stream_start(&ws->stream, empty ? &none : &sub->spec, ws_encoding_of(ws),
                              empty ? &latest : &sub->after);
    feed_spec_finish(&none);
    return e;
}

void ws_start(struct exchange *x, const struct subscription *sub)
{
    struct ws_handshake h;
    if (!check_handshake(x, &h))
        return;
    struct ws *ws = create(sub, &h);
    if (!ws) {
        exchange_fail_later(x, 503, 1, "The hub is out of memory");
        return;
    }
    enum err e = sub->awaits_token ? ws_put_off(ws, x->conn, sub) : ERR_OK;
    if (e == ERR_OK)
        e = begin(ws, x->conn, sub);
    if (e != ERR_OK)
        fail_start(x, ws, e);
}

static void count_compressed(struct worker *w)
{
    struct ws_encoding_tally tally = ws_encoding_take_tally();
    if (!tally.messages)
        return;
    counter_add(&w->loop.counters, COUNTER_ws_deflated, tally.messages);
    counter_add(&w->loop.counters, COUNTER_ws_deflated_plain_bytes, tally.plain_bytes);
    counter_add(&w->loop.counters, COUNTER_ws_deflated_bytes, tally.packed_bytes);
}

/* Counts what was compressed. */
const struct frontend ws_frontend = {
    .transport = &ws_transport,
    .encodings = ws_encodings,
    .part = {.end_turn = count_compressed},
};

void ws_http_run(struct exchange *x)
{
    if (x->websocket)
        subscribe_http_websocket(x);
    else
        fail_upgrade(x, "This path is for WebSockets");
}
