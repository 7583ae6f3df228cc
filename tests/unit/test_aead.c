/* AEAD by the vectors of its standards, and what must not open. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/aead.h"
#include "tests/unit/unhex.h"

enum { MOST = 256 };

/* GCM specification, test cases 4 and 16; RFC 8439 section 2.8.2. */
static const struct vector {
    enum aead_algorithm algorithm;
    const char *key, *nonce, *ad, *text, *sealed;
} vectors[] = {
    {AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {AEAD_AES_256_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {AEAD_CHACHA20_POLY1305, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
     "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
     "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
     "637265656e20776f756c642062652069742e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
     "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
     "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
     "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd060"
     "0691"},
};

enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

static struct aead aead;
static uint8_t key[AEAD_KEY_MAX], nonce[AEAD_NONCE_SIZE], ad[MOST], text[MOST], sealed[MOST];
static size_t text_len, sealed_len;

static void load(const struct vector *v)
{
    ck_assert_uint_eq(unhex(v->key, key, sizeof(key)), aead_key_size(v->algorithm));
    ck_assert_uint_eq(unhex(v->nonce, nonce, sizeof(nonce)), AEAD_NONCE_SIZE);
    aead = (struct aead){v->algorithm, key, nonce, ad, unhex(v->ad, ad, sizeof(ad))};
    text_len = unhex(v->text, text, sizeof(text));
    sealed_len = unhex(v->sealed, sealed, sizeof(sealed));
    ck_assert_uint_eq(sealed_len, text_len + AEAD_TAG_SIZE);
}

START_TEST(what_is_sealed_is_as_its_standard_says)
{
    uint8_t out[MOST];
    load(&vectors[_i]);
    ck_assert_int_eq(aead_seal(&aead, text, text_len, out), ERR_OK);
    ck_assert_mem_eq(out, sealed, sealed_len);
    ck_assert_int_eq(aead_open(&aead, sealed, sealed_len, out), ERR_OK);
    ck_assert_mem_eq(out, text, text_len);
}
END_TEST

START_TEST(it_can_be_done_in_place)
{
    uint8_t out[MOST];
    load(&vectors[_i]);
    memcpy(out, text, text_len);
    ck_assert_int_eq(aead_seal(&aead, out, text_len, out), ERR_OK);
    ck_assert_mem_eq(out, sealed, sealed_len);
    ck_assert_int_eq(aead_open(&aead, out, sealed_len, out), ERR_OK);
    ck_assert_mem_eq(out, text, text_len);
}
END_TEST

static void check_damaged(uint8_t *where, size_t n)
{
    uint8_t out[MOST];
    for (size_t i = 0; i < n; i++) {
        where[i] ^= 1;
        ck_assert_int_eq(aead_open(&aead, sealed, sealed_len, out), ERR_CORRUPT);
        where[i] ^= 1;
    }
    ck_assert_int_eq(aead_open(&aead, sealed, sealed_len, out), ERR_OK);
}

START_TEST(what_was_changed_anywhere_does_not_open)
{
    load(&vectors[_i]);
    check_damaged(sealed, sealed_len);
    check_damaged(ad, aead.ad_len);
    check_damaged(nonce, sizeof(nonce));
    check_damaged(key, aead_key_size(aead.algorithm));
}
END_TEST

START_TEST(what_is_cut_does_not_open)
{
    uint8_t out[MOST];
    load(&vectors[_i]);
    for (size_t n = 0; n < sealed_len; n++)
        ck_assert_int_eq(aead_open(&aead, sealed, n, out), ERR_CORRUPT);
}
END_TEST

START_TEST(an_empty_text_has_a_tag)
{
    uint8_t out[AEAD_TAG_SIZE];
    load(&vectors[_i]);
    ck_assert_int_eq(aead_seal(&aead, text, 0, out), ERR_OK);
    ck_assert_int_eq(aead_open(&aead, out, sizeof(out), out), ERR_OK);
}
END_TEST

static void check_label(const char *secret, const char *label, const char *wanted)
{
    uint8_t from[48], out[48], want[48];
    size_t from_len = unhex(secret, from, sizeof(from)), n = unhex(wanted, want, sizeof(want));
    ck_assert_int_eq(aead_expand_label(from, from_len, label, out, n), ERR_OK);
    ck_assert_mem_eq(out, want, n);
}

/* RFC 8448 section 3: what follows from client_application_traffic_secret_0, and the server's. */
START_TEST(keys_follow_from_secrets)
{
    const char *client = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
               *server = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
    check_label(client, "key", "17422dda596ed5d9acd890e3c63f5051");
    check_label(client, "iv", "5b78923dee08579033e523d9");
    check_label(server, "key", "9f02283b6c9c07efc26bb9f2ac92e356");
    check_label(server, "iv", "cf782b88dd83549aadf1e984");
}
END_TEST

/* By OpenSSL: openssl kdf -keylen 48 -kdfopt digest:SHA384 -kdfopt hexkey:000102… -kdfopt
 * hexinfo:003011746c73313320747261666669632075706400 -kdfopt mode:EXPAND_ONLY HKDF */
START_TEST(the_hash_is_that_of_the_secret)
{
    check_label("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                "202122232425262728292a2b2c2d2e2f",
                "traffic upd",
                "401331b63e9d59f202e8f041042d9516f4cd7fa2e2ee14631d3b49fc340d7af37fc2c0c9f252d8036f"
                "81ec5b85cbe5db");
}
END_TEST

static Suite *aead_suite(void)
{
    Suite *s = suite_create("aead");
    TCase *t = tcase_create("aead");
    tcase_add_loop_test(t, what_is_sealed_is_as_its_standard_says, 0, VECTORS);
    tcase_add_loop_test(t, it_can_be_done_in_place, 0, VECTORS);
    tcase_add_loop_test(t, what_was_changed_anywhere_does_not_open, 0, VECTORS);
    tcase_add_loop_test(t, what_is_cut_does_not_open, 0, VECTORS);
    tcase_add_loop_test(t, an_empty_text_has_a_tag, 0, VECTORS);
    tcase_add_test(t, keys_follow_from_secrets);
    tcase_add_test(t, the_hash_is_that_of_the_secret);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(aead_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
