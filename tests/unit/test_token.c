/* Tokens: signatures by secrets, what a header may say, and what a worker remembers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "access/token.h"
#include "access/token_cache.h"
#include "tests/unit/token_maker.h"

enum { NOW = 1700000000 };

static const char claims[] = "{\"sub\":\"alice\",\"exp\":1700000060}";
static struct key_set *keys;
static struct buf token;
static struct principal *p;
static struct token_why why;

static void set_up(void)
{
    struct key *k;
    p = NULL;
    keys = key_set_create();
    ck_assert_int_eq(key_create_secret("one", TOKEN_SECRET, strlen(TOKEN_SECRET), &k), ERR_OK);
    ck_assert_int_eq(key_set_add(keys, k), ERR_OK);
}

static void tear_down(void)
{
    principal_unref(p);
    key_set_unref(keys);
    buf_finish(&token);
}

static enum err verify(void)
{
    static const struct claims_rules rules;
    principal_unref(p);
    p = NULL;
    return token_verify(keys, &rules, token.data, token.len, NOW, &p, &why);
}

static void must_be(enum token_fault fault)
{
    ck_assert_int_eq(verify(), ERR_ACCESS);
    ck_assert_str_eq(token_fault_name(why.fault), token_fault_name(fault));
}

/* With a good signature of it, whatever it is. */
static void header_must_be(const char *header, enum token_fault fault)
{
    token_make(&token, header, claims, TOKEN_SECRET, strlen(TOKEN_SECRET));
    must_be(fault);
}

START_TEST(a_good_one_counts)
{
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    token_make_good(&token, claims);
    ck_assert_int_eq(verify(), ERR_OK);
    ck_assert_str_eq(p->sub, "alice");
    ck_assert_str_eq(p->kid, "one");
    ck_assert_int_eq(p->ends_s, NOW + 60);
    token_hash(token.data, token.len, hash);
    ck_assert_mem_eq(p->hash, hash, sizeof(hash));
    ck_assert(!token_is_costly(keys, token.data, token.len));
}
END_TEST

/* Of each byte of the token: no other text is taken for it. */
START_TEST(any_other_byte_spoils_it)
{
    token_make_good(&token, claims);
    for (size_t i = 0; i < token.len; i++) {
        char was = token.data[i];
        for (unsigned c = 0; c < 256; c++) {
            token.data[i] = (char)c;
            if ((char)c != was)
                ck_assert_int_eq(verify(), ERR_ACCESS);
        }
        token.data[i] = was;
    }
    ck_assert_int_eq(verify(), ERR_OK);
}
END_TEST

START_TEST(a_part_of_it_is_none)
{
    token_make_good(&token, claims);
    for (size_t n = token.len; token.len > 0;) {
        token.len = --n;
        ck_assert_int_eq(verify(), ERR_ACCESS);
    }
}
END_TEST

START_TEST(none_is_no_algorithm)
{
    static const char *const names[] = {"none", "None", "NONE", "nOnE", "", "hs256", "HS256 "};
    char header[64];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", names[i]);
        header_must_be(header, TOKEN_ALGORITHM);
    }
    token_make(&token, "{\"alg\":\"none\"}", claims, TOKEN_SECRET, strlen(TOKEN_SECRET));
    token.len = (size_t)(strrchr(token.data, '.') - token.data) + 1; /* no signature at all */
    must_be(TOKEN_MALFORMED);
}
END_TEST

START_TEST(a_header_is_strict)
{
    header_must_be("[]", TOKEN_MALFORMED);
    header_must_be("{}", TOKEN_MALFORMED);
    header_must_be("{\"alg\":256}", TOKEN_MALFORMED);
    header_must_be("{\"alg\":\"HS256\",\"alg\":\"HS256\"}", TOKEN_MALFORMED);
    header_must_be("{\"alg\":\"HS256\",\"crit\":[]}", TOKEN_MALFORMED);
    header_must_be("{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", TOKEN_MALFORMED);
    header_must_be("{\"alg\":\"HS256\",\"crit\":null}", TOKEN_MALFORMED);
    header_must_be("{\"alg\":\"HS256\",\"kid\":1}", TOKEN_MALFORMED);
    header_must_be("{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}", TOKEN_MALFORMED);
    header_must_be("{\"alg\":\"HS256\"}x", TOKEN_MALFORMED);
}
END_TEST

START_TEST(a_kid_is_a_name_and_nothing_else)
{
    static const char *const kids[] = {"two", "",          "../one", "/dev/null", "one' OR 1=1 --",
                                       "ONE", "one\\u0000"};
    char header[96];
    for (size_t i = 0; i < sizeof(kids) / sizeof(kids[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%s\"}", kids[i]);
        token_make(&token, header, claims, TOKEN_SECRET, strlen(TOKEN_SECRET));
        ck_assert_int_eq(verify(), ERR_ACCESS);
        ck_assert(why.fault == TOKEN_UNKNOWN_KEY || strchr(kids[i], '\\'));
    }
    token_make(&token, "{\"alg\":\"HS256\",\"kid\":\"one\"}", claims, TOKEN_SECRET,
               strlen(TOKEN_SECRET));
    ck_assert_int_eq(verify(), ERR_OK);
}
END_TEST

START_TEST(without_a_kid_there_must_be_one_key)
{
    struct key *k;
    ck_assert_int_eq(key_create_secret("two", "fedcba9876543210FEDCBA9876543210", 32, &k), ERR_OK);
    ck_assert(!key_restrict(k, 1u << ALGORITHM_RS256));
    ck_assert(key_restrict(k, 1u << ALGORITHM_HS256));
    ck_assert_int_eq(key_set_add(keys, k), ERR_OK);
    token_make_good(&token, claims);
    must_be(TOKEN_UNKNOWN_KEY);
    header_must_be("{\"alg\":\"HS384\",\"kid\":\"two\"}", TOKEN_ALGORITHM);
    header_must_be("{\"alg\":\"HS384\"}", TOKEN_SIGNATURE); /* the one that may is asked */
}
END_TEST

/* What it brings along decides nothing. */
START_TEST(keys_in_a_header_are_not_looked_at)
{
    static const char other[] = "ffffffffffffffffffffffffffffffff";
    static const char header[] =
        "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZm"
        "ZmZmZmY\"},\"jku\":\"http://127.0.0.1:1/\",\"x5u\":\"http://127.0.0.1:1/\",\"x5c\":[]}";
    token_make(&token, header, claims, other, strlen(other));
    must_be(TOKEN_SIGNATURE);
    header_must_be("{\"alg\":\"HS256\",\"kid\":\"http://127.0.0.1:1/\"}", TOKEN_UNKNOWN_KEY);
}
END_TEST

START_TEST(size_and_depth_have_bounds)
{
    char deep[256] = "{\"sub\":\"a\",\"exp\":1700000060,\"x\":", *at = deep + strlen(deep);
    memset(at, '[', 60);
    memset(at + 60, ']', 60);
    strcpy(at + 120, "}");
    token_make_good(&token, deep);
    must_be(TOKEN_CLAIMS);
    char *large = malloc(9000);
    memset(large, ' ', 9000);
    memcpy(large, claims, strlen(claims));
    large[8999] = '\0';
    token_make_good(&token, large);
    must_be(TOKEN_MALFORMED);
    large[5900] = '\0';
    token_make_good(&token, large);
    ck_assert_int_eq(verify(), ERR_OK);
    free(large);
}
END_TEST

START_TEST(a_secret_has_a_least_length)
{
    struct key *k;
    ck_assert_int_eq(key_create_secret("k", TOKEN_SECRET, KEY_SECRET_MIN - 1, &k), ERR_LIMIT);
}
END_TEST

/* --- what a worker remembers --- */

static struct access_policy *policy;
static struct token_cache *cache;

static void make_policy(void)
{
    struct access_options o = {.keys = keys};
    access_policy_unref(policy);
    policy = access_policy_create(&o);
}

static enum token_cached find(int64_t now_s)
{
    struct principal *found = NULL;
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    token_hash(token.data, token.len, hash);
    enum token_cached c = token_cache_find(cache, policy, hash, now_s, &found, &why);
    ck_assert(c != TOKEN_CACHED_GOOD || found == p);
    return c;
}

START_TEST(the_cache_knows_the_clock)
{
    make_policy();
    cache = token_cache_create();
    token_make_good(&token, "{\"exp\":1700000060,\"nbf\":1699999990}");
    ck_assert_int_eq(find(NOW), TOKEN_CACHED_NOT);
    ck_assert_int_eq(verify(), ERR_OK);
    token_cache_keep(cache, policy, p);
    ck_assert_int_eq(find(NOW), TOKEN_CACHED_GOOD);
    ck_assert_int_eq(find(NOW + 59), TOKEN_CACHED_GOOD);
    ck_assert_int_eq(find(NOW + 60), TOKEN_CACHED_REFUSED);
    ck_assert_int_eq(why.fault, TOKEN_EXPIRED);
    ck_assert_int_eq(find(NOW - 11), TOKEN_CACHED_REFUSED); /* it has stepped back */
    ck_assert_int_eq(why.fault, TOKEN_NOT_YET);
    ck_assert_int_eq(find(NOW), TOKEN_CACHED_GOOD);
    make_policy();
    ck_assert_int_eq(find(NOW), TOKEN_CACHED_NOT);
    access_policy_unref(policy);
    token_cache_destroy(cache);
    policy = NULL;
}
END_TEST

START_TEST(the_cache_is_bounded)
{
    char text[64];
    make_policy();
    cache = token_cache_create();
    for (int i = 0; i < 3 * TOKEN_CACHE_GOOD; i++) {
        snprintf(text, sizeof(text), "{\"exp\":1700000060,\"jti\":\"%d\"}", i);
        token_make_good(&token, text);
        ck_assert_int_eq(verify(), ERR_OK);
        token_cache_keep(cache, policy, p);
        ck_assert_int_eq(find(NOW), TOKEN_CACHED_GOOD);
    }
    token_cache_destroy(cache); /* gives all of them back: leaks are looked for */
    access_policy_unref(policy);
    policy = NULL;
}
END_TEST

START_TEST(refused_ones_are_remembered_for_a_moment)
{
    unsigned char hash[PRINCIPAL_HASH_SIZE];
    make_policy();
    cache = token_cache_create();
    token_make_good(&token, claims);
    token_hash(token.data, token.len, hash);
    token_cache_refuse(cache, policy, hash, token_why_of(TOKEN_SIGNATURE), NOW);
    ck_assert_int_eq(find(NOW), TOKEN_CACHED_REFUSED);
    ck_assert_int_eq(why.fault, TOKEN_SIGNATURE);
    ck_assert_int_eq(find(NOW + TOKEN_CACHE_REFUSED_S), TOKEN_CACHED_NOT);
    ck_assert_int_eq(find(NOW - 1), TOKEN_CACHED_NOT);
    for (int i = 0; i < 10 * TOKEN_CACHE_REFUSED; i++) {
        memcpy(hash, &i, sizeof(i));
        token_cache_refuse(cache, policy, hash, token_why_of(TOKEN_SIGNATURE), NOW);
    }
    token_cache_destroy(cache);
    access_policy_unref(policy);
    policy = NULL;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("token");
    TCase *t = tcase_create("token");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_good_one_counts);
    tcase_add_test(t, any_other_byte_spoils_it);
    tcase_add_test(t, a_part_of_it_is_none);
    tcase_add_test(t, none_is_no_algorithm);
    tcase_add_test(t, a_header_is_strict);
    tcase_add_test(t, a_kid_is_a_name_and_nothing_else);
    tcase_add_test(t, without_a_kid_there_must_be_one_key);
    tcase_add_test(t, keys_in_a_header_are_not_looked_at);
    tcase_add_test(t, size_and_depth_have_bounds);
    tcase_add_test(t, a_secret_has_a_least_length);
    tcase_add_test(t, the_cache_knows_the_clock);
    tcase_add_test(t, the_cache_is_bounded);
    tcase_add_test(t, refused_ones_are_remembered_for_a_moment);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
