/* longwirectl token: tokens for tests, and what one says. Without a hub. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "access/access.h"
#include "access/key_text.h"
#include "access/token.h"
#include "base/err.h"
#include "base/rfc3339.h"
#include "tools/ctl/ctl_commands.h"
#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_text.h"
#include "tools/ctl/ctl_token_make.h"
#include "tools/ctl/ctl_token_text.h"

enum { KEY_MAX = 65536 /* bytes of a file */ };

static bool makes(const struct ctl *c)
{
    return strcmp(c->args.words[0], "make") == 0;
}

enum ctl_exit ctl_token_check(const struct ctl *c)
{
    if (makes(c) || (strcmp(c->args.words[0], "check") == 0 && c->args.count <= 3))
        return CTL_OK;
    ctl_say("token %s: must be token make KEY_FILE [NAME=VALUE]..., or token check KEY_FILE "
            "[TOKEN|-]",
            c->args.words[0]);
    return CTL_USAGE;
}

bool ctl_token_offline(const struct ctl *c)
{
    (void)c;
    return true;
}

/* The file, and a NUL that does not count. */
static enum ctl_exit read_key(const char *path, struct buf *ret)
{
    FILE *in = fopen(path, "re");
    char *to = in ? buf_reserve(ret, KEY_MAX + 1) : NULL;
    if (to) {
        ret->len = fread(to, 1, KEY_MAX, in);
        to[ret->len] = '\0';
    }
    bool good = in && to && !ferror(in);
    if (!good)
        ctl_say("%s: cannot be read: %s", path, strerror(errno));
    if (in)
        fclose(in);
    return good ? CTL_OK : CTL_FAILED;
}

/* --- make --- */

static enum ctl_exit make(struct ctl *c, const struct buf *key)
{
    struct buf token = {0};
    enum ctl_exit status = ctl_token_make(key->data, key->len, c->args.words + 2, c->args.count - 2,
                                          (int64_t)time(NULL), &token);
    buf_putc(&token, '\n');
    if (status == CTL_OK)
        status = ctl_out_write(&token);
    buf_finish(&token);
    return status;
}

/* --- check --- */

static void put_label(struct buf *out, const char *label)
{
    buf_printf(out, "%-10s ", label);
}

static void put_text(struct buf *out, const char *label, const char *text, size_t n)
{
    if (n == 0)
        return;
    put_label(out, label);
    ctl_text_put(out, text, n);
    buf_putc(out, '\n');
}

static void put_end(struct buf *out, const struct principal *p, int64_t now_s)
{
    char text[RFC3339_TEXT_SIZE];
    rfc3339_format(text, (uint64_t)p->expires_s * 1000);
    put_label(out, "until");
    buf_printf(out, "%s, in ", text);
    ctl_text_put_age(out, (uint64_t)(p->expires_s - now_s));
    buf_putc(out, '\n');
}

static void put_grants(struct buf *out, struct grants rest)
{
    struct grant g;
    while (grants_next(&rest, &g))
        put_text(out, g.rights ? access_right_name((enum access_right)g.rights) : "deny", g.pattern,
                 g.len);
}

static enum ctl_exit show(const struct principal *p, int64_t now_s)
{
    struct buf out = {0};
    put_text(&out, "sub", p->sub, strlen(p->sub));
    put_text(&out, "jti", p->jti, strlen(p->jti));
    put_end(&out, p, now_s);
    put_grants(&out, p->grants);
    put_text(&out, "info", p->info, p->info_len);
    enum ctl_exit status = ctl_out_write(&out);
    buf_finish(&out);
    return status;
}

/* The only key there is, by the name that the token calls it. */
static struct key_set *keys_of(const struct buf *text, const char *path, const struct buf *token)
{
    char kid[PRINCIPAL_NAME_MAX + 1];
    struct key *k;
    token_kid(token->data, token->len, kid);
    struct buf why = {0};
    struct key_set *keys = key_set_create();
    enum err e = keys ? key_from_text(kid, text->data, text->len, &k, &why) : ERR_NOMEM;
    if (e == ERR_OK)
        e = key_set_add(keys, k);
    if (e != ERR_OK) {
        ctl_say("%s %.*s", path, (int)why.len, why.data ? why.data : "");
        key_set_unref(keys);
        keys = NULL;
    }
    buf_finish(&why);
    return keys;
}

static enum ctl_exit verify(const struct key_set *keys, const struct buf *token)
{
    static const struct claims_rules rules;
    int64_t now_s = (int64_t)time(NULL);
    struct principal *p;
    struct token_why why = token_why_of(TOKEN_MALFORMED);
    enum err e = token_verify(keys, &rules, token->data, token->len, now_s, &p, &why);
    if (e != ERR_OK) {
        ctl_say("%s", e == ERR_ACCESS ? why.text : err_text(e));
        return CTL_FAILED;
    }
    enum ctl_exit status = show(p, now_s);
    principal_unref(p);
    return status;
}

static enum ctl_exit check(struct ctl *c, const struct buf *key)
{
    struct buf token = {0};
    enum ctl_exit status = ctl_token_text(c->args.count > 2 ? c->args.words[2] : "-", &token);
    struct key_set *keys = status == CTL_OK ? keys_of(key, c->args.words[1], &token) : NULL;
    if (status == CTL_OK)
        status = keys ? verify(keys, &token) : CTL_FAILED;
    key_set_unref(keys);
    buf_finish(&token);
    return status;
}

enum ctl_exit ctl_token(struct ctl *c)
{
    struct buf key = {0};
    enum ctl_exit status = read_key(c->args.words[1], &key);
    if (status == CTL_OK)
        status = makes(c) ? make(c, &key) : check(c, &key);
    if (key.data)
        explicit_bzero(key.data, key.cap);
    buf_finish(&key);
    return status;
}
