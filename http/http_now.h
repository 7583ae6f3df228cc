/* The clock, as HTTP tells it. */
#ifndef HTTP_HTTP_NOW_H
#define HTTP_HTTP_NOW_H

/* The current time as an HTTP Date; valid until the next call of this thread. */
const char *http_now(void);

#endif
