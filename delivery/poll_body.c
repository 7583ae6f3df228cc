#include "delivery/poll_body.h"

#include <string.h>

#include "delivery/envelope.h"
#include "delivery/envelope_encoding.h"
#include "delivery/poll_packed.h"

enum {
    /* Bounded pieces of reading for one answer: a long empty way is gone in several answers. */
    READS_MAX = 64,
    BODY_FRAME = 256, /* bytes around the messages, mostly: room for them is made at once */
    BEGIN_MAX = 64,   /* what stands before the messages, which is known when they have been read */
};

/* What is read, and how it is written. */
struct reading {
    struct replay *replay;
    struct feed *feed;
    uint64_t until;
    uint32_t limit;
    const struct encoding *encoding; /* shared with others, or NULL: */
    void (*encode)(const struct message *m, struct buf *out);
};

struct collecting {
    const struct reading *reading;
    struct buf *out;
    size_t start; /* where the messages begin in it */
    size_t plain; /* bytes of payloads */
    uint32_t left;
    size_t count;
    bool failed;
};

static void put_message(struct collecting *c, struct message *m, bool shared)
{
    const struct reading *r = c->reading;
    const struct blob *b = shared && r->encoding ? message_encoded(m, r->encoding) : NULL;
    if (b)
        buf_append(c->out, b->data, b->len);
    else if (shared && r->encoding)
        c->failed = true;
    else
        r->encode(m, c->out);
}

static bool is_packed(const struct reading *r)
{
    return r->encoding == &envelope_encoding_packed;
}

/* What is packed is short for all the work that it may be. */
static bool is_long(const struct collecting *c)
{
    return c->out->len - c->start >= POLL_BODY_BYTES ||
           (is_packed(c->reading) && c->plain >= POLL_BODY_PACKED_BYTES);
}

static bool collect(void *ctx, struct message *m, bool shared)
{
    struct collecting *c = ctx;
    if (c->left == 0 || is_long(c))
        return false;
    if (c->count && !is_packed(c->reading))
        buf_putc(c->out, ',');
    put_message(c, m, shared);
    c->plain += m->payload_len;
    c->left--;
    c->count++;
    return !c->failed;
}

static void start_over(struct collecting *c)
{
    c->out->len = c->start;
    c->left = c->reading->limit;
    c->count = c->plain = 0;
}

/* Appends envelopes to OUT. Not w->scratch: that may hold the parcel which made a poll look. */
static enum err read_messages(const struct reading *r, struct position *p, struct gap *gap,
                              struct buf *out, size_t *ret_count)
{
    struct collecting c = {.reading = r, .out = out, .start = out->len};
    enum err e = ERR_OK;
    start_over(&c);
    struct position start = *p;
    for (int i = 0; i < READS_MAX && e == ERR_OK && p->offset < r->until; i++) {
        struct gap found;
        struct position before = *p;
        e = replay_next(r->replay, r->feed, p, r->until, collect, &c, &found);
        if (e == ERR_AGAIN) {
            start_over(&c);
            *p = start;
            e = ERR_OK;
            continue;
        }
        if (found.reason != GAP_NONE && (c.count || gap->reason != GAP_NONE)) {
            *p = before; /* the next answer tells it, in its place */
            if (c.count == 0 && p->offset < gap->resumed)
                p->offset = gap->resumed;
            break;
        }
        if (found.reason != GAP_NONE) {
            *gap = found;
            start = *p; /* it is told, whatever has to be read again */
        }
        if (c.left == 0 || is_long(&c))
            break;
    }
    *ret_count = c.count;
    return e == ERR_OK && (c.failed || out->failed) ? ERR_NOMEM : e;
}

static void put_cursor(const struct worker *w, uint64_t offset, struct buf *out)
{
    char text[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(text, offset, w->replay.log->epoch);
    buf_putc(out, '"');
    buf_append(out, text, n);
    buf_putc(out, '"');
}

void poll_body_gap(const struct worker *w, const struct gap *gap, struct buf *out)
{
    char text[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(text, gap->requested.offset, gap->requested.epoch);
    buf_puts(out, "{\"requested\":\"");
    buf_append(out, text, n);
    buf_puts(out, "\",\"resumed\":");
    put_cursor(w, gap->resumed, out);
    buf_printf(out, ",\"reason\":\"%s\"}", gap_reason_name(gap->reason));
}

static void begin(const struct worker *w, uint64_t offset, struct buf *out)
{
    buf_puts(out, "{\"cursor\":");
    put_cursor(w, offset, out);
    buf_puts(out, ",\"messages\":[");
}

/* MARK names the member that is there when the end is reached; NULL: it is not. */
static void end(const struct worker *w, const struct gap *gap, const char *mark, struct buf *out)
{
    buf_putc(out, ']');
    if (gap->reason != GAP_NONE) {
        buf_puts(out, ",\"gap\":");
        poll_body_gap(w, gap, out);
    }
    if (mark) {
        buf_puts(out, ",\"");
        buf_puts(out, mark);
        buf_puts(out, "\":true");
    }
    buf_putc(out, '}');
}

/* Leaves room in OUT, which is empty, for N bytes. */
static enum err leave_room(struct buf *out, size_t n)
{
    char *room = buf_reserve(out, n + BODY_FRAME);
    if (!room)
        return ERR_NOMEM;
    memset(room, 0, n);
    out->len += n;
    return ERR_OK;
}

/* Puts what stands before the messages right before them; returns where that begins. */
static size_t put_begin(const struct worker *w, uint64_t offset, struct buf *out)
{
    struct buf text = {0};
    begin(w, offset, &text);
    size_t at = POLL_BODY_ROOM + BEGIN_MAX - text.len;
    out->failed |= text.failed;
    if (!text.failed)
        memcpy(out->data + at, text.data, text.len);
    buf_finish(&text);
    return at;
}

/* A body of the N bytes that packed envelopes take. */
static enum err pack(const struct worker *w, uint64_t offset, const char *records, size_t n,
                     const struct gap *gap, const char *mark, struct poll_body *body)
{
    struct buf before = {0}, behind = {0};
    enum err e = leave_room(&body->buf, POLL_BODY_ROOM);
    body->at = body->buf.len;
    begin(w, offset, &before);
    end(w, gap, mark, &behind);
    if (e == ERR_OK)
        body->gzip = poll_packed_join(&body->buf, &before, records, n, &behind);
    buf_finish(&before);
    buf_finish(&behind);
    return e == ERR_OK && body->buf.failed ? ERR_NOMEM : e;
}

static enum err read_packed(struct worker *w, const struct reading *r, struct position *p,
                            struct gap *gap, const char *mark, struct poll_body *body)
{
    struct buf records = {0};
    enum err e = read_messages(r, p, gap, &records, &body->count);
    if (e == ERR_OK) {
        worker_count_gap(w, gap->reason);
        e = pack(w, p->offset, records.data, records.len, gap, p->offset >= r->until ? mark : NULL,
                 body);
    }
    buf_finish(&records);
    return e;
}

static enum err read_body(struct worker *w, const struct reading *r, struct position *p,
                          struct gap *gap, const char *mark, struct poll_body *body)
{
    struct buf *out = &body->buf;
    if (is_packed(r))
        return read_packed(w, r, p, gap, mark, body);
    enum err e = leave_room(out, POLL_BODY_ROOM + BEGIN_MAX);
    if (e == ERR_OK)
        e = read_messages(r, p, gap, out, &body->count);
    if (e != ERR_OK)
        return e;
    worker_count_gap(w, gap->reason);
    body->at = put_begin(w, p->offset, out);
    end(w, gap, p->offset >= r->until ? mark : NULL, out);
    return out->failed ? ERR_NOMEM : ERR_OK;
}

enum err poll_body_read(struct worker *w, struct feed *f, struct position *p, struct gap *gap,
                        uint32_t limit, struct poll_body *ret)
{
    const struct encoding *encoding =
        f->encoding == &envelope_encoding_packed ? f->encoding : &envelope_encoding;
    struct reading r = {
        .replay = &w->replay,
        .feed = f,
        .until = w->head,
        .limit = limit,
        .encoding = encoding,
        .encode = encoding->encode,
    };
    enum err e = read_body(w, &r, p, gap, "live", ret);
    ret->live = p->offset >= w->head;
    return e;
}

enum err poll_body_export(struct worker *w, struct replay *replay, struct feed *f,
                          struct position *p, struct gap *gap, uint32_t limit, uint64_t until,
                          struct poll_body *ret)
{
    struct reading r = {
        .replay = replay,
        .feed = f,
        .until = until,
        .limit = limit,
        .encode = envelope_append_stored,
    };
    return read_body(w, &r, p, gap, "end", ret);
}

void poll_body_append(struct worker *w, const char *data, const struct cut *cuts, size_t count,
                      uint64_t offset, struct poll_body *ret)
{
    static const struct gap none = {.reason = GAP_NONE};
    struct buf *out = &ret->buf;
    size_t start = 0, size = count ? cuts[count - 1].end + count : 0;
    buf_reserve(out, POLL_BODY_ROOM + size + BODY_FRAME);
    if (leave_room(out, POLL_BODY_ROOM) != ERR_OK)
        return;
    ret->at = out->len;
    begin(w, offset, out);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_putc(out, ',');
        buf_append(out, data + start, cuts[i].end - start);
        start = cuts[i].end;
    }
    end(w, &none, "live", out);
}

enum err poll_body_pack(const struct worker *w, const char *data, size_t n, uint64_t offset,
                        struct poll_body *ret)
{
    static const struct gap none = {.reason = GAP_NONE};
    return pack(w, offset, data, n, &none, "live", ret);
}
