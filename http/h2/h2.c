#include "http/h2/h2.h"

#include <stdlib.h>
#include <string.h>

#include "net/readiness.h"

enum { STREAMS_FIRST = 4 };

/* --- its streams --- */

static enum err make_room(struct h2 *h)
{
    uint32_t cap = h->cap ? h->cap * 2 : STREAMS_FIRST;
    if (h->count < h->cap)
        return ERR_OK;
    struct h2_stream **more = realloc(h->streams, cap * sizeof(struct h2_stream *));
    if (!more)
        return ERR_NOMEM;
    h->streams = more;
    h->cap = cap;
    return ERR_OK;
}

enum err h2_add(struct h2 *h, struct h2_stream *s)
{
    if (make_room(h) != ERR_OK)
        return ERR_NOMEM;
    s->session = h;
    s->at = h->count;
    h->streams[h->count++] = s;
    return ERR_OK;
}

void h2_remove(struct h2_stream *s)
{
    struct h2 *h = s->session;
    struct h2_stream *last = h->streams[--h->count];
    h->streams[s->at] = last;
    last->at = s->at;
    h->unread -= s->unread ? s->unread->len : 0;
    s->session = NULL;
    if (!h->count)
        conn_resume(h->conn); /* it is idle now, or over */
}

void h2_note(struct h2_stream *s)
{
    struct h2 *h = s->session;
    if (s->noted || s->closed)
        return;
    s->noted = true;
    buf_append(&h->news, &s->id, sizeof(s->id));
    if (h->news.failed)
        conn_close(h->conn, CLOSE_NOMEM);
    else if (!h->reading)
        conn_resume(h->conn);
}

/* From a place of their own on, so that all come to be the first. */
void h2_note_waiting(struct h2 *h)
{
    uint32_t first = h->next < h->count ? h->next : 0;
    for (uint32_t i = 0; i < h->count; i++) {
        uint32_t at = first + i < h->count ? first + i : first + i - h->count;
        if (h->streams[at]->wanted & READY_WRITE)
            h2_note(h->streams[at]);
    }
}

struct h2_stream *h2_take_news(struct h2 *h)
{
    while (h->told < h->news.len) {
        int32_t id;
        memcpy(&id, h->news.data + h->told, sizeof(id));
        h->told += sizeof(id);
        struct h2_stream *s = nghttp2_session_get_stream_user_data(h->frames, id);
        if (!s)
            continue;
        s->noted = false;
        return s;
    }
    buf_finish(&h->news);
    h->told = 0;
    return NULL;
}

void h2_stream_closed(struct h2_stream *s)
{
    s->closed = true;
    conn_close(s->conn, s->sent_all ? CLOSE_DONE : CLOSE_PEER);
}

bool h2_stream_is_read(const struct h2_stream *s)
{
    return s->came_all && !s->unread;
}

/* --- how much waits --- */

size_t h2_unsent(const struct h2 *h)
{
    return h->out.len + conn_unsent(h->conn);
}
