/*
 * The topics of a hub by level: which exist that a pattern matches.
 *
 * Topics that differ in their last level alone stand together in a *directory*, named by what they
 * have in common ("a/b" for "a/b/c"). A pattern is followed down the directories, so that it costs
 * what is below its first levels and not what there is at all.
 *
 * The broker's thread changes it, any thread may look.
 */
#ifndef BROKER_TOPIC_INDEX_H
#define BROKER_TOPIC_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/topic.h"

struct topic_index;

/* The topic of that name, NULL when there is none. */
typedef struct topic *topic_index_lookup(void *ctx, const char *name, size_t n);

/* LOOKUP is asked for names that a pattern leads to. NULL when out of memory. */
struct topic_index *topic_index_create(topic_index_lookup *lookup, void *ctx);
/* NULL is accepted; the topics stay. */
void topic_index_destroy(struct topic_index *x);
/* The broker's thread: T comes, or goes before it is freed. ERR_NOMEM. */
MUST_CHECK enum err topic_index_add(struct topic_index *x, struct topic *t);
void topic_index_remove(struct topic_index *x, struct topic *t);
/* Calls VISIT with the id of each topic that matches, in no order; ALL: for who sees all
 * (topic_name.h). *STEPS is how much may be looked at, and is counted down. ERR_LIMIT: there is
 * more to look at than that, and not all were visited. */
typedef enum err topic_index_visit(void *ctx, uint32_t id);
MUST_CHECK enum err topic_index_find(struct topic_index *x, const char *pattern, size_t n, bool all,
                                     uint32_t *steps, topic_index_visit *visit, void *ctx);
/* How many directories there are. */
size_t topic_index_dirs(struct topic_index *x);

#endif
