/*
 * The header of the PROXY protocol, versions 1 (text) and 2 (binary), which a proxy sends before
 * anything else to say for whom it connects (HAProxy's doc/proxy-protocol.txt, 2020/03/05): bytes
 * in, an address out, no I/O.
 *
 * Strict and bounded as the request reader is: the first violation is final, and is told at the
 * first byte that cannot be right. Where the input is cut makes no difference. Nothing is
 * allocated.
 */
#ifndef NET_PROXY_HEADER_H
#define NET_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

enum {
    PROXY_LINE_MAX = 107,   /* bytes of version 1, line end included */
    PROXY_FIXED_BYTES = 16, /* of version 2, before its addresses */
    PROXY_REST_MAX = 4096,  /* of version 2, behind those: addresses and extensions (TLVs) */
};

enum proxy_read {
    PROXY_READ_MORE,  /* all was used, the header is incomplete */
    PROXY_READ_DONE,  /* the header is complete; the bytes behind it belong to the client */
    PROXY_READ_ERROR, /* close; `reason` says why */
};

/* For whom the proxy connects. */
enum proxy_source {
    PROXY_SOURCE_ITSELF,  /* for itself, to see whether somebody is there (LOCAL) */
    PROXY_SOURCE_UNKNOWN, /* for somebody whose address it does not say */
    PROXY_SOURCE_ADDRESS, /* for `client` */
};

/* In the order in which a header passes through them. */
enum proxy_state {
    PROXY_START, /* the first byte tells the version */
    PROXY_LINE,
    PROXY_FIXED,
    PROXY_ADDRESSES,
    PROXY_EXTENSIONS,
    PROXY_DONE,
    PROXY_FAILED,
};

struct proxy_header {
    /* At DONE. */
    enum proxy_source source;
    struct ip_port client; /* PROXY_SOURCE_ADDRESS */
    /* At ERROR: a constant English sentence without its full stop. */
    const char *reason;

    /* Private. */
    enum proxy_state state;
    uint8_t len;               /* bytes in `text` */
    uint16_t left;             /* version 2: bytes that have not come yet */
    char text[PROXY_LINE_MAX]; /* the line, or the fixed part and the addresses */
};

void proxy_header_init(struct proxy_header *p);
/* Feeds N bytes; *USED says how many of them it took. DONE and ERROR repeat. */
enum proxy_read proxy_header_feed(struct proxy_header *p, const char *data, size_t n, size_t *used);

#endif
