#include "http/h2/h2_head.h"

#include <string.h>
#include <strings.h>

#include "http/field.h"
#include "http/url.h"

enum { FIELD_OVERHEAD = 32 }; /* RFC 9113 section 6.5.2 */

static void refuse(struct h2_head *h, unsigned status, const char *reason)
{
    if (h->status)
        return;
    h->status = status;
    h->reason = reason;
}

static void check_memory(struct h2_head *h)
{
    if (h->fields->text.failed)
        refuse(h, 503, "The hub is out of memory");
}

bool h2_head_begin(struct h2_head *h, size_t max, bool trailers)
{
    h2_head_finish(h);
    *h = (struct h2_head){.max = max};
    if (trailers)
        return true;
    h->fields = http_fields_take();
    if (!h->fields)
        return false;
    buf_putc(&h->fields->text, '\0');
    h->fields->begin = (uint32_t)h->fields->text.len;
    check_memory(h);
    return true;
}

/* --- fields --- */

static void add_pseudo(struct h2_head *h, uint32_t *ret_at, const char *value, size_t n)
{
    struct buf *text = &h->fields->text;
    *ret_at = (uint32_t)text->len;
    buf_append(text, value, n);
    buf_putc(text, '\0');
    h->fields->begin = (uint32_t)text->len;
    check_memory(h);
}

static bool is(const char *name, size_t n, const char *wanted)
{
    return strlen(wanted) == n && memcmp(name, wanted, n) == 0;
}

static void take_pseudo(struct h2_head *h, const char *name, size_t name_len, const char *value,
                        size_t n)
{
    if (is(name, name_len, ":method"))
        add_pseudo(h, &h->method, value, n);
    else if (is(name, name_len, ":path"))
        add_pseudo(h, &h->path, value, n);
    else if (is(name, name_len, ":authority"))
        add_pseudo(h, &h->authority, value, n);
    else if (is(name, name_len, ":protocol"))
        add_pseudo(h, &h->protocol, value, n);
}

static void take_field(struct h2_head *h, const char *name, size_t name_len, const char *value,
                       size_t n)
{
    if (++h->count > HTTP_FIELDS_MAX) {
        refuse(h, 431, "There are too many header fields");
        return;
    }
    struct field_text text = field_trim(value, n);
    http_fields_add(h->fields, name, name_len, text.p, text.n);
    check_memory(h);
}

void h2_head_add(struct h2_head *h, const char *name, size_t name_len, const char *value, size_t n)
{
    h->size += name_len + n + FIELD_OVERHEAD;
    if (h->size > h->max)
        refuse(h, 431, "The header fields are too large");
    if (!h->fields || h->status)
        return;
    if (name_len && name[0] == ':')
        take_pseudo(h, name, name_len, value, n);
    else
        take_field(h, name, name_len, value, n);
}

bool h2_head_is_excessive(const struct h2_head *h)
{
    return h->size / H2_HEAD_EXCESS > h->max;
}

/* --- all of them --- */

const char *h2_head_text(const struct h2_head *h, uint32_t at)
{
    return at ? h->fields->text.data + at : NULL;
}

const char *h2_head_host(const struct h2_head *h)
{
    const char *host = h2_head_text(h, h->authority);
    return host ? host : http_fields_get(h->fields, HTTP_FIELD_HOST, NULL);
}

/* A Host beside the authority says the same, or two readers may take different ones (RFC 9113
 * section 8.3.1). */
static void check_host(struct h2_head *h)
{
    size_t n;
    const char *field = http_fields_get(h->fields, HTTP_FIELD_HOST, &n), *host = h2_head_host(h);
    if (field && http_fields_next(h->fields, HTTP_FIELD_HOST, field, NULL))
        refuse(h, 400, "There is more than one Host header field");
    else if (host && !url_authority_valid(host, strlen(host)))
        refuse(h, 400, "The authority is not a host with an optional port");
    else if (field && strcasecmp(field, host) != 0)
        refuse(h, 400, "The Host header field is not the same as the authority");
}

static void check_expect(struct h2_head *h)
{
    size_t n;
    const char *value = http_fields_get(h->fields, HTTP_FIELD_EXPECT, &n);
    for (; value; value = http_fields_next(h->fields, HTTP_FIELD_EXPECT, value, &n)) {
        struct field_text rest = {value, n}, member;
        while (field_next(&rest, ',', &member))
            if (!field_is(member, "100-continue"))
                refuse(h, 417, "No expectation but 100-continue is met");
    }
}

/* CONNECT without a protocol is for proxies; with one it is for WebSockets (RFC 8441). */
static void check_method(struct h2_head *h)
{
    const char *method = h2_head_text(h, h->method), *protocol = h2_head_text(h, h->protocol);
    if (protocol && strcmp(protocol, "websocket") != 0)
        refuse(h, 501, "No protocol but websocket is spoken here");
    else if (!protocol && method && strcmp(method, "CONNECT") == 0)
        refuse(h, 501, "This is not a proxy");
}

static void check_path(struct h2_head *h)
{
    const char *path = h2_head_text(h, h->path);
    if (path && field_target_span(path, strlen(path)) < strlen(path))
        refuse(h, 400, "The path has bytes that must be percent-encoded");
}

void h2_head_end(struct h2_head *h)
{
    if (!h->fields || h->status)
        return;
    check_method(h);
    check_path(h);
    check_host(h);
    const char *fault = http_fields_fault(h->fields);
    if (fault)
        refuse(h, 400, fault);
    check_expect(h);
}

void h2_head_finish(struct h2_head *h)
{
    http_fields_give_back(h->fields);
    h->fields = NULL;
}
