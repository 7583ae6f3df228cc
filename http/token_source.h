/*
 * Where a request has its token: `Authorization: Bearer` (RFC 6750 section 2.1), a cookie, the
 * parameter `token`, or, of a WebSocket, a subprotocol `bearer.TOKEN`. Knows nothing of what a
 * token says.
 */
#ifndef HTTP_TOKEN_SOURCE_H
#define HTTP_TOKEN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "http/http_fields.h"
#include "http/url.h"

enum { TOKEN_SOURCE_MAX = 8192 /* bytes of a token, wherever it stands */ };

/* What one is looked for in; all is borrowed. */
struct token_source {
    const struct http_fields *fields;
    struct url url;
    const char *cookie; /* the name of the one that may hold it; NULL: none may */
    bool query;         /* it may stand in the query */
    bool websocket;     /* it may be a subprotocol */
};

struct token_found {
    const char *text; /* borrowed from the request, or `decoded` */
    size_t n;
    char decoded[TOKEN_SOURCE_MAX + 1];
};

/* Finds it. ERR_NOT_FOUND: there is none. ERR_INVALID: several that are not the same, or something
 * that begins like one and is none (RFC 6750 section 3.1, invalid_request); *RET_FAULT is the
 * sentence for that. */
MUST_CHECK enum err token_source_find(const struct token_source *s, struct token_found *ret,
                                      const char **ret_fault);

#endif
