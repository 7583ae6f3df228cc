#include "http/auth_subject.h"

#include <string.h>

#include "access/token.h"
#include "base/ip.h"
#include "http/field.h"
#include "net/peer.h"

static void put(struct buf *out, const char *name, const char *value, size_t n)
{
    if (field_value_span(value, n) != n)
        return;
    buf_puts(out, name);
    buf_puts(out, ": ");
    buf_append(out, value, n);
    buf_puts(out, "\r\n");
}

static void put_text(struct buf *out, const char *name, const char *value)
{
    if (value && *value)
        put(out, name, value, strlen(value));
}

/* The field NAME as it came; several, of which only Cookie may have (RFC 9113 section 8.2.3), are
 * joined. */
static void put_field(struct buf *out, const struct auth_subject *s, const char *name)
{
    size_t n;
    const char *value = http_fields_named(s->fields, name, NULL, &n);
    if (!value)
        return;
    buf_puts(out, name);
    buf_puts(out, ": ");
    buf_append(out, value, n);
    while ((value = http_fields_named(s->fields, name, value, &n))) {
        buf_puts(out, "; ");
        buf_append(out, value, n);
    }
    buf_puts(out, "\r\n");
}

bool auth_subject_is_sound(const struct auth_subject *s)
{
    for (size_t i = 0; s->token && i < s->token_len; i++)
        if (!field_is_tchar(s->token[i]) && s->token[i] != '/' && s->token[i] != '=')
            return false;
    return !s->token || s->token_len > 0;
}

static void put_credentials(struct buf *out, const struct auth_subject *s)
{
    bool own = http_fields_has(s->fields, HTTP_FIELD_AUTHORIZATION);
    put_field(out, s, "Authorization");
    if (!own && s->token) {
        buf_puts(out, "Authorization: Bearer ");
        buf_append(out, s->token, s->token_len);
        buf_puts(out, "\r\n");
    }
    put_field(out, s, "Cookie");
}

/* False: it has none. */
static bool address_of(const struct conn *c, struct ip_port *ret)
{
    const struct peer *p = conn_peer(c);
    if (!p)
        return link_peer(&c->link, ret);
    *ret = p->client;
    return true;
}

/* Without the port, which is another one for each connection. */
static void put_address(struct buf *out, const struct auth_subject *s)
{
    struct ip_port at;
    char text[IP_TEXT_SIZE];
    if (!address_of(s->conn, &at))
        return;
    ip_format(&at.ip, text);
    put_text(out, "X-Forwarded-For", text);
}

/* By which of its origins a browser has come; a proxy that is trusted says so itself. */
static const char *scheme_of(const struct auth_subject *s)
{
    const char *said = http_fields_named(s->fields, "X-Forwarded-Proto", NULL, NULL);
    if (said && conn_is_proxied(s->conn))
        return said;
    return link_is_secure(&s->conn->link) ? "https" : "http";
}

void auth_subject_put(const struct auth_subject *s, struct buf *out)
{
    put_credentials(out, s);
    put_field(out, s, "Origin");
    put_field(out, s, "User-Agent");
    put_field(out, s, "Accept-Language");
    put_field(out, s, "Referer");
    put_address(out, s);
    put_text(out, "X-Forwarded-Host", s->host);
    put_text(out, "X-Forwarded-Proto", scheme_of(s));
    put_text(out, "X-Original-Method", s->method);
    if (s->target)
        put(out, "X-Original-URI", s->target, s->target_len);
}

/* The zero at its beginning is in no token: this has the hash of none. */
enum err auth_subject_hash(const struct auth_subject *s, unsigned char ret[PRINCIPAL_HASH_SIZE])
{
    struct buf all = {0};
    buf_putc(&all, '\0');
    put_credentials(&all, s);
    put_field(&all, s, "Origin");
    put_field(&all, s, "User-Agent");
    put_address(&all, s);
    if (!all.failed)
        token_hash(all.data, all.len, ret);
    enum err e = all.failed ? ERR_NOMEM : ERR_OK;
    buf_finish(&all);
    return e;
}
