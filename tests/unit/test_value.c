/* Single values of the configuration: numbers with units, addresses, origins, texts. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/value.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))
#define KIB      ((uint64_t)1024)

/* What WRITE appends, as a string; the caller frees it. */
static char *text_of(struct buf *b)
{
    buf_putc(b, '\0');
    ck_assert(!b->failed);
    return b->data;
}

static const struct {
    const char *text;
    uint64_t bytes;
    const char *written;
} sizes[] = {
    {"0", 0, "0"},
    {"1", 1, "1"},
    {"1023", 1023, "1023"},
    {"1024", KIB, "1K"},
    {"1k", KIB, "1K"},
    {"1536", 1536, "1536"},
    {"2048K", 2 * KIB *KIB, "2M"},
    {"8M", 8 * KIB *KIB, "8M"},
    {"3g", 3 * KIB *KIB *KIB, "3G"},
    {"0T", 0, "0"},
    {"2T", 2 * KIB *KIB *KIB *KIB, "2T"},
    {"18446744073709551615", UINT64_MAX, "18446744073709551615"},
};

START_TEST(reads_and_writes_bytes)
{
    struct buf b = {0};
    uint64_t n = 77;
    ck_assert_int_eq(value_parse_bytes(sizes[_i].text, &n), ERR_OK);
    ck_assert_uint_eq(n, sizes[_i].bytes);
    value_put_bytes(&b, n);
    ck_assert_str_eq(text_of(&b), sizes[_i].written);
    buf_finish(&b);
}
END_TEST

static const struct {
    const char *text;
    uint64_t ms;
    const char *written;
} times[] = {
    {"0", 0, "0"},           {"0ms", 0, "0"},         {"1", 1000, "1s"},
    {"1s", 1000, "1s"},      {"500ms", 500, "500ms"}, {"1500ms", 1500, "1500ms"},
    {"60s", 60000, "60s"},   {"1m", 60000, "60s"},    {"90s", 90000, "90s"},
    {"2m", 120000, "2m"},    {"1h", 3600000, "60m"},  {"24H", 86400000, "24h"},
    {"7d", 604800000, "7d"},
};

START_TEST(reads_and_writes_durations)
{
    struct buf b = {0};
    uint64_t n = 77;
    ck_assert_int_eq(value_parse_duration(times[_i].text, &n), ERR_OK);
    ck_assert_uint_eq(n, times[_i].ms);
    value_put_duration(&b, n);
    ck_assert_str_eq(text_of(&b), times[_i].written);
    buf_finish(&b);
}
END_TEST

static const char *const no_numbers[] = {
    "",  " ",   "-1",   "+1",  "1 ", " 1", "0x10", "1.5", "1e3",   "x",
    "K", "1KB", "1KiB", "1 K", "ms", "1w", "1min", "1s1", "1,000", "\xC2\xB2",
};

START_TEST(refuses_what_is_no_number)
{
    const char *text = no_numbers[_i];
    uint64_t n = 77;
    ck_assert_int_eq(value_parse_bytes(text, &n), ERR_INVALID);
    ck_assert_int_eq(value_parse_duration(text, &n), ERR_INVALID);
    ck_assert_int_eq(value_parse_count(text, &n), ERR_INVALID);
    ck_assert_int_eq(value_parse_octal(text, &n), ERR_INVALID);
    ck_assert_uint_eq(n, 77);
}
END_TEST

START_TEST(units_are_those_of_the_kind)
{
    uint64_t n;
    ck_assert_int_eq(value_parse_bytes("1s", &n), ERR_INVALID);
    ck_assert_int_eq(value_parse_duration("1K", &n), ERR_INVALID);
    ck_assert_int_eq(value_parse_count("1K", &n), ERR_INVALID);
    ck_assert_int_eq(value_parse_octal("8", &n), ERR_INVALID);
    ck_assert_int_eq(value_parse_octal("0660", &n), ERR_OK);
    ck_assert_uint_eq(n, 0660);
    ck_assert_int_eq(value_parse_count("007", &n), ERR_OK);
    ck_assert_uint_eq(n, 7);
}
END_TEST

START_TEST(what_overflows_is_a_limit)
{
    uint64_t n = 77;
    ck_assert_int_eq(value_parse_count("18446744073709551615", &n), ERR_OK);
    ck_assert_uint_eq(n, UINT64_MAX);
    n = 77;
    ck_assert_int_eq(value_parse_count("18446744073709551616", &n), ERR_LIMIT);
    ck_assert_int_eq(value_parse_count("99999999999999999999999999", &n), ERR_LIMIT);
    ck_assert_int_eq(value_parse_bytes("18446744073709551615K", &n), ERR_LIMIT);
    ck_assert_int_eq(value_parse_bytes("99999999999999999999x", &n), ERR_INVALID);
    ck_assert_int_eq(value_parse_duration("18446744073709551615h", &n), ERR_LIMIT);
    ck_assert_int_eq(value_parse_octal("7777777777777777777777", &n), ERR_LIMIT);
    ck_assert_uint_eq(n, 77);
}
END_TEST

static const struct {
    uint64_t min, max;
    const char *text;
} time_ranges[] = {
    {1000, 60000, "1 to 60 seconds"},
    {0, 60000, "0 to 60 seconds"},
    {0, 86400000, "0 to 24 hours"},
    {0, UINT64_C(315360000000), "0 to 3650 days"},
    {10, 500, "10 to 500 milliseconds"},
    {120000, 600000, "2 to 10 minutes"},
    {100, 600000, "100 milliseconds to 10 minutes"},
    {1000, 7200000, "1 second to 2 hours"},
};

START_TEST(ranges_of_time_are_words)
{
    struct buf b = {0};
    value_put_duration_range(&b, time_ranges[_i].min, time_ranges[_i].max);
    ck_assert_str_eq(text_of(&b), time_ranges[_i].text);
    buf_finish(&b);
}
END_TEST

START_TEST(ranges_of_bytes_are_short)
{
    struct buf b = {0};
    value_put_bytes_range(&b, 1, 64 * KIB * KIB);
    buf_puts(&b, "; ");
    value_put_bytes_range(&b, 0, 512);
    buf_puts(&b, "; ");
    value_put_bytes_range(&b, 0, 1023);
    buf_puts(&b, "; ");
    value_put_bytes_range(&b, 0, 1024);
    ck_assert_str_eq(text_of(&b), "1 to 64M; 0 to 512 bytes; 0 to 1023 bytes; 0 to 1K");
    buf_finish(&b);
}
END_TEST

static const struct {
    const char *text;
    const char *written;
    bool loopback;
} addresses[] = {
    {"127.0.0.1:8420", "127.0.0.1:8420", true},
    {"127.255.0.9:1", "127.255.0.9:1", true},
    {"localhost:0", "127.0.0.1:0", true},
    {"[::1]:65535", "[::1]:65535", true},
    {"[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", true},
    {"0.0.0.0:80", "0.0.0.0:80", false},
    {"128.0.0.1:80", "128.0.0.1:80", false},
    {"126.255.255.255:80", "126.255.255.255:80", false},
    {"192.168.1.20:00080", "192.168.1.20:80", false},
    {"[::]:0", "[::]:0", false},
    {"[2001:DB8::0:1]:443", "[2001:db8::1]:443", false},
    {"[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.1]:80", false},
};

START_TEST(reads_and_writes_addresses)
{
    struct buf b = {0};
    struct config_listen l;
    ck_assert_int_eq(value_parse_address(addresses[_i].text, &l), ERR_OK);
    ck_assert(l.loopback == addresses[_i].loopback);
    value_put_address(&b, &l);
    ck_assert_str_eq(text_of(&b), addresses[_i].written);
    buf_finish(&b);
}
END_TEST

static const char *const no_addresses[] = {
    "",
    ":",
    "8420",
    ":8420",
    "*:8420",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:000080",
    "127.0.0.1:-1",
    "127.0.0.1:http",
    "127.0.0.1:80 ",
    " 127.0.0.1:80",
    "127.1:80",
    "1:80",
    "0x7f.0.0.1:80",
    "256.0.0.1:80",
    "example.org:80",
    "http://127.0.0.1:80",
    "::1:80",
    "[::1]",
    "[::1]:",
    "[::1]80",
    "[::1:80",
    "::1]:80",
    "[]:80",
    "[127.0.0.1]:80",
    "[localhost]:80",
    "[::1%nosuchinterface]:80",
    "[1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:3333:4444:5555:6666:7777:8888]:80",
};

START_TEST(refuses_what_is_no_address)
{
    struct config_listen l;
    ck_assert_msg(value_parse_address(no_addresses[_i], &l) == ERR_INVALID, "'%s'",
                  no_addresses[_i]);
}
END_TEST

static const struct {
    const char *text;
    bool valid;
} origins[] = {
    {"*", true},
    {"https://example.org", true},
    {"http://localhost:3000", true},
    {"http://[::1]:8080", true},
    {"https://xn--bcher-kva.example", true},
    {"capacitor://localhost", true},
    {"a1+b-c.d://h", true},
    {"http://my_host-1.example:1", true},
    {"a_b://h", false},
    {"1a://h", false},
    {"+a://h", false},
    {"http://a+b", false},
    {"http://a~b", false},
    {"", false},
    {"**", false},
    {"null", false},
    {"example.org", false},
    {"//example.org", false},
    {"https:example.org", false},
    {"https://", false},
    {"https://example.org/", false},
    {"https://example.org/app", false},
    {"https://Example.org", false},
    {"HTTPS://example.org", false},
    {"https://user@example.org", false},
    {"https://example.org?x", false},
    {"https://*.example.org", false},
    {"https://example.org https://example.com", false},
    {"https://b\xC3\xBC"
     "cher.example",
     false},
};

START_TEST(hosts_have_no_port)
{
    static const char *const good[] = {
        "a", "hub_1.my-net.Example", "192.0.2.1", "[2001:db8::1]", "-", "_"};
    static const char *const bad[] = {"",         "a:80", ".a",   "a.",      "a..b",
                                      "http://a", "a/b",  "*.ab", "[::1]:8", "::1",
                                      "[a]",      "a b",  "a,b",  "\xC3\xA9"};
    for (int i = 0; i < COUNT(good); i++)
        ck_assert_msg(value_host_valid(good[i]), "%s", good[i]);
    for (int i = 0; i < COUNT(bad); i++)
        ck_assert_msg(!value_host_valid(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(origins_are_as_browsers_send_them)
{
    ck_assert_msg(value_origin_valid(origins[_i].text) == origins[_i].valid, "'%s'",
                  origins[_i].text);
}
END_TEST

START_TEST(an_origin_has_a_longest_length)
{
    char text[CONFIG_TEXT_MAX + 2];
    memset(text, 'a', sizeof(text));
    memcpy(text, "https://", 8);
    text[CONFIG_TEXT_MAX + 1] = '\0';
    ck_assert(!value_origin_valid(text));
    text[CONFIG_TEXT_MAX] = '\0';
    ck_assert(value_origin_valid(text));
}
END_TEST

static const struct {
    const char *text;
    bool valid;
} texts[] = {
    {"", true},      {"/var/lib/x", true}, {"with space", true}, {"a;b", true},
    {"a#b", true},   {"\xC3\xA9", true},   {"a ;b", false},      {";b", false},
    {" a", false},   {"a ", false},        {"a\tb", false},      {"a\nb", false},
    {"\x7F", false}, {"\xC3", false},      {"a ;", false},       {"\"quoted\"", true},
};

START_TEST(texts_can_stand_in_a_file)
{
    ck_assert_msg(value_text_valid(texts[_i].text) == texts[_i].valid, "'%s'", texts[_i].text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("value");
    TCase *t = tcase_create("all");
    suite_add_tcase(s, t);
    tcase_add_loop_test(t, reads_and_writes_bytes, 0, COUNT(sizes));
    tcase_add_loop_test(t, reads_and_writes_durations, 0, COUNT(times));
    tcase_add_loop_test(t, refuses_what_is_no_number, 0, COUNT(no_numbers));
    tcase_add_test(t, units_are_those_of_the_kind);
    tcase_add_test(t, what_overflows_is_a_limit);
    tcase_add_loop_test(t, ranges_of_time_are_words, 0, COUNT(time_ranges));
    tcase_add_test(t, ranges_of_bytes_are_short);
    tcase_add_loop_test(t, reads_and_writes_addresses, 0, COUNT(addresses));
    tcase_add_loop_test(t, refuses_what_is_no_address, 0, COUNT(no_addresses));
    tcase_add_loop_test(t, origins_are_as_browsers_send_them, 0, COUNT(origins));
    tcase_add_test(t, hosts_have_no_port);
    tcase_add_test(t, an_origin_has_a_longest_length);
    tcase_add_loop_test(t, texts_can_stand_in_a_file, 0, COUNT(texts));
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
