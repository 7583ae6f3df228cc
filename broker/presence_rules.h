/*
 * Which topics have presence (presence.h): what the configuration says of them, and what no
 * configuration can change.
 *
 * Pure. Rules are immutable; the settings own them.
 */
#ifndef BROKER_PRESENCE_RULES_H
#define BROKER_PRESENCE_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct presence_rule {
    char *pattern; /* valid topic or pattern */
    bool on;
};

/* Owned by whoever has it; all zero = no topic has it. Changed by the functions below alone. */
struct presence_rules {
    struct presence_rule *rules; /* the first whose pattern matches a topic counts */
    size_t count;
    bool any; /* one of them is on */
};

/* Adds a rule behind the others; PATTERN is copied. ERR_NOMEM. */
MUST_CHECK enum err presence_rules_add(struct presence_rules *r, const char *pattern, bool on);
void presence_rules_finish(struct presence_rules *r);
bool presence_rules_equal(const struct presence_rules *a, const struct presence_rules *b);
/* Whether TOPIC, a valid one, has presence. Topics that are told of others have none, nor those
 * whose name is too long to be told of (PRESENCE_TOPIC_MAX). */
bool presence_rules_have(const struct presence_rules *r, const char *topic, size_t n);

/* Where it is told who comes to TOPIC and goes: writes the name of that topic to OUT,
 * TOPIC_NAME_MAX bytes, no NUL, and returns its length. N is at most PRESENCE_TOPIC_MAX. */
size_t presence_topic_of(const char *topic, size_t n, char *out);
enum { PRESENCE_TOPIC_MAX = 245 };

#endif
