/* The input is two patterns, and one with claims in it, a line each; as a line Mercure's, too. */
#include <string.h>

#include "access/grants.h"
#include "access/mercure.h"
#include "broker/topic_name.h"
#include "tests/fuzz/fuzz.h"

struct line {
    const char *p;
    size_t n;
};

static struct line take_line(struct line *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    struct line l = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = l.n + (end != NULL);
    *rest = (struct line){rest->p + used, rest->n - used};
    return l;
}

static void check_pair(struct line a, struct line b)
{
    bool meet = grants_meet(a.p, a.n, b.p, b.n);
    REQUIRE(meet == grants_meet(b.p, b.n, a.p, a.n));
    if (grants_cover(a.p, a.n, b.p, b.n))
        REQUIRE(meet);
    REQUIRE(grants_cover(a.p, a.n, a.p, a.n) && grants_meet(a.p, a.n, a.p, a.n));
    if (!topic_is_pattern(b.p, b.n)) /* a topic is met when it is covered */
        REQUIRE(meet == grants_cover(a.p, a.n, b.p, b.n));
}

/* grants_claim */
static const char *claim(void *ctx, const char *name, size_t n, size_t *ret_len)
{
    struct line *value = ctx;
    REQUIRE(n > 0 && n <= GRANTS_CLAIM_MAX);
    *ret_len = value->n;
    return *name == 's' ? value->p : NULL;
}

static void check_expanded(struct line pattern, struct line value)
{
    struct buf out = {0};
    if (grants_expand(&out, pattern.p, pattern.n, claim, &value) == ERR_OK)
        REQUIRE(topic_pattern_valid(out.data, out.len));
    buf_clear(&out);
    if (mercure_pattern(&out, pattern.p, pattern.n) == ERR_OK)
        REQUIRE(topic_pattern_valid(out.data, out.len));
    buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line rest = {(const char *)data, size};
    struct line a = take_line(&rest), b = take_line(&rest), c = take_line(&rest);
    if (size && topic_pattern_valid(a.p, a.n) && topic_pattern_valid(b.p, b.n))
        check_pair(a, b);
    if (size)
        check_expanded(c, a);
    return 0;
}
