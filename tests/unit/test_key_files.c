/* Files with keys: the policy they make, and what comes of their changes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/config_load.h"
#include "daemon/key_files.h"
#include "tests/unit/token_maker.h"
#include "tests/unit/token_vectors.h"

static char folder[64], path[128], set_path[128];
static struct config *config;
static struct key_files files;
static struct access_policy *policy;
static struct buf error;

/* The text of the last thing that was logged. */
static char said[512];
void __wrap_log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(const char *file, const char *text)
{
    char fresh[160];
    snprintf(fresh, sizeof(fresh), "%s.new", file);
    FILE *out = fopen(fresh, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    ck_assert_int_eq(rename(fresh, file), 0); /* another inode, however coarse the clock is */
}

static void set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/longwire-keys-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/secret", folder);
    snprintf(set_path, sizeof(set_path), "%s/set.json", folder);
    put(path, TOKEN_SECRET "\n");
    put(set_path, key_set_json);
}

static void tear_down(void)
{
    key_files_finish(&files);
    access_policy_unref(policy);
    policy = NULL;
    config_free(config);
    config = NULL;
    buf_finish(&error);
    unlink(path);
    unlink(set_path);
    rmdir(folder);
}

/* Loads a configuration with the key, which may bear ALGORITHMS (NULL: there is none), and the set,
 * if WITH_SET. */
static enum err load(const char *algorithms, bool with_set)
{
    char texts[2][256] = {"access.key=", "access.jwks_file="};
    const char *sets[2] = {texts[0], texts[1]};
    if (algorithms)
        snprintf(texts[0], sizeof(texts[0]), "access.key=one %s%s", path, algorithms);
    if (with_set)
        snprintf(texts[1], sizeof(texts[1]), "access.jwks_file=%s", set_path);
    struct config_source src = {.sets = sets, .set_count = 2};
    config_free(config);
    config = NULL;
    ck_assert_int_eq(config_load(&src, &config, &error), ERR_OK);
    access_policy_unref(policy);
    policy = NULL;
    buf_clear(&error);
    return key_files_load(&files, config, &policy, &error);
}

static void look(bool changes)
{
    struct access_policy *fresh = key_files_look(&files);
    ck_assert_int_eq(fresh != NULL, changes);
    if (!fresh)
        return;
    access_policy_unref(policy);
    policy = fresh;
}

START_TEST(files_become_a_policy)
{
    ck_assert_int_eq(load(NULL, false), ERR_OK);
    ck_assert(!access_policy_has_tokens(policy) && !access_policy_keys(policy));
    ck_assert_int_eq(load(" HS256", true), ERR_OK);
    ck_assert(access_policy_has_tokens(policy));
    ck_assert_uint_eq(key_set_count(access_policy_keys(policy)), 5);
    ck_assert(key_set_has(access_policy_keys(policy), "one"));
    ck_assert(key_set_has(access_policy_keys(policy), "e3"));
}
END_TEST

static void must_say(const char *option, const char *file, const char *rest)
{
    char text[256];
    snprintf(text, sizeof(text), "--set: access.%s%s%s", option, file, rest);
    buf_putc(&error, '\0');
    ck_assert_str_eq(error.data, text);
}

START_TEST(what_is_wrong_is_said)
{
    put(path, "short\n");
    ck_assert_int_eq(load("", false), ERR_INVALID);
    must_say("key = one ", path,
             ": must hold a secret of 32 to 4096 bytes, or a public key (PEM or JWK)");
    put(path, p256_pem);
    ck_assert_int_eq(load(" RS256", false), ERR_INVALID);
    must_say("key = one ", path, " RS256: is a key of another kind than the algorithms behind it");
    unlink(path);
    ck_assert_int_eq(load("", false), ERR_INVALID);
    must_say("key = one ", path, ": cannot be read: No such file or directory");
    unlink(set_path);
    ck_assert_int_eq(load(NULL, true), ERR_INVALID);
    must_say("jwks_file = ", set_path, ": cannot be read: No such file or directory");
}
END_TEST

/* A change counts when the files have been left alone for a look. */
START_TEST(a_change_is_taken_over)
{
    ck_assert_int_eq(load("", true), ERR_OK);
    uint64_t serial = access_policy_serial(policy);
    look(false);
    put(path, p256_pem);
    look(false);
    look(true);
    look(false);
    ck_assert_uint_ne(access_policy_serial(policy), serial);
    const struct key *k = key_set_at(access_policy_keys(policy), 0);
    ck_assert_int_eq(key_kind(k), KEY_P256);
    put(set_path, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"new\","
                  "\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlBQkNERUY\"}]}");
    look(false);
    look(true);
    ck_assert_uint_eq(key_set_count(access_policy_keys(policy)), 2);
}
END_TEST

START_TEST(a_broken_file_keeps_the_old_keys)
{
    ck_assert_int_eq(load("", true), ERR_OK);
    put(set_path, "{\"keys\":[");
    look(false);
    look(false);
    ck_assert_ptr_nonnull(strstr(said, "stay as they were"));
    ck_assert_ptr_nonnull(strstr(said, set_path));
    look(false); /* said once */
    unlink(path);
    put(set_path, key_set_json);
    look(false);
    look(false);
    put(path, TOKEN_SECRET);
    look(false);
    look(true);
}
END_TEST

void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
    va_list args;
    (void)level;
    va_start(args, fmt);
    vsnprintf(said, sizeof(said), fmt, args);
    va_end(args);
}

int main(void)
{
    Suite *s = suite_create("key_files");
    TCase *t = tcase_create("key_files");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, files_become_a_policy);
    tcase_add_test(t, what_is_wrong_is_said);
    tcase_add_test(t, a_change_is_taken_over);
    tcase_add_test(t, a_broken_file_keeps_the_old_keys);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
