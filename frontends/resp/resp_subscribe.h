/*
 * SUBSCRIBE, PSUBSCRIBE and their opposites: a stream of pushes.
 *
 * Which names were subscribed to as topics and which as patterns is kept here, for the replies and
 * for telling `message` from `pmessage`; the stream has the union of both. Patterns are kept as the
 * client wrote them; those that are globs stand in the stream as resp_glob.h translates them.
 */
#ifndef FRONTENDS_RESP_RESP_SUBSCRIBE_H
#define FRONTENDS_RESP_RESP_SUBSCRIBE_H

#include "frontends/resp/resp_command.h"

struct description;

resp_run resp_subscribe_topics, resp_subscribe_leave_topics;
resp_run resp_subscribe_patterns, resp_subscribe_leave_patterns;

/* After HELLO: what follows is in the other version. */
void resp_subscribe_version_changed(struct resp *r);
/* Leaves everything; fine when subscribed to nothing. */
void resp_subscribe_finish(struct resp *r);
void resp_subscribe_drained(struct resp *r);
void resp_subscribe_busy(struct resp *r);
/* About how many bytes its subscriptions take. */
size_t resp_subscribe_held(const struct resp *r);
void resp_subscribe_describe(const struct resp *r, struct description *d);

#endif
