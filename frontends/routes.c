#include "frontends/routes.h"

#include "admin/http_status.h"
#include "frontends/poll/poll.h"
#include "frontends/sse/session.h"
#include "frontends/sse/sse.h"
#include "frontends/ws/ws.h"
#include "http/publish.h"
#include "http/subscribe.h"
#include "http/webfiles.h"

enum { READ = HTTP_GET | HTTP_HEAD };

static const struct subscribe_ways ways = {
    .poll = poll_start,
    .events = sse_start,
    .events_later = sse_answer_later,
    .websocket = ws_start,
};

/* Those of one path stand side by side, and have the same rights. */
static const struct http_route rows[] = {
    {"/t/", HTTP_POST, true, HTTP_ROUTE_MESSAGE, publish_http_head, publish_http_run, NULL},
    {"/t/", READ, true, 0, NULL, subscribe_http_run, &ways},
    {"/t", HTTP_POST, false, 0, publish_http_batch_head, publish_http_batch_run, NULL},
    {"/t", READ, false, 0, NULL, subscribe_http_run, &ways},
    {"/ws", HTTP_GET, false, 0, NULL, ws_http_run, &ways},
    {"/session/", HTTP_POST, true, 0, session_http_head, session_http_run, NULL},
    {"/cursor", READ, false, 0, NULL, http_status_cursor, NULL},
    {"/healthz", READ, false, HTTP_ROUTE_OPEN | HTTP_ROUTE_STATUS, NULL, http_status_health, NULL},
    {"/readyz", READ, false, HTTP_ROUTE_STATUS | HTTP_ROUTE_PRIVATE, NULL, http_status_ready, NULL},
    {"/metrics", READ, false, HTTP_ROUTE_STATUS | HTTP_ROUTE_PRIVATE, NULL, http_status_metrics,
     NULL},
    {"/longwire.js", READ, false, 0, NULL, webfiles_client, NULL},
    {"/demo/", READ, true, HTTP_ROUTE_PRIVATE, NULL, webfiles_demo, NULL},
    {"/", READ, false, HTTP_ROUTE_PRIVATE, NULL, webfiles_root, NULL},
};

const struct http_routes hub_routes = {rows, sizeof(rows) / sizeof(rows[0])};
