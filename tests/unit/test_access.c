/* What clients may do, and which rule says so. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"

static const enum access_right rights[] = {ACCESS_SUBSCRIBE, ACCESS_PUBLISH, ACCESS_STATUS,
                                           ACCESS_PRESENCE};

START_TEST(the_trusted_may_everything)
{
    struct access_client c = {.trusted = true};
    for (int i = 0; i < 4; i++)
        ck_assert(access_may(NULL, &c, rights[i]));
    ck_assert(!access_is_none(NULL, &c));
}
END_TEST

START_TEST(others_may_what_anybody_may)
{
    for (unsigned anonymous = 0; anonymous < 16; anonymous++) {
        struct access_client c = {.anonymous = anonymous};
        for (int i = 0; i < 4; i++) {
            ck_assert_int_eq(access_may(NULL, &c, rights[i]), (anonymous & rights[i]) != 0);
            if (rights[i] & ACCESS_TOPICAL)
                ck_assert_int_eq(access_judge(NULL, &c, rights[i], "a/#", 3, NULL),
                                 (anonymous & rights[i]) != 0);
        }
        ck_assert_int_eq(access_is_none(NULL, &c), anonymous == 0);
    }
}
END_TEST

static struct access_policy *policy_of(enum access_local local, bool decided)
{
    struct access_options o = {.local = local, .decided = decided};
    return access_policy_create(&o);
}

/* Keys end what comes from this machine, unless it is said. */
START_TEST(what_is_local_hangs_on_keys)
{
    static const struct {
        enum access_local local;
        bool without, with;
    } cases[] = {
        {ACCESS_LOCAL_AUTO, true, false},
        {ACCESS_LOCAL_ALL, true, true},
        {ACCESS_LOCAL_ANONYMOUS, false, false},
    };
    for (int i = 0; i < 3; i++) {
        for (int decided = 0; decided < 2; decided++) {
            struct access_policy *p = policy_of(cases[i].local, decided);
            struct access_client http = {.trusted = true};
            struct access_client socket = {.trusted = true, .socket = true};
            bool all = decided ? cases[i].with : cases[i].without;
            ck_assert_int_eq(access_may(p, &http, ACCESS_STATUS), all);
            ck_assert_int_eq(access_judge(p, &http, ACCESS_PUBLISH, "a", 1, NULL), all);
            ck_assert_int_eq(access_is_none(p, &http), !all);
            ck_assert(access_judge(p, &socket, ACCESS_PUBLISH, "_a", 2, NULL));
            access_policy_unref(p);
        }
    }
}
END_TEST

/* --- in words --- */

static struct principal *bearer;
static struct access_policy *policy;

static void set_up(void)
{
    static const struct access_rule rules[] = {
        {"secret/#", {true, true, true}, {0, 0, 0}},
        {"users/{sub}/#", {[ACCESS_TOKEN] = true}, {[ACCESS_TOKEN] = ACCESS_SUBSCRIBE}},
        {"news/#", {[ACCESS_ANONYMOUS] = true}, {ACCESS_SUBSCRIBE, 0, 0}},
    };
    static const char json[] = "{\"sub\":\"alice\",\"longwire\":{\"subscribe\":[\"chat/#\"],"
                               "\"publish\":[\"secret/in\"],\"deny\":[\"chat/admin\"]}}";
    static const struct claims_rules claims = {.endless = true};
    struct access_options o = {.decided = true, .rules = rules, .rule_count = 3};
    struct claims_bearer from = {0};
    struct token_why why;
    policy = access_policy_create(&o);
    ck_assert_int_eq(principal_from_claims(json, strlen(json), &claims, &from, 1, &bearer, &why),
                     ERR_OK);
}

static void tear_down(void)
{
    principal_unref(bearer);
    access_policy_unref(policy);
}

static const struct {
    char who; /* Socket, Local, Token, Anonymous, anybody where access.anonymous is subscribe */
    enum access_right right;
    const char *filter, *text;
} sentences[] = {
    {'S', ACCESS_PUBLISH, "secret/x", "publishing to \"secret/x\" is allowed by the local socket"},
    {'T', ACCESS_SUBSCRIBE, "chat/room1",
     "subscribing to \"chat/room1\" is allowed by the token, which grants \"chat/#\""},
    {'T', ACCESS_SUBSCRIBE, "chat/+",
     "subscribing to \"chat/+\" is not allowed by the token, which denies \"chat/admin\""},
    {'T', ACCESS_PUBLISH, "chat/room1",
     "publishing to \"chat/room1\" is not allowed by anything in the token"},
    {'T', ACCESS_PUBLISH, "secret/in",
     "publishing to \"secret/in\" is allowed by the token, which grants \"secret/in\""},
    {'T', ACCESS_SUBSCRIBE, "users/alice/inbox",
     "subscribing to \"users/alice/inbox\" is allowed by [access \"users/{sub}/#\"], token"},
    {'T', ACCESS_SUBSCRIBE, "users/bob/inbox",
     "subscribing to \"users/bob/inbox\" is not allowed by anything in the token"},
    {'T', ACCESS_SUBSCRIBE, "news/today",
     "subscribing to \"news/today\" is allowed by [access \"news/#\"], anonymous"},
    {'A', ACCESS_SUBSCRIBE, "users/alice/inbox",
     "subscribing to \"users/alice/inbox\" is not allowed without a token that grants it"},
    {'A', ACCESS_PRESENCE, "news/today",
     "seeing the presence of \"news/today\" is not allowed by [access \"news/#\"], anonymous"},
    {'a', ACCESS_SUBSCRIBE, "x", "subscribing to \"x\" is allowed to anyone, by access.anonymous"},
    {'a', ACCESS_SUBSCRIBE, "secret/x",
     "subscribing to \"secret/x\" is not allowed by [access \"secret/#\"], anonymous"},
    {'a', ACCESS_SUBSCRIBE, "#",
     "subscribing to \"#\" is not allowed by [access \"secret/#\"], anonymous"},
};

START_TEST(the_rule_that_decides_is_named)
{
    char who = sentences[_i].who;
    const char *filter = sentences[_i].filter;
    struct access_client c = {
        .trusted = true,
        .socket = who == 'S',
        .bearer = who == 'T' ? bearer : NULL,
        .anonymous = who == 'a' ? ACCESS_SUBSCRIBE : 0,
    };
    struct access_reason r;
    struct buf text = {0};
    bool allowed = access_judge(policy, &c, sentences[_i].right, filter, strlen(filter), &r);
    access_reason_put(&r, filter, strlen(filter), &text);
    buf_putc(&text, '\0');
    ck_assert_str_eq(text.data, sentences[_i].text);
    ck_assert_int_eq(allowed, !strstr(text.data, "not"));
    buf_finish(&text);
}
END_TEST

/* What tokens and sections say of some topic is enough to be asked. */
START_TEST(who_may_something_is_asked)
{
    struct access_client c = {0};
    ck_assert(access_may(policy, &c, ACCESS_SUBSCRIBE)); /* news */
    ck_assert(!access_may(policy, &c, ACCESS_PUBLISH) && !access_may(policy, &c, ACCESS_STATUS));
    c.bearer = bearer;
    ck_assert(access_may(policy, &c, ACCESS_PUBLISH) && !access_may(policy, &c, ACCESS_PRESENCE));
    ck_assert(!access_is_none(policy, &c));
}
END_TEST

/* Those of this machine, where they count. */
START_TEST(sections_bind_local_clients)
{
    static const struct access_rule rules[] = {
        {"secret/#", {[ACCESS_LOCAL] = true}, {[ACCESS_LOCAL] = ACCESS_PUBLISH}},
    };
    struct access_options o = {.rules = rules, .rule_count = 1};
    struct access_policy *p = access_policy_create(&o);
    struct access_client c = {.trusted = true};
    struct access_reason r;
    ck_assert(access_judge(p, &c, ACCESS_SUBSCRIBE, "a", 1, NULL));
    ck_assert(access_judge(p, &c, ACCESS_PUBLISH, "secret/a", 8, NULL));
    ck_assert(!access_judge(p, &c, ACCESS_SUBSCRIBE, "secret/a", 8, &r));
    ck_assert(r.basis == ACCESS_BY_RULE && r.who == ACCESS_LOCAL);
    ck_assert(!access_judge(p, &c, ACCESS_SUBSCRIBE, "#", 1, NULL));
    access_policy_unref(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("access");
    TCase *t = tcase_create("access");
    tcase_add_test(t, the_trusted_may_everything);
    tcase_add_test(t, others_may_what_anybody_may);
    tcase_add_test(t, what_is_local_hangs_on_keys);
    tcase_add_test(t, sections_bind_local_clients);
    suite_add_tcase(s, t);
    TCase *words = tcase_create("words");
    tcase_add_checked_fixture(words, set_up, tear_down);
    tcase_add_loop_test(words, the_rule_that_decides_is_named, 0,
                        sizeof(sentences) / sizeof(sentences[0]));
    tcase_add_test(words, who_may_something_is_asked);
    suite_add_tcase(s, words);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
