/* Retention, all of it, against a naive model: random rules, publishes, times and restarts. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_remove.h"
#include "tests/unit/random.h"
#include "tests/unit/retention_fixture.h"

enum { MODEL_TOPICS = 12, MODEL_STEPS = 400 };

static struct model {
    char name[16];
    struct topic_retention limits;
    size_t count;
    struct {
        uint64_t offset, time_ms;
    } messages[MESSAGES_MAX];
    uint64_t bytes;
} model[MODEL_TOPICS];

static struct topic_retention draw_limits(void)
{
    struct topic_retention l = {0};
    if (random_below(2))
        l.max_age_ms = (1 + random_below(30)) * SECOND;
    if (random_below(3) == 0)
        l.max_messages = 1 + random_below(50);
    if (random_below(3) == 0)
        l.max_bytes = 1 + random_below(100);
    if (random_below(3) == 0)
        l.keep_last = random_below(l.max_messages ? (uint32_t)l.max_messages + 1 : 20);
    return l;
}

static bool goes(const struct model *m)
{
    const struct topic_retention *l = &m->limits;
    bool old = l->max_age_ms && m->messages[0].time_ms + l->max_age_ms <= rig.now_ms;
    bool many = l->max_messages && m->count > l->max_messages;
    bool large = l->max_bytes && m->bytes > l->max_bytes && m->count > 1;
    return m->count > l->keep_last && (old || many || large);
}

static void check_model(void)
{
    for (struct model *m = model; m < model + MODEL_TOPICS; m++) {
        size_t gone = 0;
        while (m->count && goes(m)) {
            memmove(m->messages, m->messages + 1, --m->count * sizeof(m->messages[0]));
            m->bytes -= strlen(m->name);
            gone++;
        }
        if (!rig_topic(&rig, m->name)) { /* it was forgotten, or never was */
            ck_assert_uint_eq(m->count, 0);
            continue;
        }
        const struct kept *k = kept_of(m->name);
        ck_assert_uint_eq(k->count, m->count);
        for (size_t i = 0; i < k->count; i++)
            ck_assert_uint_eq(k->offsets[i], m->messages[i].offset);
        ck_assert_uint_eq(rig_topic(&rig, m->name)->messages, m->count);
        ck_assert_uint_eq(rig_topic(&rig, m->name)->bytes, m->bytes);
    }
}

static void publish_to(struct model *m)
{
    uint64_t offset = rig_publish(&rig, m->name);
    ck_assert_uint_lt(m->count, MESSAGES_MAX);
    m->messages[m->count].offset = offset;
    m->messages[m->count++].time_ms = rig.now_ms;
    m->bytes += strlen(m->name);
}

static void draw_rules(void)
{
    rules.count = 0;
    rules.otherwise.max_age_ms = random_below(2) ? (1 + random_below(30)) * SECOND : 0;
    for (int i = 0; i < MODEL_TOPICS; i++) {
        bool ruled = i < RULES_MAX;
        model[i].limits = ruled ? draw_limits() : rules.otherwise;
        if (ruled)
            add_rule(model[i].name, model[i].limits);
    }
}

/* To the time when something is due, or some way to it. */
static void move_clock(uint64_t due_ms)
{
    rig.now_ms += random_below(3 * SECOND);
    if (due_ms < UINT64_MAX && due_ms > rig.now_ms && random_below(3) == 0)
        rig.now_ms = due_ms;
}

START_TEST(retention_does_as_the_model_does)
{
    random_seed();
    for (int i = 0; i < MODEL_TOPICS; i++)
        snprintf(model[i].name, sizeof(model[i].name), "topic/%d", i);
    draw_rules();
    rig_start(&rig);
    for (int i = 0; i < MODEL_STEPS; i++) {
        for (uint32_t n = random_below(12); n > 0; n--)
            publish_to(&model[random_below(MODEL_TOPICS)]);
        /* Sweeps come half a second after one another: what was due is gone by then. */
        rig_retain(&rig);
        rig.now_ms += SECOND;
        move_clock(rig_retain(&rig));
        rig_retain(&rig);
        rig.now_ms += SECOND;
        rig_retain(&rig);
        check_model();
        if (rig.dir && random_below(20) == 0)
            rig_restart(&rig, random_below(2));
        if (random_below(40) == 0) {
            draw_rules();
            broker_set_retention(rig.broker, &rules);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("retention model");
    TCase *memory = tcase_create("memory store");
    tcase_set_timeout(memory, 300);
    tcase_add_checked_fixture(memory, retention_setup, retention_teardown);
    tcase_add_loop_test(memory, retention_does_as_the_model_does, 0, 2);
    suite_add_tcase(s, memory);
    TCase *durable = tcase_create("durable log");
    tcase_set_timeout(durable, 300);
    tcase_add_checked_fixture(durable, retention_setup_durable, retention_teardown);
    tcase_add_loop_test(durable, retention_does_as_the_model_does, 0, 2);
    suite_add_tcase(s, durable);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
