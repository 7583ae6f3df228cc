#include "http/cache_control.h"

#include <stdbool.h>

#include "http/field.h"

static const char name[] = "Cache-Control";

struct directives {
    bool never, has_age;
    uint32_t age_s;
};

/* Of several ages the least counts, and one that cannot be read is none at all. */
static void add_age(struct directives *d, struct field_text text)
{
    uint32_t s = 0;
    if (text.n == 0 || text.p[0] != '=' ||
        !field_seconds((struct field_text){text.p + 1, text.n - 1}, CACHE_AGE_MAX_S, &s))
        s = 0;
    d->age_s = d->has_age && d->age_s < s ? d->age_s : s;
    d->has_age = true;
}

static void add_directive(struct directives *d, struct field_text text)
{
    size_t n = field_token_span(text.p, text.n);
    struct field_text word = {text.p, n}, rest = {text.p + n, text.n - n};
    if (field_is(word, "no-store") || field_is(word, "no-cache"))
        d->never = true;
    else if (field_is(word, "max-age"))
        add_age(d, rest);
}

uint32_t cache_control_age_s(const struct http_fields *fields)
{
    struct directives d = {0};
    size_t n;
    const char *value = http_fields_named(fields, name, NULL, &n);
    for (; value; value = http_fields_named(fields, name, value, &n)) {
        struct field_text rest = {value, n}, directive;
        while (field_next(&rest, ',', &directive))
            add_directive(&d, directive);
    }
    return d.never ? 0 : d.age_s;
}
