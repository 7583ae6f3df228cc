#include "frontends/ws/ws_connection.h"

#include "delivery/stream.h"
#include "frontends/ws/ws_encoding.h"
#include "frontends/ws/ws_frame.h"
#include "frontends/ws/ws_waiting.h"
#include "http/http_quota.h"

const struct encoding *ws_encoding_of(const struct ws *ws)
{
    if (ws->deflate)
        return ws->raw ? &ws_encoding_raw_deflate : &ws_encoding_envelope_deflate;
    return ws->raw ? &ws_encoding_raw : &ws_encoding_envelope;
}

void ws_format_offset(const struct conn *c, uint64_t offset, char *out)
{
    cursor_format(out, offset, worker_of(c)->replay.log->epoch);
}

void ws_set_phase(struct ws *ws, enum ws_phase phase)
{
    if (phase > WS_WAITING)
        ws_drop_waiting(ws);
    ws->phase = (uint8_t)phase;
}

void ws_end_now(struct conn *c, unsigned code, const char *reason)
{
    char frame[WS_CONTROL_FRAME_MAX];
    struct ws *ws = ws_of(c);
    if (ws->phase == WS_CLOSED)
        return;
    ws_set_phase(ws, WS_CLOSED);
    conn_write(c, frame, ws_frame_close(frame, code, reason));
    conn_finish_after_output(c);
}

/* Something that was accepted before the end is still to be sent: answers to publishes, and to one
 * that publishes its own messages, which a stream that is not at the head has yet to bring. */
static bool is_due(const struct ws *ws)
{
    return ws->inflight || (ws->published && !stream_is_current(&ws->stream));
}

void ws_leave(struct conn *c)
{
    const struct ws *ws = ws_of(c);
    if (ws->phase == WS_LEAVING && !is_due(ws))
        ws_end_now(c, ws->close_code, ws->close_text);
}

void ws_end_with(struct conn *c, unsigned code, const char *reason)
{
    struct ws *ws = ws_of(c);
    if (!ws_is_listening(ws))
        return;
    ws_set_phase(ws, WS_LEAVING);
    ws->close_code = (uint16_t)code;
    ws->close_text = reason;
    if (is_due(ws)) {
        conn_pause(c);
        conn_set_deadline(c, loop_now(c->loop) + CONN_FAREWELL_MS);
    }
    ws_leave(c);
}

struct buf *ws_out(struct conn *c)
{
    return ws_of(c)->phase == WS_CLOSED ? NULL : conn_out(c);
}

void ws_answer_error(struct conn *c, const struct fault *fault, const struct json_slice *ref)
{
    struct buf *out = ws_out(c);
    counter_add(&c->loop->counters, COUNTER_ws_errors, 1);
    if (!out)
        return;
    size_t frame = ws_frame_begin(out);
    ws_control_error(out, fault, ref);
    ws_frame_end(out, frame, WS_TEXT);
}

void ws_answer_over(struct conn *c, const struct http_quota *q, const struct json_slice *ref)
{
    struct buf *out = ws_out(c);
    counter_add(&c->loop->counters, COUNTER_ws_errors, 1);
    if (!out)
        return;
    size_t frame = ws_frame_begin(out);
    ws_control_over(out, &q->fault, q->retry_s, ref);
    ws_frame_end(out, frame, WS_TEXT);
}

bool ws_may_use(struct conn *c, enum access_right right, const char *topic, size_t n,
                const struct json_slice *ref)
{
    struct access_reason reason;
    struct buf text = {0};
    if (http_may_topic(c, right, topic, n, &reason))
        return true;
    access_reason_put(&reason, topic, n, &text);
    buf_putc(&text, '\0');
    struct fault denied = {http_lacks_token(c) ? "unauthorized" : "forbidden",
                           text.failed ? "This is not allowed here" : text.data};
    ws_answer_error(c, &denied, ref);
    buf_finish(&text);
    return false;
}
