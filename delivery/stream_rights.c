#include "delivery/stream_rights.h"

#include <string.h>

#include "base/buf.h"
#include "delivery/stream.h"

/* Appends a subscription that may not stay: its length, and its name. */
static void note(struct buf *denied, const char *filter, size_t n)
{
    buf_putc(denied, (char)n); /* TOPIC_NAME_MAX is 255 */
    buf_append(denied, filter, n);
}

static void find_denied(const struct stream *s, stream_may_keep *may_keep, void *ctx,
                        struct buf *denied)
{
    const struct feed *f = s->sub.feed;
    const struct joiner *j = NULL;
    const char *name;
    size_t n;
    for (uint32_t i = 0; f && i < f->filter_count; i++) {
        name = filter_name(f->filters[i], &n);
        if (!may_keep(ctx, name, n))
            note(denied, name, n);
    }
    while ((j = stream_next_joiner(s, j, &name, &n)))
        if (!may_keep(ctx, name, n))
            note(denied, name, n);
}

/* False: the connection ended. */
static bool tell(struct stream *s, const char *filter, size_t n)
{
    struct worker *w = worker_of(s->conn);
    uint64_t at = stream_offset(s);
    const struct gap gap = {
        .reason = GAP_DENIED, .requested = {at, w->replay.log->epoch}, .resumed = at};
    worker_count_gap(w, GAP_DENIED);
    return s->ops->gap(s, &gap, filter, n);
}

/* One that is there twice, in the set and on its way, leaves at once. */
static bool take_out(struct stream *s, const char *filter, size_t n)
{
    enum err e = stream_part(s, filter, n);
    if (e == ERR_NOT_FOUND)
        return true;
    if (e == ERR_OK)
        return tell(s, filter, n);
    conn_close(s->conn, CLOSE_NOMEM);
    return false;
}

bool stream_judge(struct stream *s, stream_may_keep *may_keep, void *ctx)
{
    struct buf denied = {0};
    find_denied(s, may_keep, ctx, &denied);
    if (denied.failed)
        conn_close(s->conn, CLOSE_NOMEM);
    for (size_t at = 0; !denied.failed && at < denied.len;) {
        size_t n = (unsigned char)denied.data[at];
        if (!take_out(s, denied.data + at + 1, n))
            break;
        at += 1 + n;
    }
    buf_finish(&denied);
    return conn_is_open(s->conn) && stream_filters(s) > 0;
}
