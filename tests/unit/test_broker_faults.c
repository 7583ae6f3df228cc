/*
 * Each allocation of broker/ fails once, in turn, in a life that publishes, subscribes, fans out,
 * replays and starts a hub. A step that meets the fault must say so and succeed when it is tried
 * again; in the end everything is there, in order, and nothing has leaked (AddressSanitizer).
 *
 * The linker puts the functions below in place of the ones they are named for (--wrap).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/hub.h"
#include "tests/require.h"
#include "tests/unit/broker_fixture.h"

static struct {
    bool armed;  /* allocations are counted and may fail */
    size_t call; /* the one that fails, from 1 */
    size_t calls;
    bool fired;
} fault;

static bool fails(void)
{
    if (!fault.armed || ++fault.calls != fault.call)
        return false;
    fault.fired = true;
    return true;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

/* Does STEP with failing allocations, and once more when it failed. */
#define TRY(step)                                                                                  \
    do {                                                                                           \
        bool fired = fault.fired;                                                                  \
        fault.armed = true;                                                                        \
        enum err result = (step);                                                                  \
        fault.armed = false;                                                                       \
        if (result == ERR_OK)                                                                      \
            break;                                                                                 \
        ck_assert_int_eq(result, ERR_NOMEM);                                                       \
        ck_assert(fault.fired && !fired);                                                          \
    } while (true)

/* --- the life --- */

enum { TOPICS = 70, GROUPS = 70, SUBSCRIBERS = 70 };

static struct rig rig;
static struct subscriber subscribers[SUBSCRIBERS];
static uint64_t published; /* messages */

static enum err create_broker(void)
{
    return broker_create(&rig.options, rig.store, &rig.log, rig.now_ms, &rig.broker);
}

static enum err interested(void *ctx, struct filter *f, unsigned transport, void *who)
{
    size_t n;
    const char *name = filter_name(f, &n);
    (void)ctx;
    (void)who;
    return interest_add(broker_interest(rig.broker), name, n, transport);
}

static void not_interested(void *ctx, struct filter *f, unsigned transport, void *who)
{
    size_t n;
    const char *name = filter_name(f, &n);
    (void)ctx;
    (void)who;
    interest_remove(broker_interest(rig.broker), name, n, transport);
}

static enum err create_feeds(void)
{
    static const struct feed_watcher watcher = {.subscribed = interested,
                                                .unsubscribed = not_interested};
    rig.feeds = feed_table_create(broker_topics(rig.broker), &watcher);
    return rig.feeds ? ERR_OK : ERR_NOMEM;
}

static void open_all(void)
{
    struct store_options o = {.readers_max = 1};
    rig_init(&rig, false);
    ck_assert_int_eq(store_memory_open(&o, &rig.store, &rig.log), ERR_OK);
    TRY(create_broker());
    TRY(create_feeds());
    ck_assert_int_eq(store_reader_create(rig.store, &rig.reader), ERR_OK);
    tail_init(&rig.tail);
    rig.replay = (struct replay){
        rig.reader, broker_topics(rig.broker), rig.feeds, &rig.tail, &rig.log, 0, 0};
}

/* Subscriber I wants its own topic and a pattern. */
static enum err subscribe(int i)
{
    char own[16], pattern[16];
    struct feed_spec spec;
    int own_len = snprintf(own, sizeof(own), "t/%d", i);
    int pattern_len = snprintf(pattern, sizeof(pattern), "%d/+", i % 7);
    feed_spec_init(&spec, rig.feeds);
    enum err e = feed_spec_add(&spec, own, (size_t)own_len);
    if (e == ERR_OK)
        e = feed_spec_add(&spec, pattern, (size_t)pattern_len);
    if (e == ERR_OK && i % 10 == 0)
        e = feed_spec_add(&spec, "t/#", 3);
    if (e == ERR_OK)
        e = feed_join(&subscribers[i], &spec, NULL, 0, NULL);
    feed_spec_finish(&spec);
    return e;
}

/* The message with number I: its topic goes round. */
static struct message *create_message(uint64_t i)
{
    char topic[16], key[16];
    struct message_init init = {
        .topic = topic,
        .topic_len = (size_t)snprintf(topic, sizeof(topic), "t/%d", (int)(i % TOPICS)),
        .payload = (const char *)&i,
        .payload_len = sizeof(i),
        .key = key,
        .key_len = (size_t)snprintf(key, sizeof(key), "%d", (int)i),
    };
    return message_create(&init);
}

/* A publish of COUNT messages from number FIRST on, which expects that of each topic there are
 * those before. */
static struct publish *create_publish(uint64_t first, uint32_t count)
{
    struct publish *p = publish_create(count);
    struct cursor seen = {0};
    for (uint32_t i = 0; p && i < count; i++) {
        struct message *m = create_message(first + i);
        if (m)
            publish_set(p, i, m);
        seen.offset = first + i < TOPICS ? 0 : first + i - TOPICS + 1;
        if (!m || publish_expect(p, i, &seen, i) != ERR_OK) {
            publish_free(p);
            return NULL;
        }
    }
    return p;
}

/* What fails leaves nothing behind: the next one gets the same offsets. */
static enum err publish_three(void)
{
    struct batch *b;
    struct publish *p = create_publish(published, 3);
    if (!p)
        return ERR_NOMEM;
    broker_commit(rig.broker, p, ++rig.now_ms, &b);
    fault.armed = false;
    enum err e = p->result;
    publish_free(p);
    ck_assert_int_eq(b != NULL, e == ERR_OK);
    if (e != ERR_OK)
        return e;
    published += 3;
    rig_hand_over(&rig, b);
    return ERR_OK;
}

/* Each message goes to every tenth subscriber, and to that of its topic if it is another. */
static void check_hits(const struct batch *b)
{
    size_t hits = 0, expected = 0;
    for (const struct feed *f = feed_turn_feeds(rig.feeds); f; f = f->next_touched)
        for (const struct feed_hit *hit = f->hits; hit; hit = hit->next)
            hits++;
    for (uint32_t i = 0; i < b->count; i++)
        expected += SUBSCRIBERS / 10 + ((b->messages[i]->offset - 1) % TOPICS % 10 != 0);
    ck_assert_uint_eq(hits, expected);
}

static enum err fan_out(const struct batch *b)
{
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < b->count && e == ERR_OK; i++)
        e = feed_turn_add(rig.feeds, b->messages[i]);
    fault.armed = false;
    if (e == ERR_OK)
        check_hits(b);
    feed_turn_end(rig.feeds);
    return e;
}

static void publish_all(void)
{
    for (int i = 0; i < GROUPS; i++)
        TRY(publish_three());
}

static void subscribe_all(void)
{
    for (int i = 0; i < SUBSCRIBERS; i++) {
        TRY(subscribe(i));
        TRY(feed_go_live(&subscribers[i], NULL, LIVE_NO_HANDLE));
    }
}

/* Messages have the number that is one less than their offset. Check allocates in its assertions,
 * which must not be where a fault is counted. */
static bool check_message(void *ctx, struct message *m, bool shared)
{
    uint64_t number;
    (void)shared;
    REQUIRE(m->payload_len == sizeof(number));
    memcpy(&number, m->payload, sizeof(number));
    REQUIRE(m->offset == number + 1);
    ++*(size_t *)ctx;
    return true;
}

static enum err replay_all(struct subscriber *sub, const struct after *a, size_t *count)
{
    struct position p;
    struct gap gap;
    *count = 0;
    enum err e = replay_start(&rig.replay, sub->feed, a, rig.replay.head, &p, &gap);
    while (e == ERR_OK && p.offset < rig.replay.head)
        e = replay_next(&rig.replay, sub->feed, &p, rig.replay.head, check_message, count, &gap);
    return e;
}

static void read_all(void)
{
    static const struct after earliest = {.kind = AFTER_EARLIEST}, last = {AFTER_LAST, {0}, 1, 0};
    size_t count;
    TRY(replay_all(&subscribers[0], &earliest, &count));
    ck_assert_uint_eq(count, published);
    TRY(replay_all(&subscribers[1], &earliest, &count));
    ck_assert_uint_eq(count, published / TOPICS);
    TRY(replay_all(&subscribers[2], &last, &count));
    ck_assert_uint_eq(count, 1);
}

static enum err start_and_stop_hub(void)
{
    struct hub_options o = {3, 1000, 0, &rig.log};
    struct hub *hub = NULL;
    enum err e = hub_start(&o, rig.broker, &hub);
    fault.armed = false;
    hub_stop(hub);
    hub_destroy(hub);
    return e;
}

static void close_all(void)
{
    for (int i = 0; i < SUBSCRIBERS; i++)
        feed_leave(&subscribers[i], rig.feeds, NULL);
    rig_finish(&rig);
}

static void live(void)
{
    memset(subscribers, 0, sizeof(subscribers));
    published = 0;
    open_all();
    publish_all();
    subscribe_all();
    for (size_t i = 0; i < rig.tail.count; i++)
        TRY(fan_out(rig.tail.ring[(rig.tail.start + i) & (rig.tail.cap - 1)]));
    read_all();
    TRY(start_and_stop_hub());
    close_all();
}

START_TEST(every_allocation_fails_once)
{
    do {
        fault.call++;
        fault.calls = 0;
        fault.fired = false;
        live();
    } while (fault.fired);
    ck_assert_uint_gt(fault.call, 500);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("broker, faults");
    TCase *t = tcase_create("faults");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, every_allocation_fails_once);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
