/*
 * Session tickets (RFC 5077, RFC 8446 section 4.6.1): what a client comes back with instead of a
 * whole handshake, sealed so that nothing is kept here.
 *
 * The keys come from a secret, a new one every TLS_TICKET_PERIOD_S: whoever has the same secret
 * (hubs with the same tls.ticket_key_file) opens the same tickets, and nothing has to be handed
 * around. A ticket is good for the name that it was given for, as long as clients are judged by the
 * same authorities, and until the period after its own is over. What does not open is a whole
 * handshake.
 *
 *   id of the secret (4), period (4), nonce (12), the session as mbedTLS saves it, sealed, tag (16)
 */
#ifndef NET_TLS_TLS_TICKETS_H
#define NET_TLS_TLS_TICKETS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct mbedtls_ssl_config;
struct tls_tickets;

enum {
    TLS_TICKET_PERIOD_S = 12 * 3600,
    TLS_TICKET_SCOPE_SIZE = 32,
    TLS_TICKET_SECRET_MIN = 32, /* bytes of a key file */
};

/* With the N bytes of SECRET (any number, wiped by the caller), or with NULL a random one, or that
 * of FORMER. FORMER (may be NULL): tickets that it gave are still taken. SCOPE: what clients are
 * judged by; tickets of another are not taken. ERR_NOMEM. */
MUST_CHECK enum err tls_tickets_create(const void *secret, size_t n,
                                       const uint8_t scope[TLS_TICKET_SCOPE_SIZE],
                                       const struct tls_tickets *former, struct tls_tickets **ret);
/* NULL is fine; wipes the secrets. */
void tls_tickets_destroy(struct tls_tickets *t);
/* Has CONF give and take tickets; it borrows T. */
void tls_tickets_configure(const struct tls_tickets *t, struct mbedtls_ssl_config *conf);

/* The text N bytes long that lies at OUT + tls_ticket_head() becomes a ticket for NAME, at UNIX_S;
 * OUT has SIZE bytes. ERR_TOO_LARGE; ERR_NOMEM. */
size_t tls_ticket_head(void);
MUST_CHECK enum err tls_ticket_seal(const struct tls_tickets *t, const char *name, uint64_t unix_s,
                                    uint8_t *out, size_t n, size_t size, size_t *ret_n);
/* The text in a ticket of N bytes, which is opened in place: RET points into it. ERR_INVALID: it is
 * none of ours, or too old; ERR_NOMEM. */
MUST_CHECK enum err tls_ticket_open(const struct tls_tickets *t, const char *name, uint64_t unix_s,
                                    uint8_t *ticket, size_t n, uint8_t **ret, size_t *ret_n);

#endif
