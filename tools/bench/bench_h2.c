/* HTTP/2, the client's side, as far as event streams need it. Frames are nghttp2's affair. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <nghttp2/nghttp2.h>

#include "tools/bench/bench.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_subscriber.h"
#include "tools/bench/bench_wire.h"

enum { INPUT_SIZE = 256 << 10, WINDOW = 1 << 30 };

struct bench_carrier {
    struct bench_source source;
    struct bench_subscribers *set;
    struct bench_wire wire;
    nghttp2_session *session;
    struct buf out; /* not sent yet, from `out_sent` on */
    size_t out_sent;
    uint32_t first, count;
};

/* All its subscribers have lost their connection. */
static void lose(struct bench_carrier *c, const char *why)
{
    for (uint32_t i = 0; i < c->count; i++)
        subscriber_fail(c->set, &c->set->items[c->first + i], "%s", why);
    wire_close(&c->wire);
}

/* --- sending --- */

static bool send_rest(struct bench_carrier *c)
{
    while (c->out_sent < c->out.len) {
        ssize_t n = wire_send(&c->wire, c->out.data + c->out_sent, c->out.len - c->out_sent);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->out_sent += (size_t)n;
    }
    buf_clear(&c->out);
    c->out_sent = 0;
    return true;
}

static void flush(struct bench_carrier *c)
{
    const uint8_t *data;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(c->session, &data)) > 0)
        buf_append(&c->out, data, (size_t)n);
    if (n < 0 || c->out.failed || !send_rest(c)) {
        lose(c, "cannot send");
        return;
    }
    loop_change(c->set->loop, c->wire.fd, EPOLLIN | (c->out.len ? EPOLLOUT : 0), &c->source);
}

/* --- what comes --- */

static struct bench_subscriber *subscriber_of(nghttp2_session *session, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(session, stream);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t n, uint8_t flags, void *ctx)
{
    struct bench_carrier *c = ctx;
    struct bench_subscriber *s = subscriber_of(session, frame->hd.stream_id);
    (void)flags;
    bool is_status = name_len == 7 && memcmp(name, ":status", 7) == 0;
    if (s && is_status && !(n == 3 && memcmp(value, "200", 3) == 0))
        subscriber_fail(c->set, s, "the server answers %.*s", (int)n, (const char *)value);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct bench_carrier *c = ctx;
    struct bench_subscriber *s = subscriber_of(session, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_HEADERS && s && s->state == SUBSCRIBER_ASKING)
        subscriber_begin_stream(c->set, s);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t n, void *ctx)
{
    struct bench_carrier *c = ctx;
    struct bench_subscriber *s = subscriber_of(session, stream);
    (void)flags;
    nghttp2_session_consume_connection(session, n);
    if (!s || subscriber_is_stuck(c->set, s))
        return 0;
    nghttp2_session_consume_stream(session, stream, n);
    if (s->state != SUBSCRIBER_LOST)
        subscriber_take(c->set, s, (const char *)data, n);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *ctx)
{
    struct bench_carrier *c = ctx;
    struct bench_subscriber *s = subscriber_of(session, stream);
    if (s)
        subscriber_fail(c->set, s, "the stream has ended (%s)", nghttp2_http2_strerror(error));
    return 0;
}

/* Whether there may be more that the socket does not show. */
static bool read_some(struct bench_carrier *c)
{
    static uint8_t input[INPUT_SIZE];
    ssize_t n = wire_recv(&c->wire, input, sizeof(input));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        lose(c, n < 0 ? strerror(errno) : "the server closed");
        return false;
    }
    c->set->now = bench_now();
    if (nghttp2_session_mem_recv(c->session, input, (size_t)n) < 0) {
        lose(c, "the server breaks the rules of HTTP/2");
        return false;
    }
    return c->wire.tls && n == INPUT_SIZE;
}

static void on_ready(struct bench_source *source, uint32_t events)
{
    struct bench_carrier *c = (struct bench_carrier *)(void *)source;
    (void)events;
    while (read_some(c))
        ;
    if (c->wire.fd >= 0)
        flush(c);
}

/* --- asking --- */

static nghttp2_nv field(const char *name, const char *value, size_t n)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), n,
                        NGHTTP2_NV_FLAG_NONE};
}

static bool ask(struct bench_carrier *c, struct bench_subscriber *s)
{
    struct buf path = {0}, authority = {0};
    const char *scheme = c->set->place->tls ? "https" : "http";
    http_path(c->set, s, "", &path);
    buf_printf(&authority, "%s:%s", c->set->place->host, c->set->place->port);
    const nghttp2_nv fields[] = {
        field(":method", "GET", 3),
        field(":scheme", scheme, strlen(scheme)),
        field(":authority", authority.data, authority.len),
        field(":path", path.data, path.len),
        field("accept", "text/event-stream", 17),
    };
    bool failed = path.failed || authority.failed ||
                  nghttp2_submit_request(c->session, NULL, fields,
                                         sizeof(fields) / sizeof(fields[0]), NULL, s) < 0;
    buf_finish(&path);
    buf_finish(&authority);
    s->state = SUBSCRIBER_ASKING;
    return !failed;
}

static bool begin_session(struct bench_carrier *c)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    bool made = nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0;
    if (made) {
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_option_set_no_auto_window_update(option, 1);
        made = nghttp2_session_client_new2(&c->session, callbacks, c, option) == 0;
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return made && nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0) == 0 &&
           nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0;
}

static bool begin(struct bench_carrier *c)
{
    if (!wire_open(&c->wire, c->set->place))
        return false;
    bool begun =
        begin_session(c) && loop_add(c->set->loop, c->wire.fd, EPOLLIN, &c->source) == ERR_OK;
    for (uint32_t i = 0; begun && i < c->count; i++, c->set->connecting++)
        begun = ask(c, &c->set->items[c->first + i]);
    if (begun)
        flush(c);
    else
        bench_say("%s", err_text(ERR_NOMEM));
    return begun;
}

static bool carrier_open(struct bench_subscribers *set, uint32_t first, uint32_t count,
                         struct bench_carrier **ret)
{
    struct bench_carrier *c = calloc(1, sizeof(*c));
    if (!c)
        return false;
    c->source.ready = on_ready;
    c->set = set;
    c->wire.fd = -1;
    c->first = first;
    c->count = count;
    *ret = c;
    return begin(c);
}

static void carrier_close(struct bench_carrier *c)
{
    if (!c)
        return;
    nghttp2_session_del(c->session);
    wire_close(&c->wire);
    buf_finish(&c->out);
    free(c);
}

const struct bench_sharing bench_h2 = {.open = carrier_open, .close = carrier_close};
