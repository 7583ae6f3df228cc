/*
 * Finds values in a JSON text (RFC 8259) without changing them.
 *
 * The hub has validated what publishers sent, so this only looks for where values begin and end;
 * it never reads outside of its span, whatever is in it.
 */
#include "tools/ctl/ctl_span.h"

#include <jansson.h>
#include <string.h>

static void skip(struct ctl_span *s, size_t n)
{
    s->text += n;
    s->n -= n;
}

static void skip_space(struct ctl_span *s)
{
    while (s->n > 0 && memchr(" \t\r\n", *s->text, 4))
        skip(s, 1);
}

static bool skip_char(struct ctl_span *s, char c)
{
    skip_space(s);
    if (s->n == 0 || *s->text != c)
        return false;
    skip(s, 1);
    return true;
}

/* Bytes of the string at the beginning of S, quotes included; 0 when it does not end. */
static size_t string_length(struct ctl_span s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.text[i] == '\\')
            i++;
        else if (s.text[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Bytes of the object or array at the beginning of S; 0 when it does not end. */
static size_t container_length(struct ctl_span s)
{
    size_t depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.text[i];
        if (c == '"') {
            size_t len = string_length((struct ctl_span){s.text + i, s.n - i});
            if (len == 0)
                return 0;
            i += len - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

static size_t word_length(struct ctl_span s)
{
    size_t i = 0;
    while (i < s.n && !memchr(",]} \t\r\n", s.text[i], 7))
        i++;
    return i;
}

/* Cuts the value at the beginning of REST off. */
static bool take_value(struct ctl_span *rest, struct ctl_span *ret)
{
    skip_space(rest);
    if (rest->n == 0)
        return false;
    char c = *rest->text;
    size_t len = c == '"'               ? string_length(*rest)
                 : c == '{' || c == '[' ? container_length(*rest)
                                        : word_length(*rest);
    if (len == 0)
        return false;
    *ret = (struct ctl_span){rest->text, len};
    skip(rest, len);
    return true;
}

static bool is_key(struct ctl_span key, const char *name)
{
    size_t n = strlen(name);
    return key.n == n + 2 && *key.text == '"' && memcmp(key.text + 1, name, n) == 0;
}

bool ctl_span_member(struct ctl_span object, const char *name, struct ctl_span *ret)
{
    struct ctl_span key, value;
    if (!skip_char(&object, '{'))
        return false;
    do {
        if (!take_value(&object, &key) || !skip_char(&object, ':') || !take_value(&object, &value))
            return false;
        if (is_key(key, name)) {
            *ret = value;
            return true;
        }
    } while (skip_char(&object, ','));
    return false;
}

bool ctl_span_next(struct ctl_span *rest, struct ctl_span *ret_name, struct ctl_span *ret_value)
{
    struct ctl_span at = *rest;
    bool first = skip_char(&at, '{'), found;
    if (skip_char(&at, '}')) {
        skip_space(&at);
        *rest = at.n ? at : (struct ctl_span){NULL, 0};
        return false;
    }
    found = (first || skip_char(&at, ',')) && take_value(&at, ret_name) && *ret_name->text == '"' &&
            skip_char(&at, ':') && take_value(&at, ret_value);
    if (found)
        *rest = at;
    return found;
}

bool ctl_span_item(struct ctl_span *rest, struct ctl_span *ret)
{
    /* An item is preceded by '[' or ','; what is left of the array begins with either. */
    if (!skip_char(rest, '[') && !skip_char(rest, ','))
        return false;
    return take_value(rest, ret);
}

bool ctl_span_is(struct ctl_span value, const char *literal)
{
    return value.n == strlen(literal) && memcmp(value.text, literal, value.n) == 0;
}

bool ctl_span_string(struct ctl_span value, struct buf *out)
{
    json_t *string = json_loadb(value.text, value.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool ok = json_is_string(string);
    if (ok)
        buf_append(out, json_string_value(string), json_string_length(string));
    json_decref(string);
    return ok;
}
