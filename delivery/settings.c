#include "delivery/settings.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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

static void free_strings(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

void settings_unref(struct settings *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    free_strings(s->origins, s->origin_count);
    free_strings(s->hosts, s->host_count);
    free(s->net.trusted_proxies);
    free(s->net.exempt);
    free(s->cookie);
    remote_unref(s->auth.remote);
    remote_unref(s->hooks.remote);
    if (s->hooks.secret)
        explicit_bzero(s->hooks.secret, s->hooks.secret_len);
    free(s->hooks.secret);
    if (s->access)
        s->access_unref(s->access);
    lag_rules_finish(&s->lag);
    presence_rules_finish(&s->presence);
    free(s);
}
