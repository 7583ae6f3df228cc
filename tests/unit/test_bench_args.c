/* What longwire-bench is told and what it tells: options, the report as a table and as JSON, the
 * pace of the progress line, and what is known of a process. */
#include <check.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_histogram.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_report.h"

enum { WORDS_MAX = 24 };

static struct bench_config config;

/* Parses OPTIONS, with a blank between two. */
static enum bench_exit parse(enum bench_mode mode, const char *options)
{
    static char text[256];
    char *argv[WORDS_MAX + 1] = {text}, *rest = text + 6;
    int argc = 1;
    snprintf(text, sizeof(text), "bench%c%s", '\0', options);
    for (char *word; (word = strsep(&rest, " "));) {
        ck_assert_int_lt(argc, WORDS_MAX);
        if (*word)
            argv[argc++] = word;
    }
    optind = 0; /* GNU: begin anew */
    return bench_args_parse(&config, mode, argc, argv);
}

static void setup(void)
{
    unsetenv("LONGWIRE_SOCKET");
}

START_TEST(defaults_are_those_of_the_mode)
{
    ck_assert_int_eq(parse(BENCH_FANOUT, ""), BENCH_OK);
    ck_assert_int_eq(config.mode, BENCH_FANOUT);
    ck_assert_int_eq(config.transport, BENCH_WS);
    ck_assert_uint_eq(config.subscribers, 100);
    ck_assert_uint_eq(config.topics, 1);
    ck_assert_uint_eq(config.rate, 50);
    ck_assert_uint_eq(config.window, 256);
    ck_assert_uint_eq(config.seconds, 10);
    ck_assert_uint_eq(config.count, 0);
    ck_assert_str_eq(config.url, "127.0.0.1:8420");
    ck_assert_str_eq(config.socket, BENCH_DEFAULT_SOCKET);
    ck_assert_ptr_null(config.dir);
    ck_assert(!config.raw && !config.quiet && !config.json && !config.spin && !config.help);
    ck_assert_int_eq(parse(BENCH_LOG, ""), BENCH_OK);
    ck_assert_uint_eq(config.topics, 1000);
    ck_assert_uint_eq(config.seconds, 5);
    ck_assert_uint_eq(config.count, 2000000);
    ck_assert_str_eq(config.dir, ".");
    ck_assert_int_eq(parse(BENCH_RAW, ""), BENCH_OK);
    ck_assert_uint_eq(config.server_cpu, BENCH_CPU_ANY);
    ck_assert_int_eq(parse(BENCH_RESUME, ""), BENCH_OK);
    ck_assert_str_eq(config.filter, "bench/00000000");
    ck_assert_uint_eq(config.last, 10);
}
END_TEST

START_TEST(options_are_taken)
{
    ck_assert_int_eq(parse(BENCH_FANOUT, "--transport poll --subscribers 7 --topics=3 --rate 0 "
                                         "--publish-by http --socket /s --quiet --json --spin"),
                     BENCH_OK);
    ck_assert_int_eq(config.transport, BENCH_POLL);
    ck_assert_uint_eq(config.subscribers, 7);
    ck_assert_uint_eq(config.topics, 3);
    ck_assert_uint_eq(config.rate, 0);
    ck_assert_int_eq(config.publish_by, BENCH_BY_HTTP);
    ck_assert_str_eq(config.socket, "/s");
    ck_assert(config.quiet && config.json && config.spin && !config.raw);
    ck_assert_int_eq(parse(BENCH_FANOUT, "--transport resp"), BENCH_OK);
    ck_assert(config.raw); /* it has nothing else */
    ck_assert_int_eq(parse(BENCH_REPLAY, "--bare --transport sse"), BENCH_OK);
    ck_assert_int_eq(parse(BENCH_FILL, "--help"), BENCH_OK);
    ck_assert_int_eq(parse(BENCH_FILL, "--dir d --share 4"), BENCH_OK);
    ck_assert_uint_eq(config.share, 4);
}
END_TEST

START_TEST(the_socket_may_come_from_the_environment)
{
    setenv("LONGWIRE_SOCKET", "/e", 1);
    ck_assert_int_eq(parse(BENCH_FANOUT, ""), BENCH_OK);
    ck_assert_str_eq(config.socket, "/e");
    ck_assert_int_eq(parse(BENCH_FANOUT, "--socket /s"), BENCH_OK);
    ck_assert_str_eq(config.socket, "/s");
    setenv("LONGWIRE_SOCKET", "", 1);
    ck_assert_int_eq(parse(BENCH_FANOUT, ""), BENCH_OK);
    ck_assert_str_eq(config.socket, BENCH_DEFAULT_SOCKET);
}
END_TEST

static const struct {
    enum bench_mode mode;
    const char *options;
    enum bench_exit status;
} cases[] = {
    {BENCH_FANOUT, "--subscribers 0", BENCH_USAGE},
    {BENCH_FANOUT, "--subscribers 1", BENCH_OK},
    {BENCH_FANOUT, "--subscribers 1000000", BENCH_OK},
    {BENCH_FANOUT, "--subscribers 1000001", BENCH_USAGE},
    {BENCH_FANOUT, "--subscribers 1x", BENCH_USAGE},
    {BENCH_FANOUT, "--subscribers -1", BENCH_USAGE},
    {BENCH_FANOUT, "--subscribers 99999999999999999999", BENCH_USAGE},
    {BENCH_FANOUT, "--subscribers", BENCH_USAGE},
    {BENCH_FANOUT, "--size 39", MARK_SIZE > 39 ? BENCH_USAGE : BENCH_OK},
    {BENCH_FANOUT, "--nonsense", BENCH_USAGE},
    {BENCH_FANOUT, "--dir x", BENCH_USAGE},
    {BENCH_FANOUT, "word", BENCH_USAGE},
    {BENCH_FANOUT, "--transport tcp", BENCH_USAGE},
    {BENCH_FANOUT, "--publish-by poll", BENCH_USAGE},
    {BENCH_RAW, "--transport poll", BENCH_OK},
    {BENCH_RAW, "--transport poll --raw", BENCH_USAGE},
    {BENCH_RAW, "--transport resp", BENCH_USAGE},
    {BENCH_RAW, "--transport sse", BENCH_OK},
    {BENCH_REPLAY, "--bare --transport poll", BENCH_USAGE},
    {BENCH_REPLAY, "--transport poll", BENCH_OK},
    {BENCH_REPLAY, "--transport resp", BENCH_USAGE},
    {BENCH_REPLAY, "--bare --live 1", BENCH_USAGE},
    {BENCH_REPLAY, "--live 1", BENCH_OK},
    {BENCH_FANOUT, "--further-topics 1", BENCH_OK},
    {BENCH_FANOUT, "--further-topics 1 --raw", BENCH_USAGE},
    {BENCH_FANOUT, "--further-topics 1 --transport resp", BENCH_USAGE},
    {BENCH_FANOUT, "--stuck 99", BENCH_OK},
    {BENCH_FANOUT, "--stuck 100", BENCH_USAGE},
    {BENCH_FILL, "", BENCH_USAGE},
    {BENCH_FANOUT, "--publishers 1024 --subscribers 65535", BENCH_OK},
    {BENCH_FANOUT, "--publishers 1024 --subscribers 65536", BENCH_USAGE},
    {BENCH_PUBLISH, "--connections 3", BENCH_OK},
};

START_TEST(what_makes_no_sense_is_refused)
{
    ck_assert_int_eq(parse(cases[_i].mode, cases[_i].options), cases[_i].status);
}
END_TEST

/* What is said when OPTIONS are refused. */
static const char *refusal(enum bench_mode mode, const char *options)
{
    static char text[4096];
    FILE *to = tmpfile();
    ck_assert_ptr_nonnull(to);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(to), STDERR_FILENO);
    enum bench_exit status = parse(mode, options);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    ck_assert_int_eq(status, BENCH_USAGE);
    rewind(to);
    text[fread(text, 1, sizeof(text) - 1, to)] = '\0';
    fclose(to);
    return text;
}

START_TEST(a_refusal_says_what_is_allowed)
{
    const char *said = refusal(BENCH_FANOUT, "--transport tcp");
    ck_assert_ptr_nonnull(strstr(said, "--transport is one of "));
    for (int i = 0; i < BENCH_TRANSPORTS; i++)
        ck_assert_ptr_nonnull(strstr(said, bench_transport_names[i]));
    ck_assert_ptr_nonnull(strstr(refusal(BENCH_FANOUT, "--nothing"), "--nothing is no option"));
    ck_assert_ptr_nonnull(strstr(refusal(BENCH_FANOUT, "--subscribers 0"),
                                 "--subscribers takes a whole number from 1 to "));
}
END_TEST

START_TEST(help_has_the_options_of_the_mode)
{
    struct buf out = {0};
    bench_args_help(&out, BENCH_RESUME);
    buf_putc(&out, '\0');
    ck_assert_ptr_nonnull(strstr(out.data, "  --count N             how often to ask (1000)\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "  --json                one JSON object"));
    ck_assert_ptr_null(strstr(out.data, "--subscribers"));
    buf_clear(&out);
    bench_args_help(&out, BENCH_RAW);
    buf_putc(&out, '\0');
    ck_assert_ptr_nonnull(strstr(out.data, "the server of its own runs\n")); /* and no default */
    buf_finish(&out);
}
END_TEST

/* --- reports --- */

/* What is printed to standard output. */
static const char *printed(const struct bench_report *r, bool json)
{
    static char text[4096];
    FILE *to = tmpfile();
    ck_assert_ptr_nonnull(to);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    dup2(fileno(to), STDOUT_FILENO);
    enum bench_exit status = report_print(r, json);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    ck_assert_int_eq(status, BENCH_OK);
    rewind(to);
    text[fread(text, 1, sizeof(text) - 1, to)] = '\0';
    fclose(to);
    return text;
}

START_TEST(a_report_is_a_table_or_json)
{
    struct bench_report r = {0};
    report_text(&r, "mode", "mode", "fanout");
    report_number(&r, "small", "small", 999, 0, "");
    report_number(&r, "large", "large", 1234567.25, 2, "us");
    report_note(&r, "note %d", 7);
    report_number(&r, "below", "below", -1234, 0, "");
    report_number(&r, "hidden", NULL, 5, 0, "");
    report_number(&r, "unknown", "unknown", INFINITY, 0, "/s");
    ck_assert_str_eq(printed(&r, true),
                     "{\"mode\":\"fanout\",\"small\":999,\"large\":1234567.25,\"below\":-1234,"
                     "\"hidden\":5,\"unknown\":null}\n");
    ck_assert_str_eq(printed(&r, false),
                     "  mode                                       fanout\n"
                     "  small                                         999\n"
                     "  large                                1,234,567.25 us  note 7\n"
                     "  below                                      -1,234\n"
                     "  unknown                                         - /s\n");
}
END_TEST

START_TEST(latencies_are_a_line_and_five_keys)
{
    static struct bench_histogram h;
    struct bench_report r = {0};
    histogram_add(&h, 2 * BENCH_MS);
    report_latency(&r, "ack", "to the answer", &h);
    ck_assert_str_eq(printed(&r, true),
                     "{\"ack_p50_ms\":2.000,\"ack_p90_ms\":2.000,\"ack_p99_ms\":2.000,"
                     "\"ack_p999_ms\":2.000,\"ack_max_ms\":2.000}\n");
    ck_assert_str_eq(printed(&r, false),
                     "  to the answer                               2.000 ms  p50  (p90 2.000, "
                     "p99 2.000, p99.9 2.000, max 2.000)\n");
    histogram_clear(&h);
    r.count = 0;
    report_latency(&r, "ack", "to the answer", &h);
    ck_assert_ptr_nonnull(strstr(printed(&r, true), "{\"ack_p50_ms\":null,"));
}
END_TEST

START_TEST(cpu_is_told_for_each_and_in_all)
{
    struct bench_moment from = {
        .time = 1000, .server = {.total = 500, .user_ticks = 1}, .self = {.total = 10}};
    struct bench_moment to = {.time = 101000,
                              .server = {.total = 50500, .user_ticks = 4, .kernel_ticks = 1},
                              .self = {.total = 25010}};
    struct bench_report r = {0};
    report_cpu(&r, "each_us", &from, &to, 10);
    ck_assert_str_eq(printed(&r, true),
                     "{\"each_us\":5.000,\"cpu_kernel_percent\":25,\"server_cpu_percent\":50.0,"
                     "\"load_cpu_percent\":25.0}\n");
    struct bench_moment sum = {0};
    moment_add(&sum, &from, &to);
    moment_add(&sum, &from, &to);
    ck_assert_uint_eq(sum.time, 200000);
    ck_assert_uint_eq(sum.server.total, 100000);
    ck_assert_uint_eq(sum.server.user_ticks, 6);
    ck_assert_uint_eq(sum.server.kernel_ticks, 2);
    ck_assert_uint_eq(sum.self.total, 50000);
    to.server = (struct bench_cpu){0}; /* it is gone */
    r.count = 0;
    report_cpu(&r, "each_us", &from, &to, 10);
    ck_assert_ptr_nonnull(strstr(printed(&r, true), "{\"each_us\":null,"));
}
END_TEST

START_TEST(the_pace_is_four_a_second_over_the_last_second)
{
    struct bench_pace p = {0};
    double rate = 7;
    uint64_t now = 5 * BENCH_SECOND, quarter = BENCH_SECOND / 4;
    ck_assert(pace_step(&p, now, 100, &rate));
    ck_assert_double_eq(rate, 0);
    ck_assert(!pace_step(&p, now + quarter - 1, 100, &rate));
    for (int i = 1; i <= 3; i++) {
        ck_assert(pace_step(&p, now + i * quarter, 100 + i * 25, &rate));
        ck_assert_double_eq(rate, 100);
    }
    ck_assert(pace_step(&p, now + 4 * quarter, 1200, &rate)); /* over the whole second */
    ck_assert_double_eq(rate, 1100);
    ck_assert(pace_step(&p, now + 5 * quarter, 1200, &rate)); /* the first is forgotten */
    ck_assert_double_eq(rate, 1075);
}
END_TEST

/* --- processes --- */

START_TEST(a_process_is_looked_at)
{
    struct bench_cpu cpu = {0};
    uint64_t pss = 0;
    ck_assert_int_eq(process_cpu(0, &cpu), ERR_OK);
    ck_assert_uint_gt(cpu.total, 0);
    ck_assert_int_eq(process_pss(getpid(), &pss), ERR_OK);
    ck_assert_uint_gt(pss, 10000);
    ck_assert_uint_lt(pss, UINT64_C(1) << 40);
    ck_assert_int_eq(process_cpu(INT32_MAX, &cpu), ERR_NOT_FOUND);
    ck_assert_int_eq(process_pss(INT32_MAX, &pss), ERR_NOT_FOUND);
    struct bench_moment m;
    moment_take(&m, INT32_MAX);
    ck_assert_uint_eq(m.server.total, 0);
    ck_assert_uint_gt(m.self.total, 0);
    moment_take(&m, getpid());
    ck_assert_uint_gt(m.server.total, 0);
}
END_TEST

START_TEST(descriptors_are_allowed_as_far_as_need_be)
{
    struct rlimit limit = {300, 400}, after;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(process_allow_files(300), ERR_OK);
    getrlimit(RLIMIT_NOFILE, &after);
    ck_assert_uint_eq(after.rlim_cur, 300);
    ck_assert_int_eq(process_allow_files(350), ERR_OK);
    getrlimit(RLIMIT_NOFILE, &after);
    ck_assert_uint_eq(after.rlim_cur, 350);
    ck_assert_uint_eq(after.rlim_max, 400);
    ck_assert_int_eq(process_allow_files(UINT64_MAX - 1), ERR_LIMIT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bench_args");
    TCase *t = tcase_create("options");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, defaults_are_those_of_the_mode);
    tcase_add_test(t, options_are_taken);
    tcase_add_test(t, the_socket_may_come_from_the_environment);
    tcase_add_loop_test(t, what_makes_no_sense_is_refused, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(t, a_refusal_says_what_is_allowed);
    tcase_add_test(t, help_has_the_options_of_the_mode);
    suite_add_tcase(s, t);
    t = tcase_create("reports");
    tcase_add_test(t, a_report_is_a_table_or_json);
    tcase_add_test(t, latencies_are_a_line_and_five_keys);
    tcase_add_test(t, cpu_is_told_for_each_and_in_all);
    tcase_add_test(t, the_pace_is_four_a_second_over_the_last_second);
    suite_add_tcase(s, t);
    t = tcase_create("processes");
    tcase_add_test(t, a_process_is_looked_at);
    tcase_add_test(t, descriptors_are_allowed_as_far_as_need_be);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
