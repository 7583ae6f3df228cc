/* Who may do what: pages of other origins (CORS, the Fetch standard section 3.2), and anonymous
 * peers on listeners that are not on loopback. */
#include <string.h>
#include <strings.h>

#include "frontends/http/http.h"
#include "frontends/worker.h"

#define PREFLIGHT_AGE "7200"

bool http_may_subscribe(const struct conn *c)
{
    return c->trusted || c->worker->settings->anonymous_subscribe;
}

bool http_may_publish(const struct conn *c)
{
    return c->trusted || c->worker->settings->anonymous_publish;
}

/* "https://example.org:8443" -> "example.org:8443"; NULL when it is no such thing ("null"). */
static const char *authority_of(const char *origin)
{
    const char *p = strstr(origin, "://");
    return p && p[3] ? p + 3 : NULL;
}

static bool is_loopback(const char *authority)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(authority, names[i], n) == 0 && (!authority[n] || authority[n] == ':'))
            return true;
    }
    return false;
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
    if (authority && (strcasecmp(authority, h->request.host) == 0 || is_loopback(authority)))
        return true;
    return is_listed(c->worker->settings, origin);
}

void http_access_origin(const struct conn *c, struct http *h)
{
    const char *origin = http_request_header(&h->request, "Origin", NULL);
    h->origin_allowed = !origin || is_known(c, h, origin);
    if (!origin)
        return;
    http_add_field(h, "Vary", "Origin");
    if (h->origin_allowed) {
        http_add_field(h, "Access-Control-Allow-Origin", origin);
        http_add_field(h, "Access-Control-Allow-Credentials", "true");
    } else if (is_listed(c->worker->settings, "*")) {
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
    if (http_request_header(&h->request, "Access-Control-Request-Method", NULL)) {
        http_add_field(h, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
        http_add_field(h, "Access-Control-Allow-Headers",
                       "Content-Type, Last-Event-ID, Longwire-Event, Longwire-Expect-Last, "
                       "Idempotency-Key, Authorization, Cache-Control, Prefer");
        http_add_field(h, "Access-Control-Max-Age", PREFLIGHT_AGE);
    }
    http_reply(c, 204, NULL, NULL, 0);
}
