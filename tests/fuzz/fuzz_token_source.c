/* The input is TARGET LF VALUE: the value is that of Authorization, of Cookie, and of
 * Sec-WebSocket-Protocol, one after the other, beside the target's query. */
#include <string.h>

#include "http/token_source.h"
#include "tests/fuzz/fuzz.h"

static const char *const names[] = {"Authorization", "Cookie", "Sec-WebSocket-Protocol"};

static bool is_within(const char *p, size_t n, const char *text, size_t size)
{
    return p >= text && p + n <= text + size;
}

static void check_found(const struct token_found *found, const struct http_fields *f,
                        const char *target, size_t n)
{
    REQUIRE(found->n > 0 && found->n <= TOKEN_SOURCE_MAX);
    REQUIRE(is_within(found->text, found->n, target, n) ||
            is_within(found->text, found->n, found->decoded, TOKEN_SOURCE_MAX) ||
            is_within(found->text, found->n, f->text.data, f->text.len));
}

static void check(const char *target, size_t n, const char *name, const char *value,
                  size_t value_len)
{
    static struct token_found found;
    struct http_fields *f = http_fields_take();
    const char *fault = NULL;
    REQUIRE(f);
    http_fields_add(f, name, strlen(name), value, value_len);
    struct token_source s = {.fields = f, .cookie = "sid", .query = true, .websocket = true};
    url_split(target, n, &s.url);
    enum err e = f->text.failed ? ERR_NOT_FOUND : token_source_find(&s, &found, &fault);
    if (e == ERR_OK)
        check_found(&found, f, target, n);
    else
        REQUIRE(e == ERR_NOT_FOUND || (e == ERR_INVALID && fault));
    http_fields_give_back(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *lf = size ? memchr(text, '\n', size) : NULL;
    size_t n = lf ? (size_t)(lf - text) : size;
    if (size && memchr(text, '\0', size))
        return 0; /* no head has that */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check(text, n, names[i], lf ? lf + 1 : text, lf ? size - n - 1 : 0);
    http_fields_finish_thread();
    return 0;
}
