#include "http/dispatch.h"

#include <string.h>

#include "http/audit.h"
#include "http/forwarding.h"
#include "http/http_access.h"
#include "http/judge.h"
#include "http/secure.h"

static const char no_memory[] = "The hub is out of memory";

/* What stands at which path; written before there is a connection. */
static const struct http_routes *routes;

void dispatch_set_routes(const struct http_routes *r)
{
    routes = r;
}

enum http_method dispatch_method(const char *name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"GET", HTTP_GET},         {"POST", HTTP_POST},   {"HEAD", HTTP_HEAD},
        {"OPTIONS", HTTP_OPTIONS}, {"PUT", HTTP_OTHER},   {"DELETE", HTTP_OTHER},
        {"PATCH", HTTP_OTHER},     {"TRACE", HTTP_OTHER},
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(name, methods[i].name) == 0)
            return methods[i].method;
    return HTTP_UNKNOWN;
}

/* Finds the route of what is asked; *RET_STATUS says why there is none. */
static const struct http_route *find_route(struct exchange *x, unsigned *ret_status)
{
    const struct http_route *r = http_routes_find(routes, &x->url, x->method);
    bool borrowed;
    *ret_status = 404;
    if (!r || (x->status_only && !(r->flags & HTTP_ROUTE_STATUS)))
        return NULL;
    if (!r->takes_rest)
        return r;
    enum err e = http_route_rest(r, &x->url, &x->name, &x->name_len, &borrowed);
    x->name_borrowed = borrowed;
    *ret_status = e == ERR_NOMEM ? 503 : 400;
    return e == ERR_OK ? r : NULL;
}

static void add_allow(struct exchange *x)
{
    unsigned methods = http_routes_methods(routes, x->route);
    char allow[64] = "";
    if (methods & HTTP_GET)
        strcat(allow, "GET, ");
    if (methods & HTTP_HEAD)
        strcat(allow, "HEAD, ");
    if (methods & HTTP_POST)
        strcat(allow, "POST, ");
    strcat(allow, "OPTIONS");
    exchange_add_field(x, "Allow", allow);
}

/* A GET may be an EventSource's, which is not to be told a 503. */
static void refuse_path(struct exchange *x, unsigned status)
{
    if (status != 503)
        exchange_fail(x, status,
                      status == 404 ? "There is nothing at this path" : "The path is not valid");
    else if (x->method == HTTP_GET)
        exchange_drop(x, CLOSE_NOMEM);
    else
        exchange_fail_later(x, 503, 1, no_memory);
}

/* On loopback listeners, a request for a foreign host counts as from elsewhere. */
static void judge_host(struct exchange *x)
{
    x->foreign_host = x->trusted && http_access_is_foreign_host(x);
    if (x->foreign_host)
        x->conn->trusted = false;
}

/* Whether its host leaves it without any right, and no token may give it one. */
static bool is_shut_out(const struct exchange *x)
{
    if (!x->foreign_host || (x->route && x->route->flags & HTTP_ROUTE_OPEN) ||
        http_takes_tokens(x->conn))
        return false;
    return http_may_nothing(x->conn);
}

static bool may_see_private(const struct exchange *x)
{
    return http_may(x->conn, ACCESS_STATUS) || (x->status_only && !x->foreign_host);
}

static void deny_host(struct exchange *x)
{
    audit_host(x->conn);
    exchange_deny(x, NULL);
}

static void deny_private(struct exchange *x)
{
    audit_private(x->conn);
    http_deny(x, "This is for clients on this machine, at http.metrics_listen, or where "
                 "access.anonymous has status");
}

/* Refuses, before a body is read, what this client may not ask for. False: it is answered. */
static bool check_access(struct exchange *x)
{
    if (is_shut_out(x))
        deny_host(x);
    else if (x->route && x->route->flags & HTTP_ROUTE_PRIVATE && !may_see_private(x))
        deny_private(x);
    else if (x->method == HTTP_POST && !x->origin_allowed)
        http_deny_origin(x, "Pages of this origin may not publish or change subscriptions (see "
                            "access.origin)");
    else
        return true;
    return false;
}

/* The same for what makes no sense; STATUS says why there is no route. */
static bool check_method(struct exchange *x, unsigned status)
{
    if (x->method == HTTP_UNKNOWN) {
        exchange_fail(x, 501, "The method is not known");
    } else if (!x->route) {
        refuse_path(x, status);
    } else if (!(x->route->methods & x->method)) {
        add_allow(x);
        exchange_fail(x, 405, "This path does not take this method");
    } else {
        return true;
    }
    return false;
}

/* Of a path, or of the hub as a whole ("*", RFC 9110 section 9.3.7). */
static bool asks_for_options(const struct exchange *x)
{
    bool whole = x->url.path_len == 1 && x->url.path[0] == '*';
    return x->method == HTTP_OPTIONS && (x->route || whole);
}

static void answer_options(struct exchange *x)
{
    if (x->route)
        add_allow(x);
    if (!x->origin_allowed) {
        http_deny_origin(x, "Pages of this origin have no access (see access.origin)");
        return;
    }
    http_access_put_preflight(x->fields, &x->lines);
    exchange_reply(x, 204, NULL, NULL, 0);
}

static void go_on(struct exchange *x, unsigned status)
{
    if (check_access(x) && check_method(x, status) && x->route->head)
        x->route->head(x);
}

void dispatch_head(struct exchange *x)
{
    struct conn *c = x->conn;
    unsigned status = 404;
    c->trusted = x->trusted;
    forwarding_take(c, x->fields);
    judge_host(x);
    x->body_max = 0;
    secure_keep(x);
    x->origin_allowed = http_access_take_origin(x);
    x->route = find_route(x, &status);
    if (secure_redirect(x))
        return;
    if (asks_for_options(x) && !is_shut_out(x))
        answer_options(x);
    else if (!x->route || judge(x) == JUDGED)
        go_on(x, status);
}

void dispatch_judged(struct exchange *x)
{
    go_on(x, 0);
}

void dispatch_run(struct exchange *x)
{
    x->route->run(x);
}
