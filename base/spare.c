#include "base/spare.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS 0
#endif
#endif
#ifndef KEEPS
#define KEEPS 1
#endif

/* Sizes are rounded up to those that malloc has, which puts 8 bytes before each: an object that
 * stays takes no more than it would by malloc. */
enum { STEP = 16, LEAST = 8, SIZES = (SPARE_SIZE_MAX + STEP - 1 - LEAST) / STEP + 1 };

struct spare {
    struct spare *next;
};

static _Thread_local struct {
    struct spare *first;
    size_t count;
} spares[SIZES];

static _Thread_local struct buf spare_buf;

/* Which of the sizes N bytes are. */
static size_t size_of(size_t n)
{
    return (n + STEP - 1 - LEAST) / STEP;
}

static size_t bytes_of(size_t size)
{
    return size * STEP + LEAST;
}

_Static_assert(LEAST >= sizeof(struct spare), "the smallest one has room for being kept");

static void *pop(size_t size)
{
    struct spare *s = spares[size].first;
    if (!s)
        return NULL;
    spares[size].first = s->next;
    spares[size].count--;
    return s;
}

void *spare_take(size_t n)
{
    size_t size = size_of(n);
    if (!KEEPS || n > SPARE_SIZE_MAX)
        return malloc(n);
    void *p = pop(size);
    return p ? p : malloc(bytes_of(size));
}

void *spare_take_zeroed(size_t n)
{
    void *p = spare_take(n);
    return p ? memset(p, 0, n) : NULL;
}

void spare_give(void *p, size_t n)
{
    size_t size = size_of(n);
    if (!KEEPS || !p || n > SPARE_SIZE_MAX ||
        (spares[size].count + 1) * bytes_of(size) > SPARE_KEPT_MAX) {
        free(p);
        return;
    }
    struct spare *s = p;
    s->next = spares[size].first;
    spares[size].first = s;
    spares[size].count++;
}

void spare_take_buf(struct buf *b)
{
    *b = spare_buf;
    buf_init(&spare_buf);
}

void spare_give_buf(struct buf *b)
{
    if (KEEPS && b->cap > spare_buf.cap && b->cap <= SPARE_BUF_MAX) {
        free(spare_buf.data);
        spare_buf = (struct buf){.data = b->data, .cap = b->cap};
        buf_init(b);
    }
    buf_finish(b);
}

void spare_finish_thread(void)
{
    void *p;
    buf_finish(&spare_buf);
    for (size_t size = 0; size < SIZES; size++)
        while ((p = pop(size)))
            free(p);
}
