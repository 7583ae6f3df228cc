/*
 * Loading: the file through inih, `--set`, precedence, and what must hold between options.
 *
 * inih as Debian builds it gives no line numbers, cuts section names at 50 bytes, reads lines of
 * up to 200 bytes, and takes an indented line for the rest of the value above it. So the reader
 * that it is given here counts the lines, reads section headers itself, refuses what is too long,
 * and strips indentation; inih is left to tell keys, values and comments apart. From version 57 on
 * it takes a line that fills its buffer without a line end for one that was cut, hence the byte
 * that stays free.
 */
#include "daemon/config_load.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "daemon/config_rule.h"
#include "daemon/setting.h"
#include "daemon/value.h"

enum {
    LINE_BYTES = 1024, /* longest line but for comments; section headers may need as much */
    NAME_BYTES = 32,   /* of a section or key */
    SHOWN_BYTES = 200, /* of a bad value in an error */
};

struct loader {
    struct config *config;
    struct buf *error; /* of the caller */
    enum err err;      /* of this line or check */
    enum err found;    /* the first of all; what comes after it is looked at as well */
    unsigned mistakes;
    enum config_level level;
    const char *file;
    FILE *stream;
    unsigned line;             /* of FILE, from 1 */
    char text[LINE_BYTES + 1]; /* that line */
    bool expects_pair;         /* inih was given a line that must be `key = value` */
    char section[NAME_BYTES];  /* "" before the first header */
    char pattern[LINE_BYTES];  /* of that header; no topic is as long */
    bool has_pattern;
    bool skips;                 /* that header was wrong: so would all be that is in the section */
    struct config_topic *topic; /* in a [topic "PATTERN"] section */
    struct config_host *host;   /* in a [tls "HOST"] section */
    struct config_rule *rule;   /* in an [access "PATTERN"] section */
    size_t set_topics;          /* how many of the topics came from --set: they stand first */
    size_t set_rules;           /* likewise */
};

/* ---- errors ---- */

static void put_place(struct loader *l, struct config_origin at)
{
    if (at.level == CONFIG_FILE)
        buf_printf(l->error, "%s:%u: ", l->file, at.line);
    else
        buf_puts(l->error, "--set: ");
}

static struct config_origin here(const struct loader *l)
{
    return (struct config_origin){.level = l->level, .line = l->line};
}

/* Begins the line that says what is wrong. */
static struct buf *fail_at(struct loader *l, struct config_origin at)
{
    l->err = ERR_INVALID;
    if (l->mistakes++)
        buf_putc(l->error, '\n');
    put_place(l, at);
    return l->error;
}

static struct buf *fail_here(struct loader *l)
{
    return fail_at(l, here(l));
}

static void fail(struct loader *l, const char *text)
{
    buf_puts(fail_here(l), text);
}

/* After a line or check: its mistake does not hide those of the others. False: that is enough. */
static bool go_on(struct loader *l)
{
    if (!l->found)
        l->found = l->err;
    if (l->err == ERR_INVALID && l->mistakes < CONFIG_MISTAKES_MAX)
        l->err = ERR_OK;
    return l->err == ERR_OK;
}

static void put_shown(struct buf *out, const char *text)
{
    char shown[SHOWN_BYTES + 1];
    buf_puts(out, log_escape(shown, sizeof(shown), text, strlen(text)));
}

/* `http.heartbeat` or, OF a section that has a name, `topic "a/#".durability`. */
static void put_name_of(struct buf *out, const char *of, const struct setting *s)
{
    buf_puts(out, s->section);
    if (of) {
        buf_puts(out, " \"");
        put_shown(out, of);
        buf_putc(out, '"');
    }
    buf_printf(out, ".%s", s->key);
}

static void put_name(struct buf *out, const struct config_topic *topic, const struct setting *s)
{
    put_name_of(out, topic ? topic->pattern : NULL, s);
}

/* Of the section that is read. */
static const char *name_here(const struct loader *l)
{
    if (l->rule)
        return l->rule->pattern;
    return l->topic ? l->topic->pattern : l->host ? l->host->name : NULL;
}

static void fail_value(struct loader *l, const struct setting *s, const char *value, enum err why)
{
    struct buf *out = fail_here(l);
    put_name_of(out, name_here(l), s);
    buf_puts(out, " = ");
    put_shown(out, value);
    buf_puts(out, ": must be ");
    setting_allowed(s, why, out);
}

static void fail_unknown_key(struct loader *l, const char *key)
{
    const struct setting *near = setting_nearest(l->section, key);
    struct buf *out = fail_here(l);
    put_shown(out, l->section);
    buf_putc(out, '.');
    put_shown(out, key);
    buf_printf(out, ": no such option; the nearest is %s.%s", near->section, near->key);
}

static void fail_unknown_section(struct loader *l)
{
    struct buf *out = fail_here(l);
    buf_puts(out, "[");
    put_shown(out, l->section);
    buf_printf(out, "]: no such section; the nearest is [%s]", setting_nearest_section(l->section));
}

static void fail_twice(struct loader *l, const struct setting *s, unsigned line)
{
    struct buf *out = fail_here(l);
    put_name_of(out, name_here(l), s);
    buf_printf(out, ": must be given once, and line %u has it already", line);
}

/* ---- one value ---- */

/* Where the field of S is, and where its origin is remembered. */
static void *base_of(struct loader *l, const struct setting *s, struct config_origin **ret_origin)
{
    if (l->host) {
        *ret_origin = &l->host->origin[s - settings_host];
        return l->host;
    }
    if (l->rule) {
        *ret_origin = &l->rule->origin[s - settings_rule];
        return l->rule;
    }
    if (!l->topic) {
        *ret_origin = &l->config->origin[s - settings];
        return l->config;
    }
    *ret_origin = &l->topic->origin[s - settings_topic];
    return l->topic;
}

static void assign(struct loader *l, const struct setting *s, const char *value)
{
    struct config_origin *origin;
    void *base = base_of(l, s, &origin);
    if (origin->level == CONFIG_FILE && l->level == CONFIG_FILE && !setting_is_list(s)) {
        fail_twice(l, s, origin->line);
        return;
    }
    /* The first value of a higher level replaces a list, further ones append; an empty one, at
     * any place, empties it. */
    if (setting_is_list(s) && (l->level > origin->level || *value == '\0'))
        setting_clear(s, base);
    enum err e = setting_parse(s, value, base);
    if (e == ERR_NOMEM)
        l->err = e;
    else if (e)
        fail_value(l, s, value, e);
    else
        *origin = here(l);
}

static void assign_named(struct loader *l, const char *key, const char *value)
{
    if (l->skips)
        return;
    if (l->section[0] == '\0') {
        fail(l, "an option before the first [section]");
        return;
    }
    const struct setting *s = l->host   ? setting_find_host(key)
                              : l->rule ? setting_find_rule(key)
                                        : setting_find(l->section, key);
    if (s)
        assign(l, s, value);
    else
        fail_unknown_key(l, key);
}

/* ---- sections ---- */

static struct config_topic *find_topic(struct config *c, const char *pattern)
{
    for (size_t i = 0; i < c->topic_count; i++) {
        if (strcmp(c->topics[i].pattern, pattern) == 0)
            return &c->topics[i];
    }
    return NULL;
}

/* Puts a section in at AT; takes PATTERN on success. */
static struct config_topic *insert_topic(struct config *c, size_t at, char *pattern)
{
    struct config_topic *grown = realloc(c->topics, (c->topic_count + 1) * sizeof(*grown));
    if (!grown)
        return NULL;
    c->topics = grown;
    memmove(grown + at + 1, grown + at, (c->topic_count - at) * sizeof(*grown));
    c->topic_count++;
    grown[at] = (struct config_topic){.pattern = pattern};
    return &grown[at];
}

/* A new section of --set goes before those of the file, or it might never match. */
static void add_topic(struct loader *l, const char *pattern)
{
    struct config *c = l->config;
    if (c->topic_count == CONFIG_TOPICS_MAX) {
        struct buf *out = fail_here(l);
        buf_printf(out, "[topic]: must be at most %d sections", CONFIG_TOPICS_MAX);
        return;
    }
    char *copy = strdup(pattern);
    l->topic = copy ? insert_topic(c, l->level == CONFIG_SET ? l->set_topics : c->topic_count, copy)
                    : NULL;
    if (l->topic) {
        l->set_topics += l->level == CONFIG_SET;
    } else {
        free(copy);
        l->err = ERR_NOMEM;
    }
}

static void enter_topic(struct loader *l, const char *pattern)
{
    if (!topic_pattern_valid(pattern, strlen(pattern))) {
        struct buf *out = fail_here(l);
        buf_puts(out, "topic \"");
        put_shown(out, pattern);
        buf_puts(out, "\": must be a topic, or a pattern with + for one level, # at the end");
        return;
    }
    l->topic = find_topic(l->config, pattern);
    if (!l->topic)
        add_topic(l, pattern);
}

static struct config_host *find_host(struct config *c, const char *name)
{
    for (size_t i = 0; i < c->host_count; i++) {
        if (strcmp(c->hosts[i].name, name) == 0)
            return &c->hosts[i];
    }
    return NULL;
}

static void add_host(struct loader *l, const char *name)
{
    struct config *c = l->config;
    if (c->host_count == CONFIG_HOSTS_MAX) {
        buf_printf(fail_here(l), "[tls \"HOST\"]: must be at most %d sections", CONFIG_HOSTS_MAX);
        return;
    }
    struct config_host *grown = realloc(c->hosts, (c->host_count + 1) * sizeof(*grown));
    char *copy = strdup(name);
    if (grown)
        c->hosts = grown;
    if (!grown || !copy) {
        free(copy);
        l->err = ERR_NOMEM;
        return;
    }
    l->host = &grown[c->host_count++];
    *l->host = (struct config_host){.name = copy};
}

static void enter_host(struct loader *l, char *name)
{
    for (char *p = name; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
    const char *host = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    if (*host == '[' || !value_host_valid(host)) {
        struct buf *out = fail_here(l);
        buf_puts(out, "tls \"");
        put_shown(out, name);
        buf_puts(out, "\": must be a name of a host, or *. and a name for one level below it");
        return;
    }
    l->host = find_host(l->config, name);
    if (!l->host)
        add_host(l, name);
}

/* As with topics, those of --set go before those of the file. */
static void add_rule(struct loader *l, const char *pattern)
{
    struct config_rule_list *list = &l->config->rules;
    if (list->count == CONFIG_RULES_MAX) {
        buf_printf(fail_here(l), "[access \"PATTERN\"]: must be at most %d sections",
                   CONFIG_RULES_MAX);
        return;
    }
    l->rule =
        config_rule_insert(list, l->level == CONFIG_SET ? l->set_rules : list->count, pattern);
    if (l->rule)
        l->set_rules += l->level == CONFIG_SET;
    else
        l->err = ERR_NOMEM;
}

static void enter_rule(struct loader *l, const char *pattern)
{
    if (!config_rule_pattern_valid(pattern)) {
        struct buf *out = fail_here(l);
        buf_puts(out, "access \"");
        put_shown(out, pattern);
        buf_puts(out, "\": must be a topic, or a pattern with + for one level, # at the end, and "
                      "perhaps {sub} for a token's");
        return;
    }
    l->rule = config_rule_find(&l->config->rules, pattern);
    if (!l->rule)
        add_rule(l, pattern);
}

static void leave_section(struct loader *l)
{
    l->topic = NULL;
    l->host = NULL;
    l->rule = NULL;
}

static void enter_section(struct loader *l)
{
    bool topical = strcmp(l->section, "topic") == 0, tls = strcmp(l->section, "tls") == 0;
    bool access = strcmp(l->section, "access") == 0;
    leave_section(l);
    if (!setting_is_section(l->section))
        fail_unknown_section(l);
    else if (topical && !l->has_pattern)
        fail(l, "[topic]: must be [topic \"PATTERN\"]");
    else if (tls && l->has_pattern)
        enter_host(l, l->pattern);
    else if (access && l->has_pattern)
        enter_rule(l, l->pattern);
    else if (!topical && l->has_pattern)
        fail(l, "only [topic] and [access] take a \"PATTERN\", and [tls] a \"HOST\"");
    else if (topical)
        enter_topic(l, l->pattern);
}

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t");
}

/* Reads `"..."` at *P, where \" and \\ stand for those characters; false if it never ends or OUT
 * (SIZE bytes) is too small. */
static bool read_quoted(const char **p, char *out, size_t size)
{
    size_t n = 0;
    const char *s = *p + 1;
    for (; *s && *s != '"'; s++) {
        if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
            s++;
        if (n + 1 == size)
            return false;
        out[n++] = *s;
    }
    out[n] = '\0';
    *p = s + 1;
    return *s == '"';
}

/* Reads `name` or `name "PATTERN"` at *P into L; false if it is neither. */
static bool read_section(struct loader *l, const char **p)
{
    const char *start = skip_space(*p);
    size_t n = strcspn(start, " \t.\"[]=;");
    if (n == 0 || n >= sizeof(l->section))
        return false;
    memcpy(l->section, start, n);
    l->section[n] = '\0';
    *p = skip_space(start + n);
    l->has_pattern = **p == '"';
    if (l->has_pattern && !read_quoted(p, l->pattern, sizeof(l->pattern)))
        return false;
    *p = skip_space(*p);
    return true;
}

/* ---- the file ---- */

static void read_header(struct loader *l)
{
    const char *p = l->text + 1;
    bool whole = read_section(l, &p) && *p == ']';
    if (whole)
        p = skip_space(p + 1);
    if (whole && (*p == '\0' || *p == ';' || *p == '#'))
        enter_section(l);
    else
        fail(l, "must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or [tls \"HOST\"]");
    l->skips = l->err != ERR_OK;
}

/* Takes white space off both ends of the line; returns its length. */
static size_t trim(char *text)
{
    size_t n = strlen(text);
    size_t start = strspn(text, " \t\r\f\v");
    while (n > start && strchr(" \t\r\f\v", text[n - 1]))
        n--;
    memmove(text, text + start, n - start);
    text[n - start] = '\0';
    return n - start;
}

/* Reads the next line into l->text, without its end. False: no more, or failed. */
static bool read_line(struct loader *l)
{
    size_t n = 0;
    int c = getc(l->stream);
    if (c == EOF)
        return false;
    l->line++;
    for (; c != EOF && c != '\n'; c = getc(l->stream)) {
        if (c == '\0' && !l->err)
            fail(l, "must be text, and has a NUL byte");
        if (n < LINE_BYTES)
            l->text[n++] = (char)c;
        else if (l->text[0] != ';' && l->text[0] != '#' && !l->err)
            fail(l, "the line is too long");
    }
    l->text[n] = '\0';
    return !l->err;
}

static void skip_byte_order_mark(struct loader *l)
{
    if (l->line == 1 && strncmp(l->text, "\xEF\xBB\xBF", 3) == 0)
        memmove(l->text, l->text + 3, strlen(l->text + 3) + 1);
}

/* Leaves in l->text what inih is to see of the line: a `key = value`, or nothing. */
static void prepare_line(struct loader *l, size_t room)
{
    skip_byte_order_mark(l);
    size_t n = trim(l->text);
    char first = l->text[0];
    l->expects_pair = first != '\0' && first != ';' && first != '#' && first != '[';
    if (first == '[')
        read_header(l);
    if (!l->expects_pair) {
        l->text[0] = '\0';
    } else if (n > room - 2) {
        struct buf *out = fail_here(l);
        buf_printf(out, "the line is too long: must be at most %zu bytes", room - 2);
    }
}

/* inih found no `=` (or `:`) in the line. */
static void fail_pair(struct loader *l)
{
    struct buf *out = fail_here(l);
    put_shown(out, l->text);
    buf_puts(out, ": must be [section] or key = value");
}

/* inih's ini_reader: like fgets(). */
static char *next_line(char *out, int size, void *stream)
{
    struct loader *l = stream;
    if (l->expects_pair && !l->err)
        fail_pair(l);
    l->expects_pair = false;
    while (go_on(l) && read_line(l)) {
        if (!l->err)
            prepare_line(l, (size_t)size);
        if (!l->err)
            return strcpy(out, l->text);
        l->expects_pair = false;
    }
    return NULL;
}

/* inih's ini_handler. */
static int take_pair(void *user, const char *section, const char *key, const char *value)
{
    struct loader *l = user;
    (void)section; /* ours is not cut short */
    l->expects_pair = false;
    if (!l->err)
        assign_named(l, key, value ? value : "");
    return 1;
}

static void fail_file(struct loader *l, const char *what, int error)
{
    buf_printf(l->error, "%s: cannot %s: %s", l->file, what, strerror(error));
    l->err = error == ENOENT ? ERR_NOT_FOUND : error == EACCES ? ERR_ACCESS : ERR_IO;
}

static void load_stream(struct loader *l)
{
    struct config *c = l->config;
    l->level = CONFIG_FILE;
    c->file = strdup(l->file);
    errno = 0;
    if (!c->file || ini_parse_stream(next_line, l, take_pair, l) == -2)
        l->err = ERR_NOMEM;
    else if (!l->err && ferror(l->stream))
        fail_file(l, "read", errno);
    leave_section(l);
}

static void load_file(struct loader *l, bool optional)
{
    l->stream = fopen(l->file, "re");
    if (l->stream) {
        load_stream(l);
        fclose(l->stream);
    } else if (!optional || errno != ENOENT) {
        fail_file(l, "open", errno);
    }
}

/* ---- --set ---- */

static void fail_set(struct loader *l, const char *text)
{
    struct buf *out = fail_here(l);
    put_shown(out, text);
    buf_puts(out, ": must be section.key=value or topic \"PATTERN\".key=value");
}

static void load_set(struct loader *l, const char *text)
{
    char key[NAME_BYTES];
    const char *p = text;
    const char *equals = read_section(l, &p) && *p == '.' ? strchr(p, '=') : NULL;
    if (!equals || (size_t)(equals - p) > sizeof(key)) {
        fail_set(l, text);
        return;
    }
    memcpy(key, p + 1, (size_t)(equals - p - 1));
    key[equals - p - 1] = '\0';
    l->skips = false;
    enter_section(l);
    if (!l->err)
        assign_named(l, key, equals + 1);
    leave_section(l);
}

static void load_sets(struct loader *l, const struct config_source *src)
{
    l->level = CONFIG_SET;
    for (size_t i = 0; i < src->set_count && go_on(l); i++)
        load_set(l, src->sets[i]);
    go_on(l);
}

/* ---- what must hold between options ---- */

/* TIMES FIRST <= SECOND, both numbers of the same unit. */
static const struct {
    const char *section, *first, *second_section, *second;
    unsigned times;
} orders[] = {
    {"http", "poll_wait", "http", "poll_wait_max", 1},
    {"hub", "max_message_bytes", "http", "max_body_bytes", 1},
    {"hub", "max_message_bytes", "hub", "queue_bytes", 1},
    {"hub", "max_message_bytes", "hub", "tail_bytes", 1},
    /* As a control object one takes twice its bytes, and buffers double; or nobody could send it.
     */
    {"hub", "max_message_bytes", "hub", "peer_bytes", 4},
    {"log", "max_log_bytes", "log", "map_bytes", 1},
};

static uint64_t number_of(const struct config *c, const struct setting *s)
{
    return *(const uint64_t *)((const char *)c + s->offset);
}

/* Blames the option that was given at the higher level, or later. */
static void fail_order(struct loader *l, const struct setting *low, const struct setting *high,
                       unsigned times)
{
    const struct config *c = l->config;
    struct config_origin a = c->origin[low - settings], b = c->origin[high - settings];
    bool blame_low = a.level > b.level || (a.level == b.level && a.line > b.line);
    const struct setting *blamed = blame_low ? low : high, *other = blame_low ? high : low;
    struct buf *out = fail_at(l, blame_low ? a : b);
    put_name(out, NULL, blamed);
    buf_puts(out, " = ");
    setting_format(blamed, c, 0, out);
    buf_printf(out, ": must be at %s ", blame_low ? "most" : "least");
    if (times > 1)
        buf_printf(out, blame_low ? "1/%u of " : "%u times ", times);
    put_name(out, NULL, other);
    buf_puts(out, " (");
    setting_format(other, c, 0, out);
    buf_puts(out, ")");
}

static void check_orders(struct loader *l)
{
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]) && go_on(l); i++) {
        const struct setting *low = setting_find(orders[i].section, orders[i].first);
        const struct setting *high = setting_find(orders[i].second_section, orders[i].second);
        if (number_of(l->config, low) * orders[i].times > number_of(l->config, high))
            fail_order(l, low, high, orders[i].times);
    }
}

/* 0.0.0.0 or ::, which are each all of their family (IPV6_V6ONLY). */
static bool is_any(const struct ip *ip)
{
    static const uint8_t v4[] = {0, 0, 0, 0}, v6[16] = {0};
    struct ip any_v4 = ip_from_v4(v4), any_v6 = ip_from_v6(v6);
    return ip_equal(ip, &any_v4) || ip_equal(ip, &any_v6);
}

static bool listen_meets(const struct config_listen *a, const struct config_listen *b)
{
    struct ip_port x, y;
    if (!ip_from_sockaddr((const struct sockaddr *)&a->addr, &x) ||
        !ip_from_sockaddr((const struct sockaddr *)&b->addr, &y))
        return false;
    if (x.port == 0 || x.port != y.port || a->addr.ss_family != b->addr.ss_family)
        return false;
    return ip_equal(&x.ip, &y.ip) || is_any(&x.ip) || is_any(&y.ip);
}

/* One address of http.listen or, behind all of these, http.metrics_listen. */
struct listener_place {
    const struct setting *setting;
    size_t number; /* in its list */
    const struct config_listen *address;
};

static struct listener_place listener_place(const struct config *c, size_t i)
{
    size_t n = c->http.listen.count;
    if (i < n)
        return (struct listener_place){setting_find("http", "listen"), i, &c->http.listen.item[i]};
    return (struct listener_place){setting_find("http", "metrics_listen"), i - n,
                                   &c->http.metrics_listen.item[i - n]};
}

static void fail_listener(struct loader *l, const struct listener_place *p,
                          const struct listener_place *other)
{
    const struct config *c = l->config;
    struct buf *out = fail_at(l, c->origin[p->setting - settings]);
    put_name(out, NULL, p->setting);
    buf_puts(out, " = ");
    setting_format(p->setting, c, p->number, out);
    buf_puts(out, ": must not be where the hub listens already (");
    setting_format(other->setting, c, other->number, out);
    buf_putc(out, ')');
}

/* Two listeners that meet would be taken for another process in the way. */
static void check_listeners(struct loader *l)
{
    const struct config *c = l->config;
    size_t count = c->http.listen.count + c->http.metrics_listen.count;
    for (size_t i = 1; i < count; i++) {
        struct listener_place p = listener_place(c, i);
        for (size_t k = 0; k < i && go_on(l); k++) {
            struct listener_place other = listener_place(c, k);
            if (listen_meets(p.address, other.address))
                fail_listener(l, &p, &other);
        }
    }
}

static bool is_set(const char *text)
{
    return text && *text;
}

/* An address that others can reach needs a word on what they may do: tokens say it, too. */
static void check_access(struct loader *l)
{
    const struct config *c = l->config;
    const struct setting *s = setting_find("http", "listen");
    if (c->access.anonymous || c->access.key.count || is_set(c->access.jwks_file) ||
        is_set(c->access.auth_request) || c->rules.count)
        return;
    for (size_t i = 0; i < c->http.listen.count && go_on(l); i++) {
        if (c->http.listen.item[i].loopback)
            continue;
        struct buf *out = fail_at(l, c->origin[s - settings]);
        buf_puts(out, "http.listen = ");
        setting_format(s, c, i, out);
        buf_puts(out, ": must be a loopback address unless access.anonymous says what anyone may "
                      "do: subscribe, publish, status; or access.key names what signs tokens, or "
                      "access.auth_request who is asked");
    }
}

/* What nobody can verify is worth nothing. */
static void check_hooks(struct loader *l)
{
    const struct config *c = l->config;
    const struct setting *s = setting_find("hooks", "url");
    if (!go_on(l) || !is_set(c->hooks.url) || is_set(c->hooks.secret_file))
        return;
    struct buf *out = fail_at(l, c->origin[s - settings]);
    buf_printf(
        out, "hooks.url = %s: must be empty unless hooks.secret_file names what it is signed with",
        c->hooks.url);
}

/* A PROXY header that nobody may send would shut everybody out. */
static void check_proxies(struct loader *l)
{
    const struct config *c = l->config;
    const struct setting *s = setting_find("http", "proxy_protocol");
    if (!go_on(l) || !c->http.proxy_protocol || c->http.trusted_proxies.count)
        return;
    struct buf *out = fail_at(l, c->origin[s - settings]);
    buf_puts(out, "http.proxy_protocol = on: must be off unless http.trusted_proxies says who may "
                  "connect");
}

static bool has_tls_listener(const struct config *c)
{
    for (size_t i = 0; i < c->http.listen.count; i++)
        if (c->http.listen.item[i].tls)
            return true;
    return false;
}

/* Where KEY of [tls] was given. */
static struct config_origin origin_of(const struct config *c, const char *section, const char *key)
{
    return c->origin[setting_find(section, key) - settings];
}

static void check_hosts(struct loader *l)
{
    const struct config *c = l->config;
    for (size_t i = 0; i < c->host_count && go_on(l); i++) {
        const struct config_host *h = &c->hosts[i];
        if (is_set(h->certificate) && is_set(h->key))
            continue;
        buf_printf(fail_at(l, h->origin[is_set(h->key) ? 1 : 0]),
                   "tls \"%s\": must have a certificate and its key", h->name);
    }
}

static void check_tls(struct loader *l)
{
    const struct config *c = l->config;
    if (go_on(l) && has_tls_listener(c) && !(is_set(c->tls.certificate) && is_set(c->tls.key)))
        buf_puts(fail_at(l, origin_of(c, "http", "listen")),
                 "http.listen = tls:…: must come with tls.certificate and tls.key");
    if (go_on(l) && !c->tls.versions)
        buf_puts(fail_at(l, origin_of(c, "tls", "versions")),
                 "tls.versions: must name one at least: 1.2, 1.3");
    check_hosts(l);
}

/* ---- the whole ---- */

static void load_initial(struct loader *l)
{
    for (const struct setting *s = settings; s < settings_topic && !l->err; s++) {
        if (!setting_is_list(s) || *s->initial)
            assign(l, s, s->initial);
    }
}

static bool is_given(const struct config_topic *t, const char *key)
{
    return t->origin[setting_find("topic", key) - settings_topic].level != CONFIG_BUILTIN;
}

static void inherit_lag(struct config_topic *t, const struct config_lag *all)
{
    if (!is_given(t, "max_lag_messages"))
        t->lag.max_messages = all->max_messages;
    if (!is_given(t, "max_lag_bytes"))
        t->lag.max_bytes = all->max_bytes;
    if (!is_given(t, "max_lag_age"))
        t->lag.max_age_ms = all->max_age_ms;
    if (!is_given(t, "lag_policy"))
        t->lag.policy = all->policy;
}

/* What a topic section does not say is as for the whole hub. */
static void inherit(struct config *c)
{
    for (size_t i = 0; i < c->topic_count; i++) {
        struct config_topic *t = &c->topics[i];
        if (!is_given(t, "durability"))
            t->durability = c->log.durability;
        if (!is_given(t, "max_age"))
            t->max_age_ms = c->log.max_age_ms;
        inherit_lag(t, &c->limits.lag);
    }
}

static void check_topics(struct loader *l)
{
    for (size_t i = 0; i < l->config->topic_count && go_on(l); i++) {
        const struct config_topic *t = &l->config->topics[i];
        const struct setting *s = setting_find("topic", "keep_last");
        if (t->max_messages == 0 || t->keep_last <= t->max_messages)
            continue;
        struct buf *out = fail_at(l, t->origin[s - settings_topic]);
        put_name(out, t, s);
        buf_printf(out, " = %llu: must be at most max_messages (%llu)",
                   (unsigned long long)t->keep_last, (unsigned long long)t->max_messages);
    }
}

/* Only tokens have a sub. */
static void check_rules(struct loader *l)
{
    for (size_t i = 0; i < l->config->rules.count && go_on(l); i++) {
        const struct config_rule *r = &l->config->rules.item[i];
        for (size_t k = 0; k < CONFIG_RULE_SETTINGS_MAX && !l->err; k++) {
            const struct setting *s = &settings_rule[k];
            if (r->origin[k].level == CONFIG_BUILTIN || !strchr(r->pattern, '{') ||
                strcmp(s->key, "token") == 0)
                continue;
            struct buf *out = fail_at(l, r->origin[k]);
            put_name_of(out, r->pattern, s);
            buf_puts(out, ": must be token, which alone has a sub");
        }
    }
}

static void load_all(struct loader *l, const struct config_source *src)
{
    load_initial(l);
    if (!l->err && src->file)
        load_file(l, src->file_optional);
    if (go_on(l))
        load_sets(l, src);
    if (l->found)
        return;
    inherit(l->config);
    check_listeners(l);
    check_access(l);
    check_hooks(l);
    check_proxies(l);
    check_tls(l);
    check_orders(l);
    check_topics(l);
    check_rules(l);
    go_on(l);
}

enum err config_load(const struct config_source *src, struct config **ret, struct buf *error)
{
    struct loader l = {.error = error, .file = src->file};
    l.config = calloc(1, sizeof(*l.config));
    if (!l.config)
        l.err = ERR_NOMEM;
    else
        load_all(&l, src);
    if (l.err == ERR_NOMEM)
        buf_puts(error, err_text(ERR_NOMEM));
    if (l.err || l.found) {
        config_free(l.config);
        return l.err ? l.err : l.found;
    }
    *ret = l.config;
    return ERR_OK;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (const struct setting *s = settings; s < settings_topic; s++)
        setting_clear(s, c);
    for (size_t i = 0; i < c->topic_count; i++)
        free(c->topics[i].pattern);
    free(c->topics);
    for (size_t i = 0; i < c->host_count; i++) {
        free(c->hosts[i].name);
        free(c->hosts[i].certificate);
        free(c->hosts[i].key);
    }
    free(c->hosts);
    config_rule_clear(&c->rules);
    free(c->file);
    free(c);
}
