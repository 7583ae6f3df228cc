/* Packing groups; group.c reads them. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/journal/group.h"
#include "storage/journal/group_layout.h"

enum {
    SLOTS_MIN = 16,
    KEEPS = 1 << 20, /* bytes of a buffer that are kept for the next group */
};

void group_writer_init(struct group_writer *w)
{
    *w = (struct group_writer){0};
}

void group_writer_finish(struct group_writer *w)
{
    buf_finish(&w->bytes);
    buf_finish(&w->topics);
    buf_finish(&w->names);
    free(w->slots);
    group_writer_init(w);
}

static void empty(struct buf *b)
{
    if (b->cap > KEEPS)
        buf_finish(b);
    else
        buf_clear(b);
}

void group_begin(struct group_writer *w)
{
    static const char header[GROUP_HEADER_SIZE];
    empty(&w->bytes);
    empty(&w->topics);
    empty(&w->names);
    w->topic_count = w->item_count = 0;
    w->next = 0;
    w->invalid = false;
    w->slots_used = 0;
    buf_append(&w->bytes, header, sizeof(header));
}

/* --- the table of topics --- */

static uint32_t id_at(const struct group_writer *w, uint32_t index)
{
    uint32_t id;
    memcpy(&id, w->topics.data + (size_t)index * TOPIC_ENTRY_SIZE + AT_ID, sizeof(id));
    return id;
}

/* The slot that has ID's index, or where that goes. */
static uint32_t *find_slot(const struct group_writer *w, uint32_t id)
{
    uint32_t mask = w->slots_used - 1, at = id * UINT32_C(2654435769) >> 7 & mask;
    while (w->slots[at] && id_at(w, w->slots[at] - 1) != id)
        at = (at + 1) & mask;
    return &w->slots[at];
}

/* Half of the slots stay free. They are few again with each group: most have one topic. */
static bool reserve_slot(struct group_writer *w)
{
    if (w->slots_used / 2 > w->topic_count)
        return true;
    uint32_t n = w->slots_used ? w->slots_used * 2 : SLOTS_MIN;
    if (n > w->slot_cap) {
        uint32_t *slots = reallocarray(w->slots, n, sizeof(*slots));
        if (!slots)
            return false;
        w->slots = slots;
        w->slot_cap = n;
    }
    w->slots_used = n;
    memset(w->slots, 0, n * sizeof(*w->slots));
    for (uint32_t i = 0; i < w->topic_count; i++)
        *find_slot(w, id_at(w, i)) = i + 1;
    return true;
}

static void put_entry(struct group_writer *w, const struct group_topic *t)
{
    uint8_t entry[TOPIC_ENTRY_SIZE] = {0};
    uint32_t at = (uint32_t)w->names.len;
    memcpy(entry + AT_ID, &t->id, sizeof(t->id));
    memcpy(entry + AT_NAME, &at, sizeof(at));
    entry[AT_NAME_LEN] = t->name_len;
    buf_append(&w->topics, entry, sizeof(entry));
    buf_append(&w->names, t->name, t->name_len);
    w->invalid |= t->id == 0 || t->name_len == 0;
}

uint32_t group_topic(struct group_writer *w, const struct group_topic *t)
{
    if (!reserve_slot(w)) {
        w->topics.failed = true;
        return 0;
    }
    uint32_t *slot = find_slot(w, t->id);
    if (*slot)
        return *slot - 1;
    put_entry(w, t);
    if (w->topics.failed || w->names.failed)
        return 0;
    *slot = ++w->topic_count;
    return *slot - 1;
}

/* --- items --- */

static void put_record(struct group_writer *w, uint8_t *head, const struct store_record *r)
{
    head[AT_KIND] = r->kind;
    head[AT_EVENT_LEN] = r->event_len;
    head[AT_KEY_LEN] = r->key_len;
    memcpy(head + AT_NUMBER, &r->offset, sizeof(r->offset));
    memcpy(head + AT_TIME, &r->time_ms, sizeof(r->time_ms));
    memcpy(head + AT_PAYLOAD_LEN, &r->payload_len, sizeof(r->payload_len));
    buf_append(&w->bytes, head, RECORD_ITEM_SIZE);
    buf_append(&w->bytes, r->event, r->event_len);
    buf_append(&w->bytes, r->key, r->key_len);
    buf_append(&w->bytes, r->payload, r->payload_len);
    w->invalid |=
        r->offset < w->next || r->offset == UINT64_MAX || r->payload_len > STORE_PAYLOAD_MAX;
    w->next = r->offset + 1;
}

static void put_topic(struct group_writer *w, uint8_t *head, const struct group_item *item)
{
    head[AT_FLAGS] = item->row.flags;
    memcpy(head + AT_FLOOR, &item->row.floor, sizeof(item->row.floor));
    memcpy(head + AT_LAST, &item->row.last, sizeof(item->row.last));
    buf_append(&w->bytes, head, TOPIC_ITEM_SIZE);
}

static void put_upto(struct group_writer *w, uint8_t *head, uint64_t upto)
{
    memcpy(head + AT_UPTO, &upto, sizeof(upto));
    buf_append(&w->bytes, head, UPTO_ITEM_SIZE);
}

static void put_note(struct group_writer *w, uint8_t *head, const struct group_item *item)
{
    size_t len = strlen(item->note.name), n = item->note.value ? item->note.n : 0;
    if (len == 0 || len > STORE_NOTE_NAME_MAX || n > STORE_NOTE_MAX) {
        w->invalid = true;
        return;
    }
    uint16_t name_len = (uint16_t)len;
    uint32_t value_len = (uint32_t)n;
    head[AT_GONE] = !item->note.value;
    memcpy(head + AT_NOTE_NAME_LEN, &name_len, sizeof(name_len));
    memcpy(head + AT_VALUE_LEN, &value_len, sizeof(value_len));
    buf_append(&w->bytes, head, NOTE_ITEM_SIZE);
    buf_append(&w->bytes, item->note.name, len + 1);
    buf_append(&w->bytes, item->note.value, n);
}

static void put_topic_index(struct group_writer *w, uint8_t *head, uint32_t index)
{
    memcpy(head + AT_TOPIC, &index, sizeof(index));
    w->invalid |= index >= w->topic_count;
}

void group_put(struct group_writer *w, const struct group_item *item)
{
    uint8_t head[ITEM_SIZE_MAX] = {[AT_OP] = (uint8_t)item->op};
    w->item_count++;
    switch (item->op) {
    case GROUP_RECORD:
        put_topic_index(w, head, item->topic);
        put_record(w, head, &item->record);
        return;
    case GROUP_TOPIC:
        put_topic_index(w, head, item->topic);
        put_topic(w, head, item);
        return;
    case GROUP_PURGE:
    case GROUP_FORGET:
        put_topic_index(w, head, item->topic);
        put_upto(w, head, item->upto);
        return;
    case GROUP_RESERVE:
    case GROUP_TRIM:
        put_upto(w, head, item->upto);
        return;
    case GROUP_NOTE:
        put_note(w, head, item);
        return;
    }
    w->invalid = true;
}

/* --- the end --- */

static void put32(uint8_t *head, size_t at, size_t n)
{
    uint32_t value = (uint32_t)n;
    memcpy(head + at, &value, sizeof(value));
}

/* ITEMS_LEN: bytes of the items, which the table and the names follow by now. */
static void put_header(struct group_writer *w, size_t items_len, uint64_t span)
{
    uint8_t *head = (uint8_t *)w->bytes.data;
    put32(head, AT_MAGIC, GROUP_MAGIC);
    put32(head, AT_VERSION, GROUP_VERSION);
    put32(head, AT_SIZE, w->bytes.len);
    put32(head, AT_ITEMS, w->item_count);
    put32(head, AT_ITEMS_LEN, items_len);
    put32(head, AT_TOPICS, w->topic_count);
    put32(head, AT_NAMES_LEN, w->names.len);
    memcpy(head + AT_SPAN, &span, sizeof(span));
    uint64_t check = XXH3_64bits(head + AT_MAGIC, w->bytes.len - AT_MAGIC);
    memcpy(head + AT_CHECK, &check, sizeof(check));
}

enum err group_end(struct group_writer *w, uint64_t span, const void **ret, size_t *ret_n)
{
    size_t items_len = w->bytes.len - GROUP_HEADER_SIZE;
    if (w->bytes.failed || w->topics.failed || w->names.failed)
        return ERR_NOMEM;
    if (w->invalid || w->next > span)
        return ERR_INVALID;
    buf_append(&w->bytes, w->topics.data, w->topics.len);
    buf_append(&w->bytes, w->names.data, w->names.len);
    if (w->bytes.failed)
        return ERR_NOMEM;
    if (w->bytes.len > GROUP_BYTES_MAX)
        return ERR_TOO_LARGE;
    put_header(w, items_len, span);
    *ret = w->bytes.data;
    *ret_n = w->bytes.len;
    return ERR_OK;
}
