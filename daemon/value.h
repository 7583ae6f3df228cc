/*
 * How single values are written in the configuration: numbers with units, addresses, origins.
 *
 * Strict: no sign, no space, no fraction, nothing after the value. Ranges are the caller's.
 */
#ifndef DAEMON_VALUE_H
#define DAEMON_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/config.h"

/* Decimal. ERR_INVALID: not a number; ERR_LIMIT: above 2^64 - 1. */
MUST_CHECK enum err value_parse_count(const char *text, uint64_t *ret);
/* Octal, with any number of leading zeros. Errors as above. */
MUST_CHECK enum err value_parse_octal(const char *text, uint64_t *ret);
/* Bytes, or KiB, MiB, GiB, TiB with the suffix K, M, G, T in either case. Errors as above. */
MUST_CHECK enum err value_parse_bytes(const char *text, uint64_t *ret);
/* With ms, s, m or h, seconds without; the result is in milliseconds. Errors as above. */
MUST_CHECK enum err value_parse_duration(const char *text, uint64_t *ret_ms);
/* With the largest unit that gives a whole number (60s and 60m, but 2m and 2h). */
void value_put_bytes(struct buf *out, uint64_t n);
void value_put_duration(struct buf *out, uint64_t ms);
/* "1M to 16G". */
void value_put_bytes_range(struct buf *out, uint64_t min, uint64_t max);
/* "1 to 60 seconds", or "100 milliseconds to 10 minutes" when one unit would be unwieldy. */
void value_put_duration_range(struct buf *out, uint64_t min_ms, uint64_t max_ms);

/* `127.0.0.1:8420`, `[::1]:8420` (with %zone where needed); `localhost` is 127.0.0.1. No other
 * names: whether an address is loopback must not hang on a resolver. ERR_INVALID otherwise. */
MUST_CHECK enum err value_parse_address(const char *text, struct config_listen *ret);
void value_put_address(struct buf *out, const struct config_listen *l);

/* Whether TEXT can stand behind `key = ` in a file: UTF-8, no control characters, no space at
 * either end, and no ';' after a space, which begins a comment there. */
bool value_text_valid(const char *text);
/* `*`, or an origin as browsers send it (RFC 6454 section 6.2): lower case, no path; at most
 * CONFIG_TEXT_MAX bytes. */
bool value_origin_valid(const char *text);
/* A host without port as it stands in a URL: a name of letters, digits, '-' and '_' in parts with
 * dots between, or an address, IPv6 in brackets; at most CONFIG_TEXT_MAX bytes. */
bool value_host_valid(const char *text);

#endif
