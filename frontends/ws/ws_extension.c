#include "frontends/ws/ws_extension.h"

#include <string.h>

#include "frontends/ws/ws_deflate.h"
#include "http/field.h"

struct reader {
    const char *p, *end;
};

enum { VALUE_MAX = 8 }; /* bytes of a value that is kept: no known one is longer */

struct value {
    bool given;
    size_t len; /* may be more than what is kept */
    char text[VALUE_MAX];
};

/* Parameters of permessage-deflate, as bits. */
enum {
    SERVER_NO_CONTEXT = 1,
    CLIENT_NO_CONTEXT = 2,
    SERVER_WINDOW = 4,
    CLIENT_WINDOW = 8,
};

/* One element of the list. */
struct offer {
    bool acceptable;
    unsigned seen;
    int window_bits; /* server_max_window_bits; 0 = not given */
};

/* --- RFC 6455 section 9.1, with RFC 2616's blanks between any two parts --- */

static bool skip_blanks(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
        r->p++;
    return r->p < r->end;
}

/* Takes C, and the blanks before it. */
static bool take(struct reader *r, char c)
{
    if (!skip_blanks(r) || *r->p != c)
        return false;
    r->p++;
    return true;
}

static bool take_token(struct reader *r, struct field_text *ret)
{
    (void)skip_blanks(r);
    ret->p = r->p;
    while (r->p < r->end && field_is_tchar(*r->p))
        r->p++;
    ret->n = (size_t)(r->p - ret->p);
    return ret->n > 0;
}

static bool keep(struct value *v, char c)
{
    if (v->len < VALUE_MAX)
        v->text[v->len] = c;
    v->len++;
    return field_is_tchar(c);
}

/* What a quoted string says must be a token, too. */
static bool take_quoted(struct reader *r, struct value *v)
{
    for (; r->p < r->end && *r->p != '"'; r->p++) {
        if (*r->p == '\\' && ++r->p == r->end)
            return false;
        if (!keep(v, *r->p))
            return false;
    }
    return take(r, '"') && v->len > 0;
}

static bool take_value(struct reader *r, struct value *v)
{
    struct field_text token;
    v->given = true;
    if (take(r, '"'))
        return take_quoted(r, v);
    if (!take_token(r, &token))
        return false;
    for (size_t i = 0; i < token.n; i++)
        (void)keep(v, token.p[i]);
    return true;
}

/* --- RFC 7692 section 7.1 --- */

static bool is(struct field_text name, const char *word)
{
    return name.n == strlen(word) && memcmp(name.p, word, name.n) == 0;
}

static unsigned parameter(struct field_text name)
{
    if (is(name, "server_no_context_takeover"))
        return SERVER_NO_CONTEXT;
    if (is(name, "client_no_context_takeover"))
        return CLIENT_NO_CONTEXT;
    if (is(name, "server_max_window_bits"))
        return SERVER_WINDOW;
    return is(name, "client_max_window_bits") ? CLIENT_WINDOW : 0;
}

/* 8 to 15 without leading zeros; 0 = it is something else. */
static int window_bits(const struct value *v)
{
    int bits = 0;
    if (v->len == 1)
        bits = v->text[0] - '0';
    else if (v->len == 2 && v->text[0] == '1')
        bits = 10 + v->text[1] - '0';
    return bits >= WS_WINDOW_MIN && bits <= WS_WINDOW_MAX ? bits : 0;
}

static bool value_fits(unsigned which, const struct value *v)
{
    if (which == SERVER_WINDOW)
        return v->given && window_bits(v);
    if (which == CLIENT_WINDOW)
        return !v->given || window_bits(v);
    return !v->given;
}

static void add_parameter(struct offer *o, struct field_text name, const struct value *v)
{
    unsigned which = parameter(name);
    if (!which || o->seen & which || !value_fits(which, v))
        o->acceptable = false;
    o->seen |= which;
    if (which == SERVER_WINDOW)
        o->window_bits = window_bits(v);
}

static bool read_offer(struct reader *r, struct offer *o)
{
    struct field_text name;
    if (!take_token(r, &name))
        return false;
    *o = (struct offer){.acceptable = is(name, "permessage-deflate")};
    while (take(r, ';')) {
        struct value value = {0};
        if (!take_token(r, &name) || (take(r, '=') && !take_value(r, &value)))
            return false;
        add_parameter(o, name, &value);
    }
    return !skip_blanks(r) || *r->p == ',';
}

enum err ws_extension_read(const char *list, size_t n, int least_window, struct ws_extension *x)
{
    struct reader r = {list, list + n};
    struct offer o;
    for (;;) {
        while (take(&r, ','))
            continue; /* empty elements are none: RFC 9110 section 5.6.1 */
        if (r.p == r.end)
            return ERR_OK;
        if (!read_offer(&r, &o))
            return ERR_INVALID;
        if (x->deflate || !o.acceptable || (o.window_bits && o.window_bits < least_window))
            continue;
        x->deflate = true;
        x->window_bits = o.window_bits;
    }
}

void ws_extension_answer(const struct ws_extension *x, struct buf *out)
{
    buf_puts(out, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    if (x->window_bits)
        buf_printf(out, "; server_max_window_bits=%d", x->window_bits);
}
