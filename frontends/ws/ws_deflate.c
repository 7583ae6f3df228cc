#include "frontends/ws/ws_deflate.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

/* A flushed deflate stream ends with an empty stored block, whose lengths are not sent: 7.2.1. */
enum { TAIL_BYTES = 4 };
_Static_assert((int)WS_DEFLATE_SPARE == (int)TAIL_BYTES + 1, "the tail, and a byte left over");
static const unsigned char tail[TAIL_BYTES] = {0x00, 0x00, 0xFF, 0xFF};

enum {
    ZLIB_WINDOW_MIN = 9, /* zlib takes no raw deflate with 8 */
    /* deflate() looks back its window less so many bytes (MIN_LOOKAHEAD): with 9 bits at most 250,
     * which a receiver with a window of 8 bits has, too. */
    LOOKAHEAD = 262,
    MEMORY_MAX = 8,          /* zlib's default memLevel */
    ARENA_BYTES = 288 << 10, /* deflate() needs 268 KiB at most (zconf.h) */
    INFLATE_FIRST = 4096,    /* room for the first of a message, bytes */
};

/* A window that holds all of N bytes is as good as a larger one, and costs less to set up. */
static int window_for(size_t n, int most)
{
    int bits = ZLIB_WINDOW_MIN;
    while (bits < most && (size_t)1 << bits < n + LOOKAHEAD)
        bits++;
    return bits;
}

/* zlib's memory for compressing, kept by each thread that compresses: taken anew for each message
 * of more than some kilobytes it was measured to cost several times what compressing does. */
struct arena {
    size_t used;
    _Alignas(max_align_t) char bytes[ARENA_BYTES];
};
static _Thread_local struct arena *arena;

static void *arena_take(void *opaque, uInt count, uInt size)
{
    size_t n = (size_t)count * size + sizeof(max_align_t) - 1;
    (void)opaque;
    n -= n % sizeof(max_align_t);
    if (n > ARENA_BYTES - arena->used)
        return calloc(count, size); /* another zlib, that needs more */
    void *p = arena->bytes + arena->used;
    arena->used += n;
    return p;
}

static void arena_give(void *opaque, void *p)
{
    (void)opaque;
    if ((char *)p < arena->bytes || (char *)p >= arena->bytes + ARENA_BYTES)
        free(p);
}

static bool arena_begin(void)
{
    if (!arena && !(arena = malloc(sizeof(*arena))))
        return false;
    arena->used = 0;
    return true;
}

void ws_deflate_finish_thread(void)
{
    free(arena);
    arena = NULL;
}

static enum err begin_deflate(z_stream *z, const struct ws_deflate_rule *rule, size_t n)
{
    int bits = window_for(n, rule->window_bits);
    int memory = bits - 6 < MEMORY_MAX ? bits - 6 : MEMORY_MAX;
    if (!arena_begin())
        return ERR_NOMEM;
    *z = (z_stream){.zalloc = arena_take, .zfree = arena_give};
    int r = deflateInit2(z, rule->level, Z_DEFLATED, -bits, memory, Z_DEFAULT_STRATEGY);
    return r == Z_OK ? ERR_OK : ERR_NOMEM;
}

enum err ws_deflate(const struct ws_deflate_rule *rule, const void *data, size_t n, size_t max,
                    struct buf *out)
{
    z_stream z;
    /* Lengths of messages are far below (message.h). */
    assert(n <= UINT_MAX && max <= UINT_MAX - WS_DEFLATE_SPARE);
    char *to = buf_reserve(out, max + WS_DEFLATE_SPARE);
    if (!to || begin_deflate(&z, rule, n) != ERR_OK)
        return ERR_NOMEM;
    z.next_in = (z_const Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)(max + WS_DEFLATE_SPARE);
    (void)deflate(&z, Z_SYNC_FLUSH); /* fails only when used wrongly */
    /* With room left over, it is all there. */
    enum err e = z.avail_out ? ERR_OK : ERR_LIMIT;
    if (e == ERR_OK)
        out->len += (size_t)z.total_out - TAIL_BYTES;
    (void)deflateEnd(&z);
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
