#include "http/h2/h2_calm.h"

#include "http/h2/h2_cut.h"

static const struct {
    uint16_t burst, rate;
} limits[H2_CALM_KINDS] = {
#define H2_CALM_LIMIT(name, burst, rate, text) {burst, rate},
    H2_CALM_TABLE(H2_CALM_LIMIT)
#undef H2_CALM_LIMIT
};

static enum h2_calm_kind kind_if(bool condition, enum h2_calm_kind kind)
{
    return condition ? kind : H2_CALM_KINDS;
}

enum h2_calm_kind h2_calm_kind(unsigned type, unsigned flags, uint32_t len)
{
    switch (type) {
    case H2_DATA:
    case H2_HEADERS:
        return kind_if(len == 0 && !(flags & H2_END_STREAM), H2_CALM_EMPTY);
    case H2_CONTINUATION:
        return kind_if(len == 0, H2_CALM_EMPTY);
    case H2_RST_STREAM:
        return H2_CALM_RESETS;
    case H2_SETTINGS:
        return kind_if(!(flags & H2_ACK), H2_CALM_SETTINGS);
    case H2_PING:
        return kind_if(!(flags & H2_ACK), H2_CALM_PINGS);
    case H2_WINDOW_UPDATE:
        return H2_CALM_KINDS; /* as many as what is sent to it */
    default:
        return H2_CALM_OTHERS;
    }
}

static void let_time_pass(struct h2_calm *k, uint32_t second)
{
    uint64_t passed = second - k->second;
    k->second = second;
    for (unsigned i = 0; passed && i < H2_CALM_KINDS; i++) {
        uint64_t good = passed * limits[i].rate;
        k->sent[i] = good < k->sent[i] ? (uint16_t)(k->sent[i] - good) : 0;
    }
}

bool h2_calm_take(struct h2_calm *k, enum h2_calm_kind kind, uint64_t now_ms)
{
    if (kind == H2_CALM_KINDS)
        return true;
    let_time_pass(k, (uint32_t)(now_ms / 1000));
    if (k->sent[kind] >= limits[kind].burst)
        return false;
    k->sent[kind]++;
    return true;
}
