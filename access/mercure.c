#include "access/mercure.h"

#include <stdbool.h>
#include <string.h>

#include "broker/topic_name.h"

/* Whether the N bytes of a level are a variable; REST: one that takes the rest. */
static bool is_variable(const char *level, size_t n, bool rest)
{
    size_t head = rest ? 2 : 1;
    if (n < head + 2 || level[0] != '{' || level[n - 1] != '}' || (rest && level[1] != '+'))
        return false;
    for (size_t i = head; i + 1 < n; i++) {
        char c = level[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '_' && c != '.')
            return false;
    }
    return true;
}

/* Wildcards of ours mean nothing there. */
static bool is_literal(const char *level, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strchr("+#{}", level[i]))
            return false;
    return true;
}

static enum err put_level(struct buf *out, const char *level, size_t n, bool last)
{
    if (is_variable(level, n, false))
        buf_putc(out, '+');
    else if (last && is_variable(level, n, true))
        buf_putc(out, '#');
    else if (is_literal(level, n))
        buf_append(out, level, n);
    else
        return ERR_INVALID;
    return ERR_OK;
}

enum err mercure_pattern(struct buf *out, const char *topic, size_t n)
{
    size_t from = out->len;
    const char *end = topic + n;
    if (n == 1 && *topic == '*') {
        buf_putc(out, '#');
        return out->failed ? ERR_NOMEM : ERR_OK;
    }
    for (const char *p = topic, *slash; p; p = slash ? slash + 1 : NULL) {
        slash = memchr(p, '/', (size_t)(end - p));
        if (put_level(out, p, (size_t)((slash ? slash : end) - p), !slash) != ERR_OK)
            return ERR_INVALID;
        if (slash)
            buf_putc(out, '/');
    }
    if (out->failed)
        return ERR_NOMEM;
    bool valid = out->len > from && topic_pattern_valid(out->data + from, out->len - from);
    return valid ? ERR_OK : ERR_INVALID;
}
