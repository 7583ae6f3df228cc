/* The input is what a peer sends; however it is cut, the reader must make the same of it. */
#include <string.h>

#include "http/h1/http_repeat.h"
#include "tests/fuzz/fuzz.h"
#include "tests/http_transcript.h"

static const struct http_limits limits = {
    .head_bytes = 512,
    .target_bytes = 64,
    .headers = 10,
    .body_bytes = 300,
};

static void check_cut(const struct buf *whole, const uint8_t *data, size_t size, size_t first,
                      size_t step)
{
    struct buf cut = {0};
    http_transcript(&cut, &limits, data, size, first, step);
    REQUIRE(cut.len == whole->len);
    REQUIRE(cut.len == 0 || memcmp(cut.data, whole->data, cut.len) == 0);
    buf_finish(&cut);
}

/* The head behind another request line, when its own has been seen, and when nothing has. */
static void check_familiar(const uint8_t *data, size_t size)
{
    static const char line[] = "GET /other?after=1-2 HTTP/1.1\r\n";
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    struct buf other = {0}, seen = {0}, anew = {0};
    if (!end)
        return;
    buf_append(&other, line, sizeof(line) - 1);
    buf_append(&other, end + 1, size - (size_t)(end + 1 - data));
    http_transcript(&seen, &limits, other.data, other.len, other.len, 1);
    http_repeat_finish_thread();
    http_transcript(&anew, &limits, other.data, other.len, other.len, 1);
    REQUIRE(seen.len == anew.len);
    REQUIRE(seen.len == 0 || memcmp(seen.data, anew.data, seen.len) == 0);
    buf_finish(&other);
    buf_finish(&seen);
    buf_finish(&anew);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0};
    http_transcript(&whole, &limits, data, size, size, 1);
    check_cut(&whole, data, size, size, 1); /* its heads come again */
    check_cut(&whole, data, size, 0, 1);
    check_cut(&whole, data, size, size / 2, size + 1);
    check_cut(&whole, data, size, size % 11, size % 7 + 2);
    buf_finish(&whole);
    check_familiar(data, size);
    return 0;
}
