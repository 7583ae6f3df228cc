#include "http/secure.h"

#include <stdio.h>
#include <string.h>

#include "delivery/worker.h"
#include "http/accept.h"
#include "http/exchange.h"
#include "http/forwarding.h"

enum { HTTPS_PORT = 443, PERMANENT_REDIRECT = 308 };

void secure_keep(struct exchange *x)
{
    char value[64];
    uint64_t seconds = worker_settings(x->conn)->hsts_ms / 1000;
    if (seconds == 0 || !link_is_secure(&x->conn->link))
        return;
    snprintf(value, sizeof(value), "max-age=%llu", (unsigned long long)seconds);
    exchange_add_field(x, "Strict-Transport-Security", value);
}

/* What a browser sends when somebody goes to a page, and neither fetch() nor curl unasked. */
static bool asks_for_page(const struct exchange *x)
{
    struct accept accept = {0};
    size_t n;
    if (!x->route || !(x->route->flags & HTTP_ROUTE_PAGE) || !(x->method & x->route->methods))
        return false;
    const char *value = http_fields_get(x->fields, HTTP_FIELD_ACCEPT, &n);
    for (; value; value = http_fields_next(x->fields, HTTP_FIELD_ACCEPT, value, &n))
        accept_add(&accept, value, n);
    return accept.page;
}

/* What a proxy passes on may have come to it by TLS. */
static bool came_without_tls(const struct exchange *x)
{
    const struct conn *c = x->conn;
    return !c->local && !x->status_only && !conn_is_proxied(c) && !forwarding_is_said(x->fields) &&
           !link_is_secure(&c->link);
}

/* HOST without its port. */
static size_t name_length(const char *host)
{
    return host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
}

static void put_address(const struct exchange *x, uint32_t port, struct buf *out)
{
    buf_puts(out, "https://");
    buf_append(out, x->host, name_length(x->host));
    if (port != HTTPS_PORT)
        buf_printf(out, ":%u", (unsigned)port);
    buf_append(out, x->url.path, x->url.path_len);
    if (x->url.query_len)
        buf_putc(out, '?');
    buf_append(out, x->url.query, x->url.query_len);
    buf_putc(out, '\0');
}

bool secure_redirect(struct exchange *x)
{
    static const char text[] = "This page is served over HTTPS only.\n";
    uint32_t port = worker_settings(x->conn)->redirect_https;
    struct buf address = {0};
    if (port == 0 || !x->has_host || !*x->host || !came_without_tls(x) || !asks_for_page(x))
        return false;
    put_address(x, port, &address);
    if (address.failed)
        exchange_fail_later(x, 503, 1, err_text(ERR_NOMEM));
    else {
        exchange_add_field(x, "Location", address.data);
        exchange_reply(x, PERMANENT_REDIRECT, "text/plain; charset=utf-8", text, sizeof(text) - 1);
    }
    buf_finish(&address);
    return true;
}
