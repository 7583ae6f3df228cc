/* Keys in all forms, and tokens by others in all algorithms. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "access/jwk.h"
#include "access/key_set.h"
#include "access/key_text.h"
#include "access/token.h"
#include "base/base64url.h"
#include "tests/unit/token_maker.h"
#include "tests/unit/token_vectors.h"

enum { NOW = 1700000000, TOKENS = sizeof(tokens) / sizeof(tokens[0]) };

static const struct claims_rules rules;
static struct buf why;
static struct principal *p;

static void tear_down(void)
{
    principal_unref(p);
    p = NULL;
    buf_finish(&why);
}

static struct key *key_of(const char *text)
{
    struct key *k;
    buf_clear(&why);
    ck_assert_int_eq(key_from_text("k", text, strlen(text), &k, &why), ERR_OK);
    return k;
}

/* The key that token number I is of, in one form or the other. */
static struct key *key_of_token(int i, bool pem)
{
    switch (algorithm_kind(algorithm_find(tokens[i].algorithm, 5))) {
    case KEY_RSA:
        return key_of(pem ? rsa_pem : rsa_jwk);
    case KEY_P256:
        return key_of(pem ? p256_pem : p256_jwk);
    case KEY_P384:
        return key_of(pem ? p384_pem : p384_jwk);
    default:
        return key_of(pem ? TOKEN_SECRET "\n" : TOKEN_SECRET);
    }
}

static struct key_set *set_of(struct key *k)
{
    struct key_set *s = key_set_create();
    ck_assert_int_eq(key_set_add(s, k), ERR_OK);
    return s;
}

static enum token_fault verify(const struct key_set *s, const char *token)
{
    struct token_why w = {.fault = TOKEN_FAULTS};
    principal_unref(p);
    p = NULL;
    enum err e = token_verify(s, &rules, token, strlen(token), NOW, &p, &w);
    ck_assert(e == ERR_OK || e == ERR_ACCESS);
    return e == ERR_OK ? TOKEN_FAULTS : w.fault;
}

START_TEST(tokens_by_others_count)
{
    for (int pem = 0; pem < 2; pem++) {
        struct key_set *s = set_of(key_of_token(_i, pem));
        for (int twice = 0; twice < 2; twice++)
            ck_assert_int_eq(verify(s, tokens[_i].token), TOKEN_FAULTS);
        ck_assert_str_eq(p->sub, "alice");
        struct grant g;
        struct grants rest = p->grants;
        ck_assert(grants_next(&rest, &g));
        ck_assert_mem_eq(g.pattern, "users/alice/#", g.len);
        bool costly = tokens[_i].algorithm[0] != 'H';
        ck_assert_int_eq(token_is_costly(s, tokens[_i].token, strlen(tokens[_i].token)), costly);
        key_set_unref(s);
    }
}
END_TEST

/* The token of each algorithm with the key of each other one. */
START_TEST(no_other_key_is_taken)
{
    for (int i = 0; i < TOKENS; i++) {
        struct key_set *s = set_of(key_of_token(i, true));
        enum algorithm a = algorithm_find(tokens[i].algorithm, 5);
        enum algorithm b = algorithm_find(tokens[_i].algorithm, 5);
        enum token_fault fault = verify(s, tokens[_i].token);
        ck_assert_int_eq(fault,
                         algorithm_kind(a) == algorithm_kind(b) ? TOKEN_FAULTS : TOKEN_ALGORITHM);
        key_set_unref(s);
    }
}
END_TEST

/* One that may bear no other algorithm refuses what it could verify. */
START_TEST(a_key_bears_what_it_is_told)
{
    struct key *k = key_of_token(_i, true);
    enum algorithm a = algorithm_find(tokens[_i].algorithm, 5);
    unsigned others = algorithms_of(algorithm_kind(a)) & ~(1u << a);
    ck_assert(!key_restrict(k, 0));
    ck_assert(!key_restrict(k, 1u << (a == ALGORITHM_HS256 ? ALGORITHM_ES256 : ALGORITHM_HS256) |
                                   others | 1u << ALGORITHM_RS256 | 1u << ALGORITHM_ES384));
    if (others && key_restrict(k, others)) {
        struct key_set *s = set_of(k);
        ck_assert_int_eq(verify(s, tokens[_i].token), TOKEN_ALGORITHM);
        key_set_unref(s);
    } else {
        key_destroy(k);
    }
}
END_TEST

/* Replaces the signature of TOKEN by N bytes. */
static char *with_signature(const char *token, const unsigned char *bytes, size_t n)
{
    struct buf out = {0};
    buf_append(&out, token, (size_t)(strrchr(token, '.') - token) + 1);
    base64url_append(&out, bytes, n);
    buf_putc(&out, '\0');
    ck_assert(!out.failed);
    return out.data;
}

/* Its signature as bytes. */
static size_t signature_of(const char *token, unsigned char *ret)
{
    const char *text = strrchr(token, '.') + 1;
    ck_assert_int_eq(base64url_decode(ret, text, strlen(text)), ERR_OK);
    return base64url_decoded_len(strlen(text));
}

static void spoilt(struct key_set *s, int i, const unsigned char *bytes, size_t n)
{
    char *token = with_signature(tokens[i].token, bytes, n);
    ck_assert_int_eq(verify(s, token), n ? TOKEN_SIGNATURE : TOKEN_MALFORMED);
    free(token);
}

START_TEST(signatures_of_another_length_are_none)
{
    unsigned char good[KEY_SIGNATURE_MAX + 2] = {0}, bytes[KEY_SIGNATURE_MAX + 2];
    struct key_set *s = set_of(key_of_token(_i, true));
    size_t n = signature_of(tokens[_i].token, good);
    spoilt(s, _i, good, n - 1);
    spoilt(s, _i, good, n + 1);
    spoilt(s, _i, good + 1, n - 1);
    spoilt(s, _i, good, 1);
    spoilt(s, _i, good, 0);
    memcpy(bytes + 1, good, n);
    bytes[0] = 0;
    spoilt(s, _i, bytes, n + 1);
    memset(bytes, 0, sizeof(bytes));
    spoilt(s, _i, bytes, n);
    memset(bytes, 0xff, sizeof(bytes));
    spoilt(s, _i, bytes, n);
    for (size_t i = 0; i < n; i += 7) {
        memcpy(bytes, good, n);
        bytes[i] ^= 0x10;
        spoilt(s, _i, bytes, n);
    }
    key_set_unref(s);
}
END_TEST

/* r or s zero, or the curve's order, or DER as elsewhere. */
START_TEST(numbers_of_ecdsa_have_a_range)
{
    static const unsigned char order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                            0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                            0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    unsigned char good[64], bytes[72];
    int i = 0;
    while (strcmp(tokens[i].algorithm, "ES256") != 0)
        i++;
    struct key_set *s = set_of(key_of(p256_pem));
    ck_assert_uint_eq(signature_of(tokens[i].token, good), 64);
    for (int half = 0; half < 2; half++) {
        memcpy(bytes, good, 64);
        memset(bytes + 32 * half, 0, 32);
        spoilt(s, i, bytes, 64);
        memcpy(bytes + 32 * half, order, 32);
        spoilt(s, i, bytes, 64);
    }
    memcpy(bytes, (unsigned char[]){0x30, 0x44, 0x02, 0x20}, 4);
    memcpy(bytes + 4, good, 32);
    memcpy(bytes + 36, (unsigned char[]){0x02, 0x20}, 2);
    memcpy(bytes + 38, good + 32, 32);
    spoilt(s, i, bytes, 70);
    key_set_unref(s);
}
END_TEST

/* HMAC with what is public: as the key is written, with and without its line end, as DER. */
START_TEST(a_public_key_is_no_secret)
{
    static const char *const texts[] = {rsa_pem, p256_pem, p384_pem, rsa_jwk, p256_jwk};
    struct buf token = {0};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct key_set *s = set_of(key_of(texts[i]));
        for (size_t less = 0; less < 2; less++) {
            token_make(&token, TOKEN_HS256, "{\"exp\":4102444800}", texts[i],
                       strlen(texts[i]) - less);
            ck_assert_int_eq(verify(s, token.data), TOKEN_ALGORITHM);
        }
        key_set_unref(s);
    }
    buf_finish(&token);
}
END_TEST

START_TEST(a_private_key_stands_for_its_public_part)
{
    for (int i = 0; i < TOKENS; i++) {
        bool is_rsa = strncmp(tokens[i].algorithm, "RS", 2) == 0;
        if (!is_rsa && strcmp(tokens[i].algorithm, "ES256") != 0)
            continue;
        struct key_set *s = set_of(key_of(is_rsa ? rsa_private_pem : p256_private_pem));
        ck_assert_int_eq(verify(s, tokens[i].token), TOKEN_FAULTS);
        key_set_unref(s);
    }
}
END_TEST

static const struct {
    const char *text, *why;
} bad_keys[] = {
    {"short", "must hold a secret of 32 to 4096 bytes, or a public key (PEM or JWK)"},
    {"", "must hold a secret of 32 to 4096 bytes, or a public key (PEM or JWK)"},
    {"0123456789abcdef0123456789ABCDE\r\n",
     "must hold a secret of 32 to 4096 bytes, or a public key (PEM or JWK)"},
    {rsa_short_pem, "holds an RSA key that is too short or too long: must have 2048 to 8192 bits"},
    {p521_pem, "holds a key of another kind: must be RSA, P-256 or P-384"},
    {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
     "holds no key that can be read: must be a public one (PEM)"},
    {"# our key\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n",
     "holds no key that can be read: must be a public one (PEM)"},
    {"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 somebody@example.org\n",
     "holds no key that can be read: must be a public one (PEM)"},
    {"{\"kty\":\"RSA\",\"n\":\"broken, and so a text of more than 32 bytes\",}",
     "must be a JWK for signatures: oct of 32 bytes or more, RSA of 2048 to 8192 bits, or EC with "
     "P-256 or P-384"},
    {"{\"keys\":[]}", "is a set of keys: must be one; access.jwks_file names a set"},
};

START_TEST(what_is_no_key_is_told)
{
    struct key *k;
    ck_assert_int_eq(key_from_text("k", bad_keys[_i].text, strlen(bad_keys[_i].text), &k, &why),
                     ERR_INVALID);
    buf_putc(&why, '\0');
    ck_assert_str_eq(why.data, bad_keys[_i].why);
}
END_TEST

START_TEST(a_set_passes_over_what_it_cannot_use)
{
    static const char *const good[] = {"r", "e", "e3", "s"};
    struct key_set *s = key_set_create();
    size_t skipped;
    ck_assert_int_eq(jwk_set_parse(s, key_set_json, strlen(key_set_json), &skipped, &why), ERR_OK);
    ck_assert_uint_eq(key_set_count(s), 4);
    ck_assert_uint_eq(skipped, 11);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(key_kid(key_set_at(s, (size_t)i)), good[i]);
    ck_assert(key_set_has(s, "e3") && !key_set_has(s, "enc"));
    for (int i = 0; i < TOKENS; i++)
        ck_assert_int_eq(verify(s, tokens[i].token), TOKEN_FAULTS);
    key_set_unref(s);
}
END_TEST

START_TEST(a_set_without_a_good_key_is_broken)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"keys\":{}}",
                                        "{\"keys\":[]}",
                                        "{\"keys\":[{\"kty\":\"OKP\"}]}",
                                        "{\"keys\":[{\"kty\":\"oct\",\"kty\":\"oct\"}]}",
                                        "{\"keys\":[",
                                        "not JSON"};
    size_t skipped;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct key_set *s = key_set_create();
        buf_clear(&why);
        ck_assert_int_eq(jwk_set_parse(s, texts[i], strlen(texts[i]), &skipped, &why), ERR_INVALID);
        ck_assert_uint_gt(why.len, 0);
        key_set_unref(s);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("key");
    TCase *t = tcase_create("key");
    tcase_add_checked_fixture(t, NULL, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, tokens_by_others_count, 0, TOKENS);
    tcase_add_loop_test(t, no_other_key_is_taken, 0, TOKENS);
    tcase_add_loop_test(t, a_key_bears_what_it_is_told, 0, TOKENS);
    tcase_add_loop_test(t, signatures_of_another_length_are_none, 0, TOKENS);
    tcase_add_test(t, numbers_of_ecdsa_have_a_range);
    tcase_add_test(t, a_public_key_is_no_secret);
    tcase_add_test(t, a_private_key_stands_for_its_public_part);
    tcase_add_loop_test(t, what_is_no_key_is_told, 0, sizeof(bad_keys) / sizeof(bad_keys[0]));
    tcase_add_test(t, a_set_passes_over_what_it_cannot_use);
    tcase_add_test(t, a_set_without_a_good_key_is_broken);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
