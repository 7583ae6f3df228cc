/* The input is PATTERN LF NAME: the matcher against a slow one that goes by whole levels. */
#include <string.h>

#include "broker/topic_name.h"
#include "tests/fuzz/fuzz.h"

struct levels {
    const char *p;
    size_t n;
    bool more; /* there is a further level */
};

/* Takes the first level off L. */
static struct levels take_level(struct levels *l)
{
    const char *slash = memchr(l->p, '/', l->n);
    size_t n = slash ? (size_t)(slash - l->p) : l->n;
    struct levels first = {l->p, n, slash != NULL};
    l->p += slash ? n + 1 : n;
    l->n -= slash ? n + 1 : n;
    return first;
}

static bool is(struct levels l, const char *text)
{
    return l.n == strlen(text) && memcmp(l.p, text, l.n) == 0;
}

static bool slow_matches(struct levels pattern, struct levels name)
{
    if (name.p[0] == '_' && (pattern.p[0] == '#' || pattern.p[0] == '+'))
        return false; /* private */
    for (;;) {
        struct levels p = take_level(&pattern), n = take_level(&name);
        if (is(p, "#"))
            return true;
        if (!is(p, "+") && (p.n != n.n || memcmp(p.p, n.p, n.n) != 0))
            return false;
        if (!n.more)
            return !p.more || is(pattern, "#");
        if (!p.more)
            return false;
    }
}

static void check_text(const char *text, size_t n)
{
    bool name = topic_name_valid(text, n), pattern = topic_pattern_valid(text, n);
    REQUIRE(!name || pattern);
    REQUIRE(!pattern || name == !topic_is_pattern(text, n));
    if (name)
        REQUIRE(topic_matches(text, n, text, n) && topic_matches_any("#", 1, text, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *lf = size ? memchr(text, '\n', size) : NULL;
    check_text(text, size);
    if (!lf)
        return 0;
    size_t p = (size_t)(lf - text), n = size - p - 1;
    check_text(text, p);
    check_text(lf + 1, n);
    if (topic_pattern_valid(text, p) && topic_name_valid(lf + 1, n))
        REQUIRE(topic_matches(text, p, lf + 1, n) ==
                slow_matches((struct levels){text, p, false}, (struct levels){lf + 1, n, false}));
    return 0;
}
