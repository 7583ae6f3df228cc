/* Who may do what: pages of other origins (CORS, the Fetch standard section 3.2), and anonymous
 * peers on listeners that are not on loopback. */
#include <string.h>
#include <strings.h>

#include "frontends/http/forwarding.h"
#include "frontends/http/host.h"
#include "frontends/http/http.h"
#include "frontends/loop.h"

#define PREFLIGHT_AGE "7200"

bool http_may_subscribe(const struct conn *c)
{
    return c->trusted || c->loop->settings->anonymous_subscribe;
}

bool http_may_see_status(const struct conn *c)
{
    const struct http *h = c->state;
    return c->trusted || c->loop->settings->anonymous_status ||
           (h->status_only && !h->foreign_host);
}

bool http_may_publish(const struct conn *c)
{
    return c->trusted || c->loop->settings->anonymous_publish;
}

/* --- the host --- */

/* A name besides loopback is only believed of who came directly, or through a proxy that is known:
 * one on this machine that is not would open the hub to all whom it serves. */
static bool is_own_host(const struct conn *c, const struct http_request *r)
{
    const struct settings *s = c->loop->settings;
    if (!r->has_host || host_is_loopback(r->host))
        return true;
    return host_is_listed(r->host, s->hosts, s->host_count) && (c->peer || !forwarding_is_said(r));
}

void http_access_host(struct conn *c, struct http *h)
{
    h->foreign_host = h->trusted && !c->local && !is_own_host(c, &h->request);
    if (h->foreign_host)
        c->trusted = false;
}

bool http_access_is_shut(const struct conn *c, const struct http *h)
{
    bool open = h->route && h->route->flags & HTTP_ROUTE_OPEN;
    return h->foreign_host && !open && !http_may_subscribe(c) && !http_may_publish(c) &&
           !c->loop->settings->anonymous_status;
}

void http_deny(struct conn *c, const char *detail)
{
    static const char foreign[] =
        "The Host of the request is none of this machine, so it may do as others elsewhere "
        "(access.anonymous): a proxy must be in http.trusted_proxies, another name of this machine "
        "in http.hosts";
    http_fail(c, 403, http_of(c)->foreign_host ? foreign : detail);
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

static bool is_known(const struct conn *c, const struct http *h, const char *origin)
{
    const char *authority = authority_of(origin);
    if (authority && (strcasecmp(authority, h->request.host) == 0 || host_is_loopback(authority)))
        return true;
    return is_listed(c->loop->settings, origin);
}

void http_access_origin(const struct conn *c, struct http *h)
{
    const char *origin = http_fields_get(h->request.fields, HTTP_FIELD_ORIGIN, NULL);
    h->origin_allowed = !origin || is_known(c, h, origin);
    if (!origin)
        return;
    http_add_field(h, "Vary", "Origin");
    if (h->origin_allowed) {
        http_add_field(h, "Access-Control-Allow-Origin", origin);
        http_add_field(h, "Access-Control-Allow-Credentials", "true");
    } else if (is_listed(c->loop->settings, "*")) {
        http_add_field(h, "Access-Control-Allow-Origin", "*");
        h->origin_allowed = true;
    } else {
        return;
    }
    http_add_field(h, "Access-Control-Expose-Headers",
                   "Longwire-Cursor, Longwire-Topic, Longwire-Event, Longwire-Gap, "
                   "Preference-Applied, Retry-After");
}

void http_access_options(struct conn *c, struct http *h)
{
    if (!h->origin_allowed) {
        http_fail(c, 403, "Pages of this origin have no access (see access.origin)");
        return;
    }
    if (http_fields_has(h->request.fields, HTTP_FIELD_ACCESS_CONTROL_REQUEST_METHOD)) {
        http_add_field(h, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
        http_add_field(h, "Access-Control-Allow-Headers",
                       "Content-Type, Last-Event-ID, Longwire-Event, Longwire-Expect-Last, "
                       "Idempotency-Key, Authorization, Cache-Control, Prefer");
        http_add_field(h, "Access-Control-Max-Age", PREFLIGHT_AGE);
    }
    http_reply(c, 204, NULL, NULL, 0);
}
