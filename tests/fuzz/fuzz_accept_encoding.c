/* The input is the value of Accept-Encoding, and of If-None-Match. */
#include <string.h>

#include "http/accept_encoding.h"
#include "http/etag.h"
#include "tests/fuzz/fuzz.h"

/* Only what is offered is chosen, and saying something twice changes nothing. */
static void check_accept_encoding(const char *value, size_t n)
{
    struct accept_encoding once = {0}, twice = {0};
    accept_encoding_add(&once, value, n);
    accept_encoding_add(&twice, value, n);
    accept_encoding_add(&twice, value, n);
    REQUIRE(once.gzip <= 1001 && once.br <= 1001 && once.identity <= 1001 && once.any <= 1001);
    REQUIRE(memcmp(&once, &twice, sizeof(once)) == 0);
    REQUIRE(accept_encoding_choose(&once, 0) == CODING_IDENTITY);
    REQUIRE(accept_encoding_choose(&once, CODING_GZIP) != CODING_BR);
    REQUIRE(accept_encoding_choose(&once, CODING_BR) != CODING_GZIP);
}

/* A tag that is found is there. */
static void check_etag(const char *value, size_t n)
{
    static const char tag[] = "\"0123456789abcdef-gz\"";
    bool is_any = n == 1 && *value == '*';
    if (etag_is_among(tag, value, n) && !is_any)
        REQUIRE(memmem(value, n, tag, sizeof(tag) - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_accept_encoding((const char *)data, size);
    check_etag((const char *)data, size);
    return 0;
}
