/*
 * JSON from clients. The slicer must agree with jansson on what is valid, but for what jansson
 * cannot hold; what a request publishes must come out as a valid envelope on one line.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "broker/topic_name.h"
#include "delivery/envelope.h"
#include "frontends/ws/ws_control.h"
#include "http/ndjson.h"
#include "tests/fuzz/fuzz.h"

static void compare_with_jansson(const char *text, size_t n)
{
    json_error_t error;
    bool ours = json_valid(text, n);
    if (memchr(text, '\0', n)) {
        REQUIRE(!ours); /* jansson takes a NUL for the end of the text */
        return;
    }
    json_t *v = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (v) {
        REQUIRE(ours || n > JSON_DEPTH_MAX);
    } else if (ours) {
        enum json_error_code code = json_error_code(&error);
        REQUIRE(code == json_error_numeric_overflow || code == json_error_null_byte_in_key);
    }
    json_decref(v);
}

static void check_envelope(const struct message_init *init)
{
    struct topic *topic = calloc(1, sizeof(*topic) + TOPIC_NAME_MAX);
    struct message *m = message_create(init);
    struct buf out = {0};
    REQUIRE(init->topic_len >= 1 && init->topic_len <= TOPIC_NAME_MAX);
    topic->name_len = (uint8_t)init->topic_len;
    memcpy(topic->name, init->topic, init->topic_len);
    m->topic = topic;
    envelope_append(m, &out);
    REQUIRE(json_valid(out.data, out.len));
    REQUIRE(!memchr(out.data, '\n', out.len) && !memchr(out.data, '\r', out.len));
    buf_finish(&out);
    message_unref(m);
    free(topic);
}

/* A condition is a cursor, and what has none expects nothing. */
static void check_expectation(const struct message_init *init)
{
    char text[CURSOR_TEXT_SIZE];
    struct cursor c = {0};
    if (init->expect.epoch) {
        size_t n = cursor_format(text, init->expect.offset, init->expect.epoch);
        REQUIRE(cursor_parse(text, n, &c) == ERR_OK && c.offset == init->expect.offset);
    }
    REQUIRE(c.epoch == init->expect.epoch);
    REQUIRE(init->conditional || (init->expect.offset == 0 && init->expect.epoch == 0));
}

static void check_message(const struct message_init *init)
{
    check_envelope(init);
    check_expectation(init);
}

static char *copy(const uint8_t *data, size_t n)
{
    char *text = calloc(1, n ? n : 1);
    if (n)
        memcpy(text, data, n);
    return text;
}

static void check_control(char *text, size_t n, struct buf *scratch)
{
    struct ws_control c;
    struct buf out = {0};
    const struct fault *fault = ws_control_parse(text, n, scratch, &c);
    if (fault)
        ws_control_error(&out, fault, &c.ref);
    else
        ws_control_pong(&out, &c.ref);
    REQUIRE(json_valid(out.data, out.len));
    if (!fault && c.op == WS_OP_PUBLISH)
        check_message(&c.publish);
    buf_finish(&out);
}

static void check_batch(char *text, size_t n, struct buf *scratch)
{
    struct message_init init;
    size_t len, number = 0;
    char *line;
    while (ndjson_next_line(&text, &n, &line, &len, &number)) {
        if (!ndjson_line_parse(line, len, scratch, &init))
            check_message(&init);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf scratch = {0};
    char *text = copy(data, size);
    compare_with_jansson(text, size);
    check_control(text, size, &scratch);
    free(text);
    text = copy(data, size);
    check_batch(text, size, &scratch);
    free(text);
    buf_finish(&scratch);
    return 0;
}
