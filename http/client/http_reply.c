#include "http/client/http_reply.h"

#include <string.h>

#include "http/field.h"

enum { BALLAST_MAX = 4096 /* bytes of chunk extensions and trailers */ };

enum state {
    START, /* no byte of a status line is there */
    STATUS_LINE,
    FIELDS,
    BODY,          /* of Content-Length */
    CHUNKS,        /* of a chunked body */
    BODY_TO_CLOSE, /* as long as the connection lasts */
    DONE,
    FAULT,
};

void http_reply_init(struct http_reply *r, const struct http_reply_limits *limits)
{
    memset(r, 0, sizeof(*r));
    r->limits = limits;
}

void http_reply_finish(struct http_reply *r)
{
    http_fields_give_back(r->fields);
    buf_finish(&r->line);
    buf_finish(&r->body);
    http_reply_init(r, r->limits);
}

bool http_reply_is_untouched(const struct http_reply *r)
{
    return r->state == START && r->seen == 0;
}

/* Always false. */
static bool refuse(struct http_reply *r, enum err why)
{
    r->err = why;
    r->state = FAULT;
    r->keep_alive = false;
    return false;
}

/* --- the head --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" (RFC 9112 section 4); the reason, and the blank before it, may be missing. */
static bool parse_status_line(struct http_reply *r, const char *line, size_t n)
{
    if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ')
        return refuse(r, ERR_INVALID);
    if (line[9] < '1' || line[9] > '5' || !is_digit(line[10]) || !is_digit(line[11]))
        return refuse(r, ERR_INVALID);
    if (n > 12 && line[12] != ' ')
        return refuse(r, ERR_INVALID);
    r->minor = line[7] != '0';
    r->status = (uint16_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    http_fields_give_back(r->fields); /* those of an interim answer */
    r->fields = http_fields_take();
    r->state = FIELDS;
    return r->fields || refuse(r, ERR_NOMEM);
}

static bool parse_field(struct http_reply *r, const char *line, size_t n)
{
    size_t name_len = field_token_span(line, n);
    if (name_len == 0 || name_len == n || line[name_len] != ':')
        return refuse(r, ERR_INVALID);
    struct field_text value = field_trim(line + name_len + 1, n - name_len - 1);
    http_fields_add(r->fields, line, name_len, value.p, value.n);
    return !r->fields->text.failed || refuse(r, ERR_NOMEM);
}

/* Only "chunked", alone: nothing else was asked for. */
static bool is_chunked(const struct http_reply *r)
{
    size_t n = 0;
    const char *value = http_fields_get(r->fields, HTTP_FIELD_TRANSFER_ENCODING, &n);
    return !http_fields_next(r->fields, HTTP_FIELD_TRANSFER_ENCODING, value, NULL) &&
           field_is((struct field_text){value, n}, "chunked");
}

static bool begin_chunks(struct http_reply *r)
{
    chunk_reader_init(&r->chunks);
    r->state = CHUNKS;
    bool sound = is_chunked(r) && !http_fields_has(r->fields, HTTP_FIELD_CONTENT_LENGTH);
    return sound || refuse(r, ERR_INVALID);
}

/* Saturating: no limit is near the end of 64 bits. False: it is no number. */
static bool parse_length(const char *value, size_t n, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned digit = (unsigned)(value[i] - '0');
        if (!is_digit(value[i]))
            return false;
        *ret = *ret > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *ret * 10 + digit;
    }
    return n > 0;
}

static bool begin_body_of(struct http_reply *r, const char *length, size_t n)
{
    if (http_fields_next(r->fields, HTTP_FIELD_CONTENT_LENGTH, length, NULL) ||
        !parse_length(length, n, &r->left))
        return refuse(r, ERR_INVALID);
    if (r->left > r->limits->body_bytes)
        return refuse(r, ERR_TOO_LARGE);
    r->state = r->left ? BODY : DONE;
    return true;
}

static bool stays_open(const struct http_reply *r)
{
    if (http_fields_has_token(r->fields, HTTP_FIELD_CONNECTION, "close"))
        return false;
    return r->minor >= 1 || http_fields_has_token(r->fields, HTTP_FIELD_CONNECTION, "keep-alive");
}

/* How long the body is: RFC 9112 section 6.3, for an answer to anything but HEAD and CONNECT. */
static bool end_head(struct http_reply *r)
{
    size_t n = 0;
    const char *length = http_fields_get(r->fields, HTTP_FIELD_CONTENT_LENGTH, &n);
    r->keep_alive = stays_open(r);
    r->state = DONE;
    if (r->status == 101)
        return refuse(r, ERR_INVALID); /* to something that was not asked for */
    if (r->status < 200)
        r->state = START;
    if (r->status < 200 || r->status == 204 || r->status == 304)
        return true;
    if (http_fields_has(r->fields, HTTP_FIELD_TRANSFER_ENCODING))
        return begin_chunks(r);
    if (length)
        return begin_body_of(r, length, n);
    r->state = BODY_TO_CLOSE;
    r->keep_alive = false;
    return true;
}

/* LINE is whole, without its end. */
static bool parse_line(struct http_reply *r, const char *line, size_t n)
{
    if (field_value_span(line, n) != n)
        return refuse(r, ERR_INVALID);
    if (r->state == STATUS_LINE)
        return parse_status_line(r, line, n);
    return n ? parse_field(r, line, n) : end_head(r);
}

static bool end_line(struct http_reply *r)
{
    const struct buf *line = &r->line;
    bool good = line->len >= 2 && line->data[line->len - 2] == '\r';
    if (!good || !parse_line(r, line->data, line->len - 2))
        return refuse(r, good ? r->err : ERR_INVALID);
    buf_clear(&r->line);
    return true;
}

static size_t feed_head(struct http_reply *r, const char *data, size_t n)
{
    const char *lf = memchr(data, '\n', n);
    size_t m = lf ? (size_t)(lf - data) + 1 : n;
    if (r->state == START)
        r->state = STATUS_LINE;
    r->seen += m;
    if (r->seen > r->limits->head_bytes) {
        refuse(r, ERR_TOO_LARGE);
        return m;
    }
    buf_append(&r->line, data, m);
    if (r->line.failed)
        refuse(r, ERR_NOMEM);
    else if (lf)
        end_line(r);
    return m;
}

/* --- the body --- */

static void put_body(struct http_reply *r, const char *data, size_t n)
{
    buf_append(&r->body, data, n);
    if (r->body.failed)
        refuse(r, ERR_NOMEM);
}

static size_t feed_body(struct http_reply *r, const char *data, size_t n)
{
    size_t m = n < r->left ? n : (size_t)r->left;
    r->left -= m;
    if (!r->left)
        r->state = DONE;
    put_body(r, data, m);
    return m;
}

static bool has_room(const struct http_reply *r, uint64_t n)
{
    return n <= r->limits->body_bytes - r->body.len;
}

static size_t feed_to_close(struct http_reply *r, const char *data, size_t n)
{
    if (has_room(r, n))
        put_body(r, data, n);
    else
        refuse(r, ERR_TOO_LARGE);
    return n;
}

static size_t feed_chunks(struct http_reply *r, const char *data, size_t n)
{
    struct chunk_found found;
    size_t used;
    enum chunk_read got = chunk_reader_feed(&r->chunks, BALLAST_MAX, data, n, &used, &found);
    if (got == CHUNK_BYTES)
        put_body(r, found.data, found.n);
    else if (got == CHUNK_END)
        r->state = DONE;
    else if (got == CHUNK_FAULT)
        refuse(r, ERR_INVALID);
    else if (got == CHUNK_BEGIN && !has_room(r, r->chunks.left))
        refuse(r, ERR_TOO_LARGE);
    return used;
}

/* --- feeding --- */

static size_t feed_some(struct http_reply *r, const char *data, size_t n)
{
    if (r->state <= FIELDS)
        return feed_head(r, data, n);
    if (r->state == BODY)
        return feed_body(r, data, n);
    return r->state == CHUNKS ? feed_chunks(r, data, n) : feed_to_close(r, data, n);
}

enum http_reply_read http_reply_feed(struct http_reply *r, const char *data, size_t n, size_t *used)
{
    *used = 0;
    while (r->state != DONE && r->state != FAULT && *used < n)
        *used += feed_some(r, data + *used, n - *used);
    return r->state == DONE    ? HTTP_REPLY_DONE
           : r->state == FAULT ? HTTP_REPLY_FAULT
                               : HTTP_REPLY_MORE;
}

enum http_reply_read http_reply_end(struct http_reply *r)
{
    if (r->state == BODY_TO_CLOSE)
        r->state = DONE;
    else if (r->state < DONE)
        refuse(r, ERR_CLOSED);
    return r->state == DONE ? HTTP_REPLY_DONE : HTTP_REPLY_FAULT;
}
