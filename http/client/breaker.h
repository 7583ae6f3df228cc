/*
 * A circuit breaker: a server that has failed several times in a row is left alone for a while, and
 * then asked once, which decides whether it is asked again. Pure: time comes in as an argument,
 * monotonic ms.
 *
 *     closed ──BREAKER_FAILURES in a row──> open ──its time is over──> one may try
 *        ^                                   ^                            │   │
 *        └─────────── it succeeds ───────────┼────────────────────────────┘   │
 *                                            └── it fails: for twice as long ─┘
 */
#ifndef HTTP_CLIENT_BREAKER_H
#define HTTP_CLIENT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BREAKER_FAILURES = 5,
    BREAKER_PAUSE_MS = 1000, /* the first time; at most: */
    BREAKER_PAUSE_MAX_MS = 30000,
};

/* All zero: closed. */
struct breaker {
    unsigned failures;      /* in a row */
    uint32_t pause_ms;      /* how long it is open, or was the last time; 0 = it is closed */
    uint64_t open_until_ms; /* while it is open */
    bool trying;            /* one may find out */
};

/* Whether the server may be asked now; then breaker_succeeded or breaker_failed follows. */
bool breaker_may_ask(struct breaker *b, uint64_t now_ms);
/* It has answered. Whether the breaker was open. */
bool breaker_succeeded(struct breaker *b);
/* It has not. Whether the breaker has opened, or opened again, by that. */
bool breaker_failed(struct breaker *b, uint64_t now_ms);
/* How long it stays open; 0: it is closed, or one may try. */
uint64_t breaker_wait_ms(const struct breaker *b, uint64_t now_ms);

#endif
