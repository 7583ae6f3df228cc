/*
 * Long-poll: one request after the other on a kept connection, each from the cursor of the answer
 * before. The first one asks only where the head is.
 */
#include <stdio.h>
#include <string.h>

#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_subscriber.h"

enum phase { PHASE_FIRST, PHASE_HEAD, PHASE_BODY };

static void poll_request(const struct bench_subscribers *set, const struct bench_subscriber *s,
                         struct buf *out)
{
    char query[BENCH_CURSOR_SIZE + 32] = "&wait=0";
    if (s->state == SUBSCRIBER_LIVE)
        snprintf(query, sizeof(query), "&wait=25&after=%s", set->cursors[s - set->items]);
    http_request(set, s, query, set->browser ? "Accept: */*\r\n" : "", out);
}

static void ask_again(struct bench_subscribers *set, struct bench_subscriber *s)
{
    struct buf request = {0};
    poll_request(set, s, &request);
    s->phase = PHASE_HEAD;
    subscriber_send(set, s, request.data, request.len);
    buf_finish(&request);
}

/* Raw answers are 200 with one message, or 204 without. */
static bool is_answer(const struct http_head *h)
{
    return (h->status == 200 || h->status == 204) && h->cursor && h->cursor_len < BENCH_CURSOR_SIZE;
}

static size_t read_head(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                        size_t n)
{
    struct http_head h;
    if (!http_read_head(data, n, &h))
        return 0;
    if (!is_answer(&h)) {
        http_complain(set, s, &h, data);
        return n;
    }
    char *cursor = set->cursors[s - set->items];
    memcpy(cursor, h.cursor, h.cursor_len);
    cursor[h.cursor_len] = '\0';
    if (s->phase == PHASE_FIRST)
        subscriber_ready(set, s);
    s->phase = PHASE_BODY;
    s->due = h.content_len;
    if (s->due == 0)
        ask_again(set, s);
    return h.len;
}

/* Takes all marks; a cut one at the end waits for more. */
static size_t read_body(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                        size_t n)
{
    const char *p = data, *end = data + (n < s->due ? n : s->due);
    bool last = n >= s->due;
    struct bench_mark mark;
    while ((p = memchr(p, MARK_BYTE, (size_t)(end - p)))) {
        if (end - p < MARK_SIZE && !last) {
            end = p;
            break;
        }
        bool whole = end - p >= MARK_SIZE && mark_read(p, set->plan->tag, &mark);
        if (whole)
            subscriber_got(set, s, &mark);
        p += whole ? MARK_SIZE : 1;
    }
    s->due -= (uint64_t)(end - data);
    if (s->due == 0)
        ask_again(set, s);
    return (size_t)(end - data);
}

static size_t poll_read(struct bench_subscribers *set, struct bench_subscriber *s, const char *data,
                        size_t n)
{
    size_t used = 0, step = 1;
    while (used < n && step > 0) {
        if (s->state == SUBSCRIBER_LOST)
            return n;
        if (s->phase == PHASE_BODY)
            step = read_body(set, s, data + used, n - used);
        else
            step = read_head(set, s, data + used, n - used);
        used += step;
    }
    return used;
}

const struct bench_protocol bench_poll = {
    .keeps_cursors = true, .request = poll_request, .read = poll_read};
