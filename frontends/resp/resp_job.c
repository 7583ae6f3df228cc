#include "frontends/resp/resp_job.h"
#include "frontends/resp/resp_error.h"

static void answer(struct resp *r, const struct admin *a, const struct resp_job *kind)
{
    struct buf *out = conn_out(r->conn);
    enum err e = a->errand.result;
    r->job = NULL;
    if (out && e == ERR_OK)
        kind->put(a, r->version, out);
    else if (out)
        resp_error_of(r, e, kind->explain ? kind->explain(e) : NULL);
    resp_end_wait(r);
}

static void done(struct admin *a)
{
    struct conn *c = a->asker;
    if (conn_state(c) != CONN_CLOSED)
        answer(c->state, a, a->owner);
    admin_destroy(a);
}

struct admin *resp_job_begin(struct resp *r, const struct resp_job *kind)
{
    struct admin *a = admin_create(r->conn, done, (void *)(uintptr_t)kind);
    if (!a) {
        resp_error(r, "ERR out of memory");
        return NULL;
    }
    r->job = a;
    resp_begin_wait(r, true);
    return a;
}
