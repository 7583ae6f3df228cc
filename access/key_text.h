/* Keys as files hold them. Pure. */
#ifndef ACCESS_KEY_TEXT_H
#define ACCESS_KEY_TEXT_H

#include <stddef.h>

#include "access/key.h"
#include "base/buf.h"
#include "base/err.h"

/* Makes a key of the N bytes TEXT, which may hold a secret: KEY_SECRET_MIN bytes or more, without a
 * line end that stands behind them. ERR_INVALID: it is none, and WHY says what is allowed, to
 * follow a file's name; ERR_NOMEM. */
MUST_CHECK enum err key_from_text(const char *kid, const char *text, size_t n, struct key **ret,
                                  struct buf *why);

#endif
