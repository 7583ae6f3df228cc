/* Sec-WebSocket-Accept, the keys that are refused, and the choice of the subprotocol. */
#include "frontends/ws/ws_handshake.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(the_rfcs_example)
{
    char accept[WS_HANDSHAKE_ACCEPT_SIZE];
    ck_assert_int_eq(ws_handshake_accept("dGhlIHNhbXBsZSBub25jZQ==", 24, accept), ERR_OK);
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

START_TEST(bad_keys)
{
    static const char *keys[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ",    /* no padding */
        "dGhlIHNhbXBsZSBub25jZQ=",   /* too little */
        "dGhlIHNhbXBsZSBub25jZQ===", /* too much */
        "dGhlIHNhbXBsZSBub25jZWE=",  /* 17 bytes */
        "dGhlIHNhbXBsZSBub25jZWFh",  /* 18 bytes */
        "dGhlIHNhbXBsZSBub25j",      /* 15 bytes */
        "dGhlIHNhbXBsZSBub25jZ\n==", /* white space */
        "dGhlIHNhbXBs ZSBub25jZQ=",  /* blank */
        "dGhlIHNhbXBsZSBub25jZQ!=",  /* alphabet */
        "dGhl=HNhbXBsZSBub25jZQ==",  /* padding inside */
        "dGhlIHNhbXBsZSBub25j-Q==",  /* the other alphabet */
    };
    char accept[WS_HANDSHAKE_ACCEPT_SIZE] = "unchanged";
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        ck_assert_msg(ws_handshake_accept(keys[i], strlen(keys[i]), accept) == ERR_INVALID, "%s",
                      keys[i]);
    ck_assert_int_eq(ws_handshake_accept("dGhlIHNhbXBsZSBub25jZ\0==", 24, accept), ERR_INVALID);
    ck_assert_str_eq(accept, "unchanged");
}
END_TEST

/* The list lies in memory of exactly its size. */
static bool offers(const char *list)
{
    size_t n = strlen(list);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, list, n);
    bool found = ws_handshake_offers_protocol(copy, n);
    free(copy);
    return found;
}

START_TEST(protocol_lists)
{
    ck_assert(offers("longwire.v1"));
    ck_assert(offers("chat, longwire.v1"));
    ck_assert(offers("longwire.v1,chat"));
    ck_assert(offers(" ,\t longwire.v1 \t, x"));
    ck_assert(!offers(""));
    ck_assert(!offers(","));
    ck_assert(!offers("longwire.v2"));
    ck_assert(!offers("Longwire.v1"));
    ck_assert(!offers("longwire.v11"));
    ck_assert(!offers("longwire.v"));
    ck_assert(!offers("xlongwire.v1"));
    ck_assert(!offers("longwire.v1 x"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ws_handshake");
    TCase *tc = tcase_create("ws_handshake");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, the_rfcs_example);
    tcase_add_test(tc, bad_keys);
    tcase_add_test(tc, protocol_lists);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
