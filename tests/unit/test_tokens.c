/* Tokens that are verified on other threads: many who come with the same one wait for one job, and
 * who goes does not wait. */
#include "http/tokens.h"

#include <check.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "access/token.h"
#include "base/now.h"
#include "http/auth_subject.h"
#include "tests/unit/desk.h"
#include "tests/unit/token_maker.h"

enum { ASKERS = 50 };

struct asker {
    struct tokens_check check; /* first */
    enum err result;
    unsigned told;
};

static struct desk desk;
static struct client client;
static struct crypto_threads *threads;
static struct asker askers[ASKERS];
static _Atomic unsigned verified;
static struct buf token;

bool __wrap_token_is_costly(const struct key_set *keys, const char *text, size_t n);
enum err __real_token_verify(const struct key_set *keys, const struct claims_rules *rules,
                             const char *text, size_t n, int64_t now_s, struct principal **ret,
                             struct token_why *ret_why);
enum err __wrap_token_verify(const struct key_set *keys, const struct claims_rules *rules,
                             const char *text, size_t n, int64_t now_s, struct principal **ret,
                             struct token_why *ret_why);

bool __wrap_token_is_costly(const struct key_set *keys, const char *text, size_t n)
{
    (void)keys;
    (void)text;
    (void)n;
    return true;
}

enum err __wrap_token_verify(const struct key_set *keys, const struct claims_rules *rules,
                             const char *text, size_t n, int64_t now_s, struct principal **ret,
                             struct token_why *ret_why)
{
    verified++;
    return __real_token_verify(keys, rules, text, n, now_s, ret, ret_why);
}

static void use_keys(void)
{
    struct key *k;
    struct access_options o = {.keys = key_set_create()};
    ck_assert_int_eq(key_create_secret("one", TOKEN_SECRET, strlen(TOKEN_SECRET), &k), ERR_OK);
    ck_assert_int_eq(key_set_add(o.keys, k), ERR_OK);
    desk.settings->access = access_policy_create(&o);
    desk.settings->access_unref = access_policy_unref;
    ck_assert_ptr_nonnull(desk.settings->access);
    key_set_unref(o.keys);
}

static void setup(void)
{
    ck_assert_int_eq(token_init(), ERR_OK);
    verified = 0;
    memset(askers, 0, sizeof(askers));
    desk_open(&desk);
    use_keys();
    ck_assert_int_eq(crypto_threads_create(1, 64, &threads), ERR_OK);
    ck_assert_int_eq(crypto_port_open(&desk.worker->crypto, threads, &desk.worker->loop), ERR_OK);
    desk.worker->loop.crypto = &desk.worker->crypto;
    client_open(&client, &desk, false);
    token_make_good(&token, "{\"sub\":\"alice\",\"exp\":4000000000,\"longwire\":{}}");
}

static void teardown(void)
{
    client_close(&client);
    crypto_threads_stop(threads);
    tokens_frontend.part.end_thread(desk.worker);
    desk_close(&desk);
    crypto_threads_destroy(threads);
    buf_finish(&token);
}

static void done(struct tokens_check *k, const struct token_verdict *v)
{
    struct asker *a = (struct asker *)k;
    a->told++;
    a->result = v->result;
}

/* Whether it is answered at once. */
static bool ask(unsigned i, struct token_verdict *ret)
{
    const struct auth_subject s = {
        .conn = client.conn, .token = token.data, .token_len = token.len};
    askers[i].check.done = done;
    return tokens_ask(&s, &askers[i].check, ret);
}

/* Until asker I has been told. */
static void serve(unsigned i)
{
    while (!askers[i].told) {
        struct pollfd home = {.fd = desk.worker->crypto.fd, .events = POLLIN};
        ck_assert_int_ge(poll(&home, 1, -1), 1);
        loop_wait(&desk.worker->loop, true);
        crypto_port_serve(&desk.worker->crypto);
    }
}

START_TEST(many_wait_for_one_job)
{
    struct token_verdict v;
    for (unsigned i = 0; i < ASKERS; i++)
        ck_assert(!ask(i, &v));
    tokens_forget(&askers[7].check);
    tokens_forget(&askers[0].check);
    serve(ASKERS - 1);
    for (unsigned i = 0; i < ASKERS; i++) {
        ck_assert_uint_eq(askers[i].told, i != 7 && i != 0);
        ck_assert_int_eq(askers[i].result, ERR_OK);
    }
    ck_assert_uint_eq(verified, 1);
    ck_assert(ask(0, &v));
    ck_assert_int_eq(v.result, ERR_OK);
    ck_assert_str_eq(v.principal->sub, "alice");
    ck_assert_uint_eq(verified, 1);
}
END_TEST

START_TEST(refused_ones_are_remembered_too)
{
    struct token_verdict v;
    token.data[token.len - 2] ^= 1;
    ck_assert(!ask(0, &v));
    serve(0);
    ck_assert_int_eq(askers[0].result, ERR_ACCESS);
    ck_assert(ask(1, &v));
    ck_assert_int_eq(v.result, ERR_ACCESS);
    ck_assert_int_eq(v.why.fault, TOKEN_SIGNATURE);
    ck_assert_uint_eq(verified, 1);
}
END_TEST

/* All who asked are gone, and so may the worker be. */
START_TEST(nobody_waits)
{
    struct token_verdict v;
    for (unsigned i = 0; i < ASKERS; i++)
        ck_assert(!ask(i, &v));
    for (unsigned i = 0; i < ASKERS; i++)
        tokens_forget(&askers[i].check);
    for (unsigned i = 0; i < ASKERS; i++)
        ck_assert_uint_eq(askers[i].told, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tokens");
    TCase *t = tcase_create("tokens");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, many_wait_for_one_job);
    tcase_add_test(t, refused_ones_are_remembered_too);
    tcase_add_test(t, nobody_waits);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
