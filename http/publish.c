#include "http/publish.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_slice.h"
#include "base/utf8.h"
#include "broker/cursor.h"
#include "broker/topic_name.h"
#include "delivery/worker.h"
#include "http/accept.h"
#include "http/exchange.h"
#include "http/http_access.h"
#include "http/http_lines.h"
#include "http/http_problem.h"
#include "http/http_quota.h"
#include "http/ndjson.h"

enum {
    BATCH_MESSAGES_MAX = 10000, /* lines of one batch */
};

static const struct fault bad_topic = {
    "bad_topic", "A topic is 1 to 255 bytes of UTF-8 without control characters, '+' and '#', not "
                 "beginning with '/' or '$'"};
static const struct fault presence_topic = {
    "forbidden", "Below _presence/ only the hub publishes: who comes and goes"};
static const struct fault hooks_topic = {
    "forbidden", "Below _hooks/ only the hub publishes: what hooks.url is told"};
static const struct fault bad_event = {
    "bad_event", "An event name is 1 to 255 bytes of UTF-8 without control characters, not "
                 "beginning with \"longwire.\""};
static const struct fault bad_key = {"bad_key", "An idempotency key is 1 to 255 bytes"};
static const struct fault bad_expect = {"bad_cursor",
                                        "Longwire-Expect-Last is not one cursor (OFFSET-EPOCH)"};
static const struct fault too_large = {"too_large",
                                       "The message is longer than hub.max_message_bytes"};

enum message_kind publish_sniff_kind(const char *payload, size_t n)
{
    size_t i = 0;
    while (i < n &&
           (payload[i] == ' ' || payload[i] == '\t' || payload[i] == '\n' || payload[i] == '\r'))
        i++;
    if (i < n && (payload[i] == '{' || payload[i] == '[') && json_valid(payload, n))
        return MESSAGE_JSON;
    return utf8_valid(payload, n) ? MESSAGE_TEXT : MESSAGE_BINARY;
}

/* All but its topic. */
static const struct fault *check_rest(const struct settings *s, const struct message_init *m)
{
    if (m->event_len && !message_event_valid(m->event, m->event_len))
        return &bad_event;
    if (m->key_len > MESSAGE_KEY_MAX)
        return &bad_key;
    if (m->payload_len > s->max_message_bytes)
        return &too_large;
    return NULL;
}

/* The hub's own topics. */
static const struct fault *check_owner(const char *topic, size_t n)
{
    if (topic_is_presence(topic, n))
        return &presence_topic;
    return topic_is_of_hooks(topic, n) ? &hooks_topic : NULL;
}

const struct fault *publish_check(const struct settings *s, const struct message_init *m)
{
    if (!topic_name_valid(m->topic, m->topic_len))
        return &bad_topic;
    const struct fault *owned = check_owner(m->topic, m->topic_len);
    return owned ? owned : check_rest(s, m);
}

const struct fault *publish_fault(enum err e)
{
    static const struct fault conflict = {"conflict", "The topic has moved on since that cursor"};
    static const struct fault topics = {"limit",
                                        "The hub has as many topics as hub.max_topics allows"};
    static const struct fault space = {"no_space", "The disk or the log is full"};
    static const struct fault memory = {"unavailable", "The hub is out of memory"};
    static const struct fault io = {"unavailable", "The log cannot be written"};
    static const struct fault gone = {"unavailable", "The log's directory has been removed"};
    if (e == ERR_CONFLICT)
        return &conflict;
    if (e == ERR_GONE)
        return &gone;
    if (e == ERR_LIMIT)
        return &topics;
    if (e == ERR_NOSPACE)
        return &space;
    return e == ERR_NOMEM ? &memory : &io;
}

/* Gives item I its message and its condition; TAG is the mark of the latter. ERR_NOMEM. */
MUST_CHECK static enum err set_item(struct publish *p, uint32_t i, const struct message_init *init,
                                    uint32_t tag)
{
    struct message *m = message_create(init);
    if (!m)
        return ERR_NOMEM;
    publish_set(p, i, m);
    return init->conditional ? publish_expect(p, i, &init->expect, tag) : ERR_OK;
}

struct publish *publish_make(const struct message_init *init)
{
    struct publish *p = publish_create(1);
    if (p && set_item(p, 0, init, 0) == ERR_OK)
        return p;
    publish_free(p);
    return NULL;
}

enum err publish_one(struct conn *c, const struct message_init *init)
{
    struct publish *p = publish_make(init);
    if (!p)
        return ERR_NOMEM;
    p->uncounted = true;
    worker_publish(worker_of(c), c, p);
    return ERR_OK;
}

/* --- answers --- */

/* TEXT with the line that it is about before it, in DETAIL. */
static const char *of_line(struct buf *detail, size_t line, const char *text)
{
    buf_printf(detail, "Line %zu: %s", line, text);
    buf_putc(detail, '\0');
    return detail->failed ? text : detail->data;
}

static void put_id(const struct conn *c, struct buf *out, uint64_t offset)
{
    char text[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(text, offset, worker_of(c)->replay.log->epoch);
    buf_putc(out, '"');
    buf_append(out, text, n);
    buf_putc(out, '"');
}

static void answer_ids(struct exchange_answer *a, const struct publish *p)
{
    struct buf body = {0};
    buf_puts(&body, "{\"ids\":[");
    for (uint32_t i = 0; i < p->count; i++) {
        if (i)
            buf_putc(&body, ',');
        put_id(a->conn, &body, p->items[i].offset);
    }
    buf_puts(&body, "]}");
    exchange_answer_reply(a, 201, exchange_json, body.data, body.len);
    buf_finish(&body);
}

static void answer_id(struct exchange_answer *a, const struct publish *p)
{
    static const char begin[] = "{\"id\":\"", end[] = "\"}";
    char body[sizeof(begin) + CURSOR_TEXT_SIZE + sizeof(end)];
    size_t n = sizeof(begin) - 1;
    memcpy(body, begin, n);
    n += cursor_format(body + n, p->items[0].offset, worker_of(a->conn)->replay.log->epoch);
    memcpy(body + n, end, sizeof(end) - 1);
    exchange_answer_reply(a, 201, exchange_json, body, n + sizeof(end) - 1);
}

static void answer_conflict(struct exchange_answer *a, const struct publish *p, bool batch)
{
    struct buf detail = {0}, body = {0};
    char current[CURSOR_TEXT_SIZE];
    const char *text = publish_fault(ERR_CONFLICT)->message;
    if (batch)
        text = of_line(&detail, p->expectations[p->conflict].tag, text);
    cursor_format(current, p->current, worker_of(a->conn)->replay.log->epoch);
    http_lines_put(a->lines, "Longwire-Cursor", current);
    http_problem_begin(&body, 409, text, strlen(text));
    buf_printf(&body, ",\"current\":\"%s\"", current);
    http_problem_end(&body);
    exchange_answer_reply(a, 409, HTTP_PROBLEM_TYPE, body.data, body.len);
    buf_finish(&detail);
    buf_finish(&body);
}

/* True: P did not fail; otherwise it is answered. */
static bool was_stored(struct exchange_answer *a, const struct publish *p, bool batch)
{
    if (p->result == ERR_CONFLICT)
        answer_conflict(a, p, batch);
    else if (p->result == ERR_LIMIT)
        exchange_answer_fail(a, 429, 60, publish_fault(p->result)->message);
    else if (p->result != ERR_OK)
        exchange_answer_fail(a, 503, 5, publish_fault(p->result)->message);
    return p->result == ERR_OK;
}

static void answer_one(struct exchange_answer *a, const struct publish *p)
{
    if (was_stored(a, p, false))
        answer_id(a, p);
}

static void answer_batch(struct exchange_answer *a, const struct publish *p)
{
    if (was_stored(a, p, true))
        answer_ids(a, p);
}

/* --- POST /t/{topic} --- */

static bool may_publish(struct exchange *x)
{
    if (!http_may(x->conn, ACCESS_PUBLISH)) {
        http_deny(x, http_takes_tokens(x->conn)
                         ? "Publishing takes a token that grants it"
                         : "Anonymous publishing is not allowed here (see access.anonymous)");
        return false;
    }
    if (x->conn->loop->draining) {
        exchange_fail_later(x, 503, 5, "The hub is stopping");
        return false;
    }
    if (http_fields_has(x->fields, HTTP_FIELD_CONTENT_ENCODING)) {
        exchange_fail(x, 415, "Encoded bodies are not taken");
        return false;
    }
    return true;
}

void publish_http_head(struct exchange *x)
{
    struct access_reason reason;
    if (!may_publish(x))
        return;
    if (!topic_name_valid(x->name, x->name_len)) {
        exchange_fail(x, 400, bad_topic.message);
        return;
    }
    const struct fault *owned = check_owner(x->name, x->name_len);
    if (owned) {
        exchange_fail(x, 403, owned->message);
        return;
    }
    if (!http_may_topic(x->conn, ACCESS_PUBLISH, x->name, x->name_len, &reason)) {
        http_deny_topic(x, &reason, x->name, x->name_len, 0);
        return;
    }
    x->body_max = worker_settings(x->conn)->max_message_bytes;
}

/* The kind that Content-Type says, or NULL fault text with *RET set. */
static const char *kind_of(const struct exchange *x, enum message_kind *ret)
{
    struct content_type type = {.kind = CONTENT_SNIFF};
    size_t n;
    const char *value = http_fields_get(x->fields, HTTP_FIELD_CONTENT_TYPE, &n);
    if (value && content_type_parse(value, n, &type) != ERR_OK)
        return "The Content-Type is malformed";
    const char *body = x->body.data ? x->body.data : "";
    *ret = MESSAGE_BINARY;
    if (type.kind == CONTENT_SNIFF)
        *ret = publish_sniff_kind(body, x->body.len);
    if (type.kind == CONTENT_JSON) {
        if (!json_valid(body, x->body.len))
            return "The body is not valid JSON";
        *ret = MESSAGE_JSON;
    }
    if (type.kind == CONTENT_TEXT) {
        if (!utf8_valid(body, x->body.len))
            return "The body is not valid UTF-8";
        *ret = MESSAGE_TEXT;
    }
    return NULL;
}

static void header(const struct exchange *x, enum http_field which, const char **ret,
                   size_t *ret_len)
{
    *ret_len = 0;
    *ret = http_fields_get(x->fields, which, ret_len);
}

/* Longwire-Expect-Last: one cursor, if it is there. */
static const struct fault *read_expect(const struct exchange *x, struct message_init *ret)
{
    size_t n;
    const char *value = http_fields_get(x->fields, HTTP_FIELD_LONGWIRE_EXPECT_LAST, &n);
    if (!value)
        return NULL;
    ret->conditional = true;
    return cursor_parse(value, n, &ret->expect) == ERR_OK ? NULL : &bad_expect;
}

void publish_http_run(struct exchange *x)
{
    struct message_init m = {
        .topic = x->name,
        .topic_len = x->name_len,
        .payload = x->body.data ? x->body.data : "",
        .payload_len = x->body.len,
    };
    header(x, HTTP_FIELD_LONGWIRE_EVENT, &m.event, &m.event_len);
    header(x, HTTP_FIELD_IDEMPOTENCY_KEY, &m.key, &m.key_len);
    budget_charge(&x->conn->loop->work, x->body.len * WORK_JSON_BYTE);
    const char *wrong = kind_of(x, &m.kind);
    const struct fault *fault = check_rest(worker_settings(x->conn), &m);
    if (!fault)
        fault = read_expect(x, &m);
    if (m.event && !m.event_len)
        fault = &bad_event;
    if (m.key && !m.key_len)
        fault = &bad_key;
    struct http_quota quota;
    if (wrong || fault)
        exchange_fail(x, fault == &too_large ? 413 : 400, wrong ? wrong : fault->message);
    else if (!http_quota_publish(x->conn, 1, m.payload_len, &quota))
        http_quota_fail(x, &quota);
    else
        exchange_publish(x, publish_make(&m), answer_one);
}

/* --- POST /t --- */

void publish_http_batch_head(struct exchange *x)
{
    struct content_type type;
    size_t n = 0;
    if (!may_publish(x))
        return;
    const char *value = http_fields_get(x->fields, HTTP_FIELD_CONTENT_TYPE, &n);
    if (!value || content_type_parse(value, n, &type) != ERR_OK ||
        strcmp(type.name, "application/x-ndjson") != 0) {
        exchange_add_field(x, "Accept", "application/x-ndjson");
        exchange_fail(x, 415,
                      "A batch is application/x-ndjson; to publish one message POST it to "
                      "/t/{topic}");
        return;
    }
    if (http_fields_has(x->fields, HTTP_FIELD_LONGWIRE_EXPECT_LAST)) {
        exchange_fail(x, 400, "Longwire-Expect-Last is for one message; lines have \"expect\"");
        return;
    }
    x->body_max = worker_settings(x->conn)->max_body_bytes;
}

static void fail_line(struct exchange *x, size_t line, const char *text, unsigned status)
{
    struct buf detail = {0};
    exchange_fail(x, status, of_line(&detail, line, text));
    buf_finish(&detail);
}

static size_t count_lines(const struct buf *body)
{
    char *text = body->data, *line;
    size_t n = body->len, len, number = 0, count = 0;
    while (count <= BATCH_MESSAGES_MAX && ndjson_next_line(&text, &n, &line, &len, &number))
        count++;
    return count;
}

/* A batch whose lines are being read, some of them in each turn. */
struct publish_batch {
    struct publish *publish; /* owned until it is handed over */
    char *text;              /* of the body: what is left of it */
    size_t len;
    size_t line; /* the number of the last line */
    uint32_t items;
    struct buf scratch;
};

static void end_batch(struct exchange *x)
{
    struct publish_batch *b = x->waiting;
    publish_free(b->publish);
    buf_finish(&b->scratch);
    free(b);
}

/* What has been read of it. */
static size_t batch_held(const struct exchange *x)
{
    const struct publish *p = ((const struct publish_batch *)x->waiting)->publish;
    return p ? p->bytes + p->count * sizeof(struct publish_item) : 0;
}

static const struct exchange_waiter batch_waiter = {.end = end_batch, .held = batch_held};

/* Makes room for LINES messages; false: answered. */
static bool begin_batch(struct exchange *x, size_t lines)
{
    struct publish_batch *b = calloc(1, sizeof(*b));
    if (b)
        b->publish = publish_create((uint32_t)lines);
    if (!b || !b->publish) {
        free(b);
        exchange_publish(x, NULL, answer_batch);
        return false;
    }
    b->text = x->body.data;
    b->len = x->body.len;
    exchange_wait(x, &batch_waiter, b);
    return true;
}

/* One that is refused refuses the batch; false: answered. */
static bool may_publish_line(struct exchange *x, const struct publish_batch *b,
                             const struct message_init *m)
{
    struct access_reason reason;
    bool may = http_may_topic(x->conn, ACCESS_PUBLISH, m->topic, m->topic_len, &reason);
    if (!may)
        http_deny_topic(x, &reason, m->topic, m->topic_len, b->line);
    return may;
}

/* Makes LINE the next item. False: answered with what is wrong. */
static bool take_line(struct exchange *x, struct publish_batch *b, char *line, size_t len)
{
    struct message_init init;
    budget_charge(&x->conn->loop->work, WORK_COMMAND + len * WORK_JSON_BYTE);
    const struct fault *fault = ndjson_line_parse(line, len, &b->scratch, &init);
    if (!fault)
        fault = publish_check(worker_settings(x->conn), &init);
    if (!fault && !may_publish_line(x, b, &init))
        return false;
    if (!fault && set_item(b->publish, b->items++, &init, (uint32_t)b->line) == ERR_OK)
        return true;
    unsigned status = fault == &too_large        ? 413
                      : fault == &presence_topic ? 403
                      : fault                    ? 400
                                                 : 503;
    fail_line(x, b->line, fault ? fault->message : "The hub is out of memory", status);
    return false;
}

/* Reads as many lines as the slice of work has room for; none while the hub takes no publishes: the
 * other batches that are being read would all be handed over then. */
static void go_on_with_batch(struct exchange *x)
{
    struct publish_batch *b = x->waiting;
    char *line;
    size_t len;
    if (worker_must_wait(worker_of(x->conn), x->conn)) {
        exchange_go_on_resumed(x);
        return;
    }
    while (ndjson_next_line(&b->text, &b->len, &line, &len, &b->line)) {
        if (!take_line(x, b, line, len))
            return;
        if (!budget_slice_left(&x->conn->loop->work)) {
            exchange_go_on_later(x);
            return;
        }
    }
    struct publish *p = b->publish;
    b->publish = NULL;
    exchange_publish(x, p, answer_batch);
}

/* Begins with the batch that the body of X is; false: answered with what is in the way. */
static bool begin(struct exchange *x)
{
    size_t count = count_lines(&x->body);
    struct http_quota quota;
    if (count == 0)
        exchange_fail(x, 400, "The batch has no lines");
    else if (count > BATCH_MESSAGES_MAX)
        exchange_fail(x, 413, "A batch has at most 10000 lines");
    else if (!http_quota_publish(x->conn, (uint32_t)count, x->body.len, &quota))
        http_quota_fail(x, &quota);
    else
        return begin_batch(x, count);
    return false;
}

void publish_http_batch_run(struct exchange *x)
{
    if (x->waiter || begin(x))
        go_on_with_batch(x);
}
