#include "delivery/stream.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/catchup.h"
#include "delivery/description.h"
#include "delivery/lagging.h"
#include "utlist.h"

enum {
    /* What one lagging stream is moved on by in one turn: of bytes to send, and of work for them:
     * bytes of payload, which may be compressed to much less, and what is looked at for messages
     * that others may bring. */
    SLICE_BYTES = 128 << 10,
    LOOK_BYTES = 16, /* of work: one look at what else may bring a message */
    /* No further slice is begun when those of this turn have taken so long: whoever is live waits
     * for the end of the turn, however many lag. */
    LAGGING_MS = 1,
    FINISH_MAX = 256, /* joiners that become part of a set in one step */
};

/* --- what it has while it catches up --- */

static void schedule(struct stream *s)
{
    catchup_schedule(s->catchup, worker_of(s->conn));
}

/* Has it until end_catchup. ERR_NOMEM. */
static enum err begin_catchup(struct stream *s)
{
    if (!s->catchup)
        s->catchup = catchup_create(s);
    return s->catchup ? ERR_OK : ERR_NOMEM;
}

static void end_catchup(struct stream *s)
{
    catchup_free(s->catchup, worker_of(s->conn));
    s->catchup = NULL;
}

/* NULL: it is not lagging. */
static struct lagging *lag_of(const struct stream *s)
{
    return s->catchup ? s->catchup->lagging : NULL;
}

static struct position place_at(uint64_t offset)
{
    return (struct position){.offset = offset, .floor_serial = UINT64_MAX};
}

/* --- states --- */

uint64_t stream_offset(const struct stream *s)
{
    if (s->state == STREAM_LIVE)
        return worker_of(s->conn)->head;
    return s->catchup ? s->catchup->position.offset : 0;
}

/* Whether the fan-out is to write past S, or to ask it; S is live. */
static void set_look(struct stream *s)
{
    struct live *l = feed_entry(&s->sub);
    if (l->handle < 0)
        return;
    l->look = conn_is_busy(s->conn);
    if (!l->look)
        conn_watch_busy(s->conn);
}

void stream_busy(struct stream *s)
{
    if (feed_is_live(&s->sub))
        feed_entry(&s->sub)->look = true;
}

/* Leaves LIVE with everything up to OFFSET done. Without memory for its place it ends: going on
 * elsewhere would lose what is between. */
static void fall_behind(struct stream *s, uint64_t offset)
{
    if (begin_catchup(s) != ERR_OK) {
        conn_close(s->conn, CLOSE_NOMEM);
        return;
    }
    if (s->state == STREAM_LIVE) {
        counter_add(&s->conn->loop->counters, COUNTER_lags, 1);
        s->catchup->lagging = lagging_begin(s->conn, &s->sub, offset);
    }
    if (feed_is_live(&s->sub))
        feed_go_idle(&s->sub);
    s->catchup->position = place_at(offset);
    s->state = conn_is_busy(s->conn) ? STREAM_BLOCKED : STREAM_BEHIND;
    if (s->state == STREAM_BEHIND)
        schedule(s);
}

/* S is on the worker's list. */
static void block(struct stream *s)
{
    if (s->state == STREAM_LIVE)
        fall_behind(s, worker_of(s->conn)->head);
    s->state = STREAM_BLOCKED;
    catchup_unschedule(s->catchup, worker_of(s->conn));
}

void stream_drained(struct stream *s)
{
    if (s->state == STREAM_BLOCKED) {
        s->state = STREAM_BEHIND;
        schedule(s);
    } else if (s->joiners.list) {
        schedule(s);
    }
    if (s->state == STREAM_LIVE)
        set_look(s);
}

static bool tell_gap(struct stream *s, const struct gap *g, const struct feed *joining)
{
    size_t n = 0;
    if (g->reason == GAP_NONE)
        return true;
    const char *filter = joining ? filter_name(joining->filters[0], &n) : NULL;
    worker_count_gap(worker_of(s->conn), g->reason);
    if (!joining)
        lagging_restart(lag_of(s));
    return s->ops->gap(s, g, filter, n);
}

/* --- bytes to the socket --- */

/* Counts the messages that N bytes hold whole. */
static size_t whole_messages(const struct cut *cuts, size_t count, size_t n)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (cuts[mid].end <= n)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void count_deliveries(struct stream *s, size_t messages, size_t bytes)
{
    struct counters *c = &s->conn->loop->counters;
    counter_add(c, COUNTER_deliveries, messages);
    counter_add(c, COUNTER_delivered_bytes, bytes);
}

/* Pushes what is in scratch, from cut number FIRST on. Returns the offset of the last message that
 * is on its way, BEFORE when none is; one that was cut in its middle is, a copy of its rest is
 * kept.
 */
static uint64_t push(struct stream *s, size_t first, uint64_t before)
{
    const struct worker *w = worker_of(s->conn);
    const char *data = w->scratch.data;
    size_t begin = first ? w->cuts[first - 1].end : 0;
    size_t n = begin + conn_push(s->conn, data + begin, w->scratch.len - begin);
    size_t whole = whole_messages(w->cuts, w->cut_count, n);
    size_t start = whole ? w->cuts[whole - 1].end : 0;
    uint64_t reached = whole > first ? w->cuts[whole - 1].offset : before;
    count_deliveries(s, whole - first, n - begin);
    if (whole < w->cut_count && n > start && conn_state(s->conn) != CONN_CLOSED) {
        struct blob *rest = blob_create(data + n, w->cuts[whole].end - n);
        if (!rest) {
            conn_close(s->conn, CLOSE_NOMEM);
            return reached;
        }
        conn_keep_rest(s->conn, rest, 0, 0);
        blob_unref(rest);
        counter_add(&s->conn->loop->counters, COUNTER_deliveries, 1);
        reached = w->cuts[whole].offset;
    }
    return reached;
}

/* The same for a parcel of which only N bytes went; a cut message's rest is then shared by all who
 * were cut in it. */
static uint64_t keep_cut(struct stream *s, const struct parcel *p, size_t n)
{
    size_t whole = whole_messages(p->cuts, p->count, n);
    size_t start = whole ? p->cuts[whole - 1].end : 0;
    count_deliveries(s, whole + (n > start), n);
    const struct feed_hit *hit = p->hits;
    for (size_t i = 0; i < whole; i++)
        hit = hit->next;
    if (n == start)
        return hit->message->offset - 1;
    const struct encoding *e = p->encoding;
    struct blob *b = message_encoded(hit->message, e);
    conn_keep_rest(s->conn, b, e->head + (uint32_t)(n - start), e->tail);
    return hit->message->offset;
}

static uint64_t push_parcel(struct stream *s, const struct parcel *p)
{
    size_t n = conn_push(s->conn, p->data, p->size);
    if (n < p->size)
        return keep_cut(s, p, n);
    count_deliveries(s, p->count, n);
    return p->last;
}

/* For a stream with an encoding of its own. */
static uint64_t push_own(struct stream *s, const struct parcel *p)
{
    struct worker *w = worker_of(s->conn);
    buf_clear(&w->scratch);
    w->cut_count = 0;
    for (const struct feed_hit *hit = p->hits; hit; hit = hit->next) {
        s->ops->encode(s, hit->message, &w->scratch);
        if (worker_add_cut(w, w->scratch.len, hit->message) != ERR_OK || w->scratch.failed)
            return p->before;
    }
    uint64_t reached = push(s, 0, p->before);
    return reached == w->cuts[w->cut_count - 1].offset ? p->last : reached;
}

static struct stream *stream_of(struct subscriber *sub)
{
    return subscriber_owner(sub);
}

static void deliver(struct subscriber *sub, const struct parcel *p)
{
    struct stream *s = stream_of(sub);
    uint64_t reached = p->before;
    if (conn_is_busy(s->conn))
        conn_flush(s->conn);
    if (!conn_is_busy(s->conn)) {
        if (s->ops->encode)
            reached = push_own(s, p);
        else if (p->count)
            reached = push_parcel(s, p);
    }
    if (conn_state(s->conn) == CONN_CLOSED)
        return;
    if (reached != p->last || conn_is_busy(s->conn))
        fall_behind(s, reached);
    else
        set_look(s);
}

static void cut(struct subscriber *sub, const struct parcel *p, size_t n, enum err why)
{
    struct stream *s = stream_of(sub);
    conn_fan_cut(s->conn, n, why);
    uint64_t reached = keep_cut(s, p, n);
    if (conn_state(s->conn) != CONN_CLOSED)
        fall_behind(s, reached);
}

static const struct receiver_ops live_ops = {.deliver = deliver, .cut = cut};

static void end_lag(struct stream *s)
{
    lagging_end(lag_of(s));
    if (s->catchup)
        s->catchup->lagging = NULL;
}

static void go_live(struct stream *s)
{
    if (feed_go_live(&s->sub, &live_ops, conn_fan_fd(s->conn)) != ERR_OK) {
        conn_close(s->conn, CLOSE_NOMEM);
        return;
    }
    s->state = STREAM_LIVE;
    end_lag(s);
    set_look(s);
    if (!s->told_live) {
        s->told_live = true;
        s->ops->live(s, worker_of(s->conn)->head, NULL, 0);
    }
}

/* --- moving a lagging stream on --- */

struct slice {
    struct stream *stream;
    struct feed *feed;
    const struct joiner *joiner; /* NULL: the set itself */
    size_t looks;                /* for each message of a joiner */
    size_t work;                 /* so far, bytes */
    bool failed;
};

static void encode_one(struct slice *sl, struct message *m, bool shared, struct buf *out)
{
    struct stream *s = sl->stream;
    const struct encoding *e = sl->feed->encoding;
    size_t n;
    if (s->ops->encode) {
        s->ops->encode(s, m, out);
    } else if (shared && e->slot != MESSAGE_UNSHARED) {
        const struct blob *b = message_encoded(m, e);
        const char *part = b ? message_part(b, e, &n) : NULL;
        if (part)
            buf_append(out, part, n);
        else
            sl->failed = true;
    } else {
        message_encode(m, e, out);
    }
}

/* Whether the slice's joiner leaves M to others. */
static bool leaves(const struct slice *sl, const struct message *m)
{
    const struct stream *s = sl->stream;
    return sl->joiner &&
           joiner_leaves(&s->joiners, sl->joiner, s->sub.feed, worker_of(s->conn)->feeds, m);
}

static bool take_message(void *ctx, struct message *m, bool shared)
{
    struct slice *sl = ctx;
    struct worker *w = worker_of(sl->stream->conn);
    if (w->scratch.len >= SLICE_BYTES || sl->work >= SLICE_BYTES)
        return false;
    sl->work += sl->looks * LOOK_BYTES;
    if (leaves(sl, m))
        return true;
    sl->work += m->payload_len;
    encode_one(sl, m, shared, &w->scratch);
    sl->failed |= w->scratch.failed || worker_add_cut(w, w->scratch.len, m) != ERR_OK;
    return !sl->failed;
}

/* Whether others of its feed would get the same bytes. */
static bool is_common(const struct slice *sl)
{
    return !sl->joiner && !sl->stream->ops->encode;
}

static enum err read_slice(struct slice *sl, struct position *p, uint64_t until, struct gap *gap)
{
    struct worker *w = worker_of(sl->stream->conn);
    enum err e;
    w->slice_feed = NULL;
    do {
        buf_clear(&w->scratch);
        w->cut_count = 0;
        sl->work = 0;
        replay_span_begin(&w->slice_span, &w->replay, p);
        e = replay_next(&w->replay, sl->feed, p, until, take_message, sl, gap);
    } while (e == ERR_AGAIN);
    if (e == ERR_OK && sl->failed)
        return ERR_NOMEM;
    if (e == ERR_OK && gap->reason == GAP_NONE && is_common(sl)) {
        replay_span_end(&w->slice_span, p);
        w->slice_feed = sl->feed;
    }
    return e;
}

/* Reads a slice, and tells the gap if it begins with one. False: the connection ended. */
static bool read_or_close(struct slice *sl, struct position *p, uint64_t until, struct gap *gap)
{
    struct stream *s = sl->stream;
    enum err e = read_slice(sl, p, until, gap);
    if (e == ERR_OK)
        return tell_gap(s, gap, sl->joiner ? sl->feed : NULL);
    counter_add(&s->conn->loop->counters, COUNTER_read_errors, 1);
    conn_close(s->conn, e == ERR_NOMEM ? CLOSE_NOMEM : CLOSE_LOG);
    return false;
}

/* Sends what is in scratch above BEFORE, where P was. */
static bool send_slice(struct slice *sl, struct position *p, uint64_t before)
{
    struct stream *s = sl->stream;
    struct worker *w = worker_of(s->conn);
    size_t first = worker_cut_behind(w, before);
    if (first == w->cut_count)
        return true;
    counter_add(&w->loop.counters, COUNTER_replayed, w->cut_count - first);
    uint64_t last = w->cuts[w->cut_count - 1].offset;
    uint64_t reached = push(s, first, before);
    if (reached != last)
        p->offset = reached;
    if (!sl->joiner)
        lagging_sent(lag_of(s), first, reached);
    return !conn_is_busy(s->conn);
}

/* After a restart of the hub all come back at nearly the same place: what was read and encoded for
 * one of them serves the others too. Moves P on if the slice in scratch is P's as well. */
static bool take_slice_of_another(const struct slice *sl, struct position *p, uint64_t until)
{
    struct worker *w = worker_of(sl->stream->conn);
    return is_common(sl) && w->slice_feed == sl->feed &&
           replay_span_take(&w->slice_span, &w->replay, sl->feed, p, until);
}

/* Moves P on by one slice towards UNTIL. False when the connection ended or is blocked. */
static bool run_slice(struct slice *sl, struct position *p, uint64_t until)
{
    struct conn *c = sl->stream->conn;
    uint64_t before = p->offset;
    struct gap gap;
    if (take_slice_of_another(sl, p, until))
        return send_slice(sl, p, before);
    if (!read_or_close(sl, p, until, &gap))
        return false;
    if (gap.reason != GAP_NONE) {
        /* On in the same turn: at the end of a tail that is always being evicted, the next turn
         * would only bring the next gap. */
        conn_flush(c);
        if (conn_is_busy(c) || !read_or_close(sl, p, until, &gap))
            return false;
    }
    return gap.reason != GAP_NONE || send_slice(sl, p, before);
}

typedef enum err set_change(struct feed_table *t, struct subscriber *sub, const char *filter,
                            size_t n, void *who);

/* What was read for the set before it changes is nobody's any more. */
static enum err change_set(struct stream *s, set_change *change, const char *filter, size_t n)
{
    struct worker *w = worker_of(s->conn);
    struct lag_figures lag;
    lagging_figures(lag_of(s), &lag);
    enum err e = change(w->feeds, &s->sub, filter, n, s->conn);
    if (e != ERR_OK)
        return e;
    lagging_keep(lag_of(s), &lag);
    w->slice_feed = NULL;
    return ERR_OK;
}

static void remove_joiner(struct stream *s, struct joiner *j)
{
    DL_DELETE(s->joiners.list, j);
    s->joiner_count--;
    joiner_free(j, worker_of(s->conn)->feeds, s->conn);
}

static bool finish_joiner(struct stream *s, struct joiner *j)
{
    size_t n;
    const char *name = filter_name(j->sub.feed->filters[0], &n);
    if (change_set(s, feed_take_over, name, n) != ERR_OK) {
        conn_close(s->conn, CLOSE_NOMEM);
        return false;
    }
    if (s->state == STREAM_LIVE || s->ops->names_joined)
        s->ops->live(s, stream_offset(s), name, n);
    else
        s->told_live = false;
    remove_joiner(s, j);
    joiner_forget_brought(&s->joiners, worker_of(s->conn)->feeds);
    return true;
}

/* Those that are where the set is, and have nothing to tell before. */
static bool finish_joiners(struct stream *s)
{
    struct joiner *j, *next;
    int count = 0;
    DL_FOREACH_SAFE (s->joiners.list, j, next) {
        if (count == FINISH_MAX || conn_is_congested(s->conn))
            return true;
        if (j->position.offset != stream_offset(s) || j->gap.reason != GAP_NONE)
            continue;
        if (!finish_joiner(s, j))
            return false;
        count++;
    }
    return true;
}

/* One step of a subscription that is joining. False: nothing more to do for the stream now. */
static bool run_joiner(struct stream *s, struct joiner *j)
{
    struct gap gap = j->gap;
    j->gap.reason = GAP_NONE;
    if (gap.reason != GAP_NONE)
        return tell_gap(s, &gap, j->sub.feed); /* its text leaves before the next step's messages */
    struct slice sl = {
        .stream = s, .feed = j->sub.feed, .joiner = j, .looks = joiner_others(&s->joiners)};
    if (j->position.offset < stream_offset(s) && !run_slice(&sl, &j->position, stream_offset(s)))
        return false;
    /* In the same turn: under load the next one finds the set further on, and so for ever. */
    return j->position.offset < stream_offset(s) || finish_joiners(s);
}

/* Beyond a limit: on at the head, which is told as a gap. */
static bool skip_to_head(struct stream *s)
{
    struct worker *w = worker_of(s->conn);
    struct gap gap = {
        .reason = GAP_LAGGED,
        .requested = {stream_offset(s), w->replay.log->epoch},
        .resumed = w->head,
    };
    s->catchup->position = place_at(w->head);
    if (!tell_gap(s, &gap, NULL))
        return false;
    go_live(s);
    return true;
}

/* The set itself, up to where the next joiner waits. */
static bool run_set(struct stream *s, uint64_t until)
{
    struct worker *w = worker_of(s->conn);
    struct slice sl = {.stream = s, .feed = s->sub.feed};
    struct position *p = &s->catchup->position;
    if (lagging_must_skip(lag_of(s)))
        return skip_to_head(s);
    if (p->offset < until && !run_slice(&sl, p, until))
        return false;
    if (p->offset == w->head)
        go_live(s);
    return true;
}

/* Something of S that this worker can read now. A cursor that comes from a worker which is further
 * on waits for this one to get there. */
static bool has_more(const struct stream *s)
{
    const struct joiner *j = joiner_furthest_back(&s->joiners);
    return stream_offset(s) < worker_of(s->conn)->head ||
           (j && j->position.offset <= stream_offset(s));
}

bool stream_is_current(const struct stream *s)
{
    return (s->state == STREAM_LIVE || s->state == STREAM_OFF) && !s->joiners.list;
}

static void end_if_current(struct stream *s)
{
    if (stream_is_current(s))
        end_catchup(s);
}

/* One slice. Returns whether there is more to do at once. */
static bool run_stream(struct stream *s)
{
    struct worker *w = worker_of(s->conn);
    struct joiner *j = joiner_furthest_back(&s->joiners);
    bool goes_on = true;
    if (j && j->position.offset <= stream_offset(s))
        goes_on = run_joiner(s, j);
    else if (s->state != STREAM_LIVE)
        goes_on = run_set(s, j && j->position.offset < w->head ? j->position.offset : w->head);
    if (conn_state(s->conn) == CONN_CLOSED) {
        catchup_unschedule(s->catchup, w);
        return false;
    }
    if (!goes_on) {
        block(s);
        return false;
    }
    if (stream_is_current(s)) {
        end_catchup(s);
        if (s->ops->caught_up)
            s->ops->caught_up(s);
        return false;
    }
    return has_more(s);
}

bool stream_run_lagging(struct worker *w)
{
    bool more = false;
    uint64_t until = w->loop.now_ms + LAGGING_MS;
    struct stream *s = NULL, *last = w->lagging ? w->lagging->prev->stream : NULL;
    while (s != last && w->loop.now_ms < until) {
        s = w->lagging->stream;
        catchup_unschedule(s->catchup, w);
        schedule(s); /* the last one now: the next turn goes on with the others */
        if (conn_is_busy(s->conn))
            conn_flush(s->conn);
        if (conn_is_busy(s->conn))
            block(s);
        else
            more |= run_stream(s);
        loop_update_clock(&w->loop);
    }
    w->slice_feed = NULL; /* scratch is anybody's again */
    return more || s != last;
}

/* --- subscribing --- */

void stream_init(struct stream *s, struct conn *c, const struct stream_ops *ops)
{
    memset(s, 0, sizeof(*s));
    s->conn = c;
    s->ops = ops;
}

void stream_finish(struct stream *s)
{
    while (s->joiners.list)
        remove_joiner(s, s->joiners.list);
    joiner_forget_brought(&s->joiners, worker_of(s->conn)->feeds);
    end_catchup(s);
    feed_leave(&s->sub, worker_of(s->conn)->feeds, s->conn);
    s->state = STREAM_OFF;
}

/* Subscribes to the set, and finds the place. */
static enum err take_place(struct stream *s, const struct feed_spec *spec,
                           const struct encoding *encoding, const struct after *after,
                           struct gap *ret_gap)
{
    struct worker *w = worker_of(s->conn);
    enum err e = feed_join(&s->sub, spec, encoding, s->ops->transport->number, s->conn);
    if (e != ERR_OK)
        return e;
    e = replay_start(&w->replay, s->sub.feed, after, hub_head(w->hub), &s->catchup->position,
                     ret_gap);
    if (e != ERR_OK)
        feed_leave(&s->sub, w->feeds, s->conn);
    return e;
}

enum err stream_start(struct stream *s, const struct feed_spec *spec,
                      const struct encoding *encoding, const struct after *after)
{
    struct gap gap;
    enum err e = begin_catchup(s);
    if (e == ERR_OK)
        e = take_place(s, spec, encoding, after, &gap);
    if (e != ERR_OK) {
        end_catchup(s);
        return e;
    }
    s->state = STREAM_BEHIND;
    s->ops->started(s, stream_offset(s));
    if (!tell_gap(s, &gap, NULL))
        return ERR_OK;
    if (stream_offset(s) == worker_of(s->conn)->head)
        go_live(s);
    else
        schedule(s);
    end_if_current(s);
    return ERR_OK;
}

enum err stream_change(struct stream *s, const struct feed_spec *spec,
                       const struct encoding *encoding)
{
    struct lag_figures lag;
    lagging_figures(lag_of(s), &lag);
    enum err e = feed_join(&s->sub, spec, encoding, s->ops->transport->number, s->conn);
    if (e != ERR_OK)
        return e;
    lagging_keep(lag_of(s), &lag);
    worker_of(s->conn)->slice_feed = NULL;
    if (s->state == STREAM_OFF) {
        s->told_live = true;
        go_live(s);
    }
    return ERR_OK;
}

static enum err joiner_subscribe(struct stream *s, struct joiner *j, const char *filter, size_t n,
                                 const struct encoding *encoding)
{
    struct feed_spec spec;
    feed_spec_init(&spec, worker_of(s->conn)->feeds);
    enum err e = feed_spec_add(&spec, filter, n);
    if (e == ERR_OK)
        e = feed_join(&j->sub, &spec, encoding, s->ops->transport->number, s->conn);
    feed_spec_finish(&spec);
    return e;
}

/* Makes a joiner, which is not among those of S yet. */
static enum err joiner_create(struct stream *s, const char *filter, size_t n,
                              const struct encoding *encoding, const struct after *after,
                              struct joiner **ret)
{
    struct worker *w = worker_of(s->conn);
    struct joiner *j = calloc(1, sizeof(*j));
    if (!j)
        return ERR_NOMEM;
    enum err e = joiner_subscribe(s, j, filter, n, encoding);
    if (e == ERR_OK)
        e = replay_start(&w->replay, j->sub.feed, after, hub_head(w->hub), &j->position, &j->gap);
    if (e != ERR_OK) {
        joiner_free(j, worker_of(s->conn)->feeds, s->conn);
        return e;
    }
    j->start = j->position.offset;
    j->from = stream_offset(s);
    *ret = j;
    return ERR_OK;
}

static void start_joiners(struct stream *s, struct joiner *list, uint32_t count)
{
    DL_CONCAT(s->joiners.list, list);
    s->joiner_count += count;
    if (s->joiners.list && s->state != STREAM_BLOCKED)
        schedule(s);
}

enum err stream_join(struct stream *s, const char *filter, size_t n,
                     const struct encoding *encoding, const struct after *after,
                     uint64_t *ret_offset)
{
    struct joiner *j;
    enum err e = begin_catchup(s);
    if (e == ERR_OK)
        e = joiner_create(s, filter, n, encoding, after, &j);
    if (e != ERR_OK) {
        end_if_current(s);
        return e;
    }
    *ret_offset = j->position.offset;
    j->prev = j;
    start_joiners(s, j, 1);
    return ERR_OK;
}

void stream_settle(struct stream *s)
{
    /* Others may still have to bring what this one wants too: it waits for them (joiner.h). */
    if (s->joiner_count != 1 || conn_state(s->conn) == CONN_CLOSED)
        return;
    if (finish_joiners(s) && !s->joiners.list && s->state == STREAM_LIVE)
        end_catchup(s);
}

/* Notes what F, which is about to leave, brought in (AFTER, UNTIL]. */
static void note_brought(struct stream *s, struct feed *f, uint64_t after, uint64_t until)
{
    if (joiner_note_brought(&s->joiners, worker_of(s->conn)->feeds, f, after, until) != ERR_OK)
        conn_close(s->conn, CLOSE_NOMEM);
}

static bool part_joiner(struct stream *s, const char *filter, size_t n)
{
    struct joiner *j, *next;
    bool found = false;
    DL_FOREACH_SAFE (s->joiners.list, j, next) {
        if (!feed_has(worker_of(s->conn)->feeds, j->sub.feed, filter, n))
            continue;
        DL_DELETE(s->joiners.list, j);
        s->joiner_count--;
        note_brought(s, j->sub.feed, j->start, j->position.offset);
        joiner_free(j, worker_of(s->conn)->feeds, s->conn);
        found = true;
    }
    return found;
}

/* Makes SPEC, a part of the set, the set. */
static enum err shrink(struct stream *s, const struct feed_spec *spec)
{
    struct feed *before = s->sub.feed;
    struct feed_table *feeds = worker_of(s->conn)->feeds;
    feed_hold(before);
    feed_table_set_generous(feeds, true);
    enum err e = stream_change(s, spec, before->encoding);
    feed_table_set_generous(feeds, false);
    if (e == ERR_OK)
        note_brought(s, before, 0, stream_offset(s));
    feed_release(before, feeds);
    return e;
}

enum err stream_part(struct stream *s, const char *filter, size_t n)
{
    bool joined = feed_has(worker_of(s->conn)->feeds, s->sub.feed, filter, n);
    if (!part_joiner(s, filter, n) && !joined)
        return ERR_NOT_FOUND;
    if (!joined)
        return ERR_OK;
    if (!s->joiners.list)
        return change_set(s, feed_drop, filter, n);
    struct feed_spec spec;
    feed_spec_init(&spec, worker_of(s->conn)->feeds);
    enum err e = feed_spec_add_feed(&spec, s->sub.feed);
    if (e == ERR_OK)
        e = feed_spec_remove(&spec, filter, n);
    if (e == ERR_OK)
        e = shrink(s, &spec);
    feed_spec_finish(&spec);
    return e;
}

/* --- several at once --- */

/* Those of EDIT, not yet among those of S. */
static enum err create_joiners(struct stream *s, const struct stream_edit *edit,
                               struct joiner **ret)
{
    struct joiner *list = NULL, *j;
    enum err e = ERR_OK;
    for (size_t i = 0; i < edit->join->count && e == ERR_OK; i++) {
        const struct place *place = &edit->join->entries[i];
        e = joiner_create(s, place->filter, place->len, edit->encoding, &place->after, &j);
        if (e != ERR_OK)
            break;
        edit->ret_offsets[i] = j->position.offset;
        DL_APPEND(list, j);
    }
    *ret = list;
    return e;
}

static void drop_joiners(struct stream *s, struct joiner *list)
{
    while (list) {
        struct joiner *next = list->next;
        joiner_free(list, worker_of(s->conn)->feeds, s->conn);
        list = next;
    }
}

/* Takes the edit's topics out of the set itself. */
static enum err part_from_set(struct stream *s, const struct stream_edit *edit)
{
    struct feed_spec spec;
    bool any = false;
    feed_spec_init(&spec, worker_of(s->conn)->feeds);
    enum err e = feed_spec_add_feed(&spec, s->sub.feed);
    for (size_t i = 0; i < edit->part->count && e == ERR_OK; i++) {
        const struct place *place = &edit->part->entries[i];
        enum err removed = feed_spec_remove(&spec, place->filter, place->len);
        edit->ret_parted[i] = removed == ERR_OK;
        any |= removed == ERR_OK;
    }
    if (e == ERR_OK && any)
        e = shrink(s, &spec);
    feed_spec_finish(&spec);
    return e;
}

enum err stream_edit(struct stream *s, const struct stream_edit *edit)
{
    struct joiner *joining = NULL;
    enum err e = edit->join->count ? begin_catchup(s) : ERR_OK;
    if (e == ERR_OK)
        e = create_joiners(s, edit, &joining);
    if (e == ERR_OK && edit->part->count)
        e = part_from_set(s, edit);
    if (e != ERR_OK) {
        drop_joiners(s, joining);
        end_if_current(s);
        return e;
    }
    for (size_t i = 0; i < edit->part->count; i++) {
        const struct place *place = &edit->part->entries[i];
        edit->ret_parted[i] |= part_joiner(s, place->filter, place->len);
    }
    start_joiners(s, joining, (uint32_t)edit->join->count);
    return ERR_OK;
}

static bool is_named(const struct places *list, const struct filter *f)
{
    size_t n;
    const char *name = filter_name(f, &n);
    for (size_t i = 0; i < list->count; i++) {
        const struct place *place = &list->entries[i];
        if (place->len == n && memcmp(place->filter, name, n) == 0)
            return true;
    }
    return false;
}

uint32_t stream_filters_after(const struct stream *s, const struct stream_edit *edit)
{
    const struct feed *f = s->sub.feed;
    uint32_t count = (uint32_t)edit->join->count;
    for (uint32_t i = 0; i < f->filter_count; i++)
        count += !is_named(edit->part, f->filters[i]);
    for (const struct joiner *j = s->joiners.list; j; j = j->next)
        count += !is_named(edit->part, j->sub.feed->filters[0]);
    return count;
}

const struct joiner *stream_next_joiner(const struct stream *s, const struct joiner *after,
                                        const char **ret_filter, size_t *ret_len)
{
    const struct joiner *j = after ? after->next : s->joiners.list;
    if (j)
        *ret_filter = filter_name(j->sub.feed->filters[0], ret_len);
    return j;
}

/* --- what it has --- */

uint32_t stream_filters(const struct stream *s)
{
    uint32_t joined = s->sub.feed ? s->sub.feed->filter_count : 0;
    return joined + s->joiner_count;
}

size_t stream_held(const struct stream *s)
{
    size_t bytes = feed_share(s->sub.feed);
    for (const struct joiner *j = s->joiners.list; j; j = j->next)
        bytes += sizeof(*j) + feed_share(j->sub.feed);
    for (const struct brought *b = s->joiners.brought; b; b = b->next)
        bytes += sizeof(*b);
    return bytes;
}

void stream_describe(const struct stream *s, struct description *d)
{
    d->feed = s->sub.feed;
    d->stream = s;
    d->has_cursor = s->state != STREAM_OFF;
    d->cursor = stream_offset(s);
    d->delivered_s = s->state == STREAM_LIVE ? s->sub.feed->delivered_s : 0;
    lagging_figures(lag_of(s), &d->lag);
}
