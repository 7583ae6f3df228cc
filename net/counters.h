/*
 * Every counter of the frontends, defined once: /metrics, HUB STATS and the documentation are made
 * from this table. Each worker counts for itself; readers add the workers up.
 */
#ifndef NET_COUNTERS_H
#define NET_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* name, help */
#define COUNTER_TABLE(X)                                                                           \
    X(accepted, "connections accepted")                                                            \
    X(accept_paused, "times that accepting stopped for want of descriptors")                       \
    X(tokens_malformed, "tokens refused: they are none")                                           \
    X(tokens_algorithm, "tokens refused: an alg that their key may not bear")                      \
    X(tokens_unknown_key, "tokens refused: no key for them")                                       \
    X(tokens_signature, "tokens refused: not signed by their key")                                 \
    X(tokens_expired, "tokens refused: they have expired")                                         \
    X(tokens_not_yet, "tokens refused: not valid yet")                                             \
    X(tokens_no_expiry, "tokens refused: they do not say when they expire")                        \
    X(tokens_audience, "tokens refused: for another audience")                                     \
    X(tokens_issuer, "tokens refused: of another issuer")                                          \
    X(tokens_lifetime, "tokens refused: valid for too long")                                       \
    X(tokens_claims, "tokens refused: claims that are not as they must be")                        \
    X(tokens_revoked, "tokens refused: revoked")                                                   \
    X(denied_credentials, "requests refused: several tokens that differ, or what is none")         \
    X(denied_silent, "WebSockets refused: nothing before a token, or none in time")                \
    X(denied_token, "requests and subscriptions refused: the token does not grant them")           \
    X(denied_rule, "requests and subscriptions refused by an [access] section")                    \
    X(denied_anonymous, "requests and subscriptions refused: not for who has no token")            \
    X(denied_private, "requests refused: figures and the page are for others")                     \
    X(denied_origin, "requests refused: of pages of another origin")                               \
    X(denied_host, "requests refused: for a host that is none of this machine")                    \
    X(limited_connections, "connections and receivers refused since their client has enough")      \
    X(limited_subscriptions, "subscriptions refused since their client has enough topics")         \
    X(limited_publishes, "publishes refused since their client publishes too many messages")       \
    X(limited_bytes, "publishes refused since their client publishes too many bytes")              \
    X(proxy_errors, "connections refused for their PROXY header, or for having none")              \
    X(tls_handshakes, "TLS handshakes completed")                                                  \
    X(tls_resumed, "of these, those that resumed a session")                                       \
    X(tls_compact, "of them, those that went on in the compact record layer (tls.compact)")        \
    X(tls_failed_alert, "TLS handshakes ended by the client's alert")                              \
    X(tls_failed_version, "TLS handshakes without a version that both speak")                      \
    X(tls_failed_suite, "TLS handshakes without a suite, curve or protocol that both have")        \
    X(tls_failed_certificate, "TLS handshakes without a client certificate that is good")          \
    X(tls_failed_protocol, "TLS handshakes in which the client broke the protocol")                \
    X(tls_failed_internal, "TLS handshakes that failed inside the hub")                            \
    X(tls_not_tls, "connections to TLS listeners that began with something else")                  \
    X(tls_timeouts, "connections whose TLS handshake was not complete in time")                    \
    X(tls_crowded, "TLS handshakes whose place was needed for another one")                        \
    X(http_requests, "HTTP requests answered or upgraded")                                         \
    X(http_errors, "HTTP requests answered with a 4xx or 5xx status")                              \
    X(http_invalid, "HTTP requests answered 400")                                                  \
    X(http_denied, "HTTP requests answered 401 or 403")                                            \
    X(http_not_found, "HTTP requests answered 404")                                                \
    X(auth_asked, "clients about whom access.auth_request was asked")                              \
    X(auth_known, "clients about whom it was known what it had answered")                          \
    X(auth_denied, "answers of 401 or 403 from access.auth_request")                               \
    X(auth_failed, "questions to access.auth_request that brought no decision")                    \
    X(auth_unasked, "clients about whom access.auth_request was not asked, since it fails")        \
    X(h2_sessions, "HTTP/2 connections")                                                           \
    X(h2_requests, "requests over them")                                                           \
    X(h2_refused, "of these, refused since there were http.max_connections")                       \
    X(h2_errors, "HTTP/2 connections ended by an error of their own")                              \
    X(h2_calmed, "of these, those that sent too much that asks for nothing")                       \
    X(resp_commands, "commands on the local socket")                                               \
    X(resp_errors, "commands answered with an error")                                              \
    X(ws_control, "WebSocket control messages from clients")                                       \
    X(ws_errors, "WebSocket control messages answered with an error")                              \
    X(ws_deflated, "WebSocket messages compressed, each once for all who get it")                  \
    X(ws_deflated_plain_bytes, "bytes of these before compressing")                                \
    X(ws_deflated_bytes, "bytes of these after compressing")                                       \
    X(compressed, "messages of event streams and long-polls compressed, each once for all")        \
    X(compressed_plain_bytes, "bytes of these before compressing")                                 \
    X(compressed_bytes, "bytes of these after compressing")                                        \
    X(ws_inflated, "compressed WebSocket messages from clients")                                   \
    X(ws_inflated_packed_bytes, "bytes of these before inflating")                                 \
    X(ws_inflated_bytes, "bytes of these after inflating")                                         \
    X(ws_silent, "WebSockets ended because their peer answered no ping")                           \
    X(publishes, "publish requests accepted for commit")                                           \
    X(publish_errors, "publish requests that failed at or after commit")                           \
    X(publish_conflicts, "publish requests refused because a topic was not as expected")           \
    X(publish_duplicates, "messages answered from the idempotency window")                         \
    X(deliveries, "messages handed to subscribers' sockets")                                       \
    X(delivered_bytes, "bytes of messages handed to subscribers' sockets")                         \
    X(replayed, "deliveries that were read from tail or log for a lagging subscriber")             \
    X(lags, "times that a live subscriber fell behind")                                            \
    X(gaps_epoch, "gaps told: cursor of another epoch")                                            \
    X(gaps_ahead, "gaps told: cursor ahead of the head")                                           \
    X(gaps_trimmed, "gaps told: messages no longer kept")                                          \
    X(gaps_lagged, "gaps told: skipped by a lag limit")                                            \
    X(gaps_damaged, "gaps told: messages that cannot be read")                                     \
    X(gaps_denied, "gaps told: subscriptions that a renewed token no longer grants")               \
    X(lag_limit_replays, "times that a subscriber beyond a lag limit was left to replay")          \
    X(lag_limit_skips, "times that a subscriber beyond a lag limit was moved to the head")         \
    X(lag_limit_closes, "times that a subscriber beyond a lag limit was disconnected")             \
    X(presence_joins, "comings of members that were told")                                         \
    X(presence_leaves, "goings of members that were told")                                         \
    X(presence_untold, "comings and goings that were not told for want of a topic")                \
    X(hooks_events, "events for hooks.url that were stored")                                       \
    X(hooks_delivered, "of these, those that it has answered")                                     \
    X(hooks_failed, "batches of them that it did not answer with 2xx")                             \
    X(subscriptions_refused, "subscriptions refused for hub.subscription_bytes")                   \
    X(polls, "long-polls answered")                                                                \
    X(submitted, "sends that went to the kernel together with others (hub.io_uring)")              \
    X(turns, "turns of the workers' loops")                                                        \
    X(turns_full, "turns that left work over for the next one")                                    \
    X(work, "work for clients' input, in units of about a nanosecond")                             \
    X(turn_work_max, "most work of one turn so far, in the same; of each worker, added up")        \
    X(yields, "times that a connection had used up its slice of work and waited for another")      \
    X(pauses, "times that a worker did not run for long; time limits are later by that")           \
    X(memory_paused, "times that a connection was not read from since it held too much")           \
    X(memory_refused, "connections refused since they held too much")                              \
    X(read_errors, "failed reads of the log")                                                      \
    X(bytes_in, "bytes read from connections")                                                     \
    X(bytes_out, "bytes written to connections")

enum counter {
#define COUNTER_ENUM(name, help) COUNTER_##name,
    COUNTER_TABLE(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

struct counters {
    _Atomic uint64_t value[COUNTER_COUNT];
};

extern const char *const counter_names[COUNTER_COUNT];
extern const char *const counter_helps[COUNTER_COUNT];

/* Only the owning worker adds, so a plain add of a relaxed atomic does. */
static inline void counter_add(struct counters *c, enum counter which, uint64_t n)
{
    uint64_t now = atomic_load_explicit(&c->value[which], memory_order_relaxed);
    atomic_store_explicit(&c->value[which], now + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counters *c, enum counter which)
{
    return atomic_load_explicit(&c->value[which], memory_order_relaxed);
}

#endif
