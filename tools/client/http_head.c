/* The heads of answers. A line that is no header field is passed over. */
#include "tools/client/http_head.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* If the header line at P has NAME (with its colon), its value without blanks; else NULL. */
static const char *value_of(const char *p, const char *end, const char *name, size_t *ret_len)
{
    size_t n = strlen(name);
    if ((size_t)(end - p) < n || strncasecmp(p, name, n) != 0)
        return NULL;
    p += n;
    while (p < end && *p == ' ')
        p++;
    *ret_len = (size_t)(end - p);
    return p;
}

static void read_header(struct http_head *h, const char *line, const char *end)
{
    size_t n;
    if (line == end ||
        (tolower((unsigned char)*line) != 'c' && tolower((unsigned char)*line) != 'l'))
        return;
    const char *value = value_of(line, end, "Content-Length:", &n);
    if (value)
        h->content_len = strtoull(value, NULL, 10); /* ends at the CR */
    value = value_of(line, end, "Longwire-Cursor:", &n);
    if (value) {
        h->cursor = value;
        h->cursor_len = n;
    }
    value = value_of(line, end, "Connection:", &n);
    if (value)
        h->close = n == 5 && strncasecmp(value, "close", n) == 0;
}

static unsigned read_status(const char *p, size_t n)
{
    if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ')
        return 0;
    for (int i = 9; i < 12; i++) {
        if (!isdigit((unsigned char)p[i]))
            return 0;
    }
    return (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
}

/* The CRLF that ends the line at P, of N bytes at most; NULL: there is none. */
static const char *find_line_end(const char *p, size_t n)
{
    const char *end = p + n, *cr = memchr(p, '\r', n);
    while (cr && cr + 1 < end && cr[1] != '\n')
        cr = memchr(cr + 1, '\r', (size_t)(end - cr - 1));
    return cr && cr + 1 < end ? cr : NULL;
}

/* One walk over the lines up to the empty one: there are very many answers. */
bool http_read_head(const char *data, size_t n, struct http_head *ret)
{
    const char *limit = data + (n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX);
    const char *line = data, *line_end;
    struct http_head h = {0};
    while ((line_end = find_line_end(line, (size_t)(limit - line)))) {
        if (line_end == line && line > data) {
            h.len = (size_t)(line - data) + 2;
            h.status = read_status(data, h.len);
            *ret = h;
            return true;
        }
        read_header(&h, line, line_end);
        line = line_end + 2;
    }
    *ret = (struct http_head){0};
    return n >= HTTP_HEAD_MAX; /* status 0 */
}

bool http_head_value(const char *head, size_t n, const char *name, struct http_value *ret)
{
    const char *end = head + n;
    for (const char *line = head; line < end;) {
        const char *line_end = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!line_end)
            return false;
        ret->text = value_of(line, line_end, name, &ret->n);
        if (ret->text)
            return true;
        line = line_end + 2;
    }
    return false;
}
