#include "daemon/setting.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "daemon/config_key.h"
#include "daemon/server_url.h"
#include "daemon/value.h"

static const char *const log_level_words[] = {"error", "warn", "info", "debug", NULL};
static const char *const io_uring_words[] = {"auto", "no", NULL};
static const char *const sync_words[] = {"always", "interval", "never", NULL};
static const char *const durability_words[] = {"disk", "memory", NULL};
static const char *const lag_policy_words[] = {"replay", "skip-to-latest", "close", NULL};
static const char *const tls_words[] = {"1.2", "1.3", NULL};
static const char *const exempt_words[] = {"loopback", "private", NULL};
static const char *const access_words[] = {"subscribe", "publish", "status", "presence", NULL};
static const char *const hook_words[] = {"occupied", "vacated", "join", "leave", NULL};
static const char *const rule_words[] = {"subscribe", "publish", "presence", NULL};
static const char *const compress_words[] = {"no", "direct", "yes", NULL};
static const char *const local_words[] = {"auto", "all", "anonymous", NULL};

#define KIB  ((uint64_t)1 << 10)
#define MIB  ((uint64_t)1 << 20)
#define GIB  ((uint64_t)1 << 30)
#define TIB  ((uint64_t)1 << 40)
#define SEC  ((uint64_t)1000)
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)

/* Ten years: a time and an age always have a sum. */
#define AGE_MAX (3650 * DAY)

/* The offset of MEMBER, and a compiler warning if it is not a CTYPE. */
#define FIELD(base, member, ctype)                                                                 \
    (offsetof(struct base, member) + 0 * sizeof((ctype *)0 == &((struct base *)0)->member))
#define IN_CONFIG(type, member, ctype) SETTING_##type, FIELD(config, member, ctype)

#define COUNT(member, lo, hi)    IN_CONFIG(COUNT, member, uint64_t), lo, hi, NULL
#define BYTES(member, lo, hi)    IN_CONFIG(BYTES, member, uint64_t), lo, hi, NULL
#define DURATION(member, lo, hi) IN_CONFIG(DURATION, member, uint64_t), lo, hi, NULL
#define TEXT(member, lo, hi)     IN_CONFIG(TEXT, member, char *), lo, hi, NULL
#define MODE(member)             IN_CONFIG(MODE, member, mode_t), 0, 0777, NULL
#define BOOL(member)             IN_CONFIG(BOOL, member, bool), 0, 0, NULL
#define CHOICE(member, ctype, w) IN_CONFIG(CHOICE, member, ctype), 0, 0, w
#define FLAGS(member, w)         IN_CONFIG(FLAGS, member, unsigned), 0, 0, w
/* LEAST: how many there have to be, 0 or 1. */
#define LISTEN(member, least)                                                                      \
    IN_CONFIG(LISTEN, member, struct config_listen_list), least, CONFIG_LISTEN_MAX, NULL
#define ORIGIN(member)                 IN_CONFIG(ORIGIN, member, struct config_origin_list), 0, 0, NULL
#define HOST(member)                   IN_CONFIG(HOST, member, struct config_origin_list), 0, 0, NULL
#define NET(member)                    IN_CONFIG(NET, member, struct config_net_list), 0, 0, NULL
#define SERVER(member)                 IN_CONFIG(SERVER, member, char *), 0, CONFIG_TEXT_MAX, NULL
#define KEY(member)                    IN_CONFIG(KEY, member, struct config_key_list), 0, 0, NULL
#define IN_TOPIC(type, member, ctype)  SETTING_##type, FIELD(config_topic, member, ctype)
#define IN_HOST(member)                SETTING_TEXT, FIELD(config_host, member, char *), 1, CONFIG_TEXT_MAX, NULL
#define IN_RULE(member)                SETTING_FLAGS, FIELD(config_rule, member, unsigned), 0, 0, rule_words
#define TOPIC_COUNT(member, lo, hi)    IN_TOPIC(COUNT, member, uint64_t), lo, hi, NULL
#define TOPIC_BYTES(member, lo, hi)    IN_TOPIC(BYTES, member, uint64_t), lo, hi, NULL
#define TOPIC_DURATION(member, lo, hi) IN_TOPIC(DURATION, member, uint64_t), lo, hi, NULL
#define TOPIC_BOOL(member)             IN_TOPIC(BOOL, member, bool), 0, 0, NULL
#define TOPIC_CHOICE(member, ctype, w) IN_TOPIC(CHOICE, member, ctype), 0, 0, w

/* What fits into an address of the local socket with its NUL. */
#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* Times of as many have room in 64 bits (base/rate.h). */
#define QUOTA_PER_S_MAX (16 * GIB)

#define RELOAD true
#define FIXED  false

/* Sections stay together, and those of topics come last. */
/* clang-format off */
const struct setting settings[] = {
    {"hub", "data_dir", TEXT(hub.data_dir, 1, CONFIG_TEXT_MAX), "/var/lib/longwire", FIXED,
     "directory of the log, made if missing"},
    {"hub", "workers", COUNT(hub.workers, 0, 64), "0", FIXED,
     "threads that serve connections; 0 = one for each usable processor"},
    {"hub", "tail_bytes", BYTES(hub.tail_bytes, MIB, 16 * GIB), "64M", FIXED,
     "newest messages kept in memory, all topics together"},
    {"hub", "max_message_bytes", BYTES(hub.max_message_bytes, 1, 64 * MIB), "1M", FIXED,
     "largest payload of a message"},
    {"hub", "max_topics", COUNT(hub.max_topics, 1, 4194304), "1000000", FIXED,
     "most topics at a time; a publish to one more is refused"},
    {"hub", "subscription_bytes", BYTES(hub.subscription_bytes, MIB, 64 * GIB), "256M", FIXED,
     "memory for all topics and patterns that are subscribed to; beyond it none is added"},
    {"hub", "queue_bytes", BYTES(hub.queue_bytes, MIB, 16 * GIB), "64M", FIXED,
     "publishes that wait for their commit; when full, publishers are not read from"},
    {"hub", "peer_bytes", BYTES(hub.peer_bytes, MIB, TIB), "256M", RELOAD,
     "memory that clients may make the hub hold; beyond it the largest holders are refused"},
    {"hub", "dedup_window", DURATION(hub.dedup_window_ms, 0, 24 * HOUR), "10m", FIXED,
     "how long an idempotency key is remembered; 0 = not at all"},
    {"hub", "dedup_max_keys", COUNT(hub.dedup_max_keys, 1, 100000000), "1000000", FIXED,
     "most idempotency keys remembered; the oldest go first"},
    {"hub", "crypto_threads", COUNT(hub.crypto_threads, 0, 64), "0", FIXED,
     "threads for costly arithmetic, as of TLS handshakes; 0 = one for each usable processor"},
    {"hub", "io_uring", CHOICE(hub.io_uring, enum config_io_uring, io_uring_words), "auto", FIXED,
     "send to many receivers by one system call (io_uring) if that is possible, or not"},
    {"hub", "presence_linger", DURATION(hub.presence_linger_ms, 0, HOUR), "5s", RELOAD,
     "how long a subscriber may be away before it is told to have left a topic with presence"},
    {"hub", "log_level", CHOICE(hub.log_level, enum log_level, log_level_words), "info", RELOAD,
     "least important lines written to standard error"},

    {"http", "listen", LISTEN(http.listen, 1), "127.0.0.1:8420", FIXED,
     "ADDRESS:PORT or [ADDRESS]:PORT to serve HTTP on, behind tls: HTTPS; port 0 = any free one; "
     "repeatable"},
    {"http", "metrics_listen", LISTEN(http.metrics_listen, 0), "", FIXED,
     "the same, for /metrics, /readyz and /healthz alone; repeatable"},
    {"http", "max_head_bytes", BYTES(http.max_head_bytes, KIB, MIB), "16K", FIXED,
     "largest request line and headers"},
    {"http", "max_body_bytes", BYTES(http.max_body_bytes, KIB, GIB), "8M", FIXED,
     "largest request body"},
    {"http", "max_connections", COUNT(http.max_connections, 0, 100000000), "0", FIXED,
     "most connections at once; 0 = what the descriptor limit allows"},
    {"http", "head_timeout", DURATION(http.head_timeout_ms, SEC, HOUR), "10s", RELOAD,
     "longest time for a request's head to arrive"},
    {"http", "body_timeout", DURATION(http.body_timeout_ms, SEC, HOUR), "30s", RELOAD,
     "longest silence while a request's body arrives"},
    {"http", "idle_timeout", DURATION(http.idle_timeout_ms, SEC, HOUR), "75s", RELOAD,
     "longest time between two requests of a connection"},
    {"http", "write_timeout", DURATION(http.write_timeout_ms, SEC, HOUR), "60s", RELOAD,
     "longest time that a receiver may take nothing"},
    {"http", "heartbeat", DURATION(http.heartbeat_ms, SEC, 60 * SEC), "15s", RELOAD,
     "time between signs of life on a quiet stream"},
    {"http", "retry", DURATION(http.retry_ms, 100, 10 * MIN), "2s", RELOAD,
     "when a browser reconnects its event stream, jittered"},
    {"http", "poll_wait", DURATION(http.poll_wait_ms, 0, 60 * SEC), "25s", RELOAD,
     "how long a long-poll waits when it does not say"},
    {"http", "poll_wait_max", DURATION(http.poll_wait_max_ms, 0, 60 * SEC), "60s", RELOAD,
     "longest wait that a long-poll may ask for"},
    {"http", "poll_limit", COUNT(http.poll_limit, 1, 100000), "1000", RELOAD,
     "most messages in one long-poll answer"},
    {"http", "h2", BOOL(http.h2), "on", RELOAD,
     "speak HTTP/2 with clients that begin with it"},
    {"http", "h2_max_streams", COUNT(http.h2_max_streams, 1, 100000), "256", RELOAD,
     "most requests, event streams and WebSockets at once in one HTTP/2 connection"},
    {"http", "ws_deflate", BOOL(http.ws_deflate), "on", RELOAD,
     "compress WebSocket messages for those who offer it (permessage-deflate)"},
    {"http", "ws_deflate_min_bytes", BYTES(http.ws_deflate_min_bytes, 1, GIB), "512", FIXED,
     "smallest WebSocket message that is compressed"},
    {"http", "ws_deflate_level", COUNT(http.ws_deflate_level, 1, 9), "6", FIXED,
     "how hard to compress: 1 = fastest, 9 = smallest"},
    {"http", "compress", CHOICE(http.compress, enum config_compress, compress_words), "direct", RELOAD,
     "gzip event streams and long-polls: no, for who comes through no proxy (direct), or yes"},
    {"http", "compress_min_bytes", BYTES(http.compress_min_bytes, 1, 32 * KIB), "512", FIXED,
     "smallest message that is compressed in them"},
    {"http", "compress_level", COUNT(http.compress_level, 1, 9), "6", FIXED,
     "how hard to compress: 1 = fastest, 9 = smallest"},
    {"http", "send_buffer", BYTES(http.send_buffer_bytes, 0, 64 * MIB), "0", FIXED,
     "send buffer of each connection (SO_SNDBUF); 0 = the kernel's choice"},
    {"http", "notsent_lowat", BYTES(http.notsent_lowat_bytes, 0, 64 * MIB), "256K", FIXED,
     "how much of it may be unsent data (TCP_NOTSENT_LOWAT); 0 = all"},
    {"http", "hosts", HOST(http.hosts), "", RELOAD,
     "name, without port, that requests to loopback listeners may be for; repeatable"},
    {"http", "trusted_proxies", NET(http.trusted_proxies), "", RELOAD,
     "ADDRESS or ADDRESS/BITS whose word on who the client is counts; repeatable"},
    {"http", "proxy_protocol", BOOL(http.proxy_protocol), "off", RELOAD,
     "connections come from trusted proxies only, and begin with a PROXY header"},
    {"http", "hsts", DURATION(http.hsts_ms, 0, AGE_MAX), "0", RELOAD,
     "how long browsers that came by TLS are to come by nothing else; 0 = they are not told"},
    {"http", "redirect_https", COUNT(http.redirect_https, 0, UINT16_MAX), "0", RELOAD,
     "port of HTTPS to which requests for pages without TLS are redirected; 0 = they are not"},
    {"http", "demo", BOOL(http.demo), "off", FIXED,
     "serve the demo page at /"},

    {"tls", "certificate", TEXT(tls.certificate, 0, CONFIG_TEXT_MAX), "", RELOAD,
     "file with the certificate, and those between it and the root behind it (PEM)"},
    {"tls", "key", TEXT(tls.key, 0, CONFIG_TEXT_MAX), "", RELOAD,
     "file with its private key (PEM, without a passphrase)"},
    {"tls", "versions", FLAGS(tls.versions, tls_words), "1.2, 1.3", RELOAD,
     "versions spoken; 1.3 takes mbedTLS 3.6"},
    {"tls", "tickets", BOOL(tls.tickets), "on", RELOAD,
     "give tickets, with which clients resume their sessions"},
    {"tls", "ticket_key_file", TEXT(tls.ticket_key_file, 0, CONFIG_TEXT_MAX), "", RELOAD,
     "file with a secret of 32 bytes or more, the same for hubs that take each other's tickets"},
    {"tls", "client_ca", TEXT(tls.client_ca, 0, CONFIG_TEXT_MAX), "", RELOAD,
     "file with certificates of those who sign clients' (PEM): each client needs one"},
    {"tls", "handshakes_max", COUNT(tls.handshakes_max, 1, 1000000), "1000", RELOAD,
     "most handshakes under way at once, 40K each; beyond it those that wait longest go"},
    {"tls", "handshake_timeout", DURATION(tls.handshake_timeout_ms, SEC, HOUR), "10s", RELOAD,
     "longest time that a handshake may take, its beginning included"},
    {"tls", "compact", BOOL(tls.compact), "on", RELOAD,
     "seal records with code of our own, some 200 bytes for a connection; off: mbedTLS's, 40K"},

    {"socket", "path", TEXT(socket.path, 1, SOCKET_PATH_MAX), "/run/longwire/longwire.sock", FIXED,
     "local socket for publishers and longwirectl"},
    {"socket", "mode", MODE(socket.mode), "0660", FIXED,
     "the socket's permissions"},
    {"socket", "group", TEXT(socket.group, 0, 32), "", FIXED,
     "the socket's group; empty = unchanged"},
    {"socket", "reserve_fds", COUNT(socket.reserve_fds, 0, 1024), "32", FIXED,
     "descriptors kept free of HTTP connections for this socket"},

    {"log", "sync", CHOICE(log.sync, enum store_sync, sync_words), "always", FIXED,
     "when the log is forced to disk: at each commit, every log.interval, or never"},
    {"log", "interval", DURATION(log.interval_ms, 10, 10 * MIN), "1s", FIXED,
     "time between two syncs when log.sync is interval; a crash may lose as much"},
    {"log", "durability", CHOICE(log.durability, enum config_durability, durability_words), "disk",
     FIXED, "whether messages are logged, or kept only in memory (topics may differ)"},
    {"log", "max_age", DURATION(log.max_age_ms, 0, AGE_MAX), "7d", RELOAD,
     "how long messages are kept (topics may differ); 0 = no limit"},
    {"log", "max_log_bytes", BYTES(log.max_log_bytes, 0, 64 * TIB), "8G", RELOAD,
     "what the log may take; beyond it the oldest messages go; 0 = no limit"},
    {"log", "map_bytes", BYTES(log.map_bytes, MIB, 64 * TIB), "64G", FIXED,
     "most that the log's file may ever take; publishes are refused when it is full"},
    {"log", "journal", BOOL(log.journal), "off", FIXED,
     "make messages safe in a journal first, and write them to the log later, many at once"},
    {"log", "journal_dir", TEXT(log.journal_dir, 0, CONFIG_TEXT_MAX), "", FIXED,
     "directory of the journal; empty = hub.data_dir"},
    {"log", "journal_size", BYTES(log.journal_size, MIB, 16 * GIB), "64M", FIXED,
     "what the journal takes on the disk"},

    {"access", "anonymous", FLAGS(access.anonymous, access_words), "", RELOAD,
     "what anyone may do on listeners that are not loopback"},
    {"access", "origin", ORIGIN(access.origin), "", RELOAD,
     "web origin whose pages may use the hub, or *; repeatable; none = same origin, loopback"},
    {"access", "local", CHOICE(access.local, enum config_local, local_words), "auto", RELOAD,
     "what HTTP from this machine may do: all, as the anonymous, or all until there are keys"},
    {"access", "key", KEY(access.key), "", RELOAD,
     "KID FILE [ALG ...] of a key that tokens are signed with; repeatable"},
    {"access", "jwks_file", TEXT(access.jwks_file, 0, CONFIG_TEXT_MAX), "", RELOAD,
     "file with more of them, a JWK set; read again when it changes"},
    {"access", "issuer", TEXT(access.issuer, 0, CONFIG_TEXT_MAX), "", RELOAD,
     "what a token's iss must be; empty = anything"},
    {"access", "audience", TEXT(access.audience, 0, CONFIG_TEXT_MAX), "", RELOAD,
     "what a token's aud must name; empty = anything"},
    {"access", "leeway", DURATION(access.leeway_ms, 0, 10 * MIN), "0", RELOAD,
     "by how much the clocks of those who make tokens may differ"},
    {"access", "max_lifetime", DURATION(access.max_lifetime_ms, 0, AGE_MAX), "0", RELOAD,
     "longest time that a token may be valid; 0 = no limit"},
    {"access", "query_token", BOOL(access.query_token), "on", RELOAD,
     "take tokens from the query, too (?token=)"},
    {"access", "cookie", TEXT(access.cookie, 0, 64), "longwire_token", RELOAD,
     "cookie that tokens are taken from, too; empty = none"},
    {"access", "auth_timeout", DURATION(access.auth_timeout_ms, SEC, 10 * MIN), "10s", RELOAD,
     "how long a WebSocket may be open without a token where it needs one"},
    {"access", "auth_request", SERVER(access.auth_request), "", RELOAD,
     "http://HOST[:PORT][/PATH] or unix:SOCKET[:/PATH] that is asked who a client is; empty = none"},
    {"access", "auth_request_timeout", DURATION(access.auth_request_timeout_ms, 100, MIN), "5s", RELOAD,
     "how long its answer may take"},
    {"access", "auth_request_connections", COUNT(access.auth_request_connections, 1, 1024), "16", RELOAD,
     "most connections to it at a time, of each worker"},
    {"access", "auth_request_cache", COUNT(access.auth_request_cache, 16, 1000000), "4096", RELOAD,
     "most of its decisions that are remembered, by each worker"},

    {"hooks", "url", SERVER(hooks.url), "", FIXED,
     "http://HOST[:PORT][/PATH] or unix:SOCKET[:/PATH] that is told who comes and goes; empty = none"},
    {"hooks", "secret_file", TEXT(hooks.secret_file, 0, CONFIG_TEXT_MAX), "", FIXED,
     "file with the secret that what it is told is signed with"},
    {"hooks", "events", FLAGS(hooks.events, hook_words), "occupied, vacated, join, leave", FIXED,
     "what it is told of topics with hooks"},
    {"hooks", "linger", DURATION(hooks.linger_ms, 0, HOUR), "10s", FIXED,
     "how long a topic may be without subscribers before it is told to be vacated"},
    {"hooks", "timeout", DURATION(hooks.timeout_ms, 100, 10 * MIN), "10s", FIXED,
     "how long its answer may take"},

    {"limits", "subscriptions", COUNT(limits.subscriptions, 1, 1000000), "1000", RELOAD,
     "most topics and patterns of one connection"},
    {"limits", "inflight", COUNT(limits.inflight, 1, 1000000), "1024", RELOAD,
     "most publishes of one connection that wait for their commit"},
    {"limits", "address_connections", COUNT(limits.address.connections, 0, UINT32_MAX), "5000",
     RELOAD, "most connections of one address (IPv6: /64) at once; 0 = any number"},
    {"limits", "address_subscriptions", COUNT(limits.address.subscriptions, 0, UINT32_MAX),
     "50000", RELOAD, "most topics and patterns of all its connections together; 0 = any number"},
    {"limits", "address_publishes_per_s",
     COUNT(limits.address.publishes_per_s, 0, QUOTA_PER_S_MAX), "10000", RELOAD,
     "most messages that one address may publish in a second; 0 = any number"},
    {"limits", "address_bytes_per_s", BYTES(limits.address.bytes_per_s, 0, QUOTA_PER_S_MAX),
     "16M", RELOAD, "most bytes of these; 0 = any number"},
    {"limits", "sub_connections", COUNT(limits.sub.connections, 0, UINT32_MAX), "0", RELOAD,
     "most connections that receive with tokens of one sub; a token may say otherwise; 0 = any"},
    {"limits", "sub_subscriptions", COUNT(limits.sub.subscriptions, 0, UINT32_MAX), "0", RELOAD,
     "most topics and patterns of these together; 0 = any number"},
    {"limits", "sub_publishes_per_s", COUNT(limits.sub.publishes_per_s, 0, QUOTA_PER_S_MAX), "0",
     RELOAD, "most messages that one sub may publish in a second; 0 = any number"},
    {"limits", "sub_bytes_per_s", BYTES(limits.sub.bytes_per_s, 0, QUOTA_PER_S_MAX), "0", RELOAD,
     "most bytes of these; 0 = any number"},
    {"limits", "token_connections", COUNT(limits.token.connections, 0, UINT32_MAX), "0", RELOAD,
     "as sub_connections, of each token by itself"},
    {"limits", "token_subscriptions", COUNT(limits.token.subscriptions, 0, UINT32_MAX), "0",
     RELOAD, "as sub_subscriptions, of each token by itself"},
    {"limits", "token_publishes_per_s", COUNT(limits.token.publishes_per_s, 0, QUOTA_PER_S_MAX),
     "0", RELOAD, "as sub_publishes_per_s, of each token by itself"},
    {"limits", "token_bytes_per_s", BYTES(limits.token.bytes_per_s, 0, QUOTA_PER_S_MAX), "0",
     RELOAD, "as sub_bytes_per_s, of each token by itself"},
    {"limits", "burst", DURATION(limits.burst_ms, SEC, HOUR), "1s", RELOAD,
     "what may be published in this time may be published at once"},
    {"limits", "exempt", FLAGS(limits.exempt, exempt_words), "loopback, private", RELOAD,
     "addresses that have no limits: loopback, those of private networks"},
    {"limits", "exempt_address", NET(limits.exempt_address), "", RELOAD,
     "ADDRESS or ADDRESS/BITS that has no limits either; repeatable"},
    {"limits", "max_lag_messages", COUNT(limits.lag.max_messages, 0, UINT32_MAX), "0", RELOAD,
     "most messages that a subscriber may be behind (topics may differ); 0 = no limit"},
    {"limits", "max_lag_bytes", BYTES(limits.lag.max_bytes, 0, 64 * TIB), "0", RELOAD,
     "the same in bytes of payload; 0 = no limit"},
    {"limits", "max_lag_age", DURATION(limits.lag.max_age_ms, 0, AGE_MAX), "0", RELOAD,
     "longest time that a subscriber may be behind; 0 = no limit"},
    {"limits", "lag_policy", CHOICE(limits.lag.policy, enum config_lag_policy, lag_policy_words),
     "replay", RELOAD, "what is done with one that is further behind: replay (only counted), "
     "skip-to-latest, close"},

    {"topic", "durability", TOPIC_CHOICE(durability, enum config_durability, durability_words),
     NULL, FIXED, "as log.durability, for the topics that PATTERN matches"},
    {"topic", "max_age", TOPIC_DURATION(max_age_ms, 0, AGE_MAX), NULL, RELOAD,
     "as log.max_age, for these topics"},
    {"topic", "max_messages", TOPIC_COUNT(max_messages, 0, UINT32_MAX), "0", RELOAD,
     "most messages of one topic; beyond it the oldest go; 0 = no limit"},
    {"topic", "max_bytes", TOPIC_BYTES(max_bytes, 0, 64 * TIB), "0", RELOAD,
     "most payload bytes of one topic, but for its newest message; 0 = no limit"},
    {"topic", "keep_last", TOPIC_COUNT(keep_last, 0, 1000000), "0", RELOAD,
     "newest messages of a topic that stay whatever their age and the log's size"},
    {"topic", "max_lag_messages", TOPIC_COUNT(lag.max_messages, 0, UINT32_MAX), NULL, RELOAD,
     "as limits.max_lag_messages, for subscribers to these topics"},
    {"topic", "max_lag_bytes", TOPIC_BYTES(lag.max_bytes, 0, 64 * TIB), NULL, RELOAD,
     "as limits.max_lag_bytes"},
    {"topic", "max_lag_age", TOPIC_DURATION(lag.max_age_ms, 0, AGE_MAX), NULL, RELOAD,
     "as limits.max_lag_age"},
    {"topic", "lag_policy", TOPIC_CHOICE(lag.policy, enum config_lag_policy, lag_policy_words),
     NULL, RELOAD, "as limits.lag_policy"},
    {"topic", "presence", TOPIC_BOOL(presence), "no", RELOAD,
     "keep a list of who subscribes to each of these topics, and tell who comes and goes"},
    {"topic", "hooks", TOPIC_BOOL(hooks), "no", FIXED,
     "tell hooks.url when they have subscribers, and who comes and goes"},
};
/* clang-format on */

const struct setting settings_host[CONFIG_HOST_SETTINGS_MAX] = {
    {"tls", "certificate", IN_HOST(certificate), NULL, RELOAD, "as tls.certificate, for HOST"},
    {"tls", "key", IN_HOST(key), NULL, RELOAD, "as tls.key"},
};

const struct setting settings_rule[CONFIG_RULE_SETTINGS_MAX] = {
    {"access", "anonymous", IN_RULE(anonymous), NULL, RELOAD,
     "what anyone may do with the topics that PATTERN matches"},
    {"access", "local", IN_RULE(local), NULL, RELOAD, "what clients of this machine may"},
    {"access", "token", IN_RULE(token), NULL, RELOAD, "what whoever has a token may, besides"},
};

enum { ROWS = sizeof(settings) / sizeof(settings[0]), TOPIC_ROWS = 11 };

_Static_assert((int)(ROWS - TOPIC_ROWS) <= (int)CONFIG_SETTINGS_MAX,
               "struct config has no room for origins");
_Static_assert((int)TOPIC_ROWS <= (int)CONFIG_TOPIC_SETTINGS_MAX, "struct config_topic likewise");

const struct setting *const settings_topic = settings + ROWS - TOPIC_ROWS;
const struct setting *const settings_end = settings + ROWS;

const struct setting *setting_find(const char *section, const char *key)
{
    for (const struct setting *s = settings; s < settings_end; s++) {
        if (strcmp(s->section, section) == 0 && strcmp(s->key, key) == 0)
            return s;
    }
    return NULL;
}

const struct setting *setting_find_host(const char *key)
{
    for (size_t i = 0; i < CONFIG_HOST_SETTINGS_MAX; i++) {
        if (strcmp(settings_host[i].key, key) == 0)
            return &settings_host[i];
    }
    return NULL;
}

const struct setting *setting_find_rule(const char *key)
{
    for (size_t i = 0; i < CONFIG_RULE_SETTINGS_MAX; i++) {
        if (strcmp(settings_rule[i].key, key) == 0)
            return &settings_rule[i];
    }
    return NULL;
}

bool setting_is_section(const char *section)
{
    for (const struct setting *s = settings; s < settings_end; s++) {
        if (strcmp(s->section, section) == 0)
            return true;
    }
    return false;
}

bool setting_is_list(const struct setting *s)
{
    return s->type == SETTING_LISTEN || s->type == SETTING_ORIGIN || s->type == SETTING_HOST ||
           s->type == SETTING_NET || s->type == SETTING_KEY;
}

/* Names are compared up to this many bytes. */
enum { NAME_CMP_MAX = 64 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein's distance: characters to insert, delete or replace. */
static unsigned edits(const char *a, const char *b)
{
    unsigned row[NAME_CMP_MAX + 1];
    size_t width = strnlen(b, NAME_CMP_MAX);
    for (unsigned j = 0; j <= width; j++)
        row[j] = j;
    for (unsigned i = 1; i <= strnlen(a, NAME_CMP_MAX); i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            unsigned above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

const struct setting *setting_nearest(const char *section, const char *key)
{
    const struct setting *best = settings;
    unsigned least = UINT32_MAX;
    for (const struct setting *s = settings; s < settings_end; s++) {
        unsigned n = 2 * edits(section, s->section) + edits(key, s->key);
        if (n < least) {
            least = n;
            best = s;
        }
    }
    return best;
}

const char *setting_nearest_section(const char *section)
{
    const struct setting *best = settings;
    for (const struct setting *s = settings; s < settings_end; s++) {
        if (edits(section, s->section) < edits(section, best->section))
            best = s;
    }
    return best->section;
}

static void *field_of(const struct setting *s, void *base)
{
    return (char *)base + s->offset;
}

static const void *const_field_of(const struct setting *s, const void *base)
{
    return (const char *)base + s->offset;
}

static enum err parse_number(const struct setting *s, const char *value, uint64_t *ret)
{
    uint64_t n;
    enum err e = s->type == SETTING_BYTES      ? value_parse_bytes(value, &n)
                 : s->type == SETTING_DURATION ? value_parse_duration(value, &n)
                                               : value_parse_count(value, &n);
    if (e)
        return e;
    if (n < s->min || n > s->max)
        return ERR_LIMIT;
    *ret = n;
    return ERR_OK;
}

static enum err parse_mode(const struct setting *s, const char *value, mode_t *ret)
{
    uint64_t n;
    enum err e = value_parse_octal(value, &n);
    if (e)
        return e;
    if (n > s->max)
        return ERR_LIMIT;
    *ret = (mode_t)n;
    return ERR_OK;
}

static enum err parse_bool(const char *value, bool *ret)
{
    static const char *const words[] = {"off", "on", "no", "yes"};
    unsigned count = sizeof(words) / sizeof(words[0]), i = 0;
    while (i < count && strcmp(value, words[i]) != 0)
        i++;
    if (i == count)
        return ERR_INVALID;
    *ret = i % 2;
    return ERR_OK;
}

/* The index of the word of N bytes at TEXT, or -1. */
static int word_index(const char *const *words, const char *text, size_t n)
{
    for (int i = 0; words[i]; i++) {
        if (strlen(words[i]) == n && memcmp(words[i], text, n) == 0)
            return i;
    }
    return -1;
}

static enum err parse_choice(const struct setting *s, const char *value, unsigned *ret)
{
    int i = word_index(s->words, value, strlen(value));
    if (i < 0)
        return ERR_INVALID;
    *ret = (unsigned)i;
    return ERR_OK;
}

static enum err parse_flags(const struct setting *s, const char *value, unsigned *ret)
{
    static const char separators[] = ", \t";
    unsigned flags = 0;
    for (const char *p = value + strspn(value, separators); *p; p += strspn(p, separators)) {
        size_t n = strcspn(p, separators);
        int i = word_index(s->words, p, n);
        if (i < 0)
            return ERR_INVALID;
        flags |= 1u << i;
        p += n;
    }
    *ret = flags;
    return ERR_OK;
}

static enum err parse_server(const char *value, char **ret)
{
    struct server_url u;
    if (*value && !server_url_parse(value, &u))
        return ERR_INVALID;
    char *copy = strdup(value);
    if (!copy)
        return ERR_NOMEM;
    free(*ret);
    *ret = copy;
    return ERR_OK;
}

static enum err parse_text(const struct setting *s, const char *value, char **ret)
{
    size_t n = strlen(value);
    if (!value_text_valid(value))
        return ERR_INVALID;
    if (n < s->min || n > s->max)
        return ERR_LIMIT;
    char *copy = strdup(value);
    if (!copy)
        return ERR_NOMEM;
    free(*ret);
    *ret = copy;
    return ERR_OK;
}

/* TLS: it may begin with `tls:`. */
static enum err parse_listener(const char *value, bool tls, struct config_listen *ret)
{
    bool is_tls = tls && strncmp(value, "tls:", 4) == 0;
    enum err e = value_parse_address(is_tls ? value + 4 : value, ret);
    if (!e)
        ret->tls = is_tls;
    return e;
}

static enum err parse_listen(const struct setting *s, const char *value,
                             struct config_listen_list *list)
{
    if (*value == '\0' && s->min == 0)
        return ERR_OK;
    if (list->count == CONFIG_LISTEN_MAX)
        return ERR_LIMIT;
    enum err e = parse_listener(value, s->min > 0, &list->item[list->count]);
    if (!e)
        list->count++;
    return e;
}

static enum err parse_string(const char *value, bool valid(const char *text),
                             struct config_origin_list *list)
{
    if (*value == '\0')
        return ERR_OK;
    if (list->count == CONFIG_ORIGINS_MAX)
        return ERR_LIMIT;
    if (!valid(value))
        return ERR_INVALID;
    char *copy = strdup(value);
    if (!copy)
        return ERR_NOMEM;
    list->item[list->count++] = copy;
    return ERR_OK;
}

static enum err parse_net(const char *value, struct config_net_list *list)
{
    if (*value == '\0')
        return ERR_OK;
    if (list->count == CONFIG_NETS_MAX)
        return ERR_LIMIT;
    enum err e = ip_net_parse(value, &list->item[list->count]);
    if (!e)
        list->count++;
    return e;
}

enum err setting_parse(const struct setting *s, const char *value, void *base)
{
    void *field = field_of(s, base);
    switch (s->type) {
    case SETTING_COUNT:
    case SETTING_BYTES:
    case SETTING_DURATION:
        return parse_number(s, value, field);
    case SETTING_MODE:
        return parse_mode(s, value, field);
    case SETTING_BOOL:
        return parse_bool(value, field);
    case SETTING_CHOICE:
        return parse_choice(s, value, field);
    case SETTING_FLAGS:
        return parse_flags(s, value, field);
    case SETTING_SERVER:
        return parse_server(value, field);
    case SETTING_TEXT:
        return parse_text(s, value, field);
    case SETTING_LISTEN:
        return parse_listen(s, value, field);
    case SETTING_ORIGIN:
        return parse_string(value, value_origin_valid, field);
    case SETTING_HOST:
        return parse_string(value, value_host_valid, field);
    case SETTING_NET:
        return parse_net(value, field);
    case SETTING_KEY:
        return *value ? config_key_add(field, value) : ERR_OK;
    }
    return ERR_INVALID;
}

static void put_words(const struct setting *s, struct buf *out)
{
    for (size_t i = 0; s->words[i]; i++)
        buf_printf(out, "%s%s", i ? ", " : "", s->words[i]);
}

static void allowed_number(const struct setting *s, enum err why, struct buf *out)
{
    if (s->type == SETTING_DURATION)
        value_put_duration_range(out, s->min, s->max);
    else if (s->type == SETTING_BYTES)
        value_put_bytes_range(out, s->min, s->max);
    else
        buf_printf(out, "%" PRIu64 " to %" PRIu64, s->min, s->max);
    if (why == ERR_LIMIT)
        return;
    if (s->type == SETTING_DURATION)
        buf_puts(out, ", written with ms, s, m, h or d (seconds without)");
    else if (s->type == SETTING_BYTES)
        buf_puts(out, ", written in bytes or with K, M, G or T");
}

static void allowed_text(const struct setting *s, enum err why, struct buf *out)
{
    if (why == ERR_LIMIT)
        buf_printf(out, "%" PRIu64 " to %" PRIu64 " bytes long", s->min, s->max);
    else
        buf_puts(out, "UTF-8 without control characters, space at its ends, or ; after a space");
}

static void allowed_item(const struct setting *s, enum err why, struct buf *out)
{
    if (why == ERR_LIMIT)
        buf_printf(out, "given at most %d times",
                   s->type == SETTING_LISTEN ? CONFIG_LISTEN_MAX
                   : s->type == SETTING_NET  ? CONFIG_NETS_MAX
                   : s->type == SETTING_KEY  ? CONFIG_KEYS_MAX
                                             : CONFIG_ORIGINS_MAX);
    else if (s->type == SETTING_KEY)
        config_key_put_allowed(out);
    else if (s->type == SETTING_HOST)
        buf_puts(out, "a name or an address (IPv6 in brackets) without a port");
    else if (s->type == SETTING_NET)
        buf_puts(out, "ADDRESS or ADDRESS/BITS in digits, with zeros behind the bits");
    else if (s->type == SETTING_LISTEN)
        buf_printf(out,
                   "ADDRESS:PORT or [ADDRESS]:PORT%s, the address in digits, the port 0 to 65535",
                   s->min ? ", behind tls: for HTTPS" : "");
    else
        buf_puts(out, "* or SCHEME://HOST[:PORT] in lower case, with nothing after it");
}

void setting_allowed(const struct setting *s, enum err why, struct buf *out)
{
    switch (s->type) {
    case SETTING_COUNT:
    case SETTING_BYTES:
    case SETTING_DURATION:
        allowed_number(s, why, out);
        break;
    case SETTING_MODE:
        buf_printf(out, "an octal mode, 0 to %04o", (unsigned)s->max);
        break;
    case SETTING_BOOL:
        buf_puts(out, "on or off");
        break;
    case SETTING_CHOICE:
        buf_puts(out, "one of ");
        put_words(s, out);
        break;
    case SETTING_FLAGS:
        buf_puts(out, "empty or a list of ");
        put_words(s, out);
        break;
    case SETTING_TEXT:
        allowed_text(s, why, out);
        break;
    case SETTING_SERVER:
        buf_puts(out, server_url_allowed);
        break;
    case SETTING_LISTEN:
    case SETTING_ORIGIN:
    case SETTING_HOST:
    case SETTING_NET:
    case SETTING_KEY:
        allowed_item(s, why, out);
        break;
    }
}

size_t setting_values(const struct setting *s, const void *base)
{
    const void *field = const_field_of(s, base);
    if (s->type == SETTING_LISTEN)
        return ((const struct config_listen_list *)field)->count;
    if (s->type == SETTING_ORIGIN || s->type == SETTING_HOST)
        return ((const struct config_origin_list *)field)->count;
    if (s->type == SETTING_NET)
        return ((const struct config_net_list *)field)->count;
    if (s->type == SETTING_KEY)
        return ((const struct config_key_list *)field)->count;
    return 1;
}

static void format_flags(const struct setting *s, unsigned flags, struct buf *out)
{
    const char *separator = "";
    for (unsigned i = 0; s->words[i]; i++) {
        if (!(flags & 1u << i))
            continue;
        buf_printf(out, "%s%s", separator, s->words[i]);
        separator = ", ";
    }
}

static void format_net(const struct ip_net *net, struct buf *out)
{
    char text[IP_NET_TEXT_SIZE];
    ip_net_format(net, text);
    buf_puts(out, text);
}

void setting_format(const struct setting *s, const void *base, size_t i, struct buf *out)
{
    const void *field = const_field_of(s, base);
    switch (s->type) {
    case SETTING_COUNT:
        buf_put_u64(out, *(const uint64_t *)field);
        break;
    case SETTING_BYTES:
        value_put_bytes(out, *(const uint64_t *)field);
        break;
    case SETTING_DURATION:
        value_put_duration(out, *(const uint64_t *)field);
        break;
    case SETTING_MODE:
        buf_printf(out, "%04o", (unsigned)*(const mode_t *)field);
        break;
    case SETTING_BOOL:
        buf_puts(out, *(const bool *)field ? "on" : "off");
        break;
    case SETTING_CHOICE:
        buf_puts(out, s->words[*(const unsigned *)field]);
        break;
    case SETTING_FLAGS:
        format_flags(s, *(const unsigned *)field, out);
        break;
    case SETTING_SERVER:
    case SETTING_TEXT:
        buf_puts(out, *(char *const *)field);
        break;
    case SETTING_LISTEN:
        value_put_address(out, &((const struct config_listen_list *)field)->item[i]);
        break;
    case SETTING_ORIGIN:
    case SETTING_HOST:
        buf_puts(out, ((const struct config_origin_list *)field)->item[i]);
        break;
    case SETTING_NET:
        format_net(&((const struct config_net_list *)field)->item[i], out);
        break;
    case SETTING_KEY:
        config_key_put(out, &((const struct config_key_list *)field)->item[i]);
        break;
    }
}

static void clear_origins(struct config_origin_list *list)
{
    while (list->count)
        free(list->item[--list->count]);
}

void setting_clear(const struct setting *s, void *base)
{
    void *field = field_of(s, base);
    if (s->type == SETTING_TEXT || s->type == SETTING_SERVER) {
        free(*(char **)field);
        *(char **)field = NULL;
    } else if (s->type == SETTING_ORIGIN || s->type == SETTING_HOST) {
        clear_origins(field);
    } else if (s->type == SETTING_LISTEN) {
        ((struct config_listen_list *)field)->count = 0;
    } else if (s->type == SETTING_NET) {
        ((struct config_net_list *)field)->count = 0;
    } else if (s->type == SETTING_KEY) {
        config_key_clear(field);
    }
}
