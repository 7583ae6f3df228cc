/*
 * What stands at which path: a table that is handed in (dispatch_set_routes), so that HTTP knows
 * none of those who answer. Pure.
 */
#ifndef HTTP_HTTP_ROUTES_H
#define HTTP_HTTP_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "http/url.h"

struct exchange;

enum http_method {
    HTTP_GET = 1,
    HTTP_HEAD = 2,
    HTTP_POST = 4,
    HTTP_OPTIONS = 8,
    HTTP_OTHER = 16, /* of RFC 9110 or RFC 5789, but for no path here */
    HTTP_UNKNOWN = 32
};

enum {
    HTTP_ROUTE_OPEN = 1,     /* to everybody who reaches the listener, whatever the Host */
    HTTP_ROUTE_STATUS = 2,   /* on listeners for figures and readiness, too */
    HTTP_ROUTE_PRIVATE = 4,  /* only for those who may see the hub's status */
    HTTP_ROUTE_MESSAGE = 8,  /* its body is looked at once, as a whole */
    HTTP_ROUTE_PAGE = 16,    /* what people go to with a browser */
    HTTP_ROUTE_ANYBODY = 32, /* whose it is does not matter: its token is not looked at */
    HTTP_ROUTE_EVENTS = 64,  /* of subscribing (subscribe.h), where tokens that are over are told
                                in their own way */
};

/* The first two members of a row. */
#define HTTP_PATH(text) (text), sizeof(text) - 1

/* What some methods of a path do. */
struct http_route {
    const char *path; /* takes_rest: ends with a "/", and there is more behind it */
    size_t path_len;
    unsigned methods; /* enum http_method */
    bool takes_rest;
    unsigned flags; /* HTTP_ROUTE_… */
    /* Once the head is there: may answer at once. NULL: nothing to check. */
    void (*head)(struct exchange *x);
    /* The whole request is there; again after exchange_go_on_later(). */
    void (*run)(struct exchange *x);
    const void *ctx; /* for these two */
};

/* Constant. The rows of one path have the same rest, flags OPEN, STATUS and PRIVATE. */
struct http_routes {
    const struct http_route *rows;
    size_t count;
};

/* The row of a path for METHOD, one bit; for a method that the path does not take, one of the
 * path's. NULL: there is nothing at this path. */
const struct http_route *http_routes_find(const struct http_routes *t, const struct url *u,
                                          unsigned method);
/* All methods that the path of R takes; OPTIONS always is besides. */
unsigned http_routes_methods(const struct http_routes *t, const struct http_route *r);
/* What stands in U behind the path of R, decoded: in place if it can (*RET_BORROWED), else
 * allocated. ERR_NOMEM, and ERR_INVALID for what cannot be decoded. */
MUST_CHECK enum err http_route_rest(const struct http_route *r, const struct url *u, char **ret,
                                    size_t *ret_len, bool *ret_borrowed);

#endif
