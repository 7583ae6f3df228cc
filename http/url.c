#include "http/url.h"

#include <string.h>

#include "base/hex.h"
#include "http/field.h"

/* The byte that TEXT (N bytes left, the first is '%') stands for; -1 when it is no escape. */
static int escape_value(const char *text, size_t n)
{
    if (n < 3 || hex_value(text[1]) < 0 || hex_value(text[2]) < 0)
        return -1;
    return hex_value(text[1]) << 4 | hex_value(text[2]);
}

/* Takes one decoded byte off TEXT at *I; -1: a bad escape or a NUL. */
static int next_byte(const char *text, size_t n, size_t *i)
{
    int byte = (unsigned char)text[*i];
    if (byte == '%') {
        byte = escape_value(text + *i, n - *i);
        *i += 2;
    }
    *i += 1;
    return byte == 0 ? -1 : byte;
}

void url_split(const char *target, size_t n, struct url *ret)
{
    const char *mark = memchr(target, '?', n);
    size_t path_len = mark ? (size_t)(mark - target) : n;
    *ret =
        (struct url){target, path_len, mark ? mark + 1 : target + n, mark ? n - path_len - 1 : 0};
}

bool url_next_param(struct url *u, struct url_param *ret)
{
    while (u->query_len > 0) {
        const char *p = u->query, *amp = memchr(p, '&', u->query_len);
        size_t n = amp ? (size_t)(amp - p) : u->query_len;
        u->query += amp ? n + 1 : n;
        u->query_len -= amp ? n + 1 : n;
        if (n == 0)
            continue;
        const char *eq = memchr(p, '=', n);
        size_t name_len = eq ? (size_t)(eq - p) : n;
        *ret = (struct url_param){p, name_len, eq ? eq + 1 : p + n, eq ? n - name_len - 1 : 0};
        return true;
    }
    return false;
}

bool url_param_is(const struct url_param *p, const char *name)
{
    size_t i = 0, n = strlen(name);
    if (p->name_len <= n) /* nothing in it can be encoded: that is longer */
        return p->name_len == n && memcmp(p->name, name, n) == 0;
    while (i < p->name_len && *name != '\0')
        if (next_byte(p->name, p->name_len, &i) != (unsigned char)*name++)
            return false;
    return i >= p->name_len && *name == '\0';
}

bool url_escapes_valid(const char *text, size_t n)
{
    for (size_t i = 0; i < n;)
        if (next_byte(text, n, &i) < 0)
            return false;
    return true;
}

/* How many bytes at the beginning of TEXT stand for themselves. */
static size_t plain_span(const char *text, size_t n)
{
    const char *escape = memchr(text, '%', n);
    size_t plain = escape ? (size_t)(escape - text) : n;
    const char *nul = memchr(text, '\0', plain);
    return nul ? (size_t)(nul - text) : plain;
}

enum err url_decode(const char *text, size_t n, char *out, size_t size, size_t *ret_len)
{
    size_t len = plain_span(text, n);
    if (len >= size)
        return ERR_TOO_LARGE;
    memmove(out, text, len);
    for (size_t i = len; i < n;) {
        int byte = next_byte(text, n, &i);
        if (byte < 0)
            return ERR_INVALID;
        if (len + 1 >= size)
            return ERR_TOO_LARGE;
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    *ret_len = len;
    return ERR_OK;
}

/* The length of "http://" or "https://" at the beginning of TEXT, 0: neither. */
static size_t scheme_length(const char *text, size_t n)
{
    if (n >= 7 && field_is((struct field_text){text, 7}, "http://"))
        return 7;
    return n >= 8 && field_is((struct field_text){text, 8}, "https://") ? 8 : 0;
}

enum err url_split_absolute(const char *text, size_t n, struct url_absolute *ret)
{
    size_t begin = scheme_length(text, n), end = begin;
    while (end < n && text[end] != '/' && text[end] != '?')
        end++;
    if (begin == 0 || begin == end || text[begin] == ':' ||
        !url_authority_valid(text + begin, end - begin))
        return ERR_INVALID;
    *ret = (struct url_absolute){text + begin, end - begin, text + end, n - end};
    return ERR_OK;
}

/* "[...]": an IPv6 address; only its alphabet is checked, since nothing connects to it. */
static size_t address_length(const char *text, size_t n)
{
    size_t i = 1;
    while (i < n && (hex_value(text[i]) >= 0 || text[i] == ':' || text[i] == '.'))
        i++;
    return i > 2 && i < n && text[i] == ']' ? i + 1 : 0;
}

/* unreserved / sub-delims, RFC 3986 section 3.2.2. */
static bool is_host_char(char c)
{
    static const bool host_chars[256] = {
        ['!'] = true,         ['$'] = true,         ['&' ... '.'] = true, [';'] = true,
        ['='] = true,         ['_'] = true,         ['~'] = true,         ['0' ... '9'] = true,
        ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
    };
    return host_chars[(unsigned char)c];
}

static size_t host_length(const char *text, size_t n)
{
    if (n > 0 && text[0] == '[')
        return address_length(text, n);
    size_t i = 0;
    while (i < n &&
           (is_host_char(text[i]) || (text[i] == '%' && escape_value(text + i, n - i) > 0)))
        i += text[i] == '%' ? 3 : 1;
    return i;
}

static bool port_valid(const char *text, size_t n)
{
    unsigned port = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
        if (port > 65535)
            return false;
    }
    return true; /* "host:" stands for the default port */
}

bool url_authority_valid(const char *text, size_t n)
{
    size_t host = host_length(text, n);
    return host == n || (text[host] == ':' && port_valid(text + host + 1, n - host - 1));
}
