#include "frontends/poll/poll.h"

#include <stdio.h>
#include <string.h>

#include "base/spare.h"
#include "delivery/description.h"
#include "delivery/envelope_encoding.h"
#include "delivery/poll_body.h"
#include "http/compress.h"
#include "http/exchange.h"
#include "http/http_quota.h"
#include "http/shared_answer.h"
#include "net/holding.h"

enum { ANSWER_BYTES = 512 }; /* what an answer takes besides its messages, as work too */

/* While it waits; there are many that do. */
struct poll {
    struct subscriber sub; /* first */
    struct exchange *exchange;
    struct position position;
    uint32_t limit;
    bool raw;
    bool gzip; /* unless it is raw */
};

static struct transport poll_transport = {.name = "poll", .subscribes = true, .attends = true};
static struct encoding *const encodings[] = {&envelope_encoding, &envelope_encoding_packed, NULL};

const struct frontend poll_frontend = {.transport = &poll_transport, .encodings = encodings};

static struct worker *worker_of_poll(const struct poll *p)
{
    return worker_of(p->exchange->conn);
}

/* The answer with BODY for all who would get the same as P; NULL: out of memory. */
static struct blob *make_shared(const struct poll *p, uint64_t offset, const struct poll_body *body)
{
    char fields[128 + CURSOR_TEXT_SIZE], cursor[CURSOR_TEXT_SIZE];
    cursor_format(cursor, offset, worker_of_poll(p)->replay.log->epoch);
    snprintf(fields, sizeof(fields), "Longwire-Cursor: %s\r\n%s%s", cursor,
             compress_varies(p->exchange) ? COMPRESS_VARY : "", body->gzip ? COMPRESS_GZIP : "");
    if (body->buf.failed)
        return NULL;
    return shared_answer_create(fields, exchange_json, body->buf.data + body->at,
                                body->buf.len - body->at);
}

/* It may leave at once, so its client may look at the figures before the exchange ends. */
static void reply_shared(struct exchange *x, struct blob *answer, bool at_once)
{
    conn_count_as(x->conn, x->conn->protocol->transport);
    counter_add(&x->conn->loop->counters, COUNTER_polls, 1);
    exchange_reply_shared(x, answer, at_once);
}

static void add_cursor(struct exchange *x, uint64_t offset)
{
    char text[CURSOR_TEXT_SIZE];
    cursor_format(text, offset, worker_of(x->conn)->replay.log->epoch);
    exchange_add_field(x, "Longwire-Cursor", text);
    counter_add(&x->conn->loop->counters, COUNTER_polls, 1);
}

static void reply_body(struct exchange *x, uint64_t offset, struct poll_body *body)
{
    add_cursor(x, offset);
    compress_tell(x, body->gzip);
    exchange_reply_with(x, 200, exchange_json, &body->buf, body->at);
}

/* --- format=raw: one message as it is --- */

struct raw {
    bool found;
    struct buf body;
    uint64_t offset;
    enum message_kind kind;
    struct topic *topic;
    char event[MESSAGE_EVENT_MAX + 1];
};

static bool take_raw(void *ctx, struct message *m, bool shared)
{
    struct raw *r = ctx;
    (void)shared;
    if (r->found)
        return false;
    r->found = true;
    r->offset = m->offset;
    r->kind = m->kind;
    r->topic = m->topic;
    memcpy(r->event, m->event, m->event_len);
    r->event[m->event_len] = '\0';
    buf_append(&r->body, m->payload, m->payload_len);
    return true;
}

static void reply_raw(struct exchange *x, struct raw *r, uint64_t offset)
{
    static const char *const types[] = {
        [MESSAGE_TEXT] = "text/plain; charset=utf-8",
        [MESSAGE_JSON] = "application/json",
        [MESSAGE_BINARY] = "application/octet-stream",
    };
    add_cursor(x, r->found ? r->offset : offset);
    if (!r->found) {
        exchange_reply(x, 204, NULL, NULL, 0);
        return;
    }
    exchange_add_field(x, "Longwire-Topic", r->topic->name);
    if (r->event[0])
        exchange_add_field(x, "Longwire-Event", r->event);
    exchange_reply(x, 200, types[r->kind], r->body.data, r->body.len);
}

/* --- answering --- */

/* Whether others may ask for the same in this turn, and the same is said to them. */
static bool may_share(const struct poll *p, const struct gap *gap)
{
    return gap->reason == GAP_NONE && p->sub.feed->refs > 1 && p->exchange->method != HTTP_HEAD;
}

/* Answers as another one was. False: none was. */
static bool answer_as_another(struct poll *p)
{
    struct worker *w = worker_of_poll(p);
    struct blob *answer =
        poll_shared_read(&w->polls, &w->replay, p->sub.feed, &p->position, p->limit);
    if (answer)
        reply_shared(p->exchange, answer, false);
    return answer != NULL;
}

/* Answers with BODY, which others may get, too: what was read in SPAN. */
static void answer_first(struct poll *p, struct replay_span *span, const struct poll_body *body)
{
    struct worker *w = worker_of_poll(p);
    struct blob *answer = make_shared(p, p->position.offset, body);
    if (!answer) {
        subscribe_fail(p->exchange, ERR_NOMEM);
        return;
    }
    replay_span_end(span, &p->position);
    poll_shared_keep_read(&w->polls, &w->replay, p->sub.feed, span, p->limit, answer);
    reply_shared(p->exchange, answer, false);
}

/* Reads what there is. True: answered. */
static bool answer_envelopes(struct poll *p, struct gap *gap, bool even_if_empty)
{
    struct exchange *x = p->exchange;
    struct poll_body body = {0};
    struct replay_span span;
    if (may_share(p, gap) && answer_as_another(p))
        return true;
    replay_span_begin(&span, &worker_of_poll(p)->replay, &p->position);
    enum err e = poll_body_read(worker_of_poll(p), p->sub.feed, &p->position, gap, p->limit, &body);
    /* A long way without a match is answered too: the client goes on from the new cursor. */
    bool answers = even_if_empty || body.count || gap->reason != GAP_NONE || !body.live;
    if (e != ERR_OK)
        subscribe_fail(x, e);
    else if (body.count && may_share(p, gap))
        answer_first(p, &span, &body);
    else if (answers)
        reply_body(x, p->position.offset, &body);
    buf_finish(&body.buf);
    return e != ERR_OK || answers;
}

static bool answer_raw(struct poll *p, struct gap gap, bool even_if_empty)
{
    struct exchange *x = p->exchange;
    struct worker *w = worker_of_poll(p);
    struct raw raw = {0};
    enum err e = ERR_OK;
    while (e == ERR_OK && gap.reason == GAP_NONE && !raw.found && p->position.offset < w->head) {
        e = replay_next(&w->replay, p->sub.feed, &p->position, w->head, take_raw, &raw, &gap);
        if (e == ERR_AGAIN) {
            raw.found = false;
            buf_clear(&raw.body);
            e = ERR_OK;
        }
    }
    bool answers = even_if_empty || raw.found || gap.reason != GAP_NONE || e != ERR_OK;
    if (e == ERR_OK && raw.body.failed)
        e = ERR_NOMEM;
    if (gap.reason != GAP_NONE && e == ERR_OK) {
        /* A bare payload has no place for a gap: told as a conflict, with the cursor to go on from.
         */
        worker_count_gap(w, gap.reason);
        add_cursor(x, gap.resumed);
        exchange_add_field(x, "Longwire-Gap", gap_reason_name(gap.reason));
        exchange_fail(x, 409, "Messages after this cursor are lost; go on from Longwire-Cursor");
    } else if (e != ERR_OK) {
        subscribe_fail(x, e);
    } else if (answers) {
        reply_raw(x, &raw, p->position.offset);
    }
    buf_finish(&raw.body);
    return answers;
}

/* GAP was found at the start; one that is found now is told, too. After true P is freed. */
static bool answer(struct poll *p, struct gap gap, bool even_if_empty)
{
    if (!even_if_empty && gap.reason == GAP_NONE && p->position.offset >= worker_of_poll(p)->head)
        return false; /* mostly there is nothing yet */
    return p->raw ? answer_raw(p, gap, even_if_empty) : answer_envelopes(p, &gap, even_if_empty);
}

/* Many wait for the same: this one reads what came behind BEFORE in another turn. */
static void answer_later(struct poll *p, uint64_t before)
{
    if (p->position.offset < before)
        p->position = (struct position){.offset = before, .floor_serial = UINT64_MAX};
    feed_go_idle(&p->sub);
    exchange_go_on_later(p->exchange);
}

/* The body for who is brought PARCEL. */
static enum err make_body(const struct poll *p, const struct parcel *parcel, struct poll_body *ret)
{
    struct worker *w = worker_of_poll(p);
    if (p->gzip)
        return poll_body_pack(w, parcel->data, parcel->size, parcel->last, ret);
    poll_body_append(w, parcel->data, parcel->cuts, parcel->count, parcel->last, ret);
    return ERR_OK;
}

/* The answer for all members of P's feed with PARCEL; NULL: out of memory. */
static struct blob *answer_of(const struct poll *p, const struct parcel *parcel)
{
    struct worker *w = worker_of_poll(p);
    struct feed *f = p->sub.feed;
    struct blob *answer = poll_shared_live(&w->polls, f, parcel->last);
    struct poll_body body = {0};
    if (answer)
        return answer;
    if (make_body(p, parcel, &body) == ERR_OK)
        answer = make_shared(p, parcel->last, &body);
    buf_finish(&body.buf);
    if (answer)
        poll_shared_keep_live(&w->polls, w->feeds, f, parcel->last, answer);
    return answer;
}

/* A waiting poll at the head: the answer is the same for all who wait. */
static void answer_now(struct poll *p, const struct parcel *parcel)
{
    struct blob *shared;
    if (parcel->count == 0 || parcel->count > p->limit || p->raw ||
        p->position.offset > parcel->before || parcel->size > POLL_BODY_BYTES) {
        answer(p, (struct gap){0}, false);
        return;
    }
    shared = answer_of(p, parcel);
    if (shared)
        reply_shared(p->exchange, shared, true);
    else
        subscribe_fail(p->exchange, ERR_NOMEM);
}

/* Whose peer still reads the answer before this one, or would add to what is too much already, is
 * answered where the limits are looked at between two. */
static void deliver(struct subscriber *sub, const struct parcel *parcel)
{
    struct poll *p = subscriber_owner(sub);
    struct conn *c = p->exchange->conn;
    if (conn_state(c) == CONN_CLOSED)
        return;
    if (conn_is_busy(c) || holding_is_full(c->loop) ||
        !budget_take_answer(&c->loop->work, parcel->size + ANSWER_BYTES)) {
        answer_later(p, parcel->before);
        return;
    }
    answer_now(p, parcel);
    if (conn_is_busy(c))
        holding_count(c);
}

static const struct receiver_ops live_ops = {.deliver = deliver};

/* Each gets an answer of its own, so it has to be asked. */
static enum err follow(struct poll *p)
{
    return feed_go_live(&p->sub, &live_ops, LIVE_NO_HANDLE);
}

/* It was put off while many others were answered. */
static void go_on(struct exchange *x)
{
    struct poll *p = x->waiting;
    if (!answer(p, (struct gap){0}, false) && follow(p) != ERR_OK)
        subscribe_fail(x, ERR_NOMEM);
}

static void time_up(struct exchange *x)
{
    answer(x->waiting, (struct gap){0}, true);
}

static void end(struct exchange *x)
{
    struct poll *p = x->waiting;
    conn_count_as(x->conn, x->conn->protocol->transport);
    feed_leave(&p->sub, worker_of_poll(p)->feeds, x->conn);
    http_quota_leave(x->conn);
    spare_give(p, sizeof(*p));
}

/* About what its subscriptions take. */
static size_t held(const struct exchange *x)
{
    const struct poll *p = x->waiting;
    return feed_share(p->sub.feed);
}

static void describe(const struct exchange *x, struct description *d)
{
    const struct poll *p = x->waiting;
    d->feed = p->sub.feed;
    d->has_cursor = true;
    d->cursor = feed_is_live(&p->sub) ? worker_of_poll(p)->head : p->position.offset;
}

static const struct exchange_waiter waiter = {
    .go_on = go_on,
    .time_up = time_up,
    .end = end,
    .held = held,
    .describe = describe,
    .may_refuse = true,
};

static void wait_for_messages(struct poll *p, uint64_t ms)
{
    struct conn *c = p->exchange->conn;
    if (follow(p) != ERR_OK) {
        subscribe_fail(p->exchange, ERR_NOMEM);
        return;
    }
    exchange_forget_head(p->exchange);
    conn_count_as(c, &poll_transport);
    conn_set_deadline(c, conn_spread_end(c, ms));
}

static enum err subscribe(struct poll *p, const struct feed_spec *spec, const struct after *after,
                          struct gap *ret_gap)
{
    struct worker *w = worker_of_poll(p);
    const struct encoding *encoding = p->gzip ? &envelope_encoding_packed : &envelope_encoding;
    enum err e = feed_join(&p->sub, spec, encoding, poll_transport.number, p->exchange->conn);
    if (e != ERR_OK)
        return e;
    return replay_start(&w->replay, p->sub.feed, after, hub_head(w->hub), &p->position, ret_gap);
}

void poll_start(struct exchange *x, const struct subscription *sub)
{
    const struct conn *c = x->conn;
    struct poll *p = spare_take_zeroed(sizeof(*p));
    if (!p) {
        subscribe_fail(x, ERR_NOMEM);
        return;
    }
    p->exchange = x;
    p->limit = sub->limit;
    p->raw = sub->raw;
    p->gzip = sub->gzip && !sub->raw;
    exchange_wait(x, &waiter, p);
    struct gap gap = {0};
    enum err e = subscribe(p, &sub->spec, &sub->after, &gap);
    if (e != ERR_OK)
        subscribe_fail(x, e);
    else if (!answer(p, gap, sub->wait_ms == 0 || c->loop->draining || c->input_over))
        wait_for_messages(p, sub->wait_ms);
}
