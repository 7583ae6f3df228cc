#include "daemon/hook_settings.h"

#include "daemon/secret_file.h"
#include "daemon/server_lookup.h"

bool hook_settings_are_on(const struct config *c)
{
    return c->hooks.url && *c->hooks.url;
}

static enum err copy_secret(const struct config *c, struct settings *s, struct buf *error)
{
    struct buf secret = {0}, why = {0};
    enum err e = secret_file_read_secret(c->hooks.secret_file, &secret, &why);
    if (e == ERR_OK) {
        s->hooks.secret = secret.data;
        s->hooks.secret_len = secret.len;
        return ERR_OK;
    }
    if (e == ERR_INVALID)
        buf_printf(error, "hooks.secret_file = %s: %.*s", c->hooks.secret_file, (int)why.len,
                   why.data);
    buf_finish(&why);
    secret_file_forget(&secret);
    return e;
}

enum err hook_settings_copy(const struct config *c, struct settings *s, struct buf *error)
{
    if (!hook_settings_are_on(c))
        return ERR_OK;
    s->hooks.timeout_ms = c->hooks.timeout_ms;
    s->hooks.events = c->hooks.events;
    enum err e = copy_secret(c, s, error);
    return e == ERR_OK ? server_lookup(c->hooks.url, true, &s->hooks.remote) : e;
}

enum err hook_settings_topics(const struct config *c, struct presence_rules *ret)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < c->topic_count && e == ERR_OK; i++)
        e = presence_rules_add(ret, c->topics[i].pattern, c->topics[i].hooks);
    return e;
}
