#include "http/subscribe.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "delivery/counting.h"
#include "delivery/worker.h"
#include "http/accept.h"
#include "http/compress.h"
#include "http/exchange.h"
#include "http/http_access.h"
#include "http/http_quota.h"
#include "http/prefer.h"

enum {
    PARAM_MAX = 1024,         /* bytes of a decoded parameter */
    WAIT_MAX_MS = 1000000000, /* of a `wait` that is one; less is waited */
    /* Offsets behind the head: read at once, or read in one piece. */
    NEAR = 1024,
    NOT_FAR = 16384,
};

static const char bad_topic[] =
    "A topic is 1 to 255 bytes of UTF-8 without control characters, not "
    "beginning with '/' or '$'; in the topic parameter '+' may stand for "
    "one level and '#' for the rest";
static const char too_many_levels[] = "Too many levels: " TOPIC_LEVELS_RULE;
static const char bad_cursor[] =
    "A place is OFFSET-EPOCH, earliest, latest, -N or an RFC 3339 time";
static const char no_memory[] = "The hub is out of memory";
static const char full[] = SUBSCRIBE_FULL;

/* What the query says. */
struct query {
    unsigned seen; /* bits of enum param */
    bool has_after, has_id, has_wait;
    struct after after, id;
    int format; /* 0 = not given, 'r', 'e' */
    enum compress_word compress;
    uint64_t wait_ms;
    uint32_t limit;
    uint32_t topics;
    const char *wrong; /* the first thing that is wrong, NULL = nothing */
    /* Its client has no right to any topic, or to DENIED (then REASON says why). */
    bool forbidden;
    const struct filter *denied;
    struct access_reason reason;
};

/* --- parameters --- */

static const char *add_topic(struct feed_spec *spec, const char *text, size_t n)
{
    enum err e = feed_spec_add(spec, text, n);
    if (e == ERR_FULL)
        return full;
    return e == ERR_OK ? NULL : no_memory;
}

static void read_topic(struct query *q, struct feed_spec *spec, const char *text, size_t n,
                       uint32_t max)
{
    if (!topic_pattern_valid(text, n))
        q->wrong = bad_topic;
    else if (!topic_pattern_bounded(text, n))
        q->wrong = too_many_levels;
    else if (++q->topics > max)
        q->wrong = "More topics than limits.subscriptions allows";
    else
        q->wrong = add_topic(spec, text, n);
}

static void read_after(struct query *q, bool *has, struct after *ret, const char *text, size_t n)
{
    *has = true;
    if (after_parse(text, n, ret) != ERR_OK)
        q->wrong = bad_cursor;
}

static void read_format(struct query *q, const char *text)
{
    q->format = strcmp(text, "raw") == 0 ? 'r' : 'e';
    if (q->format == 'e' && strcmp(text, "envelope") != 0)
        q->wrong = "format is raw or envelope";
}

/* 1*DIGIT [ "." *DIGIT ], in thousandths. False: it is none, or above WAIT_MAX_MS. */
static bool read_seconds(const char *text, uint64_t *ret_ms)
{
    uint64_t ms = 0, unit = 100;
    if (!isdigit((unsigned char)*text))
        return false;
    for (; isdigit((unsigned char)*text) && ms <= WAIT_MAX_MS; text++)
        ms = ms * 10 + (uint64_t)(*text - '0') * 1000;
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text); text++, unit /= 10)
            ms += (uint64_t)(*text - '0') * unit;
    *ret_ms = ms;
    return *text == '\0' && ms <= WAIT_MAX_MS;
}

static void read_compress(struct query *q, const char *text)
{
    q->compress = strcmp(text, "yes") == 0 ? COMPRESS_SAID_YES : COMPRESS_SAID_NO;
    if (q->compress == COMPRESS_SAID_NO && strcmp(text, "no") != 0)
        q->wrong = "compress is yes or no";
}

static void read_wait(struct query *q, const char *text, uint64_t max_ms)
{
    uint64_t ms;
    q->has_wait = true;
    if (!read_seconds(text, &ms))
        q->wrong = "wait is a number of seconds";
    else
        q->wait_ms = ms < max_ms ? ms : max_ms;
}

static void read_limit(struct query *q, const char *text, uint32_t max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n == 0)
        q->wrong = "limit is a number of messages from 1";
    else
        q->limit = n < max ? (uint32_t)n : max;
}

enum param {
    PARAM_TOPIC,
    PARAM_AFTER,
    PARAM_LAST_EVENT_ID,
    PARAM_FORMAT,
    PARAM_WAIT,
    PARAM_LIMIT,
    PARAM_COMPRESS,
    PARAM_UNKNOWN /* passed over, whatever it holds */
};

/* Mostly tells names apart, without a call. */
static bool may_be(const struct url_param *p, const char *name)
{
    return p->name_len > 0 && (p->name[0] == name[0] || p->name[0] == '%');
}

static enum param which_param(const struct url_param *p)
{
    static const char *const names[] = {"topic", "after", "lastEventId", "format",
                                        "wait",  "limit", "compress"};
    unsigned i = 0;
    while (i < PARAM_UNKNOWN && !(may_be(p, names[i]) && url_param_is(p, names[i])))
        i++;
    return i;
}

static void read_value(struct conn *c, struct query *q, struct feed_spec *spec, enum param which,
                       const char *text, size_t n)
{
    const struct settings *s = worker_settings(c);
    switch (which) {
    case PARAM_TOPIC:
        read_topic(q, spec, text, n, s->subscriptions);
        break;
    case PARAM_AFTER:
        read_after(q, &q->has_after, &q->after, text, n);
        break;
    case PARAM_LAST_EVENT_ID:
        if (n)
            read_after(q, &q->has_id, &q->id, text, n);
        break;
    case PARAM_FORMAT:
        read_format(q, text);
        break;
    case PARAM_WAIT:
        read_wait(q, text, s->poll_wait_max_ms);
        break;
    case PARAM_LIMIT:
        read_limit(q, text, s->poll_limit);
        break;
    case PARAM_COMPRESS:
        read_compress(q, text);
        break;
    case PARAM_UNKNOWN:
        break;
    }
}

static void read_param(struct conn *c, struct query *q, struct feed_spec *spec,
                       const struct url_param *p)
{
    char text[PARAM_MAX];
    size_t n;
    enum param which = which_param(p);
    if (which == PARAM_UNKNOWN)
        return;
    if (which != PARAM_TOPIC && q->seen & 1u << which) {
        q->wrong = "after, lastEventId, format, wait, limit and compress may be there once";
        return;
    }
    q->seen |= 1u << which;
    if (url_decode(p->value, p->value_len, text, sizeof(text), &n) == ERR_OK)
        read_value(c, q, spec, which, text, n);
    else
        q->wrong = "A parameter is malformed or too long";
}

/* Last-Event-ID. A browser brings what the server before us had given it, and would never come back
 * after an error: what is no cursor is one of a log that is not known here, and its gap is told. */
static bool read_last_event_id(const struct exchange *x, struct after *ret)
{
    size_t n;
    const char *id = http_fields_get(x->fields, HTTP_FIELD_LAST_EVENT_ID, &n);
    if (!id || n == 0)
        return false;
    ret->kind = AFTER_CURSOR;
    if (cursor_parse(id, n, &ret->cursor) != ERR_OK)
        ret->cursor = (struct cursor){0, replay_unknown_epoch(worker_of(x->conn)->replay.log)};
    return true;
}

/* The place: a reconnecting EventSource repeats the URL's `after`, so Last-Event-ID wins. */
static void choose_place(const struct exchange *x, const struct query *q, struct subscription *sub)
{
    sub->after.kind = AFTER_LATEST;
    if (read_last_event_id(x, &sub->after))
        return;
    if (q->has_id)
        sub->after = q->id;
    else if (q->has_after)
        sub->after = q->after;
}

static void read_query(struct exchange *x, struct query *q, struct subscription *sub)
{
    const struct settings *s = worker_settings(x->conn);
    struct url_param param;
    struct url url = x->url; /* it may be read again */
    q->wait_ms = s->poll_wait_ms;
    q->limit = s->poll_limit;
    if (x->name) {
        q->topics = 1;
        if (!topic_name_valid(x->name, x->name_len))
            q->wrong = "The path names no topic: 1 to 255 bytes of UTF-8 without control "
                       "characters, '+' and '#' (patterns go into the topic parameter), not "
                       "beginning with '/' or '$'";
        else
            q->wrong = add_topic(&sub->spec, x->name, x->name_len);
    }
    while (!q->wrong && url_next_param(&url, &param))
        read_param(x->conn, q, &sub->spec, &param);
    if (!q->wrong)
        choose_place(x, q, sub);
}

static bool is_single_topic(const struct feed_spec *spec)
{
    size_t n;
    if (spec->count != 1)
        return false;
    const char *name = filter_name(spec->filters[0], &n);
    return !topic_is_pattern(name, n);
}

/* Raw is possible for one topic only; it is the default there for event streams. */
static void choose_format(struct query *q, struct subscription *sub, bool raw_by_default)
{
    bool single = is_single_topic(&sub->spec);
    sub->raw = q->format == 'r' || (q->format == 0 && raw_by_default && single);
    if (sub->raw && !single && !q->wrong)
        q->wrong = "format=raw is for one topic";
}

/* --- transports --- */

static const struct subscribe_ways *ways_of(const struct exchange *x)
{
    return x->route->ctx;
}

enum conn_need subscribe_need(const struct conn *c, const struct after *a)
{
    uint64_t head = worker_of(c)->head;
    uint64_t back = a->cursor.offset < head ? head - a->cursor.offset : 0;
    if (a->kind == AFTER_LATEST || a->kind == AFTER_PLACE)
        return CONN_NEEDS_LITTLE;
    if (a->kind == AFTER_LAST)
        return CONN_NEEDS_MORE;
    if (a->kind != AFTER_CURSOR)
        return CONN_NEEDS_MUCH;
    return back <= NEAR ? CONN_NEEDS_LITTLE : back <= NOT_FAR ? CONN_NEEDS_SOME : CONN_NEEDS_MUCH;
}

void subscribe_fail(struct exchange *x, enum err e)
{
    if (e == ERR_LIMIT)
        exchange_fail(x, 400, SUBSCRIBE_TOO_FAR);
    else if (e == ERR_FULL)
        exchange_fail_later(x, 429, SUBSCRIBE_FULL_RETRY_S, full);
    else
        exchange_fail_later(x, 503, 1, err_text(e));
}

static bool wants_events(const struct exchange *x)
{
    struct accept accept = {0};
    size_t n;
    const char *value = http_fields_get(x->fields, HTTP_FIELD_ACCEPT, &n);
    for (; value; value = http_fields_next(x->fields, HTTP_FIELD_ACCEPT, value, &n))
        accept_add(&accept, value, n);
    return accept_events(&accept);
}

/* Once for each topic: nothing is asked when messages come. */
static void judge_topics(const struct exchange *x, struct query *q, const struct subscription *sub)
{
    size_t n;
    q->forbidden = !http_may_follow(x->conn);
    for (uint32_t i = 0; i < sub->spec.count && !q->denied && !q->wrong; i++) {
        const char *name = filter_name(sub->spec.filters[i], &n);
        if (!http_may_topic(x->conn, ACCESS_SUBSCRIBE, name, n, &q->reason))
            q->denied = sub->spec.filters[i];
    }
    q->forbidden |= q->denied != NULL;
}

static void deny(struct exchange *x, const struct query *q)
{
    size_t n;
    const char *name = q->denied ? filter_name(q->denied, &n) : NULL;
    if (name)
        http_deny_topic(x, &q->reason, name, n, 0);
    else
        http_deny(x, http_takes_tokens(x->conn)
                         ? "Subscribing takes a token that grants it"
                         : "Anonymous subscribing is not allowed here (see access.anonymous)");
}

/* Checks what all transports have in common. False: answered. */
static bool check(struct exchange *x, const struct query *q, const struct subscription *sub,
                  bool needs_topic)
{
    if (q->forbidden)
        deny(x, q);
    else if (q->wrong == no_memory)
        exchange_fail_later(x, 503, 1, q->wrong);
    else if (q->wrong == full)
        subscribe_fail(x, ERR_FULL);
    else if (q->wrong)
        exchange_fail(x, 400, q->wrong);
    else if (needs_topic && sub->spec.count == 0)
        exchange_fail(x, 400, "Say which topics: /t/{topic} or /t?topic=...&topic=...");
    else
        return true;
    return false;
}

/* Prefer: wait=N (RFC 7240 section 4.3), where the query does not say; the answer tells that it was
 * taken, and as what. */
static void take_preference(struct exchange *x, struct query *q)
{
    struct prefer prefer = {0};
    size_t n;
    const char *value = http_fields_get(x->fields, HTTP_FIELD_PREFER, &n);
    for (; value; value = http_fields_next(x->fields, HTTP_FIELD_PREFER, value, &n))
        prefer_add(&prefer, value, n);
    if (q->has_wait || !prefer.valid || x->method == HTTP_HEAD)
        return;
    uint64_t ms = (uint64_t)prefer.wait_s * 1000,
             max_ms = worker_settings(x->conn)->poll_wait_max_ms;
    char applied[sizeof("wait=4294967295")];
    q->wait_ms = ms < max_ms ? ms : max_ms;
    snprintf(applied, sizeof(applied), "wait=%u", (unsigned)(q->wait_ms / 1000));
    exchange_add_field(x, "Preference-Applied", applied);
}

typedef void way(struct exchange *x, const struct subscription *sub);

/* What did not begin to receive, or has been answered at once, gives back what it was granted. */
static void go(struct exchange *x, way *begin, const struct subscription *sub)
{
    struct conn *c = x->conn;
    begin(x, sub);
    if (!transport_receives(c->counted_as))
        http_quota_leave(c);
}

/* False: its client has too much, which is answered. */
static bool take_quota(struct exchange *x, const struct subscription *sub)
{
    struct http_quota quota;
    if (http_quota_receive(x->conn, sub->awaits_token ? 0 : sub->spec.count, &quota))
        return true;
    http_quota_fail(x, &quota);
    return false;
}

static void start_poll(struct exchange *x, struct query *q, struct subscription *sub)
{
    if (!check(x, q, sub, true) || !take_quota(x, sub))
        return;
    take_preference(x, q);
    sub->wait_ms = x->method == HTTP_HEAD ? 0 : q->wait_ms;
    sub->limit = q->limit;
    sub->gzip = compress_wanted(x, q->compress);
    go(x, ways_of(x)->poll, sub);
}

static void start_events(struct exchange *x, struct query *q, struct subscription *sub)
{
    struct http_quota quota;
    choose_format(q, sub, true);
    sub->gzip = compress_wanted(x, q->compress);
    if ((q->wrong == no_memory || q->wrong == full) && !q->forbidden)
        ways_of(x)->events_later(x, SUBSCRIBE_LATER_MS);
    else if (!check(x, q, sub, true))
        return;
    else if (http_quota_receive(x->conn, sub->spec.count, &quota))
        go(x, ways_of(x)->events, sub);
    else
        ways_of(x)->events_later(x, quota.retry_s * 1000);
}

static bool is_websocket(const struct exchange *x)
{
    return x->method == HTTP_GET && x->websocket;
}

/* It may bring its token as the first thing that it says; but for raw ones, which say nothing. */
static void let_in(const struct exchange *x, struct query *q, struct subscription *sub,
                   bool needs_topic)
{
    bool publishes = !needs_topic && http_may(x->conn, ACCESS_PUBLISH);
    sub->awaits_token = q->forbidden && !sub->raw && http_lacks_token(x->conn) && !publishes;
    if (sub->awaits_token || (http_takes_tokens(x->conn) && publishes && !sub->spec.count))
        q->forbidden = false;
}

static void start_websocket(struct exchange *x, struct query *q, struct subscription *sub,
                            bool needs_topic)
{
    let_in(x, q, sub, needs_topic);
    if (!x->origin_allowed)
        http_deny_origin(x, "Pages of this origin may not connect (see access.origin)");
    else if (check(x, q, sub, needs_topic) && take_quota(x, sub))
        go(x, ways_of(x)->websocket, sub);
}

static void end_counting(struct exchange *x)
{
    counting_free(x->waiting);
}

static size_t held_by_counting(const struct exchange *x)
{
    return counting_held(x->waiting);
}

/* While the place is counted, some of it in each call of the route's run(). */
static const struct exchange_waiter counting_waiter = {.end = end_counting,
                                                       .held = held_by_counting};

static enum err count_place(struct exchange *x, struct subscription *sub)
{
    struct counting *counting = x->waiting;
    enum err e = counting_resolve(x->conn, &counting, &sub->spec, &sub->after);
    exchange_wait(x, counting ? &counting_waiter : NULL, counting);
    return e;
}

/* Finds the place, if that takes work; false: not yet. What goes wrong is left for the transport,
 * to which it will happen again. */
static bool find_place(struct exchange *x, struct subscription *sub)
{
    enum err e = ERR_AGAIN;
    enum conn_need need = subscribe_need(x->conn, &sub->after);
    if (need == CONN_NEEDS_LITTLE)
        return true;
    if (conn_has_whole_slice(x->conn))
        e = count_place(x, sub);
    if (e == ERR_AGAIN)
        exchange_go_on_for(x, need);
    return e != ERR_AGAIN;
}

static void start(struct exchange *x, struct query *q, struct subscription *sub, bool needs_topic)
{
    bool events = (x->method & (HTTP_GET | HTTP_HEAD)) && wants_events(x);
    if (!q->wrong && sub->spec.count && !q->forbidden && !find_place(x, sub))
        return;
    if (!q->wrong && !events && (sub->spec.count || q->format == 'r'))
        choose_format(q, sub, false);
    if (is_websocket(x))
        start_websocket(x, q, sub, needs_topic);
    else if (events)
        start_events(x, q, sub);
    else
        start_poll(x, q, sub);
}

static void subscribe(struct exchange *x, bool needs_topic)
{
    struct query q = {0};
    struct subscription sub = {0};
    feed_spec_init(&sub.spec, worker_of(x->conn)->feeds);
    read_query(x, &q, &sub);
    budget_charge(&x->conn->loop->work, q.topics * WORK_TOPIC);
    judge_topics(x, &q, &sub);
    start(x, &q, &sub, needs_topic);
    feed_spec_finish(&sub.spec);
}

/* --- routes --- */

void subscribe_http_run(struct exchange *x)
{
    subscribe(x, true);
}

static bool asks_for_events(const struct exchange *x)
{
    return !x->websocket && x->method & (HTTP_GET | HTTP_HEAD) && wants_events(x);
}

bool subscribe_http_over(struct exchange *x, const char *why)
{
    bool events = asks_for_events(x);
    if (events)
        ways_of(x)->events_over(x, why);
    return events;
}

bool subscribe_http_later(struct exchange *x, unsigned retry_s)
{
    bool events = asks_for_events(x);
    if (events)
        ways_of(x)->events_later(x, retry_s * 1000);
    return events;
}

void subscribe_http_websocket(struct exchange *x)
{
    subscribe(x, false);
}
