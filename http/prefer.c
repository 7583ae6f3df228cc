#include "http/prefer.h"

#include "http/field.h"

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
               field_seconds(field_trim(rest.p + 1, rest.n - 1), UINT32_MAX, &p->wait_s);
}

void prefer_add(struct prefer *p, const char *value, size_t n)
{
    struct field_text rest = {value, n}, member, preference;
    while (field_next(&rest, ',', &member))
        if (field_next(&member, ';', &preference))
            add_preference(p, preference);
}
