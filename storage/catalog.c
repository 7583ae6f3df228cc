#include "storage/catalog.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void catalog_init(struct catalog *c)
{
    memset(c, 0, sizeof(*c));
    grace_init(&c->grace);
    id_table_init(&c->topics, &c->grace);
}

static void free_topic(struct grace_item *item)
{
    free((char *)item - offsetof(struct catalog_topic, retired));
}

static void remove_topic(struct catalog *c, struct catalog_topic *t)
{
    id_table_remove(&c->topics, t->id);
    grace_retire(&c->grace, &t->retired, free_topic);
}

void catalog_finish(struct catalog *c)
{
    struct id_walk all = catalog_walk(c, 0);
    struct catalog_topic *t;
    while ((t = id_walk_next(&all)))
        free(t);
    id_table_finish(&c->topics);
    grace_finish(&c->grace);
}

enum err catalog_add(struct catalog *c, const struct store_topic *t)
{
    if (catalog_count(c) == CATALOG_TOPICS_MAX)
        return ERR_LIMIT;
    if (t->id <= c->last_id || t->name_len == 0)
        return ERR_INVALID;
    struct catalog_topic *to = calloc(1, sizeof(*to) + t->name_len);
    if (!to)
        return ERR_NOMEM;
    memcpy(to->name, t->name, t->name_len);
    to->id = t->id;
    to->name_len = t->name_len;
    to->flags = t->flags;
    to->last = t->last;
    to->swept = t->floor;
    atomic_init(&to->floor, t->floor);
    atomic_init(&to->newest, t->last);
    enum err e = id_table_add(&c->topics, t->id, to);
    if (e) {
        free(to);
        return e;
    }
    c->last_id = t->id;
    return ERR_OK;
}

void catalog_undo_add(struct catalog *c, uint32_t last_id)
{
    struct catalog_topic *t;
    while (last_id < UINT32_MAX && (t = id_table_next(&c->topics, last_id + 1)))
        remove_topic(c, t);
    c->last_id = last_id;
}

bool catalog_is_empty(const struct catalog_topic *t)
{
    return t->messages == 0 || t->swept >= t->last;
}

uint64_t catalog_mark_with(const struct catalog *c, const struct catalog_topic *t)
{
    uint64_t floor = atomic_load_explicit(&t->floor, memory_order_relaxed);
    uint64_t highest = floor > t->last ? floor : t->last;
    return highest > c->forgotten ? highest : c->forgotten;
}

void catalog_forget(struct catalog *c, struct catalog_topic *t)
{
    c->forgotten = catalog_mark_with(c, t);
    remove_topic(c, t);
}

void catalog_collect(struct catalog *c)
{
    grace_collect(&c->grace);
}

struct store_topic catalog_describe(const struct catalog_topic *t)
{
    uint64_t floor = atomic_load_explicit(&t->floor, memory_order_relaxed);
    return (struct store_topic){
        .id = t->id,
        .name_len = t->name_len,
        .flags = t->flags,
        .name = t->name,
        .messages = t->messages,
        .bytes = t->bytes,
        .last = t->last,
        .floor = floor,
        .unswept = t->messages > 0 && t->swept < floor,
    };
}

void catalog_appended(struct catalog_topic *t, uint64_t offset, uint32_t payload_len)
{
    t->last = offset;
    t->messages++;
    t->bytes += payload_len;
}

void catalog_note_swept(struct catalog *c, struct catalog_topic *t, uint64_t upto)
{
    if (t->gone_upto == 0) {
        t->next_gone = c->gone;
        c->gone = t;
    }
    t->gone_upto = upto;
}

void catalog_note_gone(struct catalog *c, struct catalog_topic *t, uint64_t offset,
                       uint32_t payload_len)
{
    catalog_note_swept(c, t, offset);
    t->gone++;
    t->gone_bytes += payload_len;
}

void catalog_raise_floors(struct catalog *c, const struct store_removal *r)
{
    for (struct catalog_topic *t = c->gone; t; t = t->next_gone) {
        if (t->gone_upto <= atomic_load_explicit(&t->floor, memory_order_relaxed))
            continue;
        /* First told, then hidden: who no longer finds a message can learn why. */
        if (r->floor)
            r->floor(r->ctx, t->id, t->gone_upto);
        atomic_store_explicit(&t->floor, t->gone_upto, memory_order_release);
    }
}

/* Saturating: a record may have been damaged between being counted and being removed. */
static uint64_t less(uint64_t total, uint64_t part)
{
    return total > part ? total - part : 0;
}

/* Where nothing is left, a damaged record may have gone that nobody could count. */
static bool all_gone(const struct catalog_topic *t)
{
    return t->gone_upto >= t->last;
}

uint64_t catalog_messages_left(const struct catalog_topic *t)
{
    return all_gone(t) ? 0 : less(t->messages, t->gone);
}

uint64_t catalog_bytes_left(const struct catalog_topic *t)
{
    return all_gone(t) ? 0 : less(t->bytes, t->gone_bytes);
}

void catalog_commit_gone(struct catalog *c, const struct store_removal *r)
{
    for (struct catalog_topic *t = c->gone; t; t = t->next_gone) {
        t->messages = catalog_messages_left(t);
        t->bytes = catalog_bytes_left(t);
        if (t->gone_upto > t->swept)
            t->swept = t->gone_upto;
        if (r->left) {
            struct store_topic left = catalog_describe(t);
            r->left(r->ctx, &left);
        }
    }
    catalog_drop_gone(c);
}

void catalog_drop_gone(struct catalog *c)
{
    for (struct catalog_topic *t = c->gone, *next; t; t = next) {
        next = t->next_gone;
        t->gone = t->gone_bytes = t->gone_upto = 0;
        t->next_gone = NULL;
    }
    c->gone = NULL;
}
