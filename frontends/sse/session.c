#include "frontends/sse/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/workers.h"
#include "delivery/attendance.h"
#include "delivery/counting.h"
#include "delivery/envelope.h"
#include "delivery/errand.h"
#include "delivery/stream_table.h"
#include "frontends/sse/session_id.h"
#include "frontends/sse/session_request.h"
#include "frontends/sse/sse.h"
#include "frontends/sse/sse_encoding.h"
#include "http/accept.h"
#include "http/bearer.h"
#include "http/exchange.h"
#include "http/http_access.h"
#include "http/http_quota.h"
#include "http/subscribe.h"
#include "http/tokens.h"

enum {
    /* Bytes of the answer, at most: */
    ANSWER_FRAME_MAX = 96,
    ANSWER_ENTRY_MAX = 64 + CURSOR_TEXT_SIZE, /* but for the topic */
    JSON_ESCAPE_MAX = 6,                      /* of one byte */
};

static const char no_session[] = "There is no such session: its event stream has ended";
static const char no_memory[] = "The hub is out of memory";
static const char too_many[] = "More topics than limits.subscriptions allows";

/* A change on its way to the stream and back. */
struct change {
    struct errand errand;
    struct tokens_check check;   /* while its token is being verified */
    struct exchange *exchange;   /* likewise */
    struct principal *principal; /* that the stream gets, a reference; NULL: it keeps what it has */
    struct conn *conn;           /* held; it waits for the answer */
    uint64_t number;             /* the stream's */
    struct buf body;             /* the request's texts lie in it */
    struct session_request request;
    size_t found;              /* entries whose place is known, or is found at once */
    struct counting *counting; /* of the next one; NULL: it has not begun */
    bool *parted;
    uint64_t *offsets;
    struct buf answer; /* with room for all of it: what was done must not fail for want of memory */
    /* The answer when it is none of 200: */
    unsigned status;
    const char *detail;
    struct http_quota quota; /* that was in the way */
    struct buf denied;       /* what is not granted, as a sentence; then this is the detail */
};

static void change_destroy(struct change *g)
{
    tokens_forget(&g->check);
    principal_unref(g->principal);
    buf_finish(&g->denied);
    counting_free(g->counting);
    session_request_finish(&g->request);
    buf_finish(&g->body);
    buf_finish(&g->answer);
    free(g->parted);
    free(g->offsets);
    free(g);
}

/* --- at the stream --- */

static void refuse(struct change *g, unsigned status, const char *detail)
{
    g->status = status;
    g->detail = detail;
}

static bool changes_nothing(const struct change *g)
{
    return g->request.subscribe.count == 0 && g->request.unsubscribe.count == 0;
}

/* Whether the stream's client may have TOPICS of it. */
static bool grant(struct change *g, struct stream *s, uint32_t topics)
{
    uint32_t has = s->conn->client.topics;
    if (topics <= has || http_quota_subscribe(s->conn, topics - has, &g->quota))
        return true;
    refuse(g, 429, g->quota.text);
    return false;
}

static void edit(struct change *g, struct stream *s)
{
    struct stream_edit edit = {
        .part = &g->request.unsubscribe,
        .join = &g->request.subscribe,
        .encoding = sse_encoding_of_joining(s->sub.feed->encoding),
        .ret_parted = g->parted,
        .ret_offsets = g->offsets,
    };
    if (stream_filters_after(s, &edit) > worker_settings(s->conn)->subscriptions) {
        refuse(g, 400, too_many);
        return;
    }
    if (!grant(g, s, stream_filters_after(s, &edit)))
        return;
    budget_charge(&s->conn->loop->work, g->request.subscribe.count * WORK_SUBSCRIBE +
                                            g->request.unsubscribe.count * WORK_TOPIC);
    enum err e = stream_edit(s, &edit);
    http_quota_settle(s->conn, stream_filters(s));
    if (e == ERR_LIMIT)
        refuse(g, 400, SUBSCRIBE_TOO_FAR);
    else if (e == ERR_FULL)
        refuse(g, 429, SUBSCRIBE_FULL);
    else if (e != ERR_OK)
        refuse(g, 503, e == ERR_NOMEM ? no_memory : "The log cannot be read");
}

/* --- rights, at the stream --- */

/* Whether its client is the one that it was. */
static bool is_same(const struct conn *c, const struct principal *p)
{
    const struct principal *now = bearer_of(c);
    return !now || strcmp(now->sub, p->sub) == 0;
}

/* Whether the client of the stream on C may have all that joins. */
static bool judge_joining(struct change *g, const struct conn *c)
{
    const struct places *list = &g->request.subscribe;
    struct access_reason reason;
    for (size_t i = 0; i < list->count; i++) {
        const struct place *p = &list->entries[i];
        if (http_may_topic(c, ACCESS_SUBSCRIBE, p->filter, p->len, &reason))
            continue;
        access_reason_put(&reason, p->filter, p->len, &g->denied);
        buf_putc(&g->denied, '\0');
        refuse(g, 403, g->denied.failed ? "The stream has no right to this topic" : g->denied.data);
        return false;
    }
    return true;
}

/* Gives the stream the principal, and takes that back if what joins is not granted. False: refused.
 */
static bool renew(struct change *g, struct conn *c)
{
    struct principal *before = bearer_of(c);
    if (!is_same(c, g->principal)) {
        refuse(g, 403, "The sub of a token must be that of the stream's former one");
        return false;
    }
    if (before)
        principal_ref(before);
    bool fine = bearer_set(c, g->principal) == ERR_OK;
    if (!fine)
        refuse(g, 503, no_memory);
    else if (!judge_joining(g, c))
        fine = false;
    if (!fine && bearer_set(c, before) != ERR_OK)
        conn_close(c, CLOSE_NOMEM);
    if (fine)
        attendance_known(c);
    principal_unref(before);
    return fine;
}

/* False: refused. */
static bool judge_change(struct change *g, struct stream *s)
{
    if (!g->principal)
        return judge_joining(g, s->conn);
    if (!renew(g, s->conn))
        return false;
    if (!http_quota_join(s->conn, stream_filters(s), &g->quota)) {
        refuse(g, 429, g->quota.text);
        return false;
    }
    sse_judge_again(s);
    return true;
}

static void apply(struct errand *e, void *where)
{
    struct change *g = (struct change *)e;
    struct worker *w = where;
    struct listed_stream *s = stream_table_find(w->streams, g->number);
    if (!s || !conn_is_open(s->stream.conn)) /* as all of them when the hub stops */
        refuse(g, 404, no_session);
    else if (sse_encoding_form(s->stream.sub.feed->encoding).raw && !changes_nothing(g))
        refuse(g, 409,
               "The stream is in raw format, which is for one topic: payloads do not say "
               "whose they are. Open it with format=envelope");
    else if (judge_change(g, &s->stream))
        edit(g, &s->stream);
    errand_home(e, ERR_OK);
}

/* --- the answer --- */

static void put_subscribed(const struct change *g, struct buf *out)
{
    const struct places *list = &g->request.subscribe;
    char cursor[CURSOR_TEXT_SIZE];
    for (size_t i = 0; i < list->count; i++) {
        buf_puts(out, i ? ",{\"topic\":" : "{\"topic\":");
        envelope_json_string(out, list->entries[i].filter, list->entries[i].len);
        cursor_format(cursor, g->offsets[i], worker_of(g->conn)->replay.log->epoch);
        buf_printf(out, ",\"cursor\":\"%s\"}", cursor);
    }
}

static void put_unsubscribed(const struct change *g, struct buf *out)
{
    const struct places *list = &g->request.unsubscribe;
    bool any = false;
    for (size_t i = 0; i < list->count; i++) {
        if (!g->parted[i])
            continue;
        if (any)
            buf_putc(out, ',');
        any = true;
        envelope_json_string(out, list->entries[i].filter, list->entries[i].len);
    }
}

static void answer_changed(struct exchange *x, struct change *g)
{
    struct buf *body = &g->answer;
    buf_puts(body, "{\"subscribed\":[");
    put_subscribed(g, body);
    buf_puts(body, "],\"unsubscribed\":[");
    put_unsubscribed(g, body);
    buf_putc(body, ']');
    if (g->principal && g->principal->expires_s)
        buf_printf(body, ",\"expires\":%lld", (long long)g->principal->expires_s);
    buf_putc(body, '}');
    exchange_reply(x, 200, exchange_json, body->data, body->len);
}

static void answer(struct exchange *x, struct change *g)
{
    if (g->status == 503 || g->status == 429)
        exchange_fail_later(x, g->status, g->status == 429 ? 10 : 1, g->detail);
    else if (g->status == 403)
        exchange_fail_as(x, 403, "forbidden", g->detail);
    else if (g->status)
        exchange_fail(x, g->status, g->detail);
    else
        answer_changed(x, g);
}

static void change_done(struct errand *e)
{
    struct change *g = (struct change *)e;
    struct conn *c = g->conn;
    if (conn_state(c) != CONN_CLOSED)
        answer(exchange_of(c), g);
    conn_release(c);
    change_destroy(g);
}

/* --- the request --- */

static bool is_json(const struct exchange *x)
{
    struct content_type type = {.kind = CONTENT_SNIFF};
    size_t n;
    const char *value = http_fields_get(x->fields, HTTP_FIELD_CONTENT_TYPE, &n);
    if (value && content_type_parse(value, n, &type) != ERR_OK)
        return false;
    return type.kind == CONTENT_JSON || type.kind == CONTENT_SNIFF;
}

void session_http_head(struct exchange *x)
{
    uint64_t number;
    enum err e = session_id_parse(x->name, x->name_len, &number);
    if (!http_may_follow(x->conn) && !http_takes_tokens(x->conn)) {
        exchange_deny(x, "Anonymous subscribing is not allowed here (see access.anonymous)");
    } else if (e == ERR_NOT_FOUND) {
        exchange_fail(x, 404, no_session);
    } else if (e != ERR_OK) {
        exchange_fail_later(x, 503, 1, no_memory);
    } else if (x->conn->loop->draining) {
        exchange_fail_later(x, 503, 5, "The hub is stopping");
    } else if (http_fields_has(x->fields, HTTP_FIELD_CONTENT_ENCODING)) {
        exchange_fail(x, 415, "Encoded bodies are not taken");
    } else if (!is_json(x)) {
        exchange_add_field(x, "Accept", "application/json");
        exchange_fail(x, 415, "What is to change is said in application/json");
    } else {
        x->body_max = worker_settings(x->conn)->max_body_bytes;
    }
}

static struct change *change_create(struct exchange *x)
{
    struct change *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->body = x->body;
    x->body = (struct buf){0};
    return g;
}

static void fail_entry(struct exchange *x, const struct session_request *r,
                       const struct fault *fault)
{
    struct buf detail = {0};
    buf_printf(&detail, "%s[%zu]: %s", r->wrong_list, r->wrong_index, fault->message);
    buf_putc(&detail, '\0');
    exchange_fail(x, 400, detail.failed ? fault->message : detail.data);
    buf_finish(&detail);
}

/* False: answered with what is wrong. */
static bool read_request(struct exchange *x, struct change *g)
{
    struct session_request *r = &g->request;
    const struct fault *fault = session_request_parse(g->body.data, g->body.len,
                                                      worker_settings(x->conn)->subscriptions, r);
    if (fault && strcmp(fault->code, "unavailable") == 0)
        exchange_fail_later(x, 503, 1, fault->message);
    else if (fault && r->wrong_list)
        fail_entry(x, r, fault);
    else if (fault)
        exchange_fail(x, 400, fault->message);
    return !fault;
}

/* The most that the answer takes for the entries of LIST. */
static size_t answer_size(const struct places *list)
{
    size_t size = 0;
    for (size_t i = 0; i < list->count; i++)
        size += ANSWER_ENTRY_MAX + JSON_ESCAPE_MAX * list->entries[i].len;
    return size;
}

static bool make_room(struct exchange *x, struct change *g)
{
    size_t size = ANSWER_FRAME_MAX + answer_size(&g->request.subscribe) +
                  answer_size(&g->request.unsubscribe);
    g->parted = calloc(g->request.unsubscribe.count + 1, sizeof(*g->parted));
    g->offsets = calloc(g->request.subscribe.count + 1, sizeof(*g->offsets));
    if (g->parted && g->offsets && buf_reserve(&g->answer, size))
        return true;
    exchange_fail_later(x, 503, 1, no_memory);
    return false;
}

static void dispatch(struct conn *c, struct change *g)
{
    conn_hold(c);
    g->conn = c;
    errand_init(&g->errand, worker_of(c), change_done);
    errand_to_worker(&g->errand, (unsigned)(g->number % WORKERS_MAX), apply);
}

/* --- places that have to be counted first --- */

static void end_counting(struct exchange *x)
{
    change_destroy(x->waiting);
}

static size_t held_meanwhile(const struct exchange *x)
{
    const struct change *g = x->waiting;
    size_t places = g->request.subscribe.count + g->request.unsubscribe.count;
    return sizeof(*g) + g->body.cap + g->answer.cap + places * sizeof(struct place) +
           counting_held(g->counting);
}

static enum err count_place(struct exchange *x, struct change *g, struct place *p)
{
    struct feed_spec spec;
    enum err e = ERR_OK;
    feed_spec_init(&spec, worker_of(x->conn)->feeds);
    if (!g->counting)
        e = feed_spec_add(&spec, p->filter, p->len);
    if (e == ERR_OK)
        e = counting_resolve(x->conn, &g->counting, &spec, &p->after);
    feed_spec_finish(&spec);
    return e;
}

/* Counts back for each `-N`, as far as the slice of work reaches: a thousand of them may be in a
 * request. ERR_AGAIN: not yet. What goes wrong is told where it happens again. */
static enum err find_places(struct exchange *x, struct change *g)
{
    const struct places *list = &g->request.subscribe;
    enum err e = ERR_OK;
    for (; e == ERR_OK && g->found < list->count; g->found += e == ERR_OK) {
        struct place *p = &list->entries[g->found];
        if (p->after.kind != AFTER_LAST)
            continue;
        if (!conn_has_whole_slice(x->conn) || !budget_slice_left(&x->conn->loop->work))
            e = ERR_AGAIN;
        else
            e = count_place(x, g, p);
        if (e == ERR_AGAIN)
            exchange_go_on_for(x, subscribe_need(x->conn, &p->after));
    }
    return e;
}

static void go_on_counting(struct exchange *x)
{
    struct change *g = x->waiting;
    if (find_places(x, g) == ERR_AGAIN)
        return;
    exchange_wait(x, NULL, NULL);
    dispatch(x->conn, g);
}

static const struct exchange_waiter counting_waiter = {
    .go_on = go_on_counting,
    .end = end_counting,
    .held = held_meanwhile,
};

static void begin(struct exchange *x, struct change *g)
{
    exchange_wait(x, &counting_waiter, g);
    go_on_counting(x);
}

/* --- its token --- */

/* Takes G. */
static void judged(struct exchange *x, struct change *g, const struct token_verdict *v)
{
    if (v->result == ERR_OK) {
        g->principal = principal_ref(v->principal);
        begin(x, g);
        return;
    }
    change_destroy(g);
    if (v->result == ERR_ACCESS)
        http_refuse_token(x, &v->why);
    else
        exchange_fail_later(x, 503, 1, "The hub cannot verify the token now");
}

static void verified(struct tokens_check *k, const struct token_verdict *v)
{
    struct change *g = (struct change *)((char *)k - offsetof(struct change, check));
    struct exchange *x = g->exchange;
    exchange_wait(x, NULL, NULL);
    judged(x, g, v);
}

static void begin_with_token(struct exchange *x, struct change *g)
{
    struct token_verdict v;
    g->check.done = verified;
    g->exchange = x;
    const struct auth_subject s = {
        .conn = x->conn, .token = g->request.token.data, .token_len = g->request.token.len};
    if (tokens_ask(&s, &g->check, &v))
        judged(x, g, &v);
    else
        exchange_wait(x, &counting_waiter, g);
}

void session_http_run(struct exchange *x)
{
    uint64_t number;
    enum err e = session_id_parse(x->name, x->name_len, &number);
    struct change *g = e == ERR_OK ? change_create(x) : NULL;
    if (!g) { /* the head was fine: only memory can be missing */
        exchange_fail_later(x, 503, 1, no_memory);
        return;
    }
    g->number = number;
    budget_charge(&x->conn->loop->work, g->body.len * WORK_JSON_BYTE);
    bool fine = read_request(x, g);
    size_t topics = g->request.subscribe.count + g->request.unsubscribe.count;
    budget_charge(&x->conn->loop->work, topics * WORK_TOPIC);
    if (!fine || !make_room(x, g)) {
        change_destroy(g);
        return;
    }
    if (g->request.token.data && http_takes_tokens(x->conn))
        begin_with_token(x, g);
    else
        begin(x, g);
}
