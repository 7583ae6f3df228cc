#include "http/h1/http_due.h"

#include <stdlib.h>

/* A client that waits for each answer needs one; others get so many times more when it is full. */
enum { CAP_MIN = 4, CAP_GROWTH = 4 };

static struct http_due_answer *answer_at(struct http_due *d, uint32_t i)
{
    return &d->answers[(d->first + i) & (d->cap - 1)];
}

/* The same queue with room for CAP answers, a power of two. */
static struct http_due *grown(struct http_due *d, uint32_t cap)
{
    struct http_due *g = malloc(sizeof(*g) + cap * sizeof(g->answers[0]));
    if (!g)
        return NULL;
    g->bytes = d ? d->bytes : 0;
    g->count = d ? d->count : 0;
    g->first = 0;
    g->cap = cap;
    for (uint32_t i = 0; i < g->count; i++)
        g->answers[i] = *answer_at(d, i);
    free(d);
    return g;
}

/* The last one's text does not grow any more. */
static void settle_last(struct http_due *d)
{
    if (!d->count)
        return;
    struct http_due_answer *last = http_due_last(d);
    last->weight += last->text.cap;
    d->bytes += last->text.cap;
}

struct http_due_answer *http_due_add(struct http_due **d, const struct publish *p, size_t weight)
{
    if (!*d || (*d)->count == (*d)->cap) {
        struct http_due *g = grown(*d, *d ? (*d)->cap * CAP_GROWTH : CAP_MIN);
        if (!g)
            return NULL;
        *d = g;
    }
    settle_last(*d);
    struct http_due_answer *a = answer_at(*d, (*d)->count++);
    *a = (struct http_due_answer){.publish = p, .weight = weight};
    (*d)->bytes += weight;
    return a;
}

struct buf *http_due_text(struct http_due **d)
{
    struct http_due_answer *last = http_due_last(*d);
    if (last->publish)
        last = http_due_add(d, NULL, 0);
    return last ? &last->text : NULL;
}

struct http_due_answer *http_due_first(struct http_due *d)
{
    return d ? answer_at(d, 0) : NULL;
}

struct http_due_answer *http_due_last(struct http_due *d)
{
    return answer_at(d, d->count - 1);
}

static void drop(struct http_due *d, struct http_due_answer *a)
{
    buf_finish(&a->text);
    d->bytes -= a->weight;
    d->count--;
}

void http_due_drop_first(struct http_due **d)
{
    drop(*d, answer_at(*d, 0));
    (*d)->first++;
    if ((*d)->count)
        return;
    free(*d);
    *d = NULL;
}

void http_due_drop_others(struct http_due *d)
{
    while (d->count > 1)
        drop(d, http_due_last(d));
}

void http_due_clear(struct http_due **d)
{
    while (*d)
        http_due_drop_first(d);
}

static size_t bytes_due(const struct http_due *d)
{
    const struct http_due_answer *last = &d->answers[(d->first + d->count - 1) & (d->cap - 1)];
    return d->bytes + last->text.cap;
}

bool http_due_is_full(const struct http_due *d, uint32_t max)
{
    return d && (d->count >= max || bytes_due(d) >= HTTP_DUE_BYTES);
}

size_t http_due_held(const struct http_due *d)
{
    return d ? sizeof(*d) + d->cap * sizeof(d->answers[0]) + bytes_due(d) : 0;
}
