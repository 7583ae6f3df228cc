/* What the tests of retention share: a broker with rules, and what is left in its log. */
#ifndef TESTS_UNIT_RETENTION_FIXTURE_H
#define TESTS_UNIT_RETENTION_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "broker/retention.h"
#include "tests/unit/broker_fixture.h"

enum { SECOND = 1000, RULES_MAX = 8, MESSAGES_MAX = 65536 };

extern struct rig rig;
extern struct retention_rules rules;

/* Around each test. The rig is not started: rules come first. */
void retention_setup(void);
void retention_setup_durable(void);
void retention_teardown(void);

/* PATTERN is borrowed. */
void add_rule(const char *pattern, struct topic_retention limits);

struct kept {
    size_t count;
    uint64_t offsets[MESSAGES_MAX];
};

/* What the log has of TOPIC; NULL = of all. Valid until the next call. */
const struct kept *kept_of(const char *topic);

#endif
