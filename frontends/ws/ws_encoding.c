#include "frontends/ws/ws_encoding.h"

#include <stddef.h>

#include "delivery/envelope.h"
#include "frontends/ws/ws_frame.h"

static void envelope(const struct message *m, struct buf *out)
{
    size_t frame = ws_frame_begin(out);
    envelope_append(m, out);
    ws_frame_end(out, frame, WS_TEXT);
}

static enum ws_opcode raw_opcode(const struct message *m)
{
    return m->kind == MESSAGE_TEXT || m->kind == MESSAGE_JSON ? WS_TEXT : WS_BINARY;
}

static void raw(const struct message *m, struct buf *out)
{
    size_t n = m->payload_len;
    char header[WS_HEADER_MAX];
    buf_append(out, header, ws_frame_header(header, raw_opcode(m), n));
    buf_append(out, m->payload, n);
}

static struct ws_deflate_rule deflate_rule = {
    .min_bytes = 512, .level = 6, .window_bits = WS_WINDOW_MAX};
/* Encoders know no worker; each worker asks its own thread. */
static _Thread_local struct ws_encoding_tally tally;

void ws_encoding_set_deflate(const struct ws_deflate_rule *rule)
{
    deflate_rule = *rule;
}

struct ws_encoding_tally ws_encoding_take_tally(void)
{
    struct ws_encoding_tally taken = tally;
    tally = (struct ws_encoding_tally){0};
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

static void envelope_deflate(const struct message *m, struct buf *out)
{
    size_t frame = ws_frame_begin(out);
    envelope_append(m, out);
    end_deflated(out, frame, WS_TEXT);
}

static void raw_deflate(const struct message *m, struct buf *out)
{
    size_t frame = ws_frame_begin(out);
    buf_append(out, m->payload, m->payload_len);
    end_deflated(out, frame, raw_opcode(m));
}

struct encoding ws_encoding_envelope = {.name = "ws-envelope", .encode = envelope};
struct encoding ws_encoding_raw = {.name = "ws-raw", .encode = raw};
/* Compressing is costly. */
struct encoding ws_encoding_envelope_deflate = {
    .name = "ws-envelope-deflate", .encode = envelope_deflate, .costly = true};
struct encoding ws_encoding_raw_deflate = {
    .name = "ws-raw-deflate", .encode = raw_deflate, .costly = true};

struct encoding *const ws_encodings[] = {&ws_encoding_envelope, &ws_encoding_raw,
                                         &ws_encoding_envelope_deflate, &ws_encoding_raw_deflate,
                                         NULL};
