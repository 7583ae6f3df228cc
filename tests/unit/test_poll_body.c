/* Answers of long-polls: what is lost between finding the place and reading is told, in its place
 * and once. */
#include "delivery/poll_body.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/envelope_encoding.h"
#include "tests/unit/broker_fixture.h"

static struct rig rig;
static struct worker *worker;
static struct follower reader;
static struct gap gap;
static struct buf body;

/* Is run once, when the next message is put into an answer. */
static void (*while_reading)(void);

void __real_envelope_append(const struct message *m, struct buf *out);
void __wrap_envelope_append(const struct message *m, struct buf *out);

void __wrap_envelope_append(const struct message *m, struct buf *out)
{
    void (*now)(void) = while_reading;
    while_reading = NULL;
    if (now)
        now();
    __real_envelope_append(m, out);
}

static void setup(void)
{
    ck_assert_int_eq(encoding_register(&envelope_encoding), ERR_OK);
    rig_init(&rig, false);
    rig_start(&rig);
    worker = calloc(1, sizeof(*worker));
    ck_assert_ptr_nonnull(worker);
}

static void teardown(void)
{
    follower_finish(&rig, &reader);
    buf_finish(&body);
    free(worker);
    rig_finish(&rig);
}

/* Takes the place of a poll for "a" and "b" behind everything before now, and finds no gap. */
static void begin(const char *after)
{
    reader = (struct follower){0};
    follower_start_text(&rig, &reader, "a b", after);
    ck_assert_int_eq(reader.gap.reason, GAP_NONE);
    gap = (struct gap){0};
}

/* Reads an answer of at most LIMIT messages; returns how many there are. */
static size_t answer(uint32_t limit)
{
    struct poll_body got = {0};
    gap = (struct gap){0};
    buf_finish(&body);
    worker->replay = rig.replay;
    worker->head = rig.replay.head;
    ck_assert_int_eq(poll_body_read(worker, reader.sub.feed, &reader.position, &gap, limit, &got),
                     ERR_OK);
    ck_assert_uint_ge(got.at, POLL_BODY_ROOM);
    buf_append(&body, got.buf.data + got.at, got.buf.len - got.at);
    buf_finish(&got.buf);
    bool live = got.live;
    size_t count = got.count;
    buf_putc(&body, '\0');
    ck_assert_int_eq(live, reader.position.offset == worker->head);
    return count;
}

static uint64_t told(void)
{
    return counter_get(&worker->loop.counters, COUNTER_gaps_trimmed);
}

START_TEST(a_gap_that_is_found_while_it_reads_is_told)
{
    rig_publish_run(&rig, "a", 3);
    begin("earliest");
    rig_purge(&rig, "a"); /* between its first look and its reading */
    rig_publish(&rig, "b");
    size_t count = answer(100);
    if (gap.reason == GAP_NONE)
        ck_abort_msg("not told: %s", body.data);
    ck_assert_int_eq(gap.reason, GAP_TRIMMED);
    ck_assert_ptr_nonnull(strstr(body.data, "\"reason\":\"trimmed\""));
    ck_assert_uint_eq(told(), 1);
    while (reader.position.offset < worker->head)
        count += answer(100);
    ck_assert_uint_eq(count, 1); /* b's is there */
    ck_assert_uint_eq(told(), 1);
}
END_TEST

START_TEST(what_is_before_a_gap_comes_first)
{
    rig_publish(&rig, "b");
    rig_publish_run(&rig, "a", 3);
    rig_publish(&rig, "b");
    begin("earliest");
    ck_assert_uint_eq(answer(1), 1);
    ck_assert_int_eq(gap.reason, GAP_NONE);
    rig_purge(&rig, "a");
    size_t count = 0;
    while (reader.position.offset < worker->head)
        count += answer(1);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(told(), 1);
}
END_TEST

START_TEST(nothing_lost_is_no_gap)
{
    rig_publish_run(&rig, "a", 3);
    rig_publish(&rig, "c");
    begin("earliest");
    rig_purge(&rig, "c");
    ck_assert_uint_eq(answer(100), 3);
    ck_assert_int_eq(gap.reason, GAP_NONE);
    ck_assert_ptr_null(strstr(body.data, "gap"));
    ck_assert_ptr_nonnull(strstr(body.data, "\"live\":true"));
    ck_assert_uint_eq(told(), 0);
}
END_TEST

static void purge_a(void)
{
    rig_purge(&rig, "a");
}

START_TEST(what_disappears_while_it_is_read_is_not_half_there)
{
    rig_publish_run(&rig, "a", 3);
    rig_publish(&rig, "b");
    begin("earliest");
    while_reading = purge_a;
    size_t count = answer(100);
    ck_assert_ptr_null(while_reading);
    ck_assert_int_eq(gap.reason, GAP_TRIMMED);
    ck_assert_ptr_null(strstr(body.data, "\"topic\":\"a\""));
    while (reader.position.offset < worker->head)
        count += answer(100);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(told(), 1);
}
END_TEST

START_TEST(an_answer_ends_with_the_message_that_fills_it)
{
    static char text[POLL_BODY_BYTES / 4];
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 8; i++) {
        struct publish *p = publish_create(1);
        ck_assert_ptr_nonnull(p);
        publish_set(p, 0, message_of("a", text, NULL));
        rig_commit(&rig, p);
        publish_free(p);
    }
    begin("earliest");
    ck_assert_uint_eq(answer(100), 4);
    ck_assert_uint_eq(answer(100), 4);
    ck_assert_uint_eq(answer(100), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("poll_body");
    TCase *tc = tcase_create("gaps");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_gap_that_is_found_while_it_reads_is_told);
    tcase_add_test(tc, what_is_before_a_gap_comes_first);
    tcase_add_test(tc, nothing_lost_is_no_gap);
    tcase_add_test(tc, what_disappears_while_it_is_read_is_not_half_there);
    tcase_add_test(tc, an_answer_ends_with_the_message_that_fills_it);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
