/*
 * HTTP/1.1 responses as bytes (RFC 9110, RFC 9112). Pure: time comes in as an argument. All of it
 * appends to a buffer; check `failed` once at the end.
 *
 *     http_response_start(out, 200, http_date(&date, now_ms));
 *     http_lines_put(out, "Cache-Control", "no-store");
 *     http_response_connection(out, request.minor, request.keep_alive);
 *     http_response_content(out, "application/json", n);
 *     http_response_end(out);
 */
#ifndef HTTP_H1_HTTP_RESPONSE_H
#define HTTP_H1_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/http_date.h"

/* The interim answer to `Expect: 100-continue` (RFC 9110 section 15.2.1). */
#define HTTP_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

/* As much as the head of an answer with a guard takes. */
#define HTTP_CREATED_SIZE 480

/* The status line and the Date; the version is our own, whatever the request's is (section 6.2). */
void http_response_start(struct buf *out, unsigned status, const char *date);
/* Connection: what a peer that speaks HTTP/1.MINOR must be told, which may be nothing. */
void http_response_connection(struct buf *out, unsigned minor, bool keep_alive);
/* Content-Type and Content-Length. */
void http_response_content(struct buf *out, const char *type, uint64_t length);
/* The empty line. */
void http_response_end(struct buf *out);

/* A complete answer. All borrowed. */
struct http_answer {
    unsigned status;
    unsigned minor;           /* of the request's version */
    bool keep_alive;          /* the connection stays open */
    bool head;                /* the answer to HEAD: no body follows */
    const struct buf *fields; /* more fields, as lines; if it has failed, OUT does, too */
    const char *guard;        /* the lines that say what browsers may do with it */
    const char *type;         /* Content-Type; none without content */
    const char *body;
    size_t body_len;
};

void http_response_answer(struct buf *out, const struct http_answer *a, const char *date);

/* The beginning of 201 answers of one date, which are many; begins zeroed. One for each thread and
 * guard. */
struct http_created {
    char date[HTTP_DATE_SIZE];
    uint32_t len;
    char text[HTTP_CREATED_SIZE];
};

/* A complete 201 with N bytes of JSON, for HTTP/1.1, in a connection that stays open. */
void http_response_created(struct buf *out, struct http_created *k, const char *guard,
                           const char *date, const char *body, size_t n);

#endif
