/* The input is a request target: splitting loses nothing, decoding can be undone. */
#include <string.h>

#include "http/url.h"
#include "tests/fuzz/fuzz.h"

/* Encodes every byte of TEXT and decodes it again. */
static void check_round_trip(const char *text, size_t n)
{
    char *encoded = malloc(3 * n + 1);
    size_t len;
    for (size_t i = 0; i < n; i++)
        snprintf(encoded + 3 * i, 4, "%%%02X", (unsigned)(unsigned char)text[i]);
    REQUIRE(url_decode(encoded, 3 * n, encoded, 3 * n + 1, &len) == ERR_OK);
    REQUIRE(len == n && memcmp(encoded, text, n) == 0);
    free(encoded);
}

static void check_decoding(const char *text, size_t n)
{
    char *out = malloc(n + 1);
    size_t len;
    enum err e = url_decode(text, n, out, n + 1, &len);
    REQUIRE(e == (url_escapes_valid(text, n) ? ERR_OK : ERR_INVALID));
    if (e == ERR_OK) {
        REQUIRE(len <= n && strlen(out) == len);
        REQUIRE(len == 0 || url_decode(text, n, out, len, &len) == ERR_TOO_LARGE);
        REQUIRE(url_decode(text, n, out, len + 1, &len) == ERR_OK);
        check_round_trip(out, len);
    }
    free(out);
}

static void check_param(const struct url_param *p)
{
    char name[256];
    size_t len;
    REQUIRE(p->name_len + p->value_len > 0 || p->value > p->name);
    check_decoding(p->value, p->value_len);
    if (url_decode(p->name, p->name_len, name, sizeof(name), &len) == ERR_OK)
        REQUIRE(url_param_is(p, name));
}

static void check_absolute(const char *text, size_t n)
{
    struct url_absolute a;
    if (url_split_absolute(text, n, &a) != ERR_OK)
        return;
    REQUIRE(a.authority_len > 0 && url_authority_valid(a.authority, a.authority_len));
    REQUIRE(a.authority + a.authority_len == a.rest && a.rest + a.rest_len == text + n);
    REQUIRE(a.rest_len == 0 || a.rest[0] == '/' || a.rest[0] == '?');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct url u;
    struct url_param p;
    url_split(text, size, &u);
    REQUIRE(u.path == text && u.query + u.query_len == text + size);
    check_decoding(u.path, u.path_len);
    while (url_next_param(&u, &p))
        check_param(&p);
    check_absolute(text, size);
    return 0;
}
