#include "tests/unit/retention_fixture.h"

#include <check.h>
#include <string.h>

struct rig rig;
struct retention_rules rules;
static struct retention_rule rule[RULES_MAX];

static void setup_in(bool durable)
{
    rig_init(&rig, durable);
    memset(&rules, 0, sizeof(rules));
    rules.rules = rule;
    rig.options.retention = &rules;
}

void retention_setup(void)
{
    setup_in(false);
}

void retention_setup_durable(void)
{
    setup_in(true);
}

void retention_teardown(void)
{
    rig_finish(&rig);
}

void add_rule(const char *pattern, struct topic_retention limits)
{
    rule[rules.count++] = (struct retention_rule){pattern, limits};
}

static bool note_kept(void *ctx, const struct store_record *r)
{
    struct kept *k = ctx;
    ck_assert_uint_lt(k->count, MESSAGES_MAX);
    k->offsets[k->count++] = r->offset;
    return true;
}

const struct kept *kept_of(const char *topic)
{
    static struct kept k;
    struct store_query q = {.until = broker_head(rig.broker)};
    uint32_t id;
    k.count = 0;
    if (topic) {
        id = rig_topic(&rig, topic)->id;
        q.topics = &id;
        q.topic_count = 1;
    }
    uint64_t reached;
    ck_assert_int_eq(store_read(rig.reader, &q, note_kept, &k, &reached), ERR_OK);
    return &k;
}
