/*
 * Readers beside the broker's thread: whatever it takes away at whatever moment, a reader gets each
 * message or is told of a loss first. Also meant for ThreadSanitizer.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_table.h"
#include "tests/unit/broker_fixture.h"

enum { MESSAGES = 3000, ROUNDS = 20, READERS = 2 };

static struct rig rig;
static atomic_bool done;

/* A worker of its own for each thread. */
struct worker {
    pthread_t thread;
    struct store_reader *reader;
    struct feed_table *feeds;
    struct tail tail;
    struct replay replay;
    struct subscriber sub;
};

static void worker_create(struct worker *w, const char *filter)
{
    static const struct feed_watcher nobody;
    struct feed_spec spec;
    memset(w, 0, sizeof(*w));
    ck_assert_int_eq(store_reader_create(rig.store, &w->reader), ERR_OK);
    w->feeds = feed_table_create(broker_topics(rig.broker), &nobody);
    w->replay = rig.replay;
    w->replay.store = w->reader;
    w->replay.feeds = w->feeds;
    w->replay.tail = &w->tail;
    for (size_t i = 0; i < rig.tail.count; i++) {
        size_t slot = (rig.tail.start + i) & (rig.tail.cap - 1);
        ck_assert_int_eq(tail_push(&w->tail, batch_ref(rig.tail.ring[slot])), ERR_OK);
    }
    feed_spec_init(&spec, w->feeds);
    ck_assert_int_eq(feed_spec_add(&spec, filter, strlen(filter)), ERR_OK);
    ck_assert_int_eq(feed_join(&w->sub, &spec, NULL, 0, NULL), ERR_OK);
    feed_spec_finish(&spec);
}

static void worker_destroy(struct worker *w)
{
    feed_leave(&w->sub, w->feeds, NULL);
    feed_table_destroy(w->feeds);
    tail_finish(&w->tail);
    store_reader_destroy(w->reader);
}

/* What one call visited. */
struct visit {
    uint64_t offset; /* of the last message, 0 = none */
    int left;        /* how many more to take in this call */
};

static bool note(void *ctx, struct message *m, bool shared)
{
    struct visit *v = ctx;
    (void)shared;
    if (v->left-- == 0)
        return false;
    v->offset = m->offset;
    return true;
}

/* The floor rises by one each time, so that what a place knows is an offset. */
static uint64_t known(const struct position *p)
{
    uint64_t removed = p->floor_serial == UINT64_MAX ? 0 : p->floor_serial;
    return removed > p->evicted ? removed : p->evicted;
}

/* Takes one message in a call: the offsets are dense, so what is missing before it was lost, and
 * must have been told. */
static void check_step(const struct visit *v, uint64_t from, uint64_t told, uint64_t reached)
{
    uint64_t missing = v->offset ? v->offset - 1 : reached;
    if (v->offset)
        ck_assert_uint_eq(reached, v->offset);
    if (missing > from)
        ck_assert_msg(missing <= told, "untold: %llu to %llu, told up to %llu",
                      (unsigned long long)from + 1, (unsigned long long)missing,
                      (unsigned long long)told);
}

static void read_once(struct worker *w)
{
    static const struct after earliest = {.kind = AFTER_EARLIEST};
    struct position p;
    struct gap gap;
    enum err e = replay_start(&w->replay, w->sub.feed, &earliest, w->replay.head, &p, &gap);
    ck_assert_int_eq(e, ERR_OK);
    uint64_t told = known(&p);
    while (p.offset < w->replay.head) {
        struct visit v = {.left = 1};
        uint64_t from = p.offset;
        e = replay_next(&w->replay, w->sub.feed, &p, w->replay.head, note, &v, &gap);
        if (e == ERR_AGAIN)
            continue;
        ck_assert_int_eq(e, ERR_OK);
        if (gap.reason != GAP_NONE)
            told = known(&p);
        else
            check_step(&v, from, told, p.offset);
    }
}

static void *read_on(void *arg)
{
    while (!atomic_load(&done))
        read_once(arg);
    return NULL;
}

/* The broker's side: the floor rises step by step, as purging or evicting raises it. */
static void *remove_all(void *arg)
{
    struct topic *t = rig_topic(&rig, "t");
    for (uint64_t floor = 1; floor <= MESSAGES; floor++) {
        if (*(const bool *)arg)
            topic_table_evict(rig.replay.topics, t, floor);
        else
            topic_table_raise_floor(rig.replay.topics, t, floor);
        for (int i = 0; i < 200; i++)
            atomic_load(&done); /* readers come as far as here now and then */
    }
    atomic_store(&done, true);
    return NULL;
}

static void run(bool evict)
{
    struct worker workers[READERS];
    pthread_t remover;
    atomic_store(&done, false);
    rig_publish_run(&rig, "t", MESSAGES);
    for (int i = 0; i < READERS; i++) {
        worker_create(&workers[i], i ? "#" : "t");
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, read_on, &workers[i]), 0);
    }
    ck_assert_int_eq(pthread_create(&remover, NULL, remove_all, &evict), 0);
    pthread_join(remover, NULL);
    for (int i = 0; i < READERS; i++) {
        pthread_join(workers[i].thread, NULL);
        worker_destroy(&workers[i]);
    }
}

/* _i: by removals, by evictions. */
START_TEST(what_goes_from_the_tail_beside_readers_is_told)
{
    for (int round = 0; round < ROUNDS; round++) {
        rig_init(&rig, false);
        rig_start(&rig);
        run(_i);
        rig_finish(&rig);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("replay, races");
    TCase *t = tcase_create("races");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, what_goes_from_the_tail_beside_readers_is_told, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
