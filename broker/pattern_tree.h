/*
 * A set of patterns, found by level: which of them match a topic.
 *
 * Each level of a pattern is a node below that of the level before it, so a topic is looked up by
 * going down its own levels, at each to the node of that name and to the one of '+'. That takes
 * what matches so far, not what is in the set; putting in and taking out take the levels of the
 * pattern. Private topics (topic_name.h) are looked up from the node of their first level on.
 * Pure; one thread at a time.
 *
 * Whatever patterns are in it, a topic reaches no more than PATTERN_TREE_REACH nodes if they keep
 * to topic_pattern_bounded: C(33,2) = 528 behind one '+', C(17,3) = 680 behind two, 1816 (the sum
 * of C(11,k), k > 3) behind more, and 256 behind none, the root and one for each level of a name.
 */
#ifndef BROKER_PATTERN_TREE_H
#define BROKER_PATTERN_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PATTERN_TREE_REACH = 256 + 528 + 680 + 1816 };

struct pattern_tree;

struct pattern_tree *pattern_tree_create(void);
/* What is left in it is forgotten, its values are not touched. NULL is accepted. */
void pattern_tree_destroy(struct pattern_tree *t);
/* From now on wildcards of the first level match private topics, too. */
void pattern_tree_see_all(struct pattern_tree *t);
/* Puts in a valid and bounded pattern (with wildcards, not in it yet) with its VALUE, not NULL.
 * ERR_NOMEM. */
MUST_CHECK enum err pattern_tree_add(struct pattern_tree *t, const char *pattern, size_t n,
                                     void *value);
/* Takes out a pattern that is in it. */
void pattern_tree_remove(struct pattern_tree *t, const char *pattern, size_t n);
/* Calls VISIT with the value of each pattern that matches the topic, in no order; it must not
 * change the tree. */
typedef void pattern_tree_visit(void *ctx, void *value);
void pattern_tree_match(struct pattern_tree *t, const char *topic, size_t n,
                        pattern_tree_visit *visit, void *ctx);
/* Nodes that exist; nodes looked for since the beginning, by whatever was called. */
size_t pattern_tree_nodes(const struct pattern_tree *t);
uint64_t pattern_tree_steps(const struct pattern_tree *t);

/* Levels of a pattern or topic. */
size_t pattern_levels(const char *pattern, size_t n);

#endif
