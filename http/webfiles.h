/*
 * The files that the hub serves itself, built in: the browser client, and the demo page. Each is
 * there as it is and as gzip and brotli made it when the hub was built, whichever its client takes;
 * who has it already (If-None-Match) is told so. Ranges are not served.
 */
#ifndef HTTP_WEBFILES_H
#define HTTP_WEBFILES_H

#include "http/exchange.h"

/* /longwire.js */
void webfiles_client(struct exchange *x);
/* /demo/..., when http.demo is on */
void webfiles_demo(struct exchange *x);
/* /: the demo page when it is on, otherwise a few words on what this is. */
void webfiles_root(struct exchange *x);

#endif
