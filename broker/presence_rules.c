#include "broker/presence_rules.h"

#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"

#define ABOVE TOPIC_PRESENCE "/"

_Static_assert((int)PRESENCE_TOPIC_MAX == (int)TOPIC_NAME_MAX - (int)sizeof(ABOVE) + 1,
               "what is told of a topic needs a topic, too");

enum err presence_rules_add(struct presence_rules *r, const char *pattern, bool on)
{
    struct presence_rule *rules = realloc(r->rules, (r->count + 1) * sizeof(*rules));
    if (!rules)
        return ERR_NOMEM;
    r->rules = rules;
    rules[r->count] = (struct presence_rule){strdup(pattern), on};
    if (!rules[r->count].pattern)
        return ERR_NOMEM;
    r->count++;
    r->any |= on;
    return ERR_OK;
}

void presence_rules_finish(struct presence_rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->rules[i].pattern);
    free(r->rules);
    *r = (struct presence_rules){0};
}

bool presence_rules_equal(const struct presence_rules *a, const struct presence_rules *b)
{
    if (!a->any && !b->any)
        return true;
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->rules[i].on != b->rules[i].on ||
            strcmp(a->rules[i].pattern, b->rules[i].pattern) != 0)
            return false;
    return true;
}

bool presence_rules_have(const struct presence_rules *r, const char *topic, size_t n)
{
    if (!r->any || n > PRESENCE_TOPIC_MAX || topic_is_presence(topic, n))
        return false;
    for (size_t i = 0; i < r->count; i++)
        if (topic_matches(r->rules[i].pattern, strlen(r->rules[i].pattern), topic, n))
            return r->rules[i].on;
    return false;
}

size_t presence_topic_of(const char *topic, size_t n, char *out)
{
    memcpy(out, ABOVE, sizeof(ABOVE) - 1);
    memcpy(out + sizeof(ABOVE) - 1, topic, n);
    return sizeof(ABOVE) - 1 + n;
}
