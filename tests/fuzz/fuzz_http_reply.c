/* The input is what a server answers; however it is cut, the reader must make the same of it. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/reply_transcript.h"

static const struct http_reply_limits limits = {.head_bytes = 512, .body_bytes = 300};

static void check_cut(const struct buf *whole, const uint8_t *data, size_t size, size_t first,
                      size_t step)
{
    struct buf cut = {0};
    reply_transcript(&cut, &limits, (const char *)data, size, first, step);
    REQUIRE(cut.len == whole->len);
    REQUIRE(cut.len == 0 || memcmp(cut.data, whole->data, cut.len) == 0);
    buf_finish(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0};
    reply_transcript(&whole, &limits, (const char *)data, size, size, 1);
    check_cut(&whole, data, size, 0, 1);
    check_cut(&whole, data, size, size / 2, size + 1);
    check_cut(&whole, data, size, size % 11, size % 7 + 2);
    buf_finish(&whole);
    return 0;
}
