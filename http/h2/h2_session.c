#include "http/h2/h2_session.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/spare.h"
#include "delivery/worker.h"
#include "http/h2/h2_link.h"
#include "http/h2/h2_output.h"
#include "http/h2/h2_request.h"
#include "net/holding.h"
#include "net/readiness.h"

enum {
    WINDOW_BYTES = 1 << 20, /* of all streams together; each has what RFC 9113 begins with */
    RESETS_NEVER = 1 << 30, /* h2_calm looks after them */
    HEADS_MANY = 8,         /* that wait to be looked at: as many as a thread keeps fields for */
};

/* --- nghttp2's memory, which is counted --- */

static void *counted(struct h2 *h, void *p)
{
    h->memory += p ? malloc_usable_size(p) : 0;
    return p;
}

static void uncount(struct h2 *h, void *p)
{
    h->memory -= p ? malloc_usable_size(p) : 0;
}

static void *get(size_t n, void *ctx)
{
    return counted(ctx, malloc(n));
}

static void *get_zeroed(size_t number, size_t n, void *ctx)
{
    return counted(ctx, calloc(number, n));
}

static void *resize(void *p, size_t n, void *ctx)
{
    struct h2 *h = ctx;
    size_t was = p ? malloc_usable_size(p) : 0;
    void *q = realloc(p, n);
    if (q)
        h->memory -= was;
    return counted(h, q);
}

static void give_back(void *p, void *ctx)
{
    uncount(ctx, p);
    free(p);
}

/* --- streams --- */

static struct h2_stream *find(struct h2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->frames, id);
}

/* As with connections that a listener accepts, but each is told. */
static bool has_room(const struct h2 *h)
{
    const struct process *p = h->conn->loop->process;
    return h->conn->local || p->conns < p->conns_max;
}

/* A stream's connection, which has the head that was read. ERR_NOMEM. */
static enum err create_conn(struct h2 *h, struct h2_stream *s)
{
    const struct conn *by = h->conn;
    struct conn *c;
    enum err e =
        conn_create(by->loop, h2_link(s), by->local, by->trusted, &h2_request_protocol, &c);
    if (e != ERR_OK)
        return e;
    e = conn_comes_by(c, by);
    if (e == ERR_OK)
        e = h2_request_create(c, &h->head, h->status_only);
    if (e != ERR_OK)
        conn_close(c, CLOSE_NOMEM);
    return e;
}

static enum err open_stream(struct h2 *h, int32_t id)
{
    struct h2_stream *s = h2_streams_add(&h->streams, h);
    if (!s)
        return ERR_NOMEM;
    s->id = id;
    s->closed = true; /* as long as something may go wrong */
    enum err e = create_conn(h, s);
    if (e != ERR_OK)
        return e;
    s->closed = false;
    nghttp2_session_set_stream_user_data(h->frames, id, s);
    h2_note(s);
    return ERR_OK;
}

static int refuse_stream(struct h2 *h, int32_t id)
{
    counter_add(&h->conn->loop->counters, COUNTER_h2_refused, 1);
    return nghttp2_submit_rst_stream(h->frames, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
}

/* --- called by nghttp2: heads --- */

static int on_begin_headers(nghttp2_session *frames, const nghttp2_frame *frame, void *ctx)
{
    struct h2 *h = ctx;
    bool trailers = frame->headers.cat != NGHTTP2_HCAT_REQUEST;
    (void)frames;
    return h2_head_begin(&h->head, worker_settings(h->conn)->max_head_bytes, trailers)
               ? 0
               : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *frames, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct h2 *h = ctx;
    (void)frames;
    (void)frame;
    (void)flags;
    budget_charge(&h->conn->loop->work, WORK_PIECE + name_len + value_len);
    h2_head_add(&h->head, (const char *)name, name_len, (const char *)value, value_len);
    return h2_head_is_excessive(&h->head) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* A name or value that must not be makes the request malformed (RFC 9113 section 8.2.1). */
static int on_bad_header(nghttp2_session *frames, const nghttp2_frame *frame, const uint8_t *name,
                         size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                         void *ctx)
{
    (void)frames;
    (void)frame;
    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (void)flags;
    (void)ctx;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int take_request(struct h2 *h, int32_t id)
{
    h2_head_end(&h->head);
    int e = 0;
    if (!has_room(h) || open_stream(h, id) != ERR_OK)
        e = refuse_stream(h, id);
    h2_head_finish(&h->head);
    counter_add(&h->conn->loop->counters, COUNTER_h2_requests, 1);
    return e;
}

/* --- called by nghttp2: all frames --- */

static void peer_ended_stream(struct h2 *h, int32_t id)
{
    struct h2_stream *s = find(h, id);
    if (!s)
        return;
    s->came_all = true;
    h2_note(s);
}

static void window_opened(struct h2 *h, int32_t id)
{
    struct h2_stream *s = id ? find(h, id) : NULL;
    if (s && s->wanted & READY_WRITE)
        h2_note(s);
    h->window |= !id;
}

static void settings_came(struct h2 *h, const nghttp2_settings *s)
{
    h->windows = true;
    for (size_t i = 0; i < s->niv; i++)
        h->resized |= s->iv[i].settings_id == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE;
}

static int on_frame(nghttp2_session *frames, const nghttp2_frame *frame, void *ctx)
{
    struct h2 *h = ctx;
    const nghttp2_frame_hd *hd = &frame->hd;
    int e = 0;
    (void)frames;
    h->greeted = true;
    if (hd->type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        e = take_request(h, hd->stream_id);
    if (hd->type <= NGHTTP2_HEADERS && hd->flags & NGHTTP2_FLAG_END_STREAM)
        peer_ended_stream(h, hd->stream_id);
    else if (hd->type == NGHTTP2_WINDOW_UPDATE)
        window_opened(h, hd->stream_id);
    else if (hd->type == NGHTTP2_SETTINGS)
        settings_came(h, &frame->settings);
    else if (hd->type == NGHTTP2_PING)
        h->pinged |= hd->flags & NGHTTP2_FLAG_ACK;
    return e;
}

/* Windows that SETTINGS make too large are an error of the connection (RFC 9113 section 6.9.2);
 * nghttp2 resets their streams. What was reset for what the peer sent counts as if it had done that
 * itself. */
static void sent_reset(struct h2 *h, uint32_t code)
{
    h->overflown |= h->resized && code == NGHTTP2_FLOW_CONTROL_ERROR;
    if (code != NGHTTP2_NO_ERROR && !h2_calm_take(&h->calm, H2_CALM_RESETS, h->conn->loop->now_ms))
        h->unquiet = true;
}

static int on_sent(nghttp2_session *frames, const nghttp2_frame *frame, void *ctx)
{
    struct h2 *h = ctx;
    (void)frames;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        counter_add(&h->conn->loop->counters, COUNTER_h2_errors, 1);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        sent_reset(h, frame->rst_stream.error_code);
    return 0;
}

/* --- called by nghttp2: data --- */

static bool keep(struct h2 *h, struct h2_stream *s, const uint8_t *data, size_t n)
{
    if (!s->unread)
        s->unread = calloc(1, sizeof(*s->unread));
    if (!s->unread)
        return false;
    buf_append(s->unread, data, n);
    if (s->unread->failed)
        return false;
    h->unread += n;
    return true;
}

/* The window of all is opened at once: it is the streams' own that stop who sends too much. */
static int on_data(nghttp2_session *frames, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t n, void *ctx)
{
    struct h2 *h = ctx;
    struct h2_stream *s = find(h, id);
    (void)flags;
    if (nghttp2_session_consume_connection(frames, n) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (!s || s->closed || s->counted)
        return 0;
    if (!keep(h, s, data, n))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    h2_note(s);
    return 0;
}

static int on_closed(nghttp2_session *frames, int32_t id, uint32_t code, void *ctx)
{
    struct h2_stream *s = find(ctx, id);
    (void)frames;
    (void)code;
    if (s)
        h2_stream_closed(s);
    return 0;
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *c;
    if (nghttp2_session_callbacks_new(&c) != 0)
        return NULL;
    h2_output_set(c);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_bad_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_closed);
    return c;
}

/* --- the beginning --- */

static nghttp2_option *make_options(void)
{
    nghttp2_option *o;
    if (nghttp2_option_new(&o) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_deflate_dynamic_table_size(o, 0);
    nghttp2_option_set_stream_reset_rate_limit(o, RESETS_NEVER, RESETS_NEVER);
    return o;
}

static enum err create_session(struct h2 *h)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *options = make_options();
    nghttp2_mem memory = {h, get, give_back, get_zeroed, resize};
    enum err e = ERR_NOMEM;
    if (callbacks && options &&
        nghttp2_session_server_new3(&h->frames, callbacks, h, options, &memory) == 0)
        e = ERR_OK;
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    return e;
}

/* No table, so that nobody pays for what was sent before; WebSockets always; no priorities of RFC
 * 7540. */
static enum err offer(struct h2 *h)
{
    const struct settings *s = worker_settings(h->conn);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, s->h2_max_streams},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)s->max_head_bytes},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    size_t n = sizeof(settings) / sizeof(settings[0]);
    if (nghttp2_submit_settings(h->frames, NGHTTP2_FLAG_NONE, settings, n) != 0 ||
        nghttp2_session_set_local_window_size(h->frames, NGHTTP2_FLAG_NONE, 0, WINDOW_BYTES) != 0)
        return ERR_NOMEM;
    h2_output(h);
    return ERR_OK;
}

enum err h2_session_begin(struct h2 *h)
{
    h->gathering.link = &h->conn->link;
    h2_cut_init(&h->cut);
    enum err e = create_session(h);
    if (e == ERR_OK)
        e = offer(h);
    h->memory_empty = h->memory;
    return e;
}

void h2_session_finish(struct h2 *h)
{
    for (struct h2_stream *s = NULL; (s = h2_streams_next(&h->streams, s));)
        conn_close(s->conn, CLOSE_PEER);
    h2_streams_abandon(&h->streams);
    loop_flush_never(h->conn->loop, &h->gathering);
    nghttp2_session_del(h->frames);
    h2_head_finish(&h->head);
    spare_give_buf(&h->out);
    buf_finish(&h->news);
    buf_finish(&h->starved);
    buf_finish(&h->fed);
}

/* --- frames that come --- */

static uint32_t code_of(int error)
{
    switch (error) {
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
        return NGHTTP2_ENHANCE_YOUR_CALM;
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
        return NGHTTP2_PROTOCOL_ERROR;
    default:
        return NGHTTP2_INTERNAL_ERROR;
    }
}

static void calm_down(struct h2 *h)
{
    counter_add(&h->conn->loop->counters, COUNTER_h2_calmed, 1);
    h2_end(h, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A frame begins. False: it is one too many, or must not be, and the connection ends. */
static bool may_come(struct h2 *h)
{
    const struct h2_cut *k = &h->cut;
    enum h2_calm_kind kind = h2_calm_kind(h2_cut_type(k), h2_cut_flags(k), h2_cut_len(k));
    budget_charge(&h->conn->loop->work, WORK_FRAME);
    if (!h2_calm_take(&h->calm, kind, h->conn->loop->now_ms))
        calm_down(h);
    else if (!h2_strict_take(&h->strict, k))
        h2_end(h, NGHTTP2_PROTOCOL_ERROR);
    return h->phase != H2_ENDING;
}

/* Reads the next N bytes of a frame. */
static void read_piece(struct h2 *h, const void *data, size_t n)
{
    ssize_t e = nghttp2_session_mem_recv(h->frames, data, n);
    if (e < 0 && h2_head_is_excessive(&h->head))
        calm_down(h);
    else if (e < 0)
        h2_end(h, code_of((int)e));
}

/* nghttp2 gets heads whole: a CONTINUATION whose head comes in pieces is several to it (it counts
 * how often it was given some of one), and too many of them are an attack. */
size_t h2_session_read(struct h2 *h, const char *data, size_t n)
{
    bool begins, in_head = h2_cut_in_head(&h->cut);
    size_t m = h2_cut_next(&h->cut, data, n, &begins);
    if (!in_head)
        read_piece(h, data, m);
    else if (begins && may_come(h))
        read_piece(h, h->cut.head, H2_FRAME_HEAD);
    return m;
}

/* --- news --- */

bool h2_session_may_go_on(struct h2 *h)
{
    return h->phase != H2_ENDING && conn_is_open(h->conn) && !h2_is_congested(h) &&
           conn_may_go_on(h->conn);
}

/* What S's connection does is paid for by the session, too. */
static void tell(struct h2_stream *s)
{
    struct budget *work = &s->conn->loop->work;
    struct budget_outer outer = budget_leave_slice(work);
    if (s->conn->protocol == &h2_request_protocol)
        h2_request_look(s->conn);
    unsigned what = h2_link_ready(s);
    if (what)
        conn_ready(s->conn, what);
    if (s->wanted & ~what & READY_WRITE && !s->closed)
        h2_stream_is_full(s, false);
    if (s->conn->protocol == &h2_request_protocol)
        h2_request_look(s->conn);
    budget_return_to_slice(work, &outer);
    holding_count(s->conn);
}

static void look(struct h2_stream *s)
{
    struct budget *work = &s->conn->loop->work;
    struct budget_outer outer = budget_leave_slice(work);
    h2_request_look(s->conn);
    budget_return_to_slice(work, &outer);
}

void h2_session_look(struct h2 *h)
{
    struct h2_stream *s;
    if (h2_fresh_news(h) < HEADS_MANY)
        return;
    while (h2_session_may_go_on(h) && (s = h2_peek_news(h)))
        if (s->conn->protocol == &h2_request_protocol)
            look(s);
}

static void note_windows(struct h2 *h)
{
    if (h->windows)
        h2_note_closed(h);
    if ((h->window || h->windows) && h2_has_room(h))
        h2_note_waiting(h);
    h->windows = h->window = false;
}

void h2_session_tell(struct h2 *h)
{
    struct h2_stream *s;
    note_windows(h);
    while (h2_has_news(h) && h2_session_may_go_on(h))
        if ((s = h2_take_news(h)))
            tell(s);
    h2_output(h);
    if (h->unquiet)
        calm_down(h);
    if (h->overflown)
        h2_end(h, NGHTTP2_FLOW_CONTROL_ERROR);
}
