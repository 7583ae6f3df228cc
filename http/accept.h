/*
 * What a request says about media types: which answer it would like (Accept, RFC 9110 section
 * 12.5.1) and what its body is (Content-Type, section 8.3). Pure.
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What all Accept fields of a request come to; begins zeroed. Weights in thousandths. */
struct accept {
    unsigned events;    /* of text/event-stream by name, 0: not acceptable */
    unsigned json;      /* of application/json, by the closest range that names it */
    unsigned json_rank; /* how close: 0 nothing, 1 any type, 2 any application, 3 by name */
    bool page;          /* text/html by name */
};

/* Takes in one Accept field's value. Members that are malformed count for nothing. */
void accept_add(struct accept *a, const char *value, size_t n);
/* Whether the client asks for an event stream. It must name text/event-stream, since wildcards are
 * what every client sends by default; and not like JSON better. Of equals it is the event stream,
 * which nobody names by chance. */
bool accept_events(const struct accept *a);

/* "type/subtype" and its NUL. A longer name is of no type known here. */
enum { CONTENT_TYPE_MAX = 127 };

/* How a body is to be taken. */
enum content_kind {
    CONTENT_SNIFF, /* JSON object or array, else text when it is UTF-8, else binary */
    CONTENT_JSON,
    CONTENT_TEXT,
    CONTENT_BINARY,
};

struct content_type {
    char name[CONTENT_TYPE_MAX + 1]; /* lower case, without parameters */
    enum content_kind kind;
};

/* Parses the value of Content-Type; parameters must be well-formed and are dropped, charset too:
 * everything is UTF-8 here. JSON: application/json, text/json and anything +json; text: other text
 * types; sniff: application/x-www-form-urlencoded, which is what `curl -d` sends unasked; binary:
 * the rest. ERR_INVALID: malformed or longer than CONTENT_TYPE_MAX. */
MUST_CHECK enum err content_type_parse(const char *value, size_t n, struct content_type *ret);

#endif
