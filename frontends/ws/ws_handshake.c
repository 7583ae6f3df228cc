#include "frontends/ws/ws_handshake.h"

#include <string.h>

#include "base/buf.h"
#include "frontends/crypto.h"

enum { KEY_LEN = 24, KEY_BYTES = 16 };

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* section 1.3 */

static enum err check_key(const char *key, size_t n)
{
    struct buf bytes = {0};
    if (n != KEY_LEN)
        return ERR_INVALID;
    enum err e = crypto_base64_decode(&bytes, key, n);
    if (e == ERR_OK && bytes.len != KEY_BYTES)
        e = ERR_INVALID;
    buf_finish(&bytes);
    return e;
}

enum err ws_handshake_accept(const char *key, size_t n, char *out)
{
    char text[KEY_LEN + sizeof(guid) - 1];
    unsigned char digest[CRYPTO_SHA1_SIZE];
    enum err e = check_key(key, n);
    if (e != ERR_OK)
        return e;
    memcpy(text, key, KEY_LEN);
    memcpy(text + KEY_LEN, guid, sizeof(guid) - 1);
    e = crypto_sha1(text, sizeof(text), digest);
    if (e != ERR_OK)
        return e;
    struct buf accept = {0};
    crypto_base64_append(&accept, digest, sizeof(digest));
    buf_putc(&accept, '\0');
    if (accept.failed)
        e = ERR_NOMEM;
    else
        memcpy(out, accept.data, WS_HANDSHAKE_ACCEPT_SIZE);
    buf_finish(&accept);
    return e;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_ours(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    while (p < end && is_blank(end[-1]))
        end--;
    size_t n = (size_t)(end - p);
    return n == strlen(WS_HANDSHAKE_PROTOCOL) && memcmp(p, WS_HANDSHAKE_PROTOCOL, n) == 0;
}

bool ws_handshake_offers_protocol(const char *list, size_t n)
{
    const char *p = list, *end = list + n;
    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        if (is_ours(p, stop))
            return true;
        p = stop + 1;
    }
    return false;
}
