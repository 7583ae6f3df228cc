#include "access/key_text.h"

/* Editors and `echo` put one there. */
static size_t without_line_end(const char *text, size_t n)
{
    if (n > 0 && text[n - 1] == '\n')
        n--;
    return n > 0 && text[n - 1] == '\r' ? n - 1 : n;
}

static enum err from_secret(const char *kid, const char *text, size_t n, struct key **ret,
                            struct buf *why)
{
    enum err e = key_create_secret(kid, text, without_line_end(text, n), ret);
    if (e != ERR_LIMIT)
        return e;
    buf_printf(why, "must hold a secret of %d to %d bytes", KEY_SECRET_MIN, KEY_SECRET_MAX);
    return ERR_INVALID;
}

enum err key_from_text(const char *kid, const char *text, size_t n, struct key **ret,
                       struct buf *why)
{
    return from_secret(kid, text, n, ret, why);
}
