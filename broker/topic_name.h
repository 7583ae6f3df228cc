/*
 * Names and patterns of topics as text. The rules are those of MQTT 5.0 section 4.7, except that no
 * topic begins with '/' or '$': the exception that MQTT makes for '$' topics is here for *private*
 * ones, whose first level begins with '_'. A pattern matches them only if it names that level.
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
/* Whether a valid topic is private. */
static inline bool topic_is_private(const char *name)
{
    return name[0] == '_';
}
/* Whether a valid pattern does not name its first level. */
static inline bool topic_is_wild(const char *pattern)
{
    return pattern[0] == '+' || pattern[0] == '#';
}
/* Whether a valid topic is TOPIC_PRESENCE or below it: the hub alone publishes there, for as long
 * as it runs, who comes and goes at the topic that the rest names (presence.h). */
bool topic_is_presence(const char *name, size_t n);
#define TOPIC_PRESENCE "_presence"
/* Whether a valid topic is that of what hooks are told, or below its first level: the hub alone
 * publishes there. */
bool topic_is_of_hooks(const char *name, size_t n);
#define TOPIC_HOOKS        "_hooks"
#define TOPIC_HOOKS_EVENTS TOPIC_HOOKS "/events"
/* Whether who subscribes to PATTERN gets NAME. Both valid. */
bool topic_matches(const char *pattern, size_t pattern_len, const char *name, size_t name_len);
/* The same for who sees all, private topics too: sections of the configuration, administrators. */
bool topic_matches_any(const char *pattern, size_t pattern_len, const char *name, size_t name_len);
/* Whether PATTERN matches every topic that OTHER does, for who sees all. Both are valid topics or
 * patterns. */
bool topic_pattern_covers(const char *pattern, size_t pattern_len, const char *other,
                          size_t other_len);

#endif
