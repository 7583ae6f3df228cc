#include "frontends/sse/sse_encoding.h"

#include <stddef.h>

#include "broker/cursor.h"
#include "delivery/envelope.h"
#include "delivery/packing.h"
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

typedef void put_text(const struct message *m, struct buf *out);

static void put_chunk(const struct message *m, struct buf *out, put_text *put)
{
    size_t chunk = chunk_begin(out);
    put(m, out);
    chunk_end(out, chunk);
}

static void chunked_raw(const struct message *m, struct buf *out)
{
    put_chunk(m, out, put_raw);
}

static void chunked_envelope(const struct message *m, struct buf *out)
{
    put_chunk(m, out, put_envelope);
}

static void chunked_joining(const struct message *m, struct buf *out)
{
    put_chunk(m, out, put_joining);
}

/* --- compressed: a block of the gzip stream that the event stream is (base/gzip.h) --- */

static void put_packed(const struct message *m, struct buf *out, put_text *put)
{
    size_t chunk = chunk_begin(out), block = gzip_begin(out);
    put(m, out);
    packing_end(out, block);
    chunk_end(out, chunk);
}

static void packed_raw(const struct message *m, struct buf *out)
{
    put_packed(m, out, put_raw);
}

static void packed_envelope(const struct message *m, struct buf *out)
{
    put_packed(m, out, put_envelope);
}

static void packed_joining(const struct message *m, struct buf *out)
{
    put_packed(m, out, put_joining);
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

struct encoding sse_encoding_raw_gzip = {
    .name = "sse-raw-gzip", .encode = packed_raw, .costly = true};
struct encoding sse_encoding_envelope_gzip = {
    .name = "sse-envelope-gzip", .encode = packed_envelope, .costly = true};
static struct encoding joining_gzip = {.name = "sse-joining-gzip", .encode = packed_joining};
static struct encoding raw_gzip_bare = {.name = "sse-raw-gzip-bare",
                                        .same = &sse_encoding_raw_gzip,
                                        .encode = packed_raw,
                                        .costly = true,
                                        .head = CHUNK_HEAD,
                                        .tail = CHUNK_TAIL};
static struct encoding envelope_gzip_bare = {.name = "sse-envelope-gzip-bare",
                                             .same = &sse_encoding_envelope_gzip,
                                             .encode = packed_envelope,
                                             .costly = true,
                                             .head = CHUNK_HEAD,
                                             .tail = CHUNK_TAIL};
static struct encoding joining_gzip_bare = {.name = "sse-joining-gzip-bare",
                                            .encode = packed_joining,
                                            .head = CHUNK_HEAD,
                                            .tail = CHUNK_TAIL};

struct encoding *const sse_encodings[] = {&sse_encoding_raw,
                                          &sse_encoding_envelope,
                                          &sse_encoding_raw_bare,
                                          &sse_encoding_envelope_bare,
                                          &sse_encoding_raw_gzip,
                                          &sse_encoding_envelope_gzip,
                                          &raw_gzip_bare,
                                          &envelope_gzip_bare,
                                          NULL};

static const struct {
    struct sse_form form;
    const struct encoding *encoding, *joining;
} forms[] = {
    {{.raw = true, .chunked = true}, &sse_encoding_raw, &sse_encoding_joining},
    {{.chunked = true}, &sse_encoding_envelope, &sse_encoding_joining},
    {{.raw = true}, &sse_encoding_raw_bare, &sse_encoding_joining_bare},
    {{0}, &sse_encoding_envelope_bare, &sse_encoding_joining_bare},
    {{.raw = true, .chunked = true, .gzip = true}, &sse_encoding_raw_gzip, &joining_gzip},
    {{.chunked = true, .gzip = true}, &sse_encoding_envelope_gzip, &joining_gzip},
    {{.raw = true, .gzip = true}, &raw_gzip_bare, &joining_gzip_bare},
    {{.gzip = true}, &envelope_gzip_bare, &joining_gzip_bare},
};

enum { FORMS = sizeof(forms) / sizeof(*forms) };

const struct encoding *sse_encoding_of(struct sse_form f)
{
    size_t i = 0;
    while (i + 1 < FORMS && (forms[i].form.raw != f.raw || forms[i].form.chunked != f.chunked ||
                             forms[i].form.gzip != f.gzip))
        i++;
    return forms[i].encoding;
}

static size_t find(const struct encoding *e)
{
    size_t i = 0;
    while (i + 1 < FORMS && forms[i].encoding != e)
        i++;
    return i;
}

struct sse_form sse_encoding_form(const struct encoding *e)
{
    return forms[find(e)].form;
}

const struct encoding *sse_encoding_of_joining(const struct encoding *e)
{
    return forms[find(e)].joining;
}
