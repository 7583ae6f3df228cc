#include "frontends/ws/ws_deflate.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/deflate.h"

/* A flushed deflate stream ends with an empty stored block, whose lengths are not sent: 7.2.1. */
enum { TAIL_BYTES = DEFLATE_FLUSH_BYTES };
_Static_assert((int)WS_DEFLATE_SPARE == (int)TAIL_BYTES + DEFLATE_SPARE, "more is not reserved");
static const unsigned char tail[TAIL_BYTES] = {0x00, 0x00, 0xFF, 0xFF};

enum { INFLATE_FIRST = 4096 /* room for the first of a message, bytes */ };

enum err ws_deflate(const struct ws_deflate_rule *rule, const void *data, size_t n, size_t max,
                    struct buf *out)
{
    enum err e = deflate_block(rule->level, rule->window_bits, data, n, max + TAIL_BYTES, out);
    if (e == ERR_OK)
        out->len -= TAIL_BYTES;
    return e;
}

struct ws_inflater {
    z_stream z;
};

struct ws_inflater *ws_inflater_create(void)
{
    struct ws_inflater *z = calloc(1, sizeof(*z));
    if (z && inflateInit2(&z->z, -WS_WINDOW_MAX) != Z_OK) {
        free(z);
        return NULL;
    }
    return z;
}

void ws_inflater_destroy(struct ws_inflater *z)
{
    if (!z)
        return;
    (void)inflateEnd(&z->z);
    free(z);
}

/* Where to inflate to; at the limit into SPARE, to see whether there is more. */
static size_t make_room(struct buf *out, size_t max, unsigned char *spare, unsigned char **ret)
{
    size_t room = max - out->len, free_bytes = out->cap - out->len;
    size_t want = free_bytes ? free_bytes : out->len ? out->len : INFLATE_FIRST;
    want = want < room ? want : room;
    want = want < UINT_MAX ? want : UINT_MAX;
    *ret = want ? (unsigned char *)buf_reserve(out, want) : spare;
    return want ? want : 1;
}

/* One call of inflate(). ERR_AGAIN: there may be more. */
static enum err inflate_some(z_stream *z, size_t max, struct buf *out)
{
    unsigned char spare, *to;
    size_t room = make_room(out, max, &spare, &to);
    if (!to)
        return ERR_NOMEM;
    z->next_out = to;
    z->avail_out = (uInt)room;
    int r = inflate(z, Z_SYNC_FLUSH);
    size_t got = room - z->avail_out;
    if (to == &spare && got)
        return ERR_LIMIT;
    out->len += got;
    if (r == Z_MEM_ERROR)
        return ERR_NOMEM;
    if (r != Z_OK && r != Z_BUF_ERROR && r != Z_STREAM_END)
        return ERR_INVALID;
    /* Blocks may follow the one that calls itself the last: section 7.2.3.4. */
    if (r == Z_STREAM_END && inflateReset(z) != Z_OK)
        return ERR_INVALID;
    return z->avail_in || z->avail_out == 0 ? ERR_AGAIN : ERR_OK;
}

enum err ws_inflate(struct ws_inflater *z, const void *data, size_t n, size_t max, struct buf *out)
{
    enum err e;
    assert(n <= UINT_MAX);
    z->z.next_in = (z_const Bytef *)(uintptr_t)data;
    z->z.avail_in = (uInt)n;
    do
        e = n ? inflate_some(&z->z, max, out) : ERR_OK;
    while (e == ERR_AGAIN);
    return e;
}

/* What zlib tells in data_type: no bits are left over, and the next is the head of a block, which
 * the last one was not the end of. */
enum { AT_BLOCK = 128 };

enum err ws_inflate_end(struct ws_inflater *z, size_t max, struct buf *out)
{
    enum err e = ws_inflate(z, tail, sizeof(tail), max, out);
    if (e == ERR_OK && z->z.data_type != AT_BLOCK)
        e = ERR_INVALID;
    return e;
}
