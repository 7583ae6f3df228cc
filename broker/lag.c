#include "broker/lag.h"

#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"

static bool is_limit(const struct lag_limits *l)
{
    return l->messages || l->bytes || l->age_ms;
}

enum err lag_rules_add(struct lag_rules *r, const char *pattern, const struct lag_limits *limits)
{
    struct lag_rule *rules = realloc(r->rules, (r->count + 1) * sizeof(*rules));
    if (!rules)
        return ERR_NOMEM;
    r->rules = rules;
    rules[r->count] = (struct lag_rule){strdup(pattern), *limits};
    if (!rules[r->count].pattern)
        return ERR_NOMEM;
    r->count++;
    r->any |= is_limit(limits);
    return ERR_OK;
}

void lag_rules_set_others(struct lag_rules *r, const struct lag_limits *limits)
{
    r->otherwise = *limits;
    r->any |= is_limit(limits);
}

void lag_rules_finish(struct lag_rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->rules[i].pattern);
    free(r->rules);
    *r = (struct lag_rules){0};
}

static bool covers(const struct lag_rule *rule, const struct feed *f)
{
    for (uint32_t i = 0; i < f->filter_count; i++) {
        size_t n;
        const char *name = filter_name(f->filters[i], &n);
        if (topic_pattern_covers(rule->pattern, strlen(rule->pattern), name, n))
            return true;
    }
    return false;
}

static const struct lag_limits *find(const struct lag_rules *r, const struct feed *f)
{
    for (size_t i = 0; i < r->count; i++)
        if (covers(&r->rules[i], f))
            return &r->rules[i].limits;
    return &r->otherwise;
}

const struct lag_limits *lag_rules_of(const struct lag_rules *r, uint32_t serial, struct feed *f)
{
    if (f->lag_serial != serial) {
        f->lag_limits = find(r, f);
        f->lag_serial = serial;
    }
    return f->lag_limits;
}

bool lag_exceeds(const struct lag_figures *f, const struct lag_limits *l)
{
    return f->messages &&
           ((l->messages && f->messages > l->messages) || (l->bytes && f->bytes > l->bytes) ||
            (l->age_ms && f->age_ms > l->age_ms));
}
