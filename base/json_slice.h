/*
 * Strict JSON (RFC 8259, and RFC 7493 section 2.1: no lone surrogates) without a tree: is a text
 * valid, and where in it do the members of its object lie.
 *
 * Published values go on byte for byte. A tree would change them, or refuse valid ones: jansson
 * 2.14 takes no integer above 2^63 - 1 and no number above 1.8e308, and an array of small numbers
 * takes 16 times the text's size in memory (and 20 times the time). Nothing is allocated here.
 */
#ifndef BASE_JSON_SLICE_H
#define BASE_JSON_SLICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { JSON_DEPTH_MAX = 512 }; /* arrays and objects in each other */

/* A part of a text, borrowed from it. `data` is NULL when the part is not there. */
struct json_slice {
    char *data;
    size_t len;
};

/* One member to look for, by its unescaped name. */
struct json_member {
    const char *name;
    struct json_slice value; /* as it is written, without white space around it */
};

/* Whether TEXT is one JSON value of any type, in UTF-8, not nested deeper than JSON_DEPTH_MAX. */
bool json_valid(const char *text, size_t n);
/* Finds the values of COUNT members in TEXT, which must be one JSON object; others are passed over.
 * ERR_INVALID: not valid as above, or a listed member is there twice; ERR_FORMAT: valid, but not an
 * object. On error the values are undefined. */
MUST_CHECK enum err json_slice_members(char *text, size_t n, struct json_member *members,
                                       size_t count);
bool json_slice_is_string(const struct json_slice *s);
bool json_slice_is_number(const struct json_slice *s);
bool json_slice_is_null(const struct json_slice *s);
bool json_slice_is_array(const struct json_slice *s);
/* Takes the next element of an array out of *REST, which is at first the array itself, as
 * json_slice_members found it: *RET is its value as it is written. False: there is none left. */
bool json_slice_next(struct json_slice *rest, struct json_slice *ret);
/* Turns the slice of a JSON string into the text that it stands for, in place: an escape is never
 * shorter than its character. */
void json_slice_unquote(struct json_slice *s);

#endif
