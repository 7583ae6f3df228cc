/*
 * The two index values that find topics in the log (doc/storage-format.md, "index" and "groups").
 * Pure: bytes in, answers out; both are searched in place.
 *
 * A block is BLOCK_SLOTS offsets in a row; its index value lists the topics that occur in it and
 * where. A group is GROUP_BLOCKS blocks in a row; its value tells for each topic in which of them
 * it occurs. Neither is ever updated; what they name may be gone from the log since. Topic 0 stands
 * for records that could not be read when the value was made: they may be of any topic.
 */
#ifndef STORAGE_BLOCK_INDEX_H
#define STORAGE_BLOCK_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    BLOCK_BITS = 12,
    BLOCK_SLOTS = 1 << BLOCK_BITS,
    GROUP_BITS = 6,
    GROUP_BLOCKS = 1 << GROUP_BITS, /* one bit each in a uint64_t */
};

static inline uint64_t block_of(uint64_t offset)
{
    return offset >> BLOCK_BITS;
}

static inline uint32_t block_slot(uint64_t offset)
{
    return (uint32_t)(offset & (BLOCK_SLOTS - 1));
}

static inline uint64_t block_first(uint64_t block)
{
    return block << BLOCK_BITS;
}

static inline uint64_t group_of(uint64_t block)
{
    return block >> GROUP_BITS;
}

static inline uint64_t group_first(uint64_t group)
{
    return group << GROUP_BITS;
}

/* The bit of BLOCK in its group. */
static inline uint64_t group_bit(uint64_t block)
{
    return UINT64_C(1) << (block & (GROUP_BLOCKS - 1));
}

/* What has been appended to one block so far, in order. */
struct block_builder {
    size_t count;
    uint64_t pairs[BLOCK_SLOTS]; /* topic << BLOCK_BITS | slot */
    uint64_t spare[BLOCK_SLOTS]; /* for sorting */
};

void block_builder_clear(struct block_builder *b);
/* SLOT is above those added before. */
static inline void block_builder_add(struct block_builder *b, uint32_t topic, uint32_t slot)
{
    b->pairs[b->count++] = (uint64_t)topic << BLOCK_BITS | slot;
}
/* Sorts by topic (nothing may be added afterwards) and returns the size of the value. */
size_t block_builder_finish(struct block_builder *b);
/* Writes the value of a finished builder. */
void block_builder_encode(const struct block_builder *b, uint64_t block, void *out);

/* A checked index value; borrows the bytes it was opened on. */
struct block_index {
    const uint8_t *ids, *ends, *slots;
    uint32_t topics;
    uint32_t records;
};

/* ERR_CORRUPT when the checksum is wrong or the parts do not fit. */
MUST_CHECK enum err block_index_open(struct block_index *x, uint64_t block, const void *data,
                                     size_t n);
/* Topic number I < x->topics, in ascending order of ids. */
uint32_t block_index_topic(const struct block_index *x, uint32_t i);
/* Sets the bit of each slot of topic number I in BITS. */
void block_index_slots(const struct block_index *x, uint32_t i, uint64_t bits[BLOCK_SLOTS / 64]);
/* The number of topic ID, or x->topics when it does not occur. */
uint32_t block_index_find(const struct block_index *x, uint32_t id);

/* Checks what a checksum says nothing about: that ids, ends and slots ascend as they should. Sets
 * MAP[slot] to the number of the slot's topic and 1, or 0 when there is none. ERR_CORRUPT; then MAP
 * is undefined. */
MUST_CHECK enum err block_index_map(const struct block_index *x, uint16_t map[BLOCK_SLOTS]);

/* Each entry of a group value carries its own checksum, so that a look-up touches a few entries of
 * a value that may have hundreds of thousands. */
enum { GROUP_ENTRY_SIZE = 16 };

/* Writes entry number I of COUNT; ids ascend. */
void group_index_encode(void *out, uint64_t group, uint32_t i, uint32_t count, uint32_t topic,
                        uint64_t blocks);
/* How many entries a value of N bytes has. */
uint32_t group_index_count(size_t n);
/* Reads entry number I. ERR_CORRUPT. */
MUST_CHECK enum err group_index_entry(uint64_t group, const void *data, size_t n, uint32_t i,
                                      uint32_t *ret_topic, uint64_t *ret_blocks);
/* In which blocks TOPIC occurs (bits; 0 = in none). ERR_CORRUPT when an entry that the answer rests
 * on is damaged: the two neighbours of the place where it would be vouch for a missing one. */
MUST_CHECK enum err group_index_find(uint64_t group, const void *data, size_t n, uint32_t topic,
                                     uint64_t *ret_blocks);

#endif
