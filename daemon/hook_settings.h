/*
 * What the configuration says of hooks (hooks.url), for those who tell by it: for the workers'
 * settings, and for the roll (broker/roll.h). It is that of the start until the end, but for the
 * secret and where the server is, which are looked for anew whenever there are other settings.
 */
#ifndef DAEMON_HOOK_SETTINGS_H
#define DAEMON_HOOK_SETTINGS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "broker/presence_rules.h"
#include "daemon/config.h"
#include "delivery/settings.h"

/* Whether there are hooks. */
bool hook_settings_are_on(const struct config *c);
/* Writes to S who is told, if there is somebody, and with what. ERR_INVALID: the secret cannot be
 * had, and ERROR says why; ERR_NOMEM. */
MUST_CHECK enum err hook_settings_copy(const struct config *c, struct settings *s,
                                       struct buf *error);
/* The topics that are told of; all zero before. ERR_NOMEM. */
MUST_CHECK enum err hook_settings_topics(const struct config *c, struct presence_rules *ret);

#endif
