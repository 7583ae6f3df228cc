#include "delivery/errand.h"

#include <string.h>

static void arrive(struct hub_call *call, void *where)
{
    struct errand *e = (struct errand *)call;
    e->step(e, where);
}

void errand_init(struct errand *e, struct worker *home, void (*done)(struct errand *e))
{
    memset(e, 0, sizeof(*e));
    e->call.run = arrive;
    e->home = home;
    e->done = done;
    home->errands++;
}

void errand_to_broker(struct errand *e, errand_step *step)
{
    e->step = step;
    hub_call_broker(e->home->hub, &e->call);
}

void errand_to_worker(struct errand *e, unsigned w, errand_step *step)
{
    e->step = step;
    hub_call_worker(e->home->hub, w, &e->call);
}

static void arrive_home(struct errand *e, void *where)
{
    struct worker *home = where;
    home->errands--;
    e->done(e);
}

void errand_home(struct errand *e, enum err result)
{
    e->result = result;
    errand_to_worker(e, e->home->loop.index, arrive_home);
}
