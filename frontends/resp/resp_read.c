#include "frontends/resp/resp_read.h"

#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_entries.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_reply.h"

struct range {
    uint64_t after, until; /* offsets in (after, until] */
    uint64_t count;
};

/* One end of a range: `-`, `+`, a cursor, or `(` and a cursor that does not belong to the range. */
static const char *parse_end(const struct resp *r, const struct resp_arg *a, uint64_t *ret,
                             bool *ret_exclusive)
{
    struct resp_arg cursor = *a;
    *ret_exclusive = a->len && a->data[0] == '(';
    *ret = resp_arg_is(a, "+") ? UINT64_MAX : 0;
    if (resp_arg_is(a, "-") || resp_arg_is(a, "+"))
        return NULL;
    if (*ret_exclusive) {
        cursor.data++;
        cursor.len--;
    }
    return resp_arg_offset(worker_of(r->conn)->hub, &cursor, ret);
}

static const char *parse_count(const struct resp_request *q, uint64_t *ret)
{
    *ret = UINT64_MAX;
    if (q->argc == 4)
        return NULL;
    if (q->argc != 6 || !resp_arg_is(&q->argv[4], "COUNT"))
        return "ERR syntax error";
    return resp_arg_u64(&q->argv[5], UINT64_MAX, ret) == ERR_OK ? NULL : resp_bad_count;
}

static const char *parse_range(const struct resp *r, const struct resp_request *q,
                               const struct resp_arg *start, const struct resp_arg *end,
                               struct range *ret)
{
    bool excludes_start, excludes_end;
    if (!topic_name_valid(q->argv[1].data, q->argv[1].len))
        return resp_bad_topic;
    const char *error = parse_end(r, start, &ret->after, &excludes_start);
    if (!error)
        error = parse_end(r, end, &ret->until, &excludes_end);
    if (!error)
        error = parse_count(q, &ret->count);
    if (error)
        return error;
    if (!excludes_start && ret->after)
        ret->after--;
    if (excludes_end && ret->until)
        ret->until--;
    return NULL;
}

/* Only what is kept is asked for: that something is not is no gap here, only that it cannot be
 * read.
 */
static enum err read_range(struct scan *s, const struct range *range, struct resp_entries *e,
                           struct gap *gap)
{
    static const struct after earliest = {.kind = AFTER_EARLIEST};
    struct position p;
    uint64_t until = range->until < s->replay.head ? range->until : s->replay.head;
    enum err err = replay_start(&s->replay, scan_feed(s), &earliest, 0, &p, gap);
    p.offset = range->after;
    while (err == ERR_OK && p.offset < until && !resp_entries_full(e) &&
           gap->reason != GAP_DAMAGED) {
        gap->reason = GAP_NONE;
        err = resp_entries_read(s, &p, until, e, gap);
    }
    return err;
}

static enum err read_reverse(struct scan *s, const struct range *range, struct resp_entries *e,
                             struct gap *gap)
{
    size_t max = range->count < SIZE_MAX ? (size_t)range->count : SIZE_MAX;
    enum err err = replay_reverse(&s->replay, scan_feed(s), range->after, range->until, max,
                                  resp_entries_add, e, gap);
    return err == ERR_OK && e->text.failed ? ERR_NOMEM : err;
}

typedef enum err read_some(struct scan *s, const struct range *range, struct resp_entries *e,
                           struct gap *gap);

static enum err scan_range(struct resp *r, const struct resp_arg *topic, const struct range *range,
                           read_some *read, struct resp_entries *e, struct gap *gap)
{
    struct scan s;
    enum err err = scan_init(&s, worker_of(r->conn));
    if (err != ERR_OK)
        return err;
    err = scan_select(&s, topic->data, topic->len);
    if (err == ERR_OK)
        err = read(&s, range, e, gap);
    scan_finish(&s);
    return err;
}

static void reply_range(struct resp *r, const struct resp_request *q, const struct range *range,
                        read_some *read, struct buf *out)
{
    struct resp_entries e = {.left = range->count, .max = resp_entries_max(r)};
    struct gap gap = {.reason = GAP_NONE};
    enum err err = scan_range(r, &q->argv[1], range, read, &e, &gap);
    if (err != ERR_OK) {
        resp_error_of(r, err, NULL);
    } else if (gap.reason == GAP_DAMAGED) {
        resp_entries_gap(r, &gap); /* a part of the range would pass for all of it */
    } else if (e.too_large) {
        resp_entries_too_large(r);
    } else {
        resp_reply_array(out, e.count);
        buf_append(out, e.text.data, e.text.len);
    }
    buf_finish(&e.text);
}

void resp_read_range(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct range range;
    const char *error = parse_range(r, q, &q->argv[2], &q->argv[3], &range);
    if (error)
        resp_error(r, error);
    else
        reply_range(r, q, &range, read_range, out);
}

void resp_read_reverse(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct range range;
    const char *error = parse_range(r, q, &q->argv[3], &q->argv[2], &range);
    if (error)
        resp_error(r, error);
    else
        reply_range(r, q, &range, read_reverse, out);
}

void resp_read_length(struct resp *r, const struct resp_request *q, struct buf *out)
{
    const struct resp_arg *name = &q->argv[1];
    if (!topic_name_valid(name->data, name->len)) {
        resp_error(r, resp_bad_topic);
        return;
    }
    const struct topic *t =
        topic_table_find(hub_topics(worker_of(r->conn)->hub), name->data, name->len);
    resp_reply_integer(out, t ? (int64_t)t->messages : 0);
}
