#include "frontends/ws/ws_handshake.h"

#include <string.h>

#include "base/crypto.h"
#include "http/http_lines.h"

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

static enum ws_handshake_result read_key(const struct http_fields *f, struct ws_handshake *ret)
{
    size_t n;
    const char *key = http_fields_get(f, HTTP_FIELD_SEC_WEBSOCKET_KEY, &n);
    enum err e = key ? ws_handshake_accept(key, n, ret->accept) : ERR_INVALID;
    if (e == ERR_OK)
        return WS_HANDSHAKE_OK;
    return e == ERR_INVALID ? WS_HANDSHAKE_KEY : WS_HANDSHAKE_NOMEM;
}

static bool read_protocols(const struct http_fields *f)
{
    static const enum http_field which = HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL;
    size_t n;
    const char *list = http_fields_get(f, which, &n);
    for (; list; list = http_fields_next(f, which, list, &n))
        if (ws_handshake_offers_protocol(list, n))
            return true;
    return false;
}

static enum ws_handshake_result read_extensions(const struct http_fields *f, int least_window,
                                                struct ws_extension *ret)
{
    static const enum http_field which = HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS;
    size_t n;
    const char *list = http_fields_get(f, which, &n);
    for (; list; list = http_fields_next(f, which, list, &n))
        if (ws_extension_read(list, n, least_window, ret) != ERR_OK)
            return WS_HANDSHAKE_EXTENSION;
    return WS_HANDSHAKE_OK;
}

enum ws_handshake_result ws_handshake_read(const struct http_fields *f, bool keyless, bool deflate,
                                           int least_window, struct ws_handshake *ret)
{
    const char *version = http_fields_get(f, HTTP_FIELD_SEC_WEBSOCKET_VERSION, NULL);
    memset(ret, 0, sizeof(*ret));
    if (!version || strcmp(version, "13") != 0)
        return WS_HANDSHAKE_VERSION;
    enum ws_handshake_result result = keyless ? WS_HANDSHAKE_OK : read_key(f, ret);
    if (result == WS_HANDSHAKE_OK)
        result = read_extensions(f, least_window, &ret->extension);
    ret->extension.deflate &= deflate;
    ret->protocol = read_protocols(f);
    return result;
}

static void put_extension(const struct ws_extension *x, struct buf *out)
{
    struct buf value = {0};
    ws_extension_answer(x, &value);
    buf_putc(&value, '\0');
    if (value.failed)
        out->failed = true; /* without it the client would not know what to read */
    else
        http_lines_put(out, "Sec-WebSocket-Extensions", value.data);
    buf_finish(&value);
}

void ws_handshake_answer(const struct ws_handshake *h, struct buf *out)
{
    if (h->accept[0])
        http_lines_put(out, "Sec-WebSocket-Accept", h->accept);
    if (h->protocol)
        http_lines_put(out, "Sec-WebSocket-Protocol", WS_HANDSHAKE_PROTOCOL);
    if (h->extension.deflate)
        put_extension(&h->extension, out);
}
