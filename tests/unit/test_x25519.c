/* X25519: what RFC 7748 has as examples, and which points nobody's key is. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/x25519.h"
#include "tests/unit/unhex.h"

#ifdef __SIZEOF_INT128__

enum { SIZE = X25519_SIZE };

static void check_is(const uint8_t *number, const char *hex)
{
    uint8_t wanted[SIZE];
    ck_assert_uint_eq(unhex(hex, wanted, SIZE), SIZE);
    ck_assert_mem_eq(number, wanted, SIZE);
}

/* Section 5.2. */
START_TEST(the_examples)
{
    static const char *const of[][3] = {
        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
         "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
        {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
         "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
    };
    uint8_t secret[SIZE], point[SIZE];
    unhex(of[_i][0], secret, SIZE);
    unhex(of[_i][1], point, SIZE);
    ck_assert(x25519(point, secret, point)); /* in place */
    check_is(point, of[_i][2]);
}
END_TEST

/* Each result is the next secret, each secret the next point. */
START_TEST(one_after_the_other)
{
    uint8_t secret[SIZE] = {9}, point[SIZE] = {9}, out[SIZE];
    for (int i = 0; i < 1000; i++) {
        ck_assert(x25519(out, secret, point));
        memcpy(point, secret, SIZE);
        memcpy(secret, out, SIZE);
        if (i == 0)
            check_is(out, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
    check_is(out, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}
END_TEST

/* Section 6.1. */
START_TEST(two_agree)
{
    uint8_t alice[SIZE], bob[SIZE], hers[SIZE], his[SIZE];
    unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", alice, SIZE);
    unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob, SIZE);
    ck_assert(x25519(hers, alice, x25519_base));
    check_is(hers, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    ck_assert(x25519(his, bob, x25519_base));
    check_is(his, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    ck_assert(x25519(hers, bob, hers));
    ck_assert(x25519(his, alice, his));
    check_is(hers, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    ck_assert_mem_eq(hers, his, SIZE);
}
END_TEST

/* Of order 1, 2, 4 and 8, on the curve and on its twist; numbers above p among them. */
START_TEST(points_that_are_nobodys)
{
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t secret[SIZE] = {8, 1, 2, 3}, point[SIZE], out[SIZE], zero[SIZE] = {0};
    unhex(points[_i], point, SIZE);
    ck_assert(!x25519(out, secret, point));
    ck_assert_mem_eq(out, zero, SIZE);
    point[SIZE - 1] |= 0x80; /* which is nobody's bit */
    ck_assert(!x25519(out, secret, point));
}
END_TEST

/* What is p or more is the same as what is left of it. */
START_TEST(numbers_above_p)
{
    uint8_t secret[SIZE] = {77}, large[SIZE], small[SIZE] = {0}, a[SIZE], b[SIZE];
    memset(large, 0xff, SIZE);
    for (unsigned n = 2; n < 19; n++) { /* p is 2^255 - 19 */
        small[0] = (uint8_t)n;
        large[0] = (uint8_t)(0xed + n);
        large[SIZE - 1] = 0x7f;
        ck_assert(x25519(a, secret, small));
        ck_assert(x25519(b, secret, large));
        ck_assert_mem_eq(a, b, SIZE);
    }
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_loop_test(t, the_examples, 0, 2);
    tcase_add_test(t, one_after_the_other);
    tcase_add_test(t, two_agree);
    tcase_add_loop_test(t, points_that_are_nobodys, 0, 7);
    tcase_add_test(t, numbers_above_p);
}

#else

static void add_tests(TCase *t)
{
    (void)t;
}

#endif

int main(void)
{
    Suite *s = suite_create("x25519");
    TCase *t = tcase_create("x25519");
    add_tests(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
