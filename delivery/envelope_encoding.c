#include "delivery/envelope_encoding.h"

#include <string.h>

#include "delivery/envelope.h"
#include "delivery/packing.h"

/* Stands before each block; not aligned. */
struct head {
    struct gzip_sum sum;
    uint32_t len, deflated;
};

static void put_packed(const struct message *m, struct buf *out)
{
    struct head head = {0};
    size_t at = out->len, block;
    buf_append(out, (const char *)&head, sizeof(head));
    block = gzip_begin(out);
    envelope_append(m, out);
    if (out->failed)
        return;
    size_t text = block + GZIP_STORED_BYTES;
    gzip_sum_add(&head.sum, out->data + text, out->len - text);
    head.deflated = packing_end(out, block);
    if (out->failed)
        return;
    head.len = (uint32_t)(out->len - block);
    memcpy(out->data + at, &head, sizeof(head));
}

struct encoding envelope_encoding = {.name = "poll", .encode = envelope_append};
struct encoding envelope_encoding_packed = {
    .name = "poll-gzip", .encode = put_packed, .costly = true};

void envelope_packed_next(const char **at, struct envelope_packed *ret)
{
    struct head head;
    memcpy(&head, *at, sizeof(head));
    *ret = (struct envelope_packed){
        .sum = head.sum,
        .deflated = head.deflated,
        .len = head.len,
        .block = *at + sizeof(head),
    };
    *at = ret->block + ret->len;
}
