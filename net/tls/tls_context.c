#include "net/tls/tls_context.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#include "base/crypto.h"
#include "net/tls/tls_curve.h"
#include "net/tls/tls_export.h"
#include "net/tls/tls_hash.h"
#include "net/tls/tls_hello.h"
#include "net/tls/tls_names.h"
#include "net/tls/tls_tickets.h"

enum {
    FILE_MAX = 1 << 20,
    SUITES_MAX = 16,
};

struct host {
    char *name, *file;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    struct tls_certificate told;
};

struct tls_context {
    _Atomic uint32_t refs;
    struct tls_manner manner;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt client_ca;
    struct tls_tickets *tickets; /* NULL: none are given */
    size_t host_count;
    struct host hosts[];
};

/* --- what differs between mbedTLS 2.28 and 3.6 --- */

static int random_bytes(void *ctx, unsigned char *out, size_t n)
{
    (void)ctx;
    for (size_t got = 0; got < n;) {
        ssize_t m = getrandom(out + got, n - got, 0);
        if (m < 0 && errno != EINTR)
            return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        got += m > 0 ? (size_t)m : 0;
    }
    return 0;
}

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

enum { VERSIONS_KNOWN = TLS_SPEAKS_1_2 | TLS_SPEAKS_1_3 };

static int parse_key(mbedtls_pk_context *key, const struct buf *text)
{
    return mbedtls_pk_parse_key(key, (const unsigned char *)text->data, text->len, NULL, 0,
                                random_bytes, NULL);
}

static bool is_pair(const mbedtls_x509_crt *chain, const mbedtls_pk_context *key)
{
    return mbedtls_pk_check_pair(&chain->pk, key, random_bytes, NULL) == 0;
}

static int sign(mbedtls_pk_context *key, const unsigned char *hash, unsigned char *out, size_t *n)
{
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, out, MBEDTLS_PK_SIGNATURE_MAX_SIZE, n,
                           random_bytes, NULL);
}

/* What belongs to a curve is a constant of the library. */
static bool prepare_key(mbedtls_pk_context *key)
{
    (void)key;
    return true;
}

static void set_versions(mbedtls_ssl_config *conf, unsigned versions)
{
    mbedtls_ssl_conf_min_tls_version(conf, versions & TLS_SPEAKS_1_2 ? MBEDTLS_SSL_VERSION_TLS1_2
                                                                     : MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_max_tls_version(conf, versions & TLS_SPEAKS_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3
                                                                     : MBEDTLS_SSL_VERSION_TLS1_2);
}

static void set_curves(mbedtls_ssl_config *conf)
{
    static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0};
    mbedtls_ssl_conf_groups(conf, groups);
    mbedtls_ssl_conf_tls13_key_exchange_modes(conf,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
    mbedtls_ssl_conf_new_session_tickets(conf, 1);
}

static bool begin_library(void)
{
    return psa_crypto_init() == PSA_SUCCESS;
}

#else

enum { VERSIONS_KNOWN = TLS_SPEAKS_1_2 };

static int parse_key(mbedtls_pk_context *key, const struct buf *text)
{
    return mbedtls_pk_parse_key(key, (const unsigned char *)text->data, text->len, NULL, 0);
}

static bool is_pair(const mbedtls_x509_crt *chain, const mbedtls_pk_context *key)
{
    return mbedtls_pk_check_pair(&chain->pk, key) == 0;
}

static int sign(mbedtls_pk_context *key, const unsigned char *hash, unsigned char *out, size_t *n)
{
    return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, 32, out, n, random_bytes, NULL);
}

/* Of a key as it is parsed mbedTLS makes a copy for each signature, and computes anew what belongs
 * to its curve, which takes longer than the signature itself; of one of this type it keeps that. */
static bool prepare_key(mbedtls_pk_context *key)
{
    mbedtls_pk_context ready;
    if (!mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA))
        return true;
    mbedtls_pk_init(&ready);
    if (mbedtls_pk_setup(&ready, mbedtls_pk_info_from_type(MBEDTLS_PK_ECDSA)) != 0 ||
        mbedtls_ecdsa_from_keypair(mbedtls_pk_ec(ready), mbedtls_pk_ec(*key)) != 0) {
        mbedtls_pk_free(&ready);
        return false;
    }
    mbedtls_pk_free(key);
    *key = ready;
    return true;
}

static void set_versions(mbedtls_ssl_config *conf, unsigned versions)
{
    (void)versions;
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
}

static void set_curves(mbedtls_ssl_config *conf)
{
    static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519,
                                                  MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
    mbedtls_ssl_conf_curves(conf, curves);
}

static bool begin_library(void)
{
    tls_curve_use();
    tls_hash_use();
    return true;
}

#endif

/* --- files --- */

static enum err blame(struct tls_fault *f, enum tls_option option, size_t host, enum err e)
{
    f->option = option;
    f->host = host;
    return e;
}

static enum err cannot_read(struct tls_fault *f, int error)
{
    buf_printf(&f->text, "cannot be read: %s", strerror(error));
    return ERR_ACCESS;
}

/* The whole file, with a NUL behind it. */
static enum err read_stream(FILE *in, struct buf *ret, struct tls_fault *f)
{
    char *to = buf_reserve(ret, FILE_MAX + 2); /* a NUL as well: it is not copied */
    if (!to)
        return ERR_NOMEM;
    ret->len = fread(to, 1, FILE_MAX + 1, in);
    if (ferror(in))
        return cannot_read(f, errno);
    if (ret->len > FILE_MAX) {
        buf_puts(&f->text, "is too large: must be at most 1 MiB");
        return ERR_INVALID;
    }
    buf_putc(ret, '\0');
    return ret->failed ? ERR_NOMEM : ERR_OK;
}

static enum err read_file(const char *path, struct buf *ret, struct tls_fault *f)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return cannot_read(f, errno);
    setvbuf(in, NULL, _IONBF, 0); /* no second copy of a key */
    enum err e = read_stream(in, ret, f);
    fclose(in);
    return e;
}

static void forget(struct buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->cap);
    buf_finish(secret);
}

static enum err read_chain(const char *path, mbedtls_x509_crt *chain, struct tls_fault *f)
{
    struct buf text = {0};
    enum err e = read_file(path, &text, f);
    int bad =
        e == ERR_OK ? mbedtls_x509_crt_parse(chain, (const unsigned char *)text.data, text.len) : 0;
    buf_finish(&text);
    if (bad == 0)
        return e;
    if (bad > 0)
        buf_printf(&f->text, "has %d certificates that cannot be read: all must be good", bad);
    else
        buf_puts(&f->text, "has no certificate: must be one or more in PEM form");
    return ERR_INVALID;
}

static enum err judge_key(int result, const mbedtls_pk_context *key, struct tls_fault *f)
{
    if (result == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || result == MBEDTLS_ERR_PK_PASSWORD_MISMATCH)
        buf_puts(&f->text, "is encrypted: must be a key without a passphrase");
    else if (result != 0)
        buf_puts(&f->text, "has no private key: must be one in PEM form, RSA or ECDSA");
    else if (!mbedtls_pk_can_do(key, MBEDTLS_PK_RSA) && !mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA))
        buf_puts(&f->text, "is of another kind: must be RSA or ECDSA");
    else
        return ERR_OK;
    return ERR_INVALID;
}

static enum err read_key(const char *path, mbedtls_pk_context *key, struct tls_fault *f)
{
    struct buf text = {0};
    enum err e = read_file(path, &text, f);
    if (e == ERR_OK)
        e = judge_key(parse_key(key, &text), key, f);
    forget(&text);
    return e;
}

/* --- hosts --- */

/* Unix seconds; mbedTLS takes times as UTC. */
static int64_t unix_of(const mbedtls_x509_time *t)
{
    struct tm tm = {.tm_year = t->year - 1900,
                    .tm_mon = t->mon - 1,
                    .tm_mday = t->day,
                    .tm_hour = t->hour,
                    .tm_min = t->min,
                    .tm_sec = t->sec};
    return timegm(&tm);
}

static void put_dn(const mbedtls_x509_name *name, char *text, size_t size)
{
    if (mbedtls_x509_dn_gets(text, size, name) < 0)
        snprintf(text, size, "?");
}

static void describe(struct host *h)
{
    struct tls_certificate *t = &h->told;
    t->name = h->name;
    t->file = h->file;
    t->from_s = unix_of(&h->chain.valid_from);
    t->to_s = unix_of(&h->chain.valid_to);
    put_dn(&h->chain.subject, t->subject, sizeof(t->subject));
    put_dn(&h->chain.issuer, t->issuer, sizeof(t->issuer));
    tls_names_list(&h->chain, t->names, sizeof(t->names));
    snprintf(t->kind, sizeof(t->kind), "%s %zu",
             mbedtls_pk_can_do(&h->key, MBEDTLS_PK_RSA) ? "RSA" : "ECDSA",
             mbedtls_pk_get_bitlen(&h->key));
}

/* A first signature also has 2.28 compute, for a key on a curve, what it keeps with it: from then
 * on threads only read there. */
static bool is_usable(struct host *h)
{
    static const unsigned char hash[32] = {1};
    unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t n;
    return sign(&h->key, hash, signature, &n) == 0 &&
           mbedtls_pk_verify(&h->chain.pk, MBEDTLS_MD_SHA256, hash, 32, signature, n) == 0;
}

static enum err load_host(struct host *h, const struct tls_host *from, size_t i,
                          struct tls_fault *f)
{
    h->name = from->name ? strdup(from->name) : NULL;
    h->file = strdup(from->certificate);
    if (!h->file || (from->name && !h->name))
        return ERR_NOMEM;
    enum err e = read_chain(from->certificate, &h->chain, f);
    if (e != ERR_OK)
        return blame(f, TLS_CERTIFICATE, i, e);
    e = read_key(from->key, &h->key, f);
    if (e == ERR_OK && !is_pair(&h->chain, &h->key)) {
        buf_printf(&f->text,
                   "is another key than that of the certificate in %s, which must be "
                   "the first there",
                   from->certificate);
        e = ERR_INVALID;
    }
    if (e == ERR_OK && !(prepare_key(&h->key) && is_usable(h)))
        e = ERR_NOMEM;
    if (e != ERR_OK)
        return blame(f, TLS_KEY, i, e);
    describe(h);
    return ERR_OK;
}

static enum err load_hosts(struct tls_context *c, const struct tls_options *o, struct tls_fault *f)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < o->host_count && e == ERR_OK; i++)
        e = load_host(&c->hosts[i], &o->hosts[i], i, f);
    return e;
}

static size_t find_host(const struct tls_context *c, const char *name, bool any)
{
    for (size_t i = 1; i < c->host_count; i++) {
        const char *own = c->hosts[i].name;
        if (any ? own[0] == '*' && strcmp(own + 1, name) == 0 : strcmp(own, name) == 0)
            return i;
    }
    return 0;
}

/* An exact name counts more than one for a level. */
size_t tls_context_host(const struct tls_context *c, const char *name)
{
    size_t exact = find_host(c, name, false);
    const char *rest = strchr(name, '.');
    return exact || !rest || rest == name ? exact : find_host(c, rest, true);
}

/* mbedTLS has found the name that a client asks for; unknown ones get the first certificate. */
static int on_name(void *ctx, mbedtls_ssl_context *ssl, const unsigned char *name, size_t n)
{
    struct tls_context *c = ctx;
    size_t i = tls_context_host(c, tls_export_current()->name);
    (void)name;
    (void)n;
    return i ? mbedtls_ssl_set_hs_own_cert(ssl, &c->hosts[i].chain, &c->hosts[i].key) : 0;
}

/* --- the configuration of mbedTLS --- */

/* With authentication and forward secrecy, and nothing else. */
static void set_suites(mbedtls_ssl_config *conf)
{
    static const int suites[] = {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
        MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
        MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
        MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        0,
    };
    mbedtls_ssl_conf_ciphersuites(conf, suites);
}

static bool set_protocols(mbedtls_ssl_config *conf, bool h2)
{
    static const char *protocols[] = {"h2", "http/1.1", NULL}; /* what is preferred first */
    return mbedtls_ssl_conf_alpn_protocols(conf, protocols + (h2 ? 0 : 1)) == 0;
}

static enum err configure(struct tls_context *c, const struct tls_options *o)
{
    mbedtls_ssl_config *conf = &c->conf;
    if (mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
        !set_protocols(conf, o->h2))
        return ERR_NOMEM;
    mbedtls_ssl_conf_rng(conf, random_bytes, NULL);
    set_versions(conf, o->versions & VERSIONS_KNOWN);
    set_suites(conf);
    set_curves(conf);
    mbedtls_ssl_conf_sni(conf, on_name, c);
    tls_export_configure(conf);
    if (c->tickets)
        tls_tickets_configure(c->tickets, conf);
    else
        mbedtls_ssl_conf_session_tickets(conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    mbedtls_ssl_conf_authmode(conf,
                              o->client_ca ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    if (o->client_ca)
        mbedtls_ssl_conf_ca_chain(conf, &c->client_ca, NULL);
    return mbedtls_ssl_conf_own_cert(conf, &c->hosts[0].chain, &c->hosts[0].key) == 0 ? ERR_OK
                                                                                      : ERR_NOMEM;
}

static enum err check_versions(const struct tls_options *o, struct tls_fault *f)
{
    if (o->versions & VERSIONS_KNOWN)
        return ERR_OK;
    buf_puts(&f->text, "must have 1.2: TLS 1.3 takes mbedTLS 3.6 or later");
    return blame(f, TLS_VERSIONS, 0, ERR_INVALID);
}

/* --- client certificates and tickets --- */

static enum err load_client_ca(struct tls_context *c, const struct tls_options *o,
                               struct tls_fault *f)
{
    if (!o->client_ca)
        return ERR_OK;
    return blame(f, TLS_CLIENT_CA, 0, read_chain(o->client_ca, &c->client_ca, f));
}

/* All authorities, one behind the other. */
static enum err digest_of(const mbedtls_x509_crt *chain, uint8_t out[TLS_TICKET_SCOPE_SIZE])
{
    struct buf all = {0};
    for (; chain && chain->raw.p; chain = chain->next)
        buf_append(&all, chain->raw.p, chain->raw.len);
    enum err e = all.failed ? ERR_NOMEM : crypto_sha256(all.data, all.len, out);
    buf_finish(&all);
    return e;
}

static enum err read_secret(const char *path, struct buf *ret, struct tls_fault *f)
{
    enum err e = read_file(path, ret, f);
    if (e != ERR_OK || ret->len > TLS_TICKET_SECRET_MIN) /* and a NUL */
        return e;
    buf_printf(&f->text, "has %zu bytes: must have at least %d, as of `openssl rand 32`",
               ret->len - 1, TLS_TICKET_SECRET_MIN);
    return ERR_INVALID;
}

static enum err create_tickets(struct tls_context *c, const struct tls_options *o,
                               const struct tls_context *former, struct tls_fault *f)
{
    uint8_t scope[TLS_TICKET_SCOPE_SIZE];
    struct buf secret = {0};
    if (!o->tickets)
        return ERR_OK;
    enum err e = digest_of(&c->client_ca, scope);
    if (e == ERR_OK && o->ticket_key_file)
        e = read_secret(o->ticket_key_file, &secret, f);
    if (e == ERR_OK)
        e = tls_tickets_create(secret.data, secret.len ? secret.len - 1 : 0, scope,
                               former ? former->tickets : NULL, &c->tickets);
    forget(&secret);
    return blame(f, TLS_TICKET_KEY_FILE, 0, e);
}

/* --- life --- */

static struct tls_context *allocate(const struct tls_options *o)
{
    struct tls_context *c = calloc(1, sizeof(*c) + o->host_count * sizeof(c->hosts[0]));
    if (!c)
        return NULL;
    c->refs = 1;
    c->manner = (struct tls_manner){
        .versions = o->versions & VERSIONS_KNOWN,
        .h2 = o->h2,
        .compact = o->compact,
        .client_ca = o->client_ca,
        .tickets = o->tickets,
        .shared_tickets = o->tickets && o->ticket_key_file,
    };
    c->host_count = o->host_count;
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->client_ca);
    for (size_t i = 0; i < c->host_count; i++) {
        mbedtls_x509_crt_init(&c->hosts[i].chain);
        mbedtls_pk_init(&c->hosts[i].key);
    }
    return c;
}

enum err tls_context_create(const struct tls_options *o, const struct tls_context *former,
                            struct tls_context **ret, struct tls_fault *fault)
{
    struct tls_context *c = begin_library() ? allocate(o) : NULL;
    if (!c)
        return ERR_NOMEM;
    enum err e = check_versions(o, fault);
    if (e == ERR_OK)
        e = load_hosts(c, o, fault);
    if (e == ERR_OK)
        e = load_client_ca(c, o, fault);
    if (e == ERR_OK)
        e = create_tickets(c, o, former, fault);
    if (e == ERR_OK)
        e = configure(c, o);
    if (e != ERR_OK)
        tls_context_unref(c);
    else
        *ret = c;
    return e;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void tls_context_unref(struct tls_context *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    mbedtls_ssl_config_free(&c->conf);
    mbedtls_x509_crt_free(&c->client_ca);
    for (size_t i = 0; i < c->host_count; i++) {
        mbedtls_x509_crt_free(&c->hosts[i].chain);
        mbedtls_pk_free(&c->hosts[i].key); /* wipes it */
        free(c->hosts[i].name);
        free(c->hosts[i].file);
    }
    tls_tickets_destroy(c->tickets);
    free(c);
}

const struct mbedtls_ssl_config *tls_context_config(const struct tls_context *c)
{
    return &c->conf;
}

bool tls_context_is_compact(const struct tls_context *c)
{
    return c->manner.compact;
}

const struct tls_manner *tls_context_manner(const struct tls_context *c)
{
    return &c->manner;
}

size_t tls_context_certificates(const struct tls_context *c)
{
    return c->host_count;
}

const struct tls_certificate *tls_context_certificate(const struct tls_context *c, size_t i)
{
    return &c->hosts[i].told;
}

/* --- the current one --- */

void tls_current_init(struct tls_current *t)
{
    pthread_mutex_init(&t->lock, NULL);
    t->context = NULL;
}

void tls_current_finish(struct tls_current *t)
{
    tls_context_unref(t->context);
    t->context = NULL;
    pthread_mutex_destroy(&t->lock);
}

void tls_current_set(struct tls_current *t, struct tls_context *c)
{
    pthread_mutex_lock(&t->lock);
    struct tls_context *former = t->context;
    t->context = c;
    pthread_mutex_unlock(&t->lock);
    tls_context_unref(former);
}

struct tls_context *tls_current_get(struct tls_current *t)
{
    pthread_mutex_lock(&t->lock);
    struct tls_context *c = t->context ? tls_context_ref(t->context) : NULL;
    pthread_mutex_unlock(&t->lock);
    return c;
}
