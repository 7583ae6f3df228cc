#include "tests/reply_transcript.h"

#include <stdlib.h>
#include <string.h>

#include "tests/require.h"

/* From a copy of its own size, so that reading past a piece is seen. */
static enum http_reply_read feed(struct http_reply *r, const char *data, size_t n, size_t *used)
{
    char *piece = malloc(n + !n);
    REQUIRE(piece);
    memcpy(piece, data, n);
    enum http_reply_read got = http_reply_feed(r, piece, n, used);
    free(piece);
    REQUIRE(*used <= n);
    REQUIRE(got != HTTP_REPLY_MORE || *used == n);
    return got;
}

static void put(struct buf *out, const struct http_reply *r, size_t rest)
{
    if (r->err != ERR_OK) {
        buf_puts(out, err_text(r->err));
        return;
    }
    buf_printf(out, "%u%s ", r->status, r->keep_alive ? " keep-alive" : "");
    buf_append(out, r->body.data, r->body.len);
    if (rest)
        buf_printf(out, " +%zu", rest);
}

void reply_transcript(struct buf *out, const struct http_reply_limits *limits, const char *data,
                      size_t n, size_t first, size_t step)
{
    struct http_reply r;
    enum http_reply_read got = HTTP_REPLY_MORE;
    size_t at = 0, used, piece = first;
    http_reply_init(&r, limits);
    REQUIRE(http_reply_is_untouched(&r));
    while (got == HTTP_REPLY_MORE && at < n) {
        size_t m = piece < n - at ? piece : n - at;
        got = feed(&r, data + at, m, &used);
        at += used;
        piece = step;
    }
    if (got == HTTP_REPLY_MORE)
        got = http_reply_end(&r);
    REQUIRE(got == (r.err == ERR_OK ? HTTP_REPLY_DONE : HTTP_REPLY_FAULT));
    REQUIRE(r.body.len <= limits->body_bytes);
    put(out, &r, n - at);
    http_reply_finish(&r);
    http_reply_finish(&r);
}
