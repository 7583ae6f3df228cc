#include "storage/times.h"

#include <stdlib.h>
#include <string.h>

uint64_t times_apply(const struct times_step *s, uint64_t time_ms)
{
    uint64_t back = s->delta_ms < 0 ? -(uint64_t)s->delta_ms : 0;
    if (back)
        time_ms = time_ms > back ? time_ms - back : 0;
    else
        time_ms += (uint64_t)s->delta_ms;
    return time_ms < s->most_ms ? time_ms : s->most_ms;
}

uint64_t times_true(const struct times *t, uint64_t offset, uint64_t time_ms)
{
    for (size_t i = 0; t && i < t->count; i++)
        if (offset <= t->steps[i].offset)
            time_ms = times_apply(&t->steps[i], time_ms);
    return time_ms;
}

bool times_in_order(const struct times *t, uint64_t offset)
{
    return !t || t->count < TIMES_MAX || offset > t->steps[0].offset;
}

/* The records of the first step alone are exact if it went ahead, those of the second otherwise. */
static void merge_oldest(struct times *t)
{
    if (t->steps[0].delta_ms > 0)
        t->steps[1].delta_ms += t->steps[0].delta_ms;
    memmove(t->steps, t->steps + 1, --t->count * sizeof(t->steps[0]));
}

struct times *times_add(struct times *t, const struct times_step *step)
{
    struct times *next = calloc(1, sizeof(*next));
    if (!next)
        return NULL;
    if (t)
        *next = *t;
    next->former = t;
    if (next->count == TIMES_MAX)
        merge_oldest(next);
    next->steps[next->count++] = *step;
    return next;
}

void times_destroy(struct times *t)
{
    while (t) {
        struct times *former = t->former;
        free(t);
        t = former;
    }
}
