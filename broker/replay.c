#include "broker/replay.h"

#include <stdlib.h>
#include <string.h>

#include "broker/feed_topics.h"
#include "broker/topic_table.h"

enum {
    SCAN_MAX = 16384, /* records, index entries or tail messages looked at for each call */
    LOOK_BYTES = 128, /* of payload: as much work as one look */
    COUNT_MAX = 2000, /* the same for each piece of counting backwards */
};

const char *gap_reason_name(enum gap_reason r)
{
    static const char *const names[] = {"none",   "epoch",   "ahead", "trimmed",
                                        "lagged", "damaged", "denied"};
    return names[r];
}

/* feed_topics, and what it had to look at. */
static enum err topics_of(struct replay *r, struct feed *f, struct topic_set *ret)
{
    enum err e = feed_topics(r->feeds, f, ret);
    if (e == ERR_OK)
        r->looked += ret->looked;
    return e;
}

/* --- visiting --- */

struct visiting {
    struct replay *replay;
    const struct topic_set *set; /* while it is read */
    replay_visit *visit;
    void *ctx;
    uint64_t evicted; /* evictions up to here are known */
    bool stopped;     /* the visitor had enough, or a loss that is not known lies ahead */
    bool visited;     /* something has been */
    uint64_t damaged; /* the first record that was come to and cannot be read, 0 = none */
};

/* What lies behind damage comes with the next call, which has to tell it first. */
static bool visit_message(struct visiting *v, struct message *m, bool shared)
{
    v->stopped = v->damaged || !v->visit(v->ctx, m, shared);
    v->visited |= !v->stopped;
    return !v->stopped;
}

/* Damage is come to behind messages by the next call; several in a row are one gap. */
static bool visit_damaged(void *ctx, const struct store_record *rec)
{
    struct visiting *v = ctx;
    v->stopped = v->visited;
    if (!v->visited && !v->damaged)
        v->damaged = rec->offset;
    return !v->stopped;
}

/* Whether the store has to visit REC only because it was not told which topics are wanted; or its
 * topic is not known, which cannot be: topics are stored before their messages. */
static bool is_left_out(const struct visiting *v, const struct store_record *rec)
{
    const struct topic *topic = topic_table_get(v->replay->topics, rec->topic_id);
    return !topic || (v->set->only && !topic_set_has(v->replay->feeds, v->set, topic));
}

static bool visit_record(void *ctx, const struct store_record *rec)
{
    struct visiting *v = ctx;
    if (is_left_out(v, rec))
        return true;
    struct topic *topic = topic_table_get(v->replay->topics, rec->topic_id);
    struct message m = {
        .offset = rec->offset,
        .time_ms = rec->time_ms,
        .topic = topic,
        .payload = rec->payload,
        .payload_len = rec->payload_len,
        .event = rec->event,
        .event_len = rec->event_len,
        .key = rec->key,
        .key_len = rec->key_len,
        .epoch = v->replay->log->epoch,
        .kind = rec->kind,
        .topic_name = topic->name,
        .topic_name_len = topic->name_len,
    };
    v->replay->looked += rec->payload_len / LOOK_BYTES;
    return visit_message(v, &m, false);
}

static bool wanted(const struct visiting *v, const struct message *m)
{
    return topic_set_has(v->replay->feeds, v->set, m->topic) &&
           m->offset > atomic_load_explicit(&m->topic->floor, memory_order_acquire);
}

/* Whether M is hidden because it left the broker's tail, and nobody has said so. Its topic may have
 * been forgotten since, and is not in the set then. */
static bool is_new_loss(const struct visiting *v, const struct message *m)
{
    return m->offset > v->evicted && m->offset <= m->topic->evicted &&
           feed_wants(v->replay->feeds, v->set->feed, m->topic);
}

/* Forward through the tail from *OFFSET; both at most UNTIL. */
static void read_tail(struct visiting *v, uint64_t *offset, uint64_t until)
{
    const struct tail *tail = v->replay->tail;
    struct tail_iter it = tail_seek(tail, *offset);
    struct message *m;
    for (int scanned = 0; (m = tail_next(tail, &it)) && m->offset <= until; scanned++) {
        if (scanned == SCAN_MAX)
            return;
        v->replay->looked++;
        if (wanted(v, m)) {
            v->replay->looked += m->payload_len / LOOK_BYTES;
            visit_message(v, m, true);
        } else {
            v->stopped = is_new_loss(v, m);
        }
        if (v->stopped)
            return;
        *offset = m->offset;
    }
    *offset = until;
}

static enum err read_log(struct visiting *v, const struct topic_set *s, store_visit *damaged,
                         uint64_t *offset, uint64_t until)
{
    struct store_query q = {
        .after = *offset,
        .until = until,
        .topics = s->ids,
        .topic_count = s->count,
        .max_scan = SCAN_MAX,
        .looked = &v->replay->looked,
        .damaged = damaged,
    };
    if (s->ids && s->count == 0) {
        *offset = until;
        return ERR_OK;
    }
    return store_read(v->replay->store, &q, visit_record, v, offset);
}

/* One bounded piece of the way from *OFFSET to UNTIL. DAMAGED is told what cannot be read. */
static enum err read_some(struct visiting *v, const struct topic_set *s, store_visit *damaged,
                          uint64_t *offset, uint64_t until)
{
    v->set = s;
    uint64_t tail_start = tail_first(v->replay->tail, v->replay->head + 1);
    if (*offset + 1 < tail_start) {
        uint64_t end = until < tail_start - 1 ? until : tail_start - 1;
        enum err e = read_log(v, s, damaged, offset, end);
        if (e != ERR_OK || v->stopped || *offset < end)
            return e;
    }
    if (*offset < until)
        read_tail(v, offset, until);
    return ERR_OK;
}

/* --- losses --- */

/* The topics of a set that are known. */
struct set_walk {
    const struct topic_table *topics;
    const struct topic_set *set;
    struct id_walk all;
    size_t at;
    bool forgot; /* one of them has been forgotten since they were looked up */
};

static struct set_walk walk_set(const struct replay *r, const struct topic_set *s)
{
    return (struct set_walk){r->topics, s, topic_table_walk(r->topics, 0), 0, false};
}

static const struct topic *next_listed(struct set_walk *w)
{
    while (w->at < w->set->count) {
        const struct topic *t = topic_table_get(w->topics, w->set->ids[w->at++]);
        if (t)
            return t;
        w->forgot = true;
    }
    return NULL;
}

/* NULL behind the last one. */
static const struct topic *next_topic(struct set_walk *w)
{
    return w->set->ids ? next_listed(w) : id_walk_next(&w->all);
}

/* Whether a topic of the set, of which W has walked over all that are known, may be among the
 * forgotten. */
static bool may_be_forgotten(const struct replay *r, const struct set_walk *w)
{
    return w->forgot || topic_set_is_open(r->feeds, w->set);
}

static bool is_own(const struct replay *r, const struct topic_set *s, const struct topic *t)
{
    return !s->only || topic_set_has(r->feeds, s, t);
}

/* Whether removals that P does not know took away something of the set above P. */
static bool was_removed(struct replay *r, const struct topic_set *s, const struct position *p)
{
    uint64_t known = p->floor_serial == UINT64_MAX ? 0 : p->floor_serial;
    if (!topic_table_floors_moved(r->topics, p->floor_serial) ||
        topic_table_floor_max(r->topics) <= p->offset)
        return false;
    struct set_walk w = walk_set(r, s);
    const struct topic *t;
    while ((t = next_topic(&w))) {
        r->looked++;
        if (t->floor_serial > known && t->floor > p->offset && is_own(r, s, t))
            return true;
    }
    struct topic_forgotten forgotten = topic_table_forgotten(r->topics);
    return forgotten.floor_serial > known && forgotten.mark > p->offset && may_be_forgotten(r, &w);
}

/* The same for evictions, which are at MARK. Those that P does not know are behind the ones that it
 * does: there is no need to look before P gets there. */
static bool was_evicted(const struct replay *r, const struct topic_set *s, const struct position *p,
                        uint64_t mark)
{
    if (p->offset < p->evicted || mark <= p->offset)
        return false;
    if (!s->ids && !s->only)
        return true;
    struct set_walk w = walk_set(r, s);
    const struct topic *t;
    while ((t = next_topic(&w)))
        if (t->evicted > p->offset && is_own(r, s, t))
            return true;
    return topic_table_forgotten(r->topics).evicted > p->offset && may_be_forgotten(r, &w);
}

/* Whether the set lost messages above P that nobody has told; P knows them then. */
static bool lost_something(struct replay *r, const struct topic_set *s, struct position *p)
{
    uint64_t serial = topic_table_floor_serial(r->topics), mark = topic_table_evicted(r->topics);
    bool lost = was_removed(r, s, p) || was_evicted(r, s, p, mark);
    p->floor_serial = serial;
    if (lost || p->offset >= p->evicted)
        p->evicted = mark;
    return lost;
}

static bool stop_at_first(void *ctx, struct message *m, bool shared)
{
    (void)shared;
    *(uint64_t *)ctx = m->offset;
    return false;
}

/* A record that cannot be read is where reading has to begin, too: to tell it. */
static bool stop_at_damaged(void *ctx, const struct store_record *rec)
{
    struct visiting *v = ctx;
    *(uint64_t *)v->ctx = rec->offset;
    v->stopped = true;
    return false;
}

/* Where delivery goes on after OFFSET: just before the first message that is still there, or, where
 * that is too far to be looked for at once, behind what has been looked at in vain. */
static enum err find_resumed(struct replay *r, const struct topic_set *s, uint64_t offset,
                             uint64_t *ret)
{
    uint64_t found = 0, enough = r->looked + SCAN_MAX;
    struct visiting v = {.replay = r, .visit = stop_at_first, .ctx = &found, .evicted = UINT64_MAX};
    while (offset < r->head && !v.stopped && r->looked < enough) {
        enum err e = read_some(&v, s, stop_at_damaged, &offset, r->head);
        if (e != ERR_OK)
            return e;
    }
    *ret = found ? found - 1 : offset;
    return ERR_OK;
}

/* --- backwards --- */

static bool reverse_tail(struct visiting *v, uint64_t after, uint64_t until, size_t *left)
{
    const struct tail *tail = v->replay->tail;
    struct tail_iter it = tail_seek(tail, until);
    struct message *m;
    while (*left && (m = tail_prev(tail, &it)) && m->offset > after) {
        v->replay->looked++;
        if (!wanted(v, m))
            continue;
        if (!visit_message(v, m, true))
            return false;
        --*left;
    }
    return true;
}

struct reversing {
    struct visiting *v;
    size_t *left;
};

static bool reverse_record(void *ctx, const struct store_record *rec)
{
    struct reversing *rv = ctx;
    if (*rv->left == 0)
        return false;
    if (is_left_out(rv->v, rec))
        return true;
    if (!visit_record(rv->v, rec))
        return false;
    --*rv->left;
    return true;
}

static enum err reverse_log(struct visiting *v, const struct topic_set *s, store_visit *damaged,
                            uint64_t after, uint64_t until, size_t left)
{
    struct reversing rv = {v, &left};
    while (left && until > after && !v->stopped && !(s->ids && s->count == 0)) {
        struct store_query q = {
            .after = after,
            .until = until,
            .topics = s->ids,
            .topic_count = s->count,
            .reverse = true,
            .max_records = s->only ? 0 : left, /* those left out count for the store */
            .max_scan = s->only ? SCAN_MAX : 0,
            .damaged = damaged,
            .looked = &v->replay->looked,
        };
        uint64_t reached;
        enum err e = store_read(v->replay->store, &q, reverse_record, &rv, &reached);
        if (e != ERR_OK)
            return e;
        until = reached - 1;
    }
    return ERR_OK;
}

/* Newest first, at most MAX. */
static enum err read_reverse(struct visiting *v, const struct topic_set *s, store_visit *damaged,
                             uint64_t after, uint64_t until, size_t max)
{
    const struct replay *r = v->replay;
    v->set = s;
    uint64_t tail_start = tail_first(r->tail, r->head + 1);
    if (until > r->head)
        until = r->head;
    if (!reverse_tail(v, after, until, &max))
        return ERR_OK;
    if (until >= tail_start)
        until = tail_start - 1;
    return reverse_log(v, s, damaged, after, until, max);
}

/* --- starting places --- */

/* What is lost by now is not this subscriber's: it did not ask for it. */
static void forgive(const struct replay *r, struct position *p)
{
    p->floor_serial = topic_table_floor_serial(r->topics);
    p->evicted = topic_table_evicted(r->topics);
}

/* Messages of the set that are kept. */
static uint64_t count_kept(const struct replay *r, const struct topic_set *s)
{
    uint64_t kept = 0;
    struct set_walk w = walk_set(r, s);
    const struct topic *t;
    while ((t = next_topic(&w)))
        if (is_own(r, s, t))
            kept += atomic_load_explicit(&t->messages, memory_order_relaxed);
    return kept;
}

/* Whether that was the last one to be counted. */
static bool count_one(struct replay_count *c, uint64_t offset)
{
    c->place = offset - 1;
    return --c->left == 0;
}

static bool count_down(void *ctx, struct message *m, bool shared)
{
    (void)shared;
    return !count_one(ctx, m->offset);
}

/* One that cannot be read was a message, too. */
static bool count_damaged(void *ctx, const struct store_record *rec)
{
    struct visiting *v = ctx;
    v->stopped = count_one(v->ctx, rec->offset);
    return !v->stopped;
}

static void count_tail(struct visiting *v, struct replay_count *c, uint64_t tail_start)
{
    struct tail_iter it = tail_seek(v->replay->tail, c->until);
    struct message *m;
    for (int looks = 0; looks < COUNT_MAX && c->left; looks++) {
        if (!(m = tail_prev(v->replay->tail, &it))) {
            c->until = tail_start - 1;
            return;
        }
        v->replay->looked++;
        c->until = m->offset - 1;
        if (wanted(v, m))
            count_one(c, m->offset);
    }
}

static enum err count_log(struct visiting *v, struct replay_count *c)
{
    const struct topic_set *s = v->set;
    struct store_query q = {
        .until = c->until,
        .topics = s->ids,
        .topic_count = s->count,
        .reverse = true,
        .max_scan = COUNT_MAX,
        .damaged = count_damaged,
        .looked = &v->replay->looked,
    };
    uint64_t reached = 1;
    enum err e =
        s->ids && !s->count ? ERR_OK : store_read(v->replay->store, &q, visit_record, v, &reached);
    if (e == ERR_OK)
        c->until = reached - 1;
    return e;
}

/* All there are need not be counted. */
static enum err begin_count(struct replay *r, const struct topic_set *s, uint64_t n,
                            struct replay_count *c)
{
    *c = (struct replay_count){.begun = true, .left = n, .until = r->head, .place = r->head};
    if (n > REPLAY_LAST_MAX && n < count_kept(r, s))
        return ERR_LIMIT;
    if (n < count_kept(r, s))
        return ERR_OK;
    c->left = 0;
    return find_resumed(r, s, 0, &c->place);
}

enum err replay_count_back(struct replay *r, struct feed *f, uint64_t n, struct replay_count *c)
{
    struct topic_set set;
    struct visiting v = {
        .replay = r, .set = &set, .visit = count_down, .ctx = c, .evicted = UINT64_MAX};
    enum err e = topics_of(r, f, &set);
    if (e == ERR_OK && !c->begun)
        e = begin_count(r, &set, n, c);
    if (e != ERR_OK || c->left == 0)
        return e;
    uint64_t tail_start = tail_first(r->tail, r->head + 1);
    if (c->until >= tail_start)
        count_tail(&v, c, tail_start);
    else
        e = count_log(&v, c);
    return e == ERR_OK && c->left && c->until ? ERR_AGAIN : e;
}

static enum err start_last(struct replay *r, struct feed *f, uint64_t n, struct position *p)
{
    struct replay_count c = {0};
    enum err e;
    do
        e = replay_count_back(r, f, n, &c);
    while (e == ERR_AGAIN);
    p->offset = c.place;
    return e;
}

static enum err start_time(struct replay *r, uint64_t time_ms, struct position *p)
{
    enum err e = store_seek_time(r->store, time_ms, &p->offset);
    if (e != ERR_OK)
        return e;
    /* Memory messages are only in the tail. Times never run backwards. */
    struct tail_iter it = tail_seek(r->tail, p->offset);
    const struct message *m;
    while ((m = tail_next(r->tail, &it)) && m->time_ms < time_ms)
        p->offset = m->offset;
    if (p->offset > r->head)
        p->offset = r->head;
    return ERR_OK;
}

static const struct store_former *find_former(const struct store_state *log, uint32_t epoch)
{
    for (size_t i = 0; i < log->former_count; i++)
        if (log->former[i].epoch == epoch)
            return &log->former[i];
    return NULL;
}

bool replay_is_certain(const struct store_state *log, const struct cursor *c)
{
    if (c->epoch == 0 || c->epoch == log->epoch)
        return true;
    const struct store_former *former = find_former(log, c->epoch);
    return former && c->offset <= former->last;
}

uint32_t replay_unknown_epoch(const struct store_state *log)
{
    uint32_t epoch = 1; /* 0 would be this log */
    while (epoch == log->epoch || find_former(log, epoch))
        epoch++;
    return epoch;
}

/* A cursor of another epoch: exact as far as the two logs are the same, otherwise a gap. */
static enum gap_reason place_foreign(const struct replay *r, const struct cursor *c,
                                     struct position *p)
{
    const struct store_former *former = find_former(r->log, c->epoch);
    if (former && c->offset <= former->last) {
        p->offset = c->offset;
        return GAP_NONE;
    }
    p->offset = former ? former->last : 0;
    return GAP_EPOCH;
}

static enum gap_reason place_cursor(const struct replay *r, const struct cursor *c,
                                    uint64_t hub_head, struct position *p)
{
    if (c->epoch && c->epoch != r->log->epoch)
        return place_foreign(r, c, p);
    p->offset = c->offset;
    if (c->offset <= hub_head)
        return GAP_NONE;
    p->offset = r->head;
    return GAP_AHEAD;
}

static enum err start_cursor(struct replay *r, const struct topic_set *s, const struct cursor *c,
                             uint64_t hub_head, struct position *p, struct gap *gap)
{
    gap->reason = place_cursor(r, c, hub_head, p);
    if (gap->reason == GAP_NONE && lost_something(r, s, p))
        gap->reason = GAP_TRIMMED;
    if (gap->reason == GAP_NONE)
        return ERR_OK;
    forgive(r, p);
    gap->requested = *c;
    if (!c->epoch)
        gap->requested.epoch = r->log->epoch;
    return find_resumed(r, s, p->offset, &gap->resumed);
}

enum err replay_start(struct replay *r, struct feed *f, const struct after *a, uint64_t hub_head,
                      struct position *ret, struct gap *ret_gap)
{
    struct topic_set set;
    memset(ret_gap, 0, sizeof(*ret_gap));
    *ret = (struct position){.offset = r->head, .floor_serial = UINT64_MAX};
    enum err e = ERR_OK;
    if (a->kind == AFTER_LATEST)
        return ERR_OK; /* nothing to read, no need to know the topics */
    e = topics_of(r, f, &set);
    if (e != ERR_OK)
        return e;
    if (a->kind == AFTER_CURSOR)
        return start_cursor(r, &set, &a->cursor, hub_head, ret, ret_gap);
    forgive(r, ret);
    /* The cursor that a subscriber is given first has to be one that it can come back with. */
    if (a->kind == AFTER_EARLIEST)
        e = find_resumed(r, &set, 0, &ret->offset);
    else if (a->kind == AFTER_LAST)
        e = start_last(r, f, a->last, ret);
    else if (a->kind == AFTER_PLACE)
        ret->offset = a->cursor.offset;
    else
        e = start_time(r, a->time_ms, ret);
    return e;
}

enum err replay_next(struct replay *r, struct feed *f, struct position *p, uint64_t until,
                     replay_visit *visit, void *ctx, struct gap *ret_gap)
{
    struct topic_set set;
    memset(ret_gap, 0, sizeof(*ret_gap));
    if (until > r->head)
        until = r->head;
    if (p->offset >= until)
        return ERR_OK;
    enum err e = topics_of(r, f, &set);
    if (e != ERR_OK)
        return e;
    if (lost_something(r, &set, p)) {
        ret_gap->reason = GAP_TRIMMED;
        ret_gap->requested = (struct cursor){p->offset, r->log->epoch};
        return find_resumed(r, &set, p->offset, &ret_gap->resumed);
    }
    if (p->offset < p->evicted && p->evicted < until &&
        p->evicted < topic_table_evicted(r->topics) &&
        p->evicted + 1 < tail_first(r->tail, r->head + 1))
        until = p->evicted; /* evictions that P does not know show in the tail, not before it */
    struct visiting v = {.replay = r, .visit = visit, .ctx = ctx, .evicted = p->evicted};
    uint64_t offset = p->offset;
    e = read_some(&v, &set, visit_damaged, &offset, until);
    if (e != ERR_OK)
        return e;
    /* Evictions meanwhile were seen in the tail, since the log never held what they take. */
    if (was_removed(r, &set, p))
        return ERR_AGAIN;
    if (v.damaged)
        *ret_gap = (struct gap){
            .reason = GAP_DAMAGED, .requested = {v.damaged - 1, r->log->epoch}, .resumed = offset};
    p->offset = offset;
    return ERR_OK;
}

/* --- spans --- */

void replay_span_begin(struct replay_span *span, const struct replay *r, const struct position *p)
{
    *span = (struct replay_span){
        .from = p->offset,
        .evicted = topic_table_evicted(r->topics),
        .floor_serial = topic_table_floor_serial(r->topics),
    };
}

void replay_span_end(struct replay_span *span, const struct position *p)
{
    span->to = p->offset;
    span->known = p->evicted;
}

/* Whether messages may have disappeared since SPAN began. */
static bool is_outdated(const struct replay_span *span, const struct replay *r)
{
    return topic_table_floors_moved(r->topics, span->floor_serial) ||
           topic_table_evicted(r->topics) != span->evicted;
}

bool replay_span_take(const struct replay_span *span, struct replay *r, struct feed *f,
                      struct position *p, uint64_t until)
{
    struct topic_set set;
    struct position now = *p;
    if (p->offset < span->from || p->offset >= span->to || span->to > until || is_outdated(span, r))
        return false;
    /* What had disappeared before is not in the span: P has to have been told of it, too. */
    if (topics_of(r, f, &set) != ERR_OK || lost_something(r, &set, &now) ||
        now.evicted != span->known)
        return false;
    now.offset = span->to;
    *p = now;
    return true;
}

/* --- reading backwards --- */

struct reading_back {
    replay_visit *visit;
    void *ctx;
    uint64_t damaged; /* where reading ended, 0 = elsewhere */
};

static bool pass_on(void *ctx, struct message *m, bool shared)
{
    struct reading_back *b = ctx;
    return b->visit(b->ctx, m, shared);
}

static bool end_at_damaged(void *ctx, const struct store_record *rec)
{
    struct reversing *rv = ctx;
    struct reading_back *b = rv->v->ctx;
    b->damaged = rec->offset;
    rv->v->stopped = true;
    return false;
}

enum err replay_reverse(struct replay *r, struct feed *f, uint64_t after, uint64_t until,
                        size_t max, replay_visit *visit, void *ctx, struct gap *ret_gap)
{
    struct topic_set set;
    struct reading_back back = {.visit = visit, .ctx = ctx};
    struct visiting v = {.replay = r, .visit = pass_on, .ctx = &back, .evicted = UINT64_MAX};
    memset(ret_gap, 0, sizeof(*ret_gap));
    enum err e = topics_of(r, f, &set);
    if (e == ERR_OK && max > 0)
        e = read_reverse(&v, &set, end_at_damaged, after, until, max);
    if (e == ERR_OK && back.damaged)
        *ret_gap = (struct gap){.reason = GAP_DAMAGED,
                                .requested = {back.damaged - 1, r->log->epoch},
                                .resumed = back.damaged};
    return e;
}
