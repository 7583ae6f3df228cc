/* What of a configuration retention goes by. */
#include "daemon/rules.h"

#include <check.h>
#include <stdlib.h>

static char prices[] = "prices/+", rest[] = "#";
static struct config_topic topics[] = {
    {.pattern = prices, .max_age_ms = 1, .max_messages = 2, .max_bytes = 3, .keep_last = 4},
    {.pattern = rest, .max_age_ms = 5, .max_messages = 6, .max_bytes = 7, .keep_last = 8},
};

static struct retention_rules *make(uint64_t map_bytes, uint64_t max_log_bytes, size_t count)
{
    struct config c = {.topics = topics, .topic_count = count};
    c.log.map_bytes = map_bytes;
    c.log.max_log_bytes = max_log_bytes;
    c.log.max_age_ms = 3600000;
    struct retention_rules *r = rules_create(&c);
    ck_assert_ptr_nonnull(r);
    return r;
}

START_TEST(topics_are_taken_over_in_their_order)
{
    struct retention_rules *r = make(800, 700, 2);
    ck_assert_uint_eq(r->count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct topic_retention *limits = &r->rules[i].limits;
        ck_assert_str_eq(r->rules[i].pattern, topics[i].pattern);
        ck_assert_ptr_ne(r->rules[i].pattern, topics[i].pattern);
        ck_assert_uint_eq(limits->max_age_ms, topics[i].max_age_ms);
        ck_assert_uint_eq(limits->max_messages, topics[i].max_messages);
        ck_assert_uint_eq(limits->max_bytes, topics[i].max_bytes);
        ck_assert_uint_eq(limits->keep_last, topics[i].keep_last);
    }
    rules_destroy(r);
}
END_TEST

START_TEST(others_have_the_age_of_the_log_and_no_limit)
{
    struct retention_rules *r = make(800, 700, 0);
    ck_assert_uint_eq(r->count, 0);
    ck_assert_uint_eq(r->otherwise.max_age_ms, 3600000);
    ck_assert_uint_eq(r->otherwise.max_messages, 0);
    ck_assert_uint_eq(r->otherwise.max_bytes, 0);
    ck_assert_uint_eq(r->otherwise.keep_last, 0);
    rules_destroy(r);
}
END_TEST

/* log.max_log_bytes of a map of 800 bytes, and what comes of it. */
static const struct {
    uint64_t asked, given;
} sizes[] = {{1, 1}, {699, 699}, {700, 700}, {701, 700}, {UINT64_MAX, 700}};

START_TEST(an_eighth_of_the_map_stays_free)
{
    struct retention_rules *r = make(800, sizes[_i].asked, 0);
    ck_assert_uint_eq(r->max_log_bytes, sizes[_i].given);
    rules_destroy(r);
}
END_TEST

START_TEST(nothing_is_destroyed_too)
{
    rules_destroy(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *tc = tcase_create("rules");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, topics_are_taken_over_in_their_order);
    tcase_add_test(tc, others_have_the_age_of_the_log_and_no_limit);
    tcase_add_loop_test(tc, an_eighth_of_the_map_stays_free, 0, sizeof(sizes) / sizeof(sizes[0]));
    tcase_add_test(tc, nothing_is_destroyed_too);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
