#include "frontends/ws/ws_control.h"

#include <string.h>

#include "broker/topic_name.h"
#include "delivery/envelope.h"
#include "delivery/publish_json.h"

enum member { OP = PUBLISH_MEMBERS, AFTER, TOKEN, REF, MEMBERS };

static const struct fault no_op = {"bad_request", "op must be a string"};
static const struct fault unknown_op = {
    "unknown_op", "op is none of subscribe, unsubscribe, publish, auth, ping"};
static const struct fault no_topic = {"bad_request", "topic must be a string"};
static const struct fault bad_topic = {"bad_topic", "topic is neither a valid topic nor a pattern"};
static const struct fault too_many_levels = {"bad_topic", TOPIC_LEVELS_RULE};
static const struct fault not_text_after = {"bad_request", "after must be a string"};
static const struct fault bad_cursor = {
    "bad_cursor", "after is none of a cursor, earliest, latest, -N and an RFC 3339 time"};
static const struct fault no_token = {"bad_request", "token must be a string"};
static const struct fault bad_ref = {"bad_request",
                                     "ref must be a string or a number of at most 256 bytes"};

static const struct fault *read_topic(struct json_member *m, struct ws_control *ret)
{
    const struct fault *fault = publish_json_text(&m[PUBLISH_TOPIC], &no_topic);
    if (fault)
        return fault;
    ret->topic = m[PUBLISH_TOPIC].value;
    if (!topic_pattern_valid(ret->topic.data, ret->topic.len))
        return &bad_topic;
    return topic_pattern_bounded(ret->topic.data, ret->topic.len) ? NULL : &too_many_levels;
}

static const struct fault *read_after(struct json_member *m, struct ws_control *ret)
{
    const struct fault *fault = publish_json_optional_text(m, &not_text_after);
    if (fault || !m->value.data)
        return fault;
    enum err e = after_parse(m->value.data, m->value.len, &ret->after);
    return e == ERR_OK ? NULL : &bad_cursor;
}

static const struct fault *read_op(struct json_member *m, struct buf *scratch,
                                   struct ws_control *ret)
{
    const struct fault *fault;
    switch (ret->op) {
    case WS_OP_SUBSCRIBE:
        fault = read_topic(m, ret);
        return fault ? fault : read_after(&m[AFTER], ret);
    case WS_OP_UNSUBSCRIBE:
        return read_topic(m, ret);
    case WS_OP_PUBLISH:
        return publish_json_read(m, scratch, &ret->publish);
    case WS_OP_AUTH:
        fault = publish_json_text(&m[TOKEN], &no_token);
        ret->token = m[TOKEN].value;
        return fault;
    case WS_OP_PING:
        return NULL;
    }
    return &unknown_op;
}

static const struct fault *find_op(struct json_member *m, enum ws_op *ret)
{
    static const char *const names[] = {
        [WS_OP_SUBSCRIBE] = "subscribe", [WS_OP_UNSUBSCRIBE] = "unsubscribe",
        [WS_OP_PUBLISH] = "publish",     [WS_OP_AUTH] = "auth",
        [WS_OP_PING] = "ping",
    };
    const struct fault *fault = publish_json_text(m, &no_op);
    if (fault)
        return fault;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (m->value.len == strlen(names[i]) &&
            memcmp(m->value.data, names[i], m->value.len) == 0) {
            *ret = (enum ws_op)i;
            return NULL;
        }
    }
    return &unknown_op;
}

static const struct fault *read_ref(struct json_member *m, struct json_slice *ret)
{
    if (!m->value.data || json_slice_is_null(&m->value))
        return NULL;
    if (!json_slice_is_string(&m->value) && !json_slice_is_number(&m->value))
        return &bad_ref;
    if (m->value.len > WS_CONTROL_REF_MAX)
        return &bad_ref;
    *ret = m->value;
    return NULL;
}

const struct fault *ws_control_parse(char *text, size_t n, struct buf *scratch,
                                     struct ws_control *ret)
{
    struct json_member m[] = {PUBLISH_MEMBER_NAMES,
                              {.name = "op"},
                              {.name = "after"},
                              {.name = "token"},
                              {.name = "ref"}};
    _Static_assert(sizeof(m) / sizeof(*m) == MEMBERS, "the table follows enum member");
    memset(ret, 0, sizeof(*ret));
    ret->after.kind = AFTER_LATEST;
    buf_clear(scratch);
    const struct fault *fault = publish_json_fault(json_slice_members(text, n, m, MEMBERS));
    if (!fault)
        fault = read_ref(&m[REF], &ret->ref);
    if (!fault)
        fault = find_op(&m[OP], &ret->op);
    return fault ? fault : read_op(m, scratch, ret);
}

static void begin(struct buf *out, const char *op)
{
    buf_puts(out, "{\"op\":\"");
    buf_puts(out, op);
    buf_putc(out, '"');
}

static void member_n(struct buf *out, const char *name, const char *text, size_t n)
{
    buf_puts(out, ",\"");
    buf_puts(out, name);
    buf_puts(out, "\":");
    envelope_json_string(out, text, n);
}

static void member(struct buf *out, const char *name, const char *text)
{
    member_n(out, name, text, strlen(text));
}

static void end(struct buf *out, const struct json_slice *ref)
{
    if (ref && ref->data) {
        buf_puts(out, ",\"ref\":");
        buf_append(out, ref->data, ref->len);
    }
    buf_putc(out, '}');
}

void ws_control_subscribed(struct buf *out, const char *topic, size_t topic_len, const char *cursor,
                           const struct json_slice *ref)
{
    begin(out, "subscribed");
    member_n(out, "topic", topic, topic_len);
    member(out, "cursor", cursor);
    end(out, ref);
}

void ws_control_unsubscribed(struct buf *out, const char *topic, size_t topic_len,
                             const struct json_slice *ref)
{
    begin(out, "unsubscribed");
    member_n(out, "topic", topic, topic_len);
    end(out, ref);
}

void ws_control_published(struct buf *out, const char *id, const struct json_slice *ref)
{
    begin(out, "published");
    member(out, "id", id);
    end(out, ref);
}

void ws_control_authenticated(struct buf *out, int64_t expires, const struct json_slice *ref)
{
    begin(out, "authenticated");
    if (expires)
        buf_printf(out, ",\"expires\":%lld", (long long)expires);
    end(out, ref);
}

void ws_control_expired(struct buf *out, const char *why)
{
    begin(out, "expired");
    member(out, "reason", why);
    end(out, NULL);
}

void ws_control_pong(struct buf *out, const struct json_slice *ref)
{
    begin(out, "pong");
    end(out, ref);
}

void ws_control_error(struct buf *out, const struct fault *fault, const struct json_slice *ref)
{
    begin(out, "error");
    member(out, "code", fault->code);
    member(out, "message", fault->message);
    end(out, ref);
}

void ws_control_over(struct buf *out, const struct fault *fault, uint32_t retry_s,
                     const struct json_slice *ref)
{
    begin(out, "error");
    member(out, "code", fault->code);
    member(out, "message", fault->message);
    if (retry_s)
        buf_printf(out, ",\"retry_after\":%u", retry_s);
    end(out, ref);
}

void ws_control_conflict(struct buf *out, const struct fault *fault, const char *current,
                         const struct json_slice *ref)
{
    begin(out, "error");
    member(out, "code", fault->code);
    member(out, "message", fault->message);
    member(out, "current", current);
    end(out, ref);
}

void ws_control_gap(struct buf *out, const char *requested, const char *resumed, const char *reason,
                    const char *topic, size_t topic_len)
{
    begin(out, "gap");
    if (topic)
        member_n(out, "topic", topic, topic_len);
    member(out, "requested", requested);
    member(out, "resumed", resumed);
    member(out, "reason", reason);
    end(out, NULL);
}

void ws_control_live(struct buf *out, const char *cursor, const char *topic, size_t topic_len)
{
    begin(out, "live");
    if (topic)
        member_n(out, "topic", topic, topic_len);
    member(out, "cursor", cursor);
    end(out, NULL);
}
