#include "http/http_access.h"

#include "access/host.h"
#include "access/origin.h"
#include "delivery/worker.h"
#include "http/forwarding.h"
#include "http/http_lines.h"

#define PREFLIGHT_AGE "7200"

static struct access_client client_of(const struct conn *c)
{
    return (struct access_client){
        .trusted = c->trusted,
        .socket = c->local,
        .anonymous = worker_settings(c)->anonymous,
    };
}

bool http_may(const struct conn *c, enum access_right right)
{
    struct access_client client = client_of(c);
    return access_may(worker_settings(c)->access, &client, right);
}

bool http_may_nothing(const struct conn *c)
{
    struct access_client client = client_of(c);
    return access_is_none(worker_settings(c)->access, &client);
}

bool http_access_is_foreign_host(const struct exchange *x)
{
    const struct settings *s = worker_settings(x->conn);
    bool directly = s->host_count && (conn_is_proxied(x->conn) || !forwarding_is_said(x->fields));
    const char *host = x->has_host ? x->host : NULL;
    return !x->conn->local && !host_is_own(host, s->hosts, s->host_count, directly);
}

bool http_access_take_origin(struct exchange *x)
{
    const char *origin = http_fields_get(x->fields, HTTP_FIELD_ORIGIN, NULL);
    if (!origin)
        return true;
    const struct settings *s = worker_settings(x->conn);
    enum origin_access access = origin_judge(origin, x->host, s->origins, s->origin_count);
    exchange_add_field(x, "Vary", "Origin");
    if (access == ORIGIN_REFUSED)
        return false;
    exchange_add_field(x, "Access-Control-Allow-Origin", access == ORIGIN_KNOWN ? origin : "*");
    if (access == ORIGIN_KNOWN)
        exchange_add_field(x, "Access-Control-Allow-Credentials", "true");
    /* So that they know which protocol carried it (longwire.js, shared). */
    exchange_add_field(x, "Timing-Allow-Origin", access == ORIGIN_KNOWN ? origin : "*");
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
