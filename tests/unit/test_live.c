/* The live members of a feed: who comes, leaves and is walked over, and what happens without
 * memory. */
#include "broker/live.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/random.h"

/* More than ten blocks. */
enum { SUBS = 3000 };

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
static bool members_are_right(const struct live_set *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct live *l = live_at(s, i);
        if (!l->sub || l->sub->at != i + 1 || live_entry(s, l->sub) != l)
            return false;
        if (l->sub != &subs[l->handle])
            return false;
    }
    return true;
}

static void check_members(const struct live_set *s, uint32_t count)
{
    ck_assert_uint_eq(s->count, count);
    ck_assert_uint_le(count, s->cap);
    ck_assert(members_are_right(s));
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

/* A quarter more than the members at most, from a block on less than another block. */
static uint32_t most_after_growing(uint32_t count)
{
    return count <= LIVE_BLOCK ? count + count / 4 + 3 : count + LIVE_BLOCK - 1;
}

/* From a block on a block and a half is kept for who may come, below it half of it. */
static uint32_t most_after_leaving(uint32_t count)
{
    if (count < LIVE_BLOCK / 2)
        return 2 * count + 16;
    return count + LIVE_BLOCK + LIVE_BLOCK / 2;
}

START_TEST(the_room_follows_the_members)
{
    for (int i = 0; i < SUBS; i++) {
        add(&set, i);
        ck_assert_uint_le(set.cap, most_after_growing(set.count));
    }
    for (int i = 0; i < SUBS; i++) {
        live_remove(&set, &subs[i]);
        check_members(&set, SUBS - 1 - (uint32_t)i);
        ck_assert_uint_le(set.cap, most_after_leaving(set.count));
    }
    ck_assert_uint_eq(set.cap, 0);
}
END_TEST

/* A block that is full is not copied, however the set grows and shrinks behind it. */
START_TEST(a_full_block_stays_where_it_is)
{
    const struct live *at[SUBS];
    for (int i = 0; i < SUBS; i++) {
        add(&set, i);
        if (i < LIVE_BLOCK - 1)
            continue;
        at[i] = live_entry(&set, &subs[i]);
        for (int j = LIVE_BLOCK - 1; j <= i; j += LIVE_BLOCK)
            ck_assert_ptr_eq(live_entry(&set, &subs[j]), at[j]);
    }
    for (int i = SUBS - 1; i >= LIVE_BLOCK; i--) {
        live_remove(&set, &subs[i]);
        ck_assert_ptr_eq(live_entry(&set, &subs[LIVE_BLOCK - 1]), at[LIVE_BLOCK - 1]);
        ck_assert_ptr_eq(live_entry(&set, &subs[i - 1]), at[i - 1]);
    }
    live_finish(&set);
}
END_TEST

static bool next_takes_memory(int i)
{
    bool takes = add_without_memory(i) != ERR_OK;
    if (!takes)
        live_remove(&set, &subs[i]);
    return takes;
}

/* Who comes and leaves just there does not make a block come and go each time. */
START_TEST(the_border_of_a_block_is_crossed_back_and_forth)
{
    for (int i = 0; i < 2 * LIVE_BLOCK; i++)
        add(&set, i);
    ck_assert(next_takes_memory(2 * LIVE_BLOCK));
    add(&set, 2 * LIVE_BLOCK);
    for (int i = 2 * LIVE_BLOCK; i > LIVE_BLOCK + LIVE_BLOCK / 2; i--) {
        ck_assert(!next_takes_memory(2 * LIVE_BLOCK + 1));
        live_remove(&set, &subs[i]);
    }
    check_members(&set, LIVE_BLOCK + LIVE_BLOCK / 2 + 1);
    ck_assert_uint_eq(set.cap, 3 * LIVE_BLOCK);
    for (int i = 0; i < 2; i++)
        live_remove(&set, &subs[i]);
    ck_assert_uint_eq(set.cap, 2 * LIVE_BLOCK);
    ck_assert(!next_takes_memory(2 * LIVE_BLOCK));
    live_finish(&set);
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

/* To a set that is large itself, and back, without memory where there is room. */
START_TEST(many_move)
{
    enum { HALF = SUBS / 2 };
    for (int i = 0; i < SUBS; i++)
        add(i < HALF ? &set : &other, i);
    for (int i = 0; i < HALF; i++) {
        ck_assert_int_eq(live_reserve(&other), ERR_OK);
        no_memory = true;
        live_move(&set, &other, &subs[i]);
        no_memory = false;
        check_members(&set, HALF - 1 - (uint32_t)i);
        check_members(&other, HALF + 1 + (uint32_t)i);
    }
    ck_assert_uint_eq(set.cap, 0);
    for (int i = 0; i < SUBS; i++) { /* to where it is */
        ck_assert_int_eq(live_reserve(&other), ERR_OK);
        no_memory = true;
        live_move(&other, &other, &subs[i]);
        no_memory = false;
    }
    check_members(&other, SUBS);
    live_finish(&other);
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
        const struct live *l = live_at(&set, i);
        bool left = i == 1 || i == 4;
        ck_assert_ptr_eq(l->sub, left ? NULL : &subs[i]);
        ck_assert_int_eq(l->look, left);
    }
    live_walk_end(&set);
    check_members(&set, 48);
    ck_assert_uint_ne(subs[1].at, 0);
    ck_assert_uint_eq(live_walk(&set), 48);
    for (uint32_t i = 0; i < 48; i++)
        live_remove(&set, live_at(&set, i)->sub);
    live_walk_end(&set);
    check_members(&set, 0);
    ck_assert_uint_eq(set.cap, 0);
}
END_TEST

/* Of those that were there the rest is in its order, and who came is behind them. */
static void check_order(int every)
{
    int last = -1;
    for (uint32_t i = 0; i < set.count; i++) {
        int handle = live_at(&set, i)->handle;
        ck_assert_int_lt(last, handle);
        ck_assert(handle >= SUBS - 100 || handle % every == 0);
        last = handle;
    }
}

/* Most leave, in all blocks, so that the rest is in the first one or two of them. */
START_TEST(a_walk_closes_the_holes_of_many_blocks_in_order)
{
    const int every = _i;
    for (int i = 0; i < SUBS - 100; i++)
        add(&set, i);
    uint32_t cap = set.cap, end = live_walk(&set), left = 0;
    ck_assert_uint_eq(end, SUBS - 100);
    for (int i = 0; i < SUBS - 100; i++) {
        ck_assert_int_eq(live_at(&set, (uint32_t)i)->handle, i);
        if (i % every == 0)
            continue;
        live_remove(&set, &subs[i]);
        left++;
    }
    for (int i = SUBS - 100; i < SUBS; i++)
        add(&set, i);
    ck_assert_uint_ge(set.cap, cap);
    no_memory = true;
    live_walk_end(&set);
    no_memory = false;
    check_members(&set, SUBS - left);
    check_order(every);
    ck_assert_uint_lt(set.cap, cap);
    for (int i = 0; i < SUBS; i++)
        if (subs[i].at)
            live_remove(&set, &subs[i]);
    ck_assert_uint_eq(set.cap, 0);
}
END_TEST

/* A small set becomes a large one while it is walked, and its first entries lie elsewhere. */
START_TEST(a_set_grows_over_blocks_while_it_is_walked)
{
    add(&set, 0);
    ck_assert_uint_eq(live_walk(&set), 1);
    for (int i = 1; i < SUBS; i++) {
        add(&set, i);
        ck_assert_ptr_eq(live_at(&set, 0)->sub, &subs[0]);
    }
    for (int i = 0; i < SUBS; i++)
        live_remove(&set, &subs[i]);
    ck_assert_uint_eq(set.count, SUBS);
    live_walk_end(&set);
    check_members(&set, 0);
    ck_assert_uint_eq(set.cap, 0);
}
END_TEST

/* A set fills and empties again and again and crosses many borders; some of it in a walk, and some
 * without memory. */
static uint32_t model_count;
static bool walked, filling;

static void come(int i)
{
    bool without = random_below(4) == 0;
    enum err e = without ? add_without_memory(i) : live_add(&set, &subs[i], NULL, i);
    ck_assert(e == ERR_OK || (without && e == ERR_NOMEM && subs[i].at == 0));
    model_count += e == ERR_OK;
}

static void go(int i)
{
    if (random_below(4) == 0)
        remove_without_memory(i);
    else
        live_remove(&set, &subs[i]);
    model_count--;
}

static void change(int i)
{
    if (subs[i].at)
        go(i);
    else
        come(i);
}

static void begin_or_end_walk(void)
{
    if (walked)
        live_walk_end(&set);
    else
        ck_assert_uint_eq(live_walk(&set), model_count);
    walked = !walked;
}

START_TEST(at_random)
{
    model_count = 0;
    walked = filling = false;
    for (int round = 0; round < 120000; round++) {
        int i = (int)random_below(SUBS);
        if (random_below(6000) == 0)
            filling = !filling;
        if (random_below(200) == 0)
            begin_or_end_walk();
        if ((subs[i].at == 0) == filling || random_below(4) == 0)
            change(i);
        if (set.count - set.holes != model_count || (!walked && round % 16 == 0))
            check_members(&set, model_count);
    }
    if (walked)
        begin_or_end_walk();
    for (int i = 0; i < SUBS; i++)
        if (subs[i].at)
            change(i);
    check_members(&set, 0);
    ck_assert_uint_eq(set.cap, 0);
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
    tcase_add_test(t, a_full_block_stays_where_it_is);
    tcase_add_test(t, the_border_of_a_block_is_crossed_back_and_forth);
    tcase_add_test(t, who_has_no_handle_is_asked);
    tcase_add_test(t, a_member_moves_as_it_is);
    tcase_add_test(t, many_move);
    tcase_add_test(t, a_walk_meets_who_was_there_and_stays);
    tcase_add_loop_test(t, a_walk_closes_the_holes_of_many_blocks_in_order, 2, 12);
    tcase_add_test(t, a_set_grows_over_blocks_while_it_is_walked);
    tcase_add_test(t, at_random);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
