#include "frontends/ws/ws_frame.h"

#include <string.h>

#include "base/utf8.h"

enum {
    FIN = 0x80,
    RSV = 0x70,
    RSV1 = 0x40,
    OPCODE = 0x0F,
    CONTROL = 0x08,
    MASKED = 0x80,
    LENGTH = 0x7F
};
enum { LENGTH_16 = 126, LENGTH_64 = 127 }; /* the length follows in 2 or 8 bytes */

void ws_reader_init(struct ws_reader *r, size_t message_max, bool deflate)
{
    memset(r, 0, sizeof(*r));
    r->message_max = message_max;
    r->deflate = deflate;
}

static void drop_inflater(struct ws_reader *r)
{
    ws_inflater_destroy(r->inflater);
    r->inflater = NULL;
}

void ws_reader_finish(struct ws_reader *r)
{
    drop_inflater(r);
    buf_finish(&r->parts);
    r->state = WS_READER_DONE;
}

bool ws_reader_idle(const struct ws_reader *r)
{
    return r->state == WS_READER_HEAD && r->head_len == 0 && r->message == WS_CONTINUATION;
}

size_t ws_reader_held(const struct ws_reader *r)
{
    return r->parts.cap + (r->inflater ? WS_INFLATER_BYTES : 0);
}

static bool fail(struct ws_reader *r, struct ws_event *ret, unsigned code, const char *reason)
{
    r->state = WS_READER_DONE;
    ret->type = WS_EVENT_ERROR;
    ret->code = (uint16_t)code;
    ret->reason = reason;
    return false;
}

static bool is_control(const struct ws_reader *r)
{
    return r->head[0] & CONTROL;
}

/* Checks the opcode against what may come now (section 5.4). */
static bool check_opcode(struct ws_reader *r, struct ws_event *ret)
{
    switch (r->head[0] & OPCODE) {
    case WS_CONTINUATION:
        if (r->message == WS_CONTINUATION)
            return fail(r, ret, WS_CLOSE_PROTOCOL, "continuation without a message");
        return true;
    case WS_TEXT:
    case WS_BINARY:
        if (r->message != WS_CONTINUATION)
            return fail(r, ret, WS_CLOSE_PROTOCOL, "new message inside a fragmented one");
        return true;
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG:
        return true;
    default:
        return fail(r, ret, WS_CLOSE_PROTOCOL, "reserved opcode");
    }
}

static bool begins_message(const struct ws_reader *r)
{
    return !is_control(r) && (r->head[0] & OPCODE) != WS_CONTINUATION;
}

/* The reserved bits belong to extensions (section 5.2). The first one marks a compressed message,
 * on its first frame (RFC 7692 section 6). */
static bool check_reserved(struct ws_reader *r, struct ws_event *ret)
{
    uint8_t allowed = r->deflate && begins_message(r) ? RSV1 : 0;
    if (r->head[0] & RSV & ~allowed)
        return fail(r, ret, WS_CLOSE_PROTOCOL, "reserved bits are set");
    return true;
}

/* What the first two bytes of a header tell. */
static bool check_start(struct ws_reader *r, struct ws_event *ret)
{
    if (!check_reserved(r, ret) || !check_opcode(r, ret))
        return false;
    if (!(r->head[1] & MASKED))
        return fail(r, ret, WS_CLOSE_PROTOCOL, "frame is not masked");
    if (begins_message(r)) {
        r->compressed = r->head[0] & RSV1;
        r->packed = 0;
    }
    if (!is_control(r))
        return true;
    if (!(r->head[0] & FIN))
        return fail(r, ret, WS_CLOSE_PROTOCOL, "fragmented control frame");
    if ((r->head[1] & LENGTH) > WS_CONTROL_MAX)
        return fail(r, ret, WS_CLOSE_PROTOCOL, "control frame is too long");
    return true;
}

static size_t length_size(const struct ws_reader *r)
{
    switch (r->head[1] & LENGTH) {
    case LENGTH_16:
        return 2;
    case LENGTH_64:
        return 8;
    default:
        return 0;
    }
}

static uint64_t read_length(const struct ws_reader *r)
{
    size_t size = length_size(r);
    uint64_t len = 0;
    if (size == 0)
        return r->head[1] & LENGTH;
    for (size_t i = 0; i < size; i++)
        len = len << 8 | r->head[2 + i];
    return len;
}

static uint64_t packed_max(const struct ws_reader *r)
{
    return (uint64_t)r->message_max * WS_PACKED_GROWTH + WS_PACKED_SPARE;
}

static bool is_too_long(const struct ws_reader *r, uint64_t len)
{
    if (is_control(r))
        return false;
    return r->compressed ? len > packed_max(r) - r->packed : len > r->message_max - r->parts.len;
}

static bool check_length(struct ws_reader *r, struct ws_event *ret)
{
    static const uint64_t least[] = {[2] = LENGTH_16, [8] = 65536}; /* the shortest form: 5.2 */
    uint64_t len = read_length(r);
    size_t size = length_size(r);
    if (size && len < least[size])
        return fail(r, ret, WS_CLOSE_PROTOCOL, "length is not in its shortest form");
    if (len >> 63)
        return fail(r, ret, WS_CLOSE_PROTOCOL, "length has its highest bit set");
    if (is_too_long(r, len))
        return fail(r, ret, WS_CLOSE_TOO_BIG, "message is too big");
    r->frame_len = r->due = len;
    return true;
}

/* Collects the header; false: more input is needed, or it is wrong. */
static bool take_head(struct ws_reader *r, char **data, size_t *n, struct ws_event *ret)
{
    while (r->head_len < 2 || r->head_len < 2 + length_size(r) + 4) {
        if (*n == 0)
            return false;
        r->head[r->head_len++] = (uint8_t) * *data;
        ++*data;
        --*n;
        if (r->head_len == 2 && !check_start(r, ret))
            return false;
        if (r->head_len == 2 + length_size(r) && !check_length(r, ret))
            return false;
    }
    if (!is_control(r) && r->message == WS_CONTINUATION) {
        r->message = r->head[0] & OPCODE;
        r->utf8 = UTF8_ACCEPT;
    }
    r->state = WS_READER_PAYLOAD;
    return true;
}

/* XORs N bytes at P with the mask, whose byte PHASE comes first (section 5.3). */
static void unmask(char *p, size_t n, const uint8_t *mask, unsigned phase)
{
    uint8_t turned[8];
    uint64_t key, word;
    for (unsigned i = 0; i < sizeof(turned); i++)
        turned[i] = mask[(phase + i) & 3];
    memcpy(&key, turned, sizeof(key));
    for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        word ^= key;
        memcpy(p, &word, sizeof(word));
    }
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(p[i] ^ turned[i]);
}

/* Whether a frame that lies in the input as a whole can be given from there. */
static bool needs_no_parts(const struct ws_reader *r)
{
    if (is_control(r))
        return true;
    return (r->head[0] & FIN) && r->parts.len == 0 && !r->compressed;
}

static bool check_text(struct ws_reader *r, struct ws_event *ret, const char *p, size_t n)
{
    if (r->message != WS_TEXT)
        return true;
    r->utf8 = utf8_feed(r->utf8, p, n);
    return r->utf8 != UTF8_REJECT || fail(r, ret, WS_CLOSE_BAD_DATA, "text is not UTF-8");
}

static bool inflate_failed(struct ws_reader *r, enum err e, struct ws_event *ret)
{
    if (e == ERR_LIMIT)
        return fail(r, ret, WS_CLOSE_TOO_BIG, "message is too big");
    if (e == ERR_INVALID)
        return fail(r, ret, WS_CLOSE_BAD_DATA, "message is not deflated data");
    return fail(r, ret, WS_CLOSE_INTERNAL, "out of memory");
}

/* Adds what N bytes of a compressed message give to `parts`. */
static bool take_compressed(struct ws_reader *r, const char *p, size_t n, struct ws_event *ret)
{
    size_t had = r->parts.len;
    bool ends = r->due == 0 && r->head[0] & FIN;
    if (!r->inflater && !(r->inflater = ws_inflater_create()))
        return inflate_failed(r, ERR_NOMEM, ret);
    r->packed += n;
    enum err e = ws_inflate(r->inflater, p, n, r->message_max, &r->parts);
    if (e == ERR_OK && ends)
        e = ws_inflate_end(r->inflater, r->message_max, &r->parts);
    /* What is there counts first, so that it makes no difference where the input was cut. */
    if (r->parts.len > had && !check_text(r, ret, r->parts.data + had, r->parts.len - had))
        return false;
    return e == ERR_OK || inflate_failed(r, e, ret);
}

/* How much of N bytes of input are looked at as one. */
static size_t payload_step(const struct ws_reader *r, size_t n)
{
    size_t take = r->due < n ? (size_t)r->due : n;
    bool packed = r->compressed && !is_control(r);
    return packed && take > WS_PACKED_STEP ? WS_PACKED_STEP : take;
}

/* A step of a compressed message is done, and N bytes of input are left. False: that is all for
 * this call. */
static bool goes_on(const struct ws_reader *r, size_t had, size_t n, struct ws_event *ret)
{
    if (n == 0 || r->state != WS_READER_PAYLOAD || r->due == 0)
        return false;
    if (r->parts.len - had < WS_PIECE)
        return true;
    ret->type = WS_EVENT_PIECE;
    ret->len = r->parts.len - had;
    return false;
}

/* Takes what there is of the payload. True: the frame is complete, and *RET_WHOLE is its payload
 * when it has not gone into `parts`, else NULL. False: more input is needed, or it is wrong. */
static bool take_payload(struct ws_reader *r, char **data, size_t *n, struct ws_event *ret,
                         char **ret_whole)
{
    char *p = *data;
    size_t take = payload_step(r, *n);
    bool whole = take == r->frame_len && needs_no_parts(r);
    if (take == 0 && r->due)
        return false;
    unmask(p, take, r->head + r->head_len - 4, (unsigned)(r->frame_len - r->due) & 3);
    *data += take;
    *n -= take;
    r->due -= take;
    *ret_whole = NULL;
    if (!is_control(r) && r->compressed)
        return take_compressed(r, p, take, ret) && r->due == 0;
    if (!is_control(r) && !check_text(r, ret, p, take))
        return false;
    if (!whole)
        buf_append(&r->parts, p, take);
    if (r->parts.failed)
        return fail(r, ret, WS_CLOSE_INTERNAL, "out of memory");
    *ret_whole = whole ? p : NULL;
    return r->due == 0;
}

/* The codes that an endpoint may send (section 7.4, and 1012 to 1014 from the registry). */
static bool close_code_valid(unsigned code)
{
    if (code >= 3000 && code < 5000)
        return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

static bool end_close(struct ws_reader *r, struct ws_event *ret)
{
    const uint8_t *p = (const uint8_t *)ret->data;
    ret->code = WS_CLOSE_NO_STATUS;
    if (ret->len == 1)
        return fail(r, ret, WS_CLOSE_PROTOCOL, "close code is cut short");
    if (ret->len >= 2) {
        ret->code = (uint16_t)(p[0] << 8 | p[1]);
        ret->data += 2;
        ret->len -= 2;
        if (!close_code_valid(ret->code))
            return fail(r, ret, WS_CLOSE_PROTOCOL, "invalid close code");
        if (!utf8_valid(ret->data, ret->len))
            return fail(r, ret, WS_CLOSE_BAD_DATA, "close reason is not UTF-8");
    }
    r->state = WS_READER_DONE;
    return true;
}

static void end_control(struct ws_reader *r, char *whole, struct ws_event *ret)
{
    ret->len = (size_t)r->frame_len;
    ret->data = whole ? whole : r->parts.data + r->parts.len - ret->len;
    switch (r->head[0] & OPCODE) {
    case WS_PING:
        ret->type = WS_EVENT_PING;
        return;
    case WS_PONG:
        ret->type = WS_EVENT_PONG;
        return;
    default:
        ret->type = WS_EVENT_CLOSE;
        (void)end_close(r, ret);
    }
}

static void end_data(struct ws_reader *r, char *whole, struct ws_event *ret)
{
    if (!(r->head[0] & FIN))
        return;
    ret->type = WS_EVENT_MESSAGE;
    ret->text = r->message == WS_TEXT;
    ret->data = whole ? whole : r->parts.data;
    ret->len = whole ? (size_t)r->frame_len : r->parts.len;
    ret->packed = r->compressed ? r->packed : 0;
    r->message = WS_CONTINUATION;
    drop_inflater(r);
    if (ret->text && r->utf8 != UTF8_ACCEPT)
        (void)fail(r, ret, WS_CLOSE_BAD_DATA, "text is not UTF-8");
}

static void end_frame(struct ws_reader *r, char *whole, struct ws_event *ret)
{
    bool control = is_control(r);
    r->state = WS_READER_HEAD;
    r->head_len = 0;
    if (control)
        end_control(r, whole, ret);
    else
        end_data(r, whole, ret);
    if (ret->type != WS_EVENT_NONE && r->state == WS_READER_HEAD && !whole)
        r->state = WS_READER_GIVEN;
}

/* Drops the bytes that the last event pointed to. A message under assembly stays. */
static void drop_given(struct ws_reader *r)
{
    if (r->state == WS_READER_GIVEN) {
        r->parts.len -= is_control(r) ? (size_t)r->frame_len : r->parts.len;
        r->state = WS_READER_HEAD;
    }
    if (r->state == WS_READER_DONE || r->parts.len == 0)
        buf_finish(&r->parts);
}

enum ws_event_type ws_reader_feed(struct ws_reader *r, char **data, size_t *n, struct ws_event *ret)
{
    struct ws_event event = {0};
    char *whole = NULL;
    drop_given(r);
    size_t had = r->parts.len;
    while (event.type == WS_EVENT_NONE && r->state != WS_READER_DONE) {
        if (r->state == WS_READER_HEAD && !take_head(r, data, n, &event))
            break;
        if (!take_payload(r, data, n, &event, &whole)) {
            if (event.type == WS_EVENT_NONE && goes_on(r, had, *n, &event))
                continue;
            break;
        }
        end_frame(r, whole, &event);
    }
    if (r->state == WS_READER_DONE && *n) {
        *data += *n;
        *n = 0;
    }
    if (event.type != WS_EVENT_NONE)
        *ret = event;
    return event.type;
}

/* FIRST: the whole first byte. */
static size_t put_header(char *out, unsigned first, uint64_t len)
{
    size_t size = len < LENGTH_16 ? 0 : len < 65536 ? 2 : 8;
    out[0] = (char)first;
    out[1] = (char)(size == 0 ? len : size == 2 ? LENGTH_16 : LENGTH_64);
    for (size_t i = 0; i < size; i++)
        out[2 + i] = (char)(len >> 8 * (size - 1 - i));
    return 2 + size;
}

size_t ws_frame_header(char *out, enum ws_opcode opcode, uint64_t len)
{
    return put_header(out, FIN | (unsigned)opcode, len);
}

/* Most payloads of unknown length are between 126 and 65535 bytes long. */
enum { GUESSED_HEADER = 4 };

size_t ws_frame_begin(struct buf *out)
{
    size_t begin = out->len;
    buf_append(out, (char[GUESSED_HEADER]){0}, GUESSED_HEADER);
    return begin;
}

static void end_frame_with(struct buf *out, size_t begin, unsigned first)
{
    char header[WS_HEADER_MAX];
    if (out->failed || !buf_reserve(out, WS_HEADER_MAX))
        return;
    size_t len = out->len - begin - GUESSED_HEADER;
    size_t size = put_header(header, first, len);
    char *frame = out->data + begin;
    if (size != GUESSED_HEADER)
        memmove(frame + size, frame + GUESSED_HEADER, len);
    memcpy(frame, header, size);
    out->len = begin + size + len;
}

void ws_frame_end(struct buf *out, size_t begin, enum ws_opcode opcode)
{
    end_frame_with(out, begin, FIN | (unsigned)opcode);
}

/* Puts the compressed form behind the N bytes of the payload at AT, then in their place. Returns
 * its length, 0 when it is not shorter, or memory is out. */
static size_t deflate_in_place(struct buf *out, size_t at, size_t n,
                               const struct ws_deflate_rule *rule)
{
    /* Room first: what is read from must not move. */
    if (!buf_reserve(out, n + WS_DEFLATE_SPARE) ||
        ws_deflate(rule, out->data + at, n, n - 1, out) != ERR_OK)
        return 0;
    size_t packed = out->len - at - n;
    memmove(out->data + at, out->data + at + n, packed);
    out->len = at + packed;
    return packed;
}

size_t ws_frame_end_deflated(struct buf *out, size_t begin, enum ws_opcode opcode,
                             const struct ws_deflate_rule *rule, size_t *ret_plain)
{
    size_t at = begin + GUESSED_HEADER, n = out->failed ? 0 : out->len - at;
    size_t packed = n && n >= rule->min_bytes ? deflate_in_place(out, at, n, rule) : 0;
    *ret_plain = n;
    end_frame_with(out, begin, FIN | (packed ? RSV1 : 0) | (unsigned)opcode);
    return packed;
}

size_t ws_frame_control(char *out, enum ws_opcode opcode, const void *data, size_t n)
{
    if (n > WS_CONTROL_MAX)
        n = WS_CONTROL_MAX;
    size_t size = ws_frame_header(out, opcode, n);
    if (n)
        memcpy(out + size, data, n);
    return size + n;
}

/* The longest prefix of at most MAX bytes that ends between characters. */
static size_t cut_utf8(const char *s, size_t max)
{
    size_t n = strnlen(s, max + 1);
    if (n <= max)
        return n;
    for (n = max; n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80;)
        n--;
    return n;
}

size_t ws_frame_close(char *out, unsigned code, const char *reason)
{
    char payload[WS_CONTROL_MAX];
    if (code == WS_CLOSE_NO_STATUS)
        return ws_frame_control(out, WS_CLOSE, NULL, 0);
    size_t n = reason ? cut_utf8(reason, sizeof(payload) - 2) : 0;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)code;
    if (n)
        memcpy(payload + 2, reason, n);
    return ws_frame_control(out, WS_CLOSE, payload, 2 + n);
}
