#include "tools/client/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#define TRUSTED_FILE "/etc/ssl/certs/ca-certificates.crt"

struct tls_client {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_x509_crt trusted;
    mbedtls_ssl_session session; /* of an earlier connection, if has_session */
    bool resume, has_session;
};

struct tls_stream {
    struct tls_client *client;
    int fd;
    int error;        /* mbedTLS's, of the handshake */
    size_t unsent;    /* bytes of a call whose record has not left wholly */
    int errno_of_end; /* of the socket, 0 = none */
    bool done;        /* the handshake is */
    bool judged;      /* a certificate came: the handshake was a whole one */
    mbedtls_ssl_context ssl;
};

/* --- What all connections share --- */

/* What the hub and browsers agree on first; the others are behind it. mbedTLS's own order begins
 * with the curve that costs most. */
static void prefer_usual_curves(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03010000
    static const uint16_t groups[] = {
        MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
    mbedtls_ssl_conf_groups(config, groups);
#else
    static const mbedtls_ecp_group_id curves[] = {
        MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1,
        MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_NONE};
    mbedtls_ssl_conf_curves(config, curves);
#endif
}

/* Nobody should speak anything else today, and the hub does not. */
static const int suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
#if defined(MBEDTLS_TLS1_3_AES_128_GCM_SHA256)
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
    0,
};

static void refuse_old_versions(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

/* Sessions of TLS 1.3 come behind the handshake, and are told of only to those who ask. */
static void ask_for_sessions(struct tls_client *c)
{
    mbedtls_ssl_conf_session_tickets(&c->config, c->resume ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                                                           : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#if MBEDTLS_VERSION_NUMBER >= 0x03060100
    if (c->resume)
        mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
            &c->config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
}

const char *tls_client_trusted(void)
{
    const char *file = getenv("SSL_CERT_FILE");
    return file && *file ? file : TRUSTED_FILE;
}

/* Some of many that cannot be read are no error: the system's may be of a newer kind. */
static enum err read_trusted(struct tls_client *c, const char *file)
{
    int rc = mbedtls_x509_crt_parse_file(&c->trusted, file);
    if (rc == MBEDTLS_ERR_X509_ALLOC_FAILED)
        return ERR_NOMEM;
    if (rc == MBEDTLS_ERR_PK_FILE_IO_ERROR || rc == MBEDTLS_ERR_X509_FILE_IO_ERROR)
        return ERR_NOT_FOUND;
    return rc < 0 || c->trusted.version == 0 ? ERR_INVALID : ERR_OK;
}

static enum err configure(struct tls_client *c, const struct tls_client_settings *s)
{
    if (mbedtls_ctr_drbg_seed(&c->random, mbedtls_entropy_func, &c->entropy, NULL, 0) ||
        mbedtls_ssl_config_defaults(&c->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT))
        return ERR_NOMEM;
    mbedtls_ssl_conf_rng(&c->config, mbedtls_ctr_drbg_random, &c->random);
    mbedtls_ssl_conf_authmode(&c->config, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_ciphersuites(&c->config, suites);
    prefer_usual_curves(&c->config);
    refuse_old_versions(&c->config);
    ask_for_sessions(c);
    if (s->alpn && mbedtls_ssl_conf_alpn_protocols(&c->config, s->alpn))
        return ERR_INVALID;
    if (!s->check)
        return ERR_OK;
    mbedtls_ssl_conf_ca_chain(&c->config, &c->trusted, NULL);
    return read_trusted(c, s->ca_file ? s->ca_file : tls_client_trusted());
}

enum err tls_client_create(const struct tls_client_settings *settings, struct tls_client **ret)
{
    struct tls_client *c = calloc(1, sizeof(*c));
    if (!c)
        return ERR_NOMEM;
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (psa_crypto_init() != PSA_SUCCESS) {
        free(c);
        return ERR_NOMEM;
    }
#endif
    c->resume = settings->resume;
    mbedtls_entropy_init(&c->entropy);
    mbedtls_ctr_drbg_init(&c->random);
    mbedtls_ssl_config_init(&c->config);
    mbedtls_x509_crt_init(&c->trusted);
    mbedtls_ssl_session_init(&c->session);
    enum err e = configure(c, settings);
    if (e)
        tls_client_destroy(c);
    else
        *ret = c;
    return e;
}

void tls_client_destroy(struct tls_client *c)
{
    if (!c)
        return;
    mbedtls_ssl_session_free(&c->session);
    mbedtls_x509_crt_free(&c->trusted);
    mbedtls_ssl_config_free(&c->config);
    mbedtls_ctr_drbg_free(&c->random);
    mbedtls_entropy_free(&c->entropy);
    free(c);
}

/* --- One connection: the socket below it --- */

/* What mbedTLS is told of a call that did not work. */
static int note_failure(struct tls_stream *s, int again)
{
    if (errno == EAGAIN || errno == EINTR)
        return again;
    s->errno_of_end = errno;
    return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int take_bytes(void *ctx, unsigned char *data, size_t n)
{
    struct tls_stream *s = ctx;
    ssize_t got = recv(s->fd, data, n, MSG_DONTWAIT);
    return got < 0 ? note_failure(s, MBEDTLS_ERR_SSL_WANT_READ) : (int)got;
}

static int give_bytes(void *ctx, const unsigned char *data, size_t n)
{
    struct tls_stream *s = ctx;
    ssize_t sent = send(s->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? note_failure(s, MBEDTLS_ERR_SSL_WANT_WRITE) : (int)sent;
}

/* --- The handshake --- */

/* Called for each certificate of a handshake that is no resumption. */
static int note_certificate(void *ctx, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    struct tls_stream *s = ctx;
    (void)certificate;
    (void)depth;
    (void)flags;
    s->judged = true;
    return 0;
}

static bool is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

enum err tls_stream_create(struct tls_client *c, int fd, const char *host, struct tls_stream **ret)
{
    struct tls_stream *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->client = c;
    s->fd = fd;
    mbedtls_ssl_init(&s->ssl);
    if (mbedtls_ssl_setup(&s->ssl, &c->config) ||
        mbedtls_ssl_set_hostname(&s->ssl, is_address(host) ? NULL : host) ||
        (c->has_session && mbedtls_ssl_set_session(&s->ssl, &c->session))) {
        mbedtls_ssl_free(&s->ssl);
        free(s);
        return ERR_NOMEM;
    }
    mbedtls_ssl_set_verify(&s->ssl, note_certificate, s);
    mbedtls_ssl_set_bio(&s->ssl, s, give_bytes, take_bytes, NULL);
    *ret = s;
    return ERR_OK;
}

void tls_stream_destroy(struct tls_stream *s)
{
    if (!s)
        return;
    if (s->done && !s->errno_of_end)
        (void)mbedtls_ssl_close_notify(&s->ssl);
    mbedtls_ssl_free(&s->ssl);
    free(s);
}

/* A server may give none, and one of TLS 1.3 has not done so yet. */
static void keep_session(struct tls_stream *s)
{
    struct tls_client *c = s->client;
    if (!c->resume || c->has_session)
        return;
    c->has_session = mbedtls_ssl_get_session(&s->ssl, &c->session) == 0;
    if (c->has_session)
        return;
    mbedtls_ssl_session_free(&c->session);
    mbedtls_ssl_session_init(&c->session);
}

enum tls_progress tls_stream_handshake(struct tls_stream *s)
{
    int rc = mbedtls_ssl_handshake(&s->ssl);
    if (rc == MBEDTLS_ERR_SSL_WANT_READ)
        return TLS_WANTS_READ;
    if (rc == MBEDTLS_ERR_SSL_WANT_WRITE)
        return TLS_WANTS_WRITE;
    s->error = rc;
    s->done = rc == 0;
    if (s->done)
        keep_session(s);
    return s->done ? TLS_DONE : TLS_FAILED;
}

const char *tls_stream_problem(const struct tls_stream *s)
{
    switch (s->error) {
    case MBEDTLS_ERR_SSL_CONN_EOF:
        return "the connection ends before the TLS handshake does";
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
        return "what answers does not speak TLS";
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return "the server refuses the TLS handshake: it shares no version, suite or name with "
               "this client, or wants a certificate of it";
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
#else
    case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION:
#endif
        return "the server speaks no version of TLS from 1.2 on";
    default:
        return s->errno_of_end ? "the connection breaks in the TLS handshake"
                               : "the TLS handshake does not follow its rules";
    }
}

/* --- Data --- */

/* The errno, or 0 for an end, that RC of mbedTLS stands for. */
static int errno_of(const struct tls_stream *s, int rc)
{
    if (rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE)
        return EAGAIN;
    if (rc == 0 || rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || rc == MBEDTLS_ERR_SSL_CONN_EOF)
        return 0;
    return s->errno_of_end ? s->errno_of_end : EPROTO;
}

/* One record at most. */
static int read_some(struct tls_stream *s, unsigned char *data, size_t n)
{
    int rc = mbedtls_ssl_read(&s->ssl, data, n);
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
    while (rc == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
        keep_session(s);
        rc = mbedtls_ssl_read(&s->ssl, data, n);
    }
#endif
    return rc;
}

ssize_t tls_stream_recv(struct tls_stream *s, void *data, size_t n)
{
    size_t got = 0;
    int rc = 1;
    while (got < n && rc > 0) {
        rc = read_some(s, (unsigned char *)data + got, n - got);
        got += rc > 0 ? (size_t)rc : 0;
    }
    if (got > 0) /* the end comes again at the next call */
        return (ssize_t)got;
    errno = errno_of(s, rc);
    return errno ? -1 : 0;
}

ssize_t tls_stream_send(struct tls_stream *s, const void *data, size_t n)
{
    size_t now = s->unsent ? s->unsent : n; /* mbedTLS counts what it is given, not what it has */
    int rc = mbedtls_ssl_write(&s->ssl, data, now);
    s->unsent = rc == MBEDTLS_ERR_SSL_WANT_WRITE ? now : 0;
    if (rc >= 0)
        return rc;
    errno = errno_of(s, rc);
    if (errno == 0)
        errno = EPIPE;
    return -1;
}

/* --- What was agreed on --- */

const char *tls_stream_version(const struct tls_stream *s)
{
    return mbedtls_ssl_get_version(&s->ssl);
}

const char *tls_stream_suite(const struct tls_stream *s)
{
    return mbedtls_ssl_get_ciphersuite(&s->ssl);
}

const char *tls_stream_alpn(const struct tls_stream *s)
{
    return mbedtls_ssl_get_alpn_protocol(&s->ssl);
}

bool tls_stream_resumed(const struct tls_stream *s)
{
    return s->done && !s->judged;
}

bool tls_stream_certificate(const struct tls_stream *s, const char *host,
                            struct tls_certificate *ret)
{
    const mbedtls_x509_crt *chain = mbedtls_ssl_get_peer_cert(&s->ssl);
    if (!chain)
        return false;
    tls_certificate_describe(chain, mbedtls_ssl_get_verify_result(&s->ssl), host, time(NULL), ret);
    return true;
}
