/*
 * Sec-WebSocket-Extensions. What is accepted is acceptable, does not depend on empty elements
 * before it, and the answer reads as an offer that would be accepted in turn.
 */
#include <stdlib.h>
#include <string.h>

#include "frontends/ws/ws_deflate.h"
#include "frontends/ws/ws_extension.h"
#include "tests/fuzz/fuzz.h"

static enum err read_copy(const char *list, size_t n, int least, struct ws_extension *ret)
{
    char *copy = malloc(n ? n : 1);
    if (n)
        memcpy(copy, list, n);
    *ret = (struct ws_extension){0};
    enum err e = ws_extension_read(copy, n, least, ret);
    free(copy);
    return e;
}

static void check_answer(const struct ws_extension *x, int least)
{
    struct buf out = {0};
    struct ws_extension again;
    ws_extension_answer(x, &out);
    REQUIRE(read_copy(out.data, out.len, least, &again) == ERR_OK);
    REQUIRE(again.deflate && again.window_bits == x->window_bits);
    buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ws_extension x, shifted;
    if (size < 1)
        return 0;
    int least = WS_WINDOW_MIN + data[0] % 8;
    const char *list = (const char *)data + 1;
    enum err e = read_copy(list, size - 1, least, &x);
    REQUIRE(e == ERR_OK || e == ERR_INVALID);
    REQUIRE(!x.window_bits || (x.deflate && x.window_bits >= least));
    REQUIRE(x.window_bits <= WS_WINDOW_MAX);
    REQUIRE(!x.deflate || (size > 18 && memmem(list, size - 1, "permessage-deflate", 18)));
    if (x.deflate)
        check_answer(&x, least);
    struct buf copy = {0};
    buf_puts(&copy, ", ,\t");
    buf_append(&copy, list, size - 1);
    REQUIRE(read_copy(copy.data, copy.len, least, &shifted) == e);
    REQUIRE(shifted.deflate == x.deflate && shifted.window_bits == x.window_bits);
    buf_finish(&copy);
    return 0;
}
