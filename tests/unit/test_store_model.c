/*
 * Property test: each store against a naive model, through random topics, appends with holes,
 * purges, trims, and (the durable ones) clean and unclean reopenings. Between all that goes on, the
 * log is checked step by step, and no damage must be seen.
 *
 * The seed is printed; LONGWIRE_TEST_SEED=N repeats a run, LONGWIRE_TEST_STEPS=N makes it longer.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/store_fixture.h"

enum { TOPICS_MAX = 1000, RECORDS_MAX = FOUND_MAX, BATCH_MAX = 400, STEPS = 400 };

/* What the store should hold. */
static struct {
    size_t count;
    struct {
        uint64_t offset;
        uint32_t topic;
    } records[RECORDS_MAX]; /* those not removed, ascending */
    uint32_t topics;        /* ids that have been given */
    bool forgotten[TOPICS_MAX + 1];
    uint32_t forgotten_count;
    uint64_t forgotten_mark;
    uint64_t floor[TOPICS_MAX + 1], last[TOPICS_MAX + 1];
    uint64_t head;
    uint64_t mark;
} model;

static char *dir;
static struct store *store;
static struct store_reader *reader;
static struct store_state state;
static struct store_verify *verify; /* a check on its way through the log, or NULL */
static uint64_t seed;

static uint64_t draw(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void open_store(int member)
{
    struct store_options o = {
        .path = dir, .sync = STORE_SYNC_NEVER, .map_bytes = UINT64_C(1) << 32, .readers_max = 2};
    static enum err (*const members[])(const struct store_options *, struct store **,
                                       struct store_state *) = {store_memory_open, store_lmdb_open,
                                                                open_held, open_applied};
    ck_assert_int_eq(members[member](&o, &store, &state), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
}

static void drop_verify(void)
{
    store_verify_destroy(verify);
    verify = NULL;
}

/* One step of a check that may take as long as all of this does. */
static void verify_step(void)
{
    bool done;
    if (!verify)
        ck_assert_int_eq(store_verify_create(reader, &verify), ERR_OK);
    ck_assert_int_eq(store_verify_step(verify, &done), ERR_OK);
    for (size_t i = 0; i < STORE_DAMAGE_KINDS; i++)
        if (store_verify_report(verify)->damage[i])
            ck_abort_msg("%s", store_damage_name(i));
    if (done)
        drop_verify();
}

/* A check of a log that stands still settles everything. */
static void verify_all(void)
{
    bool done = false;
    drop_verify();
    ck_assert_int_eq(store_verify_create(reader, &verify), ERR_OK);
    while (!done)
        ck_assert_int_eq(store_verify_step(verify, &done), ERR_OK);
    const struct store_report *r = store_verify_report(verify);
    ck_assert_uint_eq(store_report_damaged(r), 0);
    ck_assert_uint_eq(r->unsettled, 0);
    ck_assert_uint_eq(r->records, model.count);
    ck_assert_uint_eq(r->topics, model.topics - model.forgotten_count);
    drop_verify();
}

static void reopen(int member)
{
    uint32_t epoch = state.epoch;
    bool clean = draw(2);
    drop_verify();
    store_reader_destroy(reader);
    if (clean)
        store_close(store, model.head, true);
    else
        store_abandon(store);
    open_store(member);
    ck_assert_uint_eq(state.epoch, epoch);
    ck_assert_int_eq(state.clean, clean);
    if (!clean && model.mark > model.head)
        model.head = model.mark;
    model.mark = model.head;
    ck_assert_uint_eq(state.head, model.head);
    ck_assert_uint_eq(state.topic_id_last, model.topics);
    ck_assert_uint_eq(state.forgotten, model.forgotten_mark);
    ck_assert_uint_eq(state.first, model.count ? model.records[0].offset : model.head + 1);
}

/* Mostly the next offset; sometimes a hole within the block, the group, or beyond. */
static uint64_t next_offset(uint64_t offset)
{
    switch (draw(2000)) {
    case 0:
        return offset + 1 + draw(UINT64_C(1) << 40);
    case 1:
    case 2:
        return offset + 1 + draw(1 << 20);
    case 3:
    case 4:
    case 5:
        return offset + 1 + draw(20000);
    default:
        return offset + 1 + (draw(10) == 0 ? draw(50) : 0);
    }
}

/* One of the first RANGE topics that is not forgotten; 0 = there is none. */
static uint32_t some_topic(uint64_t range)
{
    uint32_t first = (uint32_t)draw(range);
    for (uint32_t i = 0; i < range; i++) {
        uint32_t id = 1 + (first + i) % (uint32_t)range;
        if (!model.forgotten[id])
            return id;
    }
    return 0;
}

static void append(void)
{
    static uint64_t offsets[BATCH_MAX];
    static struct store_record records[BATCH_MAX];
    size_t n = 1 + draw(BATCH_MAX), range = 1 + draw(model.topics);
    if (model.count + n > RECORDS_MAX || some_topic(range) == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        model.head = offsets[i] = next_offset(model.head);
        uint32_t topic = some_topic(range);
        records[i] = (struct store_record){.offset = offsets[i],
                                           .time_ms = offsets[i],
                                           .topic_id = topic,
                                           .payload = (const char *)&offsets[i],
                                           .payload_len = sizeof(offsets[i])};
        model.records[model.count].offset = offsets[i];
        model.records[model.count++].topic = topic;
        model.last[topic] = offsets[i];
    }
    struct store_batch b = {.records = records, .record_count = n};
    if (draw(10) == 0)
        b.reserve = model.head + draw(3000);
    if (b.reserve > model.mark)
        model.mark = b.reserve;
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
}

static void add_some_topics(void)
{
    uint32_t n = (uint32_t)draw(20) + 1;
    if (model.topics + n > TOPICS_MAX)
        return;
    add_topics(store, model.topics + 1, n);
    model.topics += n;
}

static bool has_records(uint32_t topic)
{
    for (size_t i = 0; i < model.count; i++)
        if (model.records[i].topic == topic)
            return true;
    return false;
}

static void note_forgotten(uint32_t id)
{
    uint64_t mark = model.last[id] > model.floor[id] ? model.last[id] : model.floor[id];
    model.forgotten[id] = true;
    model.forgotten_count++;
    if (mark > model.forgotten_mark)
        model.forgotten_mark = mark;
}

/* Some empty ones; one that is not spoils it for all. */
static void forget(void)
{
    uint32_t ids[40];
    size_t count = 0;
    for (uint32_t id = 1 + (uint32_t)draw(model.topics); id <= model.topics && count < 40; id++)
        if (!model.forgotten[id] && draw(4) && !has_records(id))
            ids[count++] = id;
    uint32_t other = some_topic(model.topics);
    if (count && other && has_records(other) && draw(4) == 0) {
        uint32_t kept = ids[count - 1];
        ids[count - 1] = other;
        ck_assert_int_eq(store_forget(store, ids, count, 0), ERR_INVALID);
        ids[count - 1] = kept;
    }
    ck_assert_int_eq(store_forget(store, ids, count, 0), ERR_OK);
    for (size_t i = 0; i < count; i++)
        note_forgotten(ids[i]);
    ck_assert_uint_eq(store_forgotten(store), model.forgotten_mark);
}

/* An offset around those in use. */
static uint64_t some_offset(void)
{
    if (model.count && draw(8))
        return model.records[draw(model.count)].offset + draw(3) - 1;
    return draw(2) ? 0 : model.head + draw(2);
}

/* Takes out of the model what is at or below UPTO, at most MAX; topic 0 = of all. */
static size_t model_remove(uint32_t topic, uint64_t upto, size_t max)
{
    size_t kept = 0, removed = 0;
    for (size_t i = 0; i < model.count; i++) {
        if (removed < max && model.records[i].offset <= upto &&
            (topic == 0 || model.records[i].topic == topic))
            removed++;
        else
            model.records[kept++] = model.records[i];
    }
    model.count = kept;
    return removed;
}

static void purge(void)
{
    uint32_t topic = some_topic(model.topics);
    uint64_t upto = some_offset();
    size_t max = 1 + draw(300), removed;
    bool done = false;
    if (topic == 0)
        return;
    if (draw(3) == 0) /* so that it may be forgotten */
        upto = model.head, max = SIZE_MAX;
    if (upto > model.last[topic])
        upto = model.last[topic];
    if (upto > model.floor[topic])
        model.floor[topic] = upto;
    /* Sometimes left half done: then its records are hidden, and go with the next trim or purge. */
    for (size_t calls = 1 + draw(20); calls > 0 && !done; calls--) {
        ck_assert_int_eq(purge_some(store, topic, upto, max, &removed, &done), ERR_OK);
        ck_assert_uint_eq(removed, model_remove(topic, upto, max));
    }
    if (done)
        ck_assert_uint_eq(model_remove(topic, upto, SIZE_MAX), 0);
}

static void note_floor(void *ctx, uint32_t topic_id, uint64_t floor)
{
    (void)ctx;
    ck_assert_uint_gt(floor, model.floor[topic_id]);
    model.floor[topic_id] = floor;
}

static void trim(void)
{
    uint64_t upto = draw(30) ? some_offset() / (1 + draw(20)) : model.head;
    size_t max = 1 + draw(5000), removed;
    bool done = false;
    uint64_t floors[TOPICS_MAX + 1];
    memcpy(floors, model.floor, sizeof(floors));
    for (size_t i = 0; i < model.count && i < max && model.records[i].offset <= upto; i++)
        if (model.records[i].offset > floors[model.records[i].topic])
            floors[model.records[i].topic] = model.records[i].offset;
    ck_assert_int_eq(trim_some(store, upto, max, note_floor, NULL, &removed, &done), ERR_OK);
    ck_assert_int_eq(memcmp(floors, model.floor, sizeof(floors)), 0);
    ck_assert_uint_eq(removed, model_remove(0, upto, max));
    ck_assert_int_eq(done, model.count == 0 || model.records[0].offset > upto);
}

/* --- removals that are judged --- */

/* What the judge of the removal under way says. */
static struct {
    size_t quota[TOPICS_MAX + 1]; /* expiring: so many of a topic may go */
    uint32_t kept_one_in;         /* trimming: topics that are multiples of it are kept; 0 = none */
    uint64_t stop;                /* and everything above this offset */
} judge;

static enum store_verdict judge_quota(void *ctx, const struct store_record *r)
{
    (void)ctx;
    if (judge.quota[r->topic_id] == 0)
        return STORE_STOP;
    judge.quota[r->topic_id]--;
    return STORE_REMOVE;
}

static enum store_verdict verdict_of(uint64_t offset, uint32_t topic)
{
    if (offset > judge.stop)
        return STORE_STOP;
    return judge.kept_one_in && topic % judge.kept_one_in == 0 ? STORE_KEEP : STORE_REMOVE;
}

static enum store_verdict judge_trim(void *ctx, const struct store_record *r)
{
    (void)ctx;
    return verdict_of(r->offset, r->topic_id);
}

static uint64_t floors_told[TOPICS_MAX + 1];

static void note_told(void *ctx, uint32_t topic_id, uint64_t floor)
{
    (void)ctx;
    REQUIRE(floor > model.floor[topic_id]);
    floors_told[topic_id] = floor;
}

static void note_left(void *ctx, const struct store_topic *t)
{
    size_t messages = 0;
    (void)ctx;
    for (size_t i = 0; i < model.count; i++)
        messages += model.records[i].topic == t->id;
    REQUIRE(t->messages <= messages); /* what goes is still in the model */
}

static void take_floors(void)
{
    for (uint32_t id = 1; id <= model.topics; id++)
        if (floors_told[id] > model.floor[id])
            model.floor[id] = floors_told[id];
}

/* Takes the oldest of TOPIC out of the model, as QUOTA says, at most *LEFT in all. */
static void model_expire(uint32_t topic, size_t quota, size_t *left, uint64_t *ret_floor)
{
    size_t kept = 0;
    bool stopped = false;
    *ret_floor = model.floor[topic];
    for (size_t i = 0; i < model.count; i++) {
        uint64_t offset = model.records[i].offset;
        if (model.records[i].topic == topic && !stopped && *left && quota) {
            quota--;
            --*left;
            if (offset > *ret_floor)
                *ret_floor = offset;
            continue;
        }
        stopped |= model.records[i].topic == topic;
        model.records[kept++] = model.records[i];
    }
    model.count = kept;
}

static void expire(void)
{
    uint32_t topics[4];
    size_t count = 0, before = model.count, finished;
    for (uint32_t id = 1 + (uint32_t)draw(model.topics); id <= model.topics && count < 4; id += 3)
        if (!model.forgotten[id])
            topics[count++] = id;
    struct store_removal r = {
        .max = 1 + draw(300), .judge = judge_quota, .floor = note_told, .left = note_left};
    memset(&judge, 0, sizeof(judge));
    memset(floors_told, 0, sizeof(floors_told));
    size_t quota[4], left = r.max;
    for (size_t i = 0; i < count; i++)
        judge.quota[topics[i]] = quota[i] = draw(3) ? draw(40) : SIZE_MAX;
    ck_assert_int_eq(store_expire(store, topics, count, &r, &finished), ERR_OK);
    for (size_t i = 0; i < count && left; i++) {
        uint64_t floor;
        model_expire(topics[i], quota[i], &left, &floor);
        ck_assert_uint_eq(floor > model.floor[topics[i]] ? floor : 0, floors_told[topics[i]]);
    }
    take_floors();
    ck_assert_uint_eq(r.removed, before - model.count);
    ck_assert_int_eq(r.done, finished == count);
    ck_assert(finished == count || r.removed == r.max);
}

/* From where the last one of its kind came to; kept records are passed over once. */
static void trim_judged(void)
{
    uint64_t at = draw(2) ? 0 : some_offset(), from = at;
    size_t kept = 0, removed = 0;
    struct store_removal r = {
        .max = 1 + draw(3000), .judge = judge_trim, .floor = note_told, .left = note_left};
    memset(&judge, 0, sizeof(judge));
    memset(floors_told, 0, sizeof(floors_told));
    judge.kept_one_in = (uint32_t)draw(4);
    judge.stop = draw(3) ? some_offset() : UINT64_MAX;
    /* What is removed of a topic must not leave older records behind: those before AT. */
    if (model.count && model.records[0].offset <= at)
        return;
    ck_assert_int_eq(store_trim(store, &at, UINT64_MAX, &r), ERR_OK);
    ck_assert_uint_ge(at, from < model.head ? from : 0);
    for (size_t i = 0; i < model.count; i++) {
        uint64_t offset = model.records[i].offset;
        uint32_t topic = model.records[i].topic;
        if (offset > from && offset <= at && verdict_of(offset, topic) == STORE_REMOVE) {
            if (offset > model.floor[topic])
                REQUIRE(floors_told[topic] >= offset);
            removed++;
        } else {
            model.records[kept++] = model.records[i];
        }
    }
    model.count = kept;
    take_floors();
    ck_assert_uint_eq(removed, r.removed);
    for (size_t i = 0; i < model.count; i++)
        if (model.records[i].offset <= at && model.records[i].offset > from)
            REQUIRE(verdict_of(model.records[i].offset, model.records[i].topic) == STORE_KEEP);
}

static void check_topics(void)
{
    static uint64_t messages[TOPICS_MAX + 1];
    memset(messages, 0, sizeof(messages));
    for (size_t i = 0; i < model.count; i++)
        messages[model.records[i].topic]++;
    for (uint32_t id = 1; id <= model.topics; id += 1 + (uint32_t)draw(10)) {
        struct store_topic t = topic_row(store, id);
        ck_assert_uint_eq(t.id, model.forgotten[id] ? 0 : id);
        if (model.forgotten[id])
            continue;
        ck_assert_uint_eq(t.messages, messages[id]);
        ck_assert_uint_eq(t.bytes, messages[id] * 8);
        ck_assert_uint_eq(t.floor, model.floor[id]);
        ck_assert_uint_eq(t.last, model.last[id]);
    }
    ck_assert_uint_eq(topic_row(store, model.topics + 1).id, 0);
}

/* A query, with its topic set also as a table. */
struct asked {
    struct store_query q;
    uint32_t topics[TOPICS_MAX];
    bool in_set[TOPICS_MAX + 1];
};

static void draw_query(struct asked *a)
{
    memset(a, 0, sizeof(*a));
    uint64_t x = some_offset(), y = draw(3) ? some_offset() : model.head;
    a->q.after = x < y ? x : y;
    a->q.until = x < y ? y : x;
    a->q.reverse = draw(2);
    a->q.max_scan = draw(2) ? 0 : 1 + draw(500);
    if (a->q.after == UINT64_MAX)
        a->q.after = 0;
    if (draw(6) == 0) {
        memset(a->in_set, true, sizeof(a->in_set));
        return;
    }
    uint64_t one_in = draw(2) ? 1 + draw(4) : 1 + draw(model.topics * 2);
    for (uint32_t id = 1; id <= model.topics; id++) {
        if (draw(one_in))
            continue;
        a->topics[a->q.topic_count++] = id;
        a->in_set[id] = true;
    }
    a->q.topics = a->topics;
}

static bool expected(const struct asked *a, size_t i)
{
    uint64_t offset = model.records[i].offset;
    uint32_t topic = model.records[i].topic;
    return a->in_set[topic] && offset > model.floor[topic] && offset > a->q.after &&
           offset <= a->q.until;
}

static void check_read(void)
{
    static struct found found;
    struct asked a;
    size_t n = 0;
    draw_query(&a);
    if (a.q.after >= a.q.until)
        return;
    read_all(reader, a.q, &found);
    for (size_t i = 0; i < model.count; i++) {
        size_t at = a.q.reverse ? model.count - 1 - i : i;
        if (!expected(&a, at))
            continue;
        REQUIRE(n < found.count);
        REQUIRE(found.offsets[n] == model.records[at].offset);
        REQUIRE(found.topics[n++] == model.records[at].topic);
    }
    REQUIRE(n == found.count);
}

/* The first MAX of the same answer, or what comes before the reader refuses. */
static void check_limits(void)
{
    static struct found found;
    struct asked a;
    draw_query(&a);
    if (a.q.after >= a.q.until)
        return;
    a.q.max_scan = 0;
    a.q.max_records = 1 + draw(40);
    found.stop_at = draw(2) ? 0 : 1 + draw(40);
    REQUIRE(read_into(reader, &a.q, &found) == ERR_OK);
    size_t limit = a.q.max_records, n = 0;
    if (found.stop_at && found.stop_at - 1 < limit)
        limit = found.stop_at - 1;
    for (size_t i = 0; i < model.count; i++) {
        size_t at = a.q.reverse ? model.count - 1 - i : i;
        if (!expected(&a, at))
            continue;
        uint64_t offset = model.records[at].offset;
        bool within = a.q.reverse ? offset >= found.reached : offset <= found.reached;
        REQUIRE(within == (n < limit));
        if (n < limit)
            REQUIRE(found.offsets[n] == offset);
        n++;
    }
    REQUIRE(found.count == (n < limit ? n : limit));
}

static void step(int member)
{
    switch (draw(15)) {
    case 0:
        add_some_topics();
        break;
    case 1:
        purge();
        break;
    case 2:
        trim();
        break;
    case 3:
        if (member)
            reopen(member);
        break;
    case 4:
        expire();
        break;
    case 5:
        trim_judged();
        break;
    case 6:
        forget();
        break;
    default:
        append();
        break;
    }
}

static void run(int member)
{
    memset(&model, 0, sizeof(model));
    dir = make_dir();
    open_store(member);
    add_topics(store, 1, 2);
    model.topics = 2;
    uint64_t steps = number_from("LONGWIRE_TEST_STEPS", STEPS);
    for (uint64_t i = 0; i < steps; i++) {
        step(member);
        check_read();
        check_limits();
        verify_step();
        if (i % 10 == 0)
            check_topics();
        if (i % 40 == 0)
            verify_all();
    }
    verify_all();
    ck_assert_uint_eq(store_damaged(store), 0);
    store_reader_destroy(reader);
    store_close(store, 0, true);
    remove_dir(dir);
}

START_TEST(a_store_does_as_the_model_does)
{
    seed = number_from("LONGWIRE_TEST_SEED", (uint64_t)time(NULL));
    printf("seed %llu (LONGWIRE_TEST_SEED)\n", (unsigned long long)seed);
    seed = seed * 2654435761u + 88172645463325252u;
    run(_i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_model");
    TCase *t = tcase_create("property");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, a_store_does_as_the_model_does, 0, 4);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
