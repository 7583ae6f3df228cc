/*
 * Patterns of Redis, which are globs, as patterns of the hub.
 *
 * A pattern with `*`, `?` or `[` and neither `+` nor `#` is taken for a glob. It is translated
 * where both match exactly the same topics: `*` is `#`, `news/` and `*` is `news/+/#` (`news`
 * itself does not match), and one whose wildcards are all behind a backslash is the topic without
 * the backslashes. Any other glob would match parts of levels, which the hub's patterns cannot.
 */
#ifndef FRONTENDS_RESP_RESP_GLOB_H
#define FRONTENDS_RESP_RESP_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "broker/topic_name.h"

/* Bytes of the longest translation of a pattern that is no longer than a topic. */
enum { RESP_GLOB_MAX = TOPIC_NAME_MAX + 2 };

bool resp_glob_is(const char *pattern, size_t n);
/* Translates a glob of at most TOPIC_NAME_MAX bytes; what comes out may be no valid pattern.
 * ERR_INVALID: the hub has no pattern that matches the same. */
MUST_CHECK enum err resp_glob_translate(const char *glob, size_t n, char ret[RESP_GLOB_MAX],
                                        size_t *ret_len);

#endif
