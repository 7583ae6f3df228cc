/*
 * The preference `wait` of Prefer (RFC 7240): how many seconds a client is willing to wait. Pure.
 *
 * Preferences are wishes: one that is not understood or malformed is no error, but passed over.
 */
#ifndef HTTP_PREFER_H
#define HTTP_PREFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero to begin with. */
struct prefer {
    bool has_wait;   /* the first `wait` has been seen; further ones do not count (section 2) */
    bool valid;      /* and it is a number of seconds */
    uint32_t wait_s; /* at most UINT32_MAX, however long the number was */
};

/* Takes in one Prefer field's value. */
void prefer_add(struct prefer *p, const char *value, size_t n);

#endif
