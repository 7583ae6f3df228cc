#include "access/json_tree.h"

#include <stdbool.h>

/* Brackets in strings do not count; whether all is well formed, the parser says. */
static bool is_deep(const char *text, size_t n)
{
    bool quoted = false;
    unsigned depth = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[') && ++depth > JSON_TREE_DEPTH_MAX)
            return true;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

json_t *json_tree_load(const char *text, size_t n, size_t max)
{
    if (n > max || is_deep(text, n))
        return NULL;
    json_t *tree = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    if (tree && !json_is_object(tree)) {
        json_decref(tree);
        return NULL;
    }
    return tree;
}
