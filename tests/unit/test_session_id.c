/* The names of event streams, and the block cipher that they are made with. */
#include "frontends/sse/session_id.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

/* FIPS 197, appendix C.1. */
START_TEST(one_block_of_aes)
{
    static const unsigned char expected[CRYPTO_BLOCK_SIZE] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b,
                                                              0x04, 0x30, 0xd8, 0xcd, 0xb7, 0x80,
                                                              0x70, 0xb4, 0xc5, 0x5a};
    unsigned char key[CRYPTO_BLOCK_SIZE], plain[CRYPTO_BLOCK_SIZE], out[CRYPTO_BLOCK_SIZE];
    for (unsigned i = 0; i < CRYPTO_BLOCK_SIZE; i++) {
        key[i] = (unsigned char)i;
        plain[i] = (unsigned char)(i << 4 | i);
    }
    ck_assert_int_eq(crypto_seal(key, plain, out), ERR_OK);
    ck_assert_mem_eq(out, expected, sizeof(out));
    ck_assert_int_eq(crypto_unseal(key, expected, out), ERR_OK);
    ck_assert_mem_eq(out, plain, sizeof(out));
}
END_TEST

START_TEST(ids_are_read_back)
{
    static const uint64_t numbers[] = {
        0, 1, 64, 65, UINT32_MAX, (uint64_t)UINT32_MAX * 64 + 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        char id[SESSION_ID_SIZE];
        uint64_t number = 7;
        ck_assert_int_eq(session_id_format(numbers[i], id), ERR_OK);
        ck_assert_uint_eq(strlen(id), SESSION_ID_SIZE - 1);
        ck_assert_uint_eq(strspn(id, "0123456789abcdef"), SESSION_ID_SIZE - 1);
        ck_assert_int_eq(session_id_parse(id, strlen(id), &number), ERR_OK);
        ck_assert_uint_eq(number, numbers[i]);
    }
}
END_TEST

START_TEST(changed_ids_are_unknown)
{
    char id[SESSION_ID_SIZE];
    uint64_t number;
    ck_assert_int_eq(session_id_format(4711, id), ERR_OK);
    for (size_t i = 0; i < SESSION_ID_SIZE - 1; i++) {
        char kept = id[i];
        id[i] = kept == '0' ? '1' : '0';
        ck_assert_int_eq(session_id_parse(id, SESSION_ID_SIZE - 1, &number), ERR_NOT_FOUND);
        id[i] = 'G';
        ck_assert_int_eq(session_id_parse(id, SESSION_ID_SIZE - 1, &number), ERR_NOT_FOUND);
        id[i] = kept;
    }
    ck_assert_int_eq(session_id_parse(id, SESSION_ID_SIZE - 2, &number), ERR_NOT_FOUND);
    ck_assert_int_eq(session_id_parse(id, SESSION_ID_SIZE, &number), ERR_NOT_FOUND);
    ck_assert_int_eq(session_id_parse(id, 0, &number), ERR_NOT_FOUND);
}
END_TEST

START_TEST(another_process_has_other_ids)
{
    char before[SESSION_ID_SIZE], after[SESSION_ID_SIZE];
    uint64_t number;
    ck_assert_int_eq(session_id_format(1, before), ERR_OK);
    ck_assert_int_eq(session_id_init(), ERR_OK);
    ck_assert_int_eq(session_id_format(1, after), ERR_OK);
    ck_assert_str_ne(before, after);
    ck_assert_int_eq(session_id_parse(before, strlen(before), &number), ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("session_id");
    TCase *tc = tcase_create("session_id");
    suite_add_tcase(s, tc);
    if (session_id_init() != ERR_OK)
        return 1;
    tcase_add_test(tc, one_block_of_aes);
    tcase_add_test(tc, ids_are_read_back);
    tcase_add_test(tc, changed_ids_are_unknown);
    tcase_add_test(tc, another_process_has_other_ids);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
