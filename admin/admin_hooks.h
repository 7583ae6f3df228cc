/* How far hooks.url has been told (http/webhook/webhook.h), as a document. */
#ifndef ADMIN_ADMIN_HOOKS_H
#define ADMIN_ADMIN_HOOKS_H

#include "admin/admin.h"

void admin_hooks(struct admin *a);

#endif
