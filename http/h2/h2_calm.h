/*
 * What a client may send that asks for nothing: so much at once, and so much in a second for long.
 * Whoever sends more is told to calm down (ENHANCE_YOUR_CALM, RFC 9113 section 10.5). Pure.
 */
#ifndef HTTP_H2_H2_CALM_H
#define HTTP_H2_H2_CALM_H

#include <stdbool.h>
#include <stdint.h>

/* kind, at once, in a second, what it is */
#define H2_CALM_TABLE(X)                                                                           \
    X(RESETS, 1000, 100, "streams that end in an error, or that the client resets")                \
    X(PINGS, 300, 20, "PING")                                                                      \
    X(SETTINGS, 100, 10, "SETTINGS")                                                               \
    X(EMPTY, 1000, 100, "DATA, HEADERS and CONTINUATION without any byte, and without an end")     \
    X(OTHERS, 1000, 100, "PRIORITY, PUSH_PROMISE, GOAWAY, frames of unknown types")

enum h2_calm_kind {
#define H2_CALM_NUMBER(name, burst, rate, text) H2_CALM_##name,
    H2_CALM_TABLE(H2_CALM_NUMBER)
#undef H2_CALM_NUMBER
        H2_CALM_KINDS /* of none of them */
};

/* All zero at first. */
struct h2_calm {
    uint32_t second;
    uint16_t sent[H2_CALM_KINDS]; /* less what time has made good */
};

/* Of which kind a frame is. */
enum h2_calm_kind h2_calm_kind(unsigned type, unsigned flags, uint32_t len);
/* One more of KIND comes. False: it is too much. */
bool h2_calm_take(struct h2_calm *k, enum h2_calm_kind kind, uint64_t now_ms);

#endif
