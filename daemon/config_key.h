/* `access.key`: the keys of tokens as the configuration names them. */
#ifndef DAEMON_CONFIG_KEY_H
#define DAEMON_CONFIG_KEY_H

#include "base/buf.h"
#include "base/err.h"
#include "daemon/config.h"

/* Appends the key that TEXT, "KID FILE [ALG …]", names. ERR_INVALID: not of this form, or there is
 * one of this KID; ERR_LIMIT: the list is full; ERR_NOMEM. */
MUST_CHECK enum err config_key_add(struct config_key_list *list, const char *text);
/* What config_key_add allows, to follow "must be ". */
void config_key_put_allowed(struct buf *out);
/* Appends it as config_key_add reads it. */
void config_key_put(struct buf *out, const struct config_key *k);
void config_key_clear(struct config_key_list *list);

#endif
