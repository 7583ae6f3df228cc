#include "delivery/packing.h"

static struct gzip_rule rule = {.min_bytes = 512, .level = 6};
static _Thread_local struct packing_tally tally;

void packing_set_rule(const struct gzip_rule *r)
{
    rule = *r;
}

bool packing_end(struct buf *out, size_t at)
{
    size_t plain = out->failed ? 0 : out->len - at - GZIP_STORED_BYTES;
    size_t packed = gzip_end(out, at, &rule);
    if (!packed)
        return false;
    tally.messages++;
    tally.plain_bytes += plain;
    tally.packed_bytes += packed;
    return true;
}

struct packing_tally packing_take_tally(void)
{
    struct packing_tally taken = tally;
    tally = (struct packing_tally){0};
    return taken;
}
