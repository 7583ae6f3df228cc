#include "daemon/config_rule.h"

#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"

static const char sub[] = "{sub}";

bool config_rule_pattern_valid(const char *pattern)
{
    char text[TOPIC_NAME_MAX + 1];
    size_t n = 0;
    while (*pattern && n < TOPIC_NAME_MAX) {
        if (strncmp(pattern, sub, sizeof(sub) - 1) == 0) {
            text[n++] = 's'; /* whoever it is: a name without wildcards */
            pattern += sizeof(sub) - 1;
        } else if (*pattern == '{' || *pattern == '}') {
            return false;
        } else {
            text[n++] = *pattern++;
        }
    }
    return !*pattern && topic_pattern_valid(text, n);
}

struct config_rule *config_rule_find(struct config_rule_list *list, const char *pattern)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->item[i].pattern, pattern) == 0)
            return &list->item[i];
    return NULL;
}

struct config_rule *config_rule_insert(struct config_rule_list *list, size_t at,
                                       const char *pattern)
{
    struct config_rule *grown = reallocarray(list->item, list->count + 1, sizeof(*grown));
    char *copy = strdup(pattern);
    if (grown)
        list->item = grown;
    if (!grown || !copy) {
        free(copy);
        return NULL;
    }
    memmove(grown + at + 1, grown + at, (list->count - at) * sizeof(*grown));
    list->count++;
    grown[at] = (struct config_rule){.pattern = copy};
    return &grown[at];
}

void config_rule_clear(struct config_rule_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i].pattern);
    free(list->item);
    *list = (struct config_rule_list){0};
}
