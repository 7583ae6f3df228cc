#include "daemon/key_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access/key_text.h"
#include "daemon/setting.h"

static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

/* --- what is wrong --- */

/* "longwire.ini:12: access.key = KID FILE: " */
static void put_place(struct buf *out, const struct config *c, const struct config_key *k)
{
    const struct setting *s = setting_find("access", "key");
    struct config_origin at = c->origin[s - settings];
    if (at.level == CONFIG_FILE) /* of a list the last line is known */
        buf_printf(out, "%s: ", c->file);
    else if (at.level == CONFIG_SET)
        buf_puts(out, "--set: ");
    buf_printf(out, "access.key = %s %s: ", k->kid, k->file);
}

/* --- files --- */

static void forget(struct buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->cap);
    buf_finish(secret);
}

/* The whole file. WHY says what is wrong with it. */
static enum err read_stream(FILE *in, struct buf *ret, struct buf *why)
{
    char *to = buf_reserve(ret, KEY_FILE_MAX + 1);
    if (!to)
        return ERR_NOMEM;
    ret->len = fread(to, 1, KEY_FILE_MAX + 1, in);
    if (ferror(in))
        buf_printf(why, "cannot be read: %s", strerror(errno));
    else if (ret->len > KEY_FILE_MAX)
        buf_printf(why, "is too large: must be at most %d bytes", KEY_FILE_MAX);
    else
        return ERR_OK;
    return ERR_INVALID;
}

static enum err read_file(const char *path, struct buf *ret, struct buf *why)
{
    FILE *in = fopen(path, "re");
    if (!in) {
        buf_printf(why, "cannot be read: %s", strerror(errno));
        return ERR_INVALID;
    }
    setvbuf(in, NULL, _IONBF, 0); /* no second copy of a key */
    enum err e = read_stream(in, ret, why);
    fclose(in);
    return e;
}

static enum err read_key(const struct config_key *from, struct key **ret, struct buf *why)
{
    struct buf text = {0};
    enum err e = read_file(from->file, &text, why);
    if (e == ERR_OK)
        e = key_from_text(from->kid, text.data, text.len, ret, why);
    forget(&text);
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
    if (e == ERR_INVALID) {
        put_place(error, c, from);
        buf_append(error, why.data, why.len);
    }
    buf_finish(&why);
    return e;
}

static enum err load_keys(const struct config *c, struct key_set **ret, struct buf *error)
{
    struct key_set *set = key_set_create();
    enum err e = set ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < c->access.key.count && e == ERR_OK; i++)
        e = add_key(set, c, &c->access.key.item[i], error);
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

enum err key_files_load(const struct config *c, struct access_policy **ret, struct buf *error)
{
    struct key_set *keys = NULL;
    enum err e = c->access.key.count ? load_keys(c, &keys, error) : ERR_OK;
    if (e != ERR_OK)
        return e;
    struct access_options o = {
        .keys = keys,
        .local = local_of(c->access.local),
        .claims =
            {
                .issuer = given(c->access.issuer),
                .audience = given(c->access.audience),
                .leeway_s = (int64_t)(c->access.leeway_ms / 1000),
                .max_lifetime_s = (int64_t)(c->access.max_lifetime_ms / 1000),
            },
    };
    *ret = access_policy_create(&o);
    key_set_unref(keys);
    return *ret ? ERR_OK : ERR_NOMEM;
}
