#include "http/h2/h2_output.h"

#include "base/spare.h"
#include "net/loop.h"

/* --- called by nghttp2 --- */

static ssize_t put_frame(nghttp2_session *frames, const uint8_t *data, size_t n, int flags,
                         void *ctx)
{
    struct h2 *h = ctx;
    (void)frames;
    (void)flags;
    buf_append(&h->out, data, n);
    return h->out.failed ? NGHTTP2_ERR_CALLBACK_FAILURE : (ssize_t)n;
}

/* How much of the source the next DATA frame takes; it is not copied but for put_data. Out of turn
 * there is none: then something is wrong, and the stream ends. */
static ssize_t measure(nghttp2_session *frames, int32_t id, uint8_t *to, size_t n,
                       uint32_t *ret_flags, nghttp2_data_source *source, void *ctx)
{
    struct h2_source *s = source->ptr;
    (void)frames;
    (void)id;
    (void)to;
    (void)ctx;
    if (!s->data)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t take = s->left < n ? s->left : n;
    *ret_flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (take == s->left)
        *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)take;
}

static int put_data(nghttp2_session *frames, nghttp2_frame *frame, const uint8_t *head, size_t n,
                    nghttp2_data_source *source, void *ctx)
{
    struct h2 *h = ctx;
    struct h2_source *s = source->ptr;
    (void)frames;
    (void)frame; /* no padding is asked for */
    buf_append(&h->out, head, H2_FRAME_HEAD);
    buf_append(&h->out, s->data, n);
    s->data += n;
    s->left -= n;
    return h->out.failed ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

void h2_output_set(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_send_callback(callbacks, put_frame);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, put_data);
}

/* --- frames --- */

void h2_output(struct h2 *h)
{
    if (conn_state(h->conn) == CONN_CLOSED)
        return;
    if (!h->out.cap)
        spare_take_buf(&h->out);
    if (nghttp2_session_send(h->frames) != 0)
        conn_close(h->conn, CLOSE_NOMEM);
    h->resized = false;
    if (h->out.len)
        loop_flush_later(h->conn->loop, &h->gathering);
    else
        spare_give_buf(&h->out);
}

void h2_let_go(struct h2 *h)
{
    struct conn *c = h->conn;
    size_t n = h->out.len && !conn_is_busy(c) ? conn_push(c, h->out.data, h->out.len) : 0;
    if (n < h->out.len)
        conn_give(c, &h->out, n);
    else
        spare_give_buf(&h->out);
}

/* Frames what was submitted. FAILED: it was not, which only memory can be the cause of. */
static void submitted(struct h2 *h, bool failed)
{
    if (failed)
        conn_close(h->conn, CLOSE_NOMEM);
    else
        h2_output(h);
}

void h2_send_head(struct h2_stream *s, const nghttp2_nv *nv, size_t count, bool end)
{
    struct h2 *h = h2_stream_session(s);
    uint8_t flags = end ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
    s->sent_all = end;
    submitted(h, nghttp2_submit_headers(h->frames, flags, s->id, NULL, nv, count, NULL) != 0);
}

/* What the session has gathered in this turn, or could not send, leaves so much room. */
static size_t room_in_session(const struct h2 *h)
{
    size_t unsent = h2_unsent(h);
    return unsent + H2_ROOM_LEAST < H2_OUT_BYTES ? H2_OUT_BYTES - unsent : 0;
}

static size_t at_least_none(int32_t n)
{
    return n > 0 ? (size_t)n : 0;
}

/* What the session has room for, in `out` and in the window of all. */
static size_t room_for_all(const struct h2 *h)
{
    size_t window = at_least_none(nghttp2_session_get_remote_window_size(h->frames));
    size_t room = room_in_session(h);
    return window < room ? window : room;
}

static size_t own_window(const struct h2_stream *s)
{
    nghttp2_session *frames = h2_stream_session(s)->frames;
    return at_least_none(nghttp2_session_get_stream_remote_window_size(frames, s->id));
}

bool h2_has_room(const struct h2 *h)
{
    return room_for_all(h) > 0;
}

size_t h2_stream_room(const struct h2_stream *s)
{
    size_t window = own_window(s), room = room_for_all(h2_stream_session(s));
    return room < window ? room : window;
}

void h2_stream_is_full(struct h2_stream *s, bool took)
{
    if (own_window(s) > 0)
        h2_wait_for_room(s, took);
}

void h2_send_data(struct h2_stream *s, const void *data, size_t n, bool end)
{
    struct h2 *h = h2_stream_session(s);
    nghttp2_data_provider provider = {.source.ptr = &h->source, .read_callback = measure};
    h->source = (struct h2_source){n ? data : "", n};
    s->sent_all = end;
    submitted(h, nghttp2_submit_data(h->frames, end ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE,
                                     s->id, &provider) != 0);
    h->source.data = NULL;
}

void h2_reset(struct h2_stream *s, uint32_t code)
{
    struct h2 *h = h2_stream_session(s);
    submitted(h, nghttp2_submit_rst_stream(h->frames, NGHTTP2_FLAG_NONE, s->id, code) != 0);
}

void h2_taken(struct h2_stream *s, size_t n)
{
    struct h2 *h = h2_stream_session(s);
    submitted(h, nghttp2_session_consume_stream(h->frames, s->id, n) != 0);
}

void h2_end(struct h2 *h, uint32_t code)
{
    if (h->phase == H2_ENDING)
        return;
    submitted(h, nghttp2_session_terminate_session(h->frames, code) != 0);
    h->phase = H2_ENDING;
    for (struct h2_stream *s = NULL; (s = h2_streams_next(&h->streams, s));)
        conn_close(s->conn, code == NGHTTP2_NO_ERROR ? CLOSE_PEER : CLOSE_PROTOCOL);
    conn_give(h->conn, &h->out, 0);
    conn_finish_after_output(h->conn);
}
