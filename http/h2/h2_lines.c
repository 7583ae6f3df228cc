#include "http/h2/h2_lines.h"

#include <string.h>

/* What is of a connection over HTTP/1.1, and what a WebSocket's handshake has only there (RFC 8441
 * section 5). */
static bool is_of_connections(const char *name, size_t n)
{
    static const char *const names[] = {
        "connection",        "keep-alive", "proxy-connection",
        "transfer-encoding", "upgrade",    "sec-websocket-accept",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return true;
    return false;
}

static void to_lower(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
}

/* Nothing is copied: what has been submitted leaves at once. */
static nghttp2_nv field(const char *name, size_t name_len, const char *value, size_t value_len)
{
    return (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name,
        .value = (uint8_t *)(uintptr_t)value,
        .namelen = name_len,
        .valuelen = value_len,
        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
    };
}

static bool add(struct h2_lines *l, char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    size_t name_len = colon ? (size_t)(colon - line) : n;
    if (!colon || l->count == H2_LINES_MAX)
        return false;
    to_lower(line, name_len);
    const char *value = colon + 1, *end = line + n;
    while (value < end && *value == ' ')
        value++;
    while (value < end && end[-1] == ' ')
        end--;
    if (!is_of_connections(line, name_len))
        l->nv[l->count++] = field(line, name_len, value, (size_t)(end - value));
    return true;
}

bool h2_lines_read(struct h2_lines *ret, unsigned status, struct buf *text)
{
    static const char status_name[] = ":status";
    ret->status[0] = (char)('0' + status / 100 % 10);
    ret->status[1] = (char)('0' + status / 10 % 10);
    ret->status[2] = (char)('0' + status % 10);
    ret->nv[0] = field(status_name, sizeof(status_name) - 1, ret->status, 3);
    ret->count = 1;
    size_t at = 0;
    while (at < text->len) {
        char *line = text->data + at;
        const char *end = memmem(line, text->len - at, "\r\n", 2);
        if (!end || !add(ret, line, (size_t)(end - line)))
            return false;
        at = (size_t)(end - text->data) + 2;
    }
    return true;
}
