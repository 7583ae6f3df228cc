/* What stands at which path of the hub's HTTP, and who answers there. */
#ifndef FRONTENDS_ROUTES_H
#define FRONTENDS_ROUTES_H

#include "http/http_routes.h"

extern const struct http_routes hub_routes;

#endif
