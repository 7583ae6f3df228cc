#include "tests/unit/tls_peer.h"

#include <string.h>

#include "base/aead.h"
#include "tests/require.h"

enum { HEADER = 5, TAG = 16, MOST = 1 << 16 };

static void fill(uint8_t *out, size_t n, unsigned from)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(from + 7 * i);
}

static void fill_direction(struct tls_direction *d, const struct tls_keys *k, unsigned from)
{
    fill(d->secret, sizeof(d->secret), from);
    fill(d->key, sizeof(d->key), from + 1);
    fill(d->iv, sizeof(d->iv), from + 2);
    if (k->version == TLS_1_3)
        REQUIRE(tls_direction_derive(d, k->suite, k->secret_len) == ERR_OK);
}

struct tls_keys tls_peer_keys(enum tls_version v, enum tls_suite s)
{
    struct tls_keys k = {.version = (uint16_t)v, .suite = (uint8_t)s};
    if (v == TLS_1_3)
        k.secret_len = s == TLS_AES_256_GCM ? 48 : 32;
    fill_direction(&k.in, &k, 10);
    fill_direction(&k.out, &k, 100);
    return k;
}

void tls_peer_init(struct tls_peer *p, const struct tls_keys *keys)
{
    *p = (struct tls_peer){.keys = *keys, .alert = TLS_ALERT_NONE};
    p->keys.in = keys->out;
    p->keys.out = keys->in;
}

void tls_peer_finish(struct tls_peer *p)
{
    buf_finish(&p->said);
    buf_finish(&p->heard);
    buf_finish(&p->rest);
}

/* --- one record --- */

static bool is_13(const struct tls_peer *p)
{
    return p->keys.version == TLS_1_3;
}

static size_t explicit_len(const struct tls_peer *p)
{
    return is_13(p) || p->keys.suite == TLS_CHACHA20_POLY1305 ? 0 : 8;
}

static void put(uint8_t *out, uint64_t v, unsigned bytes)
{
    while (bytes--) {
        out[bytes] = (uint8_t)v;
        v >>= 8;
    }
}

/* What seals or opens the text of N bytes in RECORD. */
static struct aead aead_of(const struct tls_peer *p, const struct tls_direction *d,
                           const uint8_t *record, size_t n, uint8_t nonce[12], uint8_t ad[13])
{
    static const enum aead_algorithm algorithms[] = {AEAD_AES_128_GCM, AEAD_AES_256_GCM,
                                                     AEAD_CHACHA20_POLY1305};
    uint8_t seq[12] = {0};
    put(seq + 4, d->seq, 8);
    for (int i = 0; i < 12; i++)
        nonce[i] = d->iv[i] ^ seq[i];
    if (explicit_len(p)) {
        memcpy(nonce, d->iv, 4);
        memcpy(nonce + 4, record + HEADER, 8);
    }
    memcpy(ad, record, HEADER);
    if (!is_13(p)) {
        memcpy(ad, seq + 4, 8);
        memcpy(ad + 8, record, 3);
        put(ad + 11, n, 2);
    }
    return (struct aead){algorithms[p->keys.suite], d->key, nonce, ad, is_13(p) ? 5 : 13};
}

void tls_peer_say(struct tls_peer *p, unsigned type, const void *data, size_t n, size_t padding)
{
    size_t len = n + (is_13(p) ? 1 + padding : 0);
    uint8_t nonce[12], ad[13], *record = (uint8_t *)buf_reserve(&p->said, len + 64);
    uint8_t *text = record + HEADER + explicit_len(p);
    REQUIRE(len <= MOST);
    memset(record, 0, len + 64);
    if (n)
        memcpy(text, data, n);
    text[n] = (uint8_t)type;
    put(record, is_13(p) ? TLS_TYPE_DATA : type, 1);
    put(record + 1, TLS_1_2, 2);
    put(record + 3, explicit_len(p) + len + TAG, 2);
    if (explicit_len(p)) /* a counter of its own, which is no sequence number */
        put(record + HEADER, p->keys.out.seq * 3 + 5, 8);
    struct aead a = aead_of(p, &p->keys.out, record, len, nonce, ad);
    REQUIRE(aead_seal(&a, text, len, text) == ERR_OK);
    p->keys.out.seq++;
    p->said.len += HEADER + explicit_len(p) + len + TAG;
}

void tls_peer_say_data(struct tls_peer *p, const void *data, size_t n)
{
    tls_peer_say(p, TLS_TYPE_DATA, data, n, 0);
}

void tls_peer_say_alert(struct tls_peer *p, unsigned level, enum tls_alert a)
{
    uint8_t alert[2] = {(uint8_t)level, (uint8_t)a};
    tls_peer_say(p, TLS_TYPE_ALERT, alert, sizeof(alert), 0);
}

static void update(const struct tls_peer *p, struct tls_direction *d)
{
    uint8_t next[48];
    REQUIRE(is_13(p));
    REQUIRE(aead_expand_label(d->secret, p->keys.secret_len, "traffic upd", next,
                              p->keys.secret_len) == ERR_OK);
    memcpy(d->secret, next, p->keys.secret_len);
    REQUIRE(tls_direction_derive(d, p->keys.suite, p->keys.secret_len) == ERR_OK);
}

void tls_peer_update(struct tls_peer *p)
{
    update(p, &p->keys.out);
}

void tls_peer_say_update(struct tls_peer *p, bool wants_one)
{
    uint8_t message[5] = {24, 0, 0, 1, wants_one};
    tls_peer_say(p, TLS_TYPE_HANDSHAKE, message, sizeof(message), 0);
    tls_peer_update(p);
}

/* --- what the hub says --- */

static void take_alert(struct tls_peer *p, const uint8_t *text, size_t n)
{
    REQUIRE(n == 2);
    p->level = text[0];
    p->alert = text[1];
    p->alerts++;
}

static void take_update(struct tls_peer *p, const uint8_t *text, size_t n)
{
    static const uint8_t message[5] = {24, 0, 0, 1, 0};
    REQUIRE(n == sizeof(message));
    REQUIRE(memcmp(text, message, n) == 0);
    update(p, &p->keys.in);
    p->updates++;
}

static void take(struct tls_peer *p, unsigned type, const uint8_t *text, size_t n)
{
    p->records++;
    if (type == TLS_TYPE_ALERT) {
        take_alert(p, text, n);
    } else if (type == TLS_TYPE_HANDSHAKE) {
        take_update(p, text, n);
    } else {
        REQUIRE(type == TLS_TYPE_DATA);
        REQUIRE(n > 0 && n <= 16384);
        buf_append(&p->heard, text, n);
    }
}

static void open_record(struct tls_peer *p, uint8_t *record, size_t n)
{
    uint8_t nonce[12], ad[13], *text = record + HEADER + explicit_len(p);
    size_t len = n - HEADER - explicit_len(p) - TAG;
    unsigned type = record[0];
    REQUIRE((record[1] << 8 | record[2]) == TLS_1_2);
    REQUIRE(n >= HEADER + explicit_len(p) + TAG);
    struct aead a = aead_of(p, &p->keys.in, record, len, nonce, ad);
    REQUIRE(aead_open(&a, text, n - HEADER - explicit_len(p), text) == ERR_OK);
    p->keys.in.seq++;
    if (is_13(p)) {
        REQUIRE(type == TLS_TYPE_DATA);
        type = text[--len]; /* the hub pads nothing */
    }
    take(p, type, text, len);
}

void tls_peer_hear(struct tls_peer *p, const void *data, size_t n)
{
    buf_append(&p->rest, data, n);
    for (;;) {
        uint8_t *record = (uint8_t *)p->rest.data;
        size_t len = p->rest.len < HEADER ? 0 : HEADER + (size_t)(record[3] << 8 | record[4]);
        if (!len || p->rest.len < len)
            return;
        open_record(p, record, len);
        buf_consume(&p->rest, len);
    }
}
