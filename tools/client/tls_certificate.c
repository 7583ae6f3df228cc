#include "tools/client/tls_certificate.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <mbedtls/x509_crt.h>

enum {
    DAY_S = 24 * 60 * 60,
    NAMES_MAX = 4, /* that are shown */
    /* Kinds of names in a subjectAltName (RFC 5280, section 4.2.1.6), as context-specific tags. */
    TAG_KIND = 0x1f,
    KIND_DNS = 2,
    KIND_ADDRESS = 7,
};

/* --- Names --- */

bool tls_name_matches(const char *name, size_t n, const char *host)
{
    size_t len = strlen(host);
    if (len > 1 && host[len - 1] == '.')
        len--; /* an absolute name */
    if (n == len && strncasecmp(name, host, n) == 0)
        return true;
    const char *rest = memchr(host, '.', len);
    if (n < 3 || name[0] != '*' || name[1] != '.' || !rest || rest == host)
        return false;
    size_t rest_len = len - (size_t)(rest - host);
    return n - 1 == rest_len && strncasecmp(name + 1, rest, rest_len) == 0;
}

/* The bytes of an address, 0 when HOST is a name. */
static size_t address_of(const char *host, unsigned char ret[sizeof(struct in6_addr)])
{
    if (inet_pton(AF_INET, host, ret) == 1)
        return sizeof(struct in_addr);
    return inet_pton(AF_INET6, host, ret) == 1 ? sizeof(struct in6_addr) : 0;
}

/* Names and addresses stand only in subjectAltName for browsers, so that is where they count. */
static bool is_for(const mbedtls_x509_crt *crt, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    size_t n = address_of(host, address);
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s; s = s->next) {
        int kind = s->buf.tag & TAG_KIND;
        if (kind == KIND_ADDRESS && n > 0 && s->buf.len == n && memcmp(s->buf.p, address, n) == 0)
            return true;
        if (kind == KIND_DNS && n == 0 &&
            tls_name_matches((const char *)s->buf.p, s->buf.len, host))
            return true;
    }
    return false;
}

/* Appends to a text of SIZE bytes, which is cut when it is full. */
static void put(char *text, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void put(char *text, size_t size, const char *fmt, ...)
{
    size_t n = strlen(text);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + n, size - n, fmt, args);
    va_end(args);
}

static void put_name(const mbedtls_x509_buf *name, const char *before, char *text, size_t size)
{
    char address[INET6_ADDRSTRLEN];
    int family = name->len == sizeof(struct in_addr) ? AF_INET : AF_INET6;
    if ((name->tag & TAG_KIND) == KIND_DNS)
        put(text, size, "%s%.*s", before, (int)name->len, (const char *)name->p);
    else if (inet_ntop(family, name->p, address, sizeof(address)))
        put(text, size, "%s%s", before, address);
}

static bool can_show(const mbedtls_x509_buf *name)
{
    int kind = name->tag & TAG_KIND;
    return kind == KIND_DNS || (kind == KIND_ADDRESS && (name->len == sizeof(struct in_addr) ||
                                                         name->len == sizeof(struct in6_addr)));
}

static void list_names(const mbedtls_x509_crt *crt, char *text, size_t size)
{
    int count = 0;
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s; s = s->next) {
        if (!can_show(&s->buf))
            continue;
        if (count < NAMES_MAX)
            put_name(&s->buf, count ? ", " : "", text, size);
        count++;
    }
    if (count > NAMES_MAX)
        put(text, size, " and %d more", count - NAMES_MAX);
    if (count == 0)
        put(text, size, "nobody: it has no subjectAltName");
}

/* The common name, else the organization: what people know it by. */
static void name_issuer(const mbedtls_x509_crt *crt, char *text, size_t size)
{
    static const unsigned char types[] = {3, 10}; /* the last number of 2.5.4.3, 2.5.4.10 */
    for (size_t i = 0; i < sizeof(types); i++) {
        for (const mbedtls_x509_name *name = &crt->issuer; name; name = name->next) {
            if (name->oid.len == 3 && memcmp(name->oid.p, "\x55\x04", 2) == 0 &&
                name->oid.p[2] == types[i]) {
                put(text, size, "%.*s", (int)name->val.len, (const char *)name->val.p);
                return;
            }
        }
    }
    put(text, size, "somebody without a name");
}

/* --- Time --- */

static time_t seconds_of(const mbedtls_x509_time *t)
{
    struct tm tm = {.tm_year = t->year - 1900,
                    .tm_mon = t->mon - 1,
                    .tm_mday = t->day,
                    .tm_hour = t->hour,
                    .tm_min = t->min,
                    .tm_sec = t->sec};
    return timegm(&tm);
}

static void put_date(const char *before, const mbedtls_x509_time *t, char *text, size_t size)
{
    put(text, size, "%s %04d-%02d-%02d", before, t->year, t->mon, t->day);
}

/* --- Problems --- */

/* Begins the next sentence. */
static void put_problem(struct tls_certificate *c, const char *text)
{
    put(c->problems, sizeof(c->problems), "%s%s", *c->problems ? "; " : "", text);
}

/* The dates are this certificate's own, or those of one that it depends on. */
static void judge_dates(const mbedtls_x509_crt *crt, uint32_t flags, time_t now,
                        struct tls_certificate *c)
{
    char text[64] = "";
    if (seconds_of(&crt->valid_to) < now)
        put_date("has expired on", &crt->valid_to, text, sizeof(text));
    else if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        put(text, sizeof(text), "depends on a certificate that has expired");
    else if (seconds_of(&crt->valid_from) > now)
        put_date("is not valid before", &crt->valid_from, text, sizeof(text));
    else if (flags & MBEDTLS_X509_BADCERT_FUTURE)
        put(text, sizeof(text), "depends on a certificate that is not valid yet");
    if (*text)
        put_problem(c, text);
}

static void judge_names(const mbedtls_x509_crt *crt, const char *host, struct tls_certificate *c)
{
    char text[2 * TLS_CERTIFICATE_TEXT];
    if (is_for(crt, host))
        return;
    snprintf(text, sizeof(text), "is not for %.128s, but for %s", host, c->names);
    put_problem(c, text);
}

static bool is_self_signed(const mbedtls_x509_crt *crt)
{
    return crt->issuer_raw.len == crt->subject_raw.len &&
           memcmp(crt->issuer_raw.p, crt->subject_raw.p, crt->issuer_raw.len) == 0;
}

static void judge_trust(const mbedtls_x509_crt *chain, uint32_t flags, struct tls_certificate *c)
{
    char text[2 * TLS_CERTIFICATE_TEXT];
    if (!(flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED))
        return;
    if (is_self_signed(chain))
        snprintf(text, sizeof(text), "is signed by nobody but itself");
    else if (!chain->next)
        snprintf(text, sizeof(text),
                 "is issued by %s, whom nobody here trusts, and comes without the certificate of "
                 "its issuer",
                 c->issuer);
    else
        snprintf(text, sizeof(text), "is issued by %s, whom nobody here trusts", c->issuer);
    put_problem(c, text);
}

static void judge_rest(uint32_t flags, struct tls_certificate *c)
{
    if (flags &
        (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY))
        put_problem(c, "has a key or a signature that is too weak");
    if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
                 MBEDTLS_X509_BADCERT_NS_CERT_TYPE))
        put_problem(c, "is not for servers");
    if (flags & MBEDTLS_X509_BADCERT_REVOKED)
        put_problem(c, "is revoked");
}

void tls_certificate_describe(const mbedtls_x509_crt *chain, uint32_t flags, const char *host,
                              time_t now, struct tls_certificate *ret)
{
    *ret = (struct tls_certificate){0};
    time_t left = seconds_of(&chain->valid_to) - now;
    ret->days_left = (long)((left - (left < 0 ? DAY_S - 1 : 0)) / DAY_S);
    list_names(chain, ret->names, sizeof(ret->names));
    name_issuer(chain, ret->issuer, sizeof(ret->issuer));
    judge_dates(chain, flags, now, ret);
    judge_names(chain, host, ret);
    judge_trust(chain, flags, ret);
    judge_rest(flags, ret);
}
