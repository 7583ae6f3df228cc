/* The input is what a client gives as `after`: what is accepted can be written back. */
#include <string.h>

#include "base/rfc3339.h"
#include "broker/cursor.h"
#include "tests/fuzz/fuzz.h"

static void check_cursor(const char *text, size_t n)
{
    struct cursor c;
    char out[CURSOR_TEXT_SIZE];
    if (cursor_parse(text, n, &c) != ERR_OK)
        return;
    size_t len = cursor_format(out, c.offset, c.epoch);
    REQUIRE(len == strlen(out) && len < sizeof(out));
    if (!memchr(text, '-', n))
        len -= 2; /* "-0" */
    REQUIRE(len == n && memcmp(text, out, n) == 0);
}

static void check_time(const char *text, size_t n)
{
    uint64_t ms, again;
    char out[RFC3339_TEXT_SIZE];
    if (rfc3339_parse(text, n, &ms) != ERR_OK)
        return;
    rfc3339_format(out, ms);
    REQUIRE(strlen(out) == sizeof(out) - 1);
    REQUIRE(rfc3339_parse(out, strlen(out), &again) == ERR_OK);
    REQUIRE(again == ms || ms > 253402300799999);
}

static void check_after(const char *text, size_t n)
{
    struct after a;
    struct cursor c;
    uint64_t ms;
    bool valid = after_parse(text, n, &a) == ERR_OK;
    bool cursor = cursor_parse(text, n, &c) == ERR_OK, time = rfc3339_parse(text, n, &ms) == ERR_OK;
    REQUIRE(!(cursor && time));
    REQUIRE(cursor == (valid && a.kind == AFTER_CURSOR));
    REQUIRE(time == (valid && a.kind == AFTER_TIME));
    REQUIRE(!valid || a.kind != AFTER_LAST || (a.last > 0 && text[0] == '-'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    check_cursor(text, size);
    check_time(text, size);
    check_after(text, size);
    return 0;
}
