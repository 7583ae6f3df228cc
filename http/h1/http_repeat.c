#include "http/h1/http_repeat.h"

#include <string.h>

#include "http/h1/http_familiar.h"

/* A length that has more digits is left to the reader of heads. */
enum { LENGTH_DIGITS_MAX = 15 };

/* A head that is kept: what is before its length, that, and what is behind it; without one, all of
 * it is before. */
struct head {
    struct http_limits limits;   /* by which it was read */
    struct http_request request; /* at HEAD; its `fields` are shared with those that repeat it */
    uint32_t before, digits, behind; /* bytes; none before: nothing is kept here */
    char text[HTTP_REPEAT_BYTES];
};

static _Thread_local struct {
    struct head heads[HTTP_REPEAT_HEADS];
    unsigned last; /* the one that came last */
} kept;

/* How many digits stand at the beginning of TEXT. */
static size_t count_digits(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

/* --- whether it comes again --- */

static bool has_limits(const struct head *h, const struct http_limits *l)
{
    return h->limits.head_bytes == l->head_bytes && h->limits.target_bytes == l->target_bytes &&
           h->limits.headers == l->headers && h->limits.body_bytes == l->body_bytes;
}

/* The bytes of H, 0: DATA does not begin with it, whatever its length says. */
static size_t repeated(const struct head *h, const char *data, size_t n)
{
    size_t behind = h->before + h->digits, len = behind + h->behind;
    if (!len || n < len || memcmp(data, h->text, h->before) != 0)
        return 0;
    return memcmp(data + behind, h->text + behind, h->behind) == 0 ? len : 0;
}

/* H gets the length at TEXT, and says so in its fields. False: that is none which can be taken, or
 * somebody reads them. */
static bool set_length(struct head *h, const char *text)
{
    struct http_request *r = &h->request;
    uint64_t length = 0;
    if (memcmp(text, h->text + h->before, h->digits) == 0)
        return true;
    for (uint32_t i = 0; i < h->digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        length = length * 10 + (uint64_t)(text[i] - '0');
    }
    if (length == 0 || length > h->limits.body_bytes || r->fields->shares)
        return false;
    memcpy(h->text + h->before, text, h->digits);
    memcpy(r->fields->text.data + r->fields->values[HTTP_FIELD_CONTENT_LENGTH].at, text, h->digits);
    r->chunks.left = length;
    return true;
}

static void take(struct http_request *r, const struct head *h)
{
    const struct http_limits *limits = r->limits;
    *r = h->request;
    r->limits = limits;
    http_fields_share(r->fields);
}

/* R, which is at its beginning, becomes what it was at HEAD when one of the heads that are kept was
 * read, if DATA begins with that one. Returns its bytes; 0: it does not, and R is as before. */
static size_t find(struct http_request *r, const char *data, size_t n)
{
    for (unsigned i = 0; i < HTTP_REPEAT_HEADS; i++) {
        unsigned at = (kept.last + i) % HTTP_REPEAT_HEADS;
        struct head *h = &kept.heads[at];
        size_t len = repeated(h, data, n);
        if (!len || !has_limits(h, r->limits) || !set_length(h, data + h->before))
            continue;
        kept.last = at;
        take(r, h);
        return len;
    }
    return 0;
}

/* --- keeping one --- */

/* Where the value of the Content-Length begins in a head of N bytes that has one. */
static size_t length_at(const char *head, size_t n)
{
    const char *end = head + n, *line_end = memchr(head, '\n', n);
    while (line_end) {
        const char *line = line_end + 1, *colon = memchr(line, ':', (size_t)(end - line));
        size_t name_len = colon ? (size_t)(colon - line) : 0;
        if (name_len && http_field_find(line, name_len) == HTTP_FIELD_CONTENT_LENGTH) {
            for (colon++; *colon == ' ' || *colon == '\t'; colon++)
                ; /* a digit follows */
            return (size_t)(colon - head);
        }
        line_end = memchr(line, '\n', (size_t)(end - line));
    }
    return n;
}

/* Those without a body hardly come again. */
static bool is_worth_it(const struct http_request *r, size_t n)
{
    return r->has_body && !r->expect_continue && n <= HTTP_REPEAT_BYTES;
}

/* R is at HEAD, by the N bytes of DATA. */
static void keep(const struct http_request *r, const char *data, size_t n)
{
    unsigned at = (kept.last + HTTP_REPEAT_HEADS - 1) % HTTP_REPEAT_HEADS;
    struct head *h = &kept.heads[at];
    if (!is_worth_it(r, n))
        return;
    size_t before = r->state == HTTP_BODY ? length_at(data, n) : n;
    size_t digits = count_digits(data + before, n - before);
    if (digits > LENGTH_DIGITS_MAX)
        return;
    http_fields_give_back(h->request.fields);
    memcpy(h->text, data, n);
    h->limits = *r->limits;
    h->before = (uint32_t)before;
    h->digits = (uint32_t)digits;
    h->behind = (uint32_t)(n - before - digits);
    h->request = *r;
    h->request.fields = http_fields_share(r->fields);
    kept.last = at;
}

/* --- feeding --- */

/* The bytes of the request line with its end, 0: it is not all there. */
static size_t line_length(const char *data, size_t n)
{
    const char *end = memchr(data, '\n', n);
    return end ? (size_t)(end - data) + 1 : 0;
}

/* R is at its beginning. What the fields of its head mean may be known. */
static enum http_read feed_familiar(struct http_request *r, const char *data, size_t n,
                                    size_t *used)
{
    size_t line = line_length(data, n), more = 0;
    const struct http_familiar *f = http_familiar_find(data + line, n - line);
    enum http_read got = http_request_feed(r, data, f ? line : n, used);
    if (got == HTTP_READ_HEAD)
        http_familiar_keep(r, data + line, *used - line);
    if (!f || got != HTTP_READ_MORE)
        return got;
    if (http_familiar_take(f, r)) {
        *used = n;
        return HTTP_READ_HEAD;
    }
    got = http_request_feed(r, data + *used, n - *used, &more);
    *used += more;
    return got;
}

enum http_read http_repeat_feed(struct http_request *r, const char *data, size_t n, size_t *used)
{
    bool begins = r->state == HTTP_START && r->empty_lines == 0 && n > 0 && data[0] != '\r';
    if (!begins)
        return http_request_feed(r, data, n, used);
    *used = find(r, data, n);
    if (*used)
        return HTTP_READ_HEAD;
    enum http_read got = feed_familiar(r, data, n, used);
    if (got == HTTP_READ_HEAD)
        keep(r, data, *used);
    return got;
}

void http_repeat_finish_thread(void)
{
    http_familiar_finish_thread();
    for (unsigned i = 0; i < HTTP_REPEAT_HEADS; i++) {
        struct head *h = &kept.heads[i];
        http_fields_give_back(h->request.fields);
        h->request.fields = NULL;
        h->before = h->digits = h->behind = 0;
    }
}
