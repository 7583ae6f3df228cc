#include "broker/cursor.h"

#include <string.h>

#include "base/buf.h"
#include "base/rfc3339.h"

enum { SURE_DIGITS = 9 /* of a number that no maximum here is below */ };

/*
 * Reads decimal digits at *P up to END, moves *P behind them. False: no digit, a leading zero, or
 * a value above MAX.
 */
static bool read_number(const char **p, const char *end, uint64_t max, uint64_t *ret)
{
    const char *first = *p, *at = first;
    uint64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (at - first >= SURE_DIGITS && value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (at == first || (*first == '0' && at - first > 1))
        return false;
    *p = at;
    *ret = value;
    return true;
}

enum err cursor_parse(const char *text, size_t n, struct cursor *ret)
{
    const char *p = text, *end = text + n;
    uint64_t offset, epoch = 0;
    if (!read_number(&p, end, UINT64_MAX, &offset))
        return ERR_INVALID;
    if (p < end) {
        if (*p++ != '-' || !read_number(&p, end, UINT32_MAX, &epoch) || p < end)
            return ERR_INVALID;
        /* No log has epoch 0. "0-0" alone is let through: it is what users of Redis streams
         * write for "from the beginning". */
        if (epoch == 0 && offset != 0)
            return ERR_INVALID;
    }
    *ret = (struct cursor){.offset = offset, .epoch = (uint32_t)epoch};
    return ERR_OK;
}

/* "-EPOCH" and a NUL: mostly that of the last cursor, which is that of the log. */
struct epoch_text {
    uint32_t epoch;
    uint32_t len; /* 0: none was asked for */
    char text[CURSOR_TEXT_SIZE - BUF_DIGITS_MAX];
};

static void write_epoch(struct epoch_text *t, uint32_t epoch)
{
    t->epoch = epoch;
    t->text[0] = '-';
    t->len = 1 + (uint32_t)buf_digits(t->text + 1, epoch);
    t->text[t->len] = '\0';
}

size_t cursor_format(char *out, uint64_t offset, uint32_t epoch)
{
    static _Thread_local struct epoch_text last;
    if (last.epoch != epoch || !last.len)
        write_epoch(&last, epoch);
    size_t n = buf_digits(out, offset);
    memcpy(out + n, last.text, sizeof(last.text)); /* fits behind the longest offset */
    return n + last.len;
}

static bool is_word(const char *text, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(text, word, n) == 0;
}

static enum err parse_last(const char *text, size_t n, struct after *ret)
{
    const char *p = text, *end = text + n;
    uint64_t last;
    if (!read_number(&p, end, UINT64_MAX, &last) || p < end || last == 0)
        return ERR_INVALID;
    *ret = (struct after){.kind = AFTER_LAST, .last = last};
    return ERR_OK;
}

enum err after_parse(const char *text, size_t n, struct after *ret)
{
    struct after a = {.kind = AFTER_LATEST};
    if (n > 0 && text[0] == '-')
        return parse_last(text + 1, n - 1, ret);
    if (is_word(text, n, "earliest"))
        a.kind = AFTER_EARLIEST;
    else if (cursor_parse(text, n, &a.cursor) == ERR_OK)
        a.kind = AFTER_CURSOR;
    else if (rfc3339_parse(text, n, &a.time_ms) == ERR_OK)
        a.kind = AFTER_TIME; /* never mistaken for a cursor: it has a 'T' */
    else if (!is_word(text, n, "latest"))
        return ERR_INVALID;
    *ret = a;
    return ERR_OK;
}
