/*
 * A worker's filters: every topic and pattern that one of its feeds has, which feeds these are, and
 * which filters match a topic.
 *
 * Topics are found by their name, patterns by level (pattern_tree.h), so a filter's coming and
 * going takes its own levels. What matches a topic, its *route*, is kept for the topics of late. A
 * route that is older than the newest pattern is looked up anew, which takes the topic's levels and
 * what matches; one that is older than the newest topic, one look-up by name. Long-polls come and
 * go all the time, mostly for one topic each. Nothing here knows which topics exist.
 *
 * Pure: one worker owns a table.
 */
#ifndef BROKER_FILTER_H
#define BROKER_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/topic.h"

struct feed;
struct filter_table;

struct filter {
    struct filter *hash_next;
    struct feed **feeds; /* that contain it */
    uint32_t feed_count, feed_cap;
    uint32_t refs; /* feeds and specs */
    uint32_t hash;
    /* The watcher's (feed.h), for a topic: whether its subscribers are told as present, by its
     * rules of that serial; and whether some have been. */
    uint32_t present_serial;
    bool present, was_present;
    uint8_t len;
    bool pattern;
    char name[];
};

/* Who is asked for the memory of filters and feeds, and told when it is given back. */
struct filter_budget {
    /* False: there is not so much left, and it is not MUST. NULL: there always is. */
    bool (*take)(void *ctx, size_t bytes, bool must);
    void (*give_back)(void *ctx, size_t bytes);
    void *ctx;
};

/* What one topic's messages are matched with. Valid until a filter comes or goes, or another
 * topic's route is asked for. */
struct route {
    uint64_t pattern_serial, exact_serial; /* of the table when this was looked up */
    uint32_t topic_id;                     /* 0 = nothing here */
    uint32_t pattern_count, pattern_cap;
    struct filter *exact; /* NULL = none */
    struct filter **patterns;
};

struct filter_table *filter_table_create(const struct filter_budget *budget);
/* Its patterns match private topics, too (topic_name.h), from now on; it is empty. */
void filter_see_all(struct filter_table *t);
bool filter_sees_all(const struct filter_table *t);
/* All filters must be gone; NULL is accepted. */
void filter_table_destroy(struct filter_table *t);

/* Returns a reference to the filter of that name, made if need be. ERR_FULL: the budget has no
 * more; ERR_NOMEM. */
MUST_CHECK enum err filter_get(struct filter_table *t, const char *name, size_t n,
                               struct filter **ret);
void filter_unref(struct filter_table *t, struct filter *f);
/* The filter of that name, NULL when there is none. */
struct filter *filter_find(struct filter_table *t, const char *name, size_t n);
/* NULL when out of memory. */
const struct route *filter_route(struct filter_table *t, const struct topic *topic);

/* FEED contains F from now on, which keeps a reference; *RET_PLACE is where F notes it. ERR_NOMEM.
 */
MUST_CHECK enum err filter_add_feed(struct filter_table *t, struct filter *f, struct feed *feed,
                                    uint32_t *ret_place);
/* Undoes it. Returns the feed that is noted at PLACE now, NULL when none is. */
struct feed *filter_remove_feed(struct filter_table *t, struct filter *f, uint32_t place);

/* Of the budget. While it is generous, everything is MUST. */
MUST_CHECK bool filter_take(struct filter_table *t, size_t bytes);
void filter_give_back(struct filter_table *t, size_t bytes);
void filter_set_generous(struct filter_table *t, bool generous);

/* What was looked at or changed so far: filters, nodes of the tree, and what matched. */
uint64_t filter_steps(const struct filter_table *t);

#endif
