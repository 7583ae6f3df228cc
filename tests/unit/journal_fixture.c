#include "tests/unit/journal_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "storage/journal/group.h"
#include "tests/unit/store_fixture.h"

static struct group_writer writer;

/* The note has the id, and bytes that depend on it; so there is one without any offset as well. */
static void fill(uint64_t id, char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(id * 31 + i * 7 + (i >> 8));
}

static void put_record(char *payload, size_t n)
{
    struct group_topic t = {.id = 1, .name = "topic", .name_len = 5};
    struct group_item item = {
        .op = GROUP_RECORD,
        .topic = group_topic(&writer, &t),
        .record = {.payload = payload, .payload_len = (uint32_t)n},
    };
    group_put(&writer, &item);
}

const void *make_group(uint64_t id, size_t n, uint64_t span, size_t *ret_n)
{
    const void *bytes;
    struct group_item note = {.op = GROUP_NOTE,
                              .note = {.name = "id", .value = &id, .n = sizeof(id)}};
    char *payload = malloc(n + 1);
    REQUIRE(payload);
    fill(id, payload, n);
    group_begin(&writer);
    group_put(&writer, &note);
    if (span)
        put_record(payload, n);
    REQUIRE(group_end(&writer, span, &bytes, ret_n) == ERR_OK);
    free(payload);
    return bytes;
}

static _Bool is_filled(uint64_t id, const struct store_record *r)
{
    char *payload = malloc(r->payload_len + 1);
    REQUIRE(payload);
    fill(id, payload, r->payload_len);
    _Bool same = memcmp(payload, r->payload, r->payload_len) == 0;
    free(payload);
    return same;
}

_Bool is_group(const void *bytes, size_t n, uint64_t id, uint64_t span)
{
    struct group g;
    struct group_item item;
    if (group_open(bytes, n, &g) != ERR_OK || g.span != span)
        return 0;
    struct group_walk w = group_walk(&g);
    if (!group_next(&w, &item) || item.op != GROUP_NOTE || item.note.n != sizeof(id) ||
        memcmp(item.note.value, &id, sizeof(id)) != 0)
        return 0;
    return !group_next(&w, &item) || is_filled(id, &item.record);
}

void end_groups(void)
{
    group_writer_finish(&writer);
}
