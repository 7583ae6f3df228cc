#include "http/h2/h2.h"

#include <string.h>

#include "net/readiness.h"

/* --- its streams --- */

void h2_remove(struct h2_stream *s)
{
    struct h2 *h = h2_stream_session(s);
    if (h)
        h->unread -= h2_stream_drop_unread(s);
    h2_streams_remove(h ? &h->streams : NULL, s);
    if (h && !h->streams.count)
        conn_resume(h->conn); /* it is idle now, or over */
}

void h2_note(struct h2_stream *s)
{
    struct h2 *h = h2_stream_session(s);
    if (s->noted || s->closed)
        return;
    s->noted = true;
    buf_append(&h->news, &s->id, sizeof(s->id));
    if (h->news.failed)
        conn_close(h->conn, CLOSE_NOMEM);
    else if (!h->reading)
        conn_resume(h->conn);
}

void h2_note_closed(struct h2 *h)
{
    for (struct h2_stream *s = NULL; (s = h2_streams_next(&h->streams, s));)
        if (s->wanted & READY_WRITE)
            h2_note(s);
}

/* --- those that wait for room --- */

void h2_wait_for_room(struct h2_stream *s, bool took)
{
    struct h2 *h = h2_stream_session(s);
    struct buf *list = took ? &h->fed : &h->starved;
    if (s->waits)
        return;
    s->waits = true;
    buf_append(list, &s->id, sizeof(s->id));
    if (list->failed)
        conn_close(h->conn, CLOSE_NOMEM);
}

static void note_list(struct h2 *h, struct buf *list)
{
    for (size_t at = 0; at < list->len; at += sizeof(int32_t)) {
        int32_t id;
        memcpy(&id, list->data + at, sizeof(id));
        struct h2_stream *s = nghttp2_session_get_stream_user_data(h->frames, id);
        if (!s)
            continue;
        s->waits = false;
        h2_note(s);
    }
    buf_finish(list);
}

void h2_note_waiting(struct h2 *h)
{
    note_list(h, &h->starved);
    note_list(h, &h->fed);
}

/* --- news --- */

/* The next one from *AT on, which goes behind it; NULL: none any more. */
static struct h2_stream *next_news(const struct h2 *h, size_t *at)
{
    struct h2_stream *s = NULL;
    while (!s && *at < h->news.len) {
        int32_t id;
        memcpy(&id, h->news.data + *at, sizeof(id));
        *at += sizeof(id);
        s = nghttp2_session_get_stream_user_data(h->frames, id);
    }
    return s;
}

struct h2_stream *h2_take_news(struct h2 *h)
{
    struct h2_stream *s = next_news(h, &h->told);
    if (s) {
        s->noted = false;
        return s;
    }
    buf_finish(&h->news);
    h->told = h->looked = 0;
    return NULL;
}

struct h2_stream *h2_peek_news(struct h2 *h)
{
    if (h->looked < h->told)
        h->looked = h->told;
    return next_news(h, &h->looked);
}

void h2_stream_closed(struct h2_stream *s)
{
    s->closed = true;
    conn_close(s->conn, s->sent_all ? CLOSE_DONE : CLOSE_PEER);
}

/* --- how much waits --- */

size_t h2_unsent(const struct h2 *h)
{
    return h->out.len + conn_unsent(h->conn);
}
