/* The retention rules that a configuration amounts to. */
#ifndef DAEMON_RULES_H
#define DAEMON_RULES_H

#include "broker/retention.h"
#include "daemon/config.h"

/* A copy, independent of C; NULL when out of memory. */
struct retention_rules *rules_create(const struct config *c);
/* NULL is accepted. */
void rules_destroy(struct retention_rules *rules);

#endif
