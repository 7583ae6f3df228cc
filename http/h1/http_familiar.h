/*
 * Header fields that come again behind another request line: who waits by long-poll sends the same
 * ones with each request, and only the cursor in its target is another one. What was understood of
 * them is kept with their bytes, each of which is compared, so nothing is guessed; the request line
 * is read as ever.
 *
 * Kept are those of whole requests of HTTP/1.1 without a body (heads of others: http_repeat.h), for
 * so many clients that most of a worker's who poll are among them. One set for each thread. Pure.
 */
#ifndef HTTP_H1_HTTP_FAMILIAR_H
#define HTTP_H1_HTTP_FAMILIAR_H

#include <stdbool.h>
#include <stddef.h>

#include "http/h1/http_request.h"

enum {
    HTTP_FAMILIAR_MAX = 512,    /* that are kept: 1 to 3 KB each */
    HTTP_FAMILIAR_BYTES = 1024, /* of the longest of them */
    HTTP_FAMILIAR_PATIENCE = 8, /* how often others must want the place of one */
};

struct http_familiar;

/* Those that are the N bytes of TEXT, the end of their head included; NULL: there are none. Valid
 * until the next one is kept. */
const struct http_familiar *http_familiar_find(const char *text, size_t n);
/* R, which has read its request line, gets F and is at HEAD. False: F would be read otherwise for
 * this request, which is as before. */
bool http_familiar_take(const struct http_familiar *f, struct http_request *r);
/* R is at HEAD, by its request line and the N bytes of TEXT behind that: keeps them, unless they
 * are not worth it. */
void http_familiar_keep(const struct http_request *r, const char *text, size_t n);
/* When this thread ends: forgets them. */
void http_familiar_finish_thread(void);

#endif
