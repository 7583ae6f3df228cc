#include "base/json_slice.h"

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/utf8.h"

struct reader {
    const char *p, *end;
    unsigned depth;
};

static bool skip_value(struct reader *r);

static bool at(const struct reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static bool take(struct reader *r, char c)
{
    if (!at(r, c))
        return false;
    r->p++;
    return true;
}

static void skip_blank(struct reader *r)
{
    while (r->end - r->p >= 8 && bytes_load(r->p) == BYTES_ONES * ' ')
        r->p += 8;
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
        r->p++;
}

static bool skip_digits(struct reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > from;
}

static bool skip_number(struct reader *r)
{
    take(r, '-');
    if (!take(r, '0') && !skip_digits(r))
        return false;
    if (take(r, '.') && !skip_digits(r))
        return false;
    if (!take(r, 'e') && !take(r, 'E'))
        return true;
    if (!take(r, '+'))
        take(r, '-');
    return skip_digits(r);
}

static bool skip_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return false;
    r->p += n;
    return true;
}

/* The code unit of the escape uXXXX at P (behind the backslash); -1: it is none. */
static int32_t code_unit(const char *p, const char *end)
{
    int32_t unit = 0;
    if (end - p < 5 || *p != 'u')
        return -1;
    for (int i = 1; i <= 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

static bool skip_escape(struct reader *r)
{
    if (r->p == r->end)
        return false;
    if (*r->p != 'u')
        return *r->p != '\0' && strchr("\"\\/bfnrt", *r->p++);
    int32_t unit = code_unit(r->p, r->end);
    if (unit < 0 || is_low_surrogate(unit))
        return false;
    r->p += 5;
    if (!is_high_surrogate(unit))
        return true;
    if (!take(r, '\\') || !is_low_surrogate(code_unit(r->p, r->end)))
        return false;
    r->p += 5;
    return true;
}

/* Of a string: up to the first word with a quote, a backslash or a control character. */
static void skip_plain(struct reader *r)
{
    while (r->end - r->p >= 8) {
        uint64_t word = bytes_load(r->p);
        if (bytes_have_below(word, 0x20) || bytes_have(word, '"') || bytes_have(word, '\\'))
            return;
        r->p += 8;
    }
}

static bool skip_string(struct reader *r)
{
    if (!take(r, '"'))
        return false;
    skip_plain(r);
    while (r->p < r->end && (unsigned char)*r->p >= 0x20) {
        char c = *r->p++;
        if (c == '"')
            return true;
        if (c != '\\')
            continue;
        if (!skip_escape(r))
            return false;
        skip_plain(r);
    }
    return false;
}

static bool enter(struct reader *r)
{
    r->p++;
    skip_blank(r);
    return ++r->depth <= JSON_DEPTH_MAX;
}

/* Behind an element: a comma and another one (*RET_MORE), or the closing bracket. */
static bool next_element(struct reader *r, char close, bool *ret_more)
{
    skip_blank(r);
    *ret_more = take(r, ',');
    if (*ret_more) {
        skip_blank(r);
        return true;
    }
    r->depth--;
    return take(r, close);
}

static bool skip_array(struct reader *r)
{
    bool more = true;
    if (!enter(r))
        return false;
    if (at(r, ']'))
        return next_element(r, ']', &more);
    while (more) {
        if (!skip_value(r) || !next_element(r, ']', &more))
            return false;
    }
    return true;
}

/* Writes code point C as UTF-8; returns its length. */
static size_t put_utf8(char *out, uint32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[n] | c);
    return n;
}

/* Decodes what is at *P in a valid string, an escape or one plain byte, to OUT (4 bytes), and moves
 * *P behind it; returns the bytes written. */
static size_t decode(const char **p, const char *end, char *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *s = *p;
    *p = s + 1;
    *out = *s;
    if (*s != '\\')
        return 1;
    *p = s + 2;
    if (s[1] == 'u') {
        uint32_t unit = (uint32_t)code_unit(s + 1, end);
        *p = s + 6;
        if (is_high_surrogate((int32_t)unit)) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + (uint32_t)code_unit(s + 7, end) - 0xDC00;
            *p = s + 12;
        }
        return put_utf8(out, unit);
    }
    const char *known = strchr(from, s[1]);
    *out = known ? to[known - from] : s[1];
    return 1;
}

/* Whether the valid string between FROM and END (without quotes) stands for NAME. */
static bool string_is(const char *from, const char *end, const char *name)
{
    size_t left = strlen(name);
    char bytes[4];
    while (from < end) {
        size_t n = decode(&from, end, bytes);
        if (n > left || memcmp(name, bytes, n) != 0)
            return false;
        name += n;
        left -= n;
    }
    return left == 0;
}

/* The wanted members of an object that is being read; none for a nested one. */
struct wanted {
    char *text;        /* the same as the reader's, to be changed later */
    const char *start; /* of the reader */
    struct json_member *members;
    size_t count;
};

static struct json_member *find(const struct wanted *w, const char *from, const char *end)
{
    for (size_t i = 0; w && i < w->count; i++) {
        if (string_is(from, end, w->members[i].name))
            return &w->members[i];
    }
    return NULL;
}

static bool read_member(struct reader *r, const struct wanted *w)
{
    const char *name = r->p;
    if (!skip_string(r))
        return false;
    struct json_member *m = find(w, name + 1, r->p - 1);
    skip_blank(r);
    if (!take(r, ':'))
        return false;
    skip_blank(r);
    const char *value = r->p;
    if (!skip_value(r))
        return false;
    if (!m)
        return true;
    if (m->value.data)
        return false;
    m->value.data = w->text + (value - w->start);
    m->value.len = (size_t)(r->p - value);
    return true;
}

static bool read_object(struct reader *r, const struct wanted *w)
{
    bool more = true;
    if (!enter(r))
        return false;
    if (at(r, '}'))
        return next_element(r, '}', &more);
    while (more) {
        if (!read_member(r, w) || !next_element(r, '}', &more))
            return false;
    }
    return true;
}

static bool skip_value(struct reader *r)
{
    if (r->p == r->end)
        return false;
    switch (*r->p) {
    case '{':
        return read_object(r, NULL);
    case '[':
        return skip_array(r);
    case '"':
        return skip_string(r);
    case 't':
        return skip_word(r, "true");
    case 'f':
        return skip_word(r, "false");
    case 'n':
        return skip_word(r, "null");
    default:
        return skip_number(r);
    }
}

/* Whether a value and nothing else follows. */
static bool ends_with_value(struct reader *r)
{
    skip_blank(r);
    if (!skip_value(r))
        return false;
    skip_blank(r);
    return r->p == r->end;
}

bool json_valid(const char *text, size_t n)
{
    if (n == 0 || !utf8_valid(text, n))
        return false;
    struct reader r = {text, text + n, 0};
    return ends_with_value(&r);
}

enum err json_slice_members(char *text, size_t n, struct json_member *members, size_t count)
{
    struct wanted w = {text, text, members, count};
    if (n == 0 || !utf8_valid(text, n))
        return ERR_INVALID;
    for (size_t i = 0; i < count; i++)
        members[i].value = (struct json_slice){NULL, 0};
    struct reader r = {text, text + n, 0};
    skip_blank(&r);
    if (!at(&r, '{'))
        return ends_with_value(&r) ? ERR_FORMAT : ERR_INVALID;
    if (!read_object(&r, &w))
        return ERR_INVALID;
    skip_blank(&r);
    return r.p == r.end ? ERR_OK : ERR_INVALID;
}

bool json_slice_is_string(const struct json_slice *s)
{
    return s->len && s->data[0] == '"';
}

bool json_slice_is_number(const struct json_slice *s)
{
    return s->len && (s->data[0] == '-' || (s->data[0] >= '0' && s->data[0] <= '9'));
}

bool json_slice_is_null(const struct json_slice *s)
{
    return s->len && s->data[0] == 'n';
}

bool json_slice_is_array(const struct json_slice *s)
{
    return s->len && s->data[0] == '[';
}

static void move_to(struct json_slice *s, const char *p)
{
    size_t n = (size_t)(p - s->data);
    s->data += n;
    s->len -= n;
}

bool json_slice_next(struct json_slice *rest, struct json_slice *ret)
{
    struct reader r = {rest->data, rest->data + rest->len, 0};
    if (!take(&r, '[') && !take(&r, ','))
        return false;
    skip_blank(&r);
    move_to(rest, r.p);
    if (at(&r, ']') || !skip_value(&r))
        return false;
    *ret = (struct json_slice){rest->data, (size_t)(r.p - rest->data)};
    skip_blank(&r);
    move_to(rest, r.p);
    return true;
}

void json_slice_unquote(struct json_slice *s)
{
    const char *p = s->data + 1, *end = s->data + s->len - 1;
    char *to = s->data, bytes[4];
    while (p < end) {
        size_t n = decode(&p, end, bytes);
        memcpy(to, bytes, n);
        to += n;
    }
    s->len = (size_t)(to - s->data);
}
