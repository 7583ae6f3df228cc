#include "frontends/sse/sse_encoding.h"

#include <stddef.h>

#include "broker/cursor.h"
#include "delivery/envelope.h"
#include "frontends/sse/sse_text.h"
#include "http/chunk.h"

static void put_id(const struct message *m, struct buf *out)
{
    char cursor[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(cursor, m->offset, m->epoch);
    sse_id_line(out, cursor, n);
}

static void put_joining(const struct message *m, struct buf *out)
{
    sse_event_line(out, m->event, m->event_len);
    buf_puts(out, "data: ");
    envelope_append(m, out); /* always one line */
    buf_append(out, "\n\n", 2);
}

static void put_envelope(const struct message *m, struct buf *out)
{
    put_id(m, out);
    put_joining(m, out);
}

static void put_raw(const struct message *m, struct buf *out)
{
    if (m->kind != MESSAGE_TEXT && m->kind != MESSAGE_JSON) {
        put_envelope(m, out);
        return;
    }
    put_id(m, out);
    sse_event_line(out, m->event, m->event_len);
    sse_data_lines(out, m->payload, m->payload_len);
    buf_putc(out, '\n');
}

static void chunked_raw(const struct message *m, struct buf *out)
{
    size_t chunk = chunk_begin(out);
    put_raw(m, out);
    chunk_end(out, chunk);
}

static void chunked_envelope(const struct message *m, struct buf *out)
{
    size_t chunk = chunk_begin(out);
    put_envelope(m, out);
    chunk_end(out, chunk);
}

static void chunked_joining(const struct message *m, struct buf *out)
{
    size_t chunk = chunk_begin(out);
    put_joining(m, out);
    chunk_end(out, chunk);
}

struct encoding sse_encoding_raw = {.name = "sse-raw", .encode = chunked_raw};
struct encoding sse_encoding_envelope = {.name = "sse-envelope", .encode = chunked_envelope};
struct encoding sse_encoding_joining = {.name = "sse-joining", .encode = chunked_joining};
struct encoding sse_encoding_raw_bare = {.name = "sse-raw-bare",
                                         .same = &sse_encoding_raw,
                                         .encode = chunked_raw,
                                         .head = CHUNK_HEAD,
                                         .tail = CHUNK_TAIL};
struct encoding sse_encoding_envelope_bare = {.name = "sse-envelope-bare",
                                              .same = &sse_encoding_envelope,
                                              .encode = chunked_envelope,
                                              .head = CHUNK_HEAD,
                                              .tail = CHUNK_TAIL};
struct encoding sse_encoding_joining_bare = {.name = "sse-joining-bare", .encode = put_joining};

struct encoding *const sse_encodings[] = {&sse_encoding_raw, &sse_encoding_envelope,
                                          &sse_encoding_raw_bare, &sse_encoding_envelope_bare,
                                          NULL};

bool sse_encoding_is_chunked(const struct encoding *e)
{
    return e == &sse_encoding_raw || e == &sse_encoding_envelope;
}

bool sse_encoding_is_raw(const struct encoding *e)
{
    return e == &sse_encoding_raw || e == &sse_encoding_raw_bare;
}

const struct encoding *sse_encoding_of_joining(const struct encoding *e)
{
    return sse_encoding_is_chunked(e) ? &sse_encoding_joining : &sse_encoding_joining_bare;
}
