#include "daemon/config_key.h"

#include <stdlib.h>
#include <string.h>

#include "access/algorithm.h"
#include "daemon/value.h"

static const char blanks[] = " \t";

/* Takes the next word off *TEXT; false: there is none. */
static bool take_word(const char **text, const char **ret, size_t *ret_n)
{
    *ret = *text + strspn(*text, blanks);
    *ret_n = strcspn(*ret, blanks);
    *text = *ret + *ret_n;
    return *ret_n > 0;
}

/* The rest of TEXT as bits; 0: it has none. False: a word is no algorithm. */
static bool read_algorithms(const char *text, unsigned *ret)
{
    const char *word;
    size_t n;
    *ret = 0;
    while (take_word(&text, &word, &n)) {
        enum algorithm a = algorithm_find(word, n);
        if (a == ALGORITHMS)
            return false;
        *ret |= 1u << a;
    }
    return true;
}

static bool is_named(const struct config_key_list *list, const char *kid, size_t n)
{
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->item[i].kid) == n && memcmp(list->item[i].kid, kid, n) == 0)
            return true;
    return false;
}

enum err config_key_add(struct config_key_list *list, const char *text)
{
    const char *kid, *file;
    size_t kid_n, file_n;
    unsigned algorithms;
    if (list->count == CONFIG_KEYS_MAX)
        return ERR_LIMIT;
    if (!value_text_valid(text) || !take_word(&text, &kid, &kid_n) ||
        !take_word(&text, &file, &file_n) || !read_algorithms(text, &algorithms) ||
        is_named(list, kid, kid_n))
        return ERR_INVALID;
    struct config_key k = {strndup(kid, kid_n), strndup(file, file_n), algorithms};
    if (!k.kid || !k.file) {
        free(k.kid);
        free(k.file);
        return ERR_NOMEM;
    }
    list->item[list->count++] = k;
    return ERR_OK;
}

void config_key_put_allowed(struct buf *out)
{
    buf_puts(out, "KID FILE, and perhaps a list of ");
    for (unsigned a = 0; a < ALGORITHMS; a++)
        buf_printf(out, "%s%s", a ? ", " : "", algorithm_name((enum algorithm)a));
    buf_puts(out, ", with blanks between; each KID once");
}

void config_key_put(struct buf *out, const struct config_key *k)
{
    buf_printf(out, "%s %s", k->kid, k->file);
    for (unsigned a = 0; a < ALGORITHMS; a++)
        if (k->algorithms & 1u << a)
            buf_printf(out, " %s", algorithm_name((enum algorithm)a));
}

void config_key_clear(struct config_key_list *list)
{
    while (list->count) {
        struct config_key *k = &list->item[--list->count];
        free(k->kid);
        free(k->file);
    }
}
