#include "delivery/catchup.h"

#include <stdlib.h>

#include "delivery/lagging.h"
#include "delivery/worker.h"
#include "utlist.h"

struct catchup *catchup_create(struct stream *s)
{
    struct catchup *c = malloc(sizeof(*c));
    if (c)
        *c = (struct catchup){.stream = s};
    return c;
}

void catchup_free(struct catchup *c, struct worker *w)
{
    if (!c)
        return;
    catchup_unschedule(c, w);
    lagging_end(c->lagging);
    free(c);
}

void catchup_schedule(struct catchup *c, struct worker *w)
{
    if (!c->prev)
        DL_APPEND(w->lagging, c);
}

void catchup_unschedule(struct catchup *c, struct worker *w)
{
    if (!c->prev)
        return;
    DL_DELETE(w->lagging, c);
    c->next = c->prev = NULL;
}
