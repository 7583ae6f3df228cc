/*
 * Header fields of requests that have one value, not a list (RFC 9110 section 5.3): where one
 * stands there twice, two readers may take different ones, so the request is refused, whatever the
 * values. Host and Content-Length are looked at where they are read. Pure.
 */
#ifndef FRONTENDS_HTTP_SINGLE_H
#define FRONTENDS_HTTP_SINGLE_H

#include <stddef.h>

enum { SINGLE_MAX = 32 };

/* The number of the field called NAME (N bytes), in any letter case: below SINGLE_MAX, -1 if it may
 * be there several times or is not known. */
int single_find(const char *name, size_t n);
/* What to say when field WHICH is there twice: a sentence without its full stop. */
const char *single_fault(int which);

#endif
