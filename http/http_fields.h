/*
 * The header fields of one request, found by number: those that the hub knows are indexed when they
 * are added, so that a look-up is a load, and that one is there twice is known at once. Knows no
 * version of HTTP: whoever reads a head adds its fields, whoever answers looks them up.
 *
 * Names are the same in any letter case. Values are without the whitespace around them and
 * NUL-terminated; they may stay until the fields are given back.
 */
#ifndef HTTP_HTTP_FIELDS_H
#define HTTP_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The fields that are known, shorter names first (http_fields.c finds them by length). ONCE: it has
 * one value, not a list (RFC 9110 section 5.3), so where it stands twice, two readers may take
 * different ones. Host and Content-Length, which have sentences of their own, are judged where they
 * are read.
 */
#define HTTP_FIELD_TABLE(MANY, ONCE)                                                               \
    MANY(VIA, "Via")                                                                               \
    ONCE(DATE, "Date")                                                                             \
    ONCE(FROM, "From")                                                                             \
    MANY(HOST, "Host")                                                                             \
    ONCE(RANGE, "Range")                                                                           \
    MANY(ACCEPT, "Accept")                                                                         \
    MANY(EXPECT, "Expect")                                                                         \
    ONCE(ORIGIN, "Origin")                                                                         \
    MANY(PREFER, "Prefer")                                                                         \
    ONCE(REFERER, "Referer")                                                                       \
    MANY(UPGRADE, "Upgrade")                                                                       \
    ONCE(IF_RANGE, "If-Range")                                                                     \
    MANY(FORWARDED, "Forwarded")                                                                   \
    ONCE(X_REAL_IP, "X-Real-IP")                                                                   \
    MANY(CONNECTION, "Connection")                                                                 \
    ONCE(USER_AGENT, "User-Agent")                                                                 \
    ONCE(CONTENT_TYPE, "Content-Type")                                                             \
    ONCE(MAX_FORWARDS, "Max-Forwards")                                                             \
    ONCE(AUTHORIZATION, "Authorization")                                                           \
    ONCE(CONTENT_RANGE, "Content-Range")                                                           \
    MANY(IF_NONE_MATCH, "If-None-Match")                                                           \
    ONCE(LAST_EVENT_ID, "Last-Event-ID")                                                           \
    MANY(CONTENT_LENGTH, "Content-Length")                                                         \
    ONCE(LONGWIRE_EVENT, "Longwire-Event")                                                         \
    MANY(ACCEPT_ENCODING, "Accept-Encoding")                                                       \
    ONCE(IDEMPOTENCY_KEY, "Idempotency-Key")                                                       \
    MANY(X_FORWARDED_FOR, "X-Forwarded-For")                                                       \
    MANY(CONTENT_ENCODING, "Content-Encoding")                                                     \
    ONCE(CONTENT_LOCATION, "Content-Location")                                                     \
    ONCE(IF_MODIFIED_SINCE, "If-Modified-Since")                                                   \
    ONCE(SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key")                                                   \
    MANY(TRANSFER_ENCODING, "Transfer-Encoding")                                                   \
    ONCE(IF_UNMODIFIED_SINCE, "If-Unmodified-Since")                                               \
    ONCE(PROXY_AUTHORIZATION, "Proxy-Authorization")                                               \
    ONCE(LONGWIRE_EXPECT_LAST, "Longwire-Expect-Last")                                             \
    ONCE(SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version")                                           \
    MANY(SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol")                                         \
    MANY(SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions")                                     \
    ONCE(ACCESS_CONTROL_REQUEST_METHOD, "Access-Control-Request-Method")

enum { HTTP_FIELDS_MAX = 100 /* lines that a request may have */ };

enum http_field {
#define HTTP_FIELD_NUMBER(number, name) HTTP_FIELD_##number,
    HTTP_FIELD_TABLE(HTTP_FIELD_NUMBER, HTTP_FIELD_NUMBER)
#undef HTTP_FIELD_NUMBER
        HTTP_FIELD_X_FORWARDED, /* any other whose name begins with "X-Forwarded-" */
    HTTP_FIELD_UNKNOWN,         /* those behind are not counted */
};

struct http_fields {
    /* What the owner has put there first; then, from `begin` on, NAME NUL VALUE NUL of each field,
     * in their order, the unknown ones too. */
    struct buf text;
    uint32_t begin;
    uint64_t present, repeated; /* bits of enum http_field */
    struct {
        uint32_t at, len;
    } values[HTTP_FIELD_UNKNOWN]; /* in `text`, of the first of those that are present */
    uint32_t shares;              /* how many more than one have them */
    struct http_fields *next_spare;
};

/* Fields without text, mostly from memory that this thread used for those before. NULL: out of
 * memory. */
struct http_fields *http_fields_take(void);
/* F is complete: one more has it, on this thread, and gives it back. */
struct http_fields *http_fields_share(struct http_fields *f);
/* NULL is accepted. */
void http_fields_give_back(struct http_fields *f);
/* When this thread ends: frees what it keeps for the next ones. */
void http_fields_finish_thread(void);
/* How many bytes F takes; NULL is accepted. */
size_t http_fields_held(const struct http_fields *f);

/* Which field has that name, a token (field.h). */
enum http_field http_field_find(const char *name, size_t n);
/* Adds a field; NAME is a token. NAME and VALUE, which is behind it, may stand behind the text in
 * its memory, with a byte between them and one behind. Sets text.failed when out of memory. */
void http_fields_add(struct http_fields *f, const char *name, size_t name_len, const char *value,
                     size_t value_len);

/* All fields of FROM go behind the text of F, which has none yet, as they were added there. Sets
 * text.failed when out of memory. */
void http_fields_add_all(struct http_fields *f, const struct http_fields *from);
/* Fields of their own like those of F, in no more memory than they need; given back like others.
 * NULL: out of memory. */
struct http_fields *http_fields_copy(const struct http_fields *f);

/* F may be NULL in what follows: then there are none. */

static inline bool http_fields_has(const struct http_fields *f, enum http_field which)
{
    return f && f->present >> which & 1;
}
/* The value of the first WHICH; *RET_LEN (may be NULL) is its length. NULL: there is none. */
static inline const char *http_fields_get(const struct http_fields *f, enum http_field which,
                                          size_t *ret_len)
{
    if (!http_fields_has(f, which))
        return NULL;
    if (ret_len)
        *ret_len = f->values[which].len;
    return f->text.data + f->values[which].at;
}
/* The same for the next one behind VALUE, which one of these two has returned. */
const char *http_fields_next(const struct http_fields *f, enum http_field which, const char *value,
                             size_t *ret_len);
/* The value of the first field of that name, in any letter case, be it known or not; AFTER not
 * NULL: of the next one behind that value. *RET_LEN (may be NULL) is its length. NULL: there is
 * none. */
const char *http_fields_named(const struct http_fields *f, const char *name, const char *after,
                              size_t *ret_len);
/* Whether the comma-separated lists in all fields WHICH have TOKEN as a member, in any letter case:
 * (HTTP_FIELD_CONNECTION, "close"). */
bool http_fields_has_token(const struct http_fields *f, enum http_field which, const char *token);
/* What to say of a field that has one value and stands there twice: a sentence without its full
 * stop. NULL: there is none. */
const char *http_fields_fault(const struct http_fields *f);

#endif
