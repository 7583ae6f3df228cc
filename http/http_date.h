/* Dates of HTTP (RFC 9110 section 5.6.7). */
#ifndef HTTP_HTTP_DATE_H
#define HTTP_HTTP_DATE_H

#include <stdint.h>

/* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL. */
#define HTTP_DATE_SIZE 30
/* The Date of the last second that was asked for; begins zeroed. One for each thread. */
struct http_date {
    uint64_t second; /* since the Unix epoch */
    char text[HTTP_DATE_SIZE];
};

/* The IMF-fixdate (RFC 9110 section 5.6.7) of a Unix time in ms; valid until the next call. */
const char *http_date(struct http_date *d, uint64_t time_ms);
/* The current time; valid until the next call of this thread. */
const char *http_now(void);

#endif
