/*
 * About whom access.auth_request is asked: what its server is told of a request and its client, and
 * by what the hub knows that it is the same client again.
 *
 * Told are the fields Authorization, Cookie, Origin, User-Agent, Accept-Language and Referer as
 * they came, a token that came elsewhere as `Authorization: Bearer`, and X-Forwarded-For (the
 * address of the client), X-Forwarded-Host, X-Forwarded-Proto, X-Original-Method and
 * X-Original-URI. Same is who sends the same Authorization or token, Cookie, Origin and User-Agent,
 * from the same address.
 */
#ifndef HTTP_AUTH_SUBJECT_H
#define HTTP_AUTH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "access/principal.h"
#include "base/buf.h"
#include "http/http_fields.h"
#include "net/conn.h"

/* All borrowed. */
struct auth_subject {
    const struct conn *conn;
    const struct http_fields *fields; /* of the request; NULL: there is none (a WebSocket's auth) */
    const char *host;                 /* that it is for; NULL: none was said */
    const char *method;               /* NULL: as fields */
    const char *target;               /* path and query as they were sent; NULL: as fields */
    size_t target_len;
    const char *token; /* that came with it, wherever; NULL: none */
    size_t token_len;
};

/* Whether its token, if it has one, has none but the characters of one (RFC 6750 section 2.1): no
 * other can be told. */
bool auth_subject_is_sound(const struct auth_subject *s);
/* Appends the fields that tell of S, which is sound, each a line. What could be read as more than
 * one is left out.
 */
void auth_subject_put(const struct auth_subject *s, struct buf *out);
/* ERR_NOMEM. */
MUST_CHECK enum err auth_subject_hash(const struct auth_subject *s,
                                      unsigned char ret[PRINCIPAL_HASH_SIZE]);

#endif
