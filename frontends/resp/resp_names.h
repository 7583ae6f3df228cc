/* The topics, or the patterns, that a connection is subscribed to: a sorted set of names. Each may
 * have another name behind it. */
#ifndef FRONTENDS_RESP_RESP_NAMES_H
#define FRONTENDS_RESP_RESP_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* All zero is an empty set. */
struct resp_names {
    char **items; /* ascending; NUL-terminated, and so is the other name behind that */
    size_t count, cap;
};

void resp_names_finish(struct resp_names *s);
/* NAME (N bytes) is a valid topic or pattern, so it holds no NUL. */
bool resp_names_has(const struct resp_names *s, const char *name, size_t n);
/* Adds a name; one that is there already is fine. ERR_NOMEM. */
MUST_CHECK enum err resp_names_add(struct resp_names *s, const char *name, size_t n);
/* Adds a name with OTHER (NUL-terminated) behind it; one that is there already keeps its own.
 * ERR_NOMEM. */
MUST_CHECK enum err resp_names_add_with(struct resp_names *s, const char *name, size_t n,
                                        const char *other);
/* The other name behind NAME, "" for none; NULL when NAME is not there. */
const char *resp_names_other(const struct resp_names *s, const char *name, size_t n);
/* Takes a name out, if it is there. */
void resp_names_remove(struct resp_names *s, const char *name, size_t n);

#endif
