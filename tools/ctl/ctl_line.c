/*
 * A line of an export as a message to be published: the members of an envelope, and `key`,
 * `key_base64` and `kind` (doc/protocol.md, "HUB commands"). `time` and whatever else is there is
 * passed over.
 */
#include "tools/ctl/ctl_line.h"

#include <string.h>

#include "tools/ctl/ctl_exit.h"
#include "tools/ctl/ctl_span.h"

enum member { ID, TOPIC, EVENT, KEY, KEY_BASE64, DATA, ENCODING, KIND, MEMBERS };

static const char *const names[MEMBERS] = {
    [ID] = "\"id\"",
    [TOPIC] = "\"topic\"",
    [EVENT] = "\"event\"",
    [KEY] = "\"key\"",
    [KEY_BASE64] = "\"key_base64\"",
    [DATA] = "\"data\"",
    [ENCODING] = "\"encoding\"",
    [KIND] = "\"kind\"",
};

static const char no_memory[] = "out of memory";

/* --- base64 --- */

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Four characters, of which the last PADDING are '='. */
static enum err decode_four(struct buf *out, const char *text, size_t padding)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < 4 - padding ? digit_of(text[i]) : 0;
        if (digit < 0)
            return ERR_INVALID;
        bits = bits << 6 | (uint32_t)digit;
    }
    if (padding && bits & ((1u << 8 * padding) - 1))
        return ERR_INVALID; /* what is left over has to be 0 */
    char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
    buf_append(out, bytes, 3 - padding);
    return ERR_OK;
}

enum err ctl_base64(struct buf *out, const char *text, size_t n)
{
    enum err e = n % 4 ? ERR_INVALID : ERR_OK;
    for (size_t i = 0; i < n && !e; i += 4) {
        size_t padding = 0;
        while (i + 4 == n && padding < 2 && text[n - 1 - padding] == '=')
            padding++;
        e = decode_four(out, text + i, padding);
    }
    return e;
}

/* --- members --- */

static enum member member_of(struct ctl_span name)
{
    enum member m = 0;
    while (m < MEMBERS && !ctl_span_is(name, names[m]))
        m++;
    return m;
}

static const char *find_members(struct ctl_span line, struct ctl_span found[MEMBERS])
{
    struct ctl_span name, value;
    memset(found, 0, MEMBERS * sizeof(found[0]));
    while (ctl_span_next(&line, &name, &value)) {
        enum member m = member_of(name);
        if (m == MEMBERS)
            continue;
        if (found[m].text)
            return "a member is there twice";
        found[m] = value;
    }
    return line.text ? "not one JSON object" : NULL;
}

static bool is_given(struct ctl_span value)
{
    return value.text && !ctl_span_is(value, "null");
}

/* A string that is not empty; or nothing, or null. */
static bool take_text(struct ctl_span value, struct buf *out)
{
    return !is_given(value) || (ctl_span_string(value, out) && out->len > 0);
}

static const char *take_names(struct ctl_line *l, const struct ctl_span found[MEMBERS])
{
    if (!found[TOPIC].text || !ctl_span_string(found[TOPIC], &l->topic))
        return "topic is missing or no string";
    if (!take_text(found[EVENT], &l->event))
        return "event is no string, or an empty one";
    if (!take_text(found[KEY], &l->key))
        return "key is no string, or an empty one";
    if (!take_text(found[ID], &l->id) || l->id.len >= CTL_CURSOR_SIZE)
        return "id is no string, an empty one or too long";
    buf_putc(&l->id, '\0');
    return NULL;
}

/* Appends the bytes of a string in base64. */
static bool take_base64(struct ctl_span value, struct buf *out)
{
    struct buf text = {0};
    bool ok = ctl_span_string(value, &text) &&
              ctl_base64(out, text.data ? text.data : "", text.len) == ERR_OK;
    out->failed |= text.failed;
    buf_finish(&text);
    return ok;
}

static const char *take_data(struct ctl_line *l, const struct ctl_span found[MEMBERS])
{
    struct ctl_span data = found[DATA], kind = found[KIND];
    if (!data.text)
        return "data is missing";
    if (is_given(found[ENCODING])) {
        l->kind = "binary";
        return ctl_span_is(found[ENCODING], "\"base64\"") && take_base64(data, &l->data)
                   ? NULL
                   : "data is not base64, which is the only encoding";
    }
    if (is_given(kind) && !ctl_span_is(kind, "\"json\""))
        return "the only kind that has to be said is json";
    l->kind = *data.text == '"' && !is_given(kind) ? "text" : "json";
    if (l->kind[0] == 'j')
        buf_append(&l->data, data.text, data.n);
    else if (!ctl_span_string(data, &l->data))
        return "data is not a valid string";
    return NULL;
}

static const char *parse(struct ctl_line *l, struct ctl_span line)
{
    struct ctl_span found[MEMBERS];
    const char *wrong = find_members(line, found);
    if (!wrong)
        wrong = take_names(l, found);
    if (!wrong && is_given(found[KEY_BASE64]) && !take_base64(found[KEY_BASE64], &l->key))
        wrong = "key_base64 is not base64";
    return wrong ? wrong : take_data(l, found);
}

const char *ctl_line_parse(struct ctl_line *l, const char *text, size_t n)
{
    buf_clear(&l->topic);
    buf_clear(&l->event);
    buf_clear(&l->key);
    buf_clear(&l->data);
    buf_clear(&l->id);
    const char *wrong = parse(l, (struct ctl_span){text, n});
    bool failed =
        l->topic.failed || l->event.failed || l->key.failed || l->data.failed || l->id.failed;
    return failed ? no_memory : wrong;
}

void ctl_line_finish(struct ctl_line *l)
{
    buf_finish(&l->topic);
    buf_finish(&l->event);
    buf_finish(&l->key);
    buf_finish(&l->data);
    buf_finish(&l->id);
}
