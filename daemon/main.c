/*
 * longwired: puts the layers together, runs them, and takes them apart in order.
 *
 *   configuration -> store -> broker -> hub (its thread) -> workers (their threads) -> listeners
 *
 * The main thread then only waits for signals: SIGTERM and SIGINT stop, SIGHUP reloads.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "access/access.h"
#include "access/token.h"
#include "base/log.h"
#include "base/now.h"
#include "base/quota.h"
#include "base/std_fds.h"
#include "base/workers.h"
#include "broker/broker.h"
#include "broker/broker_remove.h"
#include "broker/hub.h"
#include "broker/presence_rules.h"
#include "broker/roll.h"
#include "broker/topic_name.h"
#include "daemon/certificates.h"
#include "daemon/cli.h"
#include "daemon/config.h"
#include "daemon/config_load.h"
#include "daemon/config_print.h"
#include "daemon/cpus.h"
#include "daemon/data_dir.h"
#include "daemon/frontends.h"
#include "daemon/hook_settings.h"
#include "daemon/keep_socket.h"
#include "daemon/key_files.h"
#include "daemon/rules.h"
#include "daemon/server_lookup.h"
#include "daemon/server_watch.h"
#include "daemon/signals.h"
#include "delivery/frontend.h"
#include "delivery/packing.h"
#include "delivery/settings.h"
#include "delivery/worker_thread.h"
#include "frontends/routes.h"
#include "frontends/sse/session_id.h"
#include "frontends/ws/ws_encoding.h"
#include "http/dispatch.h"
#include "http/h1/h1_silent.h"
#include "http/h2/h2_protocol.h"
#include "http/presence.h"
#include "http/webhook/webhook.h"
#include "net/crypto_threads.h"
#include "net/holding.h"
#include "net/listener.h"
#include "net/local_socket.h"
#include "net/submission.h"
#include "storage/store.h"

enum {
    DRAIN_MS = 5000, /* how long connections may take to say good-bye */
    NS_PER_MS = 1000000,
    SPARE_FDS = 8,              /* descriptors that something may still need besides connections */
    CRYPTO_QUEUE_MAX = 1 << 20, /* handshakes have a bound of their own */
};

struct daemon {
    struct cli cli;
    struct config *config;
    struct config *newest; /* as of the last reload; NULL: there was none */
    struct certificates certificates;
    struct key_files keys;
    struct settings *settings;
    struct retention_rules *rules; /* the broker's, once it runs */
    struct presence_rules hook_topics;
    struct roll_options hooks;
    struct store *store;
    struct store_state log;
    struct broker *broker;
    struct hub *hub;
    struct process process;
    struct worker **workers;
    unsigned worker_count;
    struct listen_address addresses[CONFIG_LISTEN_MAX]; /* with their real ports */
    struct listen_address metrics[CONFIG_LISTEN_MAX];   /* likewise */
    struct local_socket socket;
};

/* --- configuration to settings --- */

static enum err copy_strings(const struct config_origin_list *list, char ***ret, size_t *ret_count)
{
    char **copies = *ret = calloc(list->count + 1, sizeof(char *));
    if (!copies)
        return ERR_NOMEM;
    for (*ret_count = 0; *ret_count < list->count; (*ret_count)++) {
        copies[*ret_count] = strdup(list->item[*ret_count]);
        if (!copies[*ret_count])
            return ERR_NOMEM;
    }
    return ERR_OK;
}

static enum err copy_names(const struct config *c, struct settings *s)
{
    enum err e = copy_strings(&c->access.origin, &s->origins, &s->origin_count);
    if (e == ERR_OK)
        e = copy_strings(&c->http.hosts, &s->hosts, &s->host_count);
    if (e != ERR_OK || !c->access.cookie || !*c->access.cookie)
        return e;
    s->cookie = strdup(c->access.cookie);
    return s->cookie ? ERR_OK : ERR_NOMEM;
}

static enum err copy_proxies(const struct config *c, struct settings *s)
{
    const struct config_net_list *list = &c->http.trusted_proxies;
    s->net.proxy_protocol = c->http.proxy_protocol;
    s->net.trusted_proxies = calloc(list->count + 1, sizeof(struct ip_net));
    if (!s->net.trusted_proxies)
        return ERR_NOMEM;
    s->net.trusted_proxy_count = list->count;
    memcpy(s->net.trusted_proxies, list->item, list->count * sizeof(struct ip_net));
    return ERR_OK;
}

static struct quota_limits quota_limits_of(const struct config *c, const struct config_quota *q)
{
    return (struct quota_limits){
        .most = {[QUOTA_CONNECTIONS] = q->connections,
                 [QUOTA_SUBSCRIPTIONS] = q->subscriptions,
                 [QUOTA_PUBLISHES] = q->publishes_per_s,
                 [QUOTA_BYTES] = q->bytes_per_s},
        .burst_ns = c->limits.burst_ms * NS_PER_MS,
    };
}

static enum err copy_quotas(const struct config *c, struct settings *s)
{
    const struct config_net_list *list = &c->limits.exempt_address;
    s->net.address = quota_limits_of(c, &c->limits.address);
    s->sub_limits = quota_limits_of(c, &c->limits.sub);
    s->token_limits = quota_limits_of(c, &c->limits.token);
    s->net.exempt_loopback = c->limits.exempt & CONFIG_EXEMPT_LOOPBACK;
    s->net.exempt_private = c->limits.exempt & CONFIG_EXEMPT_PRIVATE;
    s->net.exempt = calloc(list->count + 1, sizeof(struct ip_net));
    if (!s->net.exempt)
        return ERR_NOMEM;
    s->net.exempt_count = list->count;
    memcpy(s->net.exempt, list->item, list->count * sizeof(struct ip_net));
    return ERR_OK;
}

static struct lag_limits lag_limits_of(const struct config_lag *l)
{
    static const enum lag_policy policies[] = {
        [CONFIG_LAG_REPLAY] = LAG_REPLAY,
        [CONFIG_LAG_SKIP] = LAG_SKIP,
        [CONFIG_LAG_CLOSE] = LAG_CLOSE,
    };
    return (struct lag_limits){l->max_messages, l->max_bytes, l->max_age_ms, policies[l->policy]};
}

static enum err copy_lag_rules(const struct config *c, struct settings *s)
{
    struct lag_limits limits = lag_limits_of(&c->limits.lag);
    lag_rules_set_others(&s->lag, &limits);
    enum err e = ERR_OK;
    for (size_t i = 0; i < c->topic_count && e == ERR_OK; i++) {
        limits = lag_limits_of(&c->topics[i].lag);
        e = lag_rules_add(&s->lag, c->topics[i].pattern, &limits);
    }
    return e;
}

static enum err copy_presence(const struct config *c, struct settings *s)
{
    enum err e = ERR_OK;
    s->presence_linger_ms = c->hub.presence_linger_ms;
    for (size_t i = 0; i < c->topic_count && e == ERR_OK; i++)
        e = presence_rules_add(&s->presence, c->topics[i].pattern, c->topics[i].presence);
    return e;
}

static enum compress compress_of(enum config_compress c)
{
    static const enum compress all[] = {
        [CONFIG_COMPRESS_NO] = COMPRESS_NO,
        [CONFIG_COMPRESS_DIRECT] = COMPRESS_DIRECT,
        [CONFIG_COMPRESS_YES] = COMPRESS_YES,
    };
    return all[c];
}

static unsigned rights_of(unsigned anonymous)
{
    return (anonymous & CONFIG_SUBSCRIBE ? ACCESS_SUBSCRIBE : 0) |
           (anonymous & CONFIG_PUBLISH ? ACCESS_PUBLISH : 0) |
           (anonymous & CONFIG_STATUS ? ACCESS_STATUS : 0) |
           (anonymous & CONFIG_PRESENCE ? ACCESS_PRESENCE : 0);
}

/* Whom workers ask about clients. */
static enum err copy_auth(const struct config *c, struct settings *s)
{
    const char *url = c->access.auth_request;
    s->auth.timeout_ms = c->access.auth_request_timeout_ms;
    s->auth.connections = (uint32_t)c->access.auth_request_connections;
    s->auth.cache = (uint32_t)c->access.auth_request_cache;
    return url && *url ? server_lookup(url, true, &s->auth.remote) : ERR_OK;
}

static struct settings *make_settings(const struct config *c)
{
    struct settings *s = settings_create();
    if (!s)
        return NULL;
    s->max_message_bytes = c->hub.max_message_bytes;
    s->max_head_bytes = c->http.max_head_bytes;
    s->max_body_bytes = c->http.max_body_bytes;
    s->net.head_timeout_ms = c->http.head_timeout_ms;
    s->body_timeout_ms = c->http.body_timeout_ms;
    s->idle_timeout_ms = c->http.idle_timeout_ms;
    s->net.tls_handshake_timeout_ms = c->tls.handshake_timeout_ms;
    s->net.tls_handshakes_max = (unsigned)c->tls.handshakes_max;
    s->net.write_timeout_ms = c->http.write_timeout_ms;
    s->heartbeat_ms = c->http.heartbeat_ms;
    s->retry_ms = c->http.retry_ms;
    s->poll_wait_ms = c->http.poll_wait_ms;
    s->poll_wait_max_ms = c->http.poll_wait_max_ms;
    s->poll_limit = (uint32_t)c->http.poll_limit;
    s->h2 = c->http.h2;
    s->h2_max_streams = (uint32_t)c->http.h2_max_streams;
    s->ws_deflate = c->http.ws_deflate;
    s->compress = compress_of(c->http.compress);
    s->net.send_buffer = (int)c->http.send_buffer_bytes;
    s->net.notsent_lowat = (int)c->http.notsent_lowat_bytes;
    s->demo = c->http.demo;
    s->hsts_ms = c->http.hsts_ms;
    s->redirect_https = (uint32_t)c->http.redirect_https;
    s->anonymous = rights_of(c->access.anonymous);
    s->query_token = c->access.query_token;
    s->auth_timeout_ms = c->access.auth_timeout_ms;
    s->subscriptions = (uint32_t)c->limits.subscriptions;
    s->inflight = (uint32_t)c->limits.inflight;
    if (copy_names(c, s) != ERR_OK || copy_proxies(c, s) != ERR_OK || copy_quotas(c, s) != ERR_OK ||
        copy_lag_rules(c, s) != ERR_OK || copy_auth(c, s) != ERR_OK ||
        copy_presence(c, s) != ERR_OK) {
        settings_unref(s);
        return NULL;
    }
    return s;
}

/* Takes POLICY. */
static void set_access(struct settings *s, struct access_policy *policy)
{
    s->access = policy;
    s->access_unref = access_policy_unref;
}

static bool is_memory_topic(void *ctx, const char *topic, size_t n)
{
    const struct config *c = ctx;
    for (size_t i = 0; i < c->topic_count; i++) {
        const struct config_topic *t = &c->topics[i];
        if (topic_matches_any(t->pattern, strlen(t->pattern), topic, n))
            return t->durability == CONFIG_MEMORY;
    }
    return c->log.durability == CONFIG_MEMORY;
}

/* --- start --- */

static unsigned count_workers(const struct config *c)
{
    uint64_t n = c->hub.workers ? c->hub.workers : cpus_usable();
    return n < WORKERS_MAX ? (unsigned)n : WORKERS_MAX;
}

/* As many descriptors as the system gives. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("cannot raise the descriptor limit: %s", strerror(errno));
}

/* Once everything else is open: what is left and not reserved is for TCP connections. */
static void set_conns_max(struct daemon *d)
{
    struct rlimit limit = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &limit);
    int open_fds = dup(STDERR_FILENO); /* the lowest free number: so many are open */
    if (open_fds >= 0)
        close(open_fds);
    uint64_t asking = d->config->access.auth_request && *d->config->access.auth_request
                          ? d->worker_count * d->config->access.auth_request_connections
                          : 0;
    uint64_t taken = (uint64_t)(open_fds > 0 ? open_fds : 0) + SPARE_FDS +
                     d->config->socket.reserve_fds + asking + hook_settings_are_on(d->config);
    uint64_t most = limit.rlim_cur > taken ? limit.rlim_cur - taken : 1;
    uint64_t wanted = d->config->http.max_connections;
    if (wanted > most)
        log_warn("http.max_connections = %llu, but there are descriptors for %llu",
                 (unsigned long long)wanted, (unsigned long long)most);
    if (wanted && wanted < most)
        most = wanted;
    d->process.conns_max = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

/* What the store's errors would only hint at. */
static bool can_have_log(const struct config *c)
{
    struct buf error = {0};
    bool can =
        data_dir_check(c->hub.data_dir, &error) && data_dir_check_map(c->log.map_bytes, &error);
    buf_putc(&error, '\0');
    if (!can)
        log_error("%s", error.failed ? err_text(ERR_NOMEM) : error.data);
    buf_finish(&error);
    return can;
}

static enum err open_log(struct daemon *d)
{
    const struct config *c = d->config;
    if (!can_have_log(c))
        return ERR_ACCESS;
    struct store_options o = {
        .path = c->hub.data_dir,
        .sync = c->log.sync,
        .map_bytes = c->log.map_bytes,
        .readers_max = WORKERS_MAX + 8,
        .journal_bytes = c->log.journal ? c->log.journal_size : 0,
        .journal_dir = *c->log.journal_dir ? c->log.journal_dir : NULL,
    };
    enum err e = store_open(&o, &d->store, &d->log);
    if (e == ERR_LOCKED)
        log_error("the log %s is in use by another hub", o.path);
    else if (e != ERR_OK && store_wrong_is_journal())
        log_error("cannot open the log %s: %s", o.path, store_wrong());
    else if (e != ERR_OK && *store_wrong())
        log_error("the log %s/data.mdb is damaged: %s; `longwirectl verify %s` looks at it, "
                  "`longwirectl restore` makes a log of a backup",
                  o.path, store_wrong(), o.path);
    else if (e != ERR_OK)
        log_error("cannot open the log %s: %s", o.path, err_text(e));
    else
        log_info("log %s: %s, head %llu, epoch %u", o.path,
                 d->log.created  ? "created"
                 : d->log.clean  ? "opened"
                 : d->log.copied ? "opened, a copy, which begins a new epoch"
                                 : "opened after an unclean stop",
                 (unsigned long long)d->log.head, d->log.epoch);
    return e;
}

/* None is no harm: connections are called by what they can be counted by, then. */
static uint64_t random_salt(void)
{
    uint64_t salt = 0;
    (void)!getrandom(&salt, sizeof(salt), 0);
    return salt;
}

static enum err start_broker(struct daemon *d)
{
    const struct config *c = d->config;
    struct broker_options o = {
        .tail_bytes = c->hub.tail_bytes,
        .max_topics = (uint32_t)c->hub.max_topics,
        .subscription_bytes = c->hub.subscription_bytes,
        .dedup_window_ms = c->hub.dedup_window_ms,
        .dedup_max_keys = c->hub.dedup_max_keys,
        .transports = transport_count(),
        .presence_salt = random_salt(),
        .hooks = hook_settings_are_on(d->config) ? &d->hooks : NULL,
        .is_memory = is_memory_topic,
        .is_memory_ctx = d->config,
        .retention = d->rules,
    };
    struct hub_options ho = {
        .workers = d->worker_count,
        .queue_bytes = c->hub.queue_bytes,
        .sync_interval_ms = c->log.sync == STORE_SYNC_INTERVAL ? c->log.interval_ms : 0,
        .log = &d->log,
    };
    enum err e = broker_create(&o, d->store, &d->log, now_unix_ms(), &d->broker);
    if (e == ERR_OK)
        e = hub_start(&ho, d->broker, &d->hub);
    if (e == ERR_LIMIT)
        log_error("the log has more topics than hub.max_topics = %llu allows",
                  (unsigned long long)c->hub.max_topics);
    else if (e != ERR_OK)
        log_error("cannot start the broker: %s", err_text(e));
    return e;
}

static enum err create_workers(struct daemon *d)
{
    d->workers = calloc(d->worker_count, sizeof(struct worker *));
    enum err e = d->workers ? session_id_init() : ERR_NOMEM;
    dispatch_set_routes(&hub_routes);
    presence_http_introduce();
    h1_set_next(h2_adopt);
    for (unsigned i = 0; i < d->worker_count && e == ERR_OK; i++) {
        struct store_reader *reader;
        e = store_reader_create(d->store, &reader);
        if (e == ERR_OK)
            e = worker_create(d->hub, i, d->settings, &d->process, frontends, reader,
                              &d->workers[i]);
    }
    if (e != ERR_OK)
        log_error("cannot create the workers: %s", err_text(e));
    return e;
}

/* Listens at all addresses of LIST, and writes them with their real ports to RET; SECURE is spoken
 * where TLS is, S elsewhere. */
static enum err listen_at_all(struct daemon *d, const struct config_listen_list *list,
                              const struct service *s, const struct service *secure,
                              struct listen_address *ret, struct buf *error)
{
    int fds[WORKERS_MAX];
    enum err e = ERR_OK;
    for (size_t i = 0; i < list->count && e == ERR_OK; i++) {
        const struct config_listen *from = &list->item[i];
        ret[i] = (struct listen_address){from->addr, from->addr_len, from->loopback};
        e = listen_tcp(&ret[i], fds, d->worker_count, error);
        for (unsigned w = 0; w < d->worker_count && e == ERR_OK; w++)
            e = listener_add(&d->workers[w]->loop, fds[w], from->tls ? secure : s, false,
                             from->loopback);
    }
    return e;
}

/* All workers accept from the one local socket. */
static enum err listen_locally(struct daemon *d, struct buf *error)
{
    const struct config *c = d->config;
    d->socket = (struct local_socket){
        .path = c->socket.path,
        .mode = c->socket.mode,
        .group = c->socket.group && *c->socket.group ? c->socket.group : NULL,
    };
    int fd;
    enum err e = local_socket_listen(&d->socket, &fd, error);
    for (unsigned w = 0; w < d->worker_count && e == ERR_OK; w++) {
        int own = w + 1 < d->worker_count ? dup(fd) : fd;
        e = own < 0 ? ERR_IO
                    : listener_add(&d->workers[w]->loop, own, &frontends_local, true, true);
    }
    return e;
}

static enum err listen_everywhere(struct daemon *d)
{
    struct buf error = {0};
    enum err e = listen_locally(d, &error);
    bool bound = e == ERR_OK;
    if (e == ERR_OK)
        e = listen_at_all(d, &d->config->http.listen, &frontends_http, &frontends_https,
                          d->addresses, &error);
    if (e == ERR_OK)
        e = listen_at_all(d, &d->config->http.metrics_listen, &frontends_status, NULL, d->metrics,
                          &error);
    if (bound && e != ERR_OK)
        local_socket_remove(&d->socket);
    buf_putc(&error, '\0');
    if (e != ERR_OK)
        log_error("%s", error.len > 1 ? error.data : err_text(e));
    buf_finish(&error);
    return e;
}

static enum err start_workers(struct daemon *d)
{
    enum err e = ERR_OK;
    for (unsigned i = 0; i < d->worker_count && e == ERR_OK; i++)
        e = worker_start(d->workers[i]);
    if (e != ERR_OK)
        log_error("cannot start the workers: %s", err_text(e));
    return e;
}

/* Nothing where there is none. */
static void say_addresses(const struct daemon *d, const char *scheme, bool tls)
{
    char text[128];
    unsigned count = 0;
    for (size_t i = 0; i < d->config->http.listen.count; i++) {
        if (d->config->http.listen.item[i].tls != tls)
            continue;
        listen_address_format(&d->addresses[i], text, sizeof(text));
        if (count++ == 0)
            printf(" %s=", scheme);
        printf("%s%s", count > 1 ? "," : "", text);
    }
}

static void say_ready(const struct daemon *d)
{
    char text[128];
    for (size_t i = 0; i < d->config->http.metrics_listen.count; i++) {
        listen_address_format(&d->metrics[i], text, sizeof(text));
        log_info("metrics at http://%s/metrics", text);
    }
    printf("ready");
    say_addresses(d, "http", false);
    say_addresses(d, "https", true);
    printf(" socket=%s\n", d->config->socket.path);
    fflush(stdout);
}

static void set_deflate(const struct config *c)
{
    struct ws_deflate_rule rule = {
        .min_bytes = c->http.ws_deflate_min_bytes,
        .level = (int)c->http.ws_deflate_level,
        .window_bits = WS_WINDOW_MAX,
    };
    ws_encoding_set_deflate(&rule);
    packing_set_rule(&(struct gzip_rule){.min_bytes = c->http.compress_min_bytes,
                                         .level = (int)c->http.compress_level});
}

/* Before the workers, too. */
static enum err create_quotas(struct daemon *d)
{
    uint64_t seed;
    enum err e = getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed) ? ERR_OK : ERR_IO;
    if (e == ERR_OK)
        d->process.quotas = quota_table_create(seed);
    if (e == ERR_OK && !d->process.quotas)
        e = ERR_NOMEM;
    if (e != ERR_OK)
        log_error("cannot create the table of quotas: %s", err_text(e));
    return e;
}

/* Before the workers, which hand them their jobs. */
static enum err start_crypto(struct daemon *d)
{
    uint64_t n = d->config->hub.crypto_threads ? d->config->hub.crypto_threads : cpus_usable();
    d->process.tls = &d->certificates.current;
    enum err e = crypto_threads_create((unsigned)n, CRYPTO_QUEUE_MAX, &d->process.crypto);
    if (e != ERR_OK)
        log_error("cannot start threads for costly arithmetic: %s", err_text(e));
    return e;
}

/* What is possible is found out by doing it, before the workers do. */
static void try_io_uring(struct daemon *d)
{
    const char *why = "hub.io_uring = no";
    struct submission *s = NULL;
    if (d->config->hub.io_uring == CONFIG_IO_URING_AUTO)
        s = submission_create(SUBMISSION_ENTRIES, &why);
    d->process.io_uring = s != NULL;
    submission_destroy(s);
    if (d->process.io_uring)
        log_info("io_uring: many receivers are sent to by one system call");
    else
        log_info("no io_uring (%s): each receiver is sent to by a system call of its own", why);
}

static enum err load_certificates(struct daemon *d)
{
    struct buf error = {0};
    enum err e = certificates_load(&d->certificates, d->config, &error);
    buf_putc(&error, '\0');
    if (e != ERR_OK)
        log_error("%s", error.len > 1 && !error.failed ? error.data : err_text(e));
    buf_finish(&error);
    return e;
}

/* Before the workers, which have the settings from the beginning. */
static enum err load_keys(struct daemon *d)
{
    struct buf error = {0};
    struct access_policy *policy;
    enum err e = key_files_load(&d->keys, d->config, &policy, &error);
    buf_putc(&error, '\0');
    if (e == ERR_OK)
        set_access(d->settings, policy);
    else
        log_error("%s", error.len > 1 && !error.failed ? error.data : err_text(e));
    buf_finish(&error);
    return e == ERR_OK ? token_init() : e;
}

/* Before the broker, which keeps the roll. */
static enum err load_hooks(struct daemon *d)
{
    struct buf error = {0};
    enum err e = hook_settings_copy(d->config, d->settings, &error);
    if (e == ERR_OK)
        e = hook_settings_topics(d->config, &d->hook_topics);
    d->hooks = (struct roll_options){&d->hook_topics, d->config->hooks.linger_ms};
    buf_putc(&error, '\0');
    if (e != ERR_OK)
        log_error("%s", error.len > 1 && !error.failed ? error.data : err_text(e));
    buf_finish(&error);
    return e;
}

static enum err start(struct daemon *d)
{
    holding_set_heap();
    certificates_init(&d->certificates);
    set_deflate(d->config);
    d->worker_count = count_workers(d->config);
    raise_descriptor_limit();
    d->settings = make_settings(d->config);
    d->process.memory.limit = d->config->hub.peer_bytes;
    d->rules = rules_create(d->config);
    enum err e = d->settings && d->rules ? frontend_register(frontends) : ERR_NOMEM;
    if (e == ERR_OK)
        e = load_certificates(d);
    if (e == ERR_OK)
        e = load_keys(d);
    if (e == ERR_OK)
        e = load_hooks(d);
    if (e == ERR_OK)
        e = open_log(d);
    if (e == ERR_OK)
        e = start_broker(d);
    if (e == ERR_OK)
        e = start_crypto(d);
    if (e == ERR_OK)
        e = create_quotas(d);
    if (e == ERR_OK)
        try_io_uring(d);
    if (e == ERR_OK)
        e = create_workers(d);
    if (e == ERR_OK)
        e = listen_everywhere(d);
    set_conns_max(d);
    if (e == ERR_OK) /* its first turn */
        webhook_begin(d->hub);
    if (e == ERR_OK)
        e = start_workers(d);
    return e;
}

/* --- reload --- */

struct settings_call {
    struct hub_call call;
    struct settings *settings;
};

static void apply_settings(struct hub_call *call, void *where)
{
    struct settings_call *s = (struct settings_call *)call;
    worker_set_settings(where, s->settings);
    settings_unref(s->settings);
    free(s);
}

/* What a reload warns about stays as it is until the restart. */
static void keep_fixed(const struct settings *old, struct settings *fresh)
{
    fresh->max_message_bytes = old->max_message_bytes;
    fresh->max_head_bytes = old->max_head_bytes;
    fresh->max_body_bytes = old->max_body_bytes;
    fresh->net.send_buffer = old->net.send_buffer;
    fresh->net.notsent_lowat = old->net.notsent_lowat;
    fresh->demo = old->demo;
}

static void watch_servers(const struct daemon *d)
{
    const struct config *c = d->keys.config;
    server_watch_set(SERVER_AUTH, c ? c->access.auth_request : NULL, d->settings->auth.remote);
    server_watch_set(SERVER_HOOKS, hook_settings_are_on(d->config) ? d->config->hooks.url : NULL,
                     d->settings->hooks.remote);
}

static void hand_out(struct daemon *d, struct settings *settings)
{
    for (unsigned i = 0; i < d->worker_count; i++) {
        struct settings_call *call = calloc(1, sizeof(*call));
        if (!call)
            continue;
        call->call.run = apply_settings;
        call->settings = settings_ref(settings);
        hub_call_worker(d->hub, i, &call->call);
    }
    settings_unref(d->settings);
    d->settings = settings;
    watch_servers(d);
}

struct rules_call {
    struct hub_call call;
    struct retention_rules *rules, *former;
};

static void apply_rules(struct hub_call *call, void *where)
{
    struct rules_call *r = (struct rules_call *)call;
    broker_set_retention(where, r->rules);
    rules_destroy(r->former);
    free(r);
}

/* Hands RULES to the broker, which has the former ones until then. */
static void hand_out_rules(struct daemon *d, struct retention_rules *rules)
{
    struct rules_call *call = rules ? calloc(1, sizeof(*call)) : NULL;
    if (!call) {
        log_error("the limits of retention stay as they are: %s", err_text(ERR_NOMEM));
        rules_destroy(rules);
        return;
    }
    *call = (struct rules_call){{.run = apply_rules}, rules, d->rules};
    d->rules = rules;
    hub_call_broker(d->hub, &call->call);
}

static void tell_reloaded(const struct config *former, const struct config *fresh)
{
    struct buf names = {0};
    if (config_reload_diff(former, fresh, &names)) {
        buf_putc(&names, '\0');
        log_warn("reloaded; a restart is needed for: %s", names.failed ? "?" : names.data);
    } else {
        log_info("reloaded");
    }
    buf_finish(&names);
}

/* It is told when all have it in their mail: whoever asks behind that line is answered by what is
 * new. The broker keeps asking the old configuration what is a memory topic: that takes a restart.
 */
/* Takes both; the certificates are those of FRESH already. */
static void take_over(struct daemon *d, struct config *fresh, struct settings *settings)
{
    keep_fixed(d->settings, settings);
    d->process.memory.limit = fresh->hub.peer_bytes;
    hand_out(d, settings);
    hand_out_rules(d, rules_create(fresh));
    tell_reloaded(d->config, fresh);
    log_set_level(fresh->hub.log_level);
    config_free(d->newest); /* nothing borrows from it any more */
    d->newest = fresh;
}

/* The settings of FRESH, with its keys and certificates: all, or none of it. NULL: TEXT says why
 * not, or is empty when out of memory. */
static struct settings *make_all_settings(struct daemon *d, const struct config *fresh,
                                          struct buf *text)
{
    struct access_policy *policy;
    struct key_files keys = {0};
    struct settings *settings = make_settings(fresh);
    if (settings && hook_settings_copy(d->config, settings, text) == ERR_OK &&
        key_files_load(&keys, fresh, &policy, text) == ERR_OK) {
        set_access(settings, policy);
        if (certificates_load(&d->certificates, fresh, text) == ERR_OK) {
            key_files_finish(&d->keys);
            d->keys = keys;
            return settings;
        }
    }
    key_files_finish(&keys);
    settings_unref(settings);
    return NULL;
}

static void reload(struct daemon *d)
{
    struct config *fresh;
    struct buf text = {0};
    enum err loaded = config_load(&d->cli.source, &fresh, &text);
    struct settings *settings = loaded == ERR_OK ? make_all_settings(d, fresh, &text) : NULL;
    buf_putc(&text, '\0');
    if (!settings) {
        const char *first = text.len > 1 ? text.data : err_text(ERR_NOMEM);
        size_t n = strcspn(first, "\n");
        log_error("not reloaded, going on as before: %.*s%s", (int)n, first,
                  first[n] ? " (there is more: longwired --check-config)" : "");
        if (loaded == ERR_OK)
            config_free(fresh);
    } else {
        take_over(d, fresh, settings);
    }
    buf_finish(&text);
}

/* New keys are new settings: whoever judges has one reference for all. Takes POLICY; WHAT stays as
 * it was otherwise. */
static void renew_settings(struct daemon *d, struct access_policy *policy, const char *what)
{
    struct buf why = {0};
    struct settings *settings = make_settings(d->keys.config);
    enum err e = settings ? hook_settings_copy(d->config, settings, &why) : ERR_NOMEM;
    buf_putc(&why, '\0');
    if (e == ERR_OK) {
        set_access(settings, policy);
        keep_fixed(d->settings, settings);
        hand_out(d, settings);
    } else {
        log_error("%s stay as they were: %s", what,
                  why.len > 1 && !why.failed ? why.data : err_text(e));
        access_policy_unref(policy);
        settings_unref(settings);
    }
    buf_finish(&why);
}

static void look_at_keys(struct daemon *d)
{
    struct access_policy *policy = key_files_look(&d->keys);
    if (policy)
        renew_settings(d, policy, "the keys of tokens");
}

static void look_at_servers(struct daemon *d)
{
    if (!server_watch_moved())
        return;
    log_info("a server that is asked or told (access.auth_request, hooks.url) has another address "
             "now");
    renew_settings(d, access_policy_ref(d->settings->access), "the addresses of servers");
}

/* --- serve and stop --- */

static void serve_until_stopped(struct daemon *d, const sigset_t *set)
{
    struct keep_socket keep = {&d->socket, d->hub, d->worker_count, &d->process, LOCAL_SOCKET_OURS};
    int sig;
    watch_servers(d);
    say_ready(d);
    do {
        sig = signals_wait(set, KEEP_SOCKET_MS);
        if (sig == SIGHUP)
            reload(d);
        keep_socket_look(&keep);
        quota_table_sweep(d->process.quotas, now_monotonic_ms() * NS_PER_MS);
        certificates_look(&d->certificates, (int64_t)(now_unix_ms() / 1000));
        look_at_keys(d);
        look_at_servers(d);
    } while (sig != SIGTERM && sig != SIGINT);
    log_info("stopping (SIG%s)", sigabbrev_np(sig));
}

static void stop(struct daemon *d)
{
    hub_end_backups(d->hub); /* first: whoever waits for one would be waited for */
    for (unsigned i = 0; d->workers && i < d->worker_count; i++)
        if (d->workers[i] && d->workers[i]->started)
            worker_stop(d->workers[i], DRAIN_MS);
    for (unsigned i = 0; d->workers && i < d->worker_count; i++)
        if (d->workers[i])
            worker_join(d->workers[i]);
    crypto_threads_stop(d->process.crypto);
    hub_stop(d->hub);
    for (unsigned i = 0; d->workers && i < d->worker_count; i++)
        worker_destroy(d->workers[i]);
    free(d->workers);
    quota_table_destroy(d->process.quotas);
    crypto_threads_destroy(d->process.crypto);
    certificates_finish(&d->certificates);
    key_files_finish(&d->keys);
    hub_destroy(d->hub);
    bool complete = d->broker && broker_remember(d->broker) == ERR_OK;
    uint64_t head = d->broker ? broker_head(d->broker) : d->log.head;
    broker_destroy(d->broker);
    store_close(d->store, head, complete);
    rules_destroy(d->rules);
    server_watch_set(SERVER_AUTH, NULL, NULL);
    server_watch_set(SERVER_HOOKS, NULL, NULL);
    presence_rules_finish(&d->hook_topics);
    settings_unref(d->settings);
}

int main(int argc, char **argv)
{
    static struct daemon d;
    int status;
    sigset_t set;
    if (!std_fds_open())
        return CLI_FAILED;
    if (!cli_start(argc, argv, &d.cli, &d.config, &status)) {
        cli_finish(&d.cli);
        return status;
    }
    log_set_level(d.config->hub.log_level);
    signals_catch(&set);
    status = start(&d) == ERR_OK ? CLI_OK : CLI_FAILED;
    if (status == CLI_OK) {
        serve_until_stopped(&d, &set);
        local_socket_remove(&d.socket);
    }
    stop(&d);
    if (status == CLI_OK)
        log_info("stopped");
    config_free(d.newest);
    config_free(d.config);
    cli_finish(&d.cli);
    libevent_global_shutdown();
    return status;
}
