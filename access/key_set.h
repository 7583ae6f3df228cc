/*
 * The keys of a hub: made at the start and at each reload, immutable from then on, counted. Any
 * thread.
 */
#ifndef ACCESS_KEY_SET_H
#define ACCESS_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "access/key.h"
#include "access/token_fault.h"
#include "base/buf.h"
#include "base/err.h"

enum { KEY_SET_MAX = 256 /* keys */ };

struct key_set;

/* Empty, one reference; NULL when out of memory. */
struct key_set *key_set_create(void);
struct key_set *key_set_ref(struct key_set *s);
/* NULL is accepted. */
void key_set_unref(struct key_set *s);

/* Takes K, also on failure. ERR_LIMIT: it has KEY_SET_MAX already; ERR_NOMEM. Only while nobody
 * else has S. */
MUST_CHECK enum err key_set_add(struct key_set *s, struct key *k);
size_t key_set_count(const struct key_set *s);
const struct key *key_set_at(const struct key_set *s, size_t i);
/* Whether there is one of that id. */
bool key_set_has(const struct key_set *s, const char *kid);
/* The one key of id KID (NULL: of any) that may bear A. NULL: there is none, or more than one;
 * *RET_WHY says so. Valid while S is. */
const struct key *key_set_find(const struct key_set *s, const char *kid, enum algorithm a,
                               enum token_fault *ret_why);

#endif
