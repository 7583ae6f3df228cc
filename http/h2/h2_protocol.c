#include "http/h2/h2_protocol.h"

#include <stdlib.h>

#include "delivery/worker.h"
#include "http/h2/h2.h"
#include "http/h2/h2_output.h"
#include "http/h2/h2_request.h"
#include "http/h2/h2_session.h"

enum {
    NOTICE_MS = 1000,   /* what a client has to hear that the hub stops */
    STREAM_BYTES = 400, /* what nghttp2 has for a stream, about */
};

/* --- time --- */

static void set_deadline(struct conn *c, struct h2 *h)
{
    const struct settings *s = worker_settings(c);
    uint64_t now = loop_now(c->loop);
    if (h->greeted && !h2_cut_is_half(&h->cut))
        h->head_until_ms = 0;
    else if (!h->head_until_ms)
        h->head_until_ms = now + s->net.head_timeout_ms;
    if (h->phase != H2_OPEN)
        return;
    uint64_t next = now + (h->streams.count ? s->net.write_timeout_ms : s->idle_timeout_ms);
    conn_set_deadline(c, h->head_until_ms ? h->head_until_ms : next);
}

/* --- the end --- */

/* Nothing is under way any more, or an error has been told. */
static void end_if_over(struct h2 *h)
{
    bool left = h->phase == H2_LEAVING && !h->streams.count;
    if (left || (!nghttp2_session_want_read(h->frames) && !nghttp2_session_want_write(h->frames)))
        h2_end(h, NGHTTP2_NO_ERROR);
}

/* No more streams are taken; those that there are come to their ends. */
static void leave(struct h2 *h)
{
    if (h->phase >= H2_LEAVING)
        return;
    h->phase = H2_LEAVING;
    int32_t last = nghttp2_session_get_last_proc_stream_id(h->frames);
    nghttp2_submit_goaway(h->frames, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
    h2_output(h);
    conn_set_deadline(h->conn, loop_now(h->conn->loop) + CONN_FAREWELL_MS);
}

/* Requests that are on their way are still taken (RFC 9113 section 6.8). */
static void h2_shutdown(struct conn *c)
{
    struct h2 *h = h2_of(c);
    if (h->phase != H2_OPEN)
        return;
    h->phase = H2_NOTICED;
    h->pinged = false;
    nghttp2_submit_shutdown_notice(h->frames);
    nghttp2_submit_ping(h->frames, NGHTTP2_FLAG_NONE, NULL);
    h2_output(h);
    conn_set_deadline(c, loop_now(c->loop) + NOTICE_MS);
}

static void each_stream(struct h2 *h, void (*visit)(struct conn *c))
{
    for (struct h2_stream *s = NULL; (s = h2_streams_next(&h->streams, s));)
        if (conn_is_open(s->conn))
            visit(s->conn);
}

static void h2_kicked(struct conn *c)
{
    struct h2 *h = h2_of(c);
    leave(h);
    each_stream(h, conn_kick);
    end_if_over(h);
}

static void peer_ended(struct conn *c)
{
    if (c->protocol == &h2_request_protocol)
        h2_request_peer_ended(c);
    else
        conn_close(c, CLOSE_PEER);
}

/* Answers that are on their way are still sent. */
static void h2_input_ended(struct conn *c)
{
    struct h2 *h = h2_of(c);
    leave(h);
    each_stream(h, peer_ended);
    end_if_over(h);
}

/* --- input --- */

static size_t h2_input(struct conn *c, char *data, size_t n)
{
    struct h2 *h = h2_of(c);
    size_t used = 0;
    h->reading = true;
    while (used < n && h2_session_may_go_on(h)) {
        used += h2_session_read(h, data + used, n - used);
        h2_session_look(h);
    }
    if (!h2_cut_is_half(&h->cut))
        h2_head_finish(&h->head);
    if (used == n)
        h2_session_tell(h);
    h->reading = false;
    h2_output(h);
    if (h->phase == H2_NOTICED && h->pinged)
        leave(h);
    set_deadline(c, h);
    end_if_over(h);
    return h->phase == H2_ENDING ? n : used;
}

/* --- output --- */

static void h2_gathered(struct conn *c)
{
    struct h2 *h = h2_of(c);
    h2_output(h);
    h2_let_go(h);
}

/* There is room for those that found none. */
static void h2_drained(struct conn *c)
{
    struct h2 *h = h2_of(c);
    if (h2_has_waiting(h) && h2_has_room(h))
        h2_note_waiting(h);
}

static void h2_timeout(struct conn *c)
{
    struct h2 *h = h2_of(c);
    uint64_t now = loop_now(c->loop);
    if (h->phase == H2_NOTICED)
        leave(h);
    else if (h->head_until_ms && now >= h->head_until_ms)
        conn_close(c, CLOSE_HEAD_TIMEOUT);
    else if (conn_is_stuck(c))
        conn_close(c, CLOSE_WRITE_TIMEOUT);
    else if (h->phase == H2_LEAVING || !h->streams.count)
        h2_end(h, NGHTTP2_NO_ERROR);
    else
        set_deadline(c, h);
}

static void h2_finish(struct conn *c)
{
    struct h2 *h = h2_of(c);
    if (!h)
        return;
    h2_session_finish(h);
    free(h);
    c->state = NULL;
}

/* --- what it holds --- */

/* Besides what it has for as many streams as are allowed. */
static size_t h2_held(const struct conn *c)
{
    const struct h2 *h = h2_of(c);
    size_t own = h->memory_empty + h->streams.count * STREAM_BYTES;
    return (h->memory > own ? h->memory - own : 0) + h->out.len + h->unread + h->news.cap +
           h->starved.cap + h->fed.cap + http_fields_held(h->head.fields);
}

static void h2_refuse(struct conn *c)
{
    h2_end(h2_of(c), NGHTTP2_ENHANCE_YOUR_CALM);
}

static struct transport h2_transport = {.name = "h2"};

const struct protocol h2_protocol = {
    .name = "h2",
    .transport = &h2_transport,
    .input = h2_input,
    .input_ended = h2_input_ended,
    .drained = h2_drained,
    .gathered = h2_gathered,
    .timeout = h2_timeout,
    .finish = h2_finish,
    .shutdown = h2_shutdown,
    .kicked = h2_kicked,
    .held = h2_held,
    .refuse = h2_refuse,
};

const struct frontend h2_frontend = {.transport = &h2_transport};

/* --- the beginning --- */

void h2_adopt(struct conn *c, bool status_only)
{
    struct h2 *h = calloc(1, sizeof(*h));
    if (!h) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    h->conn = c;
    h->status_only = status_only;
    conn_set_protocol(c, &h2_protocol, h);
    counter_add(&c->loop->counters, COUNTER_h2_sessions, 1);
    if (h2_session_begin(h) != ERR_OK)
        conn_close(c, CLOSE_NOMEM);
    else
        set_deadline(c, h);
}

void h2_adopt_whole(struct conn *c)
{
    h2_adopt(c, false);
}
