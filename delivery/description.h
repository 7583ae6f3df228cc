/*
 * What listings of administrators say of a connection besides what every connection has: each
 * protocol fills in what it knows (struct protocol, `describe`).
 */
#ifndef DELIVERY_DESCRIPTION_H
#define DELIVERY_DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/lag.h"

struct feed;
struct stream;

/* Begins all zero. */
struct description {
    struct feed *feed;           /* its subscriptions, NULL = none */
    const struct stream *stream; /* has those that are about to join them, or NULL */
    bool has_cursor;
    uint64_t cursor; /* the offset it has reached */
    struct lag_figures lag;
    uint32_t delivered_s; /* when its feed last had something, monotonic s, if it is live; else 0 */
    const char *name;     /* the client's own name, or NULL */
    bool deflate;         /* it gets its messages compressed */
    /* Of the local socket only: */
    const char *lib_name, *lib_version; /* what its library calls itself, or NULL */
    const char *command;                /* the last one that ran, or NULL */
    unsigned resp;                      /* the version that it speaks; 0 = another protocol */
    uint32_t patterns;                  /* how many of its subscriptions are */
    bool in_transaction;                /* since MULTI */
    size_t queued, queued_bytes;        /* commands put by since then */
};

#endif
