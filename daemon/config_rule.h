/* [access "PATTERN"] sections, in the order in which they are asked (access/access.h). */
#ifndef DAEMON_CONFIG_RULE_H
#define DAEMON_CONFIG_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/config.h"

/* Whether PATTERN is a topic or pattern, in which {sub} may stand for a token's. */
bool config_rule_pattern_valid(const char *pattern);
/* The section of PATTERN; NULL: there is none. */
struct config_rule *config_rule_find(struct config_rule_list *list, const char *pattern);
/* Puts one in at AT <= count; NULL: out of memory. Its pattern is copied. */
struct config_rule *config_rule_insert(struct config_rule_list *list, size_t at,
                                       const char *pattern);
void config_rule_clear(struct config_rule_list *list);

#endif
