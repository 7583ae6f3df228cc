#include "frontends/encodings.h"

#include "broker/cursor.h"
#include "frontends/envelope.h"
#include "frontends/resp/resp_reply.h"
#include "frontends/sse_text.h"
#include "frontends/ws/ws_frame.h"

enum slot { SLOT_SSE_RAW, SLOT_SSE_ENVELOPE, SLOT_WS_ENVELOPE, SLOT_WS_RAW, SLOT_POLL, SLOT_RESP };

_Static_assert((unsigned)SLOT_RESP < MESSAGE_ENCODINGS, "a message has a slot for each encoding");

/* The id and event lines, common to both forms. */
static void sse_head(const struct message *m, struct buf *out)
{
    char cursor[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(cursor, m->offset, m->epoch);
    sse_id_line(out, cursor, n);
    sse_event_line(out, m->event, m->event_len);
}

static void sse_envelope(const struct message *m, struct buf *out)
{
    sse_head(m, out);
    buf_puts(out, "data: ");
    envelope_append(m, out); /* always one line */
    buf_append(out, "\n\n", 2);
}

static void sse_raw(const struct message *m, struct buf *out)
{
    if (m->kind != MESSAGE_TEXT && m->kind != MESSAGE_JSON) {
        sse_envelope(m, out);
        return;
    }
    sse_head(m, out);
    sse_data_lines(out, m->payload, m->payload_len);
    buf_putc(out, '\n');
}

static void ws_envelope(const struct message *m, struct buf *out)
{
    size_t frame = ws_frame_begin(out);
    envelope_append(m, out);
    ws_frame_end(out, frame, WS_TEXT);
}

static void ws_raw(const struct message *m, struct buf *out)
{
    bool text = m->kind == MESSAGE_TEXT || m->kind == MESSAGE_JSON;
    size_t n = m->payload_len;
    char header[WS_HEADER_MAX];
    buf_append(out, header, ws_frame_header(header, text ? WS_TEXT : WS_BINARY, n));
    buf_append(out, m->payload, n);
}

static void resp_message(const struct message *m, struct buf *out)
{
    resp_reply_array(out, 3);
    resp_reply_bulk(out, "message", 7);
    resp_reply_bulk(out, m->topic->name, m->topic->name_len);
    resp_reply_bulk(out, m->payload, m->payload_len);
}

const struct encoding encoding_sse_raw = {"sse-raw", SLOT_SSE_RAW, sse_raw};
const struct encoding encoding_sse_envelope = {"sse-envelope", SLOT_SSE_ENVELOPE, sse_envelope};
const struct encoding encoding_ws_envelope = {"ws-envelope", SLOT_WS_ENVELOPE, ws_envelope};
const struct encoding encoding_ws_raw = {"ws-raw", SLOT_WS_RAW, ws_raw};
const struct encoding encoding_poll = {"poll", SLOT_POLL, envelope_append};
const struct encoding encoding_resp_message = {"resp-message", SLOT_RESP, resp_message};
