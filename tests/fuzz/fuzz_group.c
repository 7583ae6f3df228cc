/*
 * Groups as they are read from a journal, or from another hub. The input is a group whose size and
 * sum are set right, so that what is in it is looked at; with an odd first byte, which is not part
 * of it, it is read as it stands. What is accepted is packed again, and says the same.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/journal/group.h"
#include "storage/journal/group_layout.h"
#include "tests/fuzz/fuzz.h"

static void seal(uint8_t *group, size_t n)
{
    uint32_t size = (uint32_t)n, magic = GROUP_MAGIC;
    if (n < GROUP_HEADER_SIZE)
        return;
    memcpy(group + AT_MAGIC, &magic, sizeof(magic));
    memcpy(group + AT_SIZE, &size, sizeof(size));
    uint64_t check = XXH3_64bits(group + AT_MAGIC, n - AT_MAGIC);
    memcpy(group + AT_CHECK, &check, sizeof(check));
}

/* Every byte of it is looked at, so that a sanitizer sees one that is not there. */
static uint64_t sum(const void *bytes, size_t n)
{
    return n ? XXH3_64bits(bytes, n) : 0;
}

static uint64_t sum_of(const struct group *g, const struct group_item *item)
{
    const struct store_record *r = &item->record;
    uint64_t total = item->op;
    if (item->op == GROUP_RECORD)
        total += r->offset + r->time_ms + r->kind + sum(r->event, r->event_len) +
                 3 * sum(r->key, r->key_len) + 7 * sum(r->payload, r->payload_len);
    else if (item->op == GROUP_TOPIC)
        total += item->row.flags + item->row.floor + 3 * item->row.last;
    else if (item->op == GROUP_NOTE)
        total += sum(item->note.name, strlen(item->note.name) + 1) +
                 3 * sum(item->note.value, item->note.n) + !item->note.value;
    else
        total += item->upto;
    if (item->topic < g->topic_count) {
        struct group_topic t = group_topic_at(g, item->topic);
        REQUIRE(t.id != 0 && t.name_len > 0);
        total += 11 * sum(t.name, t.name_len);
    }
    return total;
}

/* With ids of its own: the table may have one twice. */
static void pack_again(struct group_writer *w, const struct group *g)
{
    struct group_item item;
    group_begin(w);
    for (uint32_t i = 0; i < g->topic_count; i++) {
        struct group_topic t = group_topic_at(g, i);
        t.id = i + 1;
        REQUIRE(group_topic(w, &t) == i);
    }
    for (struct group_walk walk = group_walk(g); group_next(&walk, &item);)
        group_put(w, &item);
}

static void check_same(const struct group *a, const struct group *b)
{
    struct group_walk of_a = group_walk(a), of_b = group_walk(b);
    struct group_item x, y;
    REQUIRE(a->span == b->span && a->topic_count == b->topic_count);
    while (group_next(&of_a, &x)) {
        REQUIRE(group_next(&of_b, &y));
        REQUIRE(x.op == y.op && x.topic == y.topic && sum_of(a, &x) == sum_of(b, &y));
    }
    REQUIRE(!group_next(&of_b, &y));
}

static void check(const struct group *g)
{
    struct group_writer w;
    struct group again;
    const void *bytes;
    size_t n;
    group_writer_init(&w);
    pack_again(&w, g);
    REQUIRE(group_end(&w, g->span, &bytes, &n) == ERR_OK);
    REQUIRE(group_size(bytes) == n);
    REQUIRE(group_open(bytes, n, &again) == ERR_OK);
    check_same(g, &again);
    group_writer_finish(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct group g;
    if (size < 1)
        return 0;
    size_t n = size - 1;
    uint8_t *group = malloc(n ? n : 1);
    REQUIRE(group);
    memcpy(group, data + 1, n);
    if (data[0] % 2 == 0)
        seal(group, n);
    if (group_open(group, n, &g) == ERR_OK)
        check(&g);
    free(group);
    return 0;
}
