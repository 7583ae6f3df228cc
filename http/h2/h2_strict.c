#include "http/h2/h2_strict.h"

/* A stream that was left out cannot be opened any more (section 5.1.1). HEADERS of others below the
 * last may be trailers that crossed the end of their stream. */
static bool take_headers(struct h2_strict *t, uint32_t stream)
{
    if (stream <= t->last)
        return stream < t->left_from || stream >= t->left_to;
    if (stream > t->last + 2) {
        t->left_from = t->last + 1;
        t->left_to = stream;
    }
    t->last = stream;
    return true;
}

bool h2_strict_take(struct h2_strict *t, const struct h2_cut *k)
{
    if (h2_cut_type(k) == H2_HEADERS)
        return take_headers(t, h2_cut_stream(k));
    return h2_cut_type(k) != H2_PRIORITY || h2_cut_stream(k) != 0; /* section 6.3 */
}
