/*
 * Names and patterns of topics as text. The rules are those of MQTT 5.0 section 4.7, except that no
 * topic begins with '/' or '$': so "+" and "#" need no exception for '$' topics.
 */
#ifndef BROKER_TOPIC_NAME_H
#define BROKER_TOPIC_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum { TOPIC_NAME_MAX = 255 }; /* bytes */

/* Topics: 1-255 bytes of UTF-8, levels separated by '/', no control characters (C0, DEL, C1),
 * no '+' or '#', not beginning with '/' or '$'. */
bool topic_name_valid(const char *name, size_t n);
/* Patterns: as topics, but '+' stands alone as one level and '#' as the last level for the rest
 * (the parent level included: "a/#" matches "a"), MQTT 5.0 section 4.7. */
bool topic_pattern_valid(const char *pattern, size_t n);
/* Whether a valid pattern may be subscribed to: each + doubles the places at which a look-up goes
 * on (pattern_tree.h), so the more there are the fewer levels it may have. A # does not count. */
bool topic_pattern_bounded(const char *pattern, size_t n);
enum { TOPIC_LEVELS_ONE = 32, TOPIC_LEVELS_TWO = 16, TOPIC_LEVELS_MORE = 10 };
#define TOPIC_LEVELS_RULE                                                                          \
    "a pattern with one + has at most 32 levels, with two 16, with more 10 (a # not counted)"
/* Whether a valid pattern-or-topic has wildcards. */
bool topic_is_pattern(const char *pattern, size_t n);
/* Both valid. */
bool topic_matches(const char *pattern, size_t pattern_len, const char *name, size_t name_len);
/* Whether PATTERN matches every topic that OTHER does. Both are valid topics or patterns. */
bool topic_pattern_covers(const char *pattern, size_t pattern_len, const char *other,
                          size_t other_len);

#endif
