/*
 * The payload of compressed WebSocket messages. The first byte says in which pieces, the second
 * with what limit. The rest, taken for a compressed message, must give the same whole and in
 * pieces, and never more than the limit; taken for a message, it must come back from being
 * compressed.
 */
#include <stdlib.h>
#include <string.h>

#include "frontends/ws/ws_deflate.h"
#include "tests/fuzz/fuzz.h"

enum { PIECE_MASK = 0x1F };

static enum err inflate_pieces(const uint8_t *data, size_t n, size_t step, size_t max,
                               struct buf *out)
{
    struct ws_inflater *z = ws_inflater_create();
    enum err e = ERR_OK;
    REQUIRE(z);
    for (size_t at = 0; at < n && e == ERR_OK; at += step) {
        size_t piece = step < n - at ? step : n - at;
        uint8_t *copy = malloc(piece);
        memcpy(copy, data + at, piece);
        e = ws_inflate(z, copy, piece, max, out);
        free(copy);
        REQUIRE(out->len <= max);
    }
    if (e == ERR_OK)
        e = ws_inflate_end(z, max, out);
    REQUIRE(out->len <= max);
    ws_inflater_destroy(z);
    return e;
}

static void check_inflate(const uint8_t *data, size_t n, size_t step, size_t max)
{
    struct buf whole = {0}, pieces = {0};
    enum err a = inflate_pieces(data, n, n ? n : 1, max, &whole);
    enum err b = inflate_pieces(data, n, step, max, &pieces);
    REQUIRE(a == b && a != ERR_NOMEM);
    REQUIRE(a != ERR_OK || whole.len == pieces.len);
    REQUIRE(a != ERR_OK || whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
    buf_finish(&whole);
    buf_finish(&pieces);
}

static void check_deflate(const uint8_t *data, size_t n, const struct ws_deflate_rule *rule,
                          size_t step)
{
    struct buf packed = {0}, plain = {0};
    REQUIRE(ws_deflate(rule, data, n, n + n / 64 + 64, &packed) == ERR_OK);
    REQUIRE(packed.len <= n + n / 64 + 64);
    enum err e = inflate_pieces((const uint8_t *)packed.data, packed.len, step, n, &plain);
    REQUIRE(e == ERR_OK && plain.len == n);
    REQUIRE(n == 0 || memcmp(plain.data, data, n) == 0);
    buf_finish(&packed);
    buf_finish(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t step = (data[0] & PIECE_MASK) + 1u;
    struct ws_deflate_rule rule = {
        .level = data[0] % 9 + 1,
        .window_bits = WS_WINDOW_MIN + data[1] % 8,
    };
    check_inflate(data + 2, size - 2, step, (size_t)data[1] * 64);
    check_deflate(data + 2, size - 2, &rule, step);
    return 0;
}
