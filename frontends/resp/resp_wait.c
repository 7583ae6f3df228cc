#include "frontends/resp/resp_wait.h"

static void wake(struct receiver *receiver, const struct parcel *p)
{
    struct resp_wait *w = (struct resp_wait *)receiver;
    struct conn *c = w->resp->conn;
    (void)p;
    w->woken = true;
    conn_touch(c);
}

bool resp_wait_allowed(const struct resp *r)
{
    return !r->multi && !r->conn->input_over;
}

enum err resp_wait_join(struct resp_wait *w, struct resp *r, const struct resp_arg *filters,
                        size_t count)
{
    struct feed_spec spec;
    enum err e = ERR_OK;
    w->resp = r;
    w->receiver.deliver = wake;
    feed_spec_init(&spec, worker_of(r->conn)->feeds);
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        e = feed_spec_add(&spec, filters[i].data, filters[i].len);
    if (e == ERR_OK)
        e = feed_join(&w->receiver.sub, &spec, NULL, resp_transport.number);
    feed_spec_finish(&spec);
    return e;
}

void resp_wait_begin(struct resp_wait *w, uint64_t timeout_ms)
{
    struct resp *r = w->resp;
    uint64_t now = loop_now(r->conn->loop);
    r->wait = w;
    feed_go_live(&w->receiver.sub);
    resp_begin_wait(r, false);
    if (timeout_ms && timeout_ms < WHEEL_NEVER - now)
        conn_set_deadline(r->conn, now + timeout_ms);
}

void resp_wait_destroy(struct resp_wait *w)
{
    if (!w)
        return;
    feed_leave(&w->receiver.sub, worker_of(w->resp->conn)->feeds);
    w->destroy(w);
}

static void retry(struct resp *r, bool last)
{
    struct resp_wait *w = r->wait;
    struct buf *out = conn_out(r->conn);
    w->woken = false;
    if (!out || !w->retry(w, out, last))
        return;
    r->wait = NULL;
    resp_wait_destroy(w);
    conn_set_deadline(r->conn, WHEEL_NEVER);
    resp_end_wait(r);
}

void resp_wait_turn_ended(struct resp *r)
{
    if (r->wait && r->wait->woken)
        retry(r, false);
}

void resp_wait_time_is_up(struct resp *r)
{
    if (r->wait)
        retry(r, true);
}
