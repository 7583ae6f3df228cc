#include "frontends/resp/resp_reply.h"

static void line_end(struct buf *out)
{
    buf_append(out, "\r\n", 2);
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
    buf_putc(out, '$');
    buf_put_u64(out, n);
    line_end(out);
    buf_append(out, data, n);
    line_end(out);
}

void resp_reply_null_bulk(struct buf *out)
{
    buf_append(out, "$-1\r\n", 5);
}

void resp_reply_null_array(struct buf *out)
{
    buf_append(out, "*-1\r\n", 5);
}

void resp_reply_array(struct buf *out, size_t count)
{
    buf_putc(out, '*');
    buf_put_u64(out, count);
    line_end(out);
}
