/*
 * What the parsers of requests, header fields and URLs have in common: character classes, and
 * tokens, optional whitespace and lists of field values (RFC 9110 section 5.6). Pure; borrows,
 * allocates nothing.
 */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed stretch of text, not NUL-terminated. */
struct field_text {
    const char *p;
    size_t n;
};

/* A byte that may stand in a token (method, field name, parameter name). */
bool field_is_tchar(char c);
/* One token: at least one byte, each of them a tchar. */
bool field_is_token(const char *text, size_t n);
/* A byte that may stand in a field value: no control character but HTAB (section 5.5). */
static inline bool field_is_value_char(char c)
{
    return ((unsigned char)c >= 0x20 && c != 0x7F) || c == '\t';
}
/* How many bytes at the beginning of TEXT may stand in a field value. */
size_t field_value_span(const char *text, size_t n);
/* The same for a request target: visible ASCII but '#'. Wider than RFC 3986 by what browsers send
 * unencoded ('|', '{', ...); a fragment is never sent (RFC 9112 section 3.2). */
size_t field_target_span(const char *text, size_t n);
/* The same for a token. */
size_t field_token_span(const char *text, size_t n);
/* TEXT without the spaces and tabs at its ends. */
struct field_text field_trim(const char *text, size_t n);
/* Whether TEXT is WORD; ASCII letters in either case are the same, whatever the locale. */
bool field_is(struct field_text text, const char *word);
/* Seconds: TEXT is digits, or they are in it as a quoted string; more than MOST count as MOST.
 * False: it is anything else. */
bool field_seconds(struct field_text text, uint32_t most, uint32_t *ret);
/* A weight, "0.85" (section 12.4.2), in thousandths; false when TEXT is none. */
bool field_weight(struct field_text text, unsigned *ret);
/* Takes the part of *REST before the first SEPARATOR (',' or ';') that stands outside a quoted
 * string, trimmed, and moves *REST behind it; its `p` is NULL behind the last part. False: there is
 * no more. Start with the whole value in *REST, which may be empty: then there is one part. */
bool field_part(struct field_text *rest, char separator, struct field_text *ret);
/* The same, but empty parts are skipped, as in lists (section 5.6.1.2). */
bool field_next(struct field_text *rest, char separator, struct field_text *ret);

#endif
