/*
 * Frames that nghttp2 lets pass and RFC 9113 does not: each is an error of the connection,
 * PROTOCOL_ERROR. Pure.
 */
#ifndef HTTP_H2_H2_STRICT_H
#define HTTP_H2_H2_STRICT_H

#include <stdbool.h>
#include <stdint.h>

#include "http/h2/h2_cut.h"

/* All zero at first. */
struct h2_strict {
    uint32_t last;      /* the highest stream that the client has opened */
    uint32_t left_from; /* streams that it left out when it opened that one, or one before: */
    uint32_t left_to;   /* from the first of these to before the second */
};

/* A frame with this head begins. False: it must not be. */
bool h2_strict_take(struct h2_strict *t, const struct h2_cut *k);

#endif
