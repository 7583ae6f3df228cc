#include "base/blob.h"

#include <stdlib.h>
#include <string.h>

struct blob *blob_join(const void *a, size_t a_len, const void *b, size_t b_len)
{
    struct blob *both = malloc(sizeof(*both) + a_len + b_len);
    if (!both)
        return NULL;
    atomic_init(&both->refs, 1);
    atomic_init(&both->pins, 0);
    both->len = (uint32_t)(a_len + b_len);
    if (a_len)
        memcpy(both->data, a, a_len);
    if (b_len)
        memcpy(both->data + a_len, b, b_len);
    return both;
}

struct blob *blob_create(const void *data, size_t n)
{
    return blob_join(data, n, NULL, 0);
}

struct blob *blob_ref(struct blob *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void blob_unref(struct blob *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}
