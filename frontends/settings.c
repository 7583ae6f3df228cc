#include "frontends/settings.h"

#include <stdatomic.h>
#include <stdlib.h>

struct settings *settings_create(void)
{
    struct settings *s = calloc(1, sizeof(*s));
    if (s)
        s->refs = 1;
    return s;
}

struct settings *settings_ref(struct settings *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void settings_unref(struct settings *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < s->origin_count; i++)
        free(s->origins[i]);
    free(s->origins);
    free(s->trusted_proxies);
    lag_rules_finish(&s->lag);
    free(s);
}
