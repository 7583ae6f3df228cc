/* What stands at which path. */
#include <stdlib.h>
#include <string.h>

#include "frontends/http/http.h"
#include "frontends/http/http_status.h"
#include "frontends/http/webfiles.h"
#include "frontends/publish.h"
#include "frontends/session.h"
#include "frontends/subscribe.h"

static const struct http_route routes[] = {
    {"/t/", HTTP_GET | HTTP_HEAD | HTTP_POST, true, HTTP_ROUTE_MESSAGE, topic_http_head,
     topic_http_run},
    {"/t", HTTP_GET | HTTP_HEAD | HTTP_POST, false, 0, topics_http_head, topics_http_run},
    {"/ws", HTTP_GET, false, 0, NULL, subscribe_http_websocket},
    {"/session/", HTTP_POST, true, 0, session_http_head, session_http_run},
    {"/cursor", HTTP_GET | HTTP_HEAD, false, 0, NULL, http_status_cursor},
    {"/healthz", HTTP_GET | HTTP_HEAD, false, HTTP_ROUTE_OPEN | HTTP_ROUTE_STATUS, NULL,
     http_status_health},
    {"/readyz", HTTP_GET | HTTP_HEAD, false, HTTP_ROUTE_STATUS | HTTP_ROUTE_PRIVATE, NULL,
     http_status_ready},
    {"/metrics", HTTP_GET | HTTP_HEAD, false, HTTP_ROUTE_STATUS | HTTP_ROUTE_PRIVATE, NULL,
     http_status_metrics},
    {"/longwire.js", HTTP_GET | HTTP_HEAD, false, 0, NULL, webfiles_client},
    {"/demo/", HTTP_GET | HTTP_HEAD, true, HTTP_ROUTE_PRIVATE, NULL, webfiles_demo},
    {"/", HTTP_GET | HTTP_HEAD, false, HTTP_ROUTE_PRIVATE, NULL, webfiles_root},
};

static bool matches(const struct http_route *r, const struct url *u)
{
    size_t n = strlen(r->path);
    if (r->takes_rest)
        return u->path_len > n && memcmp(u->path, r->path, n) == 0;
    return u->path_len == n && memcmp(u->path, r->path, n) == 0;
}

/* Nothing of the path is encoded, and it ends with a NUL as names do. */
static bool stands_plain(const struct url *u)
{
    return u->path[u->path_len] == '\0' && !memchr(u->path, '%', u->path_len);
}

/* Decodes what follows the route's path into h->name. */
static unsigned decode_rest(struct http *h, const struct http_route *r)
{
    size_t skip = strlen(r->path), n = h->url.path_len - skip;
    if (stands_plain(&h->url)) {
        h->name = (char *)(uintptr_t)h->url.path + skip;
        h->name_len = n;
        h->name_borrowed = true;
        return 0;
    }
    h->name = malloc(n + 1);
    if (!h->name)
        return 503;
    return url_decode(h->url.path + skip, n, h->name, n + 1, &h->name_len) == ERR_OK ? 0 : 400;
}

const struct http_route *http_route_find(struct http *h, unsigned *ret_status)
{
    *ret_status = 404;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!matches(&routes[i], &h->url))
            continue;
        if (h->status_only && !(routes[i].flags & HTTP_ROUTE_STATUS))
            return NULL;
        unsigned status = routes[i].takes_rest ? decode_rest(h, &routes[i]) : 0;
        if (status)
            *ret_status = status;
        return status ? NULL : &routes[i];
    }
    return NULL;
}
