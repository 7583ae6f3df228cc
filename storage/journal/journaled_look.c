#include "storage/journal/journaled_look.h"

#include <stdlib.h>

#include "storage/journal/journaled_read.h"
#include "storage/store.h"

enum {
    COPY_WAIT_MS = 50,  /* between two looks whether a copy has been called off */
    VERIFY_WAIT_MS = 5, /* that a step of a check may wait: others have work on its thread */
};

/* On a thread of its own, which may wait. What cannot be applied now (a full disk) would be
 * missing: no copy is made then. */
enum err journaled_copy(struct store_copy *c, struct store_copied *ret)
{
    struct journaled *s = journaled_of(c->store);
    struct applier *f = &s->applier;
    uint64_t pushed = applier_pushed(f);
    enum err e = store_copy_ended(c);
    while (!e && !applier_wait(f, pushed, COPY_WAIT_MS)) {
        e = applier_failing(f);
        if (!e)
            e = store_copy_ended(c);
    }
    if (e)
        return e;
    c->store = s->inner;
    return s->inner->ops->copy(c, ret);
}

struct journaled_verify {
    struct store_verify base;
    struct store_verify *inner; /* owned; NULL before the first step that looks */
    uint64_t pushed;            /* groups that are to be applied first */
    bool begun;
};

static struct journaled_verify *verify_of(struct store_verify *v)
{
    return (struct journaled_verify *)v;
}

struct store_verify *journaled_verify_create(void)
{
    struct journaled_verify *v = calloc(1, sizeof(*v));
    return v ? &v->base : NULL;
}

void journaled_verify_destroy(struct store_verify *base)
{
    struct journaled_verify *v = verify_of(base);
    store_verify_destroy(v->inner);
    free(v);
}

/* Whether the store behind has what there was when the check began. */
static bool is_there(struct journaled_verify *v, struct applier *f)
{
    if (!v->begun)
        v->pushed = applier_pushed(f);
    v->begun = true;
    return applier_wait(f, v->pushed, VERIFY_WAIT_MS) || applier_failing(f);
}

enum err journaled_verify_step(struct store_verify *base, bool *ret_done)
{
    struct journaled_verify *v = verify_of(base);
    struct journaled_reader *r = journaled_reader_of(base->reader);
    enum err e = ERR_OK;
    *ret_done = false;
    if (!v->inner && !is_there(v, &journaled_of(r->base.store)->applier))
        return ERR_OK;
    if (!v->inner)
        e = store_verify_create(r->inner, &v->inner);
    if (!e)
        e = store_verify_step(v->inner, ret_done);
    if (!e)
        base->report = *store_verify_report(v->inner);
    return e;
}
