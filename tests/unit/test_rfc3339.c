/* RFC 3339 times: the calendar against the C library's, and every way of being wrong. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rfc3339.h"

#define NEVER UINT64_MAX /* expected result of a text that is refused */

static const struct {
    const char *text;
    uint64_t ms;
} texts[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00.001Z", 1},
    {"2026-11-22T07:31:15.042Z", 1795332675042},
    {"2026-11-22t07:31:15z", 1795332675000},
    {"2026-11-22T07:31:15.0Z", 1795332675000},
    {"2026-11-22T07:31:15.5Z", 1795332675500},
    {"2026-11-22T07:31:15.0429999999999999999999999999999999999Z", 1795332675042},
    {"2026-11-22T09:31:15+02:00", 1795332675000},
    {"2026-11-21T23:01:15-08:30", 1795332675000},
    {"2026-11-22T07:31:15-00:00", 1795332675000},
    {"2000-02-29T00:00:00Z", 951782400000},
    {"2024-12-31T23:59:59Z", 1735689599000},
    {"9999-12-31T23:59:59.999Z", 253402300799999},
    {"1969-12-31T23:00:00-01:00", 0},
    /* Leap seconds stand at the end of a day of UTC only. */
    {"1998-12-31T23:59:60Z", 915148799000},
    {"1998-12-31T15:59:60.25-08:00", 915148799250},
    {"1998-12-31T23:58:60Z", NEVER},
    {"1998-12-31T22:59:60Z", NEVER},
    {"1998-12-31T23:59:60+01:00", NEVER},
    {"1998-12-31T23:59:61Z", NEVER},
    /* Before 1970. */
    {"1969-12-31T23:59:59.999Z", NEVER},
    {"1970-01-01T00:00:00+00:01", NEVER},
    {"0001-01-01T00:00:00Z", NEVER},
    {"0000-01-01T00:00:00Z", NEVER},
    /* Fields out of range. */
    {"2026-00-22T07:31:15Z", NEVER},
    {"2026-13-22T07:31:15Z", NEVER},
    {"2026-11-00T07:31:15Z", NEVER},
    {"2026-11-31T07:31:15Z", NEVER},
    {"2026-02-29T07:31:15Z", NEVER},
    {"2100-02-29T07:31:15Z", NEVER},
    {"2026-11-22T24:00:00Z", NEVER},
    {"2026-11-22T07:60:15Z", NEVER},
    {"2026-11-22T07:31:15+24:00", NEVER},
    {"2026-11-22T07:31:15+02:60", NEVER},
    /* Not the grammar. */
    {"", NEVER},
    {"2026-11-22", NEVER},
    {"2026-11-22T07:31:15", NEVER},
    {"2026-11-22T07:31Z", NEVER},
    {"2026-11-22 07:31:15Z", NEVER},
    {"2026-11-22T07:31:15.Z", NEVER},
    {"2026-11-22T07:31:15,5Z", NEVER},
    {"2026-11-22T07:31:15+0200", NEVER},
    {"2026-11-22T07:31:15+02", NEVER},
    {"2026-11-22T07:31:15ZZ", NEVER},
    {"2026-11-22T07:31:15Z ", NEVER},
    {" 2026-11-22T07:31:15Z", NEVER},
    {"+2026-11-22T07:31:15Z", NEVER},
    {"26-11-22T07:31:15Z", NEVER},
    {"2026-1-22T07:31:15Z", NEVER},
    {"2026/11/22T07:31:15Z", NEVER},
    {"2026-11-22T-7:31:15Z", NEVER},
    {"12026-11-22T07:31:15Z", NEVER},
};

START_TEST(parses)
{
    uint64_t ms = NEVER;
    enum err e = rfc3339_parse(texts[_i].text, strlen(texts[_i].text), &ms);
    ck_assert_msg(e == (texts[_i].ms == NEVER ? ERR_INVALID : ERR_OK), "%s: %s", texts[_i].text,
                  err_text(e));
    ck_assert_msg(ms == texts[_i].ms, "%s: %llu", texts[_i].text, (unsigned long long)ms);
}
END_TEST

START_TEST(refuses_every_part_of_a_time)
{
    const char *text = "2026-11-22T07:31:15.042Z";
    uint64_t ms;
    for (size_t n = 0; n < strlen(text); n++) {
        char *part = malloc(n + 1); /* exact size, so that a read beyond it is seen */
        memcpy(part, text, n);
        ck_assert_int_eq(rfc3339_parse(part, n, &ms), ERR_INVALID);
        free(part);
    }
}
END_TEST

/* Whether both agree on the time, and it reads back; plain comparisons, since there are many. */
static bool agrees_with_libc(uint64_t ms)
{
    char ours[RFC3339_TEXT_SIZE], theirs[64];
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    size_t n = strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    snprintf(theirs + n, sizeof(theirs) - n, ".%03uZ", (unsigned)(ms % 1000));
    rfc3339_format(ours, ms);
    uint64_t back;
    return strcmp(ours, theirs) == 0 && rfc3339_parse(ours, strlen(ours), &back) == ERR_OK &&
           back == ms;
}

/* The first and the last millisecond of each day, up to 9999. */
START_TEST(formats_every_day)
{
    const uint64_t day = 86400000, end = 253402300800000;
    for (uint64_t ms = 0; ms < end; ms += day)
        if (!agrees_with_libc(ms) || !agrees_with_libc(ms + day - 1))
            ck_abort_msg("day %llu", (unsigned long long)(ms / day));
}
END_TEST

START_TEST(formats_beyond_9999_as_the_end)
{
    char out[RFC3339_TEXT_SIZE];
    rfc3339_format(out, 253402300800000);
    ck_assert_str_eq(out, "9999-12-31T23:59:59.999Z");
    rfc3339_format(out, UINT64_MAX);
    ck_assert_str_eq(out, "9999-12-31T23:59:59.999Z");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rfc3339");
    TCase *t = tcase_create("rfc3339");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, parses, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(t, refuses_every_part_of_a_time);
    tcase_add_test(t, formats_every_day);
    tcase_add_test(t, formats_beyond_9999_as_the_end);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
