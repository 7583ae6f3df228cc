#include "delivery/publish_json.h"

#include <string.h>

#include "base/crypto.h"
#include "broker/topic_name.h"

static const struct fault bad_json = {
    "bad_json", "the text is not one valid JSON value, or a member is there twice"};
static const struct fault not_an_object = {"bad_request", "the text is not a JSON object"};
static const struct fault bad_topic = {
    "bad_topic", "a topic has 1 to 255 bytes and no control character, '+' or '#', and does not "
                 "begin with '/' or '$'"};
static const struct fault bad_event = {
    "bad_event", "an event name has 1 to 255 bytes and no control character, and does not begin "
                 "with longwire."};
static const struct fault bad_key = {"bad_key", "a key has 1 to 255 bytes"};
static const struct fault bad_expect = {"bad_cursor", "expect is not a cursor (OFFSET-EPOCH)"};
static const struct fault bad_base64 = {"bad_data", "data is not a string in base64"};
static const struct fault bad_encoding = {"bad_request", "the only encoding is base64"};
static const struct fault no_data = {"bad_request", "data is missing"};
static const struct fault no_topic = {"bad_request", "topic must be a string"};
static const struct fault not_text_event = {"bad_request", "event must be a string"};
static const struct fault not_text_key = {"bad_request", "key must be a string"};
static const struct fault not_text_expect = {"bad_request", "expect must be a string"};
static const struct fault no_memory = {"unavailable", "out of memory"};

const struct fault *publish_json_fault(enum err e)
{
    if (e == ERR_OK)
        return NULL;
    return e == ERR_FORMAT ? &not_an_object : &bad_json;
}

const struct fault *publish_json_text(struct json_member *m, const struct fault *fault)
{
    if (!json_slice_is_string(&m->value))
        return fault;
    json_slice_unquote(&m->value);
    return NULL;
}

const struct fault *publish_json_optional_text(struct json_member *m, const struct fault *fault)
{
    if (json_slice_is_null(&m->value))
        m->value = (struct json_slice){NULL, 0};
    return m->value.data ? publish_json_text(m, fault) : NULL;
}

static const struct fault *read_topic(struct json_member *m, struct message_init *ret)
{
    const struct fault *fault = publish_json_text(m, &no_topic);
    if (fault)
        return fault;
    ret->topic = m->value.data;
    ret->topic_len = m->value.len;
    return topic_name_valid(ret->topic, ret->topic_len) ? NULL : &bad_topic;
}

static const struct fault *read_event(struct json_member *m, struct message_init *ret)
{
    const struct fault *fault = publish_json_optional_text(m, &not_text_event);
    if (fault || !m->value.data)
        return fault;
    ret->event = m->value.data;
    ret->event_len = m->value.len;
    return message_event_valid(ret->event, ret->event_len) ? NULL : &bad_event;
}

static const struct fault *read_key(struct json_member *m, struct message_init *ret)
{
    const struct fault *fault = publish_json_optional_text(m, &not_text_key);
    if (fault || !m->value.data)
        return fault;
    ret->key = m->value.data;
    ret->key_len = m->value.len;
    return ret->key_len >= 1 && ret->key_len <= MESSAGE_KEY_MAX ? NULL : &bad_key;
}

static const struct fault *read_expect(struct json_member *m, struct message_init *ret)
{
    if (!m->value.data)
        return NULL;
    const struct fault *fault = publish_json_text(m, &not_text_expect);
    if (fault)
        return fault;
    ret->conditional = true;
    enum err e = cursor_parse(m->value.data, m->value.len, &ret->expect);
    return e == ERR_OK ? NULL : &bad_expect;
}

static const struct fault *read_base64(const struct json_slice *text, struct buf *scratch,
                                       struct message_init *ret)
{
    enum err e = crypto_base64_decode(scratch, text->data, text->len);
    if (e != ERR_OK)
        return e == ERR_NOMEM ? &no_memory : &bad_base64;
    ret->payload = scratch->data;
    ret->payload_len = scratch->len;
    ret->kind = MESSAGE_BINARY;
    return NULL;
}

static const struct fault *read_data(struct json_member m[PUBLISH_MEMBERS], struct buf *scratch,
                                     struct message_init *ret)
{
    struct json_slice *data = &m[PUBLISH_DATA].value, *encoding = &m[PUBLISH_ENCODING].value;
    bool text = json_slice_is_string(data);
    const struct fault *fault = publish_json_optional_text(&m[PUBLISH_ENCODING], &bad_encoding);
    if (fault || !data->data)
        return fault ? fault : &no_data;
    if (text)
        json_slice_unquote(data);
    ret->payload = data->data;
    ret->payload_len = data->len;
    ret->kind = text ? MESSAGE_TEXT : MESSAGE_JSON;
    if (!encoding->data)
        return NULL;
    if (encoding->len != 6 || memcmp(encoding->data, "base64", 6) != 0)
        return &bad_encoding;
    return text ? read_base64(data, scratch, ret) : &bad_base64;
}

const struct fault *publish_json_read(struct json_member m[PUBLISH_MEMBERS], struct buf *scratch,
                                      struct message_init *ret)
{
    memset(ret, 0, sizeof(*ret));
    buf_clear(scratch);
    const struct fault *fault = read_topic(&m[PUBLISH_TOPIC], ret);
    if (!fault)
        fault = read_data(m, scratch, ret);
    if (!fault)
        fault = read_event(&m[PUBLISH_EVENT], ret);
    if (!fault)
        fault = read_key(&m[PUBLISH_KEY], ret);
    return fault ? fault : read_expect(&m[PUBLISH_EXPECT], ret);
}
