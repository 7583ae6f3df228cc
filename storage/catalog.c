#include "storage/catalog.h"

#include <stdlib.h>
#include <string.h>

void catalog_init(struct catalog *c)
{
    memset(c, 0, sizeof(*c));
}

void catalog_finish(struct catalog *c)
{
    catalog_truncate(c, 0);
    for (size_t i = 0; i < CATALOG_CHUNKS_MAX && c->chunks[i]; i++)
        free(c->chunks[i]);
    catalog_init(c);
}

static enum err chunk_for(struct catalog *c, uint32_t count, struct catalog_topic **ret)
{
    struct catalog_topic **chunk = &c->chunks[count / CATALOG_CHUNK];
    if (!*chunk)
        *chunk = calloc(CATALOG_CHUNK, sizeof(**chunk));
    if (!*chunk)
        return ERR_NOMEM;
    *ret = &(*chunk)[count % CATALOG_CHUNK];
    return ERR_OK;
}

enum err catalog_add(struct catalog *c, const struct store_topic *t)
{
    uint32_t count = catalog_count(c);
    if (count == CATALOG_TOPICS_MAX)
        return ERR_LIMIT;
    if (t->id != count + 1 || t->name_len == 0)
        return ERR_INVALID;
    struct catalog_topic *to;
    enum err e = chunk_for(c, count, &to);
    if (e)
        return e;
    char *name = malloc(t->name_len);
    if (!name)
        return ERR_NOMEM;
    memcpy(name, t->name, t->name_len);
    memset(to, 0, sizeof(*to));
    to->name = name;
    to->id = t->id;
    to->name_len = t->name_len;
    to->flags = t->flags;
    atomic_store_explicit(&to->floor, t->floor, memory_order_relaxed);
    atomic_store_explicit(&c->count, count + 1, memory_order_release);
    return ERR_OK;
}

void catalog_truncate(struct catalog *c, uint32_t count)
{
    for (uint32_t id = catalog_count(c); id > count; id--) {
        struct catalog_topic *t = catalog_find(c, id);
        atomic_store_explicit(&c->count, id - 1, memory_order_release);
        free(t->name);
        t->name = NULL;
    }
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

uint64_t catalog_messages_left(const struct catalog_topic *t)
{
    return less(t->messages, t->gone);
}

uint64_t catalog_bytes_left(const struct catalog_topic *t)
{
    return less(t->bytes, t->gone_bytes);
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
