/* What a check has found. */
#ifndef TOOLS_CTL_CTL_DAMAGE_H
#define TOOLS_CTL_CTL_DAMAGE_H

#include <jansson.h>

#include "base/buf.h"

/* Appends a report as HUB VERIFY gives it, for people. */
void ctl_damage_put(struct buf *out, const json_t *report);

#endif
