/*
 * Grants, sections and who they are of, against a model that knows no patterns: it lists topics,
 * all of a small world, and looks at each.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "access/mercure.h"
#include "tests/unit/random.h"

/* --- the world: levels that patterns name, and some that none does --- */

enum { DEPTH = 4, TOPICS_MAX = 256, PATTERN_MAX = 64, ROUNDS = 20000 };

static const char *const first_levels[] = {"a", "b", "x", "_p", "_q"};
static const char *const levels[] = {"a", "b", "x"};
static char topics[TOPICS_MAX][16];
static int topic_count;

static void add_topics(const char *base, int depth)
{
    strcpy(topics[topic_count++], base);
    for (int i = 0; depth < DEPTH && i < 3; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%s/%s", base, levels[i]);
        add_topics(text, depth + 1);
    }
}

static void make_world(void)
{
    random_seed();
    topic_count = 0;
    for (int i = 0; i < 5; i++)
        add_topics(first_levels[i], 1);
}

/* --- the model --- */

static int split(char *text, char *parts[DEPTH + 1])
{
    int n = 0;
    for (char *rest = text, *part; (part = strsep(&rest, "/"));)
        parts[n++] = part;
    return n;
}

static bool matches(const char *pattern, const char *topic)
{
    char p_text[PATTERN_MAX], t_text[16], *p[DEPTH + 1], *t[DEPTH + 1];
    int n = split(strcpy(p_text, pattern), p), m = split(strcpy(t_text, topic), t);
    if (topic[0] == '_' && pattern[0] != '_')
        return false;
    for (int i = 0; i < n; i++) {
        if (strcmp(p[i], "#") == 0)
            return true; /* of the level before it, too */
        if (i == m)
            return false;
        if (strcmp(p[i], "+") != 0 && strcmp(p[i], t[i]) != 0)
            return false;
    }
    return n == m;
}

static bool model_covers(const char *pattern, const char *other)
{
    for (int i = 0; i < topic_count; i++)
        if (matches(other, topics[i]) && !matches(pattern, topics[i]))
            return false;
    return true;
}

static bool model_meets(const char *a, const char *b)
{
    for (int i = 0; i < topic_count; i++)
        if (matches(a, topics[i]) && matches(b, topics[i]))
            return true;
    return false;
}

/* --- what is asked --- */

/* At most one level less than the deepest topic, so that the world shows what a # takes. */
static void random_pattern(char *out, bool wild)
{
    int n = 1 + (int)random_below(DEPTH - 1);
    *out = '\0';
    for (int i = 0; i < n; i++) {
        static const char *const words[] = {"a", "b", "_p", "+", "#"};
        const char *word;
        do
            word = words[random_below(wild ? 5 : 3)];
        while ((i > 0 && word[0] == '_') || (word[0] == '#' && i + 1 < n));
        if (i > 0)
            strcat(out, "/");
        strcat(out, word);
    }
}

START_TEST(patterns_cover_and_meet_as_topics_say)
{
    char a[PATTERN_MAX], b[PATTERN_MAX];
    for (int i = 0; i < ROUNDS; i++) {
        random_pattern(a, true);
        random_pattern(b, random_below(4));
        ck_assert_msg(grants_cover(a, strlen(a), b, strlen(b)) == model_covers(a, b),
                      "%s covers %s", a, b);
        ck_assert_msg(grants_meet(a, strlen(a), b, strlen(b)) == model_meets(a, b), "%s meets %s",
                      a, b);
        ck_assert_int_eq(grants_meet(a, strlen(a), b, strlen(b)),
                         grants_meet(b, strlen(b), a, strlen(a)));
    }
}
END_TEST

/* --- tokens --- */

enum { LISTS = 4, LIST_MAX = 3 };

static const char *const list_names[LISTS] = {"subscribe", "publish", "presence", "deny"};
static const enum access_right list_rights[LISTS - 1] = {ACCESS_SUBSCRIBE, ACCESS_PUBLISH,
                                                         ACCESS_PRESENCE};

struct lists {
    int count[LISTS];
    char item[LISTS][LIST_MAX][PATTERN_MAX]; /* "{sub}" for "a", by chance */
};

/* Puts {sub} in the place of each level that is SUB. */
static void with_sub(const char *pattern, const char *sub, char *out)
{
    char text[PATTERN_MAX], *parts[DEPTH + 1];
    int n = split(strcpy(text, pattern), parts);
    *out = '\0';
    for (int i = 0; i < n; i++) {
        strcat(out, i ? "/" : "");
        strcat(out, strcmp(parts[i], sub) == 0 ? "{sub}" : parts[i]);
    }
}

static void random_lists(struct lists *l, struct lists *written, const char *sub)
{
    for (int k = 0; k < LISTS; k++) {
        l->count[k] = written->count[k] = (int)random_below(LIST_MAX + 1);
        for (int i = 0; i < l->count[k]; i++) {
            random_pattern(l->item[k][i], true);
            if (random_below(2))
                with_sub(l->item[k][i], sub, written->item[k][i]);
            else
                strcpy(written->item[k][i], l->item[k][i]);
        }
    }
}

static struct principal *principal_of(const struct lists *l, const char *sub)
{
    static const struct claims_rules rules = {.endless = true};
    static const struct claims_bearer bearer;
    struct buf text = {0};
    struct principal *p;
    struct token_why why;
    buf_printf(&text, "{\"sub\":\"%s\",\"longwire\":{", sub);
    for (int k = 0; k < LISTS; k++) {
        buf_printf(&text, "%s\"%s\":[", k ? "," : "", list_names[k]);
        for (int i = 0; i < l->count[k]; i++)
            buf_printf(&text, "%s\"%s\"", i ? "," : "", l->item[k][i]);
        buf_puts(&text, "]");
    }
    buf_puts(&text, "}}");
    ck_assert_int_eq(principal_from_claims(text.data, text.len, &rules, &bearer, 1, &p, &why),
                     ERR_OK);
    buf_finish(&text);
    return p;
}

static bool model_allows(const struct lists *l, int k, const char *filter)
{
    for (int i = 0; i < l->count[LISTS - 1]; i++)
        if (model_meets(l->item[LISTS - 1][i], filter))
            return false;
    for (int i = 0; i < l->count[k]; i++)
        if (model_covers(l->item[k][i], filter))
            return true;
    return false;
}

START_TEST(tokens_grant_as_topics_say)
{
    char filter[PATTERN_MAX];
    struct lists l, written;
    for (int i = 0; i < ROUNDS / 10; i++) {
        const char *sub = random_below(2) ? "a" : "b";
        random_lists(&l, &written, sub);
        struct principal *p = principal_of(&written, sub);
        struct access_client c = {.bearer = p};
        for (int k = 0; k < LISTS - 1; k++) {
            for (int n = 0; n < 5; n++) {
                struct access_reason why;
                random_pattern(filter, n > 1);
                bool allowed = access_judge(NULL, &c, list_rights[k], filter, strlen(filter), &why);
                ck_assert_msg(allowed == model_allows(&l, k, filter), "%s %s", list_names[k],
                              filter);
                ck_assert_int_eq(why.allowed, allowed);
            }
        }
        principal_unref(p);
    }
}
END_TEST

/* --- sections --- */

enum { RULES_MAX = 4 };

/* Whether the anonymous may, topic by topic: the first section that has a line on them says so. */
static bool model_sections(const struct access_rule *rules, size_t count, unsigned otherwise,
                           const char *filter)
{
    for (int t = 0; t < topic_count; t++) {
        if (!matches(filter, topics[t]))
            continue;
        size_t i = 0;
        while (i < count &&
               !(rules[i].says[ACCESS_ANONYMOUS] && matches(rules[i].pattern, topics[t])))
            i++;
        unsigned rights = i < count ? rules[i].rights[ACCESS_ANONYMOUS] : otherwise;
        if (!(rights & ACCESS_SUBSCRIBE))
            return false;
    }
    return true;
}

/* What is allowed is allowed topic by topic; a single topic is judged exactly so. */
START_TEST(sections_say_what_topics_say)
{
    char patterns[RULES_MAX][PATTERN_MAX], filter[PATTERN_MAX];
    unsigned allowed_patterns = 0;
    for (int round = 0; round < ROUNDS / 4; round++) {
        struct access_rule rules[RULES_MAX] = {0};
        struct access_options o = {.rules = rules, .rule_count = random_below(RULES_MAX + 1)};
        for (size_t i = 0; i < o.rule_count; i++) {
            random_pattern(patterns[i], true);
            rules[i].pattern = patterns[i];
            rules[i].says[ACCESS_ANONYMOUS] = random_below(4);
            rules[i].rights[ACCESS_ANONYMOUS] = random_below(2) ? ACCESS_SUBSCRIBE : ACCESS_PUBLISH;
        }
        struct access_policy *policy = access_policy_create(&o);
        struct access_client c = {.anonymous = random_below(2) ? ACCESS_SUBSCRIBE : 0};
        for (int wild = 0; wild < 2; wild++) {
            random_pattern(filter, wild);
            bool allowed = access_judge(policy, &c, ACCESS_SUBSCRIBE, filter, strlen(filter), NULL);
            bool model = model_sections(rules, o.rule_count, c.anonymous, filter);
            ck_assert_msg(!allowed || model, "%s is allowed", filter);
            if (!strpbrk(filter, "+#"))
                ck_assert_msg(allowed == model, "%s", filter);
            else
                allowed_patterns += allowed;
        }
        access_policy_unref(policy);
    }
    ck_assert_uint_gt(allowed_patterns, ROUNDS / 40);
}
END_TEST

/* --- Mercure --- */

static const struct {
    const char *topic, *pattern; /* NULL: there is none */
} mercure_topics[] = {
    {"*", "#"},
    {"https://example.org/books/1", "https://example.org/books/1"},
    {"https://example.org/books/{id}", "https://example.org/books/+"},
    {"https://example.org/{kind}/{id}/log", "https://example.org/+/+/log"},
    {"chat/{+rest}", "chat/#"},
    {"{+rest}", "#"},
    {"{x}", "+"},
    {"", NULL},
    {"/books/1", NULL},
    {"books/{+rest}/x", NULL},
    {"books/v{id}", NULL},
    {"books/{id", NULL},
    {"books/{}", NULL},
    {"books/{?q}", NULL},
    {"books/{a,b}", NULL},
    {"books/#", NULL},
    {"books/+", NULL},
    {"**", "**"},
};

START_TEST(topics_of_mercure_become_patterns)
{
    struct buf out = {0};
    const char *topic = mercure_topics[_i].topic, *pattern = mercure_topics[_i].pattern;
    enum err e = mercure_pattern(&out, topic, strlen(topic));
    ck_assert_int_eq(e, pattern ? ERR_OK : ERR_INVALID);
    buf_putc(&out, '\0');
    if (pattern)
        ck_assert_str_eq(out.data, pattern);
    buf_finish(&out);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("grants");
    TCase *t = tcase_create("grants");
    tcase_add_checked_fixture(t, make_world, NULL);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, patterns_cover_and_meet_as_topics_say);
    tcase_add_test(t, tokens_grant_as_topics_say);
    tcase_add_test(t, sections_say_what_topics_say);
    tcase_add_loop_test(t, topics_of_mercure_become_patterns, 0,
                        sizeof(mercure_topics) / sizeof(mercure_topics[0]));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
