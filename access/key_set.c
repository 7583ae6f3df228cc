#include "access/key_set.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct key_set {
    _Atomic uint32_t refs;
    struct key **keys;
    size_t count;
};

struct key_set *key_set_create(void)
{
    struct key_set *s = calloc(1, sizeof(*s));
    if (s)
        s->refs = 1;
    return s;
}

struct key_set *key_set_ref(struct key_set *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void key_set_unref(struct key_set *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < s->count; i++)
        key_destroy(s->keys[i]);
    free(s->keys);
    free(s);
}

enum err key_set_add(struct key_set *s, struct key *k)
{
    struct key **grown =
        s->count < KEY_SET_MAX ? reallocarray(s->keys, s->count + 1, sizeof(*grown)) : NULL;
    if (!grown) {
        key_destroy(k);
        return s->count < KEY_SET_MAX ? ERR_NOMEM : ERR_LIMIT;
    }
    s->keys = grown;
    s->keys[s->count++] = k;
    return ERR_OK;
}

size_t key_set_count(const struct key_set *s)
{
    return s->count;
}

const struct key *key_set_at(const struct key_set *s, size_t i)
{
    return s->keys[i];
}

bool key_set_has(const struct key_set *s, const char *kid)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(key_kid(s->keys[i]), kid) == 0)
            return true;
    return false;
}

const struct key *key_set_find(const struct key_set *s, const char *kid, enum algorithm a,
                               enum token_fault *ret_why)
{
    const struct key *found = NULL;
    size_t named = 0, able = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct key *k = s->keys[i];
        if (kid && strcmp(key_kid(k), kid) != 0)
            continue;
        named++;
        if (!key_bears(k, a))
            continue;
        able++;
        found = k;
    }
    if (able == 1)
        return found;
    *ret_why = named > 0 && able == 0 ? TOKEN_ALGORITHM : TOKEN_UNKNOWN_KEY;
    return NULL;
}
