/* Which polls are answered with what another one got, and which are not. */
#include "delivery/poll_shared.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/broker_fixture.h"

static struct rig rig;
static struct poll_shared shared;
static struct follower one, other;
static struct blob *answer;

/* Two polls for "a" at AFTER; the first has read all there is, ten messages at most, and is
 * answered. */
static void begin(const char *after)
{
    struct replay_span span;
    rig_start(&rig);
    for (int i = 0; i < 5; i++)
        rig_publish(&rig, "a");
    one = other = (struct follower){0};
    follower_start_text(&rig, &one, "a", after);
    follower_start_text(&rig, &other, "a", after);
    replay_span_begin(&span, &rig.replay, &one.position);
    ck_assert(!follower_read(&rig, &one));
    replay_span_end(&span, &one.position);
    answer = blob_create("answer", 6);
    poll_shared_keep_read(&shared, &rig.replay, one.sub.feed, &span, 10, answer);
}

static void setup(void)
{
    rig_init(&rig, false);
    shared = (struct poll_shared){0};
}

static void teardown(void)
{
    follower_finish(&rig, &one);
    follower_finish(&rig, &other);
    poll_shared_drop(&shared, rig.feeds);
    rig_finish(&rig);
}

static struct blob *read_by(struct follower *f, uint32_t limit)
{
    return poll_shared_read(&shared, &rig.replay, f->sub.feed, &f->position, limit);
}

START_TEST(the_same_is_answered_the_same)
{
    begin("2");
    const struct position before = other.position;
    ck_assert_ptr_eq(read_by(&other, 10), answer);
    ck_assert_uint_eq(other.position.offset, before.offset); /* it is the caller's to move */
    ck_assert_ptr_eq(read_by(&other, 10), answer);
    poll_shared_drop(&shared, rig.feeds);
    ck_assert_ptr_null(read_by(&other, 10));
    poll_shared_drop(&shared, rig.feeds);
}
END_TEST

START_TEST(another_limit_or_place_or_set_is_not_the_same)
{
    begin("2");
    ck_assert_ptr_null(read_by(&other, 9));
    ck_assert_ptr_null(read_by(&other, 0));
    other.position.offset = 3;
    ck_assert_ptr_null(read_by(&other, 10));
    other.position.offset = 1;
    ck_assert_ptr_null(read_by(&other, 10));
    follower_finish(&rig, &other);
    other = (struct follower){0};
    follower_start_text(&rig, &other, "a b", "2");
    ck_assert_ptr_null(read_by(&other, 10));
}
END_TEST

START_TEST(what_came_since_is_missing)
{
    begin("2");
    rig_publish(&rig, "b");
    ck_assert_ptr_null(read_by(&other, 10));
}
END_TEST

START_TEST(what_was_removed_since_is_not_told)
{
    begin("2");
    rig_purge(&rig, "a");
    ck_assert_ptr_null(read_by(&other, 10));
}
END_TEST

START_TEST(what_comes_is_the_same_for_the_live)
{
    begin("2");
    struct blob *live = blob_create("live", 4);
    uint64_t head = rig.replay.head;
    ck_assert_ptr_null(poll_shared_live(&shared, one.sub.feed, head));
    poll_shared_keep_live(&shared, rig.feeds, one.sub.feed, head, live);
    ck_assert_ptr_eq(poll_shared_live(&shared, one.sub.feed, head), live);
    ck_assert_ptr_null(poll_shared_live(&shared, one.sub.feed, head + 1));
    ck_assert_ptr_null(read_by(&other, 10));
    ck_assert_ptr_null(poll_shared_live(&shared, NULL, head));
}
END_TEST

/* The address of a set that is gone may be that of the next one. */
START_TEST(keeps_its_set)
{
    begin("2");
    const struct feed *feed = one.sub.feed;
    follower_finish(&rig, &one);
    follower_finish(&rig, &other);
    other = (struct follower){0};
    follower_start_text(&rig, &other, "b", "2");
    ck_assert_ptr_ne(other.sub.feed, feed);
    ck_assert_ptr_null(read_by(&other, 10));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("poll_shared");
    TCase *t = tcase_create("poll_shared");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_same_is_answered_the_same);
    tcase_add_test(t, another_limit_or_place_or_set_is_not_the_same);
    tcase_add_test(t, what_came_since_is_missing);
    tcase_add_test(t, what_was_removed_since_is_not_told);
    tcase_add_test(t, what_comes_is_the_same_for_the_live);
    tcase_add_test(t, keeps_its_set);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
