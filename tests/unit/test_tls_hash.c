/*
 * SHA-256 as mbedTLS computes it in this program: by the examples of FIPS 180-2; each block by
 * Nettle, which makes of it what mbedTLS's own code does.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "net/tls/tls_hash.h"
#include "tests/unit/unhex.h"

static void check_digest(const void *text, size_t n, const char *hex)
{
    uint8_t digest[CRYPTO_SHA256_SIZE], wanted[CRYPTO_SHA256_SIZE];
    unhex(hex, wanted, sizeof(wanted));
    ck_assert_int_eq(crypto_sha256(text, n, digest), ERR_OK);
    ck_assert_mem_eq(digest, wanted, sizeof(digest));
}

START_TEST(the_examples)
{
    static char many[1000000];
    memset(many, 'a', sizeof(many));
    check_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check_digest(many, sizeof(many),
                 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

#ifdef WITH_NETTLE

#include <dlfcn.h>

#include <mbedtls/sha256.h>
#include <nettle/sha2.h>

void __wrap_nettle_sha256_update(struct sha256_ctx *ctx, size_t n, const uint8_t *data);
void __real_nettle_sha256_update(struct sha256_ctx *ctx, size_t n, const uint8_t *data);

static unsigned blocks;

void __wrap_nettle_sha256_update(struct sha256_ctx *ctx, size_t n, const uint8_t *data)
{
    ck_assert_uint_eq(n, SHA256_BLOCK_SIZE);
    blocks++;
    __real_nettle_sha256_update(ctx, n, data);
}

START_TEST(each_block_is_nettles)
{
    uint8_t digest[CRYPTO_SHA256_SIZE];
    const char text[3 * SHA256_BLOCK_SIZE] = "";
    blocks = 0;
    ck_assert_int_eq(crypto_sha256(text, sizeof(text), digest), ERR_OK);
    ck_assert_uint_eq(blocks, 3 + 1); /* the last one has the length */
}
END_TEST

/* Of many states, one made of the other. */
START_TEST(it_is_what_mbedtls_computes)
{
    int (*theirs)(mbedtls_sha256_context * ctx, const unsigned char *block);
    void *found = dlsym(RTLD_NEXT, "mbedtls_internal_sha256_process");
    mbedtls_sha256_context a = {0}, b;
    uint8_t block[SHA256_BLOCK_SIZE];
    ck_assert_ptr_nonnull(found);
    memcpy(&theirs, &found, sizeof(theirs));
    blocks = 0;
    for (unsigned i = 0; i < 1000; i++) {
        for (size_t k = 0; k < sizeof(block); k++)
            block[k] = (uint8_t)rand();
        b = a;
        ck_assert_int_eq(theirs(&a, block), 0);
        ck_assert_uint_eq(blocks, i);
        ck_assert_int_eq(mbedtls_internal_sha256_process(&b, block), 0);
        ck_assert_mem_eq(&a, &b, sizeof(a));
    }
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_test(t, each_block_is_nettles);
    tcase_add_test(t, it_is_what_mbedtls_computes);
}

#else

static void add_tests(TCase *t)
{
    (void)t;
}

#endif

int main(void)
{
    Suite *s = suite_create("tls_hash");
    TCase *t = tcase_create("tls_hash");
    tls_hash_use();
    tcase_add_test(t, the_examples);
    add_tests(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
