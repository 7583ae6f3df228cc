#include "http/http_problem.h"

#include "base/utf8.h"
#include "delivery/envelope.h"

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
    {308, "Permanent Redirect"},
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

bool http_has_content(unsigned status)
{
    return status >= 200 && status != 204 && status != 304;
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
