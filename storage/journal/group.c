/* Reading a group without trusting it; group_writer.c makes them. */
#include "storage/journal/group.h"

#include <xxhash.h>

#include "base/load.h"
#include "storage/journal/group_layout.h"

static bool are_zero(const uint8_t *p, size_t n)
{
    while (n > 0 && *p == 0) {
        p++;
        n--;
    }
    return n == 0;
}

/* --- items: each function reads one of LEFT bytes and tells how long it is, or 0 --- */

static size_t read_record(const uint8_t *p, size_t left, struct group_item *ret)
{
    if (left < RECORD_ITEM_SIZE)
        return 0;
    const char *bytes = (const char *)p + RECORD_ITEM_SIZE;
    ret->record = (struct store_record){
        .offset = load64(p + AT_NUMBER),
        .time_ms = load64(p + AT_TIME),
        .kind = p[AT_KIND],
        .event = bytes,
        .event_len = p[AT_EVENT_LEN],
        .key = bytes + p[AT_EVENT_LEN],
        .key_len = p[AT_KEY_LEN],
        .payload = bytes + p[AT_EVENT_LEN] + p[AT_KEY_LEN],
        .payload_len = load32(p + AT_PAYLOAD_LEN),
    };
    size_t n = (size_t)ret->record.event_len + ret->record.key_len + ret->record.payload_len;
    bool fits = ret->record.payload_len <= STORE_PAYLOAD_MAX && n <= left - RECORD_ITEM_SIZE;
    return fits ? RECORD_ITEM_SIZE + n : 0;
}

static size_t read_topic(const uint8_t *p, size_t left, struct group_item *ret)
{
    if (left < TOPIC_ITEM_SIZE || !are_zero(p + AT_FLAGS + 1, AT_TOPIC - AT_FLAGS - 1))
        return 0;
    ret->row.flags = p[AT_FLAGS];
    ret->row.floor = load64(p + AT_FLOOR);
    ret->row.last = load64(p + AT_LAST);
    return TOPIC_ITEM_SIZE;
}

static size_t read_upto(const uint8_t *p, size_t left, struct group_item *ret)
{
    if (left < UPTO_ITEM_SIZE || !are_zero(p + AT_OP + 1, AT_TOPIC - AT_OP - 1))
        return 0;
    ret->upto = load64(p + AT_UPTO);
    return UPTO_ITEM_SIZE;
}

static size_t read_note(const uint8_t *p, size_t left, struct group_item *ret)
{
    if (left < NOTE_ITEM_SIZE)
        return 0;
    size_t name_len = load16(p + AT_NOTE_NAME_LEN), n = load32(p + AT_VALUE_LEN);
    bool gone = p[AT_GONE];
    const char *name = (const char *)p + NOTE_ITEM_SIZE;
    if (p[AT_GONE] > 1 || (gone && n > 0) || name_len == 0 || name_len > STORE_NOTE_NAME_MAX ||
        n > STORE_NOTE_MAX || left - NOTE_ITEM_SIZE < name_len + 1 + n ||
        memchr(name, '\0', name_len + 1) != name + name_len)
        return 0;
    ret->note.name = name;
    ret->note.value = gone ? NULL : name + name_len + 1;
    ret->note.n = n;
    return NOTE_ITEM_SIZE + name_len + 1 + n;
}

static size_t read_item(const uint8_t *p, size_t left, struct group_item *ret)
{
    if (left < NOTE_ITEM_SIZE)
        return 0;
    *ret = (struct group_item){.op = p[AT_OP]};
    if (ret->op != GROUP_NOTE)
        ret->topic = load32(p + AT_TOPIC);
    switch (ret->op) {
    case GROUP_RECORD:
        return read_record(p, left, ret);
    case GROUP_TOPIC:
        return read_topic(p, left, ret);
    case GROUP_RESERVE:
    case GROUP_PURGE:
    case GROUP_TRIM:
    case GROUP_FORGET:
        return read_upto(p, left, ret);
    case GROUP_NOTE:
        return read_note(p, left, ret);
    }
    return 0;
}

static bool has_topic(enum group_op op)
{
    return op == GROUP_RECORD || op == GROUP_TOPIC || op == GROUP_PURGE || op == GROUP_FORGET;
}

/* --- the whole --- */

static bool check_items(const struct group *g)
{
    struct group_item item;
    uint64_t next = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < g->item_count; i++) {
        size_t n = read_item(g->bytes + GROUP_HEADER_SIZE + at, g->items_len - at, &item);
        if (n == 0 || (has_topic(item.op) ? item.topic >= g->topic_count : item.topic != 0))
            return false;
        if (item.op == GROUP_RECORD) {
            if (item.record.offset < next || item.record.offset >= g->span)
                return false;
            next = item.record.offset + 1;
        }
        at += n;
    }
    return at == g->items_len;
}

static const uint8_t *entry_at(const struct group *g, uint32_t index)
{
    return g->bytes + GROUP_HEADER_SIZE + g->items_len + (size_t)index * TOPIC_ENTRY_SIZE;
}

/* The names follow each other without a gap. */
static bool check_topics(const struct group *g)
{
    size_t at = 0;
    for (uint32_t i = 0; i < g->topic_count; i++) {
        const uint8_t *entry = entry_at(g, i);
        size_t n = entry[AT_NAME_LEN];
        if (load32(entry + AT_ID) == 0 || n == 0 || load32(entry + AT_NAME) != at ||
            !are_zero(entry + AT_ENTRY_ZERO, TOPIC_ENTRY_SIZE - AT_ENTRY_ZERO))
            return false;
        at += n;
    }
    return at == g->names_len;
}

size_t group_size(const void *header)
{
    const uint8_t *head = header;
    size_t n = load32(head + AT_SIZE);
    return load32(head + AT_MAGIC) == GROUP_MAGIC && n >= GROUP_HEADER_SIZE ? n : 0;
}

uint64_t group_claims(const void *header, uint64_t *ret_span)
{
    const uint8_t *head = header;
    *ret_span = load64(head + AT_SPAN);
    return load64(head + AT_CHECK);
}

/* Whether the header's sizes are those of N bytes. */
static bool read_header(const uint8_t *head, size_t n, struct group *ret)
{
    *ret = (struct group){
        .bytes = head,
        .check = load64(head + AT_CHECK),
        .span = load64(head + AT_SPAN),
        .topic_count = load32(head + AT_TOPICS),
        .item_count = load32(head + AT_ITEMS),
        .items_len = load32(head + AT_ITEMS_LEN),
        .names_len = load32(head + AT_NAMES_LEN),
    };
    return load32(head + AT_ZERO) == 0 && GROUP_HEADER_SIZE + ret->items_len +
                                                  (size_t)ret->topic_count * TOPIC_ENTRY_SIZE +
                                                  ret->names_len ==
                                              n;
}

enum err group_open(const void *data, size_t n, struct group *ret)
{
    const uint8_t *head = data;
    if (n < GROUP_HEADER_SIZE || group_size(head) != n ||
        XXH3_64bits(head + AT_MAGIC, n - AT_MAGIC) != load64(head + AT_CHECK))
        return ERR_CORRUPT;
    if (load32(head + AT_VERSION) != GROUP_VERSION)
        return ERR_FORMAT;
    return read_header(head, n, ret) && check_items(ret) && check_topics(ret) ? ERR_OK
                                                                              : ERR_CORRUPT;
}

struct group_topic group_topic_at(const struct group *g, uint32_t index)
{
    const uint8_t *entry = entry_at(g, index), *names = entry_at(g, g->topic_count);
    return (struct group_topic){
        .id = load32(entry + AT_ID),
        .name_len = entry[AT_NAME_LEN],
        .name = (const char *)names + load32(entry + AT_NAME),
    };
}

struct group_walk group_walk(const struct group *g)
{
    return (struct group_walk){.group = g, .left = g->item_count};
}

bool group_next(struct group_walk *w, struct group_item *ret)
{
    if (w->left == 0)
        return false;
    const struct group *g = w->group;
    w->at += read_item(g->bytes + GROUP_HEADER_SIZE + w->at, g->items_len - w->at, ret);
    w->left--;
    return true;
}
