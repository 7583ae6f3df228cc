#include "storage/journal/journal_frame.h"

#include <string.h>
#include <xxhash.h>

#define FRAME_MAGIC UINT32_C(0x5046574C) /* "LWFP" where the lowest byte comes first */

/* As it lies on disk. */
struct row {
    uint64_t check; /* XXH3-64 of what is behind it; the seed is LOG ^ AT */
    uint32_t magic;
    uint8_t kind;
    uint8_t zero[3];
    uint64_t run;
    uint64_t number;
    uint64_t follows;
    uint64_t synced;
    uint64_t before;
    uint64_t last;
    uint32_t epoch;
    uint32_t size;
    uint64_t group_check;
};
_Static_assert(sizeof(struct row) == FRAME_HEADER_SIZE, "it has no padding");

static uint64_t checksum(const struct row *row, uint64_t log, uint64_t at)
{
    return XXH3_64bits_withSeed(&row->magic, sizeof(*row) - sizeof(row->check), log ^ at);
}

void frame_encode(void *out, const struct frame *f, uint64_t log, uint64_t at)
{
    struct row row = {
        .magic = FRAME_MAGIC,
        .kind = (uint8_t)f->kind,
        .run = f->run,
        .number = f->number,
        .follows = f->follows,
        .synced = f->synced,
        .before = f->before,
        .last = f->last,
        .epoch = f->epoch,
        .size = f->size,
        .group_check = f->group_check,
    };
    row.check = checksum(&row, log, at);
    memcpy(out, &row, sizeof(row));
}

bool frame_decode(const void *data, uint64_t log, uint64_t at, struct frame *ret)
{
    struct row row;
    memcpy(&row, data, sizeof(row));
    if (row.magic != FRAME_MAGIC || row.check != checksum(&row, log, at) ||
        row.kind < FRAME_BEGIN || row.kind > FRAME_VOID || row.number <= row.follows ||
        row.last < row.before)
        return false;
    *ret = (struct frame){
        .kind = row.kind,
        .epoch = row.epoch,
        .run = row.run,
        .number = row.number,
        .follows = row.follows,
        .synced = row.synced,
        .before = row.before,
        .last = row.last,
        .size = row.size,
        .group_check = row.group_check,
    };
    return true;
}
