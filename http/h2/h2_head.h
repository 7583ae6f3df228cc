/*
 * The head of a request, field by field as HPACK gives them: pseudo-fields first (RFC 9113 section
 * 8.3.1), which nghttp2 has looked at. One for a connection, since header blocks come one after the
 * other. Pure.
 */
#ifndef HTTP_H2_H2_HEAD_H
#define HTTP_H2_H2_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http_fields.h"

/* A head that is so many times as large as it may be is not worth reading to its end. */
enum { H2_HEAD_EXCESS = 4 };

struct h2_head {
    struct http_fields *fields; /* owned; NULL: no head is read, or its fields are none of ours */
    size_t size;                /* bytes so far, as SETTINGS_MAX_HEADER_LIST_SIZE counts them */
    size_t max;
    unsigned count; /* of fields that are no pseudo-fields */
    /* Places in the fields' text, 0: none; there is a zero in front of all. */
    uint32_t method, path, authority, protocol;
    /* What it is refused with, 0: nothing so far; one sentence without a full stop. */
    unsigned status;
    const char *reason;
};

/* A head begins, of MAX bytes at most; or TRAILERS, which are counted and dropped. False: out of
 * memory. */
bool h2_head_begin(struct h2_head *h, size_t max, bool trailers);
void h2_head_add(struct h2_head *h, const char *name, size_t name_len, const char *value,
                 size_t value_len);
/* Whether it is so large that no client means it. */
bool h2_head_is_excessive(const struct h2_head *h);
/* All of it is there: judges what is in several fields. */
void h2_head_end(struct h2_head *h);
/* The value of a pseudo-field, of the fields' memory; NULL: there is none. */
const char *h2_head_text(const struct h2_head *h, uint32_t at);
/* What it is for: the authority, or Host without one; NULL: neither. */
const char *h2_head_host(const struct h2_head *h);
/* Gives back what it has, if it has anything. */
void h2_head_finish(struct h2_head *h);

#endif
