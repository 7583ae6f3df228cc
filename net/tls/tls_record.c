#include "net/tls/tls_record.h"

#include <string.h>

#include "base/aead.h"

enum {
    EXPLICIT_NONCE = 8, /* 1.2 with AES-GCM (RFC 5288 section 3) */
    SALT = 4,
    AD_12 = 13,       /* sequence number, type, version, length */
    CLIENT_HELLO = 1, /* types of handshake messages */
    KEY_UPDATE = 24,
    MESSAGE_HEAD = 4, /* type, length */
    PADDING_LET = 16, /* bytes, a type included */
};

/* --- secrets --- */

static bool is_13(const struct tls_record *r)
{
    return r->secret_len > 0;
}

static bool is_gcm(const struct tls_record *r)
{
    return r->suite != TLS_CHACHA20_POLY1305;
}

static uint8_t *iv_of(struct tls_record *r, enum tls_way w)
{
    size_t way = TLS_IV_SIZE + tls_key_len(r->suite) + r->secret_len;
    return r->secrets + (w == TLS_OUT ? way : 0);
}

static uint8_t *key_of(struct tls_record *r, enum tls_way w)
{
    return iv_of(r, w) + TLS_IV_SIZE;
}

static uint8_t *secret_of(struct tls_record *r, enum tls_way w)
{
    return key_of(r, w) + tls_key_len(r->suite);
}

static void set_way(struct tls_record *r, enum tls_way w, const struct tls_direction *d)
{
    memcpy(iv_of(r, w), d->iv, TLS_IV_SIZE);
    memcpy(key_of(r, w), d->key, tls_key_len(r->suite));
    memcpy(secret_of(r, w), d->secret, r->secret_len);
    r->seq[w] = d->seq;
}

/* The next generation of keys of one way (RFC 8446 section 7.2). */
static enum err update_way(struct tls_record *r, enum tls_way w)
{
    struct tls_direction d = {0};
    enum err e =
        aead_expand_label(secret_of(r, w), r->secret_len, "traffic upd", d.secret, r->secret_len);
    if (e == ERR_OK)
        e = tls_direction_derive(&d, r->suite, r->secret_len);
    if (e == ERR_OK)
        set_way(r, w, &d);
    explicit_bzero(&d, sizeof(d));
    return e;
}

static size_t secret_len_of(const struct tls_keys *k)
{
    return k->version == TLS_1_3 ? k->secret_len : 0;
}

size_t tls_record_size(const struct tls_keys *k)
{
    return offsetof(struct tls_record, secrets) +
           2 * (TLS_IV_SIZE + tls_key_len(k->suite) + secret_len_of(k));
}

void tls_record_init(struct tls_record *r, const struct tls_keys *k)
{
    memset(r, 0, tls_record_size(k));
    r->suite = k->suite;
    r->secret_len = (uint8_t)secret_len_of(k);
    set_way(r, TLS_IN, &k->in);
    set_way(r, TLS_OUT, &k->out);
}

void tls_record_finish(struct tls_record *r)
{
    size_t n = (size_t)(iv_of(r, TLS_OUT) - iv_of(r, TLS_IN));
    explicit_bzero(r->secrets, 2 * n);
}

/* --- protection --- */

/* What is not in the text of one record and protects it. */
struct protection {
    struct aead aead;
    uint8_t nonce[AEAD_NONCE_SIZE];
    uint8_t ad[AD_12];
};

static uint8_t *put_seq(uint8_t *out, uint64_t seq)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        *out++ = (uint8_t)(seq >> shift);
    return out;
}

static size_t explicit_len(const struct tls_record *r)
{
    return is_13(r) || !is_gcm(r) ? 0 : EXPLICIT_NONCE;
}

/* RFC 8446 section 5.3, RFC 7905 section 2: the sequence number is mixed in. RFC 5288 section 3: a
 * part stands in the record. */
static void set_nonce(struct tls_record *r, enum tls_way w, const uint8_t *record, uint8_t *nonce)
{
    const uint8_t *iv = iv_of(r, w);
    if (explicit_len(r)) {
        memcpy(nonce, iv, SALT);
        memcpy(nonce + SALT, record + TLS_HEADER_SIZE, EXPLICIT_NONCE);
        return;
    }
    memset(nonce, 0, AEAD_NONCE_SIZE - sizeof(r->seq[w]));
    put_seq(nonce + AEAD_NONCE_SIZE - sizeof(r->seq[w]), r->seq[w]);
    for (int i = 0; i < AEAD_NONCE_SIZE; i++)
        nonce[i] ^= iv[i];
}

/* RFC 8446 section 5.2: the header as it is; RFC 5246 section 6.2.3.3: with the sequence number,
 * and the length of the text. */
static void set_ad(struct tls_record *r, enum tls_way w, const uint8_t *record, size_t n,
                   struct protection *p)
{
    if (is_13(r)) {
        memcpy(p->ad, record, TLS_HEADER_SIZE);
        return;
    }
    uint8_t *ad = put_seq(p->ad, r->seq[w]);
    memcpy(ad, record, 3); /* type, version */
    ad[3] = (uint8_t)(n >> 8);
    ad[4] = (uint8_t)n;
}

/* Of a record whose header, and whose part of the nonce, stand at RECORD, and whose text is N
 * bytes. */
static void protect(struct tls_record *r, enum tls_way w, const uint8_t *record, size_t n,
                    struct protection *p)
{
    static const enum aead_algorithm algorithms[TLS_SUITES] = {
        [TLS_AES_128_GCM] = AEAD_AES_128_GCM,
        [TLS_AES_256_GCM] = AEAD_AES_256_GCM,
        [TLS_CHACHA20_POLY1305] = AEAD_CHACHA20_POLY1305,
    };
    set_nonce(r, w, record, p->nonce);
    set_ad(r, w, record, n, p);
    p->aead = (struct aead){
        .algorithm = algorithms[r->suite],
        .key = key_of(r, w),
        .nonce = p->nonce,
        .ad = p->ad,
        .ad_len = is_13(r) ? TLS_HEADER_SIZE : AD_12,
    };
}

/* --- sealing --- */

static uint8_t *put_header(uint8_t *out, enum tls_type type, size_t n)
{
    *out++ = (uint8_t)type;
    *out++ = TLS_1_2 >> 8; /* 1.3 says so, too */
    *out++ = TLS_1_2 & 0xFF;
    *out++ = (uint8_t)(n >> 8);
    *out++ = (uint8_t)n;
    return out;
}

/* Our part of the nonce is the sequence number, as everybody's: it never comes again. */
static enum err seal(struct tls_record *r, enum tls_type type, const void *data, size_t n,
                     uint8_t *out, size_t *ret_len)
{
    struct protection p;
    size_t text_len = is_13(r) ? n + 1 : n, nonce_len = explicit_len(r);
    uint8_t *text =
        put_header(out, is_13(r) ? TLS_TYPE_DATA : type, nonce_len + text_len + AEAD_TAG_SIZE);
    if (nonce_len)
        text = put_seq(text, r->seq[TLS_OUT]);
    memcpy(text, data, n);
    if (is_13(r))
        text[n] = (uint8_t)type; /* RFC 8446 section 5.2 */
    protect(r, TLS_OUT, out, text_len, &p);
    enum err e = aead_seal(&p.aead, text, text_len, text);
    r->seq[TLS_OUT]++; /* in any case: no nonce twice */
    *ret_len = (size_t)(text - out) + text_len + AEAD_TAG_SIZE;
    return e;
}

/* The sequence number may not wrap, either; nobody gets there. */
static bool is_worn_out(const struct tls_record *r)
{
    return r->seq[TLS_OUT] >= (is_gcm(r) ? TLS_GCM_RECORDS_MAX : UINT64_MAX / 2);
}

static enum err seal_update(struct tls_record *r, uint8_t *out, size_t *ret_len)
{
    static const uint8_t update[] = {KEY_UPDATE, 0, 0, 1, 0}; /* update_not_requested */
    enum err e = seal(r, TLS_TYPE_HANDSHAKE, update, sizeof(update), out, ret_len);
    r->owes_update = false;
    return e == ERR_OK ? update_way(r, TLS_OUT) : e;
}

enum err tls_record_seal(struct tls_record *r, const void *data, size_t n, uint8_t *out,
                         size_t *ret_len)
{
    size_t update_len = 0;
    enum err e = ERR_OK;
    if (is_worn_out(r) && !is_13(r))
        return ERR_LIMIT;
    if (r->owes_update || is_worn_out(r))
        e = seal_update(r, out, &update_len);
    if (e == ERR_OK)
        e = seal(r, TLS_TYPE_DATA, data, n, out + update_len, ret_len);
    *ret_len += update_len;
    r->idle = 0;
    return e;
}

enum err tls_record_seal_alert(struct tls_record *r, enum tls_alert a, uint8_t *out,
                               size_t *ret_len)
{
    uint8_t alert[TLS_ALERT_SIZE] = {TLS_LEVEL_FATAL, (uint8_t)a};
    if (tls_alert_is_warning(a))
        alert[0] = TLS_LEVEL_WARNING;
    return seal(r, TLS_TYPE_ALERT, alert, sizeof(alert), out, ret_len);
}

/* --- what was in a record --- */

static enum tls_what refuse(struct tls_opened *o, enum tls_alert a)
{
    o->alert = a;
    return TLS_REFUSED;
}

/* It brought no data. */
static enum tls_what idle(struct tls_record *r, struct tls_opened *o)
{
    if (r->idle++ >= TLS_IDLE_MAX)
        return refuse(o, TLS_ALERT_unexpected_message);
    return TLS_NOTHING;
}

static enum tls_what take_data(struct tls_record *r, struct tls_opened *o)
{
    if (o->n == 0)
        return idle(r, o);
    r->idle = 0;
    return TLS_DATA;
}

/* RFC 8446 section 6: levels mean nothing, and what is not known is an error. RFC 5246 section
 * 7.2: warnings are. */
static enum tls_what take_alert(struct tls_record *r, struct tls_opened *o)
{
    if (o->n != TLS_ALERT_SIZE)
        return refuse(o, o->n ? TLS_ALERT_decode_error : TLS_ALERT_unexpected_message);
    uint8_t level = o->data[0];
    o->alert = o->data[1];
    if (o->alert == TLS_ALERT_close_notify)
        return TLS_ENDS;
    if (is_13(r))
        return o->alert == TLS_ALERT_user_canceled ? idle(r, o) : TLS_FAILED;
    if (level == TLS_LEVEL_WARNING)
        return idle(r, o);
    return level == TLS_LEVEL_FATAL ? TLS_FAILED : refuse(o, TLS_ALERT_illegal_parameter);
}

/* Of a handshake message, up to N bytes of its beginning. */
static void take_part(struct tls_record *r, struct tls_opened *o, uint8_t n)
{
    while (o->n && r->part_len < n) {
        r->part[r->part_len++] = *o->data++;
        o->n--;
    }
}

static enum tls_what take_key_update(struct tls_record *r, struct tls_opened *o)
{
    uint8_t wish = r->part[MESSAGE_HEAD];
    if (o->n) /* RFC 8446 section 5.1: new keys begin with a new record */
        return refuse(o, TLS_ALERT_unexpected_message);
    if (wish > 1)
        return refuse(o, TLS_ALERT_illegal_parameter);
    if (update_way(r, TLS_IN) != ERR_OK)
        return refuse(o, TLS_ALERT_internal_error);
    r->part_len = 0;
    r->owes_update |= wish == 1;
    return idle(r, o);
}

/* 1.3: a client has nothing else to say. */
static enum tls_what take_message_13(struct tls_record *r, struct tls_opened *o)
{
    const uint8_t *part = r->part;
    take_part(r, o, sizeof(r->part));
    if (part[0] != KEY_UPDATE)
        return refuse(o, TLS_ALERT_unexpected_message);
    if (r->part_len >= MESSAGE_HEAD && (part[1] || part[2] || part[3] != 1))
        return refuse(o, TLS_ALERT_decode_error);
    return r->part_len == sizeof(r->part) ? take_key_update(r, o) : idle(r, o);
}

/* The head of a message: only ClientHellos come, and of those none has 64 KiB. */
static enum tls_alert take_head_12(struct tls_record *r, struct tls_opened *o)
{
    take_part(r, o, MESSAGE_HEAD);
    if (r->part[0] != CLIENT_HELLO)
        return TLS_ALERT_unexpected_message;
    if (r->part_len < MESSAGE_HEAD)
        return TLS_ALERT_NONE;
    r->skip = (uint16_t)(r->part[2] << 8 | r->part[3]);
    return r->part[1] ? TLS_ALERT_illegal_parameter : TLS_ALERT_NONE;
}

static void skip_body_12(struct tls_record *r, struct tls_opened *o)
{
    size_t n = o->n < r->skip ? o->n : r->skip;
    r->skip = (uint16_t)(r->skip - n);
    o->data += n;
    o->n -= n;
}

/* 1.2: it would like to renegotiate. */
static enum tls_what take_message_12(struct tls_record *r, struct tls_opened *o)
{
    bool asked = false;
    while (o->n) {
        enum tls_alert a = r->part_len < MESSAGE_HEAD ? take_head_12(r, o) : TLS_ALERT_NONE;
        if (a != TLS_ALERT_NONE)
            return refuse(o, a);
        skip_body_12(r, o);
        if (r->part_len == MESSAGE_HEAD && !r->skip) {
            r->part_len = 0;
            asked = true;
        }
    }
    enum tls_what w = idle(r, o);
    if (w != TLS_NOTHING || !asked)
        return w;
    o->alert = TLS_ALERT_no_renegotiation;
    return TLS_REPLIES;
}

static enum tls_what take_message(struct tls_record *r, struct tls_opened *o)
{
    if (o->n == 0)
        return refuse(o, TLS_ALERT_unexpected_message);
    return is_13(r) ? take_message_13(r, o) : take_message_12(r, o);
}

static enum tls_what take(struct tls_record *r, unsigned type, struct tls_opened *o)
{
    if (type == TLS_TYPE_HANDSHAKE)
        return take_message(r, o);
    if (r->part_len) /* RFC 8446 section 5.1: nothing comes between the parts of a message */
        return refuse(o, TLS_ALERT_unexpected_message);
    if (type == TLS_TYPE_DATA)
        return take_data(r, o);
    if (type == TLS_TYPE_ALERT)
        return take_alert(r, o);
    return refuse(o, TLS_ALERT_unexpected_message);
}

/* --- opening --- */

static enum tls_alert check_header(const struct tls_record *r, const uint8_t *head)
{
    bool known = head[0] >= TLS_TYPE_CHANGE_CIPHER_SPEC && head[0] <= TLS_TYPE_DATA;
    if (is_13(r)) /* the version is to be ignored (RFC 8446 section 5.1) */
        return head[0] == TLS_TYPE_DATA ? TLS_ALERT_NONE : TLS_ALERT_unexpected_message;
    if (!known)
        return TLS_ALERT_unexpected_message;
    return (head[1] << 8 | head[2]) == TLS_1_2 ? TLS_ALERT_NONE : TLS_ALERT_protocol_version;
}

enum tls_alert tls_record_measure(const struct tls_record *r, const uint8_t *head, size_t *ret_len)
{
    enum tls_alert a = check_header(r, head);
    size_t n = (size_t)(TLS_HEADER_SIZE + (head[3] << 8) + head[4]);
    if (a == TLS_ALERT_NONE && n > TLS_RECORD_MAX)
        a = TLS_ALERT_record_overflow;
    if (a == TLS_ALERT_NONE)
        *ret_len = n;
    return a;
}

/* The text behind RECORD's header, as it was sealed. */
static enum tls_alert unseal(struct tls_record *r, uint8_t *record, size_t n, struct tls_opened *o)
{
    struct protection p;
    size_t before = TLS_HEADER_SIZE + explicit_len(r);
    if (n < before + AEAD_TAG_SIZE)
        return TLS_ALERT_bad_record_mac;
    o->data = record + before;
    o->n = n - before - AEAD_TAG_SIZE;
    protect(r, TLS_IN, record, o->n, &p);
    enum err e = aead_open(&p.aead, o->data, n - before, o->data);
    r->seq[TLS_IN]++;
    if (e == ERR_CORRUPT)
        return TLS_ALERT_bad_record_mac;
    return e == ERR_OK ? TLS_ALERT_NONE : TLS_ALERT_internal_error;
}

/* RFC 8446 section 5.4: zeros, and before them the type. 0, which is none: there is no other byte.
 */
static unsigned strip_padding(struct tls_opened *o)
{
    while (o->n && o->data[o->n - 1] == 0)
        o->n--;
    return o->n ? o->data[--o->n] : 0;
}

/* With SEALED bytes of it and its padding, and its type. Padding may not make a record larger, but
 * mbedTLS pads to whole blocks even what is as large as it may be, and is let. */
static bool is_too_large(const struct tls_record *r, const struct tls_opened *o, size_t sealed)
{
    if (o->n > TLS_TEXT_MAX)
        return true;
    return is_13(r) && sealed > TLS_TEXT_MAX + 1 && sealed - o->n > PADDING_LET;
}

enum tls_what tls_record_open(struct tls_record *r, uint8_t *record, size_t n,
                              struct tls_opened *ret)
{
    unsigned type = record[0];
    *ret = (struct tls_opened){.alert = TLS_ALERT_NONE};
    enum tls_alert a = unseal(r, record, n, ret);
    if (a != TLS_ALERT_NONE)
        return refuse(ret, a);
    size_t sealed = ret->n;
    if (is_13(r))
        type = strip_padding(ret);
    if (is_too_large(r, ret, sealed))
        return refuse(ret, TLS_ALERT_record_overflow);
    return take(r, type, ret);
}
