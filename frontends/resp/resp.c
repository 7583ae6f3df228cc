#include "frontends/resp/resp.h"

struct transport resp_transport = {.name = "resp", .subscribes = true};

struct buf *resp_out(struct resp *r)
{
    return r->replies ? r->replies : conn_out(r->conn);
}

void resp_set_state(struct resp *r, enum resp_state s)
{
    r->state = s;
}

void resp_begin_wait(struct resp *r, bool paused)
{
    resp_set_state(r, RESP_WAITING);
    if (paused)
        conn_pause(r->conn);
    else
        conn_resume(r->conn);
}

void resp_end_wait(struct resp *r)
{
    if (r->conn->loop->draining || r->kicked) {
        resp_end(r);
        return;
    }
    resp_set_state(r, RESP_READY);
    conn_resume(r->conn);
}

void resp_end(struct resp *r)
{
    resp_set_state(r, RESP_ENDING);
    conn_finish_after_output(r->conn);
}
