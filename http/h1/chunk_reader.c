#include "http/h1/chunk_reader.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"
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
    BROKEN,
};

void chunk_reader_init(struct chunk_reader *k)
{
    memset(k, 0, sizeof(*k));
}

/* The state when GOOD. */
static enum state if_good(bool good, enum state s)
{
    return good ? s : BROKEN;
}

static enum state size_next(struct chunk_reader *k, char c)
{
    int digit = hex_value(c);
    if (k->state == SIZE && digit >= 0) {
        k->left = k->left << 4 | (unsigned)digit;
        return if_good(k->digits++ < CHUNK_SIZE_DIGITS_MAX, SIZE);
    }
    if (c == '\r')
        return if_good(k->digits && k->state == SIZE, SIZE_LF);
    if (c == ';') {
        k->extension = CHUNK_EXT_START;
        return if_good(k->digits, EXTENSION);
    }
    return if_good(k->digits && (c == ' ' || c == '\t'), BLANK);
}

static enum state extension_next(struct chunk_reader *k, char c)
{
    if (c == '\r')
        return if_good(chunk_ext_may_end(k->extension), SIZE_LF);
    k->extension = (uint8_t)chunk_ext_next(k->extension, c);
    return if_good(k->extension != CHUNK_EXT_BAD, EXTENSION);
}

static enum state size_ends(struct chunk_reader *k, char c)
{
    k->digits = 0;
    return if_good(c == '\n', k->left ? DATA : TRAILER);
}

static enum state trailer_name_next(const struct chunk_reader *k, char c)
{
    if (c == '\r')
        return if_good(k->state == TRAILER, LAST_LF);
    if (c == ':')
        return if_good(k->state == TRAILER_NAME, TRAILER_VALUE);
    return if_good(field_is_tchar(c), TRAILER_NAME);
}

/* One byte of what is around the chunks. */
static enum state next(struct chunk_reader *k, char c)
{
    switch ((enum state)k->state) {
    case SIZE:
    case BLANK:
        return size_next(k, c);
    case EXTENSION:
        return extension_next(k, c);
    case SIZE_LF:
        return size_ends(k, c);
    case DATA_CR:
        return if_good(c == '\r', DATA_LF);
    case DATA_LF:
        return if_good(c == '\n', SIZE);
    case TRAILER:
    case TRAILER_NAME:
        return trailer_name_next(k, c);
    case TRAILER_VALUE:
        return c == '\r' ? TRAILER_LF : if_good(field_is_value_char(c), TRAILER_VALUE);
    case TRAILER_LF:
        return if_good(c == '\n', TRAILER);
    case LAST_LF:
        return if_good(c == '\n', ENDED);
    default:
        return BROKEN;
    }
}

/* Whether a byte in STATE is allowed and ignored, and so in need of a limit. */
static bool is_ballast(unsigned state)
{
    return state == BLANK || state == EXTENSION || (state >= TRAILER && state <= TRAILER_LF);
}

static enum chunk_read step(struct chunk_reader *k, char c)
{
    bool too_much = is_ballast(k->state) && k->ballast++ == CHUNK_BALLAST_MAX;
    k->state = too_much ? BROKEN : (uint8_t)next(k, c);
    return k->state == DATA ? CHUNK_BEGIN : CHUNK_MORE;
}

static enum chunk_read take(struct chunk_reader *k, const char *data, size_t n, size_t *used,
                            struct field_text *ret)
{
    *ret = (struct field_text){data, n < k->left ? n : (size_t)k->left};
    k->left -= ret->n;
    if (!k->left)
        k->state = DATA_CR;
    *used += ret->n;
    return CHUNK_BYTES;
}

enum chunk_read chunk_reader_feed(struct chunk_reader *k, const char *data, size_t n, size_t *used,
                                  struct field_text *ret)
{
    *used = 0;
    for (;;) {
        if (k->state == ENDED || k->state == BROKEN)
            return k->state == ENDED ? CHUNK_END : CHUNK_FAULT;
        if (*used == n)
            return CHUNK_MORE;
        if (k->state == DATA)
            return take(k, data + *used, n - *used, used, ret);
        if (step(k, data[(*used)++]) == CHUNK_BEGIN)
            return CHUNK_BEGIN;
    }
}
