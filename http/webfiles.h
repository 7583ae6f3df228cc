/* The files that the hub serves itself, built in: the browser client, and the demo page. */
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
