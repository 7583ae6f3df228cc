#include "broker/topic_name.h"

#include <string.h>

#include "base/bytes.h"
#include "base/utf8.h"

static bool is_plain_word(const char *text)
{
    uint64_t word = bytes_load(text);
    return !(word & BYTES_HIGHS) && !bytes_have_below(word, 0x20) && !bytes_have(word, 0x7F);
}

/* Printable ASCII, which most names are: in words, the last of which may overlap. */
static bool is_plain(const char *text, size_t n)
{
    size_t i = 0;
    if (n < 8)
        return false; /* soon looked at byte by byte */
    for (; n - i > 8; i += 8)
        if (!is_plain_word(text + i))
            return false;
    return is_plain_word(text + n - 8);
}

/* UTF-8 without C0, DEL and C1 (C1 is 0xC2 0x80 to 0xC2 0x9F). */
static bool text_valid(const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    uint8_t all = 0;
    if (is_plain(text, n))
        return true;
    for (size_t i = 0; i < n; all |= p[i++])
        if (p[i] < 0x20 || p[i] == 0x7F || (p[i] == 0xC2 && i + 1 < n && p[i + 1] < 0xA0))
            return false;
    return all < 0x80 || utf8_valid(text, n);
}

static bool shape_valid(const char *text, size_t n)
{
    return n >= 1 && n <= TOPIC_NAME_MAX && text[0] != '/' && text[0] != '$' && text_valid(text, n);
}

bool topic_name_valid(const char *name, size_t n)
{
    return shape_valid(name, n) && !topic_is_pattern(name, n);
}

/* Whether the wildcard at TEXT[I] is a level of its own, and for '#' the last one. */
static bool wildcard_valid(const char *text, size_t n, size_t i)
{
    if (i > 0 && text[i - 1] != '/')
        return false;
    return i + 1 == n || (text[i] == '+' && text[i + 1] == '/');
}

bool topic_pattern_valid(const char *pattern, size_t n)
{
    if (!shape_valid(pattern, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((pattern[i] == '+' || pattern[i] == '#') && !wildcard_valid(pattern, n, i))
            return false;
    return true;
}

static bool begins_with(const char *name, size_t n, const char *level, size_t len)
{
    return n >= len && memcmp(name, level, len) == 0 && (n == len || name[len] == '/');
}

bool topic_is_presence(const char *name, size_t n)
{
    return begins_with(name, n, TOPIC_PRESENCE, sizeof(TOPIC_PRESENCE) - 1);
}

bool topic_is_of_hooks(const char *name, size_t n)
{
    return begins_with(name, n, TOPIC_HOOKS, sizeof(TOPIC_HOOKS) - 1);
}

static size_t count_of(const char *text, size_t n, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += text[i] == c;
    return count;
}

bool topic_pattern_bounded(const char *pattern, size_t n)
{
    size_t plus = count_of(pattern, n, '+');
    size_t levels = count_of(pattern, n, '/') + (pattern[n - 1] != '#');
    if (plus == 0)
        return true;
    if (plus <= 2)
        return levels <= (plus == 1 ? TOPIC_LEVELS_ONE : TOPIC_LEVELS_TWO);
    return levels <= TOPIC_LEVELS_MORE;
}

bool topic_is_pattern(const char *pattern, size_t n)
{
    return memchr(pattern, '+', n) || memchr(pattern, '#', n);
}

/* Where the level that I is in ends: its '/' or the end of the name. */
static size_t level_end(const char *name, size_t n, size_t i)
{
    while (i < n && name[i] != '/')
        i++;
    return i;
}

bool topic_matches(const char *pattern, size_t pattern_len, const char *name, size_t name_len)
{
    return !(topic_is_private(name) && topic_is_wild(pattern)) &&
           topic_matches_any(pattern, pattern_len, name, name_len);
}

bool topic_matches_any(const char *pattern, size_t pattern_len, const char *name, size_t name_len)
{
    size_t p = 0, n = 0;
    while (p < pattern_len && pattern[p] != '#') {
        if (pattern[p] == '+')
            n = level_end(name, name_len, n);
        else if (n < name_len && pattern[p] == name[n])
            n++;
        else /* "a/#" matches its parent level "a" too */
            return n == name_len && p + 2 == pattern_len && memcmp(pattern + p, "/#", 2) == 0;
        p++;
    }
    return p < pattern_len || n == name_len;
}

/* In PATTERN a + takes any level, and so another +; a rest is covered by a rest alone, one that
 * matches the level before it. */
bool topic_pattern_covers(const char *pattern, size_t pattern_len, const char *other,
                          size_t other_len)
{
    bool rest = other[other_len - 1] == '#';
    if (rest && pattern[pattern_len - 1] != '#')
        return false;
    if (rest && other_len > 1)
        other_len -= 2;
    return topic_matches_any(pattern, pattern_len, other, other_len);
}
