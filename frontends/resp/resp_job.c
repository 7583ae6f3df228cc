#include "frontends/resp/resp_job.h"
#include "frontends/resp/resp_error.h"

#include <stdlib.h>

/* Who asked, and what for. */
struct asking {
    struct conn *conn; /* held */
    const struct resp_job *kind;
};

static void answer(struct resp *r, const struct admin *a, const struct resp_job *kind)
{
    struct buf *out = conn_out(r->conn);
    enum err e = a->errand.result;
    if (out && e == ERR_OK)
        kind->put(a, r->version, out);
    else if (out)
        resp_error_of(r, e, kind->explain ? kind->explain(e) : NULL);
    resp_end_wait(r);
}

static void done(struct admin *a)
{
    struct asking *asking = a->owner;
    struct conn *c = asking->conn;
    if (conn_state(c) != CONN_CLOSED)
        answer(c->state, a, asking->kind);
    conn_release(c);
    free(asking);
    admin_destroy(a);
}

struct admin *resp_job_begin(struct resp *r, const struct resp_job *kind)
{
    struct asking *asking = malloc(sizeof(*asking));
    struct admin *a = asking ? admin_create(worker_of(r->conn), done, asking) : NULL;
    if (!a) {
        free(asking);
        resp_error(r, "ERR out of memory");
        return NULL;
    }
    *asking = (struct asking){r->conn, kind};
    conn_hold(r->conn);
    resp_begin_wait(r, true);
    return a;
}
