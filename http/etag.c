#include "http/etag.h"

#include <string.h>

#include "http/http_fields.h"

/* Behind a tag and what separates it from the next. NULL: VALUE has no tag there. */
static const char *behind_tag(const char *at, const char *end)
{
    const char *quote = at < end && *at == '"' ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
    return quote ? quote + 1 : NULL;
}

static const char *skip_separators(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == ','))
        at++;
    return at;
}

bool etag_is_among(const char *tag, const char *value, size_t n)
{
    const char *at = value, *end = value + n, *behind;
    if (n == 1 && *value == '*')
        return true;
    for (at = skip_separators(at, end); at < end; at = skip_separators(behind, end)) {
        if (end - at > 2 && at[0] == 'W' && at[1] == '/')
            at += 2;
        behind = behind_tag(at, end);
        if (!behind)
            return false;
        if ((size_t)(behind - at) == strlen(tag) && memcmp(at, tag, strlen(tag)) == 0)
            return true;
    }
    return false;
}

bool etag_is_known(const char *tag, const struct http_fields *f)
{
    size_t n;
    const char *value = http_fields_get(f, HTTP_FIELD_IF_NONE_MATCH, &n);
    for (; value; value = http_fields_next(f, HTTP_FIELD_IF_NONE_MATCH, value, &n))
        if (etag_is_among(tag, value, n))
            return true;
    return false;
}
