#include "frontends/poll_body.h"

#include <string.h>

#include "frontends/encodings.h"

enum {
    /* Bounded pieces of reading for one answer: a long empty way is gone in several answers. */
    READS_MAX = 64,
};

struct collecting {
    struct buf *out;
    uint32_t left;
    size_t count;
    bool failed;
};

static bool collect(void *ctx, struct message *m, bool shared)
{
    struct collecting *c = ctx;
    if (c->left == 0 || c->out->len >= POLL_BODY_BYTES)
        return false;
    if (c->count)
        buf_putc(c->out, ',');
    if (shared) {
        const struct blob *b = message_encoded(m, &encoding_poll);
        if (b)
            buf_append(c->out, b->data, b->len);
        else
            c->failed = true;
    } else {
        encoding_poll.encode(m, c->out);
    }
    c->left--;
    c->count++;
    return !c->failed;
}

static void start_over(struct collecting *c, uint32_t limit)
{
    buf_clear(c->out);
    c->left = limit;
    c->count = 0;
}

/* Fills OUT with envelopes. Not w->scratch: that may hold the parcel which made a poll look. */
static enum err read_messages(struct worker *w, struct feed *f, struct position *p, uint32_t limit,
                              struct gap *gap, struct buf *out, size_t *ret_count)
{
    struct collecting c = {.out = out};
    enum err e = ERR_OK;
    start_over(&c, limit);
    struct position start = *p;
    for (int i = 0; i < READS_MAX && e == ERR_OK && p->offset < w->head; i++) {
        struct gap found;
        struct position before = *p;
        e = replay_next(&w->replay, f, p, w->head, collect, &c, &found);
        if (e == ERR_AGAIN) {
            start_over(&c, limit);
            *p = start;
            e = ERR_OK;
            continue;
        }
        if (found.reason != GAP_NONE && c.count) {
            *p = before; /* the next answer tells it, in its place */
            break;
        }
        if (found.reason != GAP_NONE)
            *gap = found;
        if (c.left == 0 || c.out->len >= POLL_BODY_BYTES)
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

static void end(const struct worker *w, const struct gap *gap, bool live, struct buf *out)
{
    buf_putc(out, ']');
    if (gap->reason != GAP_NONE) {
        buf_puts(out, ",\"gap\":");
        poll_body_gap(w, gap, out);
    }
    buf_puts(out, live ? ",\"live\":true}" : "}");
}

enum err poll_body_read(struct worker *w, struct feed *f, struct position *p, struct gap *gap,
                        uint32_t limit, struct buf *out, size_t *ret_count, bool *ret_live)
{
    struct buf messages = {0};
    enum err e = read_messages(w, f, p, limit, gap, &messages, ret_count);
    if (e == ERR_OK) {
        *ret_live = p->offset >= w->head;
        worker_count_gap(w, gap->reason);
        begin(w, p->offset, out);
        buf_append(out, messages.data, messages.len);
        end(w, gap, *ret_live, out);
    }
    buf_finish(&messages);
    return e == ERR_OK && out->failed ? ERR_NOMEM : e;
}

void poll_body_append(struct worker *w, const char *data, const struct cut *cuts, size_t count,
                      uint64_t offset, struct buf *out)
{
    static const struct gap none = {.reason = GAP_NONE};
    size_t start = 0;
    begin(w, offset, out);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_putc(out, ',');
        buf_append(out, data + start, cuts[i].end - start);
        start = cuts[i].end;
    }
    end(w, &none, true, out);
}
