#include "http/h2/h2_cut.h"

#include <string.h>

const char h2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

_Static_assert(sizeof(h2_preface) - 1 == H2_PREFACE_BYTES, "as long as RFC 9113 has it");

void h2_cut_init(struct h2_cut *k)
{
    *k = (struct h2_cut){.left = H2_PREFACE_BYTES};
}

uint32_t h2_cut_len(const struct h2_cut *k)
{
    return (uint32_t)k->head[0] << 16 | (uint32_t)k->head[1] << 8 | k->head[2];
}

uint32_t h2_cut_stream(const struct h2_cut *k)
{
    const uint8_t *at = k->head + 5;
    return (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t take_head(struct h2_cut *k, const void *data, size_t n, bool *ret_begins)
{
    size_t take = H2_FRAME_HEAD - (size_t)k->have;
    if (take > n)
        take = n;
    memcpy(k->head + k->have, data, take);
    k->have = (uint8_t)(k->have + take);
    *ret_begins = k->have == H2_FRAME_HEAD;
    if (*ret_begins) {
        k->begun = true;
        k->have = 0;
        k->left = h2_cut_len(k);
    }
    return take;
}

size_t h2_cut_next(struct h2_cut *k, const void *data, size_t n, bool *ret_begins)
{
    *ret_begins = false;
    if (k->left == 0)
        return take_head(k, data, n, ret_begins);
    size_t take = k->left < n ? k->left : n;
    k->left -= (uint32_t)take;
    return take;
}

/* A header block whose last frame is yet to come (section 4.3). */
static bool head_goes_on(const struct h2_cut *k)
{
    unsigned type = h2_cut_type(k);
    return (type == H2_HEADERS || type == H2_CONTINUATION) && !(h2_cut_flags(k) & H2_END_HEADERS);
}

bool h2_cut_is_half(const struct h2_cut *k)
{
    bool data = k->begun && h2_cut_type(k) == H2_DATA;
    return k->have || (k->left && !data) || (k->begun && head_goes_on(k));
}
