#include "frontends/resp/resp_publish.h"

#include <string.h>

#include "base/fault.h"
#include "base/json_slice.h"
#include "base/utf8.h"
#include "broker/cursor.h"
#include "frontends/resp/resp.h"
#include "frontends/resp/resp_error.h"
#include "frontends/resp/resp_reply.h"
#include "http/publish.h"

const struct fault *resp_publish_publish(const struct resp_request *q, struct message_init *ret)
{
    ret->topic = q->argv[1].data;
    ret->topic_len = q->argv[1].len;
    ret->payload = q->argv[2].data;
    ret->payload_len = q->argv[2].len;
    ret->kind = publish_sniff_kind(ret->payload, ret->payload_len);
    return NULL;
}

/* --- XADD --- */

static bool is_field(const struct resp_arg *a, const char *name)
{
    return a->len == strlen(name) && memcmp(a->data, name, a->len) == 0;
}

/* Takes one field; NULL, or what is wrong with it. */
static const struct fault *take_field(const struct resp_arg *name, const struct resp_arg *value,
                                      struct message_init *m, const struct resp_arg **kind)
{
    static const struct fault unknown = {
        "err", "the fields of a message are data, event, key, kind and expect, each at most once"};
    static const struct fault bad_expect = {"bad_cursor", "expect is not a cursor (OFFSET-EPOCH)"};
    if (is_field(name, "data") && !m->payload) {
        m->payload = value->data;
        m->payload_len = value->len;
    } else if (is_field(name, "event") && !m->event) {
        m->event = value->data;
        m->event_len = value->len;
    } else if (is_field(name, "key") && !m->key) {
        m->key = value->data;
        m->key_len = value->len;
    } else if (is_field(name, "kind") && !*kind) {
        *kind = value;
    } else if (is_field(name, "expect") && !m->conditional) {
        m->conditional = true;
        if (cursor_parse(value->data, value->len, &m->expect) != ERR_OK)
            return &bad_expect;
    } else {
        return &unknown;
    }
    return NULL;
}

static const struct fault *check_fields(const struct message_init *m)
{
    static const struct fault no_data = {"err", "a message has to have the field data"};
    static const struct fault empty_event = {"bad_event", "An event name has at least one byte"};
    static const struct fault empty_key = {"bad_key", "An idempotency key has at least one byte"};
    if (!m->payload)
        return &no_data;
    if (m->event && !m->event_len)
        return &empty_event;
    return m->key && !m->key_len ? &empty_key : NULL;
}

/* KIND NULL: it is not said. */
static const struct fault *read_kind(const struct resp_arg *kind, struct message_init *m)
{
    static const struct fault unknown = {"err", "a kind is json, text or binary"};
    static const struct fault no_json = {"bad_data", "The data is not one valid JSON value"};
    static const struct fault no_text = {"bad_data", "The data is not UTF-8"};
    if (!kind) {
        m->kind = publish_sniff_kind(m->payload, m->payload_len);
        return NULL;
    }
    if (is_field(kind, "json")) {
        m->kind = MESSAGE_JSON;
        return json_valid(m->payload, m->payload_len) ? NULL : &no_json;
    }
    if (is_field(kind, "text")) {
        m->kind = MESSAGE_TEXT;
        return utf8_valid(m->payload, m->payload_len) ? NULL : &no_text;
    }
    m->kind = MESSAGE_BINARY;
    return is_field(kind, "binary") ? NULL : &unknown;
}

const struct fault *resp_publish_xadd(const struct resp_request *q, struct message_init *ret)
{
    static const struct fault limited = {
        "err", "XADD takes no limits of its own; see HUB TRIM and HUB PURGE"};
    static const struct fault own_id = {"err", "the hub gives the ID: it has to be *"};
    static const struct fault odd = {"err", "wrong number of arguments for 'xadd' command"};
    const struct resp_arg *kind = NULL;
    if (resp_arg_is(&q->argv[2], "MAXLEN") || resp_arg_is(&q->argv[2], "MINID"))
        return &limited;
    if (!is_field(&q->argv[2], "*"))
        return &own_id;
    if (q->argc % 2 == 0)
        return &odd;
    ret->topic = q->argv[1].data;
    ret->topic_len = q->argv[1].len;
    for (size_t i = 3; i < q->argc; i += 2) {
        const struct fault *fault = take_field(&q->argv[i], &q->argv[i + 1], ret, &kind);
        if (fault)
            return fault;
    }
    const struct fault *fault = check_fields(ret);
    return fault ? fault : read_kind(kind, ret);
}

/* --- both --- */

/* What a publish is answered with: publish.tag. */
enum answer { ANSWER_SUBSCRIBERS, ANSWER_ID };

static enum answer answer_of(const struct resp_command *c)
{
    return c->publish == resp_publish_xadd ? ANSWER_ID : ANSWER_SUBSCRIBERS;
}

static const struct fault *submit(struct resp *r, const struct message_init *m, enum answer answer)
{
    static const struct fault no_memory = {"err", "out of memory"};
    struct publish *p = publish_make(m);
    if (!p)
        return &no_memory;
    p->tag = answer;
    p->uncounted = answer != ANSWER_SUBSCRIBERS;
    r->inflight++;
    r->publisher = true;
    worker_publish(worker_of(r->conn), r->conn, p);
    return NULL;
}

const struct fault *resp_publish_read(const struct resp *r, const struct resp_command *c,
                                      const struct resp_request *q, struct message_init *ret)
{
    *ret = (struct message_init){0};
    const struct fault *fault = c->publish(q, ret);
    return fault ? fault : publish_check(worker_settings(r->conn), ret);
}

bool resp_publish_run(struct resp *r, const struct resp_command *c, const struct resp_request *q)
{
    struct message_init m;
    const struct fault *fault = resp_publish_read(r, c, q, &m);
    if (!fault)
        fault = submit(r, &m, answer_of(c));
    if (fault && r->inflight)
        return false;
    if (fault)
        resp_error_fault(r, fault);
    return true;
}

/* The second word is for programs: what the next attempt has to expect. The tag of an expectation
 * is the number of its command in a transaction, from 1. */
static void answer_conflict(struct resp *r, const struct publish *p)
{
    char current[CURSOR_TEXT_SIZE];
    cursor_format(current, p->current, hub_log(worker_of(r->conn)->hub)->epoch);
    uint32_t command = p->expectations[p->conflict].tag;
    if (command)
        resp_errorf(r, "CONFLICT %s %s (command %u of the transaction)", current,
                    publish_fault(p->result)->message, command);
    else
        resp_errorf(r, "CONFLICT %s %s", current, publish_fault(p->result)->message);
}

static void put_answer(const struct resp *r, enum answer answer, const struct publish_item *item,
                       struct buf *out)
{
    char id[CURSOR_TEXT_SIZE];
    if (answer == ANSWER_SUBSCRIBERS)
        resp_reply_integer(out, item->subscribers);
    else
        resp_reply_bulk(out, id,
                        cursor_format(id, item->offset, hub_log(worker_of(r->conn)->hub)->epoch));
}

void resp_publish_put(const struct resp *r, const struct resp_command *c,
                      const struct publish_item *item, struct buf *out)
{
    put_answer(r, answer_of(c), item, out);
}

void resp_publish_fail(struct resp *r, const struct publish *p)
{
    if (p->result == ERR_CONFLICT)
        answer_conflict(r, p);
    else
        resp_error_of(r, p->result, publish_fault(p->result)->message);
}

void resp_publish_answer(struct resp *r, const struct publish *p)
{
    struct buf *out = conn_out(r->conn);
    if (out && p->result != ERR_OK)
        resp_publish_fail(r, p);
    else if (out)
        put_answer(r, (enum answer)p->tag, &p->items[0], out);
}
