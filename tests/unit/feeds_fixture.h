/* What the tests of subscription tables share: tables of topics and of feeds, a watcher that
 * counts, turns, and subscribers that are written as the filters that they want. */
#ifndef TESTS_UNIT_FEEDS_FIXTURE_H
#define TESTS_UNIT_FEEDS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/feed.h"
#include "broker/feed_topics.h"
#include "broker/topic_table.h"

extern const struct encoding encoding_a, encoding_b;

extern struct topic_table *topics;
extern struct feed_table *feeds;
extern int told;          /* subscriptions that the watcher knows, */
extern int told_by[4];    /* and by transport */
extern int tell_failures; /* the watcher refuses when it has been asked so often; 0 = never */

/* What filters and feeds have taken, and may take. */
extern size_t taken, taken_max;

/* Around each test. */
void feeds_setup(void);
void feeds_teardown(void);

/* The topic of that name, which is made if it is not there. */
struct topic *topic(const char *name);

/* FILTERS are separated by blanks. */
void fill(struct feed_spec *spec, const char *filters);
void join_as(struct subscriber *sub, const char *filters, const struct encoding *e,
             unsigned transport);
void join(struct subscriber *sub, const char *filters);
void join_live(struct subscriber *sub, const char *filters);
void add(struct subscriber *sub, const char *filter);
void drop(struct subscriber *sub, const char *filter);

/* --- turns --- */

enum { TURN_MAX = 64 };
extern struct message *turn[TURN_MAX];
extern size_t turn_count;
extern uint64_t newest;

/* Brings one message to the turn. */
void bring_payload(const char *name, const char *payload);
void bring(const char *name);
void end_turn(void);

/* Whether the turn has hit F. */
bool is_touched(const struct feed *f);
void check_hits(const struct feed *f, const uint64_t *offsets, size_t count);

#define CHECK_HITS(sub, ...)                                                                       \
    check_hits((sub).feed, (const uint64_t[]){__VA_ARGS__},                                        \
               sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
#define CHECK_NO_HITS(sub) check_hits((sub).feed, NULL, 0)

/* Those of F, in this order. */
void check_topics(struct feed *f, const uint32_t *ids, size_t count);

#define CHECK_TOPICS(sub, ...)                                                                     \
    check_topics((sub).feed, (const uint32_t[]){__VA_ARGS__},                                      \
                 sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

#endif
