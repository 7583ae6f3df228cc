/*
 * A key as a file holds it, whatever its form. Pure.
 *
 * What is public in any of its forms is never taken for a secret, which anybody could sign with: a
 * text that begins as a JWK does has to be one, and so has one that holds the beginning of PEM.
 */
#ifndef ACCESS_KEY_TEXT_H
#define ACCESS_KEY_TEXT_H

#include <stddef.h>

#include "access/key.h"
#include "base/buf.h"
#include "base/err.h"

/* Makes a key of the N bytes TEXT, behind which there is a NUL: a public key (PEM or DER), a
 * private one, of which the public part is taken, a JWK, or else a secret of KEY_SECRET_MIN bytes
 * or more, without a line end that stands behind them. ERR_INVALID: it is none, and WHY says what
 * is allowed, to follow a file's name; ERR_NOMEM. */
MUST_CHECK enum err key_from_text(const char *kid, const char *text, size_t n, struct key **ret,
                                  struct buf *why);

#endif
