#include "daemon/rules.h"

#include <stdlib.h>
#include <string.h>

enum { SPARE_PART = 8 }; /* part of log.map_bytes that retention leaves free */

/* The owned memory behind the rules' const pointers. */
struct rules {
    struct retention_rules base; /* first */
    char **patterns;
    struct retention_rule *rules;
};

/* A map that is nearly full takes no more publishes: retention begins before that. */
static uint64_t log_bytes_of(const struct config *c)
{
    uint64_t most = c->log.map_bytes - c->log.map_bytes / SPARE_PART;
    return c->log.max_log_bytes < most ? c->log.max_log_bytes : most;
}

static bool copy_rule(struct rules *r, const struct config_topic *from)
{
    size_t i = r->base.count;
    r->patterns[i] = strdup(from->pattern);
    if (!r->patterns[i])
        return false;
    r->rules[i] = (struct retention_rule){
        .pattern = r->patterns[i],
        .limits = {from->max_age_ms, from->max_messages, from->max_bytes, from->keep_last},
    };
    r->base.count++;
    return true;
}

struct retention_rules *rules_create(const struct config *c)
{
    struct rules *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->base.otherwise.max_age_ms = c->log.max_age_ms;
    r->base.max_log_bytes = log_bytes_of(c);
    r->patterns = calloc(c->topic_count + 1, sizeof(*r->patterns));
    r->rules = calloc(c->topic_count + 1, sizeof(*r->rules));
    r->base.rules = r->rules;
    bool whole = r->patterns && r->rules;
    for (size_t i = 0; whole && i < c->topic_count; i++)
        whole = copy_rule(r, &c->topics[i]);
    if (whole)
        return &r->base;
    rules_destroy(&r->base);
    return NULL;
}

void rules_destroy(struct retention_rules *rules)
{
    struct rules *r = (struct rules *)rules;
    if (!r)
        return;
    for (size_t i = 0; i < r->base.count; i++)
        free(r->patterns[i]);
    free(r->patterns);
    free(r->rules);
    free(r);
}
