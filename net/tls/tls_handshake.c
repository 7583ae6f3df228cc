#include "net/tls/tls_handshake.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "net/tls/tls_alert.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_export.h"
#include "net/tls/tls_link.h"
#include "net/tls/tls_session_link.h"

enum {
    SUBJECT_MAX = 512,
    SHORT_RECORD_MAX = 4096,
    TYPE_ALERT = 21,
    ALERT_RECORD = 5 + TLS_ALERT_SIZE, /* not encrypted */
};

struct tls_handshake {
    struct tls_context *context;
    mbedtls_ssl_context *ssl; /* NULL before the first step, and when it is not needed any more */
    struct buf in;            /* from the client */
    size_t used;              /* of it, at the beginning */
    struct buf out;           /* to it */
    struct tls_export export;
    unsigned sent;              /* records since the last step began */
    uint8_t last[ALERT_RECORD]; /* bytes that mbedTLS has taken */
    bool compact;               /* keys are there for it */
    bool h2;
    enum tls_failure failure;
    char *subject; /* NULL: none */
    char name[TLS_EXPORT_NAME_MAX + 1];
};

const char *tls_failure_text(enum tls_failure f)
{
    static const char *const texts[] = {
#define TLS_FAILURE_TEXT(name, text) text,
        TLS_FAILURE_TABLE(TLS_FAILURE_TEXT)
#undef TLS_FAILURE_TEXT
    };
    return texts[f];
}

/* --- life --- */

static void free_ssl(mbedtls_ssl_context *ssl)
{
    if (!ssl)
        return;
    mbedtls_ssl_free(ssl); /* wipes it */
    free(ssl);
}

struct tls_handshake *tls_handshake_create(struct tls_context *c, const char *name)
{
    struct tls_handshake *h = calloc(1, sizeof(*h));
    if (!h) {
        tls_context_unref(c);
        return NULL;
    }
    h->context = c;
    h->export.name = h->name;
    strncpy(h->name, name, sizeof(h->name) - 1);
    return h;
}

void tls_handshake_destroy(struct tls_handshake *h)
{
    if (!h)
        return;
    free_ssl(h->ssl);
    tls_export_wipe(&h->export);
    buf_finish(&h->in);
    buf_finish(&h->out);
    free(h->subject);
    tls_context_unref(h->context);
    free(h);
}

/* --- bytes --- */

enum err tls_handshake_feed(struct tls_handshake *h, const void *data, size_t n)
{
    buf_consume(&h->in, h->used);
    h->used = 0;
    buf_append(&h->in, data, n);
    return h->in.failed ? ERR_NOMEM : ERR_OK;
}

static void note_last(struct tls_handshake *h, const unsigned char *data, size_t n)
{
    size_t m = n < ALERT_RECORD ? n : ALERT_RECORD;
    memmove(h->last, h->last + m, ALERT_RECORD - m);
    memcpy(h->last + ALERT_RECORD - m, data + n - m, m);
}

static int take_input(void *ctx, unsigned char *out, size_t n)
{
    struct tls_handshake *h = ctx;
    size_t left = h->in.len - h->used, m = n < left ? n : left;
    if (m == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(out, h->in.data + h->used, m);
    h->used += m;
    note_last(h, out, m);
    return (int)m;
}

/* Always a whole record. */
static int give_output(void *ctx, const unsigned char *data, size_t n)
{
    struct tls_handshake *h = ctx;
    buf_append(&h->out, data, n);
    h->sent++;
    return h->out.failed ? MBEDTLS_ERR_SSL_ALLOC_FAILED : (int)n;
}

struct buf *tls_handshake_output(struct tls_handshake *h)
{
    return &h->out;
}

/* --- failing --- */

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
enum {
    WRONG_VERSION = MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION,
    NO_SUITE = MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE,
    NO_PROTOCOL = MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL,
    BAD_CERTIFICATE = MBEDTLS_ERR_SSL_BAD_CERTIFICATE,
    DECODE_ERROR = MBEDTLS_ERR_SSL_DECODE_ERROR,
};
#else
enum {
    WRONG_VERSION = MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION,
    NO_SUITE = MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN,
    NO_PROTOCOL = MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE, /* has no error of its own */
    BAD_CERTIFICATE = MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE,
    DECODE_ERROR = MBEDTLS_ERR_SSL_BAD_HS_CLIENT_HELLO,
};
#endif

static const struct {
    int error;
    enum tls_failure failure;
    enum tls_alert alert; /* that is due if mbedTLS has sent none */
} failures[] = {
    {MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, TLS_FAILED_ALERT, TLS_ALERT_NONE},
    {MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, TLS_FAILED_ALERT, TLS_ALERT_NONE},
    {WRONG_VERSION, TLS_FAILED_VERSION, TLS_ALERT_protocol_version},
    {NO_SUITE, TLS_FAILED_SUITE, TLS_ALERT_handshake_failure},
    {NO_PROTOCOL, TLS_FAILED_SUITE, TLS_ALERT_handshake_failure},
    {MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, TLS_FAILED_CERTIFICATE, TLS_ALERT_handshake_failure},
    {MBEDTLS_ERR_X509_CERT_VERIFY_FAILED, TLS_FAILED_CERTIFICATE, TLS_ALERT_bad_certificate},
    {BAD_CERTIFICATE, TLS_FAILED_CERTIFICATE, TLS_ALERT_bad_certificate},
    {MBEDTLS_ERR_SSL_ALLOC_FAILED, TLS_FAILED_INTERNAL, TLS_ALERT_internal_error},
    {MBEDTLS_ERR_SSL_INTERNAL_ERROR, TLS_FAILED_INTERNAL, TLS_ALERT_internal_error},
    {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, TLS_FAILED_PROTOCOL, TLS_ALERT_unexpected_message},
    {MBEDTLS_ERR_SSL_INVALID_RECORD, TLS_FAILED_PROTOCOL, TLS_ALERT_unexpected_message},
    {MBEDTLS_ERR_SSL_INVALID_MAC, TLS_FAILED_PROTOCOL, TLS_ALERT_bad_record_mac},
    {DECODE_ERROR, TLS_FAILED_PROTOCOL, TLS_ALERT_decode_error},
};

enum { FAILURES = sizeof(failures) / sizeof(failures[0]) };

/* Everything else, like parameters of a curve that are no point on it. */
static size_t place_of(int error)
{
    size_t i = 0;
    while (i < FAILURES - 1 && failures[i].error != error)
        i++;
    return i;
}

static bool has_alert(const struct tls_handshake *h, size_t from)
{
    return h->out.len > from && h->out.len >= ALERT_RECORD &&
           h->out.data[h->out.len - ALERT_RECORD] == TYPE_ALERT;
}

/* Under 1.3 mbedTLS takes an alert in the clear for a broken record, where it has keys already; but
 * OpenSSL's clients, who have not begun with theirs, say so what they think of our certificate. */
static bool was_told(const struct tls_handshake *h, enum tls_failure why)
{
    return why == TLS_FAILED_ALERT ||
           (h->last[0] == TYPE_ALERT && h->last[3] == 0 && h->last[4] == TLS_ALERT_SIZE);
}

/* mbedTLS has sent an alert in most cases. */
static void tell(struct tls_handshake *h, enum tls_alert a, size_t out_before)
{
    if (h->ssl && a != TLS_ALERT_NONE && !has_alert(h, out_before))
        mbedtls_ssl_send_alert_message(h->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, (unsigned char)a);
}

/* An alert is not answered. */
static enum tls_outcome fail(struct tls_handshake *h, int error, size_t out_before)
{
    size_t i = place_of(error);
    h->failure = failures[i].failure;
    if (was_told(h, h->failure)) {
        h->failure = TLS_FAILED_ALERT;
        h->out.len = out_before;
    } else {
        tell(h, failures[i].alert, out_before);
    }
    free_ssl(h->ssl);
    h->ssl = NULL;
    return TLS_FAILED;
}

/* --- the end --- */

static void take_subject(struct tls_handshake *h)
{
    char subject[SUBJECT_MAX];
    const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(h->ssl);
    if (peer && mbedtls_x509_dn_gets(subject, sizeof(subject), &peer->subject) > 0)
        h->subject = strdup(subject);
}

/* A client that asked for short records (RFC 6066 section 4) has mbedTLS cut them. Whole ones have
 * a byte less of data where mbedTLS pads them (1.3). */
static bool takes_whole_records(const mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_get_max_out_record_payload(ssl) > SHORT_RECORD_MAX;
}

static bool can_be_compact(struct tls_handshake *h)
{
    return tls_context_is_compact(h->context) && takes_whole_records(h->ssl) &&
           tls_export_finish(&h->export, h->ssl, h->sent) == ERR_OK;
}

/* Something more in the record of the last message: nothing may be there. */
static bool has_more(const mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_check_pending(ssl) != 0;
}

static enum tls_outcome finish(struct tls_handshake *h)
{
    const char *protocol = mbedtls_ssl_get_alpn_protocol(h->ssl);
    if (has_more(h->ssl))
        return fail(h, MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, h->out.len);
    h->h2 = protocol && strcmp(protocol, "h2") == 0;
    take_subject(h);
    h->compact = can_be_compact(h);
    if (h->compact) {
        free_ssl(h->ssl);
        h->ssl = NULL;
    } else {
        tls_export_wipe(&h->export);
    }
    return TLS_DONE;
}

/* --- steps --- */

static int set_up(struct tls_handshake *h)
{
    mbedtls_ssl_context *ssl = calloc(1, sizeof(*ssl));
    if (!ssl)
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    mbedtls_ssl_init(ssl);
    int r = mbedtls_ssl_setup(ssl, tls_context_config(h->context));
    if (r != 0) {
        free_ssl(ssl);
        return r;
    }
    mbedtls_ssl_set_bio(ssl, h, give_output, take_input, NULL);
    tls_export_attach(&h->export, ssl);
    h->ssl = ssl;
    return 0;
}

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

/* What leaves behind our Finished of 1.3, and be it an alert, is sealed with the keys of data (RFC
 * 8446 section 4.4.4); mbedTLS 3.6 goes on with those of the handshake until the client's comes. */
static void change_keys(mbedtls_ssl_context *ssl)
{
    mbedtls_ssl_transform *keys = ssl->MBEDTLS_PRIVATE(transform_application);
    if (!keys || ssl->MBEDTLS_PRIVATE(transform_out) == keys)
        return;
    ssl->MBEDTLS_PRIVATE(transform_out) = keys;
    memset(ssl->MBEDTLS_PRIVATE(cur_out_ctr), 0, sizeof(ssl->MBEDTLS_PRIVATE(cur_out_ctr)));
}

/* Tickets of 1.3 leave behind the handshake, in states of their own. */
static int shake(mbedtls_ssl_context *ssl)
{
    int r = 0;
    while (r == 0 && ssl->MBEDTLS_PRIVATE(state) != MBEDTLS_SSL_HANDSHAKE_OVER) {
        r = mbedtls_ssl_handshake_step(ssl);
        change_keys(ssl);
    }
    return r;
}

#else

static int shake(mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_handshake(ssl);
}

#endif

enum tls_outcome tls_handshake_step(struct tls_handshake *h)
{
    size_t before = h->out.len;
    int r = h->ssl ? 0 : set_up(h);
    h->sent = 0;
    tls_export_enter(&h->export);
    if (r == 0)
        r = shake(h->ssl);
    tls_export_enter(NULL);
    if (r == MBEDTLS_ERR_SSL_WANT_READ)
        return TLS_GOES_ON;
    return r == 0 ? finish(h) : fail(h, r, before);
}

/* --- what came of it --- */

enum tls_failure tls_handshake_failure(const struct tls_handshake *h)
{
    return h->failure;
}

bool tls_handshake_was_resumed(const struct tls_handshake *h)
{
    return h->export.resumed;
}

bool tls_handshake_is_compact(const struct tls_handshake *h)
{
    return h->compact;
}

bool tls_handshake_chose_h2(const struct tls_handshake *h)
{
    return h->h2;
}

const char *tls_handshake_subject(const struct tls_handshake *h)
{
    return h->subject ? h->subject : "";
}

static enum err feed_link(struct tls_handshake *h, struct link *l)
{
    size_t left = h->in.len - h->used;
    return left ? tls_link_feed(l, h->in.data + h->used, left) : ERR_OK;
}

static enum err compact_link(struct tls_handshake *h, struct link inner, struct link *ret)
{
    enum err e = tls_link_create(inner, &h->export.keys, ret);
    tls_export_wipe(&h->export);
    return e == ERR_OK ? feed_link(h, ret) : e;
}

static enum err session_link(struct tls_handshake *h, struct link inner, struct link *ret)
{
    buf_consume(&h->in, h->used);
    enum err e = tls_session_link_create(inner, h->ssl, h->context, &h->in, ret);
    if (e == ERR_OK) {
        h->ssl = NULL;
        h->context = NULL;
    }
    return e;
}

enum err tls_handshake_link(struct tls_handshake *h, struct link inner, struct link *ret)
{
    *ret = inner;
    return h->compact ? compact_link(h, inner, ret) : session_link(h, inner, ret);
}
