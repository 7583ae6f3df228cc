/*
 * HTTP/1.1 responses as bytes (RFC 9110, RFC 9112), and problem documents (RFC 9457). Pure: time
 * comes in as an argument. All of it appends to a buffer; check `failed` once at the end.
 *
 *     http_response_start(out, 200, http_date(&date, now_ms));
 *     http_response_header(out, "Cache-Control", "no-store");
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

/* The interim answer to `Expect: 100-continue` (RFC 9110 section 15.2.1). */
#define HTTP_CONTINUE     "HTTP/1.1 100 Continue\r\n\r\n"
#define HTTP_PROBLEM_TYPE "application/problem+json"

/* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL. */
#define HTTP_DATE_SIZE 30
/* As much as the head of an answer with a guard takes. */
#define HTTP_CREATED_SIZE 480

/* The Date of the last second that was asked for; begins zeroed. One for each thread. */
struct http_date {
    uint64_t second; /* since the Unix epoch */
    char text[HTTP_DATE_SIZE];
};

/* The IMF-fixdate (RFC 9110 section 5.6.7) of a Unix time in ms; valid until the next call. */
const char *http_date(struct http_date *d, uint64_t time_ms);
/* The reason phrase of STATUS; a constant string, "" for a status that is not used here. */
const char *http_reason(unsigned status);

/* The status line and the Date; the version is our own, whatever the request's is (section 6.2). */
void http_response_start(struct buf *out, unsigned status, const char *date);
/* One field. Control characters in VALUE are left out, so that no value can end its line. */
void http_response_header(struct buf *out, const char *name, const char *value);
void http_response_header_u64(struct buf *out, const char *name, uint64_t value);
/* The same to FIELDS, lines that are gathered for a coming answer, of which mostly few follow. */
void http_response_add_field(struct buf *fields, const char *name, const char *value);
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
    const char *type;         /* Content-Type; none for 204 */
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

/* A complete answer that says what went wrong. All borrowed. */
struct http_problem {
    unsigned status;     /* 4xx or 5xx */
    const char *detail;  /* one sentence; may hold a peer's text, any bytes */
    size_t detail_len;   /* 0: no detail */
    const char *headers; /* more fields, each as "Name: value\r\n", or NULL */
    unsigned minor;      /* of the request's version */
    bool keep_alive;     /* the connection stays open */
    bool head;           /* the answer to HEAD: no body follows */
};

void http_response_problem(struct buf *out, const struct http_problem *p, const char *date);
/* The document alone: type "about:blank", title, status and detail. Bytes of DETAIL that are not
 * UTF-8 become '?'. */
void http_problem_body(struct buf *out, unsigned status, const char *detail, size_t n);
/* The same in two parts, for members of one's own between them (RFC 9457 section 3.2), each with a
 * comma before it. */
void http_problem_begin(struct buf *out, unsigned status, const char *detail, size_t n);
void http_problem_end(struct buf *out);

#endif
