#include "frontends/resp/resp_hub.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/admin_access.h"
#include "admin/admin_clients.h"
#include "admin/admin_hooks.h"
#include "admin/admin_tls.h"
#include "broker/topic_name.h"
#include "broker/topic_table.h"
#include "delivery/poll_body.h"
#include "delivery/presence_page.h"
#include "delivery/scan.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_job.h"
#include "frontends/resp/resp_reply.h"
#include "frontends/resp/resp_wait.h"

static const char bad_topic[] = "BADTOPIC not a valid topic";
static const char bad_pattern[] = "BADTOPIC not a valid topic or pattern";
static const char too_many_levels[] = "BADTOPIC " TOPIC_LEVELS_RULE;

/* --- documents --- */

static void put_text(const struct admin *a, enum resp_version v, struct buf *out)
{
    (void)v;
    resp_reply_bulk(out, a->text.data, a->text.len);
}

static void put_number(const struct admin *a, enum resp_version v, struct buf *out)
{
    (void)v;
    resp_reply_integer(out, (int64_t)a->number);
}

static const struct resp_job document = {.put = put_text};
static const struct resp_job removal = {.put = put_number};

void resp_hub_topics(struct resp *r, const struct resp_request *q, struct buf *out)
{
    static const struct resp_arg all = {.data = "#", .len = 1};
    const struct resp_arg *pattern = q->argc > 2 ? &q->argv[2] : &all;
    (void)out;
    if (!topic_pattern_valid(pattern->data, pattern->len)) {
        resp_error(r, bad_pattern);
        return;
    }
    struct admin *a = resp_job_begin(r, &document);
    if (a)
        admin_topics(a, pattern->data, pattern->len);
}

/* NULL: there is no such topic, which has been answered. */
static struct topic *find_topic(struct resp *r, const struct resp_arg *name)
{
    struct topic_table *topics = hub_topics(worker_of(r->conn)->hub);
    if (!topic_name_valid(name->data, name->len)) {
        resp_error(r, bad_topic);
        return NULL;
    }
    struct topic *t = topic_table_find(topics, name->data, name->len);
    if (!t)
        resp_error(r, "NOTFOUND no such topic");
    return t;
}

void resp_hub_topic(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct topic *t = find_topic(r, &q->argv[2]);
    struct buf text = {0};
    if (!t)
        return;
    enum err e = admin_topic(worker_of(r->conn), t, &text);
    if (e == ERR_OK)
        resp_reply_bulk(out, text.data, text.len);
    else
        resp_error_of(r, e, NULL);
    buf_finish(&text);
}

/* NULL: it can be answered. */
static const char *check_presence(const struct resp *r, const struct resp_request *q,
                                  struct presence_page *p)
{
    const struct resp_arg *topic = &q->argv[2];
    if (!topic_name_valid(topic->data, topic->len))
        return bad_topic;
    if (!presence_page_is_there(worker_of(r->conn), topic->data, topic->len))
        return "NOTFOUND no presence: that takes presence = yes in the topic's section";
    if (q->argc > 3 &&
        presence_page_parse_next(q->argv[3].data, q->argv[3].len, &p->after) != ERR_OK)
        return "ERR not what the page before has as \"next\"";
    return NULL;
}

void resp_hub_presence(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct presence_page p = {
        .topic = q->argv[2].data, .topic_len = q->argv[2].len, .limit = PRESENCE_PAGE_LIMIT};
    const char *error = check_presence(r, q, &p);
    if (error) {
        resp_error(r, error);
        return;
    }
    while (!presence_page_step(&p, worker_of(r->conn)))
        continue; /* a page is no more than a slice */
    if (p.text.failed)
        resp_error_of(r, ERR_NOMEM, NULL);
    else
        resp_reply_bulk(out, p.text.data + p.at, p.text.len - p.at);
    presence_page_finish(&p);
}

void resp_hub_stats(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct admin *a = resp_job_begin(r, &document);
    (void)q;
    (void)out;
    if (a)
        admin_stats(a);
}

void resp_hub_hooks(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct admin *a = resp_job_begin(r, &document);
    (void)q;
    (void)out;
    if (a)
        admin_hooks(a);
}

void resp_hub_tls(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct buf text = {0};
    (void)q;
    enum err e = admin_tls(worker_of(r->conn), &text);
    if (e == ERR_OK)
        resp_reply_bulk(out, text.data, text.len);
    else
        resp_error_of(r, e, NULL);
    buf_finish(&text);
}

void resp_hub_access(struct resp *r, const struct resp_request *q, struct buf *out)
{
    const struct resp_arg *filter = &q->argv[2], *token = q->argc > 3 ? &q->argv[3] : NULL;
    struct buf text = {0};
    if (!topic_pattern_valid(filter->data, filter->len)) {
        resp_error(r, bad_pattern);
        return;
    }
    enum err e = admin_access(worker_of(r->conn), filter->data, filter->len,
                              token ? token->data : NULL, token ? token->len : 0, &text);
    if (e == ERR_OK)
        resp_reply_bulk(out, text.data, text.len);
    else
        resp_error_of(r, e, NULL);
    buf_finish(&text);
}

void resp_hub_clients(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct admin *a = resp_job_begin(r, &document);
    (void)q;
    (void)out;
    if (a)
        admin_clients(a);
}

/* --- doing things --- */

static void put_kicked(const struct admin *a, enum resp_version v, struct buf *out)
{
    (void)v;
    if (a->number)
        resp_reply_simple(out, "OK");
    else
        resp_reply_error(out, "NOTFOUND no such connection");
}

void resp_hub_kick(struct resp *r, const struct resp_request *q, struct buf *out)
{
    static const struct resp_job kick = {.put = put_kicked};
    uint64_t number;
    if (resp_arg_u64(&q->argv[2], UINT64_MAX, &number) != ERR_OK) {
        resp_error(r, "ERR not a number of a connection, as HUB CLIENTS shows it");
        return;
    }
    if (number == conn_number(r->conn)) {
        resp_reply_simple(out, "OK");
        resp_end(r);
        return;
    }
    struct admin *a = resp_job_begin(r, &kick);
    if (a)
        admin_kick(a, number);
}

void resp_hub_purge(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct topic *t = find_topic(r, &q->argv[2]);
    struct admin *a = t ? resp_job_begin(r, &removal) : NULL;
    (void)out;
    if (a)
        admin_purge(a, t);
}

void resp_hub_trim(struct resp *r, const struct resp_request *q, struct buf *out)
{
    uint64_t offset;
    const char *error = resp_arg_offset(worker_of(r->conn)->hub, &q->argv[2], &offset);
    (void)out;
    if (!error && offset > hub_head(worker_of(r->conn)->hub))
        error = "BADCURSOR a cursor ahead of the head";
    if (error) {
        resp_error(r, error);
        return;
    }
    struct admin *a = resp_job_begin(r, &removal);
    if (a)
        admin_trim(a, offset);
}

static void put_ok(const struct admin *a, enum resp_version v, struct buf *out)
{
    (void)v;
    (void)a;
    resp_reply_simple(out, "OK");
}

static const char *explain_backup(enum err e)
{
    switch (e) {
    case ERR_INVALID:
        return "that is no directory, or not an empty one";
    case ERR_NOT_FOUND:
        return "the directory above that one does not exist";
    case ERR_ACCESS:
        return "the hub may not write there";
    case ERR_NOSPACE:
        return "no space left for the copy";
    case ERR_LOCKED:
        return "another backup is being made";
    case ERR_CLOSED:
        return "the hub is stopping; nothing is left of the copy";
    default:
        return NULL;
    }
}

void resp_hub_backup(struct resp *r, const struct resp_request *q, struct buf *out)
{
    static const struct resp_job plain = {put_ok, explain_backup};
    static const struct resp_job detailed = {put_text, explain_backup};
    const struct resp_arg *path = &q->argv[2];
    bool details = q->argc > 3;
    (void)out;
    if (details && !resp_arg_is(&q->argv[3], "JSON")) {
        resp_error(r, "ERR syntax error");
        return;
    }
    if (path->len == 0 || path->data[0] != '/' || memchr(path->data, '\0', path->len)) {
        resp_error(r, "ERR the path has to begin with / (the hub has a working directory of its "
                      "own)");
        return;
    }
    struct admin *a = resp_job_begin(r, details ? &detailed : &plain);
    if (a)
        admin_backup(a, path->data, path->len);
}

static const char *explain_verify(enum err e)
{
    return e == ERR_CLOSED ? "the hub is stopping" : NULL;
}

void resp_hub_verify(struct resp *r, const struct resp_request *q, struct buf *out)
{
    static const struct resp_job verify = {put_text, explain_verify};
    struct admin *a = resp_job_begin(r, &verify);
    (void)q;
    (void)out;
    if (a)
        admin_verify(a);
}

/* --- HUB READ --- */

struct hub_read {
    struct resp_wait wait;
    struct position position;
    struct gap gap; /* found at the start */
    uint32_t limit;
};

static bool answer_read(struct resp_wait *wait, struct buf *out, bool last)
{
    struct hub_read *h = (struct hub_read *)wait;
    struct worker *w = worker_of(wait->resp->conn);
    struct poll_body body = {0};
    enum err e = poll_body_read(w, wait->sub.feed, &h->position, &h->gap, h->limit, &body);
    bool answers = last || body.count || h->gap.reason != GAP_NONE || !body.live;
    if (e != ERR_OK)
        resp_error_of(wait->resp, e, NULL);
    else if (answers)
        resp_reply_bulk(out, body.buf.data + body.at, body.buf.len - body.at);
    buf_finish(&body.buf);
    return e != ERR_OK || answers;
}

static void destroy_read(struct resp_wait *wait)
{
    free(wait);
}

static const char *check_topics(const struct resp *r, const struct resp_request *q, size_t first)
{
    if (q->argc - first > worker_settings(r->conn)->subscriptions)
        return "LIMIT more topics than limits.subscriptions allows";
    for (size_t i = first; i < q->argc; i++) {
        if (!topic_pattern_valid(q->argv[i].data, q->argv[i].len))
            return bad_pattern;
        if (!topic_pattern_bounded(q->argv[i].data, q->argv[i].len))
            return too_many_levels;
    }
    return NULL;
}

static const char *parse_after(const struct resp_arg *a, struct after *ret)
{
    return after_parse(a->data, a->len, ret) == ERR_OK
               ? NULL
               : "BADCURSOR not a cursor, earliest, latest, -N or an RFC 3339 time";
}

static const char *parse_limit(const struct resp_arg *a, uint64_t *ret)
{
    return resp_arg_u64(a, UINT32_MAX, ret) == ERR_OK && *ret
               ? NULL
               : "ERR the limit is not a number of messages above 0";
}

static const char *parse_read(const struct resp *r, const struct resp_request *q,
                              struct after *after, uint64_t *limit, uint64_t *wait_ms)
{
    const char *error = parse_after(&q->argv[2], after);
    if (!error)
        error = parse_limit(&q->argv[3], limit);
    if (error)
        return error;
    if (resp_arg_u64(&q->argv[4], UINT32_MAX, wait_ms) != ERR_OK)
        return "ERR the time to wait is not a number of milliseconds";
    return check_topics(r, q, 5);
}

static enum err start_read(struct hub_read *h, struct resp *r, const struct resp_request *q,
                           const struct after *after)
{
    struct worker *w = worker_of(r->conn);
    enum err e = resp_wait_join(&h->wait, r, q->argv + 5, q->argc - 5);
    if (e != ERR_OK)
        return e;
    return replay_start(&w->replay, h->wait.sub.feed, after, hub_head(w->hub), &h->position,
                        &h->gap);
}

void resp_hub_read(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct after after;
    uint64_t limit, wait_ms, wait_max_ms = worker_settings(r->conn)->poll_wait_max_ms;
    const char *error = parse_read(r, q, &after, &limit, &wait_ms);
    struct hub_read *h = error ? NULL : calloc(1, sizeof(*h));
    if (!h) {
        resp_error(r, error ? error : "ERR out of memory");
        return;
    }
    h->wait.retry = answer_read;
    h->wait.destroy = destroy_read;
    h->limit = (uint32_t)limit;
    wait_ms = wait_ms < wait_max_ms ? wait_ms : wait_max_ms;
    wait_ms = resp_wait_allowed(r) ? wait_ms : 0;
    enum err e = start_read(h, r, q, &after);
    if (e != ERR_OK)
        resp_error_of(r, e, e == ERR_LIMIT ? "-N reaches back too far" : NULL);
    if (e != ERR_OK || answer_read(&h->wait, out, wait_ms == 0))
        resp_wait_destroy(&h->wait);
    else
        resp_wait_begin(&h->wait, wait_ms);
}

/* --- HUB EXPORT --- */

struct export
{
    struct after after;
    uint64_t until, limit;
};

/* Past the head there is nothing yet, and a worker may be a little behind the hub. */
static const char *parse_export(const struct resp *r, const struct resp_request *q,
                                struct export *x)
{
    const char *error = parse_after(&q->argv[2], &x->after);
    if (!error)
        error = resp_arg_offset(worker_of(r->conn)->hub, &q->argv[3], &x->until);
    if (!error && x->until > hub_head(worker_of(r->conn)->hub))
        error = "BADCURSOR a cursor ahead of the head";
    if (!error)
        error = parse_limit(&q->argv[4], &x->limit);
    return error ? error : check_topics(r, q, 5);
}

static enum err select_topics(struct scan *s, const struct resp_request *q, size_t first)
{
    struct feed_spec spec;
    enum err e = ERR_OK;
    feed_spec_init(&spec, s->replay.feeds);
    for (size_t i = first; i < q->argc && e == ERR_OK; i++)
        e = feed_spec_add(&spec, q->argv[i].data, q->argv[i].len);
    if (e == ERR_OK)
        e = feed_join(&s->sub, &spec, NULL, 0, NULL);
    feed_spec_finish(&spec);
    return e;
}

static enum err read_export(struct worker *w, const struct export *x, struct scan *s,
                            struct poll_body *body)
{
    struct position p;
    struct gap gap;
    enum err e = replay_start(&s->replay, scan_feed(s), &x->after, hub_head(w->hub), &p, &gap);
    if (e != ERR_OK)
        return e;
    return poll_body_export(w, &s->replay, scan_feed(s), &p, &gap, (uint32_t)x->limit, x->until,
                            body);
}

static enum err make_export(struct resp *r, const struct resp_request *q, const struct export *x,
                            struct poll_body *body)
{
    struct worker *w = worker_of(r->conn);
    struct scan scan;
    enum err e = scan_init(&scan, w);
    if (e != ERR_OK)
        return e;
    e = select_topics(&scan, q, 5);
    if (e == ERR_OK)
        e = read_export(w, x, &scan, body);
    scan_finish(&scan);
    return e;
}

void resp_hub_export(struct resp *r, const struct resp_request *q, struct buf *out)
{
    struct export x;
    struct poll_body body = {0};
    const char *error = parse_export(r, q, &x);
    if (error) {
        resp_error(r, error);
        return;
    }
    enum err e = make_export(r, q, &x, &body);
    if (e == ERR_OK)
        resp_reply_bulk(out, body.buf.data + body.at, body.buf.len - body.at);
    else
        resp_error_of(r, e, e == ERR_LIMIT ? "-N reaches back too far" : NULL);
    buf_finish(&body.buf);
}
