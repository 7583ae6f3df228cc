#include "daemon/frontends.h"

#include <stddef.h>

#include "delivery/frontend.h"
#include "frontends/poll/poll.h"
#include "frontends/resp/resp_protocol.h"
#include "frontends/sse/sse.h"
#include "frontends/ws/ws.h"
#include "http/audit.h"
#include "http/bearer.h"
#include "http/h1/h1_protocol.h"
#include "http/h1/h1_silent.h"
#include "http/h2/h2_protocol.h"
#include "http/tokens.h"
#include "http/webhook/webhook.h"
#include "net/proxy.h"
#include "net/service.h"
#include "net/tls/tls_accept.h"

const struct frontend *const frontends[] = {
    &sse_frontend, &ws_frontend,     &poll_frontend,   &resp_frontend,  &h1_frontend,
    &h2_frontend,  &bearer_frontend, &tokens_frontend, &audit_frontend, &webhook_frontend,
    NULL,
};

static void begin_http(struct conn *c, const struct ip_port *from, bool status_only)
{
    if (conn_accepted(c, from) == ERR_NOMEM)
        conn_close(c, CLOSE_NOMEM);
    else
        h1_accepted(c, status_only);
}

static void http_comes(struct conn *c, const struct service *s, const struct ip_port *from)
{
    (void)s;
    begin_http(c, from, false);
}

static void status_comes(struct conn *c, const struct service *s, const struct ip_port *from)
{
    (void)s;
    begin_http(c, from, true);
}

static const struct service proxied = {
    .protocol = &proxy_protocol,
    .accepted = proxy_accepted,
    .behind = &frontends_http,
};

const struct service frontends_http = {
    .protocol = &h1_silent_protocol,
    .accepted = http_comes,
    .adopt = h1_adopt,
    .proxied = &proxied,
};

const struct service frontends_h2 = {.protocol = &h2_protocol, .adopt = h2_adopt_whole};

static void tls_comes(struct conn *c, const struct service *s, const struct ip_port *from)
{
    if (conn_accepted(c, from) == ERR_NOMEM)
        conn_close(c, CLOSE_NOMEM);
    else
        tls_begin(c, s);
}

static void tls_adopt(struct conn *c)
{
    tls_begin(c, &frontends_https);
}

static const struct service proxied_tls = {
    .protocol = &proxy_protocol,
    .accepted = proxy_accepted,
    .behind = &frontends_https,
};

const struct service frontends_https = {
    .protocol = &tls_protocol,
    .accepted = tls_comes,
    .adopt = tls_adopt,
    .proxied = &proxied_tls,
    .within = &frontends_http,
    .within_h2 = &frontends_h2,
};

const struct service frontends_status = {.protocol = &h1_silent_protocol, .accepted = status_comes};

/* Whoever begins to speak HTTP there gets it: resp_protocol finds out. */
const struct service frontends_local = {.protocol = &resp_protocol};
