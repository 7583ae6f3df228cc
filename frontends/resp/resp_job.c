#include "frontends/resp/resp_job.h"

#include <stdlib.h>

/* Who asked, and how it is answered. */
struct asking {
    struct conn *conn; /* held */
    resp_job_put *put;
};

static void answer(struct resp *r, const struct admin *a, resp_job_put *put)
{
    struct buf *out = conn_out(r->conn);
    if (out && a->errand.result == ERR_OK)
        put(a, out);
    else if (out)
        resp_error_of(r, a->errand.result, NULL);
    resp_end_wait(r);
}

static void done(struct admin *a)
{
    struct asking *asking = a->owner;
    struct conn *c = asking->conn;
    if (conn_state(c) != CONN_CLOSED)
        answer(c->state, a, asking->put);
    conn_release(c);
    free(asking);
    admin_destroy(a);
}

struct admin *resp_job_begin(struct resp *r, resp_job_put *put)
{
    struct asking *asking = malloc(sizeof(*asking));
    struct admin *a = asking ? admin_create(r->conn->worker, done, asking) : NULL;
    if (!a) {
        free(asking);
        resp_error(r, "ERR out of memory");
        return NULL;
    }
    *asking = (struct asking){r->conn, put};
    conn_hold(r->conn);
    resp_begin_wait(r, true);
    return a;
}
