#include "http/http_access.h"

#include <string.h>
#include <strings.h>

#include "access/host.h"
#include "delivery/worker.h"
#include "http/forwarding.h"
#include "http/http_lines.h"

#define PREFLIGHT_AGE "7200"

bool http_may_subscribe(const struct conn *c)
{
    return c->trusted || worker_settings(c)->anonymous_subscribe;
}

bool http_may_see_status(const struct conn *c)
{
    return c->trusted || worker_settings(c)->anonymous_status;
}

bool http_may_publish(const struct conn *c)
{
    return c->trusted || worker_settings(c)->anonymous_publish;
}

/* --- the host --- */

/* A name besides loopback is only believed of who came directly, or through a proxy that is known:
 * one on this machine that is not would open the hub to all whom it serves. */
static bool is_own_host(const struct exchange *x)
{
    const struct settings *s = worker_settings(x->conn);
    if (!x->has_host || host_is_loopback(x->host))
        return true;
    return host_is_listed(x->host, s->hosts, s->host_count) &&
           (x->conn->peer || !forwarding_is_said(x->fields));
}

bool http_access_is_foreign_host(const struct exchange *x)
{
    return !x->conn->local && !is_own_host(x);
}

/* --- the origin --- */

/* "https://example.org:8443" -> "example.org:8443"; NULL when it is no such thing ("null"). */
static const char *authority_of(const char *origin)
{
    const char *p = strstr(origin, "://");
    return p && p[3] ? p + 3 : NULL;
}

static bool is_listed(const struct settings *s, const char *origin)
{
    for (size_t i = 0; i < s->origin_count; i++)
        if (strcasecmp(s->origins[i], origin) == 0)
            return true;
    return false;
}

static bool is_known(const struct exchange *x, const char *origin)
{
    const char *authority = authority_of(origin);
    if (authority && (strcasecmp(authority, x->host) == 0 || host_is_loopback(authority)))
        return true;
    return is_listed(worker_settings(x->conn), origin);
}

bool http_access_take_origin(struct exchange *x)
{
    const char *origin = http_fields_get(x->fields, HTTP_FIELD_ORIGIN, NULL);
    if (!origin)
        return true;
    bool known = is_known(x, origin), allowed = known || is_listed(worker_settings(x->conn), "*");
    exchange_add_field(x, "Vary", "Origin");
    if (!allowed)
        return false;
    exchange_add_field(x, "Access-Control-Allow-Origin", known ? origin : "*");
    if (known)
        exchange_add_field(x, "Access-Control-Allow-Credentials", "true");
    exchange_add_field(x, "Access-Control-Expose-Headers",
                       "Longwire-Cursor, Longwire-Topic, Longwire-Event, Longwire-Gap, "
                       "Preference-Applied, Retry-After");
    return true;
}

void http_access_put_preflight(const struct http_fields *fields, struct buf *lines)
{
    if (!http_fields_has(fields, HTTP_FIELD_ACCESS_CONTROL_REQUEST_METHOD))
        return;
    http_lines_gather(lines, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
    http_lines_gather(lines, "Access-Control-Allow-Headers",
                      "Content-Type, Last-Event-ID, Longwire-Event, Longwire-Expect-Last, "
                      "Idempotency-Key, Authorization, Cache-Control, Prefer");
    http_lines_gather(lines, "Access-Control-Max-Age", PREFLIGHT_AGE);
}
