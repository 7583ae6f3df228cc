/*
 * Reading requests whose heads come again: whoever publishes by HTTP sends the same head with every
 * message, or one that differs in its Content-Length alone. What was understood of a head
 * (http_request.h) is kept with its bytes, and the next one that has these bytes is understood at
 * once. Nothing is guessed: each byte is compared, and the length, if it is another one with as
 * many digits, is read.
 *
 * One set for each thread. Pure.
 */
#ifndef HTTP_H1_HTTP_REPEAT_H
#define HTTP_H1_HTTP_REPEAT_H

#include <stdbool.h>
#include <stddef.h>

#include "http/h1/http_request.h"

enum {
    HTTP_REPEAT_HEADS = 4,    /* that are kept */
    HTTP_REPEAT_BYTES = 1024, /* of the longest of them */
};

/* As http_request_feed. */
enum http_read http_repeat_feed(struct http_request *r, const char *data, size_t n, size_t *used);
/* When this thread ends: forgets them. */
void http_repeat_finish_thread(void);

#endif
