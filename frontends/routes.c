#include "frontends/routes.h"

#include "admin/http_status.h"
#include "frontends/poll/poll.h"
#include "frontends/sse/session.h"
#include "frontends/sse/sse.h"
#include "frontends/ws/ws.h"
#include "http/presence.h"
#include "http/publish.h"
#include "http/subscribe.h"
#include "http/webfiles.h"

enum { READ = HTTP_GET | HTTP_HEAD };

static const struct subscribe_ways ways = {
    .poll = poll_start,
    .events = sse_start,
    .events_later = sse_answer_later,
    .events_over = sse_answer_over,
    .websocket = ws_start,
};

/* Those of one path stand side by side, and have the same rights. */
static const struct http_route rows[] = {
    {HTTP_PATH("/t/"), HTTP_POST, true, HTTP_ROUTE_MESSAGE, publish_http_head, publish_http_run,
     NULL},
    {HTTP_PATH("/t/"), READ, true, HTTP_ROUTE_EVENTS, NULL, subscribe_http_run, &ways},
    {HTTP_PATH("/t"), HTTP_POST, false, 0, publish_http_batch_head, publish_http_batch_run, NULL},
    {HTTP_PATH("/t"), READ, false, HTTP_ROUTE_EVENTS, NULL, subscribe_http_run, &ways},
    {HTTP_PATH("/ws"), HTTP_GET, false, 0, NULL, ws_http_run, &ways},
    {HTTP_PATH("/session/"), HTTP_POST, true, 0, session_http_head, session_http_run, NULL},
    {HTTP_PATH("/presence/"), READ, true, 0, NULL, presence_http_run, NULL},
    {HTTP_PATH("/cursor"), READ, false, 0, NULL, http_status_cursor, NULL},
    {HTTP_PATH("/healthz"), READ, false, HTTP_ROUTE_OPEN | HTTP_ROUTE_STATUS, NULL,
     http_status_health, NULL},
    {HTTP_PATH("/readyz"), READ, false, HTTP_ROUTE_STATUS | HTTP_ROUTE_PRIVATE, NULL,
     http_status_ready, NULL},
    {HTTP_PATH("/metrics"), READ, false, HTTP_ROUTE_STATUS | HTTP_ROUTE_PRIVATE, NULL,
     http_status_metrics, NULL},
    {HTTP_PATH("/longwire.js"), READ, false, HTTP_ROUTE_ANYBODY, NULL, webfiles_client, NULL},
    {HTTP_PATH("/demo/"), READ, true, HTTP_ROUTE_PRIVATE | HTTP_ROUTE_PAGE, NULL, webfiles_demo,
     NULL},
    {HTTP_PATH("/"), READ, false, HTTP_ROUTE_PRIVATE | HTTP_ROUTE_PAGE, NULL, webfiles_root, NULL},
};

const struct http_routes hub_routes = {rows, sizeof(rows) / sizeof(rows[0])};
