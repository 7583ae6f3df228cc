/* Small documents about the hub itself: health, readiness, metrics, the head's cursor. */
#ifndef ADMIN_HTTP_STATUS_H
#define ADMIN_HTTP_STATUS_H

#include "http/http.h"

void http_status_cursor(struct conn *c, struct http *h);
/* The process runs. */
void http_status_health(struct conn *c, struct http *h);
/* Publishes are delivered: sends an empty one all the way through the broker and back. */
void http_status_ready(struct conn *c, struct http *h);
/* Prometheus text, version 0.0.4. */
void http_status_metrics(struct conn *c, struct http *h);

#endif
