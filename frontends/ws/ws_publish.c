#include "frontends/ws/ws_publish.h"

#include <stdlib.h>
#include <string.h>

#include "frontends/ws/ws_connection.h"
#include "frontends/ws/ws_frame.h"
#include "http/http_access.h"
#include "http/http_quota.h"
#include "http/publish.h"

/* A publish under way: its answer echoes the ref. Answers come in order. */
struct pending {
    struct pending *next;
    size_t ref_len; /* 0 = none */
    char ref[];
};

static bool remember(struct ws *ws, const struct json_slice *ref)
{
    size_t n = ref && ref->data ? ref->len : 0;
    struct pending *p = malloc(sizeof(*p) + n);
    if (!p)
        return false;
    p->ref_len = n;
    if (n)
        memcpy(p->ref, ref->data, n);
    p->next = ws->pending ? ws->pending->next : p;
    if (ws->pending)
        ws->pending->next = p;
    ws->pending = p;
    return true;
}

/* The first one, which is the caller's from now on; NULL: there is none. */
static struct pending *recall(struct ws *ws)
{
    struct pending *last = ws->pending, *first = last ? last->next : NULL;
    if (first == last)
        ws->pending = NULL;
    else
        last->next = first->next;
    return first;
}

static void publish(struct conn *c, const struct message_init *m, const struct json_slice *ref)
{
    struct ws *ws = ws_of(c);
    budget_charge(&c->loop->work, WORK_COMMAND + m->payload_len);
    if (publish_one(c, m) != ERR_OK || !remember(ws, ref)) {
        conn_close(c, CLOSE_NOMEM);
        return;
    }
    ws->inflight++;
    ws->published = true;
}

static const struct fault *check_publish(struct conn *c, const struct message_init *m)
{
    static const struct fault stopping = {"unavailable", "The hub is stopping"};
    if (c->loop->draining)
        return &stopping;
    return publish_check(worker_settings(c), m);
}

void ws_publish(struct conn *c, const struct ws_control *m)
{
    const struct fault *fault = check_publish(c, &m->publish);
    struct http_quota quota;
    if (fault)
        ws_answer_error(c, fault, &m->ref);
    else if (!ws_may_use(c, ACCESS_PUBLISH, m->publish.topic, m->publish.topic_len, &m->ref))
        return;
    else if (!http_quota_publish(c, 1, m->publish.payload_len, &quota))
        ws_answer_over(c, &quota, &m->ref);
    else
        publish(c, &m->publish, &m->ref);
}

void ws_publish_raw(struct conn *c, const struct ws_event *e)
{
    const struct feed *f = ws_of(c)->stream.sub.feed; /* of one topic, for good */
    size_t n;
    const char *topic = filter_name(f->filters[0], &n);
    struct message_init m = {
        .topic = topic,
        .topic_len = (uint8_t)n,
        .payload = e->data ? e->data : "",
        .payload_len = e->len,
        .kind = e->text ? MESSAGE_TEXT : MESSAGE_BINARY,
    };
    const struct fault *fault = check_publish(c, &m);
    struct http_quota quota;
    struct access_reason reason;
    if (fault)
        ws_end_with(c, WS_CLOSE_POLICY, fault->message);
    else if (!http_may_topic(c, ACCESS_PUBLISH, topic, n, &reason))
        ws_end_with(c, WS_CLOSE_POLICY, "Publishing to this topic is not allowed here");
    else if (!http_quota_publish(c, 1, m.payload_len, &quota))
        ws_end_with(c, WS_CLOSE_TRY_LATER, "More is published than limits allow");
    else
        publish(c, &m, NULL);
}

static void answer_conflict(struct conn *c, const struct publish *p, const struct json_slice *ref)
{
    char current[CURSOR_TEXT_SIZE];
    struct buf *out = ws_out(c);
    counter_add(&c->loop->counters, COUNTER_ws_errors, 1);
    if (!out)
        return;
    ws_format_offset(c, p->current, current);
    size_t frame = ws_frame_begin(out);
    ws_control_conflict(out, publish_fault(p->result), current, ref);
    ws_frame_end(out, frame, WS_TEXT);
}

/* The close frame is the only place that can tell it: it says this, whoever closes. */
static void fail_raw(struct conn *c, enum err e)
{
    struct ws *ws = ws_of(c);
    ws_end_with(c, WS_CLOSE_TRY_LATER, publish_fault(e)->message);
    ws->close_code = WS_CLOSE_TRY_LATER;
    ws->close_text = publish_fault(e)->message;
}

void ws_answered(struct conn *c, struct publish *p)
{
    struct ws *ws = ws_of(c);
    struct pending *pending = recall(ws);
    struct json_slice ref = {pending->ref_len ? pending->ref : NULL, pending->ref_len};
    struct buf *out = ws->raw ? NULL : ws_out(c);
    ws->inflight--;
    if (p->result != ERR_OK && ws->raw) {
        fail_raw(c, p->result);
    } else if (p->result == ERR_CONFLICT && out) {
        answer_conflict(c, p, &ref);
    } else if (p->result != ERR_OK && out) {
        ws_answer_error(c, publish_fault(p->result), &ref);
    } else if (out) {
        char id[CURSOR_TEXT_SIZE];
        ws_format_offset(c, p->items[0].offset, id);
        size_t frame = ws_frame_begin(out);
        ws_control_published(out, id, &ref);
        ws_frame_end(out, frame, WS_TEXT);
    }
    free(pending);
    ws_leave(c);
    if (!c->reading && ws_is_listening(ws))
        conn_resume(c);
}

void ws_forget_publishes(struct ws *ws)
{
    while (ws->pending)
        free(recall(ws));
}

size_t ws_held_by_publishes(const struct ws *ws)
{
    return ws->inflight * sizeof(struct pending);
}
