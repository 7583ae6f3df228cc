/* Messages: one allocation, references, encodings published once by any number of threads. */
#include "broker/message.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int encode_calls;

static void encode_plain(const struct message *m, struct buf *out)
{
    atomic_fetch_add(&encode_calls, 1);
    buf_append(out, m->topic_name, m->topic_name_len);
    buf_putc(out, '=');
    buf_append(out, m->payload, m->payload_len);
}

static void encode_failing(const struct message *m, struct buf *out)
{
    (void)m;
    buf_puts(out, "half");
    out->failed = true;
}

static void encode_nothing(const struct message *m, struct buf *out)
{
    (void)m;
    (void)out;
}

static struct encoding plain = {.name = "plain", .encode = encode_plain};
static struct encoding failing = {.name = "failing", .encode = encode_failing};
static struct encoding nothing = {.name = "nothing", .encode = encode_nothing};
static struct encoding costly = {.name = "costly", .encode = encode_plain, .costly = true};
static struct encoding costly_failing = {
    .name = "costly-failing", .encode = encode_failing, .costly = true};

static void register_all(void)
{
    struct encoding *all[] = {&plain, &failing, &nothing, &costly, &costly_failing};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        ck_assert_int_eq(encoding_register(all[i]), ERR_OK);
}

static struct message *make(const char *payload, size_t n)
{
    struct message_init init = {.topic = "prices/AAPL",
                                .topic_len = 11,
                                .payload = payload,
                                .payload_len = n,
                                .event = "update",
                                .event_len = 6,
                                .key = "k-1",
                                .key_len = 3,
                                .kind = MESSAGE_BINARY};
    return message_create(&init);
}

START_TEST(create_copies_everything)
{
    char payload[] = "one\0two";
    struct message *m = make(payload, 7);
    memset(payload, 'x', sizeof(payload));
    ck_assert_uint_eq(m->payload_len, 7);
    ck_assert_mem_eq(m->payload, "one\0two", 7);
    ck_assert_uint_eq(m->event_len, 6);
    ck_assert_mem_eq(m->event, "update", 6);
    ck_assert_uint_eq(m->key_len, 3);
    ck_assert_mem_eq(m->key, "k-1", 3);
    ck_assert_uint_eq(m->topic_name_len, 11);
    ck_assert_mem_eq(m->topic_name, "prices/AAPL", 11);
    ck_assert_uint_eq(m->kind, MESSAGE_BINARY);
    ck_assert_uint_eq(m->offset, 0);
    ck_assert_ptr_null(m->topic);
    ck_assert_uint_eq(atomic_load(&m->refs), 1);
    message_unref(m);
}
END_TEST

START_TEST(create_with_nothing_optional)
{
    struct message_init init = {.topic = "t", .topic_len = 1};
    struct message *m = message_create(&init);
    ck_assert_uint_eq(m->payload_len, 0);
    ck_assert_uint_eq(m->event_len, 0);
    ck_assert_uint_eq(m->key_len, 0);
    ck_assert_uint_eq(m->kind, MESSAGE_TEXT);
    message_unref(m);
}
END_TEST

START_TEST(references_are_counted)
{
    struct message *m = make("x", 1);
    ck_assert_ptr_eq(message_ref(m), m);
    message_unref(m);
    ck_assert_uint_eq(atomic_load(&m->refs), 1);
    message_unref(m);
    message_unref(NULL);
}
END_TEST

START_TEST(encoded_once_and_outlives_the_message)
{
    atomic_store(&encode_calls, 0);
    struct message *m = make("data", 4);
    struct blob *b = message_encoded(m, &plain);
    ck_assert_ptr_eq(message_encoded(m, &plain), b);
    ck_assert_int_eq(atomic_load(&encode_calls), 1);
    ck_assert_uint_eq(b->len, 16);
    blob_ref(b);
    message_unref(m);
    ck_assert_mem_eq(b->data, "prices/AAPL=data", 16);
    blob_unref(b);
    blob_unref(NULL);
}
END_TEST

START_TEST(encoding_failure_leaves_the_slot_empty)
{
    struct message *m = make("data", 4);
    ck_assert_ptr_null(message_encoded(m, &failing));
    ck_assert_ptr_null(atomic_load(&m->encoded[failing.slot - 1]));
    struct blob *b = message_encoded(m, &nothing);
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->len, 0);
    message_unref(m);
}
END_TEST

enum { THREADS = 4, ROUNDS = 500 };

struct race {
    pthread_barrier_t barrier;
    const struct encoding *encoding;
    struct message *messages[ROUNDS];
    struct blob *seen[THREADS][ROUNDS];
};

struct racer {
    struct race *race;
    unsigned index;
};

static void *race_thread(void *arg)
{
    struct racer *r = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&r->race->barrier);
        r->race->seen[r->index][i] = message_encoded(r->race->messages[i], r->race->encoding);
        message_unref(r->race->messages[i]);
    }
    return NULL;
}

static void run_race(const struct encoding *e)
{
    struct race *race = calloc(1, sizeof(*race));
    struct racer racers[THREADS];
    pthread_t threads[THREADS];
    race->encoding = e;
    pthread_barrier_init(&race->barrier, NULL, THREADS);
    for (unsigned i = 0; i < ROUNDS; i++) {
        race->messages[i] = make("shared", 6);
        race->messages[i]->offset = i;
        for (unsigned t = 0; t < THREADS; t++)
            message_ref(race->messages[i]);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        racers[t] = (struct racer){race, t};
        ck_assert_int_eq(pthread_create(&threads[t], NULL, race_thread, &racers[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct message *m = race->messages[i];
        for (unsigned t = 0; t < THREADS; t++)
            ck_assert_ptr_eq(race->seen[t][i], atomic_load(&m->encoded[e->slot - 1]));
        ck_assert_uint_eq(atomic_load(&m->refs), 1);
        message_unref(m);
    }
    pthread_barrier_destroy(&race->barrier);
    free(race);
}

START_TEST(all_threads_see_the_same_blob)
{
    run_race(&plain);
}
END_TEST

START_TEST(costly_encodings_are_made_once)
{
    atomic_store(&encode_calls, 0);
    run_race(&costly);
    ck_assert_int_eq(atomic_load(&encode_calls), ROUNDS);
}
END_TEST

START_TEST(costly_failure_leaves_the_slot_empty)
{
    struct message *m = make("data", 4);
    ck_assert_ptr_null(message_encoded(m, &costly_failing));
    ck_assert_ptr_null(message_encoded(m, &costly_failing)); /* nobody holds the lock */
    ck_assert_ptr_null(atomic_load(&m->encoded[costly_failing.slot - 1]));
    message_unref(m);
}
END_TEST

START_TEST(event_names)
{
    char longest[MESSAGE_EVENT_MAX + 1];
    memset(longest, 'e', sizeof(longest));
    ck_assert(message_event_valid("price_update", 12));
    ck_assert(message_event_valid("caf\xC3\xA9 \xE2\x98\x95", 9));
    ck_assert(message_event_valid("longwire", 8));
    ck_assert(message_event_valid("longwires", 9));
    ck_assert(message_event_valid("\xC2\xA0", 2));
    ck_assert(message_event_valid(longest, MESSAGE_EVENT_MAX));
    ck_assert(!message_event_valid(longest, MESSAGE_EVENT_MAX + 1));
    ck_assert(!message_event_valid("", 0));
    ck_assert(!message_event_valid("longwire.", 9));
    ck_assert(!message_event_valid("longwire.gap", 12));
    ck_assert(!message_event_valid("a\nb", 3));
    ck_assert(!message_event_valid("a\rb", 3));
    ck_assert(!message_event_valid("a\0b", 3));
    ck_assert(!message_event_valid("a\x7F", 2));
    ck_assert(!message_event_valid("\xC2\x85", 2));
    ck_assert(!message_event_valid("\xFF", 1));
    ck_assert(!message_event_valid("\xC3", 1));
}
END_TEST

/* One that writes the same has the same place; whoever has one keeps it; and there is an end. */
START_TEST(encodings_get_slots)
{
    struct encoding same = {.name = "same", .encode = encode_plain, .same = &plain};
    static struct encoding many[ENCODINGS_MAX];
    unsigned first = plain.slot;
    register_all();
    ck_assert_uint_eq(plain.slot, first);
    ck_assert_uint_ne(plain.slot, costly.slot);
    ck_assert_int_eq(encoding_register(&same), ERR_OK);
    ck_assert_uint_eq(same.slot, plain.slot);
    struct message *before = make("x", 1);
    size_t i = 0;
    while (encoding_register(&many[i]) == ERR_OK)
        ck_assert_uint_eq(many[i++].slot, 6 + i - 1);
    ck_assert_uint_eq(i, ENCODINGS_MAX - 5);
    ck_assert_uint_eq(many[i].slot, MESSAGE_UNSHARED);
    struct message *behind = make("x", 1);
    ck_assert_uint_eq(message_size(behind) - message_size(before), i * sizeof(void *));
    message_unref(before);
    message_unref(behind);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("message");
    TCase *tc = tcase_create("message");
    suite_add_tcase(s, tc);
    tcase_add_unchecked_fixture(tc, register_all, NULL);
    tcase_add_test(tc, encodings_get_slots);
    tcase_add_test(tc, create_copies_everything);
    tcase_add_test(tc, create_with_nothing_optional);
    tcase_add_test(tc, references_are_counted);
    tcase_add_test(tc, encoded_once_and_outlives_the_message);
    tcase_add_test(tc, encoding_failure_leaves_the_slot_empty);
    tcase_add_test(tc, all_threads_see_the_same_blob);
    tcase_add_test(tc, costly_encodings_are_made_once);
    tcase_add_test(tc, costly_failure_leaves_the_slot_empty);
    tcase_add_test(tc, event_names);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
