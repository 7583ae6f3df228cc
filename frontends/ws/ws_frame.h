/*
 * WebSocket frames, the server's side (RFC 6455 sections 5 to 8): a reader that takes any pieces of
 * the byte stream and yields whole messages and control frames, and writers of unmasked frames.
 *
 * Bytes in, events out: no I/O, no clock, and nothing is answered from here. The opening handshake
 * is in ws_handshake.h and ws_extension.h, the JSON inside the messages in ws_control.h. Compressed
 * messages (RFC 7692) are inflated while they are read, and come out as any others.
 */
#ifndef FRONTENDS_WS_WS_FRAME_H
#define FRONTENDS_WS_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "frontends/ws/ws_deflate.h"

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

/* Section 7.4.1, the IANA registry, and our own. */
enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL = 1002,
    WS_CLOSE_UNSUPPORTED = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* never sent: a close frame without a code */
    WS_CLOSE_BAD_DATA = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
    WS_CLOSE_RESTART = 1012,
    WS_CLOSE_TRY_LATER = 1013,
    WS_CLOSE_UNAUTHORIZED = 4401, /* its token is over, or has not come */
    WS_CLOSE_GAP = 4410,          /* a raw connection cannot be continued without a gap */
};

enum {
    WS_HEADER_MAX = 10,   /* bytes of an unmasked header */
    WS_CONTROL_MAX = 125, /* payload bytes of a control frame, section 5.5 */
    WS_CONTROL_FRAME_MAX = 2 + WS_CONTROL_MAX,
    /* A few bytes can stand for a thousand times as many: so much is inflated in one call, and what
     * one step of WS_PACKED_STEP bytes of input gives. */
    WS_PIECE = 32 << 10,
    WS_PACKED_STEP = 128,
};

/*
 * Compressed data may be longer than what it holds: the worst that a compressor does is to flush
 * behind each byte, which takes at most 7 bytes for it (a block of 19 bits and an empty stored one,
 * RFC 1951 section 3.2; a stored block of one byte takes 6). But not without end: empty blocks hold
 * nothing. So a message's frames have at most message_max times the first, and the second.
 */
enum { WS_PACKED_GROWTH = 8, WS_PACKED_SPARE = 1024 };

enum ws_event_type {
    WS_EVENT_NONE, /* all input is used up */
    WS_EVENT_MESSAGE,
    WS_EVENT_PIECE, /* LEN bytes of a message have been inflated, WS_PIECE at least, and more input
                       is there: a place to do something else before the next call */
    WS_EVENT_PING,  /* to be answered by a pong with the same payload */
    WS_EVENT_PONG,
    WS_EVENT_CLOSE, /* valid; to be answered by a close frame with the same code */
    WS_EVENT_ERROR, /* the peer broke the protocol; to be answered by a close frame */
};

struct ws_event {
    enum ws_event_type type;
    bool text;     /* MESSAGE: text, and valid UTF-8; else binary */
    uint16_t code; /* CLOSE: the peer's, or WS_CLOSE_NO_STATUS; ERROR: the one to send */
    /* MESSAGE, PING, PONG: the unmasked payload; CLOSE: the reason, valid UTF-8. May be changed in
     * place; NULL is possible when LEN is 0. Valid until the next call for the reader. */
    char *data;
    size_t len;
    uint64_t packed;    /* MESSAGE: bytes that it came in when it was compressed; else 0 */
    const char *reason; /* ERROR: a constant text to send */
};

enum ws_reader_state {
    WS_READER_HEAD, /* collecting a frame header */
    WS_READER_PAYLOAD,
    WS_READER_GIVEN, /* the last event's bytes are in `parts`, to be dropped */
    WS_READER_DONE,  /* after CLOSE or ERROR: input is ignored, section 5.5.1 */
};

/* One for each connection; no memory beyond itself while no frame is half read and no message half
 * assembled. */
struct ws_reader {
    struct buf parts; /* the message so far, then the payload so far of a control frame in it */
    struct ws_inflater *inflater; /* of the current message; NULL unless it is compressed */
    size_t message_max;           /* bytes, inflated */
    uint64_t packed;    /* payload bytes of the current message's frames, when it is compressed */
    uint64_t frame_len; /* payload bytes of the current frame */
    uint64_t due;       /* of these, the ones not yet read */
    uint32_t utf8;      /* state of the check of the current text message */
    uint8_t head[14];
    uint8_t head_len;
    uint8_t message; /* enum ws_opcode of the message being assembled, WS_CONTINUATION = none */
    uint8_t state;   /* enum ws_reader_state */
    bool deflate;    /* permessage-deflate was negotiated */
    bool compressed; /* the message being assembled */
};

/* In place; MESSAGE_MAX: most bytes of one message, fragments together, inflated. DEFLATE: messages
 * may be compressed. */
void ws_reader_init(struct ws_reader *r, size_t message_max, bool deflate);
void ws_reader_finish(struct ws_reader *r);
/* Nothing is half read, and nothing that the last event pointed to is kept: a new reader goes on in
 * the same place. */
bool ws_reader_idle(const struct ws_reader *r);
/* Bytes that it has allocated besides itself, about. */
size_t ws_reader_held(const struct ws_reader *r);
/*
 * Reads from *DATA (*N bytes, unmasked in place) up to the next event, and moves *DATA and *N
 * behind what it used. Call until it returns WS_EVENT_NONE, also when *N is 0: that frees what the
 * last event pointed to. *RET is set for all but WS_EVENT_NONE.
 *
 * Errors are told at the first byte that makes them certain: 1002 (framing), 1007 (not UTF-8, or
 * not deflated data), 1009 (longer than message_max, told by the header before anything is
 * allocated, or by the byte above it while inflating), 1011 (no memory).
 */
enum ws_event_type ws_reader_feed(struct ws_reader *r, char **data, size_t *n,
                                  struct ws_event *ret);

/* Writes the header of an unfragmented, unmasked frame into OUT (WS_HEADER_MAX bytes); returns its
 * length. */
size_t ws_frame_header(char *out, enum ws_opcode opcode, uint64_t len);
/* For payloads of unknown length: begin, append the payload to OUT, end with what begin returned.
 */
size_t ws_frame_begin(struct buf *out);
void ws_frame_end(struct buf *out, size_t begin, enum ws_opcode opcode);
/* The same, for a message that is compressed by RULE where that makes it smaller. Returns the bytes
 * of the compressed payload, and in *RET_PLAIN those that it had; 0: it stays as it is. */
size_t ws_frame_end_deflated(struct buf *out, size_t begin, enum ws_opcode opcode,
                             const struct ws_deflate_rule *rule, size_t *ret_plain);
/* Writes a whole control frame into OUT (WS_CONTROL_FRAME_MAX bytes); returns its length. A payload
 * above WS_CONTROL_MAX is cut. */
size_t ws_frame_control(char *out, enum ws_opcode opcode, const void *data, size_t n);
/* Writes a whole close frame; REASON (UTF-8, may be NULL) is cut to fit at a character boundary.
 * WS_CLOSE_NO_STATUS makes an empty one. */
size_t ws_frame_close(char *out, unsigned code, const char *reason);

#endif
