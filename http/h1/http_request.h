/*
 * The HTTP/1.0 and 1.1 request reader (RFC 9110, RFC 9112): bytes in, events out, no I/O.
 *
 * Strict: a message that two readers could understand differently is refused, never repaired, and
 * the first violation is final. Bounded: each quantity that the peer chooses has a limit. Where the
 * input is cut makes no difference.
 *
 * A connection feeds what it has read and handles the event; what an event did not use is fed
 * again:
 *
 *     feed ---> MORE    all was used, the request is incomplete
 *           `-> HEAD    once: method, target, host and header fields are there
 *           `-> BODY    zero or more times: some decoded bytes of the body, in the fed data
 *           `-> DONE    the request is complete; the bytes behind it belong to the next one
 *           `-> ERROR   answer `status`, then close: the end of this request is not known
 *
 * DONE and ERROR repeat until http_request_finish and http_request_init start the next request.
 * DONE and the event after HEAD may come with no further input, so feed after each event.
 */
#ifndef HTTP_H1_HTTP_REQUEST_H
#define HTTP_H1_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/h1/chunk_reader.h"
#include "http/http_fields.h"

/* Limits that need no setting. */
enum {
    HTTP_EMPTY_LINES_MAX = 8, /* before a request line (RFC 9112 section 2.2) */
    HTTP_METHOD_MAX = 32,     /* bytes; a longer one is answered 501 */
};

struct http_limits {
    uint32_t head_bytes; /* request line and header fields with their line ends; the same again for
                            all chunk extensions and trailer fields of a body */
    uint32_t target_bytes; /* of the request target as sent */
    uint16_t headers;      /* header fields, less than 65,535 */
    uint64_t body_bytes;   /* decoded */
};

enum http_read {
    HTTP_READ_MORE,
    HTTP_READ_HEAD,
    HTTP_READ_BODY,
    HTTP_READ_DONE,
    HTTP_READ_ERROR,
};

/* In the order in which a request passes through them; http_request.c compares. */
enum http_state {
    HTTP_START,    /* nothing of the request is there */
    HTTP_START_LF, /* an empty line before it has begun */
    HTTP_REQUEST_LINE,
    HTTP_HEADER_LINE,
    HTTP_BODY,   /* of Content-Length */
    HTTP_CHUNKS, /* of a chunked body */
    HTTP_DONE,
    HTTP_FAILED,
};

struct http_request {
    /* From HEAD until http_request_finish; owned by the request, NUL-terminated. At ERROR NULL when
     * the head was not complete. */
    const char *method; /* a token; letter case counts */
    const char *target; /* "/path?query" or, for OPTIONS, "*"; the absolute form is reduced to it.
                           Visible ASCII, still percent-encoded (url.h) */
    const char *host; /* authority: from an absolute-form target, else from Host; "" when missing */
    struct http_fields *fields; /* the header fields; before HEAD the reader's own, maybe NULL */

    /* From HEAD on. */
    uint8_t minor;        /* HTTP/1.minor: 0, or 1 for anything newer */
    bool keep_alive;      /* the peer wants the connection to stay open; false at ERROR */
    bool expect_continue; /* "100 Continue" is waited for before the body is sent */
    bool has_body;        /* body bytes may follow */
    bool has_host;        /* an authority or a Host was sent, maybe an empty one */

    /* At ERROR: 400, 413, 414, 417, 431, 501, 505, or 503 when out of memory. */
    uint16_t status;
    union {
        const char *reason; /* the same as a constant English sentence without its full stop */
        struct {            /* At BODY: points into the fed data. Never empty. */
            const char *body;
            size_t body_len;
        };
    };

    /* Private. */
    const struct http_limits *limits;
    uint8_t state; /* enum http_state */
    bool cr : 1;   /* the last byte of the head was CR */
    uint8_t empty_lines : 4;
    uint16_t headers;
    uint32_t line;               /* bytes of the line that is still incomplete: they lie behind what
                                              is parsed, fields->text: "METHOD\0[AUTHORITY\0]TARGET\0" and then
                                              the fields */
    uint32_t target_at, host_at; /* where they begin there */
    struct chunk_reader chunks;  /* its `seen` is that of the head before, its `left` that of a body
                                    with a length, too */
    uint64_t body_total;         /* sizes of all chunks so far */
};

/* In place; allocates nothing. LIMITS is borrowed until http_request_finish. */
void http_request_init(struct http_request *r, const struct http_limits *limits);
/* Frees what was buffered. The request may then be initialised again; twice is harmless. */
void http_request_finish(struct http_request *r);
/* Feeds N bytes and returns the next event; *USED says how many of them it took. */
enum http_read http_request_feed(struct http_request *r, const char *data, size_t n, size_t *used);
/* For who knows what the header fields are (http_familiar.h): R, of HTTP/1.1 and behind its request
 * line, gets COPY's, which took BYTES of a head without a body, and is at HEAD. False: its limits
 * forbid that, or memory is out; R is as before. */
bool http_request_take_fields(struct http_request *r, const struct http_fields *copy, size_t bytes,
                              uint16_t headers, bool keep_alive);
/* At HEAD: the Content-Length, 0 if there is none. */
uint64_t http_request_length(const struct http_request *r);
/* Whether DONE comes next. */
bool http_request_is_read(const struct http_request *r);
/* After HEAD: frees the texts of the head; method, target and host are NULL then, and there are no
 * header fields. */
void http_request_forget_head(struct http_request *r);
/* How many bytes the texts of the head take. */
size_t http_request_held(const struct http_request *r);
/* No byte of a request line has come: the connection is idle between two requests. */
bool http_request_idle(const struct http_request *r);

/* Whether the peer offers to go on with PROTOCOL on this connection ("websocket"): HTTP/1.1 with
 * Upgrade, which Connection names (RFC 9110 section 7.8). */
bool http_request_upgrade(const struct http_request *r, const char *protocol);

#endif
