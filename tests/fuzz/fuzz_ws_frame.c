/*
 * WebSocket frames: the rest of the input behind its first byte, fed whole and in pieces of the
 * size that its lower half says, must give the same events, and text messages must be UTF-8. One
 * bit of it says whether compressed messages are allowed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "frontends/ws/ws_frame.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGE_MAX = 512, DEFLATE = 0x10 };

static void check_event(const struct ws_event *e)
{
    switch (e->type) {
    case WS_EVENT_MESSAGE:
        REQUIRE(e->len <= MESSAGE_MAX);
        REQUIRE(!e->text || utf8_valid(e->data, e->len));
        REQUIRE(e->packed <= MESSAGE_MAX + MESSAGE_MAX / 64 + 64);
        return;
    case WS_EVENT_CLOSE:
        REQUIRE(e->len <= WS_CONTROL_MAX - 2 && utf8_valid(e->data, e->len));
        return;
    case WS_EVENT_ERROR:
        REQUIRE(e->code == WS_CLOSE_PROTOCOL || e->code == WS_CLOSE_BAD_DATA ||
                e->code == WS_CLOSE_TOO_BIG);
        return;
    default:
        REQUIRE(e->len <= WS_CONTROL_MAX);
    }
}

static void write_event(const struct ws_event *e, struct buf *out)
{
    bool error = e->type == WS_EVENT_ERROR;
    buf_printf(out, "%d %d %u %zu %u ", (int)e->type, e->text, e->code, error ? 0 : e->len,
               (unsigned)e->packed);
    if (!error)
        buf_append(out, e->data, e->len);
}

static void feed(struct ws_reader *r, const uint8_t *data, size_t n, struct buf *out)
{
    char *piece = malloc(n ? n : 1), *p = piece;
    struct ws_event e;
    if (n)
        memcpy(piece, data, n);
    while (ws_reader_feed(r, &p, &n, &e) != WS_EVENT_NONE) {
        check_event(&e);
        write_event(&e, out);
    }
    REQUIRE(n == 0);
    REQUIRE(r->parts.len <= MESSAGE_MAX + WS_CONTROL_MAX);
    free(piece);
}

static void run(const uint8_t *data, size_t n, size_t step, bool deflate, struct buf *out)
{
    struct ws_reader r;
    ws_reader_init(&r, MESSAGE_MAX, deflate);
    for (size_t at = 0; at < n; at += step)
        feed(&r, data + at, step < n - at ? step : n - at, out);
    ws_reader_finish(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, pieces = {0};
    if (size < 2)
        return 0;
    run(data + 1, size - 1, size - 1, data[0] & DEFLATE, &whole);
    run(data + 1, size - 1, data[0] % 16u + 1, data[0] & DEFLATE, &pieces);
    REQUIRE(whole.len == pieces.len);
    REQUIRE(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
    buf_finish(&whole);
    buf_finish(&pieces);
    return 0;
}
