#include "http/http_lines.h"

#include "http/field.h"

/* Room that is made at once, in bytes, for lines that are gathered: mostly no more is needed. */
enum { GATHERED_SIZE = 160 };

void http_lines_put(struct buf *out, const char *name, const char *value)
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

void http_lines_put_u64(struct buf *out, const char *name, uint64_t value)
{
    buf_puts(out, name);
    buf_puts(out, ": ");
    buf_put_u64(out, value);
    buf_puts(out, "\r\n");
}

void http_lines_gather(struct buf *lines, const char *name, const char *value)
{
    if (!lines->data)
        buf_reserve(lines, GATHERED_SIZE);
    http_lines_put(lines, name, value);
}
