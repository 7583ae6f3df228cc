/*
 * The names of event streams: what `longwire.session` tells, and POST /session/{id} takes.
 *
 * Whoever knows the id of a stream may change its topics, so nobody can guess it, and it costs the
 * stream nothing: it is the connection's number and 64 zero bits, encrypted as one block of AES-128
 * with a key that this process has drawn and never shows. So an id says nothing about others, not
 * even how many there are; one that was made up becomes zero bits with a probability of 2^-64, and
 * then still has to hit a stream. Ids end with their connection, and with the process.
 */
#ifndef FRONTENDS_SSE_SESSION_ID_H
#define FRONTENDS_SSE_SESSION_ID_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SESSION_ID_SIZE = 33 }; /* 32 digits, lower case, and a NUL */

/* Draws the key: once, before there are other threads. ERR_IO: the kernel gives no random bytes. */
MUST_CHECK enum err session_id_init(void);
/* Writes the id of NUMBER (conn_number) into OUT (SESSION_ID_SIZE). ERR_NOMEM. */
MUST_CHECK enum err session_id_format(uint64_t number, char *out);
/* The number that TEXT is the id of; ERR_NOT_FOUND: this process has given no such id. ERR_NOMEM.
 */
MUST_CHECK enum err session_id_parse(const char *text, size_t n, uint64_t *ret);

#endif
