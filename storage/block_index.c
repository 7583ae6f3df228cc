#include "storage/block_index.h"

#include <string.h>
#include <xxhash.h>

/*
 * A block's value:
 *
 *     0         4          8
 *     +---------+----------+-------------+---------------+-------------------+
 *     | check32 | topics32 | id32, ...   | end16, ...    | slot16, ...       |
 *     +---------+----------+-------------+---------------+-------------------+
 *                          one a topic, ascending          one a record
 *
 * The slots of topic i are slot[end[i - 1]] up to before slot[end[i]]. LMDB aligns values to two
 * bytes only, so everything is read with memcpy.
 */
enum { AT_CHECK = 0, AT_TOPICS = 4, AT_IDS = 8 };

static uint32_t load32(const uint8_t *p, size_t i)
{
    uint32_t v;
    memcpy(&v, p + i * sizeof(v), sizeof(v));
    return v;
}

static uint16_t load16(const uint8_t *p, size_t i)
{
    uint16_t v;
    memcpy(&v, p + i * sizeof(v), sizeof(v));
    return v;
}

static void store32(uint8_t *p, size_t i, uint32_t v)
{
    memcpy(p + i * sizeof(v), &v, sizeof(v));
}

static void store16(uint8_t *p, size_t i, uint16_t v)
{
    memcpy(p + i * sizeof(v), &v, sizeof(v));
}

static uint32_t pair_topic(uint64_t pair)
{
    return (uint32_t)(pair >> BLOCK_BITS);
}

void block_builder_clear(struct block_builder *b)
{
    b->count = 0;
}

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/* One stable pass of a radix sort: pairs -> spare, by the digit at SHIFT. */
static void sort_by_digit(struct block_builder *b, unsigned shift)
{
    uint32_t start[DIGITS] = {0}, sum = 0;
    for (size_t i = 0; i < b->count; i++)
        start[b->pairs[i] >> shift & (DIGITS - 1)]++;
    for (size_t d = 0; d < DIGITS; d++) {
        uint32_t n = start[d];
        start[d] = sum;
        sum += n;
    }
    for (size_t i = 0; i < b->count; i++)
        b->spare[start[b->pairs[i] >> shift & (DIGITS - 1)]++] = b->pairs[i];
    memcpy(b->pairs, b->spare, b->count * sizeof(b->pairs[0]));
}

static uint32_t count_topics(const struct block_builder *b)
{
    uint32_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        n += i == 0 || pair_topic(b->pairs[i]) != pair_topic(b->pairs[i - 1]);
    return n;
}

static size_t value_size(size_t topics, size_t records)
{
    return AT_IDS + topics * (sizeof(uint32_t) + sizeof(uint16_t)) + records * sizeof(uint16_t);
}

size_t block_builder_finish(struct block_builder *b)
{
    uint64_t all = 0;
    for (size_t i = 0; i < b->count; i++)
        all |= b->pairs[i];
    /* Slots are in order already, and the sort is stable: only the topic's digits count. */
    for (unsigned shift = BLOCK_BITS; all >> shift; shift += DIGIT_BITS)
        sort_by_digit(b, shift);
    return value_size(count_topics(b), b->count);
}

static uint32_t block_checksum(uint64_t block, const uint8_t *data, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(data + AT_TOPICS, n - AT_TOPICS, block);
}

void block_builder_encode(const struct block_builder *b, uint64_t block, void *out)
{
    uint8_t *value = out;
    uint32_t topics = count_topics(b), t = 0;
    uint8_t *ids = value + AT_IDS, *ends = ids + topics * sizeof(uint32_t);
    uint8_t *slots = ends + topics * sizeof(uint16_t);
    store32(value + AT_TOPICS, 0, topics);
    for (size_t i = 0; i < b->count; i++) {
        store16(slots, i, (uint16_t)(b->pairs[i] & (BLOCK_SLOTS - 1)));
        if (i + 1 < b->count && pair_topic(b->pairs[i + 1]) == pair_topic(b->pairs[i]))
            continue;
        store32(ids, t, pair_topic(b->pairs[i]));
        store16(ends, t, (uint16_t)(i + 1));
        t++;
    }
    store32(value + AT_CHECK, 0, block_checksum(block, value, value_size(topics, b->count)));
}

enum err block_index_open(struct block_index *x, uint64_t block, const void *data, size_t n)
{
    const uint8_t *value = data;
    if (n < AT_IDS || load32(value + AT_CHECK, 0) != block_checksum(block, value, n))
        return ERR_CORRUPT;
    x->topics = load32(value + AT_TOPICS, 0);
    if (x->topics == 0 || x->topics > BLOCK_SLOTS || n < value_size(x->topics, 0))
        return ERR_CORRUPT;
    x->ids = value + AT_IDS;
    x->ends = x->ids + x->topics * sizeof(uint32_t);
    x->slots = x->ends + x->topics * sizeof(uint16_t);
    x->records = load16(x->ends, x->topics - 1);
    return n == value_size(x->topics, x->records) ? ERR_OK : ERR_CORRUPT;
}

uint32_t block_index_topic(const struct block_index *x, uint32_t i)
{
    return load32(x->ids, i);
}

void block_index_slots(const struct block_index *x, uint32_t i, uint64_t bits[BLOCK_SLOTS / 64])
{
    uint32_t from = i ? load16(x->ends, i - 1) : 0, to = load16(x->ends, i);
    for (uint32_t r = from; r < to && r < x->records; r++) {
        uint32_t slot = load16(x->slots, r) & (BLOCK_SLOTS - 1);
        bits[slot / 64] |= UINT64_C(1) << (slot % 64);
    }
}

uint32_t block_index_find(const struct block_index *x, uint32_t id)
{
    uint32_t low = 0, high = x->topics;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, at = load32(x->ids, middle);
        if (at == id)
            return middle;
        if (at < id)
            low = middle + 1;
        else
            high = middle;
    }
    return x->topics;
}

/* The slots of topic number I, which end before END. */
static enum err map_topic(const struct block_index *x, uint32_t i, uint32_t from, uint32_t end,
                          uint16_t map[BLOCK_SLOTS])
{
    if (end <= from || end > x->records)
        return ERR_CORRUPT;
    for (uint32_t r = from; r < end; r++) {
        uint32_t slot = load16(x->slots, r);
        if (slot >= BLOCK_SLOTS || map[slot] || (r > from && slot <= load16(x->slots, r - 1)))
            return ERR_CORRUPT;
        map[slot] = (uint16_t)(i + 1);
    }
    return ERR_OK;
}

enum err block_index_map(const struct block_index *x, uint16_t map[BLOCK_SLOTS])
{
    memset(map, 0, BLOCK_SLOTS * sizeof(map[0]));
    uint32_t from = 0, id = 0;
    for (uint32_t i = 0; i < x->topics; i++) {
        uint32_t end = load16(x->ends, i);
        if ((i > 0 && load32(x->ids, i) <= id) || map_topic(x, i, from, end, map))
            return ERR_CORRUPT;
        id = load32(x->ids, i);
        from = end;
    }
    return ERR_OK;
}

/* A group's entry, as it lies in the value. */
struct group_entry {
    uint32_t check;
    uint32_t topic;
    uint64_t blocks;
};
_Static_assert(sizeof(struct group_entry) == GROUP_ENTRY_SIZE, "entries have no padding");

/* Place and count are part of it: an entry that slipped, or a value that lost its end, shows. */
static uint32_t entry_checksum(uint64_t group, uint32_t i, uint32_t count,
                               const struct group_entry *e)
{
    uint64_t words[3] = {(uint64_t)i << 32 | count, e->topic, e->blocks};
    return (uint32_t)XXH3_64bits_withSeed(words, sizeof(words), group);
}

void group_index_encode(void *out, uint64_t group, uint32_t i, uint32_t count, uint32_t topic,
                        uint64_t blocks)
{
    struct group_entry e = {.topic = topic, .blocks = blocks};
    e.check = entry_checksum(group, i, count, &e);
    memcpy((uint8_t *)out + (size_t)i * sizeof(e), &e, sizeof(e));
}

uint32_t group_index_count(size_t n)
{
    return (uint32_t)(n / GROUP_ENTRY_SIZE);
}

static struct group_entry load_entry(const void *data, uint32_t i)
{
    struct group_entry e;
    memcpy(&e, (const uint8_t *)data + (size_t)i * sizeof(e), sizeof(e));
    return e;
}

enum err group_index_entry(uint64_t group, const void *data, size_t n, uint32_t i,
                           uint32_t *ret_topic, uint64_t *ret_blocks)
{
    struct group_entry e = load_entry(data, i);
    if (e.check != entry_checksum(group, i, group_index_count(n), &e))
        return ERR_CORRUPT;
    *ret_topic = e.topic;
    *ret_blocks = e.blocks;
    return ERR_OK;
}

/* The first entry whose id is TOPIC or above, if the ids are what they were. */
static uint32_t first_not_below(const void *data, uint32_t count, uint32_t topic)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (load_entry(data, middle).topic < topic)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum err group_index_find(uint64_t group, const void *data, size_t n, uint32_t topic,
                          uint64_t *ret_blocks)
{
    uint32_t count = group_index_count(n), i = first_not_below(data, count, topic), id = 0;
    uint64_t blocks = 0;
    if (count == 0 || n % GROUP_ENTRY_SIZE)
        return ERR_CORRUPT;
    if (i > 0 && (group_index_entry(group, data, n, i - 1, &id, &blocks) || id >= topic))
        return ERR_CORRUPT;
    if (i < count && (group_index_entry(group, data, n, i, &id, &blocks) || id < topic))
        return ERR_CORRUPT;
    *ret_blocks = i < count && id == topic ? blocks : 0;
    return ERR_OK;
}
