#include "frontends/http/field.h"

#include <string.h>

/* A table, since every byte of every name of a request is looked up. */
bool field_is_tchar(char c)
{
    static const bool tchars[256] = {
        ['!'] = true,         ['#' ... '\''] = true, ['*'] = true, ['+'] = true,
        ['-'] = true,         ['.'] = true,          ['^'] = true, ['_'] = true,
        ['`'] = true,         ['|'] = true,          ['~'] = true, ['0' ... '9'] = true,
        ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
    };
    return tchars[(unsigned char)c];
}

bool field_is_token(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!field_is_tchar(text[i]))
            return false;
    return n > 0;
}

int field_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct field_text field_trim(const char *text, size_t n)
{
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    while (n > 0 && is_blank(*text)) {
        text++;
        n--;
    }
    return (struct field_text){text, n};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool field_is(struct field_text text, const char *word)
{
    size_t i = 0;
    while (i < text.n && word[i] != '\0' && lower(text.p[i]) == lower(word[i]))
        i++;
    return i == text.n && word[i] == '\0';
}

/* The length of the part of TEXT before its first SEPARATOR outside a quoted string. */
static size_t part_length(struct field_text text, char separator)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < text.n && (quoted || text.p[i] != separator); i++) {
        if (text.p[i] == '"')
            quoted = !quoted;
        else if (quoted && text.p[i] == '\\' && i + 1 < text.n)
            i++;
    }
    return i;
}

bool field_part(struct field_text *rest, char separator, struct field_text *ret)
{
    if (!rest->p)
        return false;
    size_t n = part_length(*rest, separator);
    *ret = field_trim(rest->p, n);
    if (n < rest->n)
        *rest = (struct field_text){rest->p + n + 1, rest->n - n - 1};
    else
        *rest = (struct field_text){NULL, 0};
    return true;
}

bool field_next(struct field_text *rest, char separator, struct field_text *ret)
{
    struct field_text part;
    while (field_part(rest, separator, &part)) {
        if (part.n == 0)
            continue;
        *ret = part;
        return true;
    }
    return false;
}
