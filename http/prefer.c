#include "http/prefer.h"

#include "http/field.h"

/* 1*DIGIT, as it is or as a quoted string; saturating. */
static bool read_seconds(struct field_text text, uint32_t *ret)
{
    uint64_t s = 0;
    if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = (struct field_text){text.p + 1, text.n - 2};
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        s = s * 10 + (uint64_t)(text.p[i] - '0');
        s = s < UINT32_MAX ? s : UINT32_MAX;
    }
    *ret = (uint32_t)s;
    return text.n > 0;
}

/* TOKEN [ BWS "=" BWS WORD ], with its parameters gone. */
static void add_preference(struct prefer *p, struct field_text preference)
{
    size_t n = 0;
    while (n < preference.n && field_is_tchar(preference.p[n]))
        n++;
    struct field_text rest = field_trim(preference.p + n, preference.n - n);
    if (p->has_wait || !field_is((struct field_text){preference.p, n}, "wait"))
        return;
    p->has_wait = true;
    p->valid = rest.n > 0 && rest.p[0] == '=' &&
               read_seconds(field_trim(rest.p + 1, rest.n - 1), &p->wait_s);
}

void prefer_add(struct prefer *p, const char *value, size_t n)
{
    struct field_text rest = {value, n}, member, preference;
    while (field_next(&rest, ',', &member))
        if (field_next(&member, ';', &preference))
            add_preference(p, preference);
}
