/* The command line of longwired: what it answers, where, and with which status. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli.h"
#include "daemon/config_load.h"
#include "daemon/setting.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { ARGS_MAX = 8, TEXT_BYTES = 32768 };

static char out_text[TEXT_BYTES], err_text_seen[TEXT_BYTES];

/* Sends STREAM into a temporary file; returns what is to be put back. */
static int divert(FILE *stream, FILE *to)
{
    fflush(stream);
    int saved = dup(fileno(stream));
    ck_assert_int_ge(saved, 0);
    ck_assert_int_ge(dup2(fileno(to), fileno(stream)), 0);
    return saved;
}

static void restore(FILE *stream, int saved, FILE *from, char *text)
{
    fflush(stream);
    ck_assert_int_ge(dup2(saved, fileno(stream)), 0);
    close(saved);
    rewind(from);
    text[fread(text, 1, TEXT_BYTES - 1, from)] = '\0';
    fclose(from);
}

/* Runs `longwired ARGS...` (NULL-terminated); returns whether it would serve. */
static bool run(const char *const *args, struct cli *cli, struct config **config, int *status)
{
    char *argv[ARGS_MAX] = {(char *)(uintptr_t) "longwired"};
    int argc = 1;
    for (; *args; args++)
        argv[argc++] = (char *)(uintptr_t)*args;
    FILE *out = tmpfile(), *err = tmpfile();
    ck_assert(out && err);
    int saved_out = divert(stdout, out), saved_err = divert(stderr, err);
    bool serve = cli_start(argc, argv, cli, config, status);
    restore(stdout, saved_out, out, out_text);
    restore(stderr, saved_err, err, err_text_seen);
    return serve;
}

/* Runs what is not to serve; returns the status. */
static int answer(const char *const *args)
{
    struct cli cli;
    struct config *config = NULL;
    int status = -1;
    ck_assert(!run(args, &cli, &config, &status));
    ck_assert_ptr_null(config);
    cli_finish(&cli);
    return status;
}

/* A folder that a hub could have its log in. */
#define HERE      "--set=hub.data_dir=."
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(serves_with_what_was_set)
{
    struct cli cli;
    struct config *config = NULL;
    int status;
    ck_assert(run(ARGS("--config", "/dev/null", "--set", "hub.workers=2", "--set=hub.workers=3"),
                  &cli, &config, &status));
    ck_assert_uint_eq(config->hub.workers, 3);
    ck_assert_str_eq(config->file, "/dev/null");
    config_free(config);
    /* What SIGHUP loads again. */
    struct buf error = {0};
    ck_assert_int_eq(config_load(&cli.source, &config, &error), ERR_OK);
    ck_assert_uint_eq(config->hub.workers, 3);
    config_free(config);
    cli_finish(&cli);
    ck_assert_str_eq(out_text, "");
    ck_assert_str_eq(err_text_seen, "");
}
END_TEST

START_TEST(help_names_every_option_and_default)
{
    ck_assert_int_eq(answer(ARGS("--help")), CLI_OK);
    ck_assert_str_eq(err_text_seen, "");
    for (const struct setting *s = settings; s < settings_topic; s++) {
        char line[256];
        snprintf(line, sizeof(line), "\n%s.%s =%s%s%s\n    %s", s->section, s->key,
                 *s->initial ? " " : "", s->initial, s->reloadable ? " *" : "", s->help);
        ck_assert_msg(strstr(out_text, line), "%s", line);
    }
    ck_assert_ptr_nonnull(strstr(out_text, "\ntopic \"PATTERN\".durability\n"));
    ck_assert_ptr_nonnull(strstr(out_text, "(1 to 60 seconds)\n"));
}
END_TEST

START_TEST(version_is_one_line)
{
    ck_assert_int_eq(answer(ARGS("--version")), CLI_OK);
    ck_assert_int_eq(strncmp(out_text, "longwired ", 10), 0);
    ck_assert_ptr_eq(strchr(out_text, '\n'), out_text + strlen(out_text) - 1);
}
END_TEST

START_TEST(checks_the_configuration)
{
    ck_assert_int_eq(answer(ARGS("--check-config", "--config", "/dev/null", HERE)), CLI_OK);
    ck_assert_str_eq(out_text, "/dev/null: the configuration is good\n");
    ck_assert_int_eq(
        answer(ARGS("--check-config", "--config", "/dev/null", "--set", "http.heartbeat=0")),
        CLI_WRONG);
    ck_assert_str_eq(out_text, "");
    ck_assert_str_eq(err_text_seen,
                     "longwired: --set: http.heartbeat = 0: must be 1 to 60 seconds\n");
}
END_TEST

/* Each mistake is a line; those of the configuration come before what only a machine can tell. */
START_TEST(checks_the_machine)
{
    static const struct {
        const char *set, *error;
    } cases[] = {
        {"--set=hub.data_dir=/dev/null",
         "longwired: hub.data_dir = /dev/null: is not a directory\n"},
        {"--set=hub.data_dir=/nonexistent/a/b//",
         "longwired: hub.data_dir = /nonexistent/a/b// cannot be made: its parent directory "
         "/nonexistent/a: No such file or directory\n"},
        {"--set=hub.data_dir=/dev/null/a",
         "longwired: hub.data_dir = /dev/null/a: Not a directory\n"},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        ck_assert_int_eq(answer(ARGS("--check-config", "--config", "/dev/null", cases[i].set)),
                         CLI_WRONG);
        ck_assert_str_eq(out_text, "");
        ck_assert_str_eq(err_text_seen, cases[i].error);
    }
    ck_assert_int_eq(
        answer(ARGS("--check-config", "--config", "/dev/null", "--set=hub.data_dir=new-one")),
        CLI_OK);
}
END_TEST

START_TEST(tells_each_mistake_in_a_line)
{
    ck_assert_int_eq(
        answer(ARGS("--config", "/dev/null", "--set", "x", "--set", "http.heartbeat=0")),
        CLI_WRONG);
    ck_assert_str_eq(
        err_text_seen,
        "longwired: --set: x: must be section.key=value or topic \"PATTERN\".key=value\n"
        "longwired: --set: http.heartbeat = 0: must be 1 to 60 seconds\n");
}
END_TEST

START_TEST(prints_the_configuration)
{
    ck_assert_int_eq(
        answer(ARGS("--config", "/dev/null", "--print-config", "--set", "log.sync=never")), CLI_OK);
    ck_assert_ptr_nonnull(strstr(out_text, "\nsync = never ; --set\n"));
    ck_assert_ptr_nonnull(strstr(out_text, "\nheartbeat = 15s\n"));
}
END_TEST

START_TEST(a_named_file_must_exist)
{
    ck_assert_int_eq(answer(ARGS("--config", "/nonexistent/longwire.ini")), CLI_WRONG);
    ck_assert_str_eq(err_text_seen, "longwired: /nonexistent/longwire.ini: cannot open: No such "
                                    "file or directory\n");
}
END_TEST

static const struct {
    const char *first, *second;
    const char *error;
} misuses[] = {
    {"--frobnicate", NULL, "frobnicate"},
    {"--set", NULL, "'--set' requires an argument"},
    {"--config", NULL, "'--config' requires an argument"},
    {"start", NULL, "unexpected argument 'start'"},
    {"--check-config", "longwire.ini", "unexpected argument 'longwire.ini'"},
    {"--help=x", NULL, "'--help' doesn't allow an argument"},
    {"-x", NULL, "'x'"},
};

START_TEST(misuse_is_told)
{
    const char *const args[] = {misuses[_i].first, misuses[_i].second, NULL};
    ck_assert_int_eq(answer(args), CLI_WRONG);
    ck_assert_str_eq(out_text, "");
    ck_assert_msg(strstr(err_text_seen, misuses[_i].error), "%s", err_text_seen);
    ck_assert_ptr_nonnull(strstr(err_text_seen, "longwired: see longwired --help\n"));
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    static const char *const actions[] = {"--help", "--version", "--print-config",
                                          "--check-config"};
    for (int i = 0; i < COUNT(actions); i++) {
        struct cli cli;
        struct config *config = NULL;
        int status = -1;
        char *argv[] = {(char *)(uintptr_t) "longwired", (char *)(uintptr_t)actions[i],
                        (char *)(uintptr_t) "--config=/dev/null", (char *)(uintptr_t)HERE, NULL};
        FILE *full = fopen("/dev/full", "w+"), *err = tmpfile();
        ck_assert(full && err);
        int saved_out = divert(stdout, full), saved_err = divert(stderr, err);
        bool serve = cli_start(4, argv, &cli, &config, &status);
        restore(stdout, saved_out, full, out_text);
        restore(stderr, saved_err, err, err_text_seen);
        cli_finish(&cli);
        ck_assert(!serve);
        ck_assert_int_eq(status, CLI_FAILED);
        ck_assert_ptr_nonnull(strstr(err_text_seen, "longwired: cannot "));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cli");
    TCase *t = tcase_create("all");
    suite_add_tcase(s, t);
    tcase_add_test(t, serves_with_what_was_set);
    tcase_add_test(t, help_names_every_option_and_default);
    tcase_add_test(t, version_is_one_line);
    tcase_add_test(t, checks_the_configuration);
    tcase_add_test(t, checks_the_machine);
    tcase_add_test(t, tells_each_mistake_in_a_line);
    tcase_add_test(t, prints_the_configuration);
    tcase_add_test(t, a_named_file_must_exist);
    tcase_add_loop_test(t, misuse_is_told, 0, COUNT(misuses));
    tcase_add_test(t, a_full_disk_is_told);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
