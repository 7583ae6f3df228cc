/* Places in the log, as commands that read are told them. */
#ifndef TOOLS_CTL_CTL_READ_H
#define TOOLS_CTL_CTL_READ_H

#include <stdbool.h>

#include "base/err.h"
#include "tools/ctl/ctl_exit.h"
#include "tools/ctl/ctl_run.h"
#include "tools/ctl/ctl_span.h"

/* Tells the gap of an answer. */
void ctl_tell_gap(struct ctl_span gap);
/* Prints the messages of TOPIC behind AFTER, and all new ones, until something goes wrong. Behind a
 * gap, which is told, CAUGHT_UP is called for where to go on: it sets AFTER. */
enum ctl_exit ctl_follow(struct ctl *c, const char *topic, char after[CTL_CURSOR_SIZE],
                         enum ctl_exit (*caught_up)(struct ctl *c, char after[CTL_CURSOR_SIZE]));
/* The hub's head. */
MUST_CHECK enum ctl_exit ctl_head(struct ctl *c, char ret[CTL_CURSOR_SIZE]);
/* For who asks again for what has to come soon: waits a moment; false when that was often enough.
 */
bool ctl_wait_a_moment(unsigned *times);
/* The member `cursor` of an answer; false when it has none that is fit. */
MUST_CHECK bool ctl_take_cursor(struct ctl_span answer, char ret[CTL_CURSOR_SIZE]);

#endif
