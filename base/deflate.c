#include "base/deflate.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    ZLIB_WINDOW_MIN = 9, /* zlib takes no raw deflate with 8 */
    /* deflate() looks back its window less so many bytes (MIN_LOOKAHEAD): with 9 bits at most 250,
     * which a receiver with a window of 8 bits has, too. */
    LOOKAHEAD = 262,
    MEMORY_MAX = 8,          /* zlib's default memLevel */
    ARENA_BYTES = 288 << 10, /* deflate() needs 268 KiB at most (zconf.h) */
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

void deflate_finish_thread(void)
{
    free(arena);
    arena = NULL;
}

static enum err begin_deflate(z_stream *z, int level, int window_bits, size_t n)
{
    int bits = window_for(n, window_bits);
    int memory = bits - 6 < MEMORY_MAX ? bits - 6 : MEMORY_MAX;
    if (!arena_begin())
        return ERR_NOMEM;
    *z = (z_stream){.zalloc = arena_take, .zfree = arena_give};
    int r = deflateInit2(z, level, Z_DEFLATED, -bits, memory, Z_DEFAULT_STRATEGY);
    return r == Z_OK ? ERR_OK : ERR_NOMEM;
}

enum err deflate_block(int level, int window_bits, const void *data, size_t n, size_t max,
                       struct buf *out)
{
    z_stream z;
    /* Lengths of messages are far below (message.h). */
    assert(n <= UINT_MAX && max <= UINT_MAX - DEFLATE_SPARE);
    char *to = buf_reserve(out, max + DEFLATE_SPARE);
    if (!to || begin_deflate(&z, level, window_bits, n) != ERR_OK)
        return ERR_NOMEM;
    z.next_in = (z_const Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)(max + DEFLATE_SPARE);
    (void)deflate(&z, Z_SYNC_FLUSH); /* fails only when used wrongly */
    /* With room left over, it is all there. */
    enum err e = z.avail_out ? ERR_OK : ERR_LIMIT;
    if (e == ERR_OK)
        out->len += (size_t)z.total_out;
    (void)deflateEnd(&z);
    return e;
}

uint32_t deflate_sum(uint32_t sum, const void *data, size_t n)
{
    return (uint32_t)crc32_z(sum, data, n);
}

uint32_t deflate_sum_join(uint32_t sum, uint32_t other, size_t len)
{
    return (uint32_t)crc32_combine(sum, other, (z_off_t)len);
}
