/*
 * JSON of strangers as a tree (jansson), strictly: one object, in UTF-8, no member twice, no NUL in
 * a string, and neither longer nor deeper than is said here, which is looked at before anything is
 * parsed.
 */
#ifndef ACCESS_JSON_TREE_H
#define ACCESS_JSON_TREE_H

#include <jansson.h>
#include <stddef.h>

enum { JSON_TREE_DEPTH_MAX = 16 };

/* NULL: it is not as above, or out of memory. Give it back with json_decref. */
json_t *json_tree_load(const char *text, size_t n, size_t max);

#endif
