#include "storage/journal/batch_pack.h"

#include <stdlib.h>

/* --- packing --- */

/* The index of topic ID in the group's table. */
static uint32_t name_topic(struct group_writer *w, const struct catalog *c, uint32_t id)
{
    const struct catalog_topic *t = catalog_find(c, id);
    struct group_topic named = {.id = id};
    if (t) {
        named.name = t->name;
        named.name_len = t->name_len;
    }
    return group_topic(w, &named);
}

static void put_topic(struct group_writer *w, const struct catalog *c, const struct store_topic *t)
{
    struct group_item item = {.op = GROUP_TOPIC, .topic = name_topic(w, c, t->id)};
    item.row.flags = t->flags;
    item.row.floor = t->floor;
    item.row.last = t->last;
    group_put(w, &item);
}

static void put_record(struct group_writer *w, const struct catalog *c, uint64_t before,
                       const struct store_record *r)
{
    struct group_item item = {.op = GROUP_RECORD, .topic = name_topic(w, c, r->topic_id)};
    item.record = *r;
    item.record.offset = r->offset - before - 1;
    item.record.topic_id = 0;
    group_put(w, &item);
}

enum err batch_pack(struct group_writer *w, const struct catalog *c, const struct store_batch *b,
                    uint64_t before, uint64_t last, const void **ret, size_t *ret_n)
{
    group_begin(w);
    for (size_t i = 0; i < b->topic_count; i++)
        put_topic(w, c, &b->topics[i]);
    for (size_t i = 0; i < b->record_count; i++)
        put_record(w, c, before, &b->records[i]);
    if (b->reserve) {
        struct group_item item = {.op = GROUP_RESERVE, .upto = b->reserve};
        group_put(w, &item);
    }
    return group_end(w, last - before, ret, ret_n);
}

/* --- unpacking --- */

static bool make_room(struct unpacked *u, const struct group *g)
{
    if (g->item_count > u->record_cap) {
        struct store_record *records = reallocarray(u->records, g->item_count, sizeof(*u->records));
        if (!records)
            return false;
        u->records = records;
        u->record_cap = g->item_count;
    }
    if (g->item_count > u->topic_cap) {
        struct store_topic *topics = reallocarray(u->topics, g->item_count, sizeof(*u->topics));
        if (!topics)
            return false;
        u->topics = topics;
        u->topic_cap = g->item_count;
    }
    return true;
}

static void take_topic(struct unpacked *u, const struct group *g, const struct group_item *item)
{
    struct group_topic t = group_topic_at(g, item->topic);
    u->topics[u->batch.topic_count++] = (struct store_topic){
        .id = t.id,
        .name = t.name,
        .name_len = t.name_len,
        .flags = item->row.flags,
        .floor = item->row.floor,
        .last = item->row.last,
    };
}

static void take_record(struct unpacked *u, const struct group *g, const struct group_item *item,
                        uint64_t before)
{
    struct store_record *r = &u->records[u->batch.record_count++];
    *r = item->record;
    r->offset = before + 1 + item->record.offset;
    r->topic_id = group_topic_at(g, item->topic).id;
}

static enum err take_item(struct unpacked *u, const struct group *g, const struct group_item *item,
                          uint64_t before)
{
    switch (item->op) {
    case GROUP_TOPIC:
        take_topic(u, g, item);
        return ERR_OK;
    case GROUP_RECORD:
        take_record(u, g, item, before);
        return ERR_OK;
    case GROUP_RESERVE:
        u->batch.reserve = item->upto;
        return ERR_OK;
    default:
        return ERR_FORMAT;
    }
}

enum err batch_unpack(struct unpacked *u, const void *data, size_t n, uint64_t last)
{
    struct group g;
    enum err e = group_open(data, n, &g);
    if (e)
        return e;
    if (g.span > last)
        return ERR_CORRUPT;
    if (!make_room(u, &g))
        return ERR_NOMEM;
    u->batch = (struct store_batch){.records = u->records, .topics = u->topics};
    struct group_walk walk = group_walk(&g);
    struct group_item item;
    while (!e && group_next(&walk, &item))
        e = take_item(u, &g, &item, last - g.span);
    return e;
}

void unpacked_finish(struct unpacked *u)
{
    free(u->records);
    free(u->topics);
}
