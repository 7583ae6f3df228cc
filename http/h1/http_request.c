/*
 * Head: a line that is whole in the fed data is parsed where it lies; what is there of another one
 * is gathered behind the text of the head, and parsed and packed there, which never takes more room
 * than the line did. Each byte is checked when it comes, so that noise is refused before a line of
 * it is there.
 *
 * Body: its bytes are handed out where they lie; the framing around chunks is read byte by byte and
 * not kept.
 */
#include "http/h1/http_request.h"

#include <string.h>

#include "http/field.h"
#include "http/url.h"

/* Two spaces and the version with its line end. */
enum { REQUEST_LINE_EXTRA = HTTP_METHOD_MAX + sizeof("  HTTP/1.1\r\n") - 1 };

void http_request_init(struct http_request *r, const struct http_limits *limits)
{
    memset(r, 0, sizeof(*r));
    r->limits = limits;
}

void http_request_finish(struct http_request *r)
{
    http_fields_give_back(r->fields);
    http_request_init(r, r->limits);
}

void http_request_forget_head(struct http_request *r)
{
    http_fields_give_back(r->fields);
    r->method = r->target = r->host = NULL;
    r->fields = NULL;
}

size_t http_request_held(const struct http_request *r)
{
    return http_fields_held(r->fields);
}

uint64_t http_request_length(const struct http_request *r)
{
    return r->chunks.left;
}

bool http_request_is_read(const struct http_request *r)
{
    return r->state == HTTP_DONE;
}

bool http_request_idle(const struct http_request *r)
{
    return r->state == HTTP_START || r->state == HTTP_START_LF;
}

static const char no_memory[] = "Out of memory";

/* Notes why the request is refused; always false. */
static bool refuse(struct http_request *r, uint16_t status, const char *reason)
{
    r->status = status;
    r->reason = reason;
    r->keep_alive = false;
    return false;
}

static enum http_read fail(struct http_request *r, uint16_t status, const char *reason)
{
    refuse(r, status, reason);
    r->state = HTTP_FAILED;
    return HTTP_READ_ERROR;
}

bool http_request_upgrade(const struct http_request *r, const char *protocol)
{
    return r->minor >= 1 && http_fields_has_token(r->fields, HTTP_FIELD_UPGRADE, protocol) &&
           http_fields_has_token(r->fields, HTTP_FIELD_CONNECTION, "upgrade");
}

/* ---- Request line (RFC 9112 section 3) ---- */

/* "HTTP/" DIGIT "." DIGIT; a newer minor version is spoken to as 1.1 (RFC 9110 section 2.5). */
static bool parse_version(struct http_request *r, const char *text, size_t n)
{
    if (n != 8 || memcmp(text, "HTTP/", 5) != 0 || text[6] != '.' || text[5] < '0' ||
        text[5] > '9' || text[7] < '0' || text[7] > '9')
        return refuse(r, 400, "The request line does not end with an HTTP version");
    if (text[5] != '1')
        return refuse(r, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here");
    r->minor = text[7] != '0';
    return true;
}

/* Packs an absolute-form target at TEXT into "AUTHORITY\0/path?query\0"; the scheme makes room for
 * the slash and the NULs. Returns the end. */
static char *pack_absolute(struct http_request *r, char *text, const struct url_absolute *u,
                           bool options)
{
    size_t authority_len = u->authority_len, rest_len = u->rest_len;
    const char *rest = u->rest;
    memmove(text, u->authority, authority_len);
    text[authority_len] = '\0';
    char *to = text + authority_len + 1;
    r->host_at = (uint32_t)(text - r->fields->text.data);
    r->target_at = (uint32_t)(to - r->fields->text.data);
    if (rest_len == 0 || rest[0] == '?')
        *to++ = rest_len == 0 && options ? '*' : '/'; /* section 3.2.4 */
    memmove(to, rest, rest_len);
    to[rest_len] = '\0';
    return to + rest_len + 1;
}

/* The target's form (section 3.2) is told by its first byte and the method. */
static bool parse_target(struct http_request *r, char *text, size_t n)
{
    struct buf *head = &r->fields->text;
    const char *method = head->data;
    bool options = strcmp(method, "OPTIONS") == 0;
    struct url_absolute u;
    if (n == 0 || field_target_span(text, n) < n)
        return refuse(r, 400, "The request target has bytes that must be percent-encoded");
    if (n > r->limits->target_bytes)
        return refuse(r, 414, "The request target is too long");
    if (strcmp(method, "CONNECT") == 0)
        return refuse(r, 501, "This is not a proxy");
    if (text[0] == '/' || (n == 1 && text[0] == '*' && options)) {
        r->target_at = (uint32_t)(text - head->data);
        text[n] = '\0';
        head->len = r->target_at + n + 1;
        return true;
    }
    if (url_split_absolute(text, n, &u) != ERR_OK)
        return refuse(r, 400, "The request target is neither a path nor an http URL");
    head->len = (size_t)(pack_absolute(r, text, &u, options) - head->data);
    return true;
}

/* METHOD SP TARGET SP VERSION, with single spaces. LINE is where the head begins. */
static bool parse_request_line(struct http_request *r, char *line, size_t n)
{
    char *target = memchr(line, ' ', n);
    char *version = target ? memchr(target + 1, ' ', n - (size_t)(target + 1 - line)) : NULL;
    if (!version || !field_is_token(line, (size_t)(target - line)))
        return refuse(r, 400, "The request line is not METHOD TARGET VERSION");
    *target++ = '\0';
    *version++ = '\0';
    if (!parse_version(r, version, n - (size_t)(version - line)))
        return false;
    if (target - line - 1 > HTTP_METHOD_MAX)
        return refuse(r, 501, "The method is not known");
    if (!parse_target(r, target, (size_t)(version - target - 1)))
        return false;
    r->fields->begin = (uint32_t)r->fields->text.len;
    r->state = HTTP_HEADER_LINE;
    return true;
}

/* ---- Header fields (RFC 9112 section 5) ---- */

/* What is wrong with a line that does not begin with a token and a colon. */
static const char *name_fault(const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    if (line[0] == ' ' || line[0] == '\t')
        return "A header field is folded over several lines";
    if (!colon)
        return "A header field has no colon";
    if (colon > line && (colon[-1] == ' ' || colon[-1] == '\t'))
        return "There is whitespace before the colon of a header field";
    return "The name of a header field is not a token";
}

/* NAME ":" VALUE. */
static bool parse_header(struct http_request *r, const char *line, size_t n)
{
    size_t name_len = field_token_span(line, n);
    if (name_len == 0 || name_len == n || line[name_len] != ':')
        return refuse(r, 400, name_fault(line, n));
    if (++r->headers > r->limits->headers)
        return refuse(r, 431, "There are too many header fields");
    struct field_text value = field_trim(line + name_len + 1, n - name_len - 1);
    http_fields_add(r->fields, line, name_len, value.p, value.n);
    return !r->fields->text.failed || refuse(r, 503, no_memory);
}

/* ---- End of the head: what the fields mean (RFC 9112 sections 3.2, 6, 9.3) ---- */

static bool check_host(struct http_request *r)
{
    size_t n;
    const char *host = http_fields_get(r->fields, HTTP_FIELD_HOST, &n);
    if (!host && r->minor >= 1)
        return refuse(r, 400, "The Host header field is missing");
    if (host && http_fields_next(r->fields, HTTP_FIELD_HOST, host, NULL))
        return refuse(r, 400, "There is more than one Host header field");
    if (host && !url_authority_valid(host, n))
        return refuse(r, 400, "The Host header field is not a host with an optional port");
    if (!r->host_at)
        r->host = host ? host : "";
    r->has_host = host || r->host_at;
    return true;
}

static bool check_singles(struct http_request *r)
{
    const char *fault = http_fields_fault(r->fields);
    return !fault || refuse(r, 400, fault);
}

/* Only "chunked", alone. */
static bool check_transfer_encoding(struct http_request *r, const char *value, size_t n)
{
    bool chunked = false, unknown = false;
    for (; value; value = http_fields_next(r->fields, HTTP_FIELD_TRANSFER_ENCODING, value, &n)) {
        struct field_text rest = {value, n}, coding;
        while (field_next(&rest, ',', &coding)) {
            if (chunked)
                return refuse(r, 400, "Chunked is not the last transfer coding, or repeated");
            chunked = field_is(coding, "chunked");
            unknown = unknown || !chunked;
        }
    }
    if (!chunked)
        return refuse(r, 400, "Chunked is not the last transfer coding");
    if (unknown)
        return refuse(r, 501, "No transfer coding but chunked is known");
    r->state = HTTP_CHUNKS;
    return true;
}

/* Saturating, since no limit is near the end of 64 bits. */
static bool check_content_length(struct http_request *r, const char *value, size_t n)
{
    if (http_fields_next(r->fields, HTTP_FIELD_CONTENT_LENGTH, value, NULL))
        return refuse(r, 400, "There is more than one Content-Length");
    r->chunks.left = 0;
    for (size_t i = 0; i < n; i++) {
        if (value[i] < '0' || value[i] > '9')
            return refuse(r, 400, "The Content-Length is not a number");
        unsigned digit = (unsigned)(value[i] - '0');
        r->chunks.left =
            r->chunks.left > (UINT64_MAX - digit) / 10 ? UINT64_MAX : r->chunks.left * 10 + digit;
    }
    if (n == 0)
        return refuse(r, 400, "The Content-Length is not a number");
    if (r->chunks.left > r->limits->body_bytes)
        return refuse(r, 413, "The body is larger than is accepted here");
    r->state = r->chunks.left > 0 ? HTTP_BODY : HTTP_DONE;
    return true;
}

/* Message body length, RFC 9112 section 6.3. */
static bool check_framing(struct http_request *r)
{
    size_t coding_len, length_len;
    const char *coding = http_fields_get(r->fields, HTTP_FIELD_TRANSFER_ENCODING, &coding_len);
    const char *length = http_fields_get(r->fields, HTTP_FIELD_CONTENT_LENGTH, &length_len);
    r->state = HTTP_DONE;
    if (coding && length)
        return refuse(r, 400, "There are both Transfer-Encoding and Content-Length");
    if (coding && r->minor == 0)
        return refuse(r, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (coding && !check_transfer_encoding(r, coding, coding_len))
        return false;
    if (length && !check_content_length(r, length, length_len))
        return false;
    r->has_body = r->state != HTTP_DONE;
    return true;
}

/* RFC 9110 section 10.1.1; HTTP/1.0 has no Expect and must be ignored. */
static bool check_expect(struct http_request *r)
{
    size_t n;
    const char *value = r->minor >= 1 ? http_fields_get(r->fields, HTTP_FIELD_EXPECT, &n) : NULL;
    for (; value; value = http_fields_next(r->fields, HTTP_FIELD_EXPECT, value, &n)) {
        struct field_text rest = {value, n}, member;
        while (field_next(&rest, ',', &member)) {
            if (!field_is(member, "100-continue"))
                return refuse(r, 417, "No expectation but 100-continue is met");
            r->expect_continue = r->has_body;
        }
    }
    return true;
}

static bool wants_keep_alive(const struct http_request *r)
{
    if (http_fields_has_token(r->fields, HTTP_FIELD_CONNECTION, "close"))
        return false;
    return r->minor >= 1 || http_fields_has_token(r->fields, HTTP_FIELD_CONNECTION, "keep-alive");
}

/* The head will not move any more. */
static void point_into_head(struct http_request *r)
{
    const char *head = r->fields->text.data;
    r->method = head;
    r->target = head + r->target_at;
    r->host = r->host_at ? head + r->host_at : "";
    r->chunks.seen = 0; /* from now on: extensions and trailers */
}

static bool end_head(struct http_request *r)
{
    point_into_head(r);
    r->keep_alive = wants_keep_alive(r);
    return check_host(r) && check_singles(r) && check_framing(r) && check_expect(r);
}

bool http_request_take_fields(struct http_request *r, const struct http_fields *copy, size_t bytes,
                              uint16_t headers, bool keep_alive)
{
    if (bytes > r->limits->head_bytes - r->chunks.seen || headers > r->limits->headers)
        return false;
    http_fields_add_all(r->fields, copy);
    if (r->fields->text.failed) {
        r->fields->text.failed = false;
        return false;
    }
    point_into_head(r);
    r->headers = headers;
    r->has_host = true; /* as each of HTTP/1.1 */
    if (!r->host_at)
        r->host = http_fields_get(r->fields, HTTP_FIELD_HOST, NULL);
    r->keep_alive = keep_alive;
    r->state = HTTP_DONE;
    return true;
}

/* ---- Feeding the head ---- */

static enum http_read begin_head(struct http_request *r)
{
    r->fields = http_fields_take();
    if (!r->fields)
        return fail(r, 503, no_memory);
    r->state = HTTP_REQUEST_LINE;
    return HTTP_READ_MORE;
}

/* Empty lines before the request line; the first byte of anything else is left where it is. */
static enum http_read feed_start(struct http_request *r, char c, size_t *used)
{
    if (r->state == HTTP_START && c != '\r')
        return begin_head(r);
    *used += 1;
    if (r->state == HTTP_START && r->empty_lines++ == HTTP_EMPTY_LINES_MAX)
        return fail(r, 400, "There are too many empty lines before the request");
    if (r->state == HTTP_START_LF && c != '\n')
        return fail(r, 400, "A CR has no LF behind it");
    r->state = r->state == HTTP_START ? HTTP_START_LF : HTTP_START;
    return HTTP_READ_MORE;
}

/* How many bytes the current line may still take. */
static size_t line_room(const struct http_request *r)
{
    size_t max = r->limits->head_bytes;
    if (r->state == HTTP_REQUEST_LINE && max > r->limits->target_bytes + REQUEST_LINE_EXTRA)
        max = r->limits->target_bytes + REQUEST_LINE_EXTRA;
    return max > r->chunks.seen ? max - r->chunks.seen : 0;
}

static enum http_read fail_too_long(struct http_request *r)
{
    if (r->state == HTTP_REQUEST_LINE)
        return fail(r, 414, "The request line is too long");
    return fail(r, 431, "The header fields are too large");
}

/* What the next bytes are to the current line. */
struct line_part {
    size_t n;          /* bytes of it, its CR and LF included */
    bool ends;         /* with them it is whole */
    const char *fault; /* what is wrong with the byte behind, NULL: nothing */
};

static struct line_part next_part(struct http_request *r, const char *data, size_t n)
{
    size_t at = 0;
    if (!r->cr) {
        at = field_value_span(data, n);
        if (at == n)
            return (struct line_part){.n = n};
        if (data[at] == '\n')
            return (struct line_part){.fault = "An LF has no CR before it"};
        if (data[at] != '\r')
            return (struct line_part){.fault = "There is a control character in the head"};
        at++;
    }
    r->cr = at == n;
    if (r->cr)
        return (struct line_part){.n = n};
    if (data[at] != '\n')
        return (struct line_part){.fault = "A CR has no LF behind it"};
    return (struct line_part){.n = at + 1, .ends = true};
}

/* Puts N bytes to what is there of the line, and returns where it begins; NULL: out of memory.
 * AHEAD bytes have come with them, which mostly are the rest of the head. */
static const char *gather(struct http_request *r, const char *data, size_t n, size_t ahead)
{
    struct buf *head = &r->fields->text;
    if (!head->data)
        buf_reserve(head, ahead < r->limits->head_bytes ? ahead : r->limits->head_bytes);
    char *line = buf_reserve(head, r->line + n);
    if (!line)
        return NULL;
    memcpy(line + r->line, data, n);
    r->line += (uint32_t)n;
    return line;
}

/* LINE is whole, without its end; a request line lies at the beginning of the head. */
static enum http_read end_line(struct http_request *r, const char *line, size_t n)
{
    bool good, last = r->state == HTTP_HEADER_LINE && n == 0;
    r->line = 0;
    if (r->state == HTTP_REQUEST_LINE)
        good = parse_request_line(r, r->fields->text.data, n);
    else
        good = last ? end_head(r) : parse_header(r, line, n);
    if (!good)
        return fail(r, r->status, r->reason);
    return last ? HTTP_READ_HEAD : HTTP_READ_MORE;
}

static enum http_read feed_line(struct http_request *r, const char *data, size_t n, size_t *used)
{
    size_t room = line_room(r);
    struct line_part part = next_part(r, data, n < room ? n : room);
    if (part.fault)
        return fail(r, 400, part.fault);
    *used += part.n;
    r->chunks.seen += (uint32_t)part.n;
    if (part.ends && r->line == 0 && r->state == HTTP_HEADER_LINE)
        return end_line(r, data, part.n - 2);
    const char *line = gather(r, data, part.n, n);
    if (!line)
        return fail(r, 503, no_memory);
    if (part.ends)
        return end_line(r, line, r->line - 2);
    return part.n == room ? fail_too_long(r) : HTTP_READ_MORE;
}

/* ---- Feeding the body ---- */

static enum http_read hand_out(struct http_request *r, const char *data, size_t n)
{
    r->body = data;
    r->body_len = n;
    return HTTP_READ_BODY;
}

/* The next bytes of a body with a length. */
static enum http_read feed_data(struct http_request *r, const char *data, size_t n, size_t *used)
{
    size_t m = n < r->chunks.left ? n : (size_t)r->chunks.left;
    r->chunks.left -= m;
    if (r->chunks.left == 0)
        r->state = HTTP_DONE;
    *used += m;
    return hand_out(r, data, m);
}

static enum http_read begin_chunk(struct http_request *r)
{
    if (r->chunks.left > r->limits->body_bytes - r->body_total)
        return fail(r, 413, "The body is larger than is accepted here");
    r->body_total += r->chunks.left;
    return HTTP_READ_MORE;
}

static enum http_read feed_chunks(struct http_request *r, const char *data, size_t n, size_t *used)
{
    struct chunk_found found;
    size_t m;
    enum chunk_read got = chunk_reader_feed(&r->chunks, r->limits->head_bytes, data, n, &m, &found);
    *used += m;
    if (got == CHUNK_BYTES)
        return hand_out(r, found.data, found.n);
    if (got == CHUNK_BEGIN)
        return begin_chunk(r);
    if (got == CHUNK_FAULT)
        return fail(r, found.status, found.reason);
    if (got == CHUNK_END)
        r->state = HTTP_DONE;
    return HTTP_READ_MORE;
}

static enum http_read feed_some(struct http_request *r, const char *data, size_t n, size_t *used)
{
    if (r->state <= HTTP_START_LF)
        return feed_start(r, data[0], used);
    if (r->state <= HTTP_HEADER_LINE)
        return feed_line(r, data, n, used);
    return r->state == HTTP_BODY ? feed_data(r, data, n, used) : feed_chunks(r, data, n, used);
}

enum http_read http_request_feed(struct http_request *r, const char *data, size_t n, size_t *used)
{
    *used = 0;
    for (;;) {
        if (r->state == HTTP_FAILED)
            return HTTP_READ_ERROR;
        if (r->state == HTTP_DONE)
            return HTTP_READ_DONE;
        if (*used == n)
            return HTTP_READ_MORE;
        enum http_read got = feed_some(r, data + *used, n - *used, used);
        if (got != HTTP_READ_MORE)
            return got;
    }
}
