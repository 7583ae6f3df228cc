#include "admin/admin_hooks.h"

#include "http/webhook/webhook.h"

static void status_step(struct errand *e, void *where)
{
    webhook_put_status(where, &admin_of_errand(e)->text);
    errand_home(e, ERR_OK);
}

void admin_hooks(struct admin *a)
{
    errand_to_worker(&a->errand, WEBHOOK_CLERK, status_step);
}
