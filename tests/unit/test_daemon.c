/* How the configuration gets to the layers: what each of them is started with, and what a reload
 * changes. The layers themselves are stand-ins. main.c is included, since all of it is static. */
int daemon_main(int argc, char **argv);
#define main daemon_main
#include "access/access.h"
#include "daemon/main.c" // NOLINT
#undef main

#include <check.h>
#include <stdarg.h>

enum { CALLS_MAX = 8, LINES = 4096 };

/* What was handed to the layers. */
static struct {
    struct store_options store;
    struct broker_options broker;
    struct hub_options hub;
    struct ws_deflate_rule deflate;
    struct gzip_rule packing;
    const struct retention_rules *retention;
    struct settings *settings[CALLS_MAX]; /* of each worker */
    enum log_level level;
    unsigned worker_calls, broker_calls;
    bool told_before; /* before one of these calls */
    char log[LINES];
} got;

/* What they answer. */
static struct {
    enum err store, broker, hub;
    const char *wrong;
    struct store_state log;
} will;

static struct daemon d;
static char *strings[8]; /* paths that are valid while a test runs */

enum err __wrap_store_open(const struct store_options *o, struct store **ret,
                           struct store_state *ret_state);
const char *__wrap_store_wrong(void);
enum err __wrap_broker_create(const struct broker_options *o, struct store *s,
                              const struct store_state *state, uint64_t now_ms,
                              struct broker **ret);
enum err __wrap_hub_start(const struct hub_options *o, struct broker *b, struct hub **ret);
void __wrap_hub_call_worker(struct hub *h, unsigned w, struct hub_call *call);
void __wrap_hub_call_broker(struct hub *h, struct hub_call *call);
void __wrap_worker_set_settings(struct worker *w, struct settings *s);
void __wrap_broker_set_retention(struct broker *b, const struct retention_rules *rules);
void __wrap_ws_encoding_set_deflate(const struct ws_deflate_rule *rule);
void __wrap_packing_set_rule(const struct gzip_rule *rule);
void __wrap_log_set_level(enum log_level level);
void __wrap_log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

enum err __wrap_store_open(const struct store_options *o, struct store **ret,
                           struct store_state *ret_state)
{
    (void)ret;
    got.store = *o;
    *ret_state = will.log;
    return will.store;
}

const char *__wrap_store_wrong(void)
{
    return will.wrong;
}

enum err __wrap_broker_create(const struct broker_options *o, struct store *s,
                              const struct store_state *state, uint64_t now_ms, struct broker **ret)
{
    (void)s;
    (void)ret;
    got.broker = *o;
    ck_assert_ptr_eq(state, &d.log);
    ck_assert_uint_gt(now_ms, UINT64_C(1600000000000)); /* not the monotonic clock */
    return will.broker;
}

enum err __wrap_hub_start(const struct hub_options *o, struct broker *b, struct hub **ret)
{
    (void)b;
    (void)ret;
    got.hub = *o;
    return will.hub;
}

/* Runs at once, for a worker that is known by its number. */
void __wrap_hub_call_worker(struct hub *h, unsigned w, struct hub_call *call)
{
    (void)h;
    ck_assert_uint_lt(w, CALLS_MAX);
    got.worker_calls++;
    got.told_before |= got.log[0] != '\0';
    call->run(call, &got.settings[w]);
}

void __wrap_hub_call_broker(struct hub *h, struct hub_call *call)
{
    (void)h;
    got.broker_calls++;
    got.told_before |= got.log[0] != '\0';
    call->run(call, NULL);
}

void __wrap_worker_set_settings(struct worker *w, struct settings *s)
{
    *(struct settings **)(void *)w = settings_ref(s);
}

void __wrap_broker_set_retention(struct broker *b, const struct retention_rules *rules)
{
    (void)b;
    got.retention = rules;
}

void __wrap_packing_set_rule(const struct gzip_rule *rule)
{
    got.packing = *rule;
}

void __wrap_ws_encoding_set_deflate(const struct ws_deflate_rule *rule)
{
    got.deflate = *rule;
}

void __wrap_log_set_level(enum log_level level)
{
    got.level = level;
}

void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
    size_t n = strlen(got.log);
    va_list ap;
    (void)level;
    va_start(ap, fmt);
    vsnprintf(got.log + n, sizeof(got.log) - n, fmt, ap);
    va_end(ap);
    n = strlen(got.log);
    snprintf(got.log + n, sizeof(got.log) - n, "\n");
}

/* --- a daemon that has read its configuration --- */

static char folder[] = "/tmp/longwire-daemon-XXXXXX";

static struct config *load(const char *const *sets)
{
    struct config *c;
    struct buf error = {0};
    struct config_source source = {.sets = sets};
    while (sets[source.set_count])
        source.set_count++;
    enum err e = config_load(&source, &c, &error);
    buf_putc(&error, '\0');
    ck_assert_msg(e == ERR_OK, "%s", error.data);
    buf_finish(&error);
    return c;
}

static void setup(void)
{
    memset(&d, 0, sizeof(d));
    memset(&got, 0, sizeof(got));
    memset(&will, 0, sizeof(will));
    will.wrong = "";
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
    for (unsigned i = 0; i < CALLS_MAX; i++)
        settings_unref(got.settings[i]);
    settings_unref(d.settings);
    rules_destroy(d.rules);
    config_free(d.config);
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        free(strings[i]);
        strings[i] = NULL;
    }
    rmdir(folder);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

/* "hub.data_dir=FOLDER/x", valid until teardown. */
static const char *data_dir(void)
{
    ck_assert_int_gt(asprintf(&strings[0], "hub.data_dir=%s/x", folder), 0);
    return strings[0];
}

/* --- settings --- */

START_TEST(each_option_gets_to_the_workers)
{
    d.config = load((const char *const[]){
        "hub.max_message_bytes=2001",
        "http.max_head_bytes=20002",
        "http.max_body_bytes=2000003",
        "http.head_timeout=4s",
        "http.body_timeout=5s",
        "http.idle_timeout=76s",
        "http.write_timeout=7s",
        "http.heartbeat=8s",
        "http.retry=9s",
        "http.poll_wait=11s",
        "http.poll_wait_max=12s",
        "http.poll_limit=13",
        "http.send_buffer=14000",
        "http.notsent_lowat=15000",
        "limits.subscriptions=16",
        "limits.inflight=17",
        NULL,
    });
    struct settings *s = d.settings = make_settings(d.config);
    ck_assert_uint_eq(s->max_message_bytes, 2001);
    ck_assert_uint_eq(s->max_head_bytes, 20002);
    ck_assert_uint_eq(s->max_body_bytes, 2000003);
    ck_assert_uint_eq(s->net.head_timeout_ms, 4000);
    ck_assert_uint_eq(s->body_timeout_ms, 5000);
    ck_assert_uint_eq(s->idle_timeout_ms, 76000);
    ck_assert_uint_eq(s->net.write_timeout_ms, 7000);
    ck_assert_uint_eq(s->heartbeat_ms, 8000);
    ck_assert_uint_eq(s->retry_ms, 9000);
    ck_assert_uint_eq(s->poll_wait_ms, 11000);
    ck_assert_uint_eq(s->poll_wait_max_ms, 12000);
    ck_assert_uint_eq(s->poll_limit, 13);
    ck_assert_int_eq(s->net.send_buffer, 14000);
    ck_assert_int_eq(s->net.notsent_lowat, 15000);
    ck_assert_uint_eq(s->subscriptions, 16);
    ck_assert_uint_eq(s->inflight, 17);
}
END_TEST

START_TEST(each_switch_is_one)
{
    static const char *const sets[] = {"http.ws_deflate", "http.demo", "http.proxy_protocol"};
    for (size_t on = 0; on < 3; on++) {
        char text[3][64];
        const char *list[] = {"http.trusted_proxies=10.0.0.0/8", text[0], text[1], text[2], NULL};
        for (size_t i = 0; i < 3; i++)
            snprintf(text[i], sizeof(text[i]), "%s=%s", sets[i], i == on ? "on" : "off");
        struct config *c = load(list);
        struct settings *s = make_settings(c);
        ck_assert_int_eq(s->ws_deflate, on == 0);
        ck_assert_int_eq(s->demo, on == 1);
        ck_assert_int_eq(s->net.proxy_protocol, on == 2);
        settings_unref(s);
        config_free(c);
    }
}
END_TEST

START_TEST(each_word_of_compress_is_one)
{
    static const struct {
        const char *set;
        enum compress is;
    } words[] = {{"http.compress=no", COMPRESS_NO},
                 {"http.compress=direct", COMPRESS_DIRECT},
                 {"http.compress=yes", COMPRESS_YES}};
    d.config = load((const char *const[]){words[_i].set, NULL});
    d.settings = make_settings(d.config);
    ck_assert_int_eq(d.settings->compress, words[_i].is);
}
END_TEST

START_TEST(each_right_of_the_anonymous_is_one)
{
    static const char *const sets[] = {"access.anonymous=subscribe", "access.anonymous=publish",
                                       "access.anonymous=status", "access.anonymous="};
    d.config = load((const char *const[]){sets[_i], NULL});
    struct settings *s = d.settings = make_settings(d.config);
    ck_assert_int_eq(s->anonymous & ACCESS_SUBSCRIBE, _i == 0 ? ACCESS_SUBSCRIBE : 0);
    ck_assert_int_eq(s->anonymous & ACCESS_PUBLISH, _i == 1 ? ACCESS_PUBLISH : 0);
    ck_assert_int_eq(s->anonymous & ACCESS_STATUS, _i == 2 ? ACCESS_STATUS : 0);
}
END_TEST

START_TEST(lists_get_to_the_workers)
{
    d.config = load((const char *const[]){"access.origin=https://a.example",
                                          "access.origin=https://b.example", "http.hosts=c.example",
                                          "http.trusted_proxies=10.0.0.0/8",
                                          "http.trusted_proxies=192.168.0.0/16", NULL});
    struct settings *s = d.settings = make_settings(d.config);
    ck_assert_uint_eq(s->origin_count, 2);
    ck_assert_str_eq(s->origins[0], "https://a.example");
    ck_assert_str_eq(s->origins[1], "https://b.example");
    ck_assert_uint_eq(s->host_count, 1);
    ck_assert_str_eq(s->hosts[0], "c.example");
    ck_assert_uint_eq(s->net.trusted_proxy_count, 2);
    ck_assert_mem_eq(s->net.trusted_proxies, d.config->http.trusted_proxies.item,
                     2 * sizeof(struct ip_net));
}
END_TEST

static void check_lag(const struct lag_limits *l, uint64_t messages, uint64_t bytes,
                      uint64_t age_ms, enum lag_policy policy)
{
    ck_assert_uint_eq(l->messages, messages);
    ck_assert_uint_eq(l->bytes, bytes);
    ck_assert_uint_eq(l->age_ms, age_ms);
    ck_assert_int_eq(l->policy, policy);
}

START_TEST(limits_of_lag_get_to_the_workers)
{
    d.config = load((const char *const[]){
        "limits.max_lag_messages=1", "limits.max_lag_bytes=2K", "limits.max_lag_age=3s",
        "limits.lag_policy=close", "topic \"a/#\".lag_policy=skip-to-latest",
        "topic \"a/#\".max_lag_messages=4", "topic \"b\".lag_policy=replay", NULL});
    struct settings *s = d.settings = make_settings(d.config);
    check_lag(&s->lag.otherwise, 1, 2048, 3000, LAG_CLOSE);
    ck_assert_uint_eq(s->lag.count, 2);
    ck_assert_str_eq(s->lag.rules[0].pattern, "a/#");
    check_lag(&s->lag.rules[0].limits, 4, 2048, 3000, LAG_SKIP);
    ck_assert_str_eq(s->lag.rules[1].pattern, "b");
    check_lag(&s->lag.rules[1].limits, 1, 2048, 3000, LAG_REPLAY);
}
END_TEST

START_TEST(the_first_section_that_matches_says_what_is_in_memory)
{
    struct config *c = d.config = load((const char *const[]){
        "topic \"a/b\".durability=disk", "topic \"a/#\".durability=memory", NULL});
    ck_assert(!is_memory_topic(c, "a/b", 3));
    ck_assert(is_memory_topic(c, "a/c", 3));
    ck_assert(is_memory_topic(c, "a/bx", 4));
    ck_assert(!is_memory_topic(c, "b", 1));
    c->log.durability = CONFIG_MEMORY;
    ck_assert(is_memory_topic(c, "b", 1));
    ck_assert(!is_memory_topic(c, "a/b", 3));
}
END_TEST

/* --- start --- */

START_TEST(workers_are_as_many_as_is_said_or_as_fit)
{
    d.config = load((const char *const[]){"hub.workers=3", NULL});
    ck_assert_uint_eq(count_workers(d.config), 3);
    d.config->hub.workers = WORKERS_MAX;
    ck_assert_uint_eq(count_workers(d.config), WORKERS_MAX);
    d.config->hub.workers = WORKERS_MAX + 1;
    ck_assert_uint_eq(count_workers(d.config), WORKERS_MAX);
    d.config->hub.workers = 0;
    unsigned usable = cpus_usable();
    ck_assert_uint_eq(count_workers(d.config), usable < WORKERS_MAX ? usable : WORKERS_MAX);
}
END_TEST

START_TEST(connections_get_the_descriptors_that_are_left)
{
    struct rlimit limit;
    d.config = load((const char *const[]){"http.max_connections=0", "socket.reserve_fds=20", NULL});
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 500;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = dup(STDERR_FILENO);
    close(next);
    uint32_t left = 500 - (uint32_t)next - SPARE_FDS - 20;
    set_conns_max(&d);
    ck_assert_uint_eq(d.process.conns_max, left);
    d.config->http.max_connections = 7;
    set_conns_max(&d);
    ck_assert_uint_eq(d.process.conns_max, 7);
    d.config->http.max_connections = left;
    set_conns_max(&d);
    ck_assert_uint_eq(d.process.conns_max, left);
    ck_assert_str_eq(got.log, "");
    d.config->http.max_connections = left + 1;
    set_conns_max(&d);
    ck_assert_uint_eq(d.process.conns_max, left);
    ck_assert_ptr_nonnull(strstr(got.log, "but there are descriptors for"));
    d.config->http.max_connections = 0;
    d.config->socket.reserve_fds = 600;
    set_conns_max(&d);
    ck_assert_uint_eq(d.process.conns_max, 1);
    ck_assert_int_eq(dup(STDERR_FILENO), next); /* and none is kept */
}
END_TEST

START_TEST(all_descriptors_of_the_system_are_taken)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 200;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    raise_descriptor_limit();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, limit.rlim_max);
}
END_TEST

START_TEST(the_log_is_opened_as_is_said)
{
    d.config = load((const char *const[]){data_dir(), "log.sync=never", "log.map_bytes=1G",
                                          "log.max_log_bytes=0", NULL});
    will.log = (struct store_state){.head = 41, .epoch = 6, .created = true};
    ck_assert_int_eq(open_log(&d), ERR_OK);
    ck_assert_str_eq(got.store.path, d.config->hub.data_dir);
    ck_assert_int_eq(got.store.sync, STORE_SYNC_NEVER);
    ck_assert_uint_eq(got.store.map_bytes, 1 << 30);
    ck_assert_uint_gt(got.store.readers_max, WORKERS_MAX);
    ck_assert_ptr_nonnull(strstr(got.log, "/x: created, head 41, epoch 6\n"));
}
END_TEST

START_TEST(how_the_log_was_left_is_told)
{
    static const struct {
        struct store_state log;
        const char *text;
    } states[] = {
        {{.clean = true}, ": opened, head"},
        {{.copied = true}, ": opened, a copy, which begins a new epoch, head"},
        {{.head = 1}, ": opened after an unclean stop, head"},
    };
    d.config = load((const char *const[]){data_dir(), NULL});
    will.log = states[_i].log;
    ck_assert_int_eq(open_log(&d), ERR_OK);
    ck_assert_ptr_nonnull(strstr(got.log, states[_i].text));
}
END_TEST

START_TEST(a_log_that_cannot_be_opened_is_told)
{
    static const struct {
        enum err e;
        const char *wrong, *text;
    } faults[] = {
        {ERR_LOCKED, "", "is in use by another hub"},
        {ERR_LOCKED, "page 1", "is in use by another hub"},
        {ERR_CORRUPT, "page 7: x", "/x/data.mdb is damaged: page 7: x; `longwirectl verify "},
        {ERR_IO, "", "cannot open the log "},
    };
    d.config = load((const char *const[]){data_dir(), NULL});
    will.store = faults[_i].e;
    will.wrong = faults[_i].wrong;
    ck_assert_int_eq(open_log(&d), faults[_i].e);
    ck_assert_ptr_nonnull(strstr(got.log, faults[_i].text));
}
END_TEST

START_TEST(a_data_dir_that_cannot_be_is_not_tried)
{
    ck_assert_int_gt(asprintf(&strings[1], "hub.data_dir=%s/no/x", folder), 0);
    d.config = load((const char *const[]){strings[1], NULL});
    ck_assert_int_eq(open_log(&d), ERR_ACCESS);
    ck_assert_ptr_null(got.store.path);
    ck_assert_str_ne(got.log, "");
}
END_TEST

START_TEST(the_broker_is_started_as_is_said)
{
    d.config = load((const char *const[]){"hub.tail_bytes=9M", "hub.max_topics=11",
                                          "hub.subscription_bytes=12M", "hub.dedup_window=13s",
                                          "hub.dedup_max_keys=1400", "hub.queue_bytes=15M",
                                          "log.sync=interval", "log.interval=16ms", NULL});
    d.worker_count = 3;
    d.rules = rules_create(d.config);
    ck_assert_int_eq(start_broker(&d), ERR_OK);
    ck_assert_uint_eq(got.broker.tail_bytes, 9 << 20);
    ck_assert_uint_eq(got.broker.max_topics, 11);
    ck_assert_uint_eq(got.broker.subscription_bytes, 12 << 20);
    ck_assert_uint_eq(got.broker.dedup_window_ms, 13000);
    ck_assert_uint_eq(got.broker.dedup_max_keys, 1400);
    ck_assert_ptr_eq(got.broker.is_memory_ctx, d.config);
    ck_assert(got.broker.is_memory == is_memory_topic);
    ck_assert_ptr_eq(got.broker.retention, d.rules);
    ck_assert_uint_eq(got.hub.workers, 3);
    ck_assert_uint_eq(got.hub.queue_bytes, 15 << 20);
    ck_assert_uint_eq(got.hub.sync_interval_ms, 16);
    ck_assert_ptr_eq(got.hub.log, &d.log);
    d.config->log.sync = STORE_SYNC_ALWAYS;
    ck_assert_int_eq(start_broker(&d), ERR_OK);
    ck_assert_uint_eq(got.hub.sync_interval_ms, 0);
}
END_TEST

START_TEST(a_broker_that_does_not_start_is_told)
{
    d.config = load((const char *const[]){"hub.max_topics=11", NULL});
    will.broker = ERR_LIMIT;
    ck_assert_int_eq(start_broker(&d), ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(got.log, "more topics than hub.max_topics = 11 allows\n"));
    ck_assert_uint_eq(got.hub.workers, 0);
    will.broker = ERR_OK;
    will.hub = ERR_IO;
    ck_assert_int_eq(start_broker(&d), ERR_IO);
    ck_assert_ptr_nonnull(strstr(got.log, "cannot start the broker: "));
}
END_TEST

START_TEST(compression_is_as_is_said)
{
    d.config =
        load((const char *const[]){"http.ws_deflate_min_bytes=77", "http.ws_deflate_level=3",
                                   "http.compress_min_bytes=78", "http.compress_level=4", NULL});
    set_deflate(d.config);
    ck_assert_uint_eq(got.deflate.min_bytes, 77);
    ck_assert_int_eq(got.deflate.level, 3);
    ck_assert_int_eq(got.deflate.window_bits, WS_WINDOW_MAX);
    ck_assert_uint_eq(got.packing.min_bytes, 78);
    ck_assert_int_eq(got.packing.level, 4);
}
END_TEST

/* --- reload --- */

static const char *source_sets[8];

/* Runs with what SETS say, and then reloads what FRESH say. */
static void reload_from(const char *const *sets, const char *const *fresh)
{
    d.config = load(sets);
    d.settings = make_settings(d.config);
    d.rules = rules_create(d.config);
    d.worker_count = 3;
    size_t n = 0;
    for (; fresh[n]; n++)
        source_sets[n] = fresh[n];
    d.cli.source = (struct config_source){.sets = source_sets, .set_count = n};
    reload(&d);
}

START_TEST(a_reload_reaches_everybody)
{
    reload_from((const char *const[]){"http.heartbeat=20s", NULL},
                (const char *const[]){"http.heartbeat=21s", "hub.log_level=debug",
                                      "hub.peer_bytes=777M", "log.max_age=5h", NULL});
    ck_assert_str_eq(got.log, "reloaded\n");
    ck_assert(!got.told_before);
    ck_assert_uint_eq(got.worker_calls, 3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_ptr_eq(got.settings[i], d.settings);
    ck_assert_uint_eq(d.settings->refs, 4);
    ck_assert_uint_eq(d.settings->heartbeat_ms, 21000);
    ck_assert_int_eq(got.level, LOG_DEBUG);
    ck_assert_uint_eq(d.process.memory.limit, UINT64_C(777) << 20);
    ck_assert_uint_eq(got.broker_calls, 1);
    ck_assert_ptr_eq(got.retention, d.rules);
    ck_assert_uint_eq(d.rules->otherwise.max_age_ms, 5 * 3600000);
}
END_TEST

START_TEST(what_takes_a_restart_stays_and_is_named)
{
    reload_from((const char *const[]){NULL},
                (const char *const[]){"hub.max_message_bytes=2001", "http.max_head_bytes=20002",
                                      "http.max_body_bytes=2000003", "http.send_buffer=14000",
                                      "http.notsent_lowat=15000", "http.demo=on", "http.retry=9s",
                                      NULL});
    struct settings *before = make_settings(d.config), *s = d.settings;
    ck_assert_ptr_nonnull(
        strstr(got.log, "reloaded; a restart is needed for: hub.max_message_bytes"));
    ck_assert_ptr_nonnull(strstr(got.log, "http.demo\n"));
    ck_assert_uint_eq(s->max_message_bytes, before->max_message_bytes);
    ck_assert_uint_eq(s->max_head_bytes, before->max_head_bytes);
    ck_assert_uint_eq(s->max_body_bytes, before->max_body_bytes);
    ck_assert_int_eq(s->net.send_buffer, before->net.send_buffer);
    ck_assert_int_eq(s->net.notsent_lowat, before->net.notsent_lowat);
    ck_assert_int_eq(s->demo, before->demo);
    ck_assert_uint_eq(s->retry_ms, 9000);
    settings_unref(before);
}
END_TEST

START_TEST(a_bad_reload_changes_nothing)
{
    reload_from((const char *const[]){"http.retry=9s", NULL},
                (const char *const[]){"http.retry=8s", "http.heartbeat=0", "hub.workers=x", NULL});
    ck_assert_ptr_eq(strstr(got.log, "not reloaded, going on as before: "), got.log);
    ck_assert_ptr_nonnull(strstr(got.log, "http.heartbeat = 0"));
    ck_assert_ptr_null(strstr(got.log, "hub.workers"));
    ck_assert_ptr_nonnull(strstr(got.log, " (there is more: longwired --check-config)\n"));
    ck_assert_uint_eq(got.worker_calls + got.broker_calls, 0);
    ck_assert_uint_eq(d.settings->retry_ms, 9000);
}
END_TEST

START_TEST(a_single_mistake_is_all_there_is)
{
    reload_from((const char *const[]){NULL}, (const char *const[]){"http.heartbeat=0", NULL});
    ck_assert_ptr_null(strstr(got.log, "there is more"));
}
END_TEST

static TCase *tcase(const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    return t;
}

int main(void)
{
    Suite *s = suite_create("daemon");
    TCase *t = tcase("settings");
    tcase_add_test(t, each_option_gets_to_the_workers);
    tcase_add_test(t, each_switch_is_one);
    tcase_add_loop_test(t, each_word_of_compress_is_one, 0, 3);
    tcase_add_loop_test(t, each_right_of_the_anonymous_is_one, 0, 4);
    tcase_add_test(t, lists_get_to_the_workers);
    tcase_add_test(t, limits_of_lag_get_to_the_workers);
    tcase_add_test(t, the_first_section_that_matches_says_what_is_in_memory);
    suite_add_tcase(s, t);
    t = tcase("start");
    tcase_add_test(t, workers_are_as_many_as_is_said_or_as_fit);
    tcase_add_test(t, connections_get_the_descriptors_that_are_left);
    tcase_add_test(t, all_descriptors_of_the_system_are_taken);
    tcase_add_test(t, the_log_is_opened_as_is_said);
    tcase_add_loop_test(t, how_the_log_was_left_is_told, 0, 3);
    tcase_add_loop_test(t, a_log_that_cannot_be_opened_is_told, 0, 4);
    tcase_add_test(t, a_data_dir_that_cannot_be_is_not_tried);
    tcase_add_test(t, the_broker_is_started_as_is_said);
    tcase_add_test(t, a_broker_that_does_not_start_is_told);
    tcase_add_test(t, compression_is_as_is_said);
    suite_add_tcase(s, t);
    t = tcase("reload");
    tcase_add_test(t, a_reload_reaches_everybody);
    tcase_add_test(t, what_takes_a_restart_stays_and_is_named);
    tcase_add_test(t, a_bad_reload_changes_nothing);
    tcase_add_test(t, a_single_mistake_is_all_there_is);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
