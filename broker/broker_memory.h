/* Groups of nothing but memory messages, which the broker commits without its log. */
#ifndef BROKER_BROKER_MEMORY_H
#define BROKER_BROKER_MEMORY_H

#include <stdbool.h>

#include "broker/broker.h"

/* Whether broker_commit of LIST would leave the log alone: all of its topics are known to the log
 * as memory ones, and the offsets are reserved. A probe waits for the log. Whoever may call
 * broker_commit may ask this. */
bool broker_needs_no_log(const struct broker *b, const struct publish *list);

#endif
