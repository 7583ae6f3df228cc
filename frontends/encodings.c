#include "frontends/encodings.h"

#include "broker/cursor.h"
#include "frontends/envelope.h"
#include "frontends/resp/resp_reply.h"
#include "frontends/sse_text.h"
#include "frontends/ws/ws_frame.h"

enum slot {
    SLOT_SSE_RAW,
    SLOT_SSE_ENVELOPE,
    SLOT_WS_ENVELOPE,
    SLOT_WS_RAW,
    SLOT_POLL,
    SLOT_RESP,
    SLOT_RESP3,
    SLOT_WS_ENVELOPE_DEFLATE,
    SLOT_WS_RAW_DEFLATE,
    SLOTS,
};

_Static_assert((unsigned)SLOTS <= MESSAGE_ENCODINGS, "a message has a slot for each encoding");

static void sse_id(const struct message *m, struct buf *out)
{
    char cursor[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(cursor, m->offset, m->epoch);
    sse_id_line(out, cursor, n);
}

static void sse_joining(const struct message *m, struct buf *out)
{
    sse_event_line(out, m->event, m->event_len);
    buf_puts(out, "data: ");
    envelope_append(m, out); /* always one line */
    buf_append(out, "\n\n", 2);
}

static void sse_envelope(const struct message *m, struct buf *out)
{
    sse_id(m, out);
    sse_joining(m, out);
}

static void sse_raw(const struct message *m, struct buf *out)
{
    if (m->kind != MESSAGE_TEXT && m->kind != MESSAGE_JSON) {
        sse_envelope(m, out);
        return;
    }
    sse_id(m, out);
    sse_event_line(out, m->event, m->event_len);
    sse_data_lines(out, m->payload, m->payload_len);
    buf_putc(out, '\n');
}

static void ws_envelope(const struct message *m, struct buf *out)
{
    size_t frame = ws_frame_begin(out);
    envelope_append(m, out);
    ws_frame_end(out, frame, WS_TEXT);
}

static enum ws_opcode raw_opcode(const struct message *m)
{
    return m->kind == MESSAGE_TEXT || m->kind == MESSAGE_JSON ? WS_TEXT : WS_BINARY;
}

static void ws_raw(const struct message *m, struct buf *out)
{
    size_t n = m->payload_len;
    char header[WS_HEADER_MAX];
    buf_append(out, header, ws_frame_header(header, raw_opcode(m), n));
    buf_append(out, m->payload, n);
}

static struct ws_deflate_rule deflate_rule = {
    .min_bytes = 512, .level = 6, .window_bits = WS_WINDOW_MAX};
/* Encoders know no worker; each worker asks its own thread. */
static _Thread_local struct encodings_tally tally;

void encodings_set_deflate(const struct ws_deflate_rule *rule)
{
    deflate_rule = *rule;
}

struct encodings_tally encodings_take_tally(void)
{
    struct encodings_tally taken = tally;
    tally = (struct encodings_tally){0};
    return taken;
}

static void end_deflated(struct buf *out, size_t frame, enum ws_opcode opcode)
{
    size_t plain, packed = ws_frame_end_deflated(out, frame, opcode, &deflate_rule, &plain);
    if (!packed)
        return;
    tally.messages++;
    tally.plain_bytes += plain;
    tally.packed_bytes += packed;
}

static void ws_envelope_deflate(const struct message *m, struct buf *out)
{
    size_t frame = ws_frame_begin(out);
    envelope_append(m, out);
    end_deflated(out, frame, WS_TEXT);
}

static void ws_raw_deflate(const struct message *m, struct buf *out)
{
    size_t frame = ws_frame_begin(out);
    buf_append(out, m->payload, m->payload_len);
    end_deflated(out, frame, raw_opcode(m));
}

static void put_push(const struct message *m, enum resp_version v, struct buf *out)
{
    resp_reply_push(out, v, 3);
    resp_reply_bulk(out, "message", 7);
    resp_reply_bulk(out, m->topic->name, m->topic->name_len);
    resp_reply_bulk(out, m->payload, m->payload_len);
}

static void resp_message(const struct message *m, struct buf *out)
{
    put_push(m, RESP2, out);
}

static void resp3_message(const struct message *m, struct buf *out)
{
    put_push(m, RESP3, out);
}

/* Costly ones are compressed. */
const struct encoding encoding_sse_raw = {"sse-raw", SLOT_SSE_RAW, sse_raw, false};
const struct encoding encoding_sse_envelope = {"sse-envelope", SLOT_SSE_ENVELOPE, sse_envelope,
                                               false};
const struct encoding encoding_sse_joining = {"sse-joining", MESSAGE_UNSHARED, sse_joining, false};
const struct encoding encoding_ws_envelope = {"ws-envelope", SLOT_WS_ENVELOPE, ws_envelope, false};
const struct encoding encoding_ws_raw = {"ws-raw", SLOT_WS_RAW, ws_raw, false};
const struct encoding encoding_ws_envelope_deflate = {
    "ws-envelope-deflate", SLOT_WS_ENVELOPE_DEFLATE, ws_envelope_deflate, true};
const struct encoding encoding_ws_raw_deflate = {"ws-raw-deflate", SLOT_WS_RAW_DEFLATE,
                                                 ws_raw_deflate, true};
const struct encoding encoding_poll = {"poll", SLOT_POLL, envelope_append, false};
const struct encoding encoding_resp_message = {"resp-message", SLOT_RESP, resp_message, false};
const struct encoding encoding_resp3_message = {"resp3-message", SLOT_RESP3, resp3_message, false};
