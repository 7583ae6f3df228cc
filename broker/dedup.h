/*
 * Idempotency keys: the same key for the same topic within the window answers the offset of the
 * first publish. Kept in memory, bounded, oldest first out; the log's records carry their keys, so
 * the window is rebuilt from the log at start.
 */
#ifndef BROKER_DEDUP_H
#define BROKER_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct dedup;

/* WINDOW_MS 0 keeps nothing. At most MAX_KEYS are remembered. NULL when out of memory. */
struct dedup *dedup_create(uint64_t window_ms, size_t max_keys);
void dedup_destroy(struct dedup *d);
/* FORGOTTEN is called for each key that is remembered no more, but not by dedup_destroy. */
typedef void dedup_forgotten(void *ctx, uint32_t topic_id);
void dedup_watch(struct dedup *d, dedup_forgotten *forgotten, void *ctx);
/* The offset of the first publish, 0 when there was none within the window before NOW_MS. */
uint64_t dedup_find(struct dedup *d, uint32_t topic_id, const char *key, size_t n, uint64_t now_ms);
/* Remembers; a key that is known already is forgotten first. ERR_NOMEM. */
MUST_CHECK enum err dedup_add(struct dedup *d, uint32_t topic_id, const char *key, size_t n,
                              uint64_t offset, uint64_t now_ms);
/* Forgets up to MAX keys that are older than the window. Returns when the next one will be;
 * UINT64_MAX: there is none. */
uint64_t dedup_expire(struct dedup *d, uint64_t now_ms, size_t max);
/* Forgets all that was added with an offset above OFFSET (their commit failed). */
void dedup_forget_above(struct dedup *d, uint64_t offset);
/* The clock was set by so much, ahead or (negative) back: what was added is as old as before. */
void dedup_step_clock(struct dedup *d, int64_t off_ms);
size_t dedup_count(const struct dedup *d);
/* Whether keys are remembered at all. */
bool dedup_remembers(const struct dedup *d);

#endif
