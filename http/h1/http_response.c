#include "http/h1/http_response.h"

#include <string.h>

#include "http/http_lines.h"
#include "http/http_problem.h"

/* Room that is made at once, in bytes, for the head of an answer: mostly no more is needed. */
enum { ANSWER_HEAD = 512 };

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

void http_response_connection(struct buf *out, unsigned minor, bool keep_alive)
{
    if (!keep_alive)
        http_lines_put(out, "Connection", "close");
    else if (minor == 0)
        http_lines_put(out, "Connection", "keep-alive");
}

void http_response_content(struct buf *out, const char *type, uint64_t length)
{
    http_lines_put(out, "Content-Type", type);
    http_lines_put_u64(out, "Content-Length", length);
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
    if (http_has_content(a->status))
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
