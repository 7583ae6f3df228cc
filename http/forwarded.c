#include "http/forwarded.h"

#include <string.h>

#include "http/field.h"

enum { NODE_MAX = 64 }; /* bytes of a quoted node; the longest with an address has 54 */

/* ---- nodes: an address and perhaps a port ---- */

/* "[…]" at the beginning of TEXT: the length with brackets, 0: none. */
static size_t bracketed_length(struct field_text text)
{
    const char *end = text.n > 2 && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
    return end ? (size_t)(end - text.p) + 1 : 0;
}

/* ":port" or nothing. Proxies may hide the port ("_x", RFC 7239 section 6.2): it is unknown then.
 */
static bool read_port(struct field_text text, uint16_t *ret)
{
    *ret = 0;
    if (text.n == 0)
        return true;
    if (text.n < 2 || text.p[0] != ':')
        return false;
    if (text.p[1] == '_')
        return field_is_token(text.p + 1, text.n - 1);
    return ip_port_parse(text.p + 1, text.n - 1, ret) == ERR_OK;
}

static bool read_bracketed(struct field_text text, struct ip_port *ret)
{
    size_t n = bracketed_length(text);
    return n > 0 && memchr(text.p, ':', n) && ip_parse(text.p + 1, n - 2, &ret->ip) == ERR_OK &&
           read_port((struct field_text){text.p + n, text.n - n}, &ret->port);
}

/* RFC 7239 section 6: IPv6 stands in brackets. */
static bool read_node(struct field_text text, struct ip_port *ret)
{
    const char *colon = memchr(text.p, ':', text.n);
    size_t n = colon ? (size_t)(colon - text.p) : text.n;
    if (text.n > 0 && text.p[0] == '[')
        return read_bracketed(text, ret);
    return ip_parse(text.p, n, &ret->ip) == ERR_OK &&
           read_port((struct field_text){text.p + n, text.n - n}, &ret->port);
}

/* No standard has said what X-Forwarded-For looks like: IPv6 may stand without brackets. */
static bool read_list_node(struct field_text text, struct ip_port *ret)
{
    ret->port = 0;
    return ip_parse(text.p, text.n, &ret->ip) == ERR_OK || read_node(text, ret);
}

/* ---- what counts ---- */

/* From left to right: whoever is not trusted makes what came before hearsay. */
static void add(struct forwarded *f, const struct ip_port *node, const struct ip_net *trusted,
                size_t count)
{
    bool is_trusted = node && ip_in_nets(&node->ip, trusted, count);
    bool is_here = node && ip_is_loopback(&node->ip);
    if (f->any && is_trusted) {
        f->remote |= !is_here;
        return;
    }
    f->any = true;
    f->remote = !is_here;
    f->untrusted = !is_trusted;
    f->known = node != NULL;
    if (node)
        f->client = *node;
}

/* As field_part(), but there are no quoted strings in X-Forwarded-For. */
static bool take_item(struct field_text *rest, struct field_text *ret)
{
    if (!rest->p)
        return false;
    const char *comma = memchr(rest->p, ',', rest->n);
    size_t n = comma ? (size_t)(comma - rest->p) : rest->n;
    *ret = field_trim(rest->p, n);
    *rest = comma ? (struct field_text){comma + 1, rest->n - n - 1} : (struct field_text){0};
    return true;
}

void forwarded_add_list(struct forwarded *f, const char *value, size_t n,
                        const struct ip_net *trusted, size_t count)
{
    struct field_text rest = {value, n}, text;
    while (take_item(&rest, &text)) {
        struct ip_port node;
        add(f, read_list_node(text, &node) ? &node : NULL, trusted, count);
    }
}

/* ---- Forwarded, RFC 7239 section 4 ---- */

/* A quoted string's content; false when it is none, or longer than a node can be. */
static bool unquote(struct field_text text, char out[NODE_MAX], size_t *ret_len)
{
    size_t len = 0;
    if (text.n < 2 || text.p[0] != '"' || text.p[text.n - 1] != '"')
        return false;
    for (size_t i = 1; i < text.n - 1; i++) {
        if (text.p[i] == '"' || len == NODE_MAX)
            return false;
        if (text.p[i] == '\\' && ++i == text.n - 1)
            return false;
        out[len++] = text.p[i];
    }
    *ret_len = len;
    return true;
}

static bool read_for(struct field_text value, struct ip_port *ret)
{
    char text[NODE_MAX];
    size_t n;
    if (field_is_token(value.p, value.n))
        return read_node(value, ret);
    return unquote(value, text, &n) && read_node((struct field_text){text, n}, ret);
}

/* Reads the `for` of an element. False: it has none that is an address, or more than one. */
static bool read_element(struct field_text element, struct ip_port *ret)
{
    struct field_text pair;
    unsigned found = 0;
    bool good = true;
    while (field_next(&element, ';', &pair)) {
        const char *equals = memchr(pair.p, '=', pair.n);
        size_t n = equals ? (size_t)(equals - pair.p) : 0;
        good = good && field_is_token(pair.p, n);
        if (!good || !field_is((struct field_text){pair.p, n}, "for"))
            continue;
        good = read_for((struct field_text){equals + 1, pair.n - n - 1}, ret);
        found++;
    }
    return good && found == 1;
}

void forwarded_add(struct forwarded *f, const char *value, size_t n, const struct ip_net *trusted,
                   size_t count)
{
    struct field_text rest = {value, n}, element;
    while (field_part(&rest, ',', &element)) {
        struct ip_port node;
        add(f, read_element(element, &node) ? &node : NULL, trusted, count);
    }
}

void forwarded_add_one(struct forwarded *f, const char *value, size_t n,
                       const struct ip_net *trusted, size_t count)
{
    struct ip_port node;
    add(f, read_list_node(field_trim(value, n), &node) ? &node : NULL, trusted, count);
}

bool forwarded_agree(const struct forwarded *a, const struct forwarded *b)
{
    return a->known && b->known && ip_equal(&a->client.ip, &b->client.ip);
}
