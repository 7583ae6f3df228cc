/* The live members of a feed: who comes, leaves and is walked over, and what happens without
 * memory. */
#include "broker/live.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/random.h"

enum { SUBS = 300 };

static struct live_set set, other;
static struct subscriber subs[SUBS];
static bool no_memory;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    return no_memory ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return no_memory ? NULL : __real_realloc(p, n);
}

static void setup(void)
{
    set = other = (struct live_set){0};
    for (int i = 0; i < SUBS; i++)
        subs[i] = (struct subscriber){0};
    no_memory = false;
}

static void add(struct live_set *s, int i)
{
    ck_assert_int_eq(live_add(s, &subs[i], NULL, i), ERR_OK);
}

static enum err add_without_memory(int i)
{
    no_memory = true;
    enum err e = live_add(&set, &subs[i], NULL, i);
    no_memory = false;
    return e;
}

static void remove_without_memory(int i)
{
    no_memory = true;
    live_remove(&set, &subs[i]);
    no_memory = false;
}

/* Every entry is its subscriber's, and nothing else is there. */
static void check_members(const struct live_set *s, uint32_t count)
{
    ck_assert_uint_eq(s->count, count);
    ck_assert_uint_le(count, s->cap);
    for (uint32_t i = 0; i < count; i++) {
        const struct live *l = &s->members[i];
        ck_assert_ptr_nonnull(l->sub);
        ck_assert_uint_eq(l->sub->at, i + 1);
        ck_assert_ptr_eq(live_entry(s, l->sub), l);
        ck_assert_ptr_eq(l->sub, &subs[l->handle]);
    }
}

START_TEST(an_entry_is_16_bytes)
{
    ck_assert_uint_eq(sizeof(struct live), 16);
}
END_TEST

START_TEST(the_first_member_takes_no_memory)
{
    ck_assert_int_eq(add_without_memory(0), ERR_OK);
    check_members(&set, 1);
    ck_assert_int_eq(add_without_memory(1), ERR_NOMEM);
    ck_assert_uint_eq(subs[1].at, 0);
    check_members(&set, 1);
    live_remove(&set, &subs[0]);
    add(&set, 1);
    live_remove(&set, &subs[1]);
    check_members(&set, 0);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
    int count = 0;
    while (count < SUBS) {
        enum err e = add_without_memory(count);
        if (e != ERR_OK) {
            ck_assert_int_eq(e, ERR_NOMEM);
            ck_assert_uint_eq(subs[count].at, 0);
            check_members(&set, (uint32_t)count);
            add(&set, count);
        }
        check_members(&set, (uint32_t)++count);
    }
    while (count > 0)
        remove_without_memory(--count);
    check_members(&set, 0);
}
END_TEST

/* A quarter more than the members at most, and half of it is given back when they have left. */
START_TEST(the_room_follows_the_members)
{
    for (int i = 0; i < SUBS; i++) {
        add(&set, i);
        ck_assert_uint_le(set.cap, set.count + set.count / 4 + 3);
    }
    for (int i = 0; i < SUBS; i++) {
        live_remove(&set, &subs[i]);
        check_members(&set, SUBS - 1 - (uint32_t)i);
        ck_assert_uint_le(set.cap, 2 * set.count + 16);
    }
    ck_assert_uint_eq(set.cap, 0);
}
END_TEST

START_TEST(who_has_no_handle_is_asked)
{
    add(&set, 0);
    ck_assert(!live_entry(&set, &subs[0])->look);
    ck_assert_int_eq(live_add(&set, &subs[1], NULL, LIVE_NO_HANDLE), ERR_OK);
    ck_assert(live_entry(&set, &subs[1])->look);
    live_remove(&set, &subs[0]);
    live_remove(&set, &subs[1]);
}
END_TEST

START_TEST(a_member_moves_as_it_is)
{
    for (int i = 0; i < 3; i++)
        add(&set, i);
    live_entry(&set, &subs[1])->look = true;
    for (int i = 2; i >= 0; i--) {
        ck_assert_int_eq(live_reserve(&other), ERR_OK);
        no_memory = true;
        live_move(&set, &other, &subs[i]);
        no_memory = false;
        check_members(&set, (uint32_t)i);
        check_members(&other, 3 - (uint32_t)i);
    }
    ck_assert(live_entry(&other, &subs[1])->look);
    ck_assert(!live_entry(&other, &subs[2])->look);
    for (int i = 0; i < 3; i++) { /* to where it is */
        ck_assert_int_eq(live_reserve(&other), ERR_OK);
        live_move(&other, &other, &subs[i]);
        check_members(&other, 3);
    }
    for (int i = 0; i < 3; i++)
        live_remove(&other, &subs[i]);
}
END_TEST

/* Who leaves is passed over, the others keep their places; who comes is behind the end. */
START_TEST(a_walk_meets_who_was_there_and_stays)
{
    for (int i = 0; i < 5; i++)
        add(&set, i);
    uint32_t end = live_walk(&set);
    ck_assert_uint_eq(end, 5);
    live_remove(&set, &subs[1]);
    live_remove(&set, &subs[4]);
    for (int i = 5; i < 50; i++)
        add(&set, i);
    live_remove(&set, &subs[49]);
    add(&set, 1);
    for (uint32_t i = 0; i < end; i++) {
        const struct live *l = &set.members[i];
        bool left = i == 1 || i == 4;
        ck_assert_ptr_eq(l->sub, left ? NULL : &subs[i]);
        ck_assert_int_eq(l->look, left);
    }
    live_walk_end(&set);
    check_members(&set, 48);
    ck_assert_uint_ne(subs[1].at, 0);
    ck_assert_uint_eq(live_walk(&set), 48);
    for (uint32_t i = 0; i < 48; i++)
        live_remove(&set, set.members[i].sub);
    live_walk_end(&set);
    check_members(&set, 0);
    ck_assert_uint_eq(set.cap, 0);
}
END_TEST

START_TEST(at_random)
{
    uint32_t count = 0;
    bool walked = false;
    for (int round = 0; round < 20000; round++) {
        int i = (int)random_below(SUBS);
        if (random_below(50) == 0) {
            if (walked)
                live_walk_end(&set);
            else
                ck_assert_uint_eq(live_walk(&set), count);
            walked = !walked;
        } else if (subs[i].at) {
            live_remove(&set, &subs[i]);
            count--;
        } else {
            add(&set, i);
            count++;
        }
        ck_assert_uint_eq(set.count - set.holes, count);
        if (!walked)
            check_members(&set, count);
    }
    if (walked)
        live_walk_end(&set);
    for (int i = 0; i < SUBS; i++)
        if (subs[i].at)
            live_remove(&set, &subs[i]);
    check_members(&set, 0);
}
END_TEST

int main(void)
{
    random_seed();
    Suite *s = suite_create("live");
    TCase *t = tcase_create("live");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, an_entry_is_16_bytes);
    tcase_add_test(t, the_first_member_takes_no_memory);
    tcase_add_test(t, without_memory_nothing_changes);
    tcase_add_test(t, the_room_follows_the_members);
    tcase_add_test(t, who_has_no_handle_is_asked);
    tcase_add_test(t, a_member_moves_as_it_is);
    tcase_add_test(t, a_walk_meets_who_was_there_and_stays);
    tcase_add_test(t, at_random);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
