/* The input is a set of JWKs, and what a file with a key holds. */
#include <stdlib.h>
#include <string.h>

#include "access/jwk.h"
#include "access/key_text.h"
#include "tests/fuzz/fuzz.h"

static void check_set(const char *text, size_t n)
{
    struct key_set *s = key_set_create();
    struct buf why = {0};
    size_t skipped;
    enum err e = jwk_set_parse(s, text, n, &skipped, &why);
    REQUIRE(e == ERR_OK ? key_set_count(s) > 0 : e == ERR_INVALID && why.len > 0);
    for (size_t i = 0; i < key_set_count(s); i++)
        REQUIRE(key_set_has(s, key_kid(key_set_at(s, i))));
    key_set_unref(s);
    buf_finish(&why);
}

/* What begins as JSON or PEM does is no secret. */
static void check_key(const char *text, size_t n)
{
    struct key *k;
    struct buf why = {0};
    enum err e = key_from_text("k", text, n, &k, &why);
    REQUIRE(e == ERR_OK || (e == ERR_INVALID && why.len > 0));
    if (e == ERR_OK) {
        REQUIRE(key_kind(k) != KEY_SECRET || !memmem(text, n, "-----BEGIN", 10));
        key_destroy(k);
    }
    buf_finish(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    REQUIRE(text);
    memcpy(text, data, size);
    text[size] = '\0';
    check_set(text, size);
    check_key(text, size);
    free(text);
    return 0;
}
