#include "net/tls/tls_hello.h"

#include <stdbool.h>
#include <string.h>

enum {
    RECORD_HEAD = 5,
    RECORD_MAX = 16384, /* plaintext of a record */
    TYPE_ALERT = 21,
    TYPE_HANDSHAKE = 22,
    MESSAGE_HEAD = 4,
    CLIENT_HELLO = 1,
    EXTENSION_SERVER_NAME = 0,
    NAME_HOST = 0,
};

void tls_hello_finish(struct tls_hello *h)
{
    buf_finish(&h->record);
}

static enum tls_hello_found wrong(struct tls_hello *h, enum tls_alert a)
{
    h->alert = a;
    return TLS_HELLO_WRONG;
}

static size_t number(const uint8_t *p, unsigned bytes)
{
    size_t n = 0;
    for (unsigned i = 0; i < bytes; i++)
        n = n << 8 | p[i];
    return n;
}

/* --- records --- */

static bool is_letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* An SSLv2 hello has a length with its highest bit set, and type 1 (RFC 5246 appendix E.2). */
static enum tls_hello_found judge_first(struct tls_hello *h)
{
    uint8_t first = h->head[0];
    if (first == TYPE_HANDSHAKE)
        return TLS_HELLO_MORE;
    if (h->record.len == 0 && is_letter(first))
        return TLS_HELLO_HTTP;
    if (h->record.len == 0 && first & 0x80)
        return wrong(h, TLS_ALERT_protocol_version);
    return wrong(h, TLS_ALERT_unexpected_message);
}

/* Records without anything in them are none of a handshake's (RFC 8446 section 5.1). */
static enum tls_hello_found judge_head(struct tls_hello *h)
{
    size_t n = number(h->head + 3, 2);
    if (h->head[1] != 3)
        return wrong(h, TLS_ALERT_protocol_version);
    if (n > RECORD_MAX)
        return wrong(h, TLS_ALERT_record_overflow);
    if (n == 0)
        return wrong(h, TLS_ALERT_unexpected_message);
    h->left = (uint16_t)n;
    if (h->record.len == 0)
        buf_append(&h->record, h->head, RECORD_HEAD);
    return h->record.failed ? TLS_HELLO_NOMEM : TLS_HELLO_MORE;
}

static enum tls_hello_found read_head(struct tls_hello *h, const char *data, size_t n, size_t *used)
{
    size_t want = RECORD_HEAD - h->head_len, m = n < want ? n : want;
    memcpy(h->head + h->head_len, data, m);
    h->head_len = (uint8_t)(h->head_len + m);
    *used += m;
    enum tls_hello_found first = judge_first(h);
    if (first != TLS_HELLO_MORE || h->head_len < RECORD_HEAD)
        return first;
    return judge_head(h);
}

/* --- the message --- */

/* Bytes of the message, its head included; 0: not known yet. */
static size_t message_size(const struct tls_hello *h)
{
    const uint8_t *message = (const uint8_t *)h->record.data + RECORD_HEAD;
    if (h->record.len < RECORD_HEAD + MESSAGE_HEAD)
        return 0;
    return MESSAGE_HEAD + number(message + 1, 3);
}

static void set_record_length(struct tls_hello *h)
{
    size_t n = h->record.len - RECORD_HEAD;
    h->record.data[3] = (char)(n >> 8);
    h->record.data[4] = (char)(n & 0xff);
}

static enum tls_hello_found judge_message(struct tls_hello *h)
{
    if (h->record.data[RECORD_HEAD] != CLIENT_HELLO)
        return wrong(h, TLS_ALERT_unexpected_message);
    size_t size = message_size(h), have = h->record.len - RECORD_HEAD;
    if (size > TLS_HELLO_MAX)
        return wrong(h, TLS_ALERT_illegal_parameter);
    if (size == 0 || have < size)
        return TLS_HELLO_MORE;
    if (have > size || h->left) /* nothing may be behind it in its record: it waits for an answer */
        return wrong(h, TLS_ALERT_unexpected_message);
    set_record_length(h);
    return TLS_HELLO_WHOLE;
}

static enum tls_hello_found read_fragment(struct tls_hello *h, const char *data, size_t n,
                                          size_t *used)
{
    size_t m = n < h->left ? n : h->left;
    size_t have = h->record.len - RECORD_HEAD;
    if (have + m > TLS_HELLO_MAX)
        return wrong(h, TLS_ALERT_illegal_parameter);
    buf_append(&h->record, data, m);
    if (h->record.failed)
        return TLS_HELLO_NOMEM;
    *used += m;
    h->left = (uint16_t)(h->left - m);
    if (h->left == 0)
        h->head_len = 0;
    return judge_message(h);
}

enum tls_hello_found tls_hello_feed(struct tls_hello *h, const char *data, size_t n, size_t *used)
{
    enum tls_hello_found found = TLS_HELLO_MORE;
    *used = 0;
    while (*used < n && found == TLS_HELLO_MORE) {
        if (h->left == 0)
            found = read_head(h, data + *used, n - *used, used);
        else
            found = read_fragment(h, data + *used, n - *used, used);
    }
    return found;
}

/* --- the name --- */

/* What is left to be read of the hello. */
struct rest {
    const uint8_t *p, *end;
};

/* Takes a field of N bytes. False: there are fewer. */
static bool take(struct rest *r, size_t n, struct rest *ret)
{
    if (n > (size_t)(r->end - r->p))
        return false;
    *ret = (struct rest){r->p, r->p + n};
    r->p += n;
    return true;
}

/* Takes a field that begins with its length, of BYTES bytes. */
static bool take_vector(struct rest *r, unsigned bytes, struct rest *ret)
{
    struct rest length;
    return take(r, bytes, &length) && take(r, number(length.p, bytes), ret);
}

/* The extensions, behind version, random, session id, suites and compression methods. */
static bool find_extensions(const struct tls_hello *h, struct rest *ret)
{
    const uint8_t *record = (const uint8_t *)h->record.data;
    struct rest r = {record + RECORD_HEAD + MESSAGE_HEAD, record + h->record.len}, skipped;
    return take(&r, 2 + 32, &skipped) && take_vector(&r, 1, &skipped) &&
           take_vector(&r, 2, &skipped) && take_vector(&r, 1, &skipped) && take_vector(&r, 2, ret);
}

static bool find_server_name(struct rest extensions, struct rest *ret)
{
    struct rest type, body;
    while (take(&extensions, 2, &type) && take_vector(&extensions, 2, &body)) {
        if (number(type.p, 2) != EXTENSION_SERVER_NAME)
            continue;
        struct rest list, kind;
        return take_vector(&body, 2, &list) && take(&list, 1, &kind) && *kind.p == NAME_HOST &&
               take_vector(&list, 2, ret);
    }
    return false;
}

static bool is_of_host(uint8_t c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

void tls_hello_name(const struct tls_hello *h, char name[TLS_NAME_MAX + 1])
{
    struct rest extensions, host;
    name[0] = '\0';
    if (!find_extensions(h, &extensions) || !find_server_name(extensions, &host))
        return;
    size_t n = (size_t)(host.end - host.p);
    for (size_t i = 0; i < n && n <= TLS_NAME_MAX; i++) {
        if (!is_of_host(host.p[i])) {
            name[0] = '\0';
            return;
        }
        name[i] = (char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] + 32 : host.p[i]);
        name[i + 1] = '\0';
    }
}

/* --- its answer --- */

void tls_hello_put_alert(enum tls_alert a, uint8_t out[TLS_HELLO_ALERT_SIZE])
{
    static const uint8_t head[] = {TYPE_ALERT, 3, 3, 0, TLS_ALERT_SIZE, TLS_LEVEL_FATAL};
    memcpy(out, head, sizeof(head));
    out[6] = (uint8_t)a;
}
