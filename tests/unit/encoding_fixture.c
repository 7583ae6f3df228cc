#include "tests/unit/encoding_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/deflate.h"
#include "frontends/ws/ws_deflate.h"

static struct topic *topic;
struct buf out;
struct message m;

void encoding_setup(void)
{
    topic = calloc(1, sizeof(*topic) + 4);
    memcpy(topic->name, "a/b", 4);
    topic->name_len = 3;
    memset(&m, 0, sizeof(m));
    m.offset = 7;
    m.epoch = 9;
    m.topic = topic;
    m.event = "";
}

void encoding_teardown(void)
{
    free(topic);
    buf_finish(&out);
    deflate_finish_thread();
}

void payload(enum message_kind kind, const char *data, size_t n)
{
    m.kind = (uint8_t)kind;
    m.payload = data;
    m.payload_len = (uint32_t)n;
}

void event(const char *name, size_t n)
{
    m.event = name;
    m.event_len = (uint8_t)n;
}

void expect(const char *text, size_t n)
{
    ck_assert(!out.failed);
    ck_assert_uint_eq(out.len, n);
    ck_assert_mem_eq(out.data, text, n);
    buf_clear(&out);
}

void expect_encoded(const struct encoding *e, const char *text)
{
    buf_clear(&out);
    e->encode(&m, &out);
    expect(text, strlen(text));
}
