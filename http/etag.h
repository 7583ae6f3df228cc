/*
 * Entity tags: whether a client has what it asks for already (If-None-Match, RFC 9110 section
 * 13.1.2). Pure.
 */
#ifndef HTTP_ETAG_H
#define HTTP_ETAG_H

#include <stdbool.h>
#include <stddef.h>

struct http_fields;

/* Whether TAG, a strong one with its quotes, is among those of one field's value, by the weak
 * comparison (section 8.8.3.2); "*" is any. */
bool etag_is_among(const char *tag, const char *value, size_t n);
/* Whether it is among those of the If-None-Match of F, which may be NULL. */
bool etag_is_known(const char *tag, const struct http_fields *f);

#endif
