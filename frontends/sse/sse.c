#include "frontends/sse/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gzip.h"
#include "delivery/envelope.h"
#include "delivery/poll_body.h"
#include "delivery/stream_rights.h"
#include "delivery/stream_table.h"
#include "frontends/sse/session_id.h"
#include "frontends/sse/sse_encoding.h"
#include "frontends/sse/sse_text.h"
#include "http/bearer.h"
#include "http/chunk.h"
#include "http/compress.h"
#include "http/exchange.h"
#include "http/guard.h"
#include "http/http_access.h"
#include "http/http_quota.h"

/* When an EventSource whose token is over asks again: it would not stop, and cannot have another.
 */
enum { OVER_RETRY_MS = 300000 };

static struct transport sse_transport = {.name = "sse", .subscribes = true, .attends = true};

const struct frontend sse_frontend = {.transport = &sse_transport, .encodings = sse_encodings};

static struct listed_stream *listed_of(struct conn *c)
{
    return c->state;
}

static void format_offset(const struct conn *c, uint64_t offset, char *out)
{
    cursor_format(out, offset, worker_of(c)->replay.log->epoch);
}

/* Spread over half to one and a half times the setting, so that clients that were dropped together
 * do not come back together. */
static uint32_t jittered_retry(const struct conn *c)
{
    uint64_t retry = worker_settings(c)->retry_ms;
    uint64_t seed = (conn_number(c) + loop_now(c->loop)) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(retry / 2 + (seed >> 32) % (retry + 1));
}

/* --- framing --- */

/* The encoding remembers it. */
static struct sse_form form_of(const struct stream *s)
{
    return sse_encoding_form(s->sub.feed->encoding);
}

/* What is appended until end_block is one block. */
static size_t begin_block(const struct stream *s, struct buf *out)
{
    struct sse_form form = form_of(s);
    size_t at = form.chunked ? chunk_begin(out) : out->len;
    if (form.gzip)
        gzip_begin(out);
    return at;
}

/* What is one stream's own is not worth compressing. */
static void end_block(const struct stream *s, struct buf *out, size_t at)
{
    struct sse_form form = form_of(s);
    if (form.gzip)
        gzip_end(out, at + (form.chunked ? CHUNK_HEAD : 0), NULL);
    if (form.chunked)
        chunk_end(out, at);
}

/* What a gzip stream begins with, before all blocks. */
static void put_gzip_head(const struct stream *s, struct buf *out)
{
    struct sse_form form = form_of(s);
    size_t at = form.chunked ? chunk_begin(out) : 0;
    if (form.gzip)
        gzip_head(out);
    if (form.chunked)
        chunk_end(out, at);
}

/* --- what the stream tells --- */

/* Adds a member to the object at the end of DATA. */
static void add_topic(struct buf *data, const char *filter, size_t n)
{
    if (data->len)
        data->len--; /* the brace */
    buf_puts(data, ",\"topic\":");
    envelope_json_string(data, filter, n);
    buf_putc(data, '}');
}

/* An event of the hub's own; CURSOR NULL: without an id. It takes DATA. */
static void put_event(const struct stream *s, struct buf *out, const char *name, struct buf *data,
                      const char *cursor)
{
    size_t block = begin_block(s, out);
    sse_event(out, name, data->data, data->len, cursor);
    end_block(s, out, block);
    out->failed |= data->failed;
    buf_finish(data);
}

/* A gap of a topic that is on its way into the set is none of the stream: its place stays. */
static bool sse_gap(struct stream *s, const struct gap *g, const char *filter, size_t n)
{
    char resumed[CURSOR_TEXT_SIZE];
    struct buf data = {0}, *out = conn_out(s->conn);
    if (!out)
        return false;
    poll_body_gap(worker_of(s->conn), g, &data);
    if (filter)
        add_topic(&data, filter, n);
    format_offset(s->conn, g->resumed, resumed);
    put_event(s, out, "longwire.gap", &data, filter ? NULL : resumed);
    return true;
}

static void sse_live(struct stream *s, uint64_t offset, const char *filter, size_t n)
{
    char cursor[CURSOR_TEXT_SIZE];
    struct buf data = {0}, *out = conn_out(s->conn);
    if (!out)
        return;
    format_offset(s->conn, offset, cursor);
    buf_printf(&data, "{\"cursor\":\"%s\"}", cursor);
    if (filter)
        add_topic(&data, filter, n);
    put_event(s, out, "longwire.live", &data, cursor);
}

/* --- rights --- */

/* Until when its token counts; nothing if that has no end. */
static void put_auth(const struct stream *s, struct buf *out)
{
    struct buf data = {0};
    const struct principal *p = bearer_of(s->conn);
    if (!p || !p->expires_s)
        return;
    buf_printf(&data, "{\"expires\":%lld}", (long long)p->expires_s);
    put_event(s, out, "longwire.auth", &data, NULL);
}

static void put_expired(const struct stream *s, struct buf *out, const char *why)
{
    struct buf data = {0};
    buf_printf(&data, "{\"reason\":\"%s\"}", why);
    put_event(s, out, "longwire.expired", &data, NULL);
}

/* Without the last chunk, as after a cut, clients take the stream for broken. A gzip stream ends
 * without its trailer: nobody has the sum of what went to one connection. */
static void sse_farewell(struct conn *c)
{
    if (form_of(&listed_of(c)->stream).chunked)
        conn_write(c, CHUNK_LAST, strlen(CHUNK_LAST));
    conn_finish_after_output(c);
}

void sse_judge_again(struct stream *s)
{
    bool raw = form_of(s).raw;
    if (!stream_judge(s, http_may_keep, s->conn) && raw && conn_is_open(s->conn))
        sse_farewell(s->conn);
    http_quota_settle(s->conn, stream_filters(s));
}

static void sse_rights(struct conn *c, enum rights_event e)
{
    struct stream *s = &listed_of(c)->stream;
    struct buf *out = e != RIGHTS_CHANGED ? conn_out(c) : NULL;
    if (e == RIGHTS_CHANGED)
        sse_judge_again(s);
    if (!out)
        return;
    if (e == RIGHTS_SOON)
        put_auth(s, out);
    if (e != RIGHTS_EXPIRED && e != RIGHTS_REVOKED)
        return;
    put_expired(s, out, e == RIGHTS_EXPIRED ? "expired" : "revoked");
    sse_farewell(c);
}

/* --- the connection --- */

static size_t sse_input(struct conn *c, char *data, size_t n)
{
    (void)c;
    (void)data;
    return n; /* nothing more is expected of the client */
}

static void sse_drained(struct conn *c)
{
    stream_drained(&listed_of(c)->stream);
}

static void sse_busy(struct conn *c)
{
    stream_busy(&listed_of(c)->stream);
}

static void sse_timeout(struct conn *c)
{
    struct stream *s = &listed_of(c)->stream;
    char cursor[CURSOR_TEXT_SIZE];
    conn_set_deadline(c, conn_next_beat(c, worker_settings(c)->heartbeat_ms));
    if (conn_is_stuck(c))
        conn_close(c, CLOSE_WRITE_TIMEOUT);
    if (conn_is_busy(c) || s->state != STREAM_LIVE)
        return; /* what it is catching up with keeps the connection alive */
    struct buf *out = conn_out(c);
    if (!out)
        return;
    format_offset(c, stream_offset(s), cursor);
    size_t block = begin_block(s, out);
    sse_heartbeat(out, cursor);
    end_block(s, out, block);
}

static void sse_finish(struct conn *c)
{
    struct listed_stream *s = listed_of(c);
    if (!s)
        return;
    stream_table_remove(worker_of(c)->streams, s);
    stream_finish(&s->stream);
    free(s);
    c->state = NULL;
}

static size_t sse_held(const struct conn *c)
{
    return stream_held(&((const struct listed_stream *)c->state)->stream);
}

static void sse_describe(struct conn *c, struct description *d)
{
    stream_describe(&listed_of(c)->stream, d);
}

static const struct protocol sse_protocol = {
    .name = "sse",
    .transport = &sse_transport,
    .input = sse_input,
    .drained = sse_drained,
    .busy = sse_busy,
    .timeout = sse_timeout,
    .finish = sse_finish,
    .shutdown = sse_farewell,
    .kicked = sse_farewell,
    .rights = sse_rights,
    .describe = sse_describe,
    .held = sse_held,
};

/* --- start --- */

/* Begins the answer, a gzip stream or none; NULL: its connection ends. */
static struct buf *begin_answer(struct exchange *x, bool gzip)
{
    static const char guard[] = HTTP_DATA_ONLY "Cache-Control: no-store, no-transform\r\n"
                                               "X-Accel-Buffering: no\r\n";
    compress_tell(x, gzip);
    return exchange_stream(x, guard, "text/event-stream; charset=utf-8");
}

/* The first two blocks: the place, and by what name the stream's topics can be changed. */
static void put_hello(const struct stream *s, struct buf *out, const char *cursor)
{
    char id[SESSION_ID_SIZE];
    struct conn *c = s->conn;
    struct buf data = {0};
    put_gzip_head(s, out);
    size_t block = begin_block(s, out);
    sse_hello(out, jittered_retry(c), cursor);
    end_block(s, out, block);
    if (session_id_format(conn_number(c), id) != ERR_OK) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    buf_printf(&data, "{\"session\":\"%s\"}", id);
    put_event(s, out, "longwire.session", &data, NULL);
    if (bearer_ends_soon(c))
        put_auth(s, out);
}

/* From here on the connection is an event stream. */
static void sse_started(struct stream *s, uint64_t offset)
{
    struct listed_stream *listed = (struct listed_stream *)s;
    struct conn *c = s->conn;
    char cursor[CURSOR_TEXT_SIZE];
    struct buf *out = begin_answer(exchange_of(c), form_of(s).gzip);
    conn_set_protocol(c, &sse_protocol, listed);
    stream_table_add(worker_of(c)->streams, listed);
    conn_set_deadline(c, conn_first_beat(c, worker_settings(c)->heartbeat_ms));
    format_offset(c, offset, cursor);
    if (out)
        put_hello(s, out, cursor);
}

static const struct stream_ops sse_stream_ops = {
    .transport = &sse_transport,
    .started = sse_started,
    .gap = sse_gap,
    .live = sse_live,
    .names_joined = true,
};

/* A body of one block. */
static void put_only_block(const struct exchange *x, struct buf *out, const char *text)
{
    if (!x->chunked) {
        buf_puts(out, text);
        return;
    }
    size_t chunk = chunk_begin(out);
    buf_puts(out, text);
    chunk_end(out, chunk);
    buf_puts(out, CHUNK_LAST);
}

/* The head, of a gzip stream if there is nothing else, the block TEXT unless it is NULL, and the
 * end. */
static void answer_briefly(struct exchange *x, bool gzip, const char *text)
{
    struct buf *out = begin_answer(x, gzip);
    if (!out)
        return;
    if (text)
        put_only_block(x, out, text);
    conn_finish_after_output(x->conn);
}

void sse_answer_over(struct exchange *x, const char *why)
{
    char text[128];
    snprintf(text, sizeof(text),
             "retry: %d\nevent: longwire.expired\ndata: {\"reason\":\"%s\"}\n\n", OVER_RETRY_MS,
             why);
    answer_briefly(x, false, x->method == HTTP_HEAD ? NULL : text);
}

void sse_answer_later(struct exchange *x, uint32_t ms)
{
    char text[32];
    snprintf(text, sizeof(text), "retry: %u\n\n", jittered_retry(x->conn) + ms);
    answer_briefly(x, false, x->method == HTTP_HEAD ? NULL : text);
}

void sse_start(struct exchange *x, const struct subscription *sub)
{
    if (x->method == HTTP_HEAD) {
        answer_briefly(x, sub->gzip, NULL);
        return;
    }
    struct listed_stream *s = x->conn->loop->draining ? NULL : calloc(1, sizeof(*s));
    if (!s) {
        sse_answer_later(x, SUBSCRIBE_LATER_MS);
        return;
    }
    stream_init(&s->stream, x->conn, &sse_stream_ops);
    const struct encoding *encoding = sse_encoding_of(
        (struct sse_form){.raw = sub->raw, .chunked = x->chunked, .gzip = sub->gzip});
    enum err e = stream_start(&s->stream, &sub->spec, encoding, &sub->after);
    if (e == ERR_OK)
        return;
    free(s);
    if (e == ERR_LIMIT)
        exchange_fail(x, 400, SUBSCRIBE_TOO_FAR);
    else
        sse_answer_later(x, SUBSCRIBE_LATER_MS);
}
