/* Tickets: who opens whose, and until when. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls/tls_tickets.h"

enum { ROOM = 512 };

#define TEXT "what a session is"
static const uint64_t noon = 1700000000;
static const uint8_t nobody[TLS_TICKET_SCOPE_SIZE], clients[TLS_TICKET_SCOPE_SIZE] = {1};

static struct tls_tickets *tickets(const char *secret, const struct tls_tickets *former)
{
    struct tls_tickets *t;
    size_t n = secret ? strlen(secret) : 0;
    ck_assert_int_eq(tls_tickets_create(secret, n, nobody, former, &t), ERR_OK);
    return t;
}

static size_t seal(const struct tls_tickets *t, uint64_t at, uint8_t *out)
{
    size_t n;
    memcpy(out + tls_ticket_head(), TEXT, sizeof(TEXT));
    ck_assert_int_eq(tls_ticket_seal(t, "host", at, out, sizeof(TEXT), ROOM, &n), ERR_OK);
    return n;
}

static bool opens_for(const struct tls_tickets *t, const char *name, uint64_t at,
                      const uint8_t *ticket, size_t n)
{
    uint8_t copy[ROOM], *text = NULL;
    size_t text_len = 0;
    memcpy(copy, ticket, n);
    enum err e = tls_ticket_open(t, name, at, copy, n, &text, &text_len);
    if (e == ERR_OK) {
        ck_assert_uint_eq(text_len, sizeof(TEXT));
        ck_assert_mem_eq(text, TEXT, sizeof(TEXT));
    } else {
        ck_assert_int_eq(e, ERR_INVALID);
    }
    return e == ERR_OK;
}

static bool opens(const struct tls_tickets *t, uint64_t at, const uint8_t *ticket, size_t n)
{
    return opens_for(t, "host", at, ticket, n);
}

START_TEST(whoever_has_the_secret_opens_it)
{
    uint8_t ticket[ROOM];
    struct tls_tickets *a = tickets("the same", NULL), *b = tickets("the same", NULL);
    struct tls_tickets *c = tickets("another", NULL), *d = tickets(NULL, NULL);
    size_t n = seal(a, noon, ticket);
    ck_assert(opens(a, noon, ticket, n));
    ck_assert(opens(a, noon, ticket, n)); /* again */
    ck_assert(opens(b, noon, ticket, n));
    ck_assert(!opens(c, noon, ticket, n));
    ck_assert(!opens(d, noon, ticket, n));
    tls_tickets_destroy(a);
    tls_tickets_destroy(b);
    tls_tickets_destroy(c);
    tls_tickets_destroy(d);
}
END_TEST

START_TEST(no_two_are_alike)
{
    uint8_t one[ROOM], two[ROOM];
    struct tls_tickets *t = tickets("x", NULL);
    size_t n = seal(t, noon, one);
    ck_assert_uint_eq(seal(t, noon, two), n);
    ck_assert_mem_ne(one, two, n);
    ck_assert_ptr_null(memmem(one, n, TEXT, sizeof(TEXT)));
    tls_tickets_destroy(t);
}
END_TEST

START_TEST(it_is_for_one_name_and_one_judge)
{
    uint8_t ticket[ROOM];
    struct tls_tickets *t = tickets("x", NULL), *other;
    size_t n = seal(t, noon, ticket);
    ck_assert(!opens_for(t, "another", noon, ticket, n));
    ck_assert(!opens_for(t, "", noon, ticket, n));
    ck_assert_int_eq(tls_tickets_create("x", 1, clients, NULL, &other), ERR_OK);
    ck_assert(!opens(other, noon, ticket, n));
    tls_tickets_destroy(t);
    tls_tickets_destroy(other);
}
END_TEST

START_TEST(it_is_good_until_the_next_period_is_over)
{
    uint8_t ticket[ROOM];
    struct tls_tickets *t = tickets("x", NULL);
    uint64_t begin = noon / TLS_TICKET_PERIOD_S * TLS_TICKET_PERIOD_S;
    size_t n = seal(t, begin, ticket);
    ck_assert(opens(t, begin + 2 * TLS_TICKET_PERIOD_S - 1, ticket, n));
    ck_assert(!opens(t, begin + 2 * TLS_TICKET_PERIOD_S, ticket, n));
    ck_assert(opens(t, begin - 1, ticket, n)); /* given by a hub whose clock is ahead */
    ck_assert(!opens(t, begin - 1 - TLS_TICKET_PERIOD_S, ticket, n));
    tls_tickets_destroy(t);
}
END_TEST

START_TEST(those_of_the_former_secret_are_taken)
{
    uint8_t ticket[ROOM], next[ROOM];
    struct tls_tickets *first = tickets("first", NULL), *second = tickets("second", first);
    struct tls_tickets *third = tickets("third", second), *same = tickets("first", first);
    struct tls_tickets *kept = tickets(NULL, first);
    size_t n = seal(first, noon, ticket);
    ck_assert(opens(second, noon, ticket, n));
    ck_assert(!opens(third, noon, ticket, n)); /* it was two ago */
    ck_assert(opens(same, noon, ticket, n));
    ck_assert(opens(kept, noon, ticket, n)); /* a random one stays */
    size_t m = seal(second, noon, next);
    ck_assert(!opens(first, noon, next, m));
    ck_assert(opens(third, noon, next, m));
    tls_tickets_destroy(first);
    tls_tickets_destroy(second);
    tls_tickets_destroy(third);
    tls_tickets_destroy(same);
    tls_tickets_destroy(kept);
}
END_TEST

START_TEST(what_was_changed_or_cut_does_not_open)
{
    uint8_t ticket[ROOM];
    struct tls_tickets *t = tickets("x", NULL);
    size_t n = seal(t, noon, ticket);
    for (size_t i = 0; i < n; i++) {
        ticket[i] ^= 1;
        ck_assert(!opens(t, noon, ticket, n));
        ticket[i] ^= 1;
        ck_assert(!opens(t, noon, ticket, i));
    }
    ck_assert(opens(t, noon, ticket, n));
    tls_tickets_destroy(t);
}
END_TEST

START_TEST(it_needs_room)
{
    uint8_t ticket[ROOM];
    struct tls_tickets *t = tickets("x", NULL);
    size_t n, need = tls_ticket_head() + sizeof(TEXT) + 16;
    ck_assert_int_eq(tls_ticket_seal(t, "", noon, ticket, sizeof(TEXT), need - 1, &n),
                     ERR_TOO_LARGE);
    ck_assert_int_eq(tls_ticket_seal(t, "", noon, ticket, 0, 3, &n), ERR_TOO_LARGE);
    ck_assert_int_eq(tls_ticket_seal(t, "", noon, ticket, sizeof(TEXT), need, &n), ERR_OK);
    ck_assert_uint_eq(n, need);
    tls_tickets_destroy(t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_tickets");
    TCase *t = tcase_create("all");
    tcase_add_test(t, whoever_has_the_secret_opens_it);
    tcase_add_test(t, no_two_are_alike);
    tcase_add_test(t, it_is_for_one_name_and_one_judge);
    tcase_add_test(t, it_is_good_until_the_next_period_is_over);
    tcase_add_test(t, those_of_the_former_secret_are_taken);
    tcase_add_test(t, what_was_changed_or_cut_does_not_open);
    tcase_add_test(t, it_needs_room);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
