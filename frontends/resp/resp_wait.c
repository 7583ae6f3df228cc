#include "frontends/resp/resp_wait.h"

/* Apart from the feeds of those who take messages. */
static const struct encoding only_told = {.name = "told"};

static void wake(struct subscriber *sub, const struct parcel *p)
{
    struct resp_wait *w = subscriber_owner(sub);
    struct conn *c = w->resp->conn;
    (void)p;
    w->woken = true;
    conn_touch(c);
}

static const struct receiver_ops live_ops = {.deliver = wake};

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
    feed_spec_init(&spec, worker_of(r->conn)->feeds);
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        e = feed_spec_add(&spec, filters[i].data, filters[i].len);
    if (e == ERR_OK)
        e = feed_join(&w->sub, &spec, &only_told, resp_transport.number, NULL);
    if (e == ERR_OK)
        e = feed_go_live(&w->sub, &live_ops, LIVE_NO_HANDLE);
    feed_spec_finish(&spec);
    return e;
}

void resp_wait_begin(struct resp_wait *w, uint64_t timeout_ms)
{
    struct resp *r = w->resp;
    uint64_t now = loop_now(r->conn->loop);
    r->wait = w;
    resp_begin_wait(r, false);
    if (timeout_ms && timeout_ms < WHEEL_NEVER - now)
        conn_set_deadline(r->conn, now + timeout_ms);
}

void resp_wait_destroy(struct resp_wait *w)
{
    if (!w)
        return;
    feed_leave(&w->sub, worker_of(w->resp->conn)->feeds, NULL);
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
