/*
 * The daemon's configuration as values, loaded by config_load.c.
 *
 * Nothing here acts on a value; daemon/main.c hands the parts to those who do. What options there
 * are, with ranges and help, stands in one table: daemon/setting.c. A loaded configuration never
 * changes; a reload makes a new one.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/log.h"
#include "storage/store.h"

enum {
    CONFIG_LISTEN_MAX = 16,    /* addresses to listen on */
    CONFIG_ORIGINS_MAX = 64,   /* allowed origins, and hosts */
    CONFIG_NETS_MAX = 64,      /* networks of trusted proxies */
    CONFIG_KEYS_MAX = 64,      /* keys of tokens */
    CONFIG_TOPICS_MAX = 1024,  /* [topic "PATTERN"] sections */
    CONFIG_MISTAKES_MAX = 20,  /* told at once */
    CONFIG_TEXT_MAX = 168,     /* bytes of a path or origin: its line, comment and all, fits inih */
    CONFIG_SETTINGS_MAX = 128, /* rows of the table in setting.c */
    CONFIG_TOPIC_SETTINGS_MAX = 16, /* those of them that belong to topic sections */
    CONFIG_HOSTS_MAX = 256,         /* [tls "HOST"] sections */
    CONFIG_HOST_SETTINGS_MAX = 2,   /* what stands in each of them */
    CONFIG_RULES_MAX = 1024,        /* [access "PATTERN"] sections */
    CONFIG_RULE_SETTINGS_MAX = 3,   /* what stands in each of them: a row for each CONFIG_WHO */
};

/* Where a value comes from; a higher level wins. */
enum config_level { CONFIG_BUILTIN, CONFIG_FILE, CONFIG_SET };

struct config_origin {
    enum config_level level;
    unsigned line; /* CONFIG_FILE: where it was given (a list: its last value) */
};

enum config_io_uring { CONFIG_IO_URING_AUTO, CONFIG_IO_URING_NO };
enum config_durability { CONFIG_DISK, CONFIG_MEMORY };

/* What is done with subscribers beyond a limit (broker/lag.h). */
enum config_lag_policy { CONFIG_LAG_REPLAY, CONFIG_LAG_SKIP, CONFIG_LAG_CLOSE };

/* How far a subscriber may fall behind; 0 = any. */
struct config_lag {
    uint64_t max_messages, max_bytes, max_age_ms;
    enum config_lag_policy policy;
};

/* Bits of access.anonymous. */
enum { CONFIG_SUBSCRIBE = 1, CONFIG_PUBLISH = 2, CONFIG_STATUS = 4, CONFIG_PRESENCE = 8 };
/* Bits of what sections say. */
enum { CONFIG_RULE_SUBSCRIBE = 1, CONFIG_RULE_PUBLISH = 2, CONFIG_RULE_PRESENCE = 4 };

/* Bits of hooks.events. */
enum { CONFIG_OCCUPIED = 1, CONFIG_VACATED = 2, CONFIG_JOIN = 4, CONFIG_LEAVE = 8 };

/* What access.local says. */
enum config_compress { CONFIG_COMPRESS_NO, CONFIG_COMPRESS_DIRECT, CONFIG_COMPRESS_YES };
enum config_local { CONFIG_LOCAL_AUTO, CONFIG_LOCAL_ALL, CONFIG_LOCAL_ANONYMOUS };

struct config_listen {
    struct sockaddr_storage addr; /* IPv4 or IPv6, ready for bind(); port 0 = any free one */
    socklen_t addr_len;
    bool loopback; /* only this machine can reach it */
    bool tls;      /* behind `tls:` */
};

struct config_listen_list {
    size_t count; /* >= 1 once loaded */
    struct config_listen item[CONFIG_LISTEN_MAX];
};

struct config_origin_list {
    size_t count;
    /* Origins: "*" or as browsers send it (https://example.org). Hosts: without a port. */
    char *item[CONFIG_ORIGINS_MAX];
};

struct config_net_list {
    size_t count;
    struct ip_net item[CONFIG_NETS_MAX];
};

/* A key of tokens, as the configuration names it. */
struct config_key {
    char *kid, *file;
    unsigned algorithms; /* bits of enum algorithm (access/algorithm.h); 0 = all of its kind */
};

struct config_key_list {
    size_t count;
    struct config_key item[CONFIG_KEYS_MAX];
};

/* What one client may use; 0 = any number. */
struct config_quota {
    uint64_t connections, subscriptions, publishes_per_s, bytes_per_s;
};

/* Bits of limits.exempt. */
enum { CONFIG_EXEMPT_LOOPBACK = 1, CONFIG_EXEMPT_PRIVATE = 2 };

/* One [topic "PATTERN"] section. The first one whose pattern matches a topic counts. */
struct config_topic {
    char *pattern;                     /* valid (topic_pattern_valid) */
    enum config_durability durability; /* log.durability where the section does not say */
    uint64_t max_age_ms;               /* 0 = any; log.max_age where the section does not say */
    uint64_t max_messages;             /* 0 = any number */
    uint64_t max_bytes;                /* 0 = any number */
    uint64_t keep_last;
    struct config_lag lag; /* each as [limits] where the section does not say */
    bool presence;
    bool hooks;
    struct config_origin origin[CONFIG_TOPIC_SETTINGS_MAX];
};

/* One [tls "HOST"] section. */
struct config_host {
    char *name;              /* in lower case; "*.example.org": one level */
    char *certificate, *key; /* files; NULL where the section does not say */
    struct config_origin origin[CONFIG_HOST_SETTINGS_MAX];
};

/* One [access "PATTERN"] section. */
struct config_rule {
    char *pattern;                    /* valid (config_rule_pattern_valid) */
    unsigned anonymous, local, token; /* bits; what the section does not say has no origin */
    struct config_origin origin[CONFIG_RULE_SETTINGS_MAX];
};

struct config_rule_list {
    size_t count;
    struct config_rule *item; /* owned */
};

/* Bits of tls.versions. */
enum { CONFIG_TLS_1_2 = 1, CONFIG_TLS_1_3 = 2 };

/* Strings are owned by the configuration. Names end in their unit: _ms, _bytes. */
struct config {
    struct {
        char *data_dir;
        uint64_t workers; /* 0 = one for each core */
        uint64_t tail_bytes;
        uint64_t max_message_bytes;
        uint64_t max_topics;
        uint64_t subscription_bytes;
        uint64_t queue_bytes;
        uint64_t peer_bytes;
        uint64_t dedup_window_ms;
        uint64_t dedup_max_keys;
        uint64_t crypto_threads; /* 0 = one for each core */
        enum config_io_uring io_uring;
        uint64_t presence_linger_ms;
        enum log_level log_level;
    } hub;
    struct {
        struct config_listen_list listen;
        struct config_listen_list metrics_listen; /* may be empty */
        uint64_t max_head_bytes;
        uint64_t max_body_bytes;
        uint64_t max_connections; /* 0 = from the descriptor limit */
        uint64_t head_timeout_ms;
        uint64_t body_timeout_ms;
        uint64_t idle_timeout_ms;
        uint64_t write_timeout_ms;
        uint64_t heartbeat_ms;
        uint64_t retry_ms;
        uint64_t poll_wait_ms;
        uint64_t poll_wait_max_ms;
        uint64_t poll_limit;
        bool h2;
        uint64_t h2_max_streams;
        bool ws_deflate;
        uint64_t ws_deflate_min_bytes;
        uint64_t ws_deflate_level;
        enum config_compress compress;
        uint64_t compress_min_bytes;
        uint64_t compress_level;
        uint64_t send_buffer_bytes;   /* 0 = the kernel's choice */
        uint64_t notsent_lowat_bytes; /* 0 = no limit */
        struct config_origin_list hosts;
        struct config_net_list trusted_proxies;
        bool proxy_protocol;
        uint64_t hsts_ms;        /* 0 = not told */
        uint64_t redirect_https; /* a port, 0 = not redirected */
        bool demo;
    } http;
    struct {
        char *certificate, *key; /* files; "" = none */
        unsigned versions;       /* CONFIG_TLS_1_2 | … */
        bool tickets;
        char *ticket_key_file; /* "" = a random key */
        char *client_ca;       /* "" = no certificates are asked for */
        uint64_t handshakes_max;
        uint64_t handshake_timeout_ms;
        bool compact;
    } tls;
    struct {
        char *path;
        mode_t mode;
        char *group; /* "" = unchanged */
        uint64_t reserve_fds;
    } socket;
    struct {
        enum store_sync sync;
        uint64_t interval_ms; /* sync = interval */
        enum config_durability durability;
        uint64_t max_age_ms;    /* 0 = any */
        uint64_t max_log_bytes; /* 0 = any number */
        uint64_t map_bytes;
        bool journal;
        char *journal_dir; /* "" = in hub.data_dir */
        uint64_t journal_size;
    } log;
    struct {
        unsigned anonymous; /* CONFIG_SUBSCRIBE | … */
        struct config_origin_list origin;
        enum config_local local;
        struct config_key_list key;
        char *jwks_file;         /* "" = none */
        char *issuer, *audience; /* "" = any */
        uint64_t leeway_ms;
        uint64_t max_lifetime_ms; /* 0 = any */
        bool query_token;
        char *cookie; /* "" = none */
        uint64_t auth_timeout_ms;
        char *auth_request; /* a URL (server_url.h), "" = nobody is asked */
        uint64_t auth_request_timeout_ms, auth_request_connections, auth_request_cache;
    } access;
    struct {
        char *url;         /* (server_url.h), "" = nobody is told */
        char *secret_file; /* "" = none */
        unsigned events;   /* CONFIG_OCCUPIED | … */
        uint64_t linger_ms;
        uint64_t timeout_ms;
    } hooks;
    struct {
        uint64_t subscriptions;
        uint64_t inflight;
        struct config_lag lag;
        struct config_quota address, sub, token;
        uint64_t burst_ms;
        unsigned exempt; /* CONFIG_EXEMPT_LOOPBACK | … */
        struct config_net_list exempt_address;
    } limits;
    struct config_topic *topics; /* in the order of matching */
    size_t topic_count;
    struct config_host *hosts;
    size_t host_count;
    struct config_rule_list rules;                    /* in the order of asking */
    char *file;                                       /* that it was read from; NULL = none */
    struct config_origin origin[CONFIG_SETTINGS_MAX]; /* of each row of the table */
};

#endif
