#include "http/h2/h2_link.h"

#include <string.h>

#include "http/h2/h2_output.h"
#include "net/readiness.h"

static struct h2_stream *stream_of(const struct link *l)
{
    return l->at.state;
}

/* Neither it nor its session has ended. */
static bool is_alive(const struct h2_stream *s)
{
    const struct h2 *h = h2_stream_session(s);
    return h && !s->closed && conn_is_open(h->conn);
}

/* --- what goes --- */

/* M bytes, for which there is room. */
static void send_some(struct h2_stream *s, const void *data, size_t m)
{
    if (s->counted)
        s->left -= (uint32_t)m;
    h2_send_data(s, data, m, s->counted && s->left == 0);
}

static struct link_io stream_send(struct link *l, const void *data, size_t n)
{
    struct h2_stream *s = stream_of(l);
    if (!is_alive(s) || s->sent_all)
        return (struct link_io){0, ERR_CLOSED};
    size_t room = h2_stream_room(s), m = n < room ? n : room;
    if (m)
        send_some(s, data, m);
    if (m < n && is_alive(s))
        h2_stream_is_full(s, m > 0);
    return (struct link_io){m, m == n ? ERR_OK : ERR_AGAIN};
}

static bool stream_is_ready(const struct link *l)
{
    struct h2_stream *s = stream_of(l);
    return is_alive(s) && h2_stream_room(s) > 0;
}

/* The peer may have more of a request to send, which nobody wants (RFC 9113 section 8.1); what is
 * behind a WebSocket's end has its time, as over TCP. */
static bool stream_shut(struct link *l)
{
    struct h2_stream *s = stream_of(l);
    if (!is_alive(s))
        return false;
    if (!s->sent_all)
        h2_send_data(s, NULL, 0, true);
    return s->tunnel && !s->came_all && is_alive(s);
}

/* --- what comes --- */

static bool has_input(const struct h2_stream *s)
{
    return h2_stream_unread(s) || (s->tunnel && s->came_all);
}

static struct link_io stream_receive(struct link *l, void *data, size_t n)
{
    struct h2_stream *s = stream_of(l);
    struct buf *unread = h2_stream_unread(s);
    struct h2 *h = h2_stream_session(s);
    if (!unread)
        return (struct link_io){0, has_input(s) ? ERR_OK : ERR_AGAIN};
    size_t m = unread->len < n ? unread->len : n;
    memcpy(data, unread->data, m);
    buf_consume(unread, m);
    if (h)
        h->unread -= m;
    if (is_alive(s))
        h2_taken(s, m);
    if (!unread->len)
        h2_stream_drop_unread(s);
    return (struct link_io){m, ERR_OK};
}

/* --- readiness --- */

unsigned h2_link_ready(const struct h2_stream *s)
{
    unsigned what = READY_NONE;
    if (has_input(s))
        what |= READY_READ;
    if (s->wanted & READY_WRITE && is_alive(s) && h2_stream_room(s) > 0)
        what |= READY_WRITE;
    return what & s->wanted;
}

static enum err stream_want(struct link *l, struct link *told, struct loop *loop, unsigned was,
                            unsigned wanted)
{
    struct h2_stream *s = stream_of(l);
    (void)loop;
    (void)was;
    s->conn = conn_of_link(told);
    s->wanted = (uint8_t)wanted;
    if (h2_stream_session(s) && wanted & READY_READ && has_input(s))
        h2_note(s);
    return ERR_OK;
}

/* --- its end --- */

/* Whoever has sent all of an answer needs no more of the request. */
static void end_in_session(struct h2_stream *s)
{
    struct h2 *h = h2_stream_session(s);
    if (!s->closed && h->phase != H2_ENDING) {
        nghttp2_session_set_stream_user_data(h->frames, s->id, NULL);
        h2_reset(s, s->sent_all ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
    }
}

static void stream_close(struct link *l, struct link *told, struct loop *loop)
{
    struct h2_stream *s = stream_of(l);
    (void)told;
    (void)loop;
    if (h2_stream_session(s))
        end_in_session(s);
    h2_remove(s);
}

static bool stream_peer(const struct link *l, struct ip_port *ret)
{
    const struct h2 *h = h2_stream_session(stream_of(l));
    return h && link_peer(&h->conn->link, ret);
}

static bool stream_here(const struct link *l, struct ip_port *ret)
{
    const struct h2 *h = h2_stream_session(stream_of(l));
    return h && link_here(&h->conn->link, ret);
}

static bool stream_is_secure(const struct link *l)
{
    const struct h2 *h = h2_stream_session(stream_of(l));
    return h && link_is_secure(&h->conn->link);
}

static const struct link_ops stream_ops = {
    .send = stream_send,
    .receive = stream_receive,
    .is_ready = stream_is_ready,
    .want = stream_want,
    .shut = stream_shut,
    .close = stream_close,
    .peer = stream_peer,
    .here = stream_here,
    .is_secure = stream_is_secure,
};

struct link h2_link(struct h2_stream *s)
{
    return (struct link){.ops = &stream_ops, .at.state = s};
}
