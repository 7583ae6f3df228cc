/*
 * Topics: names, patterns, and the table of all topics of a hub.
 *
 * The broker thread owns the table and alone adds to it; workers read it. A topic is never
 * freed while the table lives, so `struct topic *` may be kept anywhere.
 */
#ifndef BROKER_TOPIC_H
#define BROKER_TOPIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { TOPIC_NAME_MAX = 255 }; /* bytes */

struct topic {
    uint32_t id; /* dense from 1, in order of first use; the log's topic id */
    uint8_t name_len;
    bool memory; /* kept only in the tail, never on disk */
    /* Every message of this topic at or below this offset is gone (trimmed, purged, evicted from
     * the tail); all above it are kept. Raised before the messages disappear. */
    _Atomic uint64_t floor;
    _Atomic uint64_t last; /* offset of the newest message, 0 = none ever */
    _Atomic uint64_t messages; /* kept messages */
    _Atomic uint64_t bytes; /* payload bytes of the kept messages */
    /* Publish rate: messages in the current and the previous TOPIC_RATE_WINDOW_MS. */
    _Atomic uint64_t rate_window; /* index of the current window */
    _Atomic uint32_t rate_now, rate_before;
    char name[]; /* name_len bytes and a NUL */
};

enum { TOPIC_RATE_WINDOW_MS = 5000 };

/* Topics: 1-255 bytes of UTF-8, levels separated by '/', no control characters (C0, DEL, C1),
 * no '+' or '#', not beginning with '/' or '$'. */
bool topic_name_valid(const char *name, size_t n);
/* Patterns: as topics, but '+' stands alone as one level and '#' as the last level for the rest
 * (the parent level included: "a/#" matches "a"), MQTT 5.0 section 4.7. */
bool topic_pattern_valid(const char *pattern, size_t n);
/* Whether a valid pattern-or-topic has wildcards. */
bool topic_is_pattern(const char *pattern, size_t n);
/* Both valid. */
bool topic_matches(const char *pattern, size_t pattern_len, const char *name, size_t name_len);

#endif
