/*
 * What a TLS listener gets first: a reader of the ClientHello, without I/O, which finds out when it
 * is whole, and what else came if it is none (RFC 8446 sections 4.1.2 and 5.1, RFC 5246 the same).
 *
 * Nothing is spent on a peer before its hello is whole. What the hello says is for the handshake
 * (tls_handshake.h), but for the name that it asks for (RFC 6066 section 3). A hello in several
 * records is put together into one: older mbedTLS takes it in no other form.
 */
#ifndef NET_TLS_TLS_HELLO_H
#define NET_TLS_TLS_HELLO_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/tls/tls_alert.h"

enum {
    TLS_HELLO_MAX = 16384, /* bytes of its message: a record's */
    TLS_NAME_MAX = 255,    /* of a host */
};

enum tls_hello_found {
    TLS_HELLO_MORE,  /* all right so far */
    TLS_HELLO_WHOLE, /* it is in `record` */
    TLS_HELLO_HTTP,  /* text: a request, probably, by someone who did not say https */
    TLS_HELLO_WRONG, /* to be answered by `alert` */
    TLS_HELLO_NOMEM,
};

/* In place, all zero at first. */
struct tls_hello {
    struct buf record; /* a record's head, and the message so far */
    uint8_t head[5];   /* of the record that is being read */
    uint8_t head_len;  /* bytes of it that are there */
    uint16_t left;     /* bytes of that record that are not */
    enum tls_alert alert;
};

void tls_hello_finish(struct tls_hello *h);
/* Reads N bytes, which may be all or any part of it; tells how many it took in USED: when it is
 * whole, what is behind it is not the hello's. */
enum tls_hello_found tls_hello_feed(struct tls_hello *h, const char *data, size_t n, size_t *used);
/* The name in the server_name extension of a hello that is whole, in lower case, with a NUL; "" if
 * there is none, or nothing that could be one. */
void tls_hello_name(const struct tls_hello *h, char name[TLS_NAME_MAX + 1]);

/* A fatal alert as a record that is not encrypted. */
enum { TLS_HELLO_ALERT_SIZE = 7 };
void tls_hello_put_alert(enum tls_alert a, uint8_t out[TLS_HELLO_ALERT_SIZE]);

#endif
