#include "http/field.h"

#include <string.h>

/* Blocks of 16 bytes where the compiler has SSE2, which is on every x86-64; FIELD_SCALAR leaves
 * them out, for the tests of what other machines do. */
#if defined(__SSE2__) && !defined(FIELD_SCALAR)
#define FIELD_BLOCKS 1
#include <emmintrin.h>
#else
#define FIELD_BLOCKS 0
#endif

/* A table, since every byte of every name of a request is looked up. */
bool field_is_tchar(char c)
{
    static const bool tchars[256] = {
        ['!'] = true,         ['#' ... '\''] = true, ['*'] = true, ['+'] = true,
        ['-'] = true,         ['.'] = true,          ['^'] = true, ['_'] = true,
        ['`'] = true,         ['|'] = true,          ['~'] = true, ['0' ... '9'] = true,
        ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
    };
    return tchars[(unsigned char)c];
}

#if FIELD_BLOCKS
/* One bit for each of the 16 bytes at TEXT that may not stand in a field value. */
static unsigned block_faults(const char *text)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del));
}

/* The same for a token: what is visible, but for delimiters (RFC 9110 section 5.6.2). */
static unsigned block_token_faults(const char *text)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
    __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20)); /* "[]" are "{}" then */
    __m128i from_colon = _mm_sub_epi8(bytes, _mm_set1_epi8(':'));
    __m128i faults = _mm_cmpeq_epi8(_mm_min_epu8(from_colon, _mm_set1_epi8('@' - ':')), from_colon);
    faults = _mm_or_si128(faults, _mm_cmpgt_epi8(_mm_set1_epi8('!'), bytes));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('(')));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(')')));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('/')));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F)));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(folded, _mm_set1_epi8('{')));
    faults = _mm_or_si128(faults, _mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));
    return (unsigned)_mm_movemask_epi8(faults);
}

/* The same for a request target. Bytes above 0x7F are negative. */
static unsigned block_target_faults(const char *text)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
    __m128i visible = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(' '));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    __m128i hash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('#'));
    return 0xFFFFu &
           ~(unsigned)_mm_movemask_epi8(_mm_andnot_si128(_mm_or_si128(del, hash), visible));
}

/* How many of the N bytes, 16 at least, come before the first one with a fault. The last block is
 * that of the last bytes, some of which the one before it has seen. */
static inline size_t block_span(const char *text, size_t n, unsigned (*faults_of)(const char *text))
{
    for (size_t at = 0;; at = n - at < 32 ? n - 16 : at + 16) {
        unsigned faults = faults_of(text + at);
        if (faults)
            return at + (size_t)__builtin_ctz(faults);
        if (at == n - 16)
            return n;
    }
}
#endif

size_t field_token_span(const char *text, size_t n)
{
    size_t i = 0;
#if FIELD_BLOCKS
    if (n >= 16)
        return block_span(text, n, block_token_faults);
#endif
    while (i < n && field_is_tchar(text[i]))
        i++;
    return i;
}

bool field_is_token(const char *text, size_t n)
{
    return n > 0 && field_token_span(text, n) == n;
}

size_t field_value_span(const char *text, size_t n)
{
    size_t i = 0;
#if FIELD_BLOCKS
    if (n >= 16)
        return block_span(text, n, block_faults);
#endif
    while (i < n && field_is_value_char(text[i]))
        i++;
    return i;
}

static bool is_target_char(char c)
{
    return (unsigned char)c > ' ' && (unsigned char)c < 0x7F && c != '#';
}

size_t field_target_span(const char *text, size_t n)
{
    size_t i = 0;
#if FIELD_BLOCKS
    if (n >= 16)
        return block_span(text, n, block_target_faults);
#endif
    while (i < n && is_target_char(text[i]))
        i++;
    return i;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct field_text field_trim(const char *text, size_t n)
{
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    while (n > 0 && is_blank(*text)) {
        text++;
        n--;
    }
    return (struct field_text){text, n};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool field_is(struct field_text text, const char *word)
{
    size_t i = 0;
    while (i < text.n && word[i] != '\0' && lower(text.p[i]) == lower(word[i]))
        i++;
    return i == text.n && word[i] == '\0';
}

bool field_seconds(struct field_text text, uint32_t most, uint32_t *ret)
{
    uint64_t s = 0;
    if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = (struct field_text){text.p + 1, text.n - 2};
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        s = s * 10 + (uint64_t)(text.p[i] - '0');
        s = s < most ? s : most;
    }
    *ret = (uint32_t)s;
    return text.n > 0;
}

/* Digits after the point weigh 100, 10 and 1. */
static unsigned read_fraction(struct field_text q)
{
    unsigned weight = 100, value = 0;
    for (size_t i = 2; i < q.n; i++, weight /= 10)
        value += (unsigned)(q.p[i] - '0') * weight;
    return value;
}

bool field_weight(struct field_text q, unsigned *ret)
{
    if (q.n < 1 || q.n > 5 || (q.p[0] != '0' && q.p[0] != '1') || (q.n > 1 && q.p[1] != '.'))
        return false;
    for (size_t i = 2; i < q.n; i++)
        if (q.p[i] < '0' || q.p[i] > '9')
            return false;
    unsigned value = (unsigned)(q.p[0] - '0') * 1000 + read_fraction(q);
    if (value > 1000)
        return false;
    *ret = value;
    return true;
}

/* The length of the part of TEXT before its first SEPARATOR outside a quoted string. */
static size_t part_length(struct field_text text, char separator)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < text.n && (quoted || text.p[i] != separator); i++) {
        if (text.p[i] == '"')
            quoted = !quoted;
        else if (quoted && text.p[i] == '\\' && i + 1 < text.n)
            i++;
    }
    return i;
}

bool field_part(struct field_text *rest, char separator, struct field_text *ret)
{
    if (!rest->p)
        return false;
    size_t n = part_length(*rest, separator);
    *ret = field_trim(rest->p, n);
    if (n < rest->n)
        *rest = (struct field_text){rest->p + n + 1, rest->n - n - 1};
    else
        *rest = (struct field_text){NULL, 0};
    return true;
}

bool field_next(struct field_text *rest, char separator, struct field_text *ret)
{
    struct field_text part;
    while (field_part(rest, separator, &part)) {
        if (part.n == 0)
            continue;
        *ret = part;
        return true;
    }
    return false;
}
