#include "delivery/poll_packed.h"

#include "base/gzip.h"
#include "delivery/envelope_encoding.h"

static bool any_deflated(const char *at, const char *end)
{
    struct envelope_packed e = {0};
    while (at < end && !e.deflated)
        envelope_packed_next(&at, &e);
    return e.deflated;
}

static void join_plain(struct buf *out, const char *at, const char *end)
{
    struct envelope_packed e;
    for (const char *first = at; at < end;) {
        if (at != first)
            buf_putc(out, ',');
        envelope_packed_next(&at, &e);
        gzip_unstore(out, e.block, e.len);
    }
}

static void put_stored(struct buf *out, struct gzip_sum *sum, const char *text, size_t n)
{
    size_t at = gzip_begin(out);
    buf_append(out, text, n);
    gzip_end_stored(out, at);
    gzip_sum_add(sum, text, n);
}

static void join_packed(struct buf *out, struct gzip_sum *sum, const char *at, const char *end)
{
    struct envelope_packed e;
    for (const char *first = at; at < end;) {
        if (at != first)
            put_stored(out, sum, ",", 1);
        envelope_packed_next(&at, &e);
        buf_append(out, e.block, e.len);
        gzip_sum_join(sum, &e.sum);
    }
}

bool poll_packed_join(struct buf *out, const struct buf *begin, const char *records, size_t n,
                      const struct buf *end)
{
    struct gzip_sum sum = {0};
    bool packed = any_deflated(records, records + n);
    out->failed |= begin->failed || end->failed;
    if (!packed) {
        buf_append(out, begin->data, begin->len);
        join_plain(out, records, records + n);
        buf_append(out, end->data, end->len);
        return false;
    }
    gzip_head(out);
    put_stored(out, &sum, begin->data, begin->len);
    join_packed(out, &sum, records, records + n);
    put_stored(out, &sum, end->data, end->len);
    gzip_trailer(out, &sum);
    return true;
}
