#include "net/tls/tls_tickets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <mbedtls/ssl.h>

#include "base/aead.h"
#include "base/crypto.h"
#include "base/now.h"
#include "net/tls/tls_export.h"

enum {
    SECRET_SIZE = 32,
    SECRETS = 2, /* that seals, and its former */
    ID_SIZE = 4,
    PERIOD_SIZE = 4,
    NONCE_AT = ID_SIZE + PERIOD_SIZE,
    HEAD_SIZE = NONCE_AT + AEAD_NONCE_SIZE,
};

struct ticket_secret {
    uint8_t secret[SECRET_SIZE];
    uint8_t id[ID_SIZE];
};

struct tls_tickets {
    unsigned count;
    struct ticket_secret secrets[SECRETS];
    uint8_t scope[TLS_TICKET_SCOPE_SIZE];
};

/* --- secrets --- */

static bool random_bytes(void *out, size_t n)
{
    return getrandom(out, n, 0) == (ssize_t)n; /* up to 256 bytes are never cut */
}

static enum err set_secret(struct ticket_secret *s, const void *text, size_t n)
{
    if (!text && !random_bytes(s->secret, SECRET_SIZE))
        return ERR_IO;
    enum err e = text ? crypto_sha256(text, n, s->secret) : ERR_OK;
    return e == ERR_OK ? aead_expand_label(s->secret, SECRET_SIZE, "longwire id", s->id, ID_SIZE)
                       : e;
}

/* The former secret still opens, unless it is the same. */
static void add_former(struct tls_tickets *t, const struct ticket_secret *former)
{
    if (memcmp(former->secret, t->secrets[0].secret, SECRET_SIZE) != 0)
        t->secrets[t->count++] = *former;
}

enum err tls_tickets_create(const void *secret, size_t n,
                            const uint8_t scope[TLS_TICKET_SCOPE_SIZE],
                            const struct tls_tickets *former, struct tls_tickets **ret)
{
    struct tls_tickets *t = calloc(1, sizeof(*t));
    if (!t)
        return ERR_NOMEM;
    memcpy(t->scope, scope, TLS_TICKET_SCOPE_SIZE);
    enum err e = ERR_OK;
    if (!secret && former)
        t->secrets[0] = former->secrets[0];
    else
        e = set_secret(&t->secrets[0], secret, n);
    t->count = 1;
    if (former)
        add_former(t, &former->secrets[0]);
    if (e != ERR_OK)
        tls_tickets_destroy(t);
    else
        *ret = t;
    return e;
}

void tls_tickets_destroy(struct tls_tickets *t)
{
    if (!t)
        return;
    explicit_bzero(t, sizeof(*t));
    free(t);
}

/* --- sealing and opening --- */

static uint32_t period_at(uint64_t unix_s)
{
    return (uint32_t)(unix_s / TLS_TICKET_PERIOD_S);
}

static void put_u32(uint8_t *out, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(n >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* What a ticket is bound to: its id and period, whom clients are judged by, and the name. */
static size_t put_bound(const struct tls_tickets *t, const char *name, const uint8_t *ticket,
                        uint8_t *out)
{
    size_t n = strlen(name);
    memcpy(out, ticket, NONCE_AT);
    memcpy(out + NONCE_AT, t->scope, TLS_TICKET_SCOPE_SIZE);
    memcpy(out + NONCE_AT + TLS_TICKET_SCOPE_SIZE, name, n);
    return NONCE_AT + TLS_TICKET_SCOPE_SIZE + n;
}

static enum err derive(const struct ticket_secret *s, uint32_t period, uint8_t *key)
{
    char label[32];
    snprintf(label, sizeof(label), "longwire ticket %u", period);
    return aead_expand_label(s->secret, SECRET_SIZE, label, key, AEAD_KEY_MAX);
}

static enum err crypt_ticket(const struct tls_tickets *t, const struct ticket_secret *s,
                             const char *name, uint8_t *ticket, size_t n, bool seals)
{
    uint8_t key[AEAD_KEY_MAX], bound[NONCE_AT + TLS_TICKET_SCOPE_SIZE + TLS_EXPORT_NAME_MAX];
    struct aead a = {AEAD_AES_256_GCM, key, ticket + NONCE_AT, bound, 0};
    uint8_t *text = ticket + HEAD_SIZE;
    a.ad_len = put_bound(t, name, ticket, bound);
    enum err e = derive(s, get_u32(ticket + ID_SIZE), key);
    if (e == ERR_OK)
        e = seals ? aead_seal(&a, text, n, text) : aead_open(&a, text, n, text);
    explicit_bzero(key, sizeof(key));
    return e;
}

size_t tls_ticket_head(void)
{
    return HEAD_SIZE;
}

enum err tls_ticket_seal(const struct tls_tickets *t, const char *name, uint64_t unix_s,
                         uint8_t *out, size_t n, size_t size, size_t *ret_n)
{
    if (size < HEAD_SIZE + AEAD_TAG_SIZE || n > size - HEAD_SIZE - AEAD_TAG_SIZE ||
        strlen(name) > TLS_EXPORT_NAME_MAX)
        return ERR_TOO_LARGE;
    memcpy(out, t->secrets[0].id, ID_SIZE);
    put_u32(out + ID_SIZE, period_at(unix_s));
    if (!random_bytes(out + NONCE_AT, AEAD_NONCE_SIZE))
        return ERR_NOMEM;
    *ret_n = HEAD_SIZE + n + AEAD_TAG_SIZE;
    return crypt_ticket(t, &t->secrets[0], name, out, n, true);
}

/* Its period, or the one before; a clock may also be a little behind that of another hub. */
static bool is_young(uint32_t period, uint64_t unix_s)
{
    uint32_t now = period_at(unix_s);
    return period + 1 >= now && period <= now + 1;
}

static const struct ticket_secret *find_secret(const struct tls_tickets *t, const uint8_t *id)
{
    for (unsigned i = 0; i < t->count; i++)
        if (memcmp(t->secrets[i].id, id, ID_SIZE) == 0)
            return &t->secrets[i];
    return NULL;
}

enum err tls_ticket_open(const struct tls_tickets *t, const char *name, uint64_t unix_s,
                         uint8_t *ticket, size_t n, uint8_t **ret, size_t *ret_n)
{
    if (n < HEAD_SIZE + AEAD_TAG_SIZE || strlen(name) > TLS_EXPORT_NAME_MAX ||
        !is_young(get_u32(ticket + ID_SIZE), unix_s))
        return ERR_INVALID;
    const struct ticket_secret *s = find_secret(t, ticket);
    enum err e = s ? crypt_ticket(t, s, name, ticket, n - HEAD_SIZE, false) : ERR_INVALID;
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_INVALID;
    *ret = ticket + HEAD_SIZE;
    *ret_n = n - HEAD_SIZE - AEAD_TAG_SIZE;
    return ERR_OK;
}

/* --- what mbedTLS calls --- */

static int write_ticket(void *ctx, const mbedtls_ssl_session *session, unsigned char *start,
                        const unsigned char *end, size_t *len, uint32_t *lifetime)
{
    size_t size = (size_t)(end - start), n;
    if (size < HEAD_SIZE + AEAD_TAG_SIZE)
        return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;
    int r =
        mbedtls_ssl_session_save(session, start + HEAD_SIZE, size - HEAD_SIZE - AEAD_TAG_SIZE, &n);
    if (r != 0)
        return r;
    *lifetime = TLS_TICKET_PERIOD_S;
    enum err e =
        tls_ticket_seal(ctx, tls_export_current()->name, now_unix_ms() / 1000, start, n, size, len);
    return e == ERR_OK ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int parse_ticket(void *ctx, mbedtls_ssl_session *session, unsigned char *ticket, size_t n)
{
    uint8_t *text;
    size_t text_len;
    struct tls_export *now = tls_export_current();
    if (tls_ticket_open(ctx, now->name, now_unix_ms() / 1000, ticket, n, &text, &text_len) !=
        ERR_OK)
        return MBEDTLS_ERR_SSL_INVALID_MAC;
    int r = mbedtls_ssl_session_load(session, text, text_len);
    explicit_bzero(text, text_len);
    now->resumed = r == 0;
    return r;
}

void tls_tickets_configure(const struct tls_tickets *t, struct mbedtls_ssl_config *conf)
{
    void *ctx = (void *)(uintptr_t)t; /* which they only read */
    mbedtls_ssl_conf_session_tickets_cb(conf, write_ticket, parse_ticket, ctx);
}
