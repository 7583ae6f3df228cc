/*
 * Request targets taken apart (RFC 3986): path, query, parameters, authority. Pure; what is
 * returned points into the text that was given, except decoded text.
 *
 * Parameters are `name=value` joined by '&', each percent-decoded exactly once. A literal '+' stays
 * a '+' in names and values alike: this is RFC 3986, not HTML form encoding, because topic patterns
 * (`topic=prices/+`) and RFC 3339 offsets (`after=2026-11-22T09:31:15+02:00`) need it and would
 * otherwise be changed without notice. A space is `%20`.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* "/path?query" in its two parts; also the cursor of url_next_param over the query. */
struct url {
    const char *path; /* begins with '/' (or is "*"), still encoded */
    size_t path_len;
    const char *query; /* behind the '?', still encoded */
    size_t query_len;  /* 0: none */
};

struct url_param {
    const char *name; /* still encoded, as the value */
    size_t name_len;  /* 0: "=value" */
    const char *value;
    size_t value_len; /* 0: "name=" or "name" */
};

void url_split(const char *target, size_t n, struct url *ret);
/* Takes the next parameter off U's query; empty ones ("&&") are skipped. False: no more. */
bool url_next_param(struct url *u, struct url_param *ret);
/* Whether P's name, decoded, is NAME. */
bool url_param_is(const struct url_param *p, const char *name);
/* Every '%' has two hexadecimal digits behind it, and none of them stands for NUL. */
bool url_escapes_valid(const char *text, size_t n);
/* Decodes once into OUT (SIZE bytes, at least 1), adding a NUL that *RET_LEN does not count. OUT
 * may be TEXT when SIZE > N. ERR_INVALID: a bad escape or a NUL; ERR_TOO_LARGE: OUT is too small.
 */
MUST_CHECK enum err url_decode(const char *text, size_t n, char *out, size_t size, size_t *ret_len);

/* "http://authority/path?query", or https, in its two parts. */
struct url_absolute {
    const char *authority; /* host and optional port, valid and not empty */
    size_t authority_len;
    const char *rest; /* "", or begins with '/' or '?' */
    size_t rest_len;
};

/* ERR_INVALID: another scheme, user information (RFC 9110 section 4.2.4), no valid host. */
MUST_CHECK enum err url_split_absolute(const char *text, size_t n, struct url_absolute *ret);
/* host [":" port] of RFC 3986 section 3.2 with a port up to 65535; an empty host counts as valid.
 */
bool url_authority_valid(const char *text, size_t n);

#endif
