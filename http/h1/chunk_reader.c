#include "http/h1/chunk_reader.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"
#include "http/field.h"
#include "http/h1/chunk_ext.h"

enum state {
    SIZE,
    BLANK, /* blanks behind the size, before an extension */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* the beginning of a line: a name, or the CR that ends the body */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    ENDED,
};

void chunk_reader_init(struct chunk_reader *k)
{
    memset(k, 0, sizeof(*k));
}

/* What a byte leads to: another state, or, where `reason` is one, nowhere. */
struct step {
    enum state state;
    const char *reason;
};

static struct step to(enum state s)
{
    return (struct step){s, NULL};
}

static struct step wrong(const char *reason)
{
    return (struct step){.reason = reason};
}

static struct step to_if(bool good, enum state s, const char *reason)
{
    return good ? to(s) : wrong(reason);
}

static struct step take_digit(struct chunk_reader *k, int digit)
{
    k->left = k->left << 4 | (unsigned)digit;
    return to_if(k->digits++ < CHUNK_SIZE_DIGITS_MAX, SIZE, "The size of a chunk is too long");
}

/* The size, or whatever ends it. */
static struct step in_size(struct chunk_reader *k, char c)
{
    int digit = hex_value(c);
    if (digit >= 0 && k->state == SIZE)
        return take_digit(k, digit);
    if (k->digits > 0 && c == '\r' && k->state == SIZE)
        return to(SIZE_LF);
    if (k->digits > 0 && (c == ' ' || c == '\t'))
        return to(BLANK);
    k->extension = CHUNK_EXT_START;
    return to_if(k->digits > 0 && c == ';', EXTENSION,
                 "The size of a chunk is not a hexadecimal number");
}

static struct step in_extension(struct chunk_reader *k, char c)
{
    static const char malformed[] = "A chunk extension is not NAME or NAME=VALUE";
    if (c == '\r')
        return to_if(chunk_ext_may_end(k->extension), SIZE_LF, malformed);
    k->extension = (uint8_t)chunk_ext_next(k->extension, c);
    return to_if(k->extension != CHUNK_EXT_BAD, EXTENSION, malformed);
}

static struct step end_size(struct chunk_reader *k, char c)
{
    k->digits = 0;
    return to_if(c == '\n', k->left ? DATA : TRAILER, "A CR has no LF behind it");
}

static struct step in_trailer_value(char c)
{
    if (c == '\r')
        return to(TRAILER_LF);
    return to_if(field_is_value_char(c), TRAILER_VALUE,
                 "There is a control character in a trailer");
}

static struct step in_trailer_name(const struct chunk_reader *k, char c)
{
    if (c == '\r' && k->state == TRAILER)
        return to(LAST_LF);
    if (c == ':' && k->state == TRAILER_NAME)
        return to(TRAILER_VALUE);
    return to_if(field_is_tchar(c), TRAILER_NAME, "A trailer field is malformed");
}

/* A byte that must be WANTED. */
static struct step expect(char c, char wanted, enum state s)
{
    return to_if(c == wanted, s, "A chunk does not end where it should");
}

/* One byte of what is around the chunks. */
static struct step next(struct chunk_reader *k, char c)
{
    switch (k->state) {
    case SIZE:
    case BLANK:
        return in_size(k, c);
    case EXTENSION:
        return in_extension(k, c);
    case SIZE_LF:
        return end_size(k, c);
    case DATA_CR:
        return expect(c, '\r', DATA_LF);
    case DATA_LF:
        return expect(c, '\n', SIZE);
    case TRAILER_VALUE:
        return in_trailer_value(c);
    case TRAILER_LF:
        return expect(c, '\n', TRAILER);
    case LAST_LF:
        return expect(c, '\n', ENDED);
    default: /* TRAILER, TRAILER_NAME */
        return in_trailer_name(k, c);
    }
}

/* Whether a byte in STATE is ballast: allowed, ignored, and so in need of a limit. */
static bool is_ballast(unsigned state)
{
    return state == BLANK || state == EXTENSION || (state >= TRAILER && state <= TRAILER_LF);
}

static enum chunk_read fail(struct chunk_found *ret, unsigned status, const char *reason)
{
    *ret = (struct chunk_found){.status = (uint16_t)status, .reason = reason};
    return CHUNK_FAULT;
}

static enum chunk_read feed_byte(struct chunk_reader *k, uint32_t ballast_max, char c,
                                 struct chunk_found *ret)
{
    bool trailer = k->state >= TRAILER;
    if (is_ballast(k->state) && k->seen++ == ballast_max)
        return trailer ? fail(ret, 431, "The trailer fields are too large")
                       : fail(ret, 413, "The chunk extensions are too large");
    struct step s = next(k, c);
    if (s.reason)
        return fail(ret, 400, s.reason);
    k->state = (uint8_t)s.state;
    return s.state == DATA ? CHUNK_BEGIN : CHUNK_MORE;
}

static enum chunk_read take(struct chunk_reader *k, const char *data, size_t n, size_t *used,
                            struct chunk_found *ret)
{
    *ret = (struct chunk_found){.data = data, .n = n < k->left ? n : (size_t)k->left};
    k->left -= ret->n;
    if (!k->left)
        k->state = DATA_CR;
    *used += ret->n;
    return CHUNK_BYTES;
}

enum chunk_read chunk_reader_feed(struct chunk_reader *k, uint32_t ballast_max, const char *data,
                                  size_t n, size_t *used, struct chunk_found *ret)
{
    enum chunk_read got = CHUNK_MORE;
    *used = 0;
    while (got == CHUNK_MORE && k->state != ENDED && *used < n) {
        if (k->state == DATA)
            return take(k, data + *used, n - *used, used, ret);
        got = feed_byte(k, ballast_max, data[(*used)++], ret);
    }
    return k->state == ENDED ? CHUNK_END : got;
}
