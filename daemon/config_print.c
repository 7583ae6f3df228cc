/* A configuration as text: for --print-config, and to see what a reload would change. */
#include <string.h>

#include "daemon/config.h"
#include "daemon/config_print.h"
#include "daemon/setting.h"

static void print_origin(struct buf *out, struct config_origin at)
{
    if (at.level == CONFIG_FILE)
        buf_printf(out, " ; line %u", at.line);
    else if (at.level == CONFIG_SET)
        buf_puts(out, " ; --set");
    buf_putc(out, '\n');
}

static void print_value(struct buf *out, const struct setting *s, const char *value, size_t n,
                        struct config_origin at)
{
    buf_printf(out, "%s =%s", s->key, n ? " " : "");
    buf_append(out, value, n);
    print_origin(out, at);
}

static void print_setting(struct buf *out, const struct setting *s, const void *base,
                          struct config_origin at)
{
    struct buf value = {0};
    size_t n = setting_values(s, base);
    for (size_t i = 0; i < n; i++) {
        buf_clear(&value);
        setting_format(s, base, i, &value);
        print_value(out, s, value.data, value.len, at);
        out->failed |= value.failed;
    }
    if (n == 0)
        print_value(out, s, "", 0, at);
    buf_finish(&value);
}

static void print_header(struct buf *out, const char *section, const char *pattern)
{
    buf_printf(out, "\n[%s \"", section);
    for (const char *p = pattern; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *p);
    }
    buf_puts(out, "\"]\n");
}

/* What it does not say is not the same as nothing. */
static void print_rule(struct buf *out, const struct config_rule *r)
{
    print_header(out, "access", r->pattern);
    for (size_t k = 0; k < CONFIG_RULE_SETTINGS_MAX; k++)
        if (r->origin[k].level != CONFIG_BUILTIN)
            print_setting(out, &settings_rule[k], r, r->origin[k]);
}

static void print_topic(struct buf *out, const struct config_topic *t)
{
    print_header(out, "topic", t->pattern);
    for (const struct setting *s = settings_topic; s < settings_end; s++)
        print_setting(out, s, t, t->origin[s - settings_topic]);
}

static void print_hosts(struct buf *out, const struct config *c)
{
    for (size_t i = 0; i < c->host_count; i++) {
        buf_printf(out, "\n[tls \"%s\"]\n", c->hosts[i].name);
        for (size_t k = 0; k < CONFIG_HOST_SETTINGS_MAX; k++)
            print_setting(out, &settings_host[k], &c->hosts[i], c->hosts[i].origin[k]);
    }
}

static void print_topics(struct buf *out, const struct config *c)
{
    for (size_t i = 0; i < c->topic_count; i++)
        print_topic(out, &c->topics[i]);
}

static void print_rules(struct buf *out, const struct config *c)
{
    for (size_t i = 0; i < c->rules.count; i++)
        print_rule(out, &c->rules.item[i]);
}

static void print_sections(struct buf *out, const struct config *c)
{
    const char *section = "";
    for (const struct setting *s = settings; s < settings_topic; s++) {
        if (strcmp(s->section, section) != 0)
            buf_printf(out, "%s[%s]\n", *section ? "\n" : "", s->section);
        section = s->section;
        print_setting(out, s, c, c->origin[s - settings]);
    }
}

static void print_file(struct buf *out, const char *file)
{
    char shown[CONFIG_TEXT_MAX];
    if (file)
        buf_printf(out, "; Lines are those of %s.\n",
                   log_escape(shown, sizeof(shown), file, strlen(file)));
    buf_putc(out, '\n');
}

enum err config_print(const struct config *c, FILE *out)
{
    struct buf b = {0};
    buf_printf(&b, "; Longwire's configuration; what has no comment is built in.\n");
    print_file(&b, c->file);
    print_sections(&b, c);
    print_hosts(&b, c);
    print_rules(&b, c);
    print_topics(&b, c);
    enum err e = b.failed ? ERR_NOMEM : ERR_OK;
    if (!e && (fwrite(b.data, 1, b.len, out) != b.len || fflush(out) != 0))
        e = ERR_IO;
    buf_finish(&b);
    return e;
}

static void put_values(struct buf *out, const struct setting *s, const void *base)
{
    for (size_t i = 0; i < setting_values(s, base); i++) {
        setting_format(s, base, i, out);
        buf_putc(out, '\n');
    }
}

/* Whether any section from number I on says what takes a restart to change. */
static bool says_fixed(const struct config *c, size_t i)
{
    for (; i < c->topic_count; i++)
        for (const struct setting *s = settings_topic; s < settings_end; s++)
            if (!s->reloadable && c->topics[i].origin[s - settings_topic].level != CONFIG_BUILTIN)
                return true;
    return false;
}

/* Sections behind the last that says such a thing do not matter; those before it do, since the
 * first that matches a topic counts. */
static void put_topics(struct buf *out, const struct config *c)
{
    for (size_t i = 0; says_fixed(c, i); i++) {
        buf_printf(out, "%s\n", c->topics[i].pattern);
        for (const struct setting *s = settings_topic; s < settings_end; s++)
            if (!s->reloadable)
                put_values(out, s, &c->topics[i]);
    }
}

static bool same(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static size_t count_difference(const struct buf *a, const struct buf *b, const char *section,
                               const char *key, struct buf *names)
{
    if (same(a, b))
        return 0;
    buf_printf(names, "%s%s%s%s", names->len ? ", " : "", section, *key ? "." : "", key);
    return 1;
}

size_t config_reload_diff(const struct config *old, const struct config *fresh, struct buf *names)
{
    struct buf a = {0}, b = {0};
    size_t n = 0;
    for (const struct setting *s = settings; s < settings_topic; s++) {
        buf_clear(&a);
        buf_clear(&b);
        put_values(&a, s, old);
        put_values(&b, s, fresh);
        if (!s->reloadable)
            n += count_difference(&a, &b, s->section, s->key, names);
    }
    buf_clear(&a);
    buf_clear(&b);
    put_topics(&a, old);
    put_topics(&b, fresh);
    n += count_difference(&a, &b, "topic", "", names);
    buf_finish(&a);
    buf_finish(&b);
    return n;
}
