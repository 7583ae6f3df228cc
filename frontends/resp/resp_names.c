#include "frontends/resp/resp_names.h"

#include <stdlib.h>
#include <string.h>

void resp_names_finish(struct resp_names *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i]);
    free(s->items);
    *s = (struct resp_names){0};
}

static int compare(const char *item, const char *name, size_t n)
{
    size_t len = strlen(item);
    int order = memcmp(item, name, len < n ? len : n);
    return order ? order : (len > n) - (len < n);
}

/* Where the name stands, or should stand. */
static size_t place_of(const struct resp_names *s, const char *name, size_t n)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(s->items[mid], name, n) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_at(const struct resp_names *s, size_t at, const char *name, size_t n)
{
    return at < s->count && compare(s->items[at], name, n) == 0;
}

bool resp_names_has(const struct resp_names *s, const char *name, size_t n)
{
    return is_at(s, place_of(s, name, n), name, n);
}

static enum err grow(struct resp_names *s)
{
    size_t cap = s->cap ? s->cap * 2 : 4;
    char **items = realloc(s->items, cap * sizeof(*items));
    if (!items)
        return ERR_NOMEM;
    s->items = items;
    s->cap = cap;
    return ERR_OK;
}

const char *resp_names_other(const struct resp_names *s, const char *name, size_t n)
{
    size_t at = place_of(s, name, n);
    return is_at(s, at, name, n) ? s->items[at] + n + 1 : NULL;
}

static char *make_item(const char *name, size_t n, const char *other)
{
    size_t other_size = strlen(other) + 1;
    char *item = malloc(n + 1 + other_size);
    if (!item)
        return NULL;
    memcpy(item, name, n);
    item[n] = '\0';
    memcpy(item + n + 1, other, other_size);
    return item;
}

enum err resp_names_add(struct resp_names *s, const char *name, size_t n)
{
    return resp_names_add_with(s, name, n, "");
}

enum err resp_names_add_with(struct resp_names *s, const char *name, size_t n, const char *other)
{
    size_t at = place_of(s, name, n);
    if (is_at(s, at, name, n))
        return ERR_OK;
    if (s->count == s->cap && grow(s) != ERR_OK)
        return ERR_NOMEM;
    char *item = make_item(name, n, other);
    if (!item)
        return ERR_NOMEM;
    memmove(s->items + at + 1, s->items + at, (s->count - at) * sizeof(*s->items));
    s->items[at] = item;
    s->count++;
    return ERR_OK;
}

void resp_names_remove(struct resp_names *s, const char *name, size_t n)
{
    size_t at = place_of(s, name, n);
    if (!is_at(s, at, name, n))
        return;
    free(s->items[at]);
    s->count--;
    memmove(s->items + at, s->items + at + 1, (s->count - at) * sizeof(*s->items));
}
