/*
 * What workers, and all that they serve, need to know of the configuration. Immutable; a reload
 * makes a new one and hands it to every worker.
 */
#ifndef DELIVERY_SETTINGS_H
#define DELIVERY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/lag.h"
#include "broker/presence_rules.h"
#include "net/remote.h"
#include "net/settings.h"

struct access_policy;

/* For whom event streams and answers to long-polls are compressed, of those who take that. */
enum compress {
    COMPRESS_NO,
    COMPRESS_DIRECT, /* who comes through no proxy, or says that it may be */
    COMPRESS_YES,
};

struct settings {
    _Atomic uint32_t refs;
    struct net_settings net;
    /* [hub] */
    size_t max_message_bytes;
    /* [http]; times in ms */
    size_t max_head_bytes, max_body_bytes;
    uint64_t body_timeout_ms, idle_timeout_ms;
    uint64_t heartbeat_ms, retry_ms;
    uint64_t poll_wait_ms, poll_wait_max_ms;
    uint32_t poll_limit;
    bool h2;                 /* speak HTTP/2 with those who do */
    uint32_t h2_max_streams; /* of one connection at a time */
    bool ws_deflate;         /* accept permessage-deflate; how: ws_encoding_set_deflate */
    enum compress compress;  /* which messages: packing_set_rule */
    bool demo;               /* serve the demo page */
    uint64_t hsts_ms;        /* for how long browsers are to stay on HTTPS; 0 = not told */
    uint32_t redirect_https; /* the port of HTTPS for those who ask for pages without; 0 = none */
    char **hosts;            /* that requests to loopback listeners may be for, besides
                                loopback names; without ports */
    size_t host_count;
    /* [access] what anonymous peers may do on listeners that are not on loopback */
    unsigned anonymous; /* bits of enum access_right (access/access.h) */
    char **origins;     /* allowed besides the same origin and loopback; "*" = all */
    size_t origin_count;
    struct access_policy *access;                       /* who may do what (access/access.h); NULL
                                                           = no keys and no sections */
    void (*access_unref)(struct access_policy *access); /* gives it back */
    bool query_token;                                   /* tokens may stand in the query */
    char *cookie;                                       /* that may hold one, NULL = none; owned */
    uint64_t auth_timeout_ms;  /* how long a WebSocket may be without one where it needs one */
    struct {                   /* access.auth_request */
        struct remote *remote; /* who is asked; a reference; NULL = nobody */
        uint64_t timeout_ms;   /* of each question */
        uint32_t connections;  /* of a worker, at a time */
        uint32_t cache;        /* decisions that a worker remembers */
    } auth;
    struct {                   /* hooks.url */
        struct remote *remote; /* who is told; a reference; NULL = nobody */
        char *secret;          /* that it is signed with; owned */
        size_t secret_len;
        uint64_t timeout_ms; /* of each batch */
        unsigned events;     /* bits of enum webhook_event (http/webhook/webhook_text.h) */
    } hooks;
    /* [limits] of one connection */
    uint32_t subscriptions; /* topics and patterns */
    uint32_t inflight;      /* publishes that wait for their commit */
    /* of all connections with tokens of one sub, or with one token, where that does not say */
    struct quota_limits sub_limits, token_limits;
    struct lag_rules lag; /* of streams that fall behind */
    /* Topics whose subscribers are told of (presence.h) */
    struct presence_rules presence;
    uint64_t presence_linger_ms;
};

/* All zero, one reference; NULL when out of memory. Strings belong to the settings. */
struct settings *settings_create(void);
struct settings *settings_ref(struct settings *s);
/* NULL is accepted. */
void settings_unref(struct settings *s);

#endif
