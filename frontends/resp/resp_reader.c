#include "frontends/resp/resp_reader.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

enum {
    NUMBER_LINE_MAX = 24,      /* bytes of a count or length line, more than any number takes */
    USUAL_DIGITS = 9,          /* of a number that is read in one go */
    ARGV_FIRST = 8,            /* words allocated at first */
    KEPT_IDLE_MAX = 64 * 1024, /* a larger buffer is not kept for a small rest */
};

/* What a step of the parser says besides enum resp_result. */
enum step { STEP_MORE = RESP_MORE, STEP_COMMAND = RESP_COMMAND, STEP_ERROR = RESP_ERROR, STEP_ON };

void resp_reader_init(struct resp_reader *r, const struct resp_limits *limits)
{
    memset(r, 0, sizeof(*r));
    r->limits = limits;
}

static void free_argv(struct resp_reader *r)
{
    free(r->argv);
    r->argv = NULL;
    r->argc = r->argv_cap = 0;
}

void resp_reader_finish(struct resp_reader *r)
{
    buf_finish(&r->kept);
    free_argv(r);
    r->in_len = r->at = r->begin = 0;
    r->state = RESP_READER_FAILED;
}

size_t resp_reader_held(const struct resp_reader *r)
{
    return r->kept.cap + r->argv_cap * sizeof(*r->argv);
}

void resp_reader_fail(struct resp_reader *r, const char *text)
{
    resp_reader_finish(r);
    snprintf(r->error, sizeof(r->error), "%s", text);
}

static enum step fail(struct resp_reader *r, const char *text)
{
    resp_reader_fail(r, text);
    return STEP_ERROR;
}

static enum step fail_expected(struct resp_reader *r, unsigned char got)
{
    char text[sizeof(r->error)];
    bool printable = got >= 0x20 && got < 0x7F;
    if (printable)
        snprintf(text, sizeof(text), "Protocol error: expected '$', got '%c'", got);
    else
        snprintf(text, sizeof(text), "Protocol error: expected '$', got '\\x%02x'", got);
    return fail(r, text);
}

static enum step add_arg(struct resp_reader *r, size_t at, size_t len)
{
    if (r->argc == r->argv_cap) {
        size_t cap = r->argv_cap ? r->argv_cap * 2 : ARGV_FIRST;
        struct resp_arg *argv = realloc(r->argv, cap * sizeof(*argv));
        if (!argv)
            return fail(r, "out of memory");
        r->argv = argv;
        r->argv_cap = cap;
    }
    r->argv[r->argc].at = at - r->begin;
    r->argv[r->argc].len = len;
    r->argc++;
    return STEP_ON;
}

/* The command ends before `at`; the next one begins there. */
static enum step end_command(struct resp_reader *r)
{
    const char *base = r->in + r->begin;
    for (size_t i = 0; i < r->argc; i++)
        r->argv[i].data = base + r->argv[i].at;
    r->begin = r->at;
    r->scanned = 0;
    r->state = RESP_READER_START;
    return r->argc ? STEP_COMMAND : STEP_ON;
}

/* A decimal number in its only form: no sign but '-', no leading zeros. */
static bool parse_number(const char *p, const char *end, int64_t *ret)
{
    bool negative = p < end && *p == '-';
    uint64_t n = 0;
    p += negative;
    if (p == end || end - p > 18 || (*p == '0' && (end - p > 1 || negative)))
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

/* The usual number: few digits, which are there with the end of their line. Returns how many; 0: it
 * is not one of those. */
static size_t usual_number(const char *p, const char *end, int64_t *ret)
{
    const char *at = p;
    int64_t n = 0;
    while (at < end && at - p < USUAL_DIGITS && *at >= '0' && *at <= '9')
        n = n * 10 + (*at++ - '0');
    if (at == p || end - at < 2 || at[0] != '\r' || at[1] != '\n' || (*p == '0' && at - p > 1))
        return 0;
    *ret = n;
    return (size_t)(at - p);
}

/* Reads the number line at `at`, whose first byte is its type. On STEP_ON `at` is behind it. */
static enum step number_line(struct resp_reader *r, const char *too_long, const char *invalid,
                             int64_t *ret)
{
    const char *line = r->in + r->at, *end = r->in + r->in_len;
    const char *p = line + 1;
    size_t digits = usual_number(p, end, ret);
    if (digits) {
        r->at += 1 + digits + 2;
        return STEP_ON;
    }
    while (p < end && *p != '\r' && p - line < NUMBER_LINE_MAX)
        p++;
    if (p - line >= NUMBER_LINE_MAX)
        return fail(r, too_long);
    if (end - p < 2)
        return STEP_MORE;
    if (p[1] != '\n' || !parse_number(line + 1, p, ret))
        return fail(r, invalid);
    r->at += (size_t)(p - line) + 2;
    return STEP_ON;
}

static enum step array_head(struct resp_reader *r)
{
    static const char invalid[] = "Protocol error: invalid multibulk length";
    int64_t n;
    enum step step = number_line(r, "Protocol error: too big mbulk count string", invalid, &n);
    if (step != STEP_ON)
        return step;
    if (n <= 0)
        return end_command(r);
    if ((uint64_t)n > r->limits->args)
        return fail(r, invalid);
    r->args_due = (size_t)n;
    r->state = RESP_READER_BULK_HEAD;
    return STEP_ON;
}

static enum step bulk_head(struct resp_reader *r)
{
    static const char invalid[] = "Protocol error: invalid bulk length";
    int64_t n;
    if (r->at == r->in_len)
        return STEP_MORE;
    if (r->in[r->at] != '$')
        return fail_expected(r, (unsigned char)r->in[r->at]);
    enum step step = number_line(r, "Protocol error: too big bulk count string", invalid, &n);
    if (step != STEP_ON)
        return step;
    if (n < 0 || (uint64_t)n > r->limits->bulk)
        return fail(r, invalid);
    if ((uint64_t)n + 2 + (r->at - r->begin) > r->limits->command)
        return fail(r, "Protocol error: too big request");
    r->bulk_len = (size_t)n;
    r->state = RESP_READER_BULK_DATA;
    return STEP_ON;
}

static enum step bulk_data(struct resp_reader *r)
{
    const char *end = r->in + r->at + r->bulk_len;
    if (r->in_len - r->at < r->bulk_len + 2)
        return STEP_MORE;
    if (end[0] != '\r' || end[1] != '\n')
        return fail(r, "Protocol error: bulk is longer than its length");
    if (add_arg(r, r->at, r->bulk_len) == STEP_ERROR)
        return STEP_ERROR;
    r->at += r->bulk_len + 2;
    r->state = RESP_READER_BULK_HEAD;
    return --r->args_due ? STEP_ON : end_command(r);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The escape behind a backslash at *P (P < END); moves *P behind it. */
static char unescape(const char **p, const char *end)
{
    static const char from[] = "nrtba", to[] = "\n\r\t\b\a";
    const char *s = *p;
    if (*s == 'x' && end - s >= 3 && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
        *p += 3;
        return (char)(hex_value(s[1]) << 4 | hex_value(s[2]));
    }
    ++*p;
    for (size_t i = 0; i < sizeof(from) - 1; i++) {
        if (*s == from[i])
            return to[i];
    }
    return *s;
}

/* Copies the quoted text whose opening quote is at *P to *TO; false: the quote is not closed, or
 * not followed by a blank. */
static bool take_quoted(const char **p, const char *end, char **to)
{
    char quote = *(*p)++;
    while (*p < end && **p != quote) {
        char c = *(*p)++;
        if (c == '\\' && quote == '"' && *p < end)
            c = unescape(p, end);
        else if (c == '\\' && quote == '\'' && *p < end && **p == '\'')
            c = *(*p)++;
        *(*to)++ = c;
    }
    if (*p == end)
        return false;
    ++*p;
    return *p == end || is_space(**p);
}

/* Copies the word at *P to *TO without its quotes; false: unbalanced. */
static bool take_word(const char **p, const char *end, char **to)
{
    while (*p < end && !is_space(**p)) {
        if (**p == '"' || **p == '\'')
            return take_quoted(p, end, to);
        *(*to)++ = *(*p)++;
    }
    return true;
}

/* Splits the N bytes at `at` into words. They only get shorter, so they are written in place. */
static enum step split_line(struct resp_reader *r, size_t n)
{
    char *to = r->in + r->at;
    const char *p = to, *end = to + n;
    for (;;) {
        while (p < end && is_space(*p))
            p++;
        if (p == end)
            return STEP_ON;
        char *word = to;
        if (!take_word(&p, end, &to))
            return fail(r, "Protocol error: unbalanced quotes in request");
        if (r->argc == r->limits->args || (size_t)(to - word) > r->limits->bulk)
            return fail(r, "Protocol error: too big inline request");
        if (add_arg(r, (size_t)(word - r->in), (size_t)(to - word)) == STEP_ERROR)
            return STEP_ERROR;
    }
}

static enum step inline_command(struct resp_reader *r)
{
    size_t there = r->in_len - r->at;
    const char *line = r->in + r->at;
    const char *end = memchr(line + r->scanned, '\n', there - r->scanned);
    size_t n = end ? (size_t)(end - line) : there;
    if (n > r->limits->line)
        return fail(r, "Protocol error: too big inline request");
    r->scanned = n;
    if (!end)
        return STEP_MORE;
    if (split_line(r, n) == STEP_ERROR)
        return STEP_ERROR;
    r->at += n + 1;
    return end_command(r);
}

static enum step start(struct resp_reader *r)
{
    r->argc = 0;
    if (r->at == r->in_len)
        return STEP_MORE;
    return r->in[r->at] == '*' ? array_head(r) : inline_command(r);
}

static enum step parse_step(struct resp_reader *r)
{
    switch (r->state) {
    case RESP_READER_START:
        return start(r);
    case RESP_READER_BULK_HEAD:
        return bulk_head(r);
    case RESP_READER_BULK_DATA:
        return bulk_data(r);
    case RESP_READER_FAILED:
        return STEP_ERROR;
    }
    return STEP_ERROR;
}

void resp_reader_feed(struct resp_reader *r, char *data, size_t n)
{
    if (r->state == RESP_READER_FAILED)
        return;
    if (r->kept.len == 0) {
        r->in = data;
        r->in_len = n;
        r->begin = r->at = 0;
        return;
    }
    buf_append(&r->kept, data, n);
    r->in = r->kept.data;
    r->in_len = r->kept.len;
}

void resp_reader_keep(struct resp_reader *r)
{
    size_t rest = r->in_len - r->begin;
    bool borrowed = r->in != r->kept.data;
    if (r->state == RESP_READER_FAILED)
        return;
    if (rest == 0) {
        buf_finish(&r->kept);
        free_argv(r);
    } else if (borrowed || (r->kept.cap > KEPT_IDLE_MAX && rest < r->kept.cap / 4)) {
        struct buf fresh = {.failed = r->kept.failed};
        buf_append(&fresh, r->in + r->begin, rest);
        buf_finish(&r->kept);
        r->kept = fresh;
    } else if (r->begin) {
        buf_consume(&r->kept, r->begin);
    }
    r->in = r->kept.data;
    r->in_len = r->kept.len;
    r->at -= r->begin;
    r->begin = 0;
}

size_t resp_reader_give_back(struct resp_reader *r)
{
    size_t rest = r->in_len - r->begin;
    if (r->state == RESP_READER_FAILED)
        return 0;
    buf_finish(&r->kept);
    free_argv(r);
    r->in = NULL;
    r->in_len = r->begin = r->at = 0;
    return rest;
}

enum resp_result resp_reader_next(struct resp_reader *r)
{
    enum step step = r->kept.failed ? fail(r, "out of memory") : STEP_ON;
    while (step == STEP_ON)
        step = parse_step(r);
    if (step == STEP_MORE) {
        resp_reader_keep(r);
        if (r->kept.failed)
            step = fail(r, "out of memory");
    }
    return (enum resp_result)step;
}
