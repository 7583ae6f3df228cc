/* Loading the configuration: precedence, every error's text, topic sections, printing, reloading.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/config_load.h"
#include "daemon/config_print.h"
#include "daemon/setting.h"

#define COUNT(a)  (int)(sizeof(a) / sizeof((a)[0]))
#define FILE_NAME "longwire.ini"

enum { SETS_MAX = 128 };

/* ---- each test has a directory of its own ---- */

static char directory[] = "/tmp/longwire-config-XXXXXX";

static void enter_directory(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static void leave_directory(void)
{
    remove(FILE_NAME);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void write_bytes(const char *data, size_t n)
{
    FILE *f = fopen(FILE_NAME, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

static void write_file(const char *text)
{
    write_bytes(text, strlen(text));
}

/* ---- loading ---- */

/* The file if it is there, then SETS (NULL-terminated, or NULL). */
static enum err try_load(const char *const *sets, struct config **ret, struct buf *error)
{
    struct config_source src = {.file = FILE_NAME, .file_optional = true, .sets = sets};
    while (sets && sets[src.set_count])
        src.set_count++;
    return config_load(&src, ret, error);
}

/* A setting that the option under test is not good without; NULL = none. */
static const char *needed;

static struct config *load_sets(const char *const *sets)
{
    const char *all[SETS_MAX + 2] = {needed};
    struct config *c = NULL;
    struct buf error = {0};
    for (size_t n = needed != NULL; sets && *sets; n++)
        all[n] = *sets++;
    enum err e = try_load(all, &c, &error);
    ck_assert_msg(e == ERR_OK, "%.*s", (int)error.len, error.data ? error.data : "");
    ck_assert_uint_eq(error.len, 0);
    return c;
}

static struct config *load(const char *text)
{
    write_file(text);
    return load_sets(NULL);
}

static struct config *load_set(const char *set)
{
    return load_sets((const char *const[]){set, NULL});
}

static void expect_error(enum err code, const char *text, const char *const *sets)
{
    struct config *c = NULL;
    struct buf error = {0};
    enum err e = try_load(sets, &c, &error);
    buf_putc(&error, '\0');
    ck_assert_str_eq(error.data, text);
    ck_assert_int_eq(e, code);
    ck_assert_ptr_null(c);
    buf_finish(&error);
}

/* Value I of SECTION.KEY as it would be written; the caller frees it. */
static char *shown(const struct config *c, const char *section, const char *key, size_t i)
{
    struct buf b = {0};
    const struct setting *s = setting_find(section, key);
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_lt(i, setting_values(s, c));
    setting_format(s, c, i, &b);
    buf_putc(&b, '\0');
    return b.data;
}

static void expect_shown(const struct config *c, const char *section, const char *key, size_t i,
                         const char *text)
{
    char *value = shown(c, section, key, i);
    ck_assert_str_eq(value, text);
    free(value);
}

/* ---- the table ---- */

START_TEST(the_table_is_in_order)
{
    for (const struct setting *s = settings; s < settings_end; s++) {
        ck_assert_int_eq(strcmp(s->section, "topic") == 0, s >= settings_topic);
        ck_assert_ptr_eq(setting_find(s->section, s->key), s);
        ck_assert(setting_is_section(s->section));
        ck_assert_ptr_eq(setting_nearest(s->section, s->key), s);
        ck_assert_str_eq(setting_nearest_section(s->section), s->section);
        for (const struct setting *t = s + 2; t < settings_end; t++)
            ck_assert(strcmp(t->section, s->section) != 0 ||
                      strcmp(t[-1].section, t->section) == 0);
    }
}
END_TEST

/* Help, defaults and errors stay readable: one line, no full stop, defaults in canonical form. */
START_TEST(every_row_is_whole)
{
    struct config *c = load_sets(NULL);
    for (const struct setting *s = settings; s < settings_end; s++) {
        ck_assert_uint_gt(strlen(s->help), 10);
        ck_assert_ptr_null(strpbrk(s->help, "\n"));
        ck_assert_int_ne(s->help[strlen(s->help) - 1], '.');
        if (s >= settings_topic)
            continue;
        ck_assert_ptr_nonnull(s->initial);
        if (setting_values(s, c))
            expect_shown(c, s->section, s->key, 0, s->initial);
        else
            ck_assert_str_eq(s->initial, "");
    }
    config_free(c);
}
END_TEST

START_TEST(defaults_are_typed)
{
    struct config *c = load_sets(NULL);
    ck_assert_str_eq(c->hub.data_dir, "/var/lib/longwire");
    ck_assert_uint_eq(c->hub.workers, 0);
    ck_assert_uint_eq(c->hub.tail_bytes, 64 << 20);
    ck_assert_uint_eq(c->hub.max_message_bytes, 1 << 20);
    ck_assert_uint_eq(c->hub.max_topics, 1000000);
    ck_assert_uint_eq(c->hub.dedup_window_ms, 600000);
    ck_assert_int_eq(c->hub.log_level, LOG_INFO);
    ck_assert_uint_eq(c->http.listen.count, 1);
    ck_assert(c->http.listen.item[0].loopback);
    ck_assert_uint_eq(c->http.heartbeat_ms, 15000);
    ck_assert_uint_eq(c->http.poll_limit, 1000);
    ck_assert(!c->http.demo);
    ck_assert(c->http.h2);
    ck_assert_uint_eq(c->http.h2_max_streams, 256);
    ck_assert(c->http.ws_deflate);
    ck_assert_uint_eq(c->http.ws_deflate_min_bytes, 512);
    ck_assert_uint_eq(c->http.ws_deflate_level, 6);
    ck_assert_int_eq(c->http.compress, CONFIG_COMPRESS_DIRECT);
    ck_assert_uint_eq(c->http.compress_min_bytes, 512);
    ck_assert_uint_eq(c->http.compress_level, 6);
    ck_assert_int_eq(c->socket.mode, 0660);
    ck_assert_str_eq(c->socket.group, "");
    ck_assert_int_eq(c->log.sync, STORE_SYNC_ALWAYS);
    ck_assert_int_eq(c->log.durability, CONFIG_DISK);
    ck_assert_uint_eq(c->log.max_age_ms, (uint64_t)7 * 24 * 3600 * 1000);
    ck_assert_uint_eq(c->log.max_log_bytes, (uint64_t)8 << 30);
    ck_assert_uint_eq(c->log.map_bytes, (uint64_t)64 << 30);
    ck_assert(!c->log.journal);
    ck_assert_str_eq(c->log.journal_dir, "");
    ck_assert_uint_eq(c->log.journal_size, (uint64_t)64 << 20);
    ck_assert_uint_eq(c->access.anonymous, 0);
    ck_assert_uint_eq(c->access.origin.count, 0);
    ck_assert_uint_eq(c->topic_count, 0);
    ck_assert_ptr_null(c->file);
    config_free(c);
}
END_TEST

/* A value for each option that is not its default, and is good beside all other defaults, but for
 * what it needs. */
/* clang-format off */
static const struct {
    const char *section, *key, *value;
} others[] = {
    {"hub", "data_dir", "/srv/hub log"},
    {"hub", "workers", "3"},
    {"hub", "tail_bytes", "5M"},
    {"hub", "max_message_bytes", "2M"},
    {"hub", "max_topics", "17"},
    {"hub", "subscription_bytes", "7M"},
    {"hub", "queue_bytes", "9M"},
    {"hub", "peer_bytes", "10M"},
    {"hub", "dedup_window", "90s"},
    {"hub", "dedup_max_keys", "18"},
    {"hub", "crypto_threads", "20"},
    {"hub", "io_uring", "no"},
    {"hub", "presence_linger", "21s"},
    {"hub", "log_level", "debug"},
    {"http", "listen", "[::1]:0"},
    {"http", "metrics_listen", "0.0.0.0:9420"},
    {"http", "max_head_bytes", "4K"},
    {"http", "max_body_bytes", "2560K"},
    {"http", "max_connections", "19"},
    {"http", "head_timeout", "1s"},
    {"http", "body_timeout", "2s"},
    {"http", "idle_timeout", "3s"},
    {"http", "write_timeout", "4s"},
    {"http", "heartbeat", "5s"},
    {"http", "retry", "100ms"},
    {"http", "poll_wait", "0"},
    {"http", "poll_wait_max", "59s"},
    {"http", "poll_limit", "7"},
    {"http", "h2", "off"},
    {"http", "h2_max_streams", "36"},
    {"http", "ws_deflate", "off"},
    {"http", "ws_deflate_min_bytes", "35"},
    {"http", "ws_deflate_level", "9"},
    {"http", "compress", "yes"},
    {"http", "compress_min_bytes", "37"},
    {"http", "compress_level", "8"},
    {"http", "send_buffer", "33"},
    {"http", "notsent_lowat", "34"},
    {"http", "hosts", "hub.example"},
    {"http", "trusted_proxies", "10.0.0.0/8"},
    {"http", "proxy_protocol", "on"},
    {"http", "hsts", "365d"},
    {"http", "redirect_https", "443"},
    {"http", "demo", "on"},
    {"tls", "certificate", "tls/chain.pem"},
    {"tls", "key", "tls/key.pem"},
    {"tls", "versions", "1.3"},
    {"tls", "tickets", "off"},
    {"tls", "ticket_key_file", "tls/tickets"},
    {"tls", "client_ca", "tls/clients.pem"},
    {"tls", "handshakes_max", "21"},
    {"tls", "handshake_timeout", "13s"},
    {"tls", "compact", "off"},
    {"socket", "path", "run/hub.sock"},
    {"socket", "mode", "0007"},
    {"socket", "group", "adm"},
    {"socket", "reserve_fds", "5"},
    {"log", "sync", "interval"},
    {"log", "interval", "250ms"},
    {"log", "durability", "memory"},
    {"log", "max_age", "3d"},
    {"log", "max_log_bytes", "5G"},
    {"log", "map_bytes", "2T"},
    {"log", "journal", "on"},
    {"log", "journal_dir", "/var/lib/longwire-journal"},
    {"log", "journal_size", "128M"},
    {"access", "anonymous", "publish"},
    {"access", "origin", "https://example.org"},
    {"access", "local", "all"},
    {"access", "key", "first /etc/longwire/secret HS256 HS512"},
    {"access", "jwks_file", "keys.json"},
    {"access", "issuer", "https://id.example.org"},
    {"access", "audience", "hub"},
    {"access", "leeway", "14s"},
    {"access", "max_lifetime", "15m"},
    {"access", "query_token", "off"},
    {"access", "cookie", "session"},
    {"access", "auth_timeout", "16s"},
    {"access", "auth_request", "http://auth.example:8000/who"},
    {"access", "auth_request_timeout", "17s"},
    {"access", "auth_request_connections", "18"},
    {"access", "auth_request_cache", "19"},
    {"hooks", "url", "http://app.example:8000/events"},
    {"hooks", "secret_file", "hooks.secret"},
    {"hooks", "events", "occupied, leave"},
    {"hooks", "linger", "41s"},
    {"hooks", "timeout", "42s"},
    {"limits", "subscriptions", "8"},
    {"limits", "inflight", "9"},
    {"limits", "address_connections", "11"},
    {"limits", "address_subscriptions", "12"},
    {"limits", "address_publishes_per_s", "13"},
    {"limits", "address_bytes_per_s", "14K"},
    {"limits", "sub_connections", "21"},
    {"limits", "sub_subscriptions", "22"},
    {"limits", "sub_publishes_per_s", "23"},
    {"limits", "sub_bytes_per_s", "24K"},
    {"limits", "token_connections", "31"},
    {"limits", "token_subscriptions", "32"},
    {"limits", "token_publishes_per_s", "33"},
    {"limits", "token_bytes_per_s", "34K"},
    {"limits", "burst", "15s"},
    {"limits", "exempt", "private"},
    {"limits", "exempt_address", "203.0.113.0/24"},
    {"limits", "max_lag_messages", "10"},
    {"limits", "max_lag_bytes", "11K"},
    {"limits", "max_lag_age", "12s"},
    {"limits", "lag_policy", "close"},
};
/* clang-format on */

static const char *needs_of(int i)
{
    static const char *const needs[][2] = {
        {"proxy_protocol", "http.trusted_proxies=::1"},
        {"url", "hooks.secret_file=hooks.secret"},
    };
    for (int k = 0; k < COUNT(needs); k++)
        if (strcmp(others[i].key, needs[k][0]) == 0)
            return needs[k][1];
    return NULL;
}

START_TEST(every_option_is_tried)
{
    ck_assert_int_eq(COUNT(others), settings_topic - settings);
    for (int i = 0; i < COUNT(others); i++)
        ck_assert_ptr_eq(setting_find(others[i].section, others[i].key), &settings[i]);
}
END_TEST

START_TEST(each_option_is_set_alone)
{
    char set[256], text[256];
    needed = needs_of(_i);
    struct config *before = load_sets(NULL);
    char *old = setting_values(&settings[_i], before)
                    ? shown(before, others[_i].section, others[_i].key, 0)
                    : strdup("");
    ck_assert_str_ne(old, others[_i].value);
    snprintf(set, sizeof(set), "%s.%s=%s", others[_i].section, others[_i].key, others[_i].value);
    snprintf(text, sizeof(text), "[%s]\n%s = %s\n", others[_i].section, others[_i].key,
             others[_i].value);
    struct config *by_set = load_set(set);
    expect_shown(by_set, others[_i].section, others[_i].key, 0, others[_i].value);
    struct config *by_file = load(text);
    expect_shown(by_file, others[_i].section, others[_i].key, 0, others[_i].value);
    ck_assert_int_eq(by_set->origin[_i].level, CONFIG_SET);
    ck_assert_int_eq(by_file->origin[_i].level, CONFIG_FILE);
    ck_assert_uint_eq(by_file->origin[_i].line, 2);
    free(old);
    config_free(before);
    config_free(by_set);
    config_free(by_file);
}
END_TEST

/* ---- what a file may look like ---- */

START_TEST(reads_every_harmless_form)
{
    struct config *c = load("\xEF\xBB\xBF"
                            "; comment\r\n"
                            "# another\r\n"
                            "\r\n"
                            "  [ hub ]   ; comment\r\n"
                            "\tworkers=1   ; inline comment\r\n"
                            "data_dir : /a;b#c \r\n"
                            "[http] # comment\r\n"
                            "   heartbeat = 5s\r\n"
                            "  retry = 1s\r\n"
                            "[hub]\r\n"
                            "max_topics = 5");
    ck_assert_uint_eq(c->hub.workers, 1);
    ck_assert_str_eq(c->hub.data_dir, "/a;b#c");
    ck_assert_uint_eq(c->http.heartbeat_ms, 5000);
    ck_assert_uint_eq(c->http.retry_ms, 1000);
    ck_assert_uint_eq(c->hub.max_topics, 5);
    config_free(c);
}
END_TEST

START_TEST(an_empty_file_is_good)
{
    config_free(load(""));
    config_free(load("\n\n[hub]\n"));
}
END_TEST

/* LENGTH bytes in all: `data_dir = /xxx`, or a comment. */
static void write_long_line(const char *start, size_t length)
{
    struct buf b = {0};
    buf_puts(&b, "[hub]\n");
    buf_puts(&b, start);
    while (b.len < 6 + length)
        buf_putc(&b, 'x');
    buf_puts(&b, "\nworkers = 2\n");
    write_bytes(b.data, b.len);
    buf_finish(&b);
}

START_TEST(lines_have_a_longest_length)
{
    write_long_line("data_dir = /", 11 + CONFIG_TEXT_MAX);
    struct config *c = load_sets(NULL);
    ck_assert_uint_eq(strlen(c->hub.data_dir), CONFIG_TEXT_MAX);
    ck_assert_uint_eq(c->hub.workers, 2);
    config_free(c);
    write_long_line("data_dir = /a ; ", 198);
    c = load_sets(NULL);
    ck_assert_str_eq(c->hub.data_dir, "/a");
    ck_assert_uint_eq(c->hub.workers, 2);
    config_free(c);
    write_long_line("data_dir = /a ; ", 199);
    expect_error(ERR_INVALID, "longwire.ini:2: the line is too long: must be at most 198 bytes",
                 NULL);
    write_long_line("data_dir = /", 100000);
    expect_error(ERR_INVALID, "longwire.ini:2: the line is too long", NULL);
}
END_TEST

START_TEST(comments_may_be_of_any_length)
{
    write_long_line("; ", 100000);
    struct config *c = load_sets(NULL);
    ck_assert_uint_eq(c->hub.workers, 2);
    config_free(c);
}
END_TEST

START_TEST(switches_have_two_words_each)
{
    struct config *c = load("[http]\nh2 = no\ndemo = yes\n[tls]\ncompact = off\ntickets = on\n");
    ck_assert(!c->http.h2);
    ck_assert(c->http.demo);
    ck_assert(!c->tls.compact);
    ck_assert(c->tls.tickets);
    config_free(c);
}
END_TEST

/* ---- precedence ---- */

START_TEST(a_higher_level_wins)
{
    write_file("[hub]\nworkers = 1\nmax_topics = 5\n");
    struct config *c = load_sets((const char *const[]){"hub.workers=2", "hub.workers=3", NULL});
    ck_assert_uint_eq(c->hub.workers, 3);
    ck_assert_uint_eq(c->hub.max_topics, 5);
    ck_assert_uint_eq(c->hub.dedup_max_keys, 1000000);
    config_free(c);
}
END_TEST

START_TEST(a_list_grows_at_one_level)
{
    struct config *c = load("[http]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\n");
    ck_assert_uint_eq(c->http.listen.count, 2);
    expect_shown(c, "http", "listen", 0, "127.0.0.1:1");
    expect_shown(c, "http", "listen", 1, "127.0.0.1:2");
    config_free(c);
}
END_TEST

START_TEST(a_list_is_replaced_by_a_higher_level)
{
    write_file("[http]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\n"
               "[access]\norigin = https://a.example\n");
    struct config *c = load_sets(
        (const char *const[]){"http.listen=127.0.0.1:3", "access.origin=https://b.example",
                              "http.listen=127.0.0.1:4", "access.origin=*", NULL});
    ck_assert_uint_eq(c->http.listen.count, 2);
    expect_shown(c, "http", "listen", 0, "127.0.0.1:3");
    expect_shown(c, "http", "listen", 1, "127.0.0.1:4");
    ck_assert_uint_eq(c->access.origin.count, 2);
    ck_assert_str_eq(c->access.origin.item[0], "https://b.example");
    ck_assert_str_eq(c->access.origin.item[1], "*");
    config_free(c);
}
END_TEST

START_TEST(an_empty_value_empties_a_list)
{
    write_file("[access]\norigin = https://a.example\norigin = https://b.example\n");
    struct config *c = load_set("access.origin=");
    ck_assert_uint_eq(c->access.origin.count, 0);
    config_free(c);
    c = load_sets((const char *const[]){"access.origin=", "access.origin=https://c.example", NULL});
    ck_assert_uint_eq(c->access.origin.count, 1);
    ck_assert_str_eq(c->access.origin.item[0], "https://c.example");
    config_free(c);
}
END_TEST

START_TEST(flags_are_a_list)
{
    struct config *c = load("[access]\nanonymous = subscribe,publish , subscribe\n");
    ck_assert_uint_eq(c->access.anonymous, CONFIG_SUBSCRIBE | CONFIG_PUBLISH);
    config_free(c);
    c = load_set("access.anonymous=");
    ck_assert_uint_eq(c->access.anonymous, 0);
    config_free(c);
}
END_TEST

/* ---- topic sections ---- */

START_TEST(topics_keep_their_order)
{
    struct config *c =
        load("[topic \"a/+\"]\ndurability = memory\n"
             "[log]\ndurability = disk\n"
             "[topic \"#\"]\n"
             "[topic \"say \\\"hi\\\" \\\\ ]/; x\"] ; comment\ndurability = memory\n");
    ck_assert_uint_eq(c->topic_count, 3);
    ck_assert_str_eq(c->topics[0].pattern, "a/+");
    ck_assert_int_eq(c->topics[0].durability, CONFIG_MEMORY);
    ck_assert_str_eq(c->topics[1].pattern, "#");
    ck_assert_int_eq(c->topics[1].durability, CONFIG_DISK);
    ck_assert_str_eq(c->topics[2].pattern, "say \"hi\" \\ ]/; x");
    ck_assert_int_eq(c->topics[2].durability, CONFIG_MEMORY);
    config_free(c);
}
END_TEST

START_TEST(a_topic_inherits_what_it_does_not_say)
{
    write_file("[topic \"a\"]\n[topic \"b\"]\ndurability = disk\n");
    struct config *c = load_set("log.durability=memory");
    ck_assert_int_eq(c->topics[0].durability, CONFIG_MEMORY);
    ck_assert_int_eq(c->topics[1].durability, CONFIG_DISK);
    config_free(c);
}
END_TEST

START_TEST(a_set_topic_comes_before_those_of_the_file)
{
    write_file("[topic \"a\"]\ndurability = disk\n[topic \"#\"]\ndurability = disk\n");
    struct config *c = load_sets((const char *const[]){"topic \"x/#\".durability=memory",
                                                       "topic \"y\".durability=memory",
                                                       "topic \"#\".durability=memory", NULL});
    ck_assert_uint_eq(c->topic_count, 4);
    ck_assert_str_eq(c->topics[0].pattern, "x/#");
    ck_assert_str_eq(c->topics[1].pattern, "y");
    ck_assert_str_eq(c->topics[2].pattern, "a");
    ck_assert_int_eq(c->topics[2].durability, CONFIG_DISK);
    ck_assert_str_eq(c->topics[3].pattern, "#");
    ck_assert_int_eq(c->topics[3].durability, CONFIG_MEMORY);
    config_free(c);
}
END_TEST

START_TEST(the_longest_pattern_fits)
{
    char text[400];
    char pattern[256];
    memset(pattern, 'p', 255);
    pattern[255] = '\0';
    snprintf(text, sizeof(text), "[topic \"%s\"]\ndurability = memory\n", pattern);
    struct config *c = load(text);
    ck_assert_str_eq(c->topics[0].pattern, pattern);
    ck_assert_int_eq(c->topics[0].durability, CONFIG_MEMORY);
    config_free(c);
}
END_TEST

START_TEST(topics_are_not_without_number)
{
    struct buf b = {0};
    for (int i = 0; i < CONFIG_TOPICS_MAX; i++)
        buf_printf(&b, "[topic \"%d\"]\n", i);
    write_bytes(b.data, b.len);
    struct config *c = load_sets(NULL);
    ck_assert_uint_eq(c->topic_count, CONFIG_TOPICS_MAX);
    config_free(c);
    buf_puts(&b, "[topic \"x\"]\n");
    write_bytes(b.data, b.len);
    expect_error(ERR_INVALID, "longwire.ini:1025: [topic]: must be at most 1024 sections", NULL);
    buf_finish(&b);
}
END_TEST

/* In their order; what one does not say is not nothing. */
START_TEST(access_sections_are_kept)
{
    struct config *c = load("[access \"a/#\"]\nanonymous = subscribe, presence\nlocal =\n"
                            "[access \"u/{sub}\"]\ntoken = publish\n"
                            "[access]\nanonymous = presence\n"
                            "[access \"a/#\"]\ntoken = subscribe\n");
    ck_assert_uint_eq(c->rules.count, 2);
    const struct config_rule *r = c->rules.item;
    ck_assert_str_eq(r[0].pattern, "a/#");
    ck_assert_uint_eq(r[0].anonymous, CONFIG_RULE_SUBSCRIBE | CONFIG_RULE_PRESENCE);
    ck_assert_uint_eq(r[0].local, 0);
    ck_assert_uint_eq(r[0].token, CONFIG_RULE_SUBSCRIBE);
    ck_assert_int_eq(r[0].origin[1].level, CONFIG_FILE);
    ck_assert_str_eq(r[1].pattern, "u/{sub}");
    ck_assert_int_eq(r[1].origin[0].level, CONFIG_BUILTIN);
    ck_assert_int_eq(r[1].origin[2].level, CONFIG_FILE);
    ck_assert_uint_eq(c->access.anonymous, CONFIG_PRESENCE);
    config_free(c);
}
END_TEST

START_TEST(access_sections_of_set_come_first)
{
    static const char *const sets[] = {"access \"b\".token=", "access \"c\".token=publish",
                                       "access \"a\".anonymous=publish"};
    write_file("[access \"a\"]\nanonymous = subscribe\n");
    struct config_source src = {.file = FILE_NAME, .sets = sets, .set_count = 3};
    struct config *c;
    struct buf wrong = {0};
    ck_assert_int_eq(config_load(&src, &c, &wrong), ERR_OK);
    ck_assert_uint_eq(c->rules.count, 3);
    ck_assert_str_eq(c->rules.item[0].pattern, "b");
    ck_assert_str_eq(c->rules.item[1].pattern, "c");
    ck_assert_str_eq(c->rules.item[2].pattern, "a");
    ck_assert_uint_eq(c->rules.item[2].anonymous, CONFIG_RULE_PUBLISH);
    config_free(c);
    buf_finish(&wrong);
}
END_TEST

/* ---- errors ---- */

#define ACCESS_TEXT                                                                                \
    "must be a loopback address unless access.anonymous says what anyone may do: subscribe, "      \
    "publish, status; or access.key names what signs tokens, or access.auth_request who is asked"
#define KEY_TEXT                                                                                   \
    "must be KID FILE, and perhaps a list of HS256, HS384, HS512, RS256, RS384, RS512, PS256, "    \
    "PS384, PS512, ES256, ES384, with blanks between; each KID once"
#define HOST_TEXT "must be a name or an address (IPv6 in brackets) without a port"
#define NET_TEXT  "must be ADDRESS or ADDRESS/BITS in digits, with zeros behind the bits"
#define ADDRESS_TEXT                                                                               \
    "must be ADDRESS:PORT or [ADDRESS]:PORT, behind tls: for HTTPS, the address in digits, the "   \
    "port 0 "                                                                                      \
    "to 65535"

static const struct {
    const char *text;
    const char *error;
} bad_files[] = {
    /* Values: out of range, and not of their form. */
    {"[hub]\nworkers = 65\n", "2: hub.workers = 65: must be 0 to 64"},
    {"[hub]\nworkers = many\n", "2: hub.workers = many: must be 0 to 64"},
    {"[hub]\nworkers =\n", "2: hub.workers = : must be 0 to 64"},
    {"[access]\nauth_request = https://a/\n",
     "2: access.auth_request = https://a/: must be empty, http://HOST[:PORT][/PATH], or "
     "unix:SOCKET[:/PATH]"},
    {"[hub]\nworkers = 99999999999999999999\n",
     "2: hub.workers = 99999999999999999999: must be 0 to 64"},
    {"[hub]\ntail_bytes = 17G\n", "2: hub.tail_bytes = 17G: must be 1M to 16G"},
    {"[hub]\ntail_bytes = 2 MB\n",
     "2: hub.tail_bytes = 2 MB: must be 1M to 16G, written in bytes or with K, M, G or T"},
    {"\n\n\n\n[http]\n\n\n\n\n\n\nheartbeat = 0\n",
     "12: http.heartbeat = 0: must be 1 to 60 seconds"},
    {"[http]\nheartbeat = 5 minutes\n", "2: http.heartbeat = 5 minutes: must be 1 to 60 seconds, "
                                        "written with ms, s, m, h or d (seconds "
                                        "without)"},
    {"[http]\nretry = 99ms\n", "2: http.retry = 99ms: must be 100 milliseconds to 10 minutes"},
    {"[http]\ndemo = maybe\n", "2: http.demo = maybe: must be on or off"},
    {"[hub]\nlog_level = loud\n",
     "2: hub.log_level = loud: must be one of error, warn, info, debug"},
    {"[socket]\nmode = 1777\n", "2: socket.mode = 1777: must be an octal mode, 0 to 0777"},
    {"[socket]\nmode = rw\n", "2: socket.mode = rw: must be an octal mode, 0 to 0777"},
    {"[socket]\npath =\n", "2: socket.path = : must be 1 to 107 bytes long"},
    {"[hub]\ndata_dir = \x01\xFF\n",
     "2: hub.data_dir = \\x01\\xff: must be UTF-8 without control characters, space at its ends, "
     "or ; after a space"},
    {"[access]\nanonymous = read\n",
     "2: access.anonymous = read: must be empty or a list of subscribe, publish, status, presence"},
    {"[access]\norigin = https://example.org/\n",
     "2: access.origin = https://example.org/: must be * or SCHEME://HOST[:PORT] in lower case, "
     "with nothing after it"},
    {"[http]\nlisten = 8420\n", "2: http.listen = 8420: " ADDRESS_TEXT},
    {"[http]\nlisten =\n", "2: http.listen = : " ADDRESS_TEXT},
    {"[http]\ntrusted_proxies = 10.0.0.1/8\n", "2: http.trusted_proxies = 10.0.0.1/8: " NET_TEXT},
    {"[http]\nhosts = hub.example:8420\n", "2: http.hosts = hub.example:8420: " HOST_TEXT},
    {"[http]\nhosts = ::1\n", "2: http.hosts = ::1: " HOST_TEXT},
    {"[http]\ntrusted_proxies = proxy\n", "2: http.trusted_proxies = proxy: " NET_TEXT},
    {"[topic \"a/#\"]\ndurability = tape\n",
     "2: topic \"a/#\".durability = tape: must be one of disk, memory"},
    /* Names. */
    {"[http]\nhartbeat = 1s\n", "2: http.hartbeat: no such option; the nearest is http.heartbeat"},
    {"[hub]\nheartbeat = 1s\n", "2: hub.heartbeat: no such option; the nearest is http.heartbeat"},
    {"[http]\nListen = 127.0.0.1:1\n",
     "2: http.Listen: no such option; the nearest is http.listen"},
    {"[topic \"a\"]\ndurabilty = disk\n",
     "2: topic.durabilty: no such option; the nearest is topic.durability"},
    {"[htttp]\n", "1: [htttp]: no such section; the nearest is [http]"},
    {"[Limit]\nx = 1\n", "1: [Limit]: no such section; the nearest is [limits]"},
    {"[hub]\n= 1\n", "2: hub.: no such option; the nearest is hub.workers"},
    {"workers = 1\n", "1: an option before the first [section]"},
    /* Twice. */
    {"[hub]\nworkers = 1\n[http]\n[hub]\nworkers = 2\n",
     "5: hub.workers: must be given once, and line 2 has it already"},
    {"[topic \"a\"]\ndurability = disk\n[topic \"a\"]\ndurability = disk\n",
     "4: topic \"a\".durability: must be given once, and line 2 has it already"},
    /* Lines. */
    {"[hub]\nworkers\n[http]\n", "2: workers: must be [section] or key = value"},
    {"[hub]\nworkers", "2: workers: must be [section] or key = value"},
    {"[hub\n", "1: must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or [tls \"HOST\"]"},
    {"[]\n", "1: must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or [tls \"HOST\"]"},
    {"[hub] x\n",
     "1: must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or [tls \"HOST\"]"},
    {"[topic \"a]\n",
     "1: must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or [tls \"HOST\"]"},
    {"[topic \"a\" b]\n",
     "1: must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or [tls \"HOST\"]"},
    {"[topic a/b]\n",
     "1: must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or [tls \"HOST\"]"},
    {"[a_section_name_that_is_longer_than_any_there_is]\n",
     "1: must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or [tls \"HOST\"]"},
    {"[topic]\n", "1: [topic]: must be [topic \"PATTERN\"]"},
    {"[hub \"a\"]\n", "1: only [topic] and [access] take a \"PATTERN\", and [tls] a \"HOST\""},
    {"[topic \"a/#/b\"]\n",
     "1: topic \"a/#/b\": must be a topic, or a pattern with + for one level, # at the end"},
    {"[topic \"\"]\n",
     "1: topic \"\": must be a topic, or a pattern with + for one level, # at the end"},
    /* Between options. */
    {"[http]\nlisten = 127.0.0.1:1\nlisten = 0.0.0.0:80\n",
     "3: http.listen = 0.0.0.0:80: " ACCESS_TEXT},
    {"[http]\nlisten = [::]:80\n", "2: http.listen = [::]:80: " ACCESS_TEXT},
    {"[access \"a/#/b\"]\n",
     "1: access \"a/#/b\": must be a topic, or a pattern with + for one level, # at the end, and "
     "perhaps {sub} for a token's"},
    {"[access \"a/{role}\"]\n", "1: access \"a/{role}\": must be a topic, or a pattern with + for "
                                "one level, # at the end, and "
                                "perhaps {sub} for a token's"},
    {"[access \"a\"]\ntoken = status\n",
     "2: access \"a\".token = status: must be empty or a list of subscribe, publish, presence"},
    {"[access \"a\"]\ntoken = subscribe\ntoken = publish\n",
     "3: access \"a\".token: must be given once, and line 2 has it already"},
    {"[access \"u/{sub}\"]\nlocal = subscribe\n",
     "2: access \"u/{sub}\".local: must be token, which alone has a sub"},
    {"[access]\nkey = one\n", "2: access.key = one: " KEY_TEXT},
    {"[access]\nkey = one file RS257\n", "2: access.key = one file RS257: " KEY_TEXT},
    {"[access]\nkey = one a\nkey = one b\n", "3: access.key = one b: " KEY_TEXT},
    {"[http]\npoll_wait = 20s\npoll_wait_max = 10s\n",
     "3: http.poll_wait_max = 10s: must be at least http.poll_wait (20s)"},
    {"[http]\npoll_wait_max = 10s\npoll_wait = 20s\n",
     "3: http.poll_wait = 20s: must be at most http.poll_wait_max (10s)"},
    {"[http]\npoll_wait_max = 10s\n",
     "2: http.poll_wait_max = 10s: must be at least http.poll_wait (25s)"},
    {"[hub]\nmax_message_bytes = 9M\n",
     "2: hub.max_message_bytes = 9M: must be at most http.max_body_bytes (8M)"},
    {"[http]\nmax_body_bytes = 1K\n",
     "2: http.max_body_bytes = 1K: must be at least hub.max_message_bytes (1M)"},
    {"[hub]\nmax_message_bytes = 3M\nqueue_bytes = 2M\n",
     "3: hub.queue_bytes = 2M: must be at least hub.max_message_bytes (3M)"},
    {"[hub]\ntail_bytes = 2M\nmax_message_bytes = 3M\n",
     "3: hub.max_message_bytes = 3M: must be at most hub.tail_bytes (2M)"},
    {"[hub]\npeer_bytes = 3M\n",
     "2: hub.peer_bytes = 3M: must be at least 4 times hub.max_message_bytes (1M)"},
    {"[hub]\npeer_bytes = 15M\nmax_message_bytes = 4M\n",
     "3: hub.max_message_bytes = 4M: must be at most 1/4 of hub.peer_bytes (15M)"},
};

START_TEST(a_bad_file_is_told)
{
    char expected[512];
    snprintf(expected, sizeof(expected), FILE_NAME ":%s", bad_files[_i].error);
    write_file(bad_files[_i].text);
    expect_error(ERR_INVALID, expected, NULL);
}
END_TEST

#define FORM_TEXT "must be section.key=value or topic \"PATTERN\".key=value"

static const struct {
    const char *set;
    const char *error;
} bad_sets[] = {
    {"http.heartbeat=0", "http.heartbeat = 0: must be 1 to 60 seconds"},
    {"http.heartbeat= 5s",
     "http.heartbeat =  5s: must be 1 to 60 seconds, written with ms, s, m, h or "
     "d (seconds without)"},
    {"http.hartbeat=1s", "http.hartbeat: no such option; the nearest is http.heartbeat"},
    {"htp.heartbeat=1s", "[htp]: no such section; the nearest is [http]"},
    {"http.listen=[::]:80", "http.listen = [::]:80: " ACCESS_TEXT},
    {"topic \"a/#\".durability=tape",
     "topic \"a/#\".durability = tape: must be one of disk, memory"},
    {"topic \"a/#/b\".durability=disk",
     "topic \"a/#/b\": must be a topic, or a pattern with + for one level, # at the end"},
    {"topic.durability=disk", "[topic]: must be [topic \"PATTERN\"]"},
    {"", ": " FORM_TEXT},
    {"heartbeat=1s", "heartbeat=1s: " FORM_TEXT},
    {"http.heartbeat", "http.heartbeat: " FORM_TEXT},
    {"=1", "=1: " FORM_TEXT},
    {".=", ".=: " FORM_TEXT},
    {"topic \"a.durability=disk", "topic \"a.durability=disk: " FORM_TEXT},
    {"hub.a_key_that_is_longer_than_any_there_is=1",
     "hub.a_key_that_is_longer_than_any_there_is=1: " FORM_TEXT},
    {"hub.data_dir=a\nb", "hub.data_dir = a\\x0ab: must be UTF-8 without control characters, space "
                          "at its ends, or ; after a space"},
};

START_TEST(a_bad_set_is_told)
{
    char expected[512];
    snprintf(expected, sizeof(expected), "--set: %s", bad_sets[_i].error);
    expect_error(ERR_INVALID, expected, (const char *const[]){bad_sets[_i].set, NULL});
}
END_TEST

/* What is wrong between the file and --set is blamed on --set. */
START_TEST(the_higher_level_is_blamed)
{
    write_file("[http]\npoll_wait = 20s\n");
    expect_error(ERR_INVALID,
                 "--set: http.poll_wait_max = 10s: must be at least http.poll_wait (20s)",
                 (const char *const[]){"http.poll_wait_max=10s", NULL});
    write_file("[http]\n\n\n\npoll_wait_max = 10s\n");
    expect_error(ERR_INVALID,
                 "--set: http.poll_wait = 20s: must be at most http.poll_wait_max (10s)",
                 (const char *const[]){"http.poll_wait=20s", NULL});
}
END_TEST

START_TEST(what_may_be_equal)
{
    config_free(load("[http]\npoll_wait = 10s\npoll_wait_max = 10s\n"
                     "[log]\nmap_bytes = 1G\nmax_log_bytes = 1G\n"
                     "[topic \"any-number\"]\nkeep_last = 5\n"));
}
END_TEST

START_TEST(all_mistakes_are_told_at_once)
{
    write_file("[hub]\nworkers = x\n[nonsense]\nkey = 1\n\"a\nworkers = 1\n[log]\nsync never\n");
    expect_error(ERR_INVALID,
                 "longwire.ini:2: hub.workers = x: must be 0 to 64\n"
                 "longwire.ini:3: [nonsense]: no such section; the nearest is [socket]\n"
                 "longwire.ini:5: \"a: must be [section] or key = value\n"
                 "longwire.ini:8: sync never: must be [section] or key = value\n"
                 "--set: nonsense: must be section.key=value or topic \"PATTERN\".key=value\n"
                 "--set: hub.workers = y: must be 0 to 64",
                 (const char *const[]){"nonsense", "hub.workers=y", "log.sync=always", NULL});
}
END_TEST

START_TEST(mistakes_between_options_are_told_at_once)
{
    write_file("[http]\npoll_wait = 20s\npoll_wait_max = 10s\nproxy_protocol = on\n"
               "listen = 0.0.0.0:0\n");
    expect_error(ERR_INVALID,
                 "longwire.ini:5: http.listen = 0.0.0.0:0: " ACCESS_TEXT "\n"
                 "longwire.ini:4: http.proxy_protocol = on: must be off unless "
                 "http.trusted_proxies says who may connect\n"
                 "longwire.ini:3: http.poll_wait_max = 10s: must be at least http.poll_wait (20s)",
                 NULL);
}
END_TEST

START_TEST(not_more_mistakes_than_anybody_reads)
{
    struct buf text = {0}, error = {0};
    struct config *c = NULL;
    for (int i = 0; i < CONFIG_MISTAKES_MAX + 5; i++)
        buf_puts(&text, "x\n");
    buf_putc(&text, '\0');
    write_file(text.data);
    ck_assert_int_eq(try_load(NULL, &c, &error), ERR_INVALID);
    size_t lines = 1;
    for (size_t i = 0; i < error.len; i++)
        lines += error.data[i] == '\n';
    ck_assert_uint_eq(lines, CONFIG_MISTAKES_MAX);
    buf_finish(&text);
    buf_finish(&error);
}
END_TEST

static const struct {
    const char *first, *second;
    bool meet;
} listeners[] = {
    {"127.0.0.1:8420", "localhost:8420", true}, {"127.0.0.1:8420", "127.0.0.1:8421", false},
    {"127.0.0.1:0", "127.0.0.1:0", false},      {"127.0.0.1:8420", "[::1]:8420", false},
    {"0.0.0.0:8420", "127.0.0.1:8420", true},   {"[::1]:8420", "[::]:8420", true},
    {"0.0.0.0:8420", "[::]:8420", false},       {"127.0.0.2:8420", "127.0.0.1:8420", false},
};

START_TEST(the_metrics_listener_meets_none)
{
    write_file("[http]\nlisten = 127.0.0.1:8420\nmetrics_listen = 127.0.0.1:8421\n"
               "metrics_listen = 127.0.0.1:8420\n");
    expect_error(ERR_INVALID,
                 "longwire.ini:4: http.metrics_listen = 127.0.0.1:8420: must not be where the hub "
                 "listens already (127.0.0.1:8420)",
                 NULL);
}
END_TEST

/* The second one was refused by the kernel, and another process blamed. */
START_TEST(listeners_must_not_meet)
{
    char first[64], second[64], expected[160];
    struct config *c = NULL;
    struct buf error = {0};
    snprintf(first, sizeof(first), "http.listen=%s", listeners[_i].first);
    snprintf(second, sizeof(second), "http.listen=%s", listeners[_i].second);
    enum err e = try_load((const char *const[]){"access.anonymous=subscribe", first, second, NULL},
                          &c, &error);
    buf_putc(&error, '\0');
    ck_assert_int_eq(e, listeners[_i].meet ? ERR_INVALID : ERR_OK);
    snprintf(expected, sizeof(expected), "must not be where the hub listens already (%s)",
             listeners[_i].first);
    ck_assert(!strstr(error.data, expected) == !listeners[_i].meet);
    buf_finish(&error);
    config_free(c);
}
END_TEST

START_TEST(a_socket_path_fits_its_address)
{
    char set[200], expected[400], path[109];
    memset(path, 's', 108);
    path[107] = '\0';
    snprintf(set, sizeof(set), "socket.path=%s", path);
    struct config *c = load_set(set);
    ck_assert_str_eq(c->socket.path, path);
    config_free(c);
    path[107] = 's';
    path[108] = '\0';
    snprintf(set, sizeof(set), "socket.path=%s", path);
    snprintf(expected, sizeof(expected), "--set: socket.path = %s: must be 1 to 107 bytes long",
             path);
    expect_error(ERR_INVALID, expected, (const char *const[]){set, NULL});
}
END_TEST

START_TEST(lists_have_a_longest_length)
{
    struct buf b = {0};
    buf_puts(&b, "[http]\n");
    for (int i = 0; i < CONFIG_LISTEN_MAX; i++)
        buf_printf(&b, "listen = 127.0.0.1:%d\n", i);
    write_bytes(b.data, b.len);
    config_free(load_sets(NULL));
    buf_puts(&b, "listen = 127.0.0.1:80\n");
    write_bytes(b.data, b.len);
    expect_error(ERR_INVALID,
                 "longwire.ini:18: http.listen = 127.0.0.1:80: must be given at most 16 times",
                 NULL);
    buf_finish(&b);
}
END_TEST

static void print_to_file(const struct config *c);
static void expect_same_values(const struct config *a, const struct config *b);

START_TEST(topic_sections_say_what_is_kept)
{
    struct config *c = load("[log]\nmax_age = 2h\n"
                            "[topic \"a\"]\nmax_messages = 10\nkeep_last = 10\n"
                            "[topic \"b\"]\nmax_age = 0\nmax_bytes = 1K\n"
                            "[topic \"c\"]\nmax_age = 3d\n");
    ck_assert_uint_eq(c->topics[0].max_age_ms, 2 * 3600000);
    ck_assert_uint_eq(c->topics[0].max_messages, 10);
    ck_assert_uint_eq(c->topics[0].max_bytes, 0);
    ck_assert_uint_eq(c->topics[0].keep_last, 10);
    ck_assert_uint_eq(c->topics[1].max_age_ms, 0);
    ck_assert_uint_eq(c->topics[1].max_bytes, 1024);
    ck_assert_uint_eq(c->topics[1].keep_last, 0);
    ck_assert_uint_eq(c->topics[2].max_age_ms, 3 * 86400000);
    print_to_file(c);
    struct config *again = load_sets(NULL);
    expect_same_values(c, again);
    config_free(again);
    config_free(c);
}
END_TEST

static void expect_lag(const struct config_lag *l, uint64_t messages, uint64_t bytes,
                       uint64_t age_ms, enum config_lag_policy policy)
{
    ck_assert_uint_eq(l->max_messages, messages);
    ck_assert_uint_eq(l->max_bytes, bytes);
    ck_assert_uint_eq(l->max_age_ms, age_ms);
    ck_assert_int_eq(l->policy, policy);
}

START_TEST(topic_sections_say_how_far_subscribers_may_fall_behind)
{
    struct config *c = load("[topic \"a\"]\nmax_lag_messages = 10\nlag_policy = skip-to-latest\n"
                            "[topic \"b\"]\nmax_lag_bytes = 0\nmax_lag_age = 1500ms\n"
                            "[topic \"c\"]\n"
                            "[limits]\nmax_lag_bytes = 2K\nlag_policy = close\n");
    expect_lag(&c->limits.lag, 0, 2048, 0, CONFIG_LAG_CLOSE);
    expect_lag(&c->topics[0].lag, 10, 2048, 0, CONFIG_LAG_SKIP);
    expect_lag(&c->topics[1].lag, 0, 0, 1500, CONFIG_LAG_CLOSE);
    expect_lag(&c->topics[2].lag, 0, 2048, 0, CONFIG_LAG_CLOSE);
    print_to_file(c);
    struct config *again = load_sets(NULL);
    expect_same_values(c, again);
    config_free(again);
    config_free(c);
}
END_TEST

START_TEST(each_limit_of_all_subscribers_is_one_of_each_topic)
{
    struct config *c = load("[topic \"a\"]\n"
                            "[topic \"b\"]\nmax_lag_messages = 0\nmax_lag_bytes = 0\n"
                            "max_lag_age = 0\nlag_policy = replay\n"
                            "[limits]\nmax_lag_messages = 7\nmax_lag_bytes = 2K\nmax_lag_age = 9s\n"
                            "lag_policy = close\n");
    expect_lag(&c->topics[0].lag, 7, 2048, 9000, CONFIG_LAG_CLOSE);
    expect_lag(&c->topics[1].lag, 0, 0, 0, CONFIG_LAG_REPLAY);
    config_free(c);
}
END_TEST

/* As long as a name that fits, and a byte longer. */
START_TEST(the_name_of_a_section_has_a_limit)
{
    write_file("[a_section_with_a_name_of_31_b_xy]\n");
    expect_error(ERR_INVALID,
                 "longwire.ini:1: must be [section], [topic \"PATTERN\"], [access \"PATTERN\"] or "
                 "[tls \"HOST\"]",
                 NULL);
    write_file("[a_section_with_a_name_of_31_b_x]\n");
    expect_error(ERR_INVALID,
                 "longwire.ini:1: [a_section_with_a_name_of_31_b_x]: no such section; the nearest "
                 "is [socket]",
                 NULL);
}
END_TEST

START_TEST(what_is_kept_must_make_sense)
{
    write_file("[topic \"a\"]\nkeep_last = 11\nmax_messages = 10\n");
    expect_error(ERR_INVALID,
                 "longwire.ini:2: topic \"a\".keep_last = 11: must be at most max_messages (10)",
                 NULL);
    write_file("[log]\nmax_log_bytes = 2G\nmap_bytes = 1G\n");
    expect_error(ERR_INVALID,
                 "longwire.ini:3: log.map_bytes = 1G: must be at least log.max_log_bytes (2G)",
                 NULL);
    write_file("[topic \"a\"]\nmax_age = 3651d\n");
    expect_error(ERR_INVALID, "longwire.ini:2: topic \"a\".max_age = 3651d: must be 0 to 3650 days",
                 NULL);
}
END_TEST

/* The copy that finds no memory, counted down; 0 = none. */
static unsigned copies_left;

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

char *__wrap_strdup(const char *text)
{
    return copies_left && --copies_left == 0 ? NULL : __real_strdup(text);
}

/* Whatever it is that finds none: it is said, and nothing is left behind (the sanitizers see). */
START_TEST(memory_that_is_out_is_told)
{
    static const char *const sets[] = {"access.origin=https://a.example", "hub.data_dir=/x",
                                       "topic \"b\".durability=memory", NULL};
    unsigned failures = 0;
    for (enum err e = ERR_NOMEM; e == ERR_NOMEM; failures++) {
        struct config *c = NULL;
        struct buf error = {0};
        write_file("[http]\nhosts = c.example\n[topic \"a\"]\nmax_age = 1h\n");
        copies_left = failures + 1;
        e = try_load(sets, &c, &error);
        buf_putc(&error, '\0');
        ck_assert_str_eq(error.data, e ? err_text(ERR_NOMEM) : "");
        ck_assert(e == ERR_NOMEM || e == ERR_OK);
        ck_assert_int_eq(c != NULL, e == ERR_OK);
        buf_finish(&error);
        config_free(c);
    }
    ck_assert_uint_gt(failures, 6);
    copies_left = 0;
}
END_TEST

START_TEST(a_nul_byte_is_told)
{
    static const char text[] = "[hub]\nworkers = 1\0\n";
    write_bytes(text, sizeof(text) - 1);
    expect_error(ERR_INVALID, "longwire.ini:2: must be text, and has a NUL byte", NULL);
}
END_TEST

START_TEST(a_public_listener_needs_a_word)
{
    struct config *c = load("[http]\nlisten = 0.0.0.0:80\n[access]\nanonymous = subscribe\n");
    ck_assert_uint_eq(c->access.anonymous, CONFIG_SUBSCRIBE);
    ck_assert(!c->http.listen.item[0].loopback);
    config_free(c);
    expect_error(ERR_INVALID, "longwire.ini:2: http.listen = 0.0.0.0:80: " ACCESS_TEXT,
                 (const char *const[]){"access.anonymous=", NULL});
}
END_TEST

START_TEST(a_hook_needs_a_secret)
{
    static const char text[] = "hooks.url = http://app/x: must be empty unless hooks.secret_file "
                               "names what it is signed with";
    char error[256];
    struct config *c = load("[hooks]\nurl = http://app/x\nsecret_file = /x\n");
    ck_assert_str_eq(c->hooks.url, "http://app/x");
    ck_assert_uint_eq(c->hooks.events,
                      CONFIG_OCCUPIED | CONFIG_VACATED | CONFIG_JOIN | CONFIG_LEAVE);
    config_free(c);
    snprintf(error, sizeof(error), "longwire.ini:2: %s", text);
    expect_error(ERR_INVALID, error, (const char *const[]){"hooks.secret_file=", NULL});
    remove(FILE_NAME);
    snprintf(error, sizeof(error), "--set: %s", text);
    expect_error(ERR_INVALID, error, (const char *const[]){"hooks.url=http://app/x", NULL});
}
END_TEST

START_TEST(a_proxy_header_needs_a_proxy)
{
    static const char text[] = "http.proxy_protocol = on: must be off unless http.trusted_proxies "
                               "says who may connect";
    char error[256];
    struct config *c = load("[http]\nproxy_protocol = on\ntrusted_proxies = ::1\n"
                            "trusted_proxies = 192.168.4.0/22\n");
    ck_assert(c->http.proxy_protocol);
    ck_assert_uint_eq(c->http.trusted_proxies.count, 2);
    expect_shown(c, "http", "trusted_proxies", 0, "::1");
    expect_shown(c, "http", "trusted_proxies", 1, "192.168.4.0/22");
    config_free(c);
    snprintf(error, sizeof(error), "longwire.ini:2: %s", text);
    expect_error(ERR_INVALID, error, (const char *const[]){"http.trusted_proxies=", NULL});
    remove(FILE_NAME);
    snprintf(error, sizeof(error), "--set: %s", text);
    expect_error(ERR_INVALID, error, (const char *const[]){"http.proxy_protocol=on", NULL});
}
END_TEST

START_TEST(so_many_proxies_and_no_more)
{
    struct buf b = {0};
    buf_puts(&b, "[http]\n");
    for (int i = 0; i < CONFIG_NETS_MAX; i++)
        buf_printf(&b, "trusted_proxies = 10.0.0.%d\n", i);
    write_bytes(b.data, b.len);
    struct config *c = load_sets(NULL);
    ck_assert_uint_eq(c->http.trusted_proxies.count, CONFIG_NETS_MAX);
    config_free(c);
    buf_puts(&b, "trusted_proxies = ::1\n");
    write_bytes(b.data, b.len);
    expect_error(ERR_INVALID,
                 "longwire.ini:66: http.trusted_proxies = ::1: must be given at most 64 times",
                 NULL);
    buf_finish(&b);
}
END_TEST

static void expect_file_error(const char *file, bool optional, enum err code, const char *text)
{
    struct config *c = NULL;
    struct buf error = {0};
    struct config_source src = {.file = file, .file_optional = optional};
    ck_assert_int_eq(config_load(&src, &c, &error), code);
    buf_putc(&error, '\0');
    ck_assert_str_eq(error.data, text);
    buf_finish(&error);
}

START_TEST(a_file_that_cannot_be_read_is_told)
{
    expect_file_error("none.ini", false, ERR_NOT_FOUND,
                      "none.ini: cannot open: No such file or directory");
    expect_file_error("/", true, ERR_IO, "/: cannot read: Is a directory");
    write_file("");
    expect_file_error(FILE_NAME "/x", true, ERR_IO, FILE_NAME "/x: cannot open: Not a directory");
    ck_assert_int_eq(chmod(FILE_NAME, 0), 0);
    if (access(FILE_NAME, R_OK) != 0)
        expect_file_error(FILE_NAME, true, ERR_ACCESS,
                          FILE_NAME ": cannot open: Permission denied");
}
END_TEST

START_TEST(an_optional_file_may_be_missing)
{
    struct config *c = NULL;
    struct buf error = {0};
    struct config_source src = {.file = "none.ini", .file_optional = true};
    ck_assert_int_eq(config_load(&src, &c, &error), ERR_OK);
    ck_assert_ptr_null(c->file);
    config_free(c);
    config_free(NULL);
}
END_TEST

/* ---- printing ---- */

static void print_to_file(const struct config *c)
{
    FILE *f = fopen(FILE_NAME, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(config_print(c, f), ERR_OK);
    ck_assert_int_eq(fclose(f), 0);
}

static void expect_same_values(const struct config *a, const struct config *b)
{
    for (const struct setting *s = settings; s < settings_topic; s++) {
        size_t n = setting_values(s, a);
        ck_assert_uint_eq(setting_values(s, b), n);
        for (size_t i = 0; i < n; i++) {
            char *value = shown(a, s->section, s->key, i);
            expect_shown(b, s->section, s->key, i, value);
            free(value);
        }
    }
    ck_assert_uint_eq(a->topic_count, b->topic_count);
    for (size_t i = 0; i < a->topic_count; i++) {
        ck_assert_str_eq(a->topics[i].pattern, b->topics[i].pattern);
        ck_assert_int_eq(a->topics[i].durability, b->topics[i].durability);
        ck_assert_uint_eq(a->topics[i].max_age_ms, b->topics[i].max_age_ms);
        ck_assert_uint_eq(a->topics[i].max_messages, b->topics[i].max_messages);
        ck_assert_uint_eq(a->topics[i].max_bytes, b->topics[i].max_bytes);
        ck_assert_uint_eq(a->topics[i].keep_last, b->topics[i].keep_last);
        ck_assert_uint_eq(a->topics[i].lag.max_messages, b->topics[i].lag.max_messages);
        ck_assert_uint_eq(a->topics[i].lag.max_bytes, b->topics[i].lag.max_bytes);
        ck_assert_uint_eq(a->topics[i].lag.max_age_ms, b->topics[i].lag.max_age_ms);
        ck_assert_int_eq(a->topics[i].lag.policy, b->topics[i].lag.policy);
    }
}

START_TEST(defaults_are_printed_and_read_back)
{
    struct config *c = load_sets(NULL);
    print_to_file(c);
    struct config *again = load_sets(NULL);
    expect_same_values(c, again);
    for (const struct setting *s = settings; s < settings_topic; s++)
        ck_assert_int_eq(again->origin[s - settings].level, CONFIG_FILE); /* nothing left out */
    config_free(c);
    config_free(again);
}
END_TEST

START_TEST(everything_is_printed_and_read_back)
{
    char text[COUNT(others)][256];
    const char *sets[SETS_MAX];
    size_t n = 0;
    for (int i = 0; i < COUNT(others); i++) {
        snprintf(text[i], sizeof(text[i]), "%s.%s=%s", others[i].section, others[i].key,
                 others[i].value);
        sets[n++] = text[i];
    }
    sets[n++] = "http.listen=0.0.0.0:8421";
    sets[n++] = "access.origin=*";
    sets[n++] = "topic \"say \\\"hi\\\" \\\\ ]/; x\".durability=disk";
    sets[n++] = "topic \"+/#\".durability=memory";
    sets[n] = NULL;
    struct config *c = load_sets(sets);
    print_to_file(c);
    struct config *again = load_sets(NULL);
    expect_same_values(c, again);
    config_free(c);
    config_free(again);
}
END_TEST

/* The longest texts still make lines that can be read, their comments included. */
/* With the longest comment: where in the file the value was. */
START_TEST(the_longest_line_is_read_back)
{
    struct buf b = {0};
    for (int i = 0; i < 99999; i++)
        buf_putc(&b, '\n');
    buf_puts(&b, "[hub]\ndata_dir = ");
    for (int i = 0; i < CONFIG_TEXT_MAX; i++)
        buf_putc(&b, 'd');
    write_bytes(b.data, b.len);
    buf_finish(&b);
    struct config *c = load_sets(NULL);
    print_to_file(c);
    struct config *again = load_sets(NULL);
    expect_same_values(c, again);
    config_free(c);
    config_free(again);
}
END_TEST

static char *read_file(void)
{
    static char text[8192];
    FILE *f = fopen(FILE_NAME, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    return text;
}

START_TEST(print_says_where_a_value_comes_from)
{
    write_file("\n[hub]\nworkers = 2\n[topic \"a\"]\n");
    struct config *c = load_set("log.sync=never");
    print_to_file(c);
    const char *text = read_file();
    ck_assert_ptr_nonnull(strstr(text, "\n; Lines are those of longwire.ini.\n\n["));
    ck_assert_ptr_nonnull(strstr(text, "\nworkers = 2 ; line 3\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nsync = never ; --set\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nheartbeat = 15s\n"));
    ck_assert_ptr_nonnull(strstr(text, "\ngroup =\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n[topic \"a\"]\ndurability = disk\n"));
    config_free(c);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    struct config *c = load_sets(NULL);
    FILE *f = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(config_print(c, f), ERR_IO);
    fclose(f);
    config_free(c);
}
END_TEST

/* ---- reloading ---- */

static void expect_diff(const char *set, const char *names)
{
    struct buf b = {0};
    struct config *old = load_sets(NULL);
    struct config *fresh = load_set(set);
    size_t n = config_reload_diff(old, fresh, &b);
    buf_putc(&b, '\0');
    ck_assert_str_eq(b.data, names);
    ck_assert_uint_eq(n, *names ? 1 : 0);
    buf_finish(&b);
    config_free(old);
    config_free(fresh);
}

START_TEST(a_reload_names_what_needs_a_restart)
{
    char set[256], name[64];
    needed = needs_of(_i);
    snprintf(set, sizeof(set), "%s.%s=%s", others[_i].section, others[_i].key, others[_i].value);
    snprintf(name, sizeof(name), "%s.%s", others[_i].section, others[_i].key);
    expect_diff(set, settings[_i].reloadable ? "" : name);
}
END_TEST

/* Written one behind the other, these are the same. */
START_TEST(values_of_a_list_do_not_run_together)
{
    struct buf b = {0};
    struct config *old = load_sets((const char *const[]){
        "http.listen=127.0.0.1:11", "http.listen=27.0.0.1:2", "access.anonymous=subscribe", NULL});
    struct config *fresh = load_sets((const char *const[]){
        "http.listen=127.0.0.1:1", "http.listen=127.0.0.1:2", "access.anonymous=subscribe", NULL});
    ck_assert_uint_eq(config_reload_diff(old, fresh, &b), 1);
    buf_putc(&b, '\0');
    ck_assert_str_eq(b.data, "http.listen");
    buf_finish(&b);
    config_free(old);
    config_free(fresh);
}
END_TEST

START_TEST(a_reload_names_topics_once)
{
    expect_diff("topic \"a\".durability=memory", "topic");
    write_file("[topic \"a\"]\ndurability = disk\n[topic \"b\"]\n");
    expect_diff("topic \"a\".durability=memory", "topic");
    expect_diff("topic \"a\".durability=disk", "");
}
END_TEST

START_TEST(a_reload_names_everything)
{
    struct buf b = {0};
    struct config *old = load_sets(NULL);
    struct config *fresh = load_sets((const char *const[]){
        "log.sync=never", "http.listen=127.0.0.1:1", "http.heartbeat=1s", "hub.workers=1", NULL});
    ck_assert_uint_eq(config_reload_diff(old, fresh, &b), 3);
    buf_putc(&b, '\0');
    ck_assert_str_eq(b.data, "hub.workers, http.listen, log.sync");
    buf_finish(&b);
    config_free(old);
    config_free(fresh);
}
END_TEST

/* Those that the design lets change while the hub runs; anything else would be a promise that
 * nobody keeps. */
START_TEST(what_is_reloadable)
{
    /* clang-format off */
    static const char *const names[] = {
        "hub.peer_bytes",
        "hub.presence_linger",
        "hub.log_level",
        "http.head_timeout",
        "http.body_timeout",
        "http.idle_timeout",
        "http.write_timeout",
        "http.heartbeat",
        "http.retry",
        "http.poll_wait",
        "http.poll_wait_max",
        "http.poll_limit",
        "http.h2",
        "http.h2_max_streams",
        "http.ws_deflate",
        "http.compress",
        "http.hosts",
        "http.trusted_proxies",
        "http.proxy_protocol",
        "http.hsts",
        "http.redirect_https",
        "tls.certificate",
        "tls.key",
        "tls.versions",
        "tls.tickets",
        "tls.ticket_key_file",
        "tls.client_ca",
        "tls.handshakes_max",
        "tls.handshake_timeout",
        "tls.compact",
        "log.max_age",
        "log.max_log_bytes",
        "access.anonymous",
        "access.origin",
        "access.local",
        "access.key",
        "access.jwks_file",
        "access.issuer",
        "access.audience",
        "access.leeway",
        "access.max_lifetime",
        "access.query_token",
        "access.cookie",
        "access.auth_timeout",
        "access.auth_request",
        "access.auth_request_timeout",
        "access.auth_request_connections",
        "access.auth_request_cache",
        "limits.subscriptions",
        "limits.inflight",
        "limits.address_connections",
        "limits.address_subscriptions",
        "limits.address_publishes_per_s",
        "limits.address_bytes_per_s",
        "limits.sub_connections",
        "limits.sub_subscriptions",
        "limits.sub_publishes_per_s",
        "limits.sub_bytes_per_s",
        "limits.token_connections",
        "limits.token_subscriptions",
        "limits.token_publishes_per_s",
        "limits.token_bytes_per_s",
        "limits.burst",
        "limits.exempt",
        "limits.exempt_address",
        "limits.max_lag_messages",
        "limits.max_lag_bytes",
        "limits.max_lag_age",
        "limits.lag_policy",
        "topic.max_age",
        "topic.max_messages",
        "topic.max_bytes",
        "topic.keep_last",
        "topic.max_lag_messages",
        "topic.max_lag_bytes",
        "topic.max_lag_age",
        "topic.lag_policy",
        "topic.presence",
    };
    /* clang-format on */
    int found = 0;
    for (const struct setting *s = settings; s < settings_end; s++) {
        char name[64];
        snprintf(name, sizeof(name), "%s.%s", s->section, s->key);
        if (!s->reloadable)
            continue;
        ck_assert_int_lt(found, COUNT(names));
        ck_assert_str_eq(name, names[found]);
        found++;
    }
    ck_assert_int_eq(found, COUNT(names));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("config");
    TCase *t = tcase_create("all");
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(t, enter_directory, leave_directory);
    tcase_add_test(t, the_table_is_in_order);
    tcase_add_test(t, every_row_is_whole);
    tcase_add_test(t, defaults_are_typed);
    tcase_add_test(t, every_option_is_tried);
    tcase_add_test(t, access_sections_are_kept);
    tcase_add_test(t, access_sections_of_set_come_first);
    tcase_add_loop_test(t, each_option_is_set_alone, 0, COUNT(others));
    tcase_add_test(t, reads_every_harmless_form);
    tcase_add_test(t, an_empty_file_is_good);
    tcase_add_test(t, lines_have_a_longest_length);
    tcase_add_test(t, comments_may_be_of_any_length);
    tcase_add_test(t, switches_have_two_words_each);
    tcase_add_test(t, a_higher_level_wins);
    tcase_add_test(t, a_list_grows_at_one_level);
    tcase_add_test(t, a_list_is_replaced_by_a_higher_level);
    tcase_add_test(t, an_empty_value_empties_a_list);
    tcase_add_test(t, flags_are_a_list);
    tcase_add_test(t, topics_keep_their_order);
    tcase_add_test(t, a_topic_inherits_what_it_does_not_say);
    tcase_add_test(t, a_set_topic_comes_before_those_of_the_file);
    tcase_add_test(t, the_longest_pattern_fits);
    tcase_add_test(t, topics_are_not_without_number);
    tcase_add_loop_test(t, a_bad_file_is_told, 0, COUNT(bad_files));
    tcase_add_loop_test(t, a_bad_set_is_told, 0, COUNT(bad_sets));
    tcase_add_test(t, the_higher_level_is_blamed);
    tcase_add_test(t, what_may_be_equal);
    tcase_add_test(t, all_mistakes_are_told_at_once);
    tcase_add_test(t, mistakes_between_options_are_told_at_once);
    tcase_add_test(t, not_more_mistakes_than_anybody_reads);
    tcase_add_test(t, the_metrics_listener_meets_none);
    tcase_add_loop_test(t, listeners_must_not_meet, 0, COUNT(listeners));
    tcase_add_test(t, a_socket_path_fits_its_address);
    tcase_add_test(t, lists_have_a_longest_length);
    tcase_add_test(t, topic_sections_say_what_is_kept);
    tcase_add_test(t, topic_sections_say_how_far_subscribers_may_fall_behind);
    tcase_add_test(t, each_limit_of_all_subscribers_is_one_of_each_topic);
    tcase_add_test(t, the_name_of_a_section_has_a_limit);
    tcase_add_test(t, what_is_kept_must_make_sense);
    tcase_add_test(t, memory_that_is_out_is_told);
    tcase_add_test(t, a_nul_byte_is_told);
    tcase_add_test(t, a_public_listener_needs_a_word);
    tcase_add_test(t, a_hook_needs_a_secret);
    tcase_add_test(t, a_proxy_header_needs_a_proxy);
    tcase_add_test(t, so_many_proxies_and_no_more);
    tcase_add_test(t, a_file_that_cannot_be_read_is_told);
    tcase_add_test(t, an_optional_file_may_be_missing);
    tcase_add_test(t, defaults_are_printed_and_read_back);
    tcase_add_test(t, everything_is_printed_and_read_back);
    tcase_add_test(t, the_longest_line_is_read_back);
    tcase_add_test(t, print_says_where_a_value_comes_from);
    tcase_add_test(t, a_full_disk_is_told);
    tcase_add_loop_test(t, a_reload_names_what_needs_a_restart, 0, COUNT(others));
    tcase_add_test(t, values_of_a_list_do_not_run_together);
    tcase_add_test(t, a_reload_names_topics_once);
    tcase_add_test(t, a_reload_names_everything);
    tcase_add_test(t, what_is_reloadable);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
