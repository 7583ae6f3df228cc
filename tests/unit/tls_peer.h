/*
 * The other end of a TLS connection behind its handshake, as simple as can be and apart from the
 * code that is tested: it says records of any type and content, right or wrong, and hears what the
 * hub says.
 */
#ifndef TESTS_UNIT_TLS_PEER_H
#define TESTS_UNIT_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/tls/tls_keys.h"
#include "net/tls/tls_record.h"

struct tls_peer {
    struct tls_keys keys;              /* as the peer sees them: `out` is what it seals with */
    struct buf said;                   /* records for the hub */
    struct buf heard;                  /* data that came from the hub */
    struct buf rest;                   /* of a record that has not come whole */
    unsigned alerts, updates, records; /* that came from the hub */
    enum tls_alert alert;              /* the last one */
    unsigned level;
};

/* Keys as a handshake would make them, always the same; those of the hub. */
struct tls_keys tls_peer_keys(enum tls_version v, enum tls_suite s);
/* In place; the other end of a hub that has KEYS. */
void tls_peer_init(struct tls_peer *p, const struct tls_keys *keys);
void tls_peer_finish(struct tls_peer *p);

/* Says a record of TYPE; under 1.3 with so many zeros behind it. */
void tls_peer_say(struct tls_peer *p, unsigned type, const void *data, size_t n, size_t padding);
void tls_peer_say_data(struct tls_peer *p, const void *data, size_t n);
void tls_peer_say_alert(struct tls_peer *p, unsigned level, enum tls_alert a);
/* A KeyUpdate, and the next key. */
void tls_peer_say_update(struct tls_peer *p, bool wants_one);
/* What is said from now on is sealed with the next key. */
void tls_peer_update(struct tls_peer *p);
/* Hears N bytes of records, cut anywhere. Aborts if they are not what the hub may say. */
void tls_peer_hear(struct tls_peer *p, const void *data, size_t n);

#endif
