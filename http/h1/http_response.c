#include "http/h1/http_response.h"

#include <stdio.h>
#include <string.h>

#include "base/rfc3339.h"
#include "base/utf8.h"
#include "delivery/envelope.h"
#include "http/field.h"
#include "http/guard.h"

/* Room that is made at once, in bytes, for the head of an answer and for the lines that are
 * gathered for one: mostly no more is needed. */
enum { ANSWER_HEAD = 512, FIELDS_SIZE = 160 };

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *http_reason(unsigned status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* Fills in the calendar from RFC 3339's text, "1994-11-06T08:49:37.000Z". */
static void write_date(char *out, uint64_t second)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char t[RFC3339_TEXT_SIZE];
    rfc3339_format(t, second * 1000);
    int month = (t[5] - '0') * 10 + t[6] - '1';
    snprintf(out, HTTP_DATE_SIZE, "%.3s, %.2s %.3s %.4s %.8s GMT", days + second / 86400 % 7 * 3,
             t + 8, months + month * 3, t, t + 11);
}

const char *http_date(struct http_date *d, uint64_t time_ms)
{
    uint64_t second = time_ms / 1000;
    if (d->text[0] == '\0' || d->second != second) {
        write_date(d->text, second);
        d->second = second;
    }
    return d->text;
}

void http_response_start(struct buf *out, unsigned status, const char *date)
{
    buf_puts(out, "HTTP/1.1 ");
    buf_put_u64(out, status);
    buf_putc(out, ' ');
    buf_puts(out, http_reason(status));
    buf_puts(out, "\r\nDate: ");
    buf_puts(out, date);
    buf_puts(out, "\r\n");
}

void http_response_header(struct buf *out, const char *name, const char *value)
{
    buf_puts(out, name);
    buf_puts(out, ": ");
    while (*value) {
        size_t n = 0;
        while (value[n] && field_is_value_char(value[n]))
            n++;
        buf_append(out, value, n);
        value += value[n] ? n + 1 : n; /* a control character is left out */
    }
    buf_puts(out, "\r\n");
}

void http_response_header_u64(struct buf *out, const char *name, uint64_t value)
{
    buf_puts(out, name);
    buf_puts(out, ": ");
    buf_put_u64(out, value);
    buf_puts(out, "\r\n");
}

void http_response_add_field(struct buf *fields, const char *name, const char *value)
{
    if (!fields->data)
        buf_reserve(fields, FIELDS_SIZE);
    http_response_header(fields, name, value);
}

void http_response_connection(struct buf *out, unsigned minor, bool keep_alive)
{
    if (!keep_alive)
        http_response_header(out, "Connection", "close");
    else if (minor == 0)
        http_response_header(out, "Connection", "keep-alive");
}

void http_response_content(struct buf *out, const char *type, uint64_t length)
{
    http_response_header(out, "Content-Type", type);
    http_response_header_u64(out, "Content-Length", length);
}

void http_response_end(struct buf *out)
{
    buf_puts(out, "\r\n");
}

void http_response_answer(struct buf *out, const struct http_answer *a, const char *date)
{
    buf_reserve(out, ANSWER_HEAD + a->fields->len + (a->head ? 0 : a->body_len));
    http_response_start(out, a->status, date);
    buf_append(out, a->fields->data, a->fields->len);
    out->failed |= a->fields->failed;
    buf_puts(out, a->guard);
    http_response_connection(out, a->minor, a->keep_alive);
    if (a->status != 204)
        http_response_content(out, a->type, a->body_len);
    http_response_end(out);
    if (!a->head)
        buf_append(out, a->body, a->body_len);
}

/* False: it does not fit, or memory is out. */
static bool make_created(struct http_created *k, const char *guard, const char *date)
{
    struct buf head = {0};
    http_response_start(&head, 201, date);
    buf_puts(&head, guard);
    buf_puts(&head, "Content-Type: application/json\r\nContent-Length: ");
    bool fits = !head.failed && head.len <= sizeof(k->text);
    if (fits) {
        memcpy(k->text, head.data, head.len);
        memcpy(k->date, date, sizeof(k->date));
        k->len = (uint32_t)head.len;
    }
    buf_finish(&head);
    return fits;
}

void http_response_created(struct buf *out, struct http_created *k, const char *guard,
                           const char *date, const char *body, size_t n)
{
    if (memcmp(k->date, date, sizeof(k->date)) != 0 && !make_created(k, guard, date)) {
        out->failed = true;
        return;
    }
    buf_reserve(out, k->len + BUF_DIGITS_MAX + 4 + n);
    buf_append(out, k->text, k->len);
    buf_put_u64(out, n);
    buf_append(out, "\r\n\r\n", 4);
    buf_append(out, body, n);
}

/* Text of unknown encoding as a JSON string. */
static void put_text(struct buf *out, const char *text, size_t n)
{
    if (utf8_valid(text, n)) {
        envelope_json_string(out, text, n);
        return;
    }
    struct buf ascii = {0};
    for (size_t i = 0; i < n; i++)
        buf_putc(&ascii, (unsigned char)text[i] < 0x80 ? text[i] : '?');
    if (ascii.failed)
        out->failed = true;
    else
        envelope_json_string(out, ascii.data, ascii.len);
    buf_finish(&ascii);
}

void http_problem_begin(struct buf *out, unsigned status, const char *detail, size_t n)
{
    buf_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u", http_reason(status),
               status);
    if (n > 0) {
        buf_puts(out, ",\"detail\":");
        put_text(out, detail, n);
    }
}

void http_problem_end(struct buf *out)
{
    buf_puts(out, "}\n");
}

void http_problem_body(struct buf *out, unsigned status, const char *detail, size_t n)
{
    http_problem_begin(out, status, detail, n);
    http_problem_end(out);
}

void http_response_problem(struct buf *out, const struct http_problem *p, const char *date)
{
    struct buf body = {0};
    http_problem_body(&body, p->status, p->detail, p->detail_len);
    http_response_start(out, p->status, date);
    http_response_connection(out, p->minor, p->keep_alive);
    buf_puts(out, HTTP_DATA_GUARD);
    if (p->headers)
        buf_puts(out, p->headers);
    http_response_content(out, HTTP_PROBLEM_TYPE, body.len);
    http_response_end(out);
    if (!p->head)
        buf_append(out, body.data, body.len);
    if (body.failed)
        out->failed = true;
    buf_finish(&body);
}
