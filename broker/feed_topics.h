/*
 * Which topics of the hub a feed has: what reading the log takes.
 *
 * Topics are looked up by name, those of patterns by level (topic_index.h); what has come since is
 * looked at as it comes. That takes no more than TOPICS_LOOK_MAX steps: a feed that has more topics
 * than that reads all of the log there is, and leaves out what is not its own.
 */
#ifndef BROKER_FEED_TOPICS_H
#define BROKER_FEED_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "broker/feed.h"

enum { TOPICS_LOOK_MAX = 16384 };

/* The topics of a feed that exist. Valid until the next feed_topics call for that feed. */
struct topic_set {
    const uint32_t *ids; /* ascending; NULL = all topics, */
    size_t count;
    struct feed *only; /* as far as this feed wants them; NULL = all */
    const struct feed *feed;
    uint32_t looked; /* what finding them took, in topics and directories */
};

/* The topics of F that exist now. ERR_NOMEM. */
MUST_CHECK enum err feed_topics(struct feed_table *t, struct feed *f, struct topic_set *ret);
/* Whether the feed wants topics that are not known: so they may be among the forgotten. */
bool topic_set_is_open(struct feed_table *t, const struct topic_set *s);
bool topic_set_has(struct feed_table *t, const struct topic_set *s, const struct topic *topic);

#endif
