#include "tests/unit/h2_peer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 32 };

struct h2_heard *h2_peer_stream(struct h2_peer *p, int32_t id)
{
    ck_assert(id > 0 && id / 2 < H2_PEER_STREAMS);
    return &p->streams[id / 2];
}

/* --- what comes --- */

static void put(struct buf *out, const void *data, size_t n)
{
    buf_append(out, data, n);
    buf_putc(out, '\0');
    ck_assert(!out->failed);
    out->len--;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    (void)session;
    struct h2_heard *s = h2_peer_stream(ctx, frame->hd.stream_id);
    buf_clear(&s->head);
    put(&s->head, "", 0);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct h2_heard *s = h2_peer_stream(ctx, frame->hd.stream_id);
    (void)session;
    (void)flags;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0)
        s->status = (unsigned)strtoul((const char *)value, NULL, 10);
    put(&s->head, name, name_len);
    put(&s->head, ": ", 2);
    put(&s->head, value, value_len);
    put(&s->head, "\n", 1);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t n, void *ctx)
{
    struct h2_peer *p = ctx;
    (void)flags;
    put(&h2_peer_stream(p, id)->body, data, n);
    return p->holds_windows ? 0 : nghttp2_session_consume(session, id, n);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2_peer *p = ctx;
    (void)session;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        struct h2_heard *s = h2_peer_stream(p, frame->hd.stream_id);
        s->reset = true;
        s->code = frame->rst_stream.error_code;
        p->resets++;
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        p->gone = true;
        p->goaways++;
        p->code = frame->goaway.error_code;
        p->last = frame->goaway.last_stream_id;
    } else if (frame->hd.type == NGHTTP2_PING) {
        p->pings++;
    } else if (frame->hd.type == NGHTTP2_DATA) {
        p->data_frames++;
    }
    if (frame->hd.type <= NGHTTP2_HEADERS && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        h2_peer_stream(p, frame->hd.stream_id)->ended = true;
    return 0;
}

void h2_peer_hear(struct h2_peer *p, const void *data, size_t n)
{
    ssize_t m = nghttp2_session_mem_recv(p->session, data, n);
    ck_assert_msg(m == (ssize_t)n, "%zd: %s", m, m < 0 ? nghttp2_strerror((int)m) : "");
}

/* --- what goes --- */

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t n, int flags,
                       void *ctx)
{
    struct h2_peer *p = ctx;
    (void)session;
    (void)flags;
    buf_append(&p->said, data, n);
    return (ssize_t)n;
}

void h2_peer_send(struct h2_peer *p)
{
    ck_assert_int_eq(nghttp2_session_send(p->session), 0);
}

/* A part of what is said; freed when it has gone. */
struct words {
    size_t at, n;
    bool ends;
    char text[];
};

static ssize_t read_words(nghttp2_session *session, int32_t id, uint8_t *to, size_t n,
                          uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct words *w = source->ptr;
    size_t take = w->n - w->at < n ? w->n - w->at : n;
    (void)session;
    (void)id;
    (void)ctx;
    memcpy(to, w->text + w->at, take);
    w->at += take;
    if (w->at == w->n) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | (w->ends ? 0 : NGHTTP2_DATA_FLAG_NO_END_STREAM);
        free(w);
    }
    return (ssize_t)take;
}

static struct words *words_of(const void *data, size_t n, bool ends)
{
    struct words *w = malloc(sizeof(*w) + n);
    ck_assert_ptr_nonnull(w);
    *w = (struct words){.n = n, .ends = ends};
    memcpy(w->text, data, n);
    return w;
}

void h2_peer_say(struct h2_peer *p, int32_t id, const void *data, size_t n, bool ends)
{
    nghttp2_data_provider d = {.source.ptr = words_of(data, n, ends), .read_callback = read_words};
    ck_assert_int_eq(nghttp2_submit_data(p->session, NGHTTP2_FLAG_END_STREAM, id, &d), 0);
    h2_peer_send(p);
}

static nghttp2_nv nv(const char *name, size_t name_len, const char *value, size_t value_len)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = name_len,
                        .valuelen = value_len};
}

static size_t read_lines(nghttp2_nv *ret, size_t count, const char *lines)
{
    while (lines && *lines) {
        const char *colon = strchr(lines + 1, ':'), *end = strchr(lines, '\n');
        ck_assert_uint_lt(count, FIELDS_MAX);
        ret[count++] = nv(lines, (size_t)(colon - lines), colon + 2, (size_t)(end - colon - 2));
        lines = end + 1;
    }
    return count;
}

int32_t h2_peer_ask(struct h2_peer *p, const char *method, const char *path, const char *fields,
                    const char *body, bool ends)
{
    nghttp2_nv list[FIELDS_MAX] = {nv(":method", 7, method, strlen(method)),
                                   nv(":scheme", 7, "http", 4)};
    size_t count = 2;
    if (path)
        list[count++] = nv(":path", 5, path, strlen(path));
    if (!fields || fields[0] != ':')
        list[count++] = nv(":authority", 10, "localhost", 9);
    count = read_lines(list, count, fields);
    uint8_t flags = ends && !body ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
    int32_t id = nghttp2_submit_headers(p->session, flags, -1, NULL, list, count, NULL);
    ck_assert_int_gt(id, 0);
    h2_peer_send(p);
    if (body)
        h2_peer_say(p, id, body, strlen(body), ends);
    return id;
}

/* --- life --- */

void h2_peer_init(struct h2_peer *p, const nghttp2_settings_entry *settings, size_t count)
{
    nghttp2_session_callbacks *c;
    nghttp2_option *o;
    memset(p, 0, sizeof(*p));
    ck_assert_int_eq(nghttp2_session_callbacks_new(&c), 0);
    ck_assert_int_eq(nghttp2_option_new(&o), 0);
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_session_callbacks_set_send_callback(c, on_send);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    ck_assert_int_eq(nghttp2_session_client_new2(&p->session, c, p, o), 0);
    nghttp2_session_callbacks_del(c);
    nghttp2_option_del(o);
    ck_assert_int_eq(nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, settings, count), 0);
    h2_peer_send(p);
}

void h2_peer_finish(struct h2_peer *p)
{
    nghttp2_session_del(p->session);
    buf_finish(&p->said);
    for (size_t i = 0; i < H2_PEER_STREAMS; i++) {
        buf_finish(&p->streams[i].head);
        buf_finish(&p->streams[i].body);
    }
}

/* --- by hand --- */

void h2_frame(struct buf *out, unsigned type, unsigned flags, uint32_t id, const void *payload,
              size_t n)
{
    const uint8_t head[9] = {
        (uint8_t)(n >> 16),  (uint8_t)(n >> 8),   (uint8_t)n,         (uint8_t)type, (uint8_t)flags,
        (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id,
    };
    buf_append(out, head, sizeof(head));
    buf_append(out, payload, n);
}

/* A length with a prefix of seven bits (RFC 7541 section 5.1). */
static void put_length(struct buf *out, size_t n)
{
    if (n < 127) {
        buf_putc(out, (char)n);
        return;
    }
    buf_putc(out, 127);
    for (n -= 127; n >= 128; n /= 128)
        buf_putc(out, (char)(n % 128 + 128));
    buf_putc(out, (char)n);
}

void h2_field(struct buf *out, const char *name, const char *value)
{
    buf_putc(out, 0);
    put_length(out, strlen(name));
    buf_puts(out, name);
    put_length(out, strlen(value));
    buf_puts(out, value);
}

void h2_get_fields(struct buf *out, const char *path)
{
    h2_field(out, ":method", "GET");
    h2_field(out, ":scheme", "http");
    h2_field(out, ":path", path);
    h2_field(out, ":authority", "localhost");
}
