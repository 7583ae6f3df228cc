#include "access/key_text.h"

#include <stdbool.h>
#include <string.h>

#include "access/jwk.h"
#include "base/utf8.h"

/* Editors and `echo` put one there. */
static size_t without_line_end(const char *text, size_t n)
{
    if (n > 0 && text[n - 1] == '\n')
        n--;
    return n > 0 && text[n - 1] == '\r' ? n - 1 : n;
}

/* Random bytes may begin with '{', but are no text. */
static bool is_json(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && strchr(" \t\r\n", text[i]) && text[i])
        i++;
    return i < n && text[i] == '{' && utf8_valid(text, n);
}

static bool is_pem(const char *text, size_t n)
{
    return memmem(text, n, "-----BEGIN", 10) != NULL;
}

/* The form that SSH keeps public keys in. */
static bool is_ssh(const char *text, size_t n)
{
    return n > 8 && (memcmp(text, "ssh-", 4) == 0 || memcmp(text, "ecdsa-", 6) == 0);
}

static enum err judge(enum err e, struct buf *why)
{
    if (e == ERR_LIMIT)
        buf_printf(why, "holds an RSA key that is too short or too long: must have %d to %d bits",
                   KEY_RSA_BITS_MIN, KEY_RSA_BITS_MAX);
    else if (e == ERR_INVALID)
        buf_puts(why, "holds a key of another kind: must be RSA, P-256 or P-384");
    else if (e == ERR_FORMAT)
        buf_puts(why, "holds no key that can be read: must be a public one (PEM)");
    else
        return e;
    return ERR_INVALID;
}

static enum err from_secret(const char *kid, const char *text, size_t n, struct key **ret,
                            struct buf *why)
{
    enum err e = key_create_secret(kid, text, without_line_end(text, n), ret);
    if (e != ERR_LIMIT)
        return e;
    buf_printf(why, "must hold a secret of %d to %d bytes, or a public key (PEM or JWK)",
               KEY_SECRET_MIN, KEY_SECRET_MAX);
    return ERR_INVALID;
}

enum err key_from_text(const char *kid, const char *text, size_t n, struct key **ret,
                       struct buf *why)
{
    if (is_json(text, n))
        return jwk_parse(kid, text, n, ret, why);
    if (is_pem(text, n) || is_ssh(text, n))
        return judge(key_create_pem(kid, text, n, ret), why);
    enum err e = n > 0 && text[0] == 0x30 ? key_create_pem(kid, text, n, ret) : ERR_FORMAT;
    return e == ERR_FORMAT ? from_secret(kid, text, n, ret, why) : judge(e, why);
}
