#include "http/http_fields.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/field.h"

enum {
    SPARE_MAX = 8,      /* that a thread keeps */
    SPARE_BYTES = 4096, /* of text in one that it keeps */
};

/* ---- Memory ---- */

static _Thread_local struct {
    struct http_fields *first;
    unsigned count;
} spare;

struct http_fields *http_fields_take(void)
{
    struct http_fields *f = spare.first;
    if (!f)
        return calloc(1, sizeof(*f));
    spare.first = f->next_spare;
    spare.count--;
    return f;
}

static void destroy(struct http_fields *f)
{
    buf_finish(&f->text);
    free(f);
}

struct http_fields *http_fields_share(struct http_fields *f)
{
    f->shares++;
    return f;
}

void http_fields_give_back(struct http_fields *f)
{
    if (!f)
        return;
    if (f->shares) {
        f->shares--;
        return;
    }
    if (spare.count == SPARE_MAX || f->text.cap > SPARE_BYTES) {
        destroy(f);
        return;
    }
    buf_clear(&f->text);
    f->begin = 0;
    f->present = f->repeated = 0;
    f->next_spare = spare.first;
    spare.first = f;
    spare.count++;
}

void http_fields_finish_thread(void)
{
    while (spare.first)
        destroy(http_fields_take());
}

size_t http_fields_held(const struct http_fields *f)
{
    return f ? sizeof(*f) + f->text.cap : 0;
}

/* ---- Names ---- */

static const struct {
    const char *name;
    size_t len;
    const char *fault; /* when it stands there twice; NULL: it may */
} known[] = {
#define MANY(number, name) {name, sizeof(name) - 1, NULL},
#define ONCE(number, name) {name, sizeof(name) - 1, "There is more than one " name " header field"},
    HTTP_FIELD_TABLE(MANY, ONCE)
#undef MANY
#undef ONCE
};

enum { KNOWN = sizeof(known) / sizeof(known[0]) };

_Static_assert((int)KNOWN == (int)HTTP_FIELD_X_FORWARDED, "one number for each");
_Static_assert((int)HTTP_FIELD_UNKNOWN <= 64, "`present` has a bit for each");

/* Where the names of a length begin; where none is so long, it is that of another. */
static const uint8_t first_of_length[] = {
    [3] = HTTP_FIELD_VIA,
    [4] = HTTP_FIELD_DATE,
    [5] = HTTP_FIELD_RANGE,
    [6] = HTTP_FIELD_ACCEPT,
    [7] = HTTP_FIELD_REFERER,
    [8] = HTTP_FIELD_IF_RANGE,
    [9] = HTTP_FIELD_FORWARDED,
    [10] = HTTP_FIELD_CONNECTION,
    [12] = HTTP_FIELD_CONTENT_TYPE,
    [13] = HTTP_FIELD_AUTHORIZATION,
    [14] = HTTP_FIELD_CONTENT_LENGTH,
    [15] = HTTP_FIELD_ACCEPT_ENCODING,
    [16] = HTTP_FIELD_CONTENT_ENCODING,
    [17] = HTTP_FIELD_IF_MODIFIED_SINCE,
    [19] = HTTP_FIELD_IF_UNMODIFIED_SINCE,
    [20] = HTTP_FIELD_LONGWIRE_EXPECT_LAST,
    [21] = HTTP_FIELD_SEC_WEBSOCKET_VERSION,
    [22] = HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL,
    [24] = HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS,
    [29] = HTTP_FIELD_ACCESS_CONTROL_REQUEST_METHOD,
};

static const char x_forwarded[] = "X-Forwarded-";

/* Eight bytes; the same for both cases of a letter. */
static uint64_t fold(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return word | UINT64_C(0x2020202020202020);
}

/* Whether the token NAME is WORD, which has as many bytes, none but letters and hyphens. Bit 5 is
 * the case of a letter, and makes a hyphen only of a CR, which is in no token. */
static bool is_word(const char *name, const char *word, size_t n)
{
    uint64_t differs = 0;
    size_t i = 0;
    if ((name[0] ^ word[0]) & ~0x20)
        return false; /* mostly */
    if (n < 8) {
        for (; i < n; i++)
            differs |= (unsigned char)((name[i] ^ word[i]) & ~0x20);
        return differs == 0;
    }
    for (; i + 8 < n; i += 8)
        differs |= fold(name + i) ^ fold(word + i);
    return (differs | (fold(name + n - 8) ^ fold(word + n - 8))) == 0;
}

enum http_field http_field_find(const char *name, size_t n)
{
    size_t prefix = sizeof(x_forwarded) - 1;
    size_t i = n < sizeof(first_of_length) ? first_of_length[n] : KNOWN;
    for (; i < KNOWN && known[i].len == n; i++)
        if (is_word(name, known[i].name, n))
            return (enum http_field)i;
    return n >= prefix && is_word(name, x_forwarded, prefix) ? HTTP_FIELD_X_FORWARDED
                                                             : HTTP_FIELD_UNKNOWN;
}

/* ---- Fields ---- */

/* The value of WHICH stands at AT, N bytes. */
static void index_field(struct http_fields *f, enum http_field which, size_t at, size_t n)
{
    uint64_t bit = UINT64_C(1) << which;
    if (which == HTTP_FIELD_UNKNOWN)
        return;
    f->repeated |= f->present & bit;
    if (!(f->present & bit)) {
        f->values[which].at = (uint32_t)at;
        f->values[which].len = (uint32_t)n;
    }
    f->present |= bit;
}

void http_fields_add(struct http_fields *f, const char *name, size_t name_len, const char *value,
                     size_t value_len)
{
    size_t all = name_len + 1 + value_len + 1;
    enum http_field which = http_field_find(name, name_len);
    char *to = buf_reserve(&f->text, all); /* moves nothing if they stand there already */
    if (!to)
        return;
    memmove(to, name, name_len);
    to[name_len] = '\0';
    memmove(to + name_len + 1, value, value_len);
    to[name_len + 1 + value_len] = '\0';
    index_field(f, which, f->text.len + name_len + 1, value_len);
    f->text.len += all;
}

void http_fields_add_all(struct http_fields *f, const struct http_fields *from)
{
    uint32_t to = (uint32_t)f->text.len;
    buf_append(&f->text, from->text.data + from->begin, from->text.len - from->begin);
    if (f->text.failed)
        return;
    f->begin = to;
    f->present = from->present;
    f->repeated = from->repeated;
    for (uint64_t left = from->present; left; left &= left - 1) {
        int which = __builtin_ctzll(left);
        f->values[which].at = from->values[which].at - from->begin + to;
        f->values[which].len = from->values[which].len;
    }
}

struct http_fields *http_fields_copy(const struct http_fields *f)
{
    struct http_fields *copy = calloc(1, sizeof(*copy));
    if (!copy)
        return NULL;
    http_fields_add_all(copy, f);
    if (!copy->text.failed)
        return copy;
    destroy(copy);
    return NULL;
}

const char *http_fields_next(const struct http_fields *f, enum http_field which, const char *value,
                             size_t *ret_len)
{
    const char *end = f->text.data + f->text.len;
    if (!(f->repeated >> which & 1))
        return NULL;
    for (const char *name = value + strlen(value) + 1; name < end;) {
        size_t name_len = strlen(name);
        const char *found = name + name_len + 1;
        size_t n = strlen(found);
        if (http_field_find(name, name_len) == which) {
            if (ret_len)
                *ret_len = n;
            return found;
        }
        name = found + n + 1;
    }
    return NULL;
}

const char *http_fields_named(const struct http_fields *f, const char *name, const char *after,
                              size_t *ret_len)
{
    if (!f || f->text.len == f->begin)
        return NULL;
    const char *end = f->text.data + f->text.len;
    const char *at = after ? after + strlen(after) + 1 : f->text.data + f->begin;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        size_t n = strlen(value);
        if (strcasecmp(at, name) == 0) {
            if (ret_len)
                *ret_len = n;
            return value;
        }
        at = value + n + 1;
    }
    return NULL;
}

static bool list_has(const char *value, size_t n, const char *token)
{
    struct field_text rest = {value, n}, member;
    while (field_next(&rest, ',', &member))
        if (field_is(member, token))
            return true;
    return false;
}

bool http_fields_has_token(const struct http_fields *f, enum http_field which, const char *token)
{
    size_t n;
    const char *value = http_fields_get(f, which, &n);
    for (; value; value = http_fields_next(f, which, value, &n))
        if (list_has(value, n, token))
            return true;
    return false;
}

const char *http_fields_fault(const struct http_fields *f)
{
    for (uint64_t left = f->repeated; left; left &= left - 1) {
        int which = __builtin_ctzll(left);
        if (which < KNOWN && known[which].fault)
            return known[which].fault;
    }
    return NULL;
}
