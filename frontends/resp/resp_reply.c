#include "frontends/resp/resp_reply.h"

static void line_end(struct buf *out)
{
    buf_append(out, "\r\n", 2);
}

/* A type with the length or the count of what follows. */
static void head(struct buf *out, char type, size_t n)
{
    buf_putc(out, type);
    buf_put_u64(out, n);
    line_end(out);
}

static void text_line(struct buf *out, char type, const char *text)
{
    buf_putc(out, type);
    size_t from = out->len;
    buf_puts(out, text);
    for (size_t i = from; i < out->len; i++) {
        if (out->data[i] == '\r' || out->data[i] == '\n')
            out->data[i] = ' ';
    }
    line_end(out);
}

void resp_reply_simple(struct buf *out, const char *text)
{
    text_line(out, '+', text);
}

void resp_reply_error(struct buf *out, const char *text)
{
    text_line(out, '-', text);
}

void resp_reply_integer(struct buf *out, int64_t n)
{
    buf_putc(out, ':');
    if (n < 0)
        buf_putc(out, '-');
    buf_put_u64(out, n < 0 ? -(uint64_t)n : (uint64_t)n);
    line_end(out);
}

void resp_reply_bulk(struct buf *out, const void *data, size_t n)
{
    head(out, '$', n);
    buf_append(out, data, n);
    line_end(out);
}

void resp_reply_text(struct buf *out, enum resp_version v, const void *data, size_t n)
{
    static const char format[] = {'t', 'x', 't', ':'};
    if (v == RESP2) {
        resp_reply_bulk(out, data, n);
        return;
    }
    head(out, '=', n + sizeof(format));
    buf_append(out, format, sizeof(format));
    buf_append(out, data, n);
    line_end(out);
}

void resp_reply_null_bulk(struct buf *out, enum resp_version v)
{
    buf_puts(out, v == RESP3 ? "_\r\n" : "$-1\r\n");
}

void resp_reply_null_array(struct buf *out, enum resp_version v)
{
    buf_puts(out, v == RESP3 ? "_\r\n" : "*-1\r\n");
}

void resp_reply_array(struct buf *out, size_t count)
{
    head(out, '*', count);
}

void resp_reply_map(struct buf *out, enum resp_version v, size_t count)
{
    if (v == RESP3)
        head(out, '%', count);
    else
        head(out, '*', 2 * count);
}

void resp_reply_set(struct buf *out, enum resp_version v, size_t count)
{
    head(out, v == RESP3 ? '~' : '*', count);
}

void resp_reply_push(struct buf *out, enum resp_version v, size_t count)
{
    head(out, v == RESP3 ? '>' : '*', count);
}
