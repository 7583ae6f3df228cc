#include "daemon/key_files.h"

#include <stdlib.h>
#include <string.h>

#include "access/jwk.h"
#include "access/key_text.h"
#include "base/log.h"
#include "daemon/config_key.h"
#include "daemon/secret_file.h"
#include "daemon/setting.h"

static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

/* Number I of all files; NULL: there are no more. Those that are not given are "". */
static const char *file_of(const struct config *c, size_t i)
{
    if (i < c->access.key.count)
        return c->access.key.item[i].file;
    return i == c->access.key.count ? c->access.jwks_file : NULL;
}

static bool has_keys(const struct config *c)
{
    return c->access.key.count || given(c->access.jwks_file);
}

/* --- what is wrong --- */

/* "longwire.ini:12: access.KEY = " */
static void put_place(struct buf *out, const struct config *c, const char *key)
{
    const struct setting *s = setting_find("access", key);
    struct config_origin at = c->origin[s - settings];
    if (at.level == CONFIG_FILE && setting_is_list(s)) /* only its last line is known */
        buf_printf(out, "%s: ", c->file);
    else if (at.level == CONFIG_FILE)
        buf_printf(out, "%s:%u: ", c->file, at.line);
    else if (at.level == CONFIG_SET)
        buf_puts(out, "--set: ");
    buf_printf(out, "access.%s = ", key);
}

static void put_key_fault(struct buf *out, const struct config *c, const struct config_key *k,
                          const struct buf *why)
{
    put_place(out, c, "key");
    config_key_put(out, k);
    buf_puts(out, ": ");
    buf_append(out, why->data, why->len);
}

static void put_set_fault(struct buf *out, const struct config *c, const struct buf *why)
{
    put_place(out, c, "jwks_file");
    buf_printf(out, "%s: ", c->access.jwks_file);
    buf_append(out, why->data, why->len);
}

/* --- files --- */

static enum err read_key(const struct config_key *from, struct key **ret, struct buf *why)
{
    struct buf text = {0};
    enum err e = secret_file_read(from->file, &text, why);
    if (e == ERR_OK)
        e = key_from_text(from->kid, text.data, text.len, ret, why);
    secret_file_forget(&text);
    if (e != ERR_OK || !from->algorithms || key_restrict(*ret, from->algorithms))
        return e;
    key_destroy(*ret);
    buf_puts(why, "is a key of another kind than the algorithms behind it");
    return ERR_INVALID;
}

static enum err add_key(struct key_set *set, const struct config *c, const struct config_key *from,
                        struct buf *error)
{
    struct key *k;
    struct buf why = {0};
    enum err e = read_key(from, &k, &why);
    if (e == ERR_OK)
        e = key_set_add(set, k);
    if (e == ERR_INVALID)
        put_key_fault(error, c, from, &why);
    buf_finish(&why);
    return e;
}

/* What cannot be used is no fault of the set (RFC 7517 section 5). */
static enum err add_set(struct key_set *set, const struct config *c, struct buf *error)
{
    struct buf text = {0}, why = {0};
    size_t skipped = 0;
    enum err e = secret_file_read(c->access.jwks_file, &text, &why);
    if (e == ERR_OK)
        e = jwk_set_parse(set, text.data, text.len, &skipped, &why);
    secret_file_forget(&text);
    if (e == ERR_INVALID)
        put_set_fault(error, c, &why);
    else if (e == ERR_OK && skipped)
        log_warn("access.jwks_file = %s: %zu of its keys cannot be used here, and are passed over",
                 c->access.jwks_file, skipped);
    buf_finish(&why);
    return e;
}

static enum err load_keys(const struct config *c, struct key_set **ret, struct buf *error)
{
    struct key_set *set = key_set_create();
    enum err e = set ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < c->access.key.count && e == ERR_OK; i++)
        e = add_key(set, c, &c->access.key.item[i], error);
    if (e == ERR_OK && given(c->access.jwks_file))
        e = add_set(set, c, error);
    if (e == ERR_OK)
        *ret = set;
    else
        key_set_unref(set);
    return e;
}

/* --- the policy --- */

static enum access_local local_of(enum config_local local)
{
    static const enum access_local locals[] = {
        [CONFIG_LOCAL_AUTO] = ACCESS_LOCAL_AUTO,
        [CONFIG_LOCAL_ALL] = ACCESS_LOCAL_ALL,
        [CONFIG_LOCAL_ANONYMOUS] = ACCESS_LOCAL_ANONYMOUS,
    };
    return locals[local];
}

static unsigned rights_of(unsigned rule)
{
    return (rule & CONFIG_RULE_SUBSCRIBE ? ACCESS_SUBSCRIBE : 0) |
           (rule & CONFIG_RULE_PUBLISH ? ACCESS_PUBLISH : 0) |
           (rule & CONFIG_RULE_PRESENCE ? ACCESS_PRESENCE : 0);
}

/* One for each section; the rows of settings_rule are in the order of enum access_who. */
static struct access_rule *rules_of(const struct config *c)
{
    struct access_rule *rules = calloc(c->rules.count + 1, sizeof(*rules));
    for (size_t i = 0; i < c->rules.count && rules; i++) {
        const struct config_rule *from = &c->rules.item[i];
        const unsigned rights[ACCESS_WHO] = {
            [ACCESS_ANONYMOUS] = from->anonymous,
            [ACCESS_LOCAL] = from->local,
            [ACCESS_TOKEN] = from->token,
        };
        rules[i].pattern = from->pattern;
        for (size_t who = 0; who < ACCESS_WHO; who++) {
            rules[i].says[who] = from->origin[who].level != CONFIG_BUILTIN;
            rules[i].rights[who] = rights_of(rights[who]);
        }
    }
    return rules;
}

static struct access_policy *make_policy(const struct config *c, struct key_set *keys)
{
    struct access_rule *rules = rules_of(c);
    struct access_options o = {
        .keys = keys,
        .rules = rules,
        .rule_count = c->rules.count,
        .decided = given(c->access.auth_request),
        .local = local_of(c->access.local),
        .claims =
            {
                .issuer = given(c->access.issuer),
                .audience = given(c->access.audience),
                .leeway_s = (int64_t)(c->access.leeway_ms / 1000),
                .max_lifetime_s = (int64_t)(c->access.max_lifetime_ms / 1000),
            },
    };
    struct access_policy *policy = rules ? access_policy_create(&o) : NULL;
    free(rules);
    return policy;
}

static enum err create(const struct config *c, struct access_policy **ret, struct buf *error)
{
    struct key_set *keys = NULL;
    enum err e = has_keys(c) ? load_keys(c, &keys, error) : ERR_OK;
    if (e != ERR_OK)
        return e;
    *ret = make_policy(c, keys);
    key_set_unref(keys);
    return *ret ? ERR_OK : ERR_NOMEM;
}

/* --- when they change --- */

/* Before they are read: what changes meanwhile is seen at the next look. */
static struct file_stamp *stamp_all(const struct config *config, size_t *ret_n)
{
    size_t n = 0;
    while (file_of(config, n))
        n++;
    struct file_stamp *stamps = calloc(n + 1, sizeof(*stamps));
    for (size_t i = 0; i < n && stamps; i++)
        stamps[i] = file_stamp_of(file_of(config, i));
    *ret_n = n;
    return stamps;
}

void key_files_finish(struct key_files *f)
{
    free(f->stamps);
    *f = (struct key_files){0};
}

enum err key_files_load(struct key_files *f, const struct config *config,
                        struct access_policy **ret, struct buf *error)
{
    size_t n;
    struct file_stamp *stamps = stamp_all(config, &n);
    enum err e = stamps ? create(config, ret, error) : ERR_NOMEM;
    if (e != ERR_OK) {
        free(stamps);
        return e;
    }
    free(f->stamps);
    *f = (struct key_files){config, stamps, n, false};
    return ERR_OK;
}

/* Looks at all files, and says whether one is another than at the last look. */
static bool look_at_files(struct key_files *f)
{
    bool changed = false;
    for (size_t i = 0; i < f->stamp_count; i++) {
        struct file_stamp now = file_stamp_of(file_of(f->config, i));
        changed |= !file_stamp_equal(&now, &f->stamps[i]);
        f->stamps[i] = now;
    }
    return changed;
}

static struct access_policy *reload(struct key_files *f)
{
    struct access_policy *policy = NULL;
    struct buf error = {0};
    enum err e = key_files_load(f, f->config, &policy, &error);
    buf_putc(&error, '\0');
    if (e == ERR_OK)
        log_info("the keys of tokens have changed, and are loaded anew");
    else
        log_error("the keys of tokens have changed, and stay as they were: %s",
                  error.len > 1 && !error.failed ? error.data : err_text(e));
    buf_finish(&error);
    return policy;
}

struct access_policy *key_files_look(struct key_files *f)
{
    bool changes = look_at_files(f);
    struct access_policy *policy = f->changed && !changes ? reload(f) : NULL;
    f->changed = changes;
    return policy;
}
