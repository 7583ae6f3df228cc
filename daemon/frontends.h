/*
 * What the hub's workers speak: the one place that knows all frontends.
 */
#ifndef DAEMON_FRONTENDS_H
#define DAEMON_FRONTENDS_H

struct worker_part;

/* What they have every worker do; NULL ends them. */
extern const struct worker_part *const frontends_parts[];

#endif
