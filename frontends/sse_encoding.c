#include "frontends/sse_encoding.h"

#include "broker/cursor.h"
#include "frontends/encoding_slots.h"
#include "frontends/envelope.h"
#include "frontends/sse_text.h"

static void put_id(const struct message *m, struct buf *out)
{
    char cursor[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(cursor, m->offset, m->epoch);
    sse_id_line(out, cursor, n);
}

static void joining(const struct message *m, struct buf *out)
{
    sse_event_line(out, m->event, m->event_len);
    buf_puts(out, "data: ");
    envelope_append(m, out); /* always one line */
    buf_append(out, "\n\n", 2);
}

static void envelope(const struct message *m, struct buf *out)
{
    put_id(m, out);
    joining(m, out);
}

static void raw(const struct message *m, struct buf *out)
{
    if (m->kind != MESSAGE_TEXT && m->kind != MESSAGE_JSON) {
        envelope(m, out);
        return;
    }
    put_id(m, out);
    sse_event_line(out, m->event, m->event_len);
    sse_data_lines(out, m->payload, m->payload_len);
    buf_putc(out, '\n');
}

const struct encoding sse_encoding_raw = {"sse-raw", SLOT_SSE_RAW, raw, false};
const struct encoding sse_encoding_envelope = {"sse-envelope", SLOT_SSE_ENVELOPE, envelope, false};
const struct encoding sse_encoding_joining = {"sse-joining", MESSAGE_UNSHARED, joining, false};
