#include "frontends/sse/session_request.h"

#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "delivery/publish_json.h"

static const struct fault not_array = {"bad_request",
                                       "subscribe and unsubscribe are arrays of topics"};
static const struct fault not_entry = {
    "bad_request", "an entry is a topic or pattern, or an object with topic and after"};
static const struct fault not_text = {"bad_request", "an entry is a topic or pattern"};
static const struct fault no_topic = {"bad_request", "topic must be a string"};
static const struct fault not_text_after = {"bad_request", "after must be a string"};
static const struct fault not_text_token = {"bad_request", "token must be a string"};
static const struct fault bad_topic = {"bad_topic", "this is neither a valid topic nor a pattern"};
static const struct fault too_many_levels = {"bad_topic", TOPIC_LEVELS_RULE};
static const struct fault bad_cursor = {
    "bad_cursor", "after is none of a cursor, earliest, latest, -N and an RFC 3339 time"};
static const struct fault too_many = {"limit", "More topics than limits.subscriptions allows"};
static const struct fault no_memory = {"unavailable", "The hub is out of memory"};

typedef const struct fault *read_entry(struct json_slice value, struct place *ret);

static const struct fault *take_topic(const struct json_slice *text, struct place *ret)
{
    ret->filter = text->data;
    ret->len = text->len;
    if (!topic_pattern_valid(text->data, text->len))
        return &bad_topic;
    return topic_pattern_bounded(text->data, text->len) ? NULL : &too_many_levels;
}

static const struct fault *read_topic(struct json_slice value, struct place *ret)
{
    if (!json_slice_is_string(&value))
        return &not_text;
    json_slice_unquote(&value);
    return take_topic(&value, ret);
}

static const struct fault *read_object(struct json_slice value, struct place *ret)
{
    struct json_member m[] = {{.name = "topic"}, {.name = "after"}};
    const struct fault *fault = publish_json_fault(json_slice_members(value.data, value.len, m, 2));
    if (!fault)
        fault = publish_json_text(&m[0], &no_topic);
    if (!fault)
        fault = take_topic(&m[0].value, ret);
    if (!fault)
        fault = publish_json_optional_text(&m[1], &not_text_after);
    if (fault || !m[1].value.data)
        return fault;
    enum err e = after_parse(m[1].value.data, m[1].value.len, &ret->after);
    return e == ERR_OK ? NULL : &bad_cursor;
}

static const struct fault *read_place(struct json_slice value, struct place *ret)
{
    ret->after.kind = AFTER_LATEST;
    if (json_slice_is_string(&value))
        return read_topic(value, ret);
    return value.data[0] == '{' ? read_object(value, ret) : &not_entry;
}

static size_t count_elements(const struct json_slice *array, size_t max)
{
    struct json_slice rest = *array, element;
    size_t count = 0;
    while (count <= max && json_slice_next(&rest, &element))
        count++;
    return count;
}

static const struct fault *read_elements(struct json_slice rest, read_entry *read,
                                         struct places *ret)
{
    struct json_slice element;
    while (json_slice_next(&rest, &element)) {
        const struct fault *fault = read(element, &ret->entries[ret->count]);
        if (fault)
            return fault;
        ret->count++;
    }
    return NULL;
}

static const struct fault *read_list(const struct json_member *m, size_t max, read_entry *read,
                                     struct session_request *r, struct places *ret)
{
    if (!m->value.data || json_slice_is_null(&m->value))
        return NULL;
    if (!json_slice_is_array(&m->value))
        return &not_array;
    size_t count = count_elements(&m->value, max);
    if (count > max)
        return &too_many;
    ret->entries = calloc(count + 1, sizeof(*ret->entries));
    if (!ret->entries)
        return &no_memory;
    const struct fault *fault = read_elements(m->value, read, ret);
    if (fault) {
        r->wrong_list = m->name;
        r->wrong_index = ret->count;
    }
    return fault;
}

const struct fault *session_request_parse(char *text, size_t n, size_t max,
                                          struct session_request *ret)
{
    struct json_member m[] = {{.name = "subscribe"}, {.name = "unsubscribe"}, {.name = "token"}};
    memset(ret, 0, sizeof(*ret));
    const struct fault *fault = publish_json_fault(json_slice_members(text, n, m, 3));
    if (!fault)
        fault = read_list(&m[0], max, read_place, ret, &ret->subscribe);
    if (!fault)
        fault = read_list(&m[1], max, read_topic, ret, &ret->unsubscribe);
    if (!fault)
        fault = publish_json_optional_text(&m[2], &not_text_token);
    ret->token = m[2].value;
    return fault;
}

void session_request_finish(struct session_request *r)
{
    free(r->subscribe.entries);
    free(r->unsubscribe.entries);
    memset(r, 0, sizeof(*r));
}
