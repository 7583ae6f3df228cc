#include "frontends/sse/sse_text.h"

#include <string.h>

#include "base/bytes.h"

void sse_id_line(struct buf *out, const char *cursor, size_t n)
{
    buf_append(out, "id: ", 4);
    buf_append(out, cursor, n);
    buf_putc(out, '\n');
}

static bool has_line_end_or_nul(const char *s, size_t n)
{
    return memchr(s, '\n', n) || memchr(s, '\r', n) || memchr(s, '\0', n);
}

void sse_event_line(struct buf *out, const char *name, size_t n)
{
    if (n == 0 || has_line_end_or_nul(name, n))
        return;
    buf_append(out, "event: ", 7);
    buf_append(out, name, n);
    buf_putc(out, '\n');
}

static void data_line(struct buf *out, const char *line, size_t n)
{
    buf_append(out, "data: ", 6);
    buf_append(out, line, n);
    buf_putc(out, '\n');
}

void sse_data_lines(struct buf *out, const char *data, size_t n)
{
    for (;;) {
        size_t line = bytes_line_len(data, n);
        data_line(out, data, line);
        if (line == n)
            return;
        line += data[line] == '\r' && line + 1 < n && data[line + 1] == '\n' ? 2 : 1;
        data += line;
        n -= line;
    }
}

void sse_hello(struct buf *out, uint64_t retry_ms, const char *cursor)
{
    buf_puts(out, "retry: ");
    buf_put_u64(out, retry_ms);
    buf_putc(out, '\n');
    sse_heartbeat(out, cursor);
}

void sse_heartbeat(struct buf *out, const char *cursor)
{
    sse_id_line(out, cursor, strlen(cursor));
    buf_putc(out, '\n');
}

void sse_event(struct buf *out, const char *name, const char *data, size_t n, const char *cursor)
{
    if (cursor)
        sse_id_line(out, cursor, strlen(cursor));
    sse_event_line(out, name, strlen(name));
    sse_data_lines(out, data, n);
    buf_putc(out, '\n');
}
