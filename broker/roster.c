#include "broker/roster.h"

#include <stdlib.h>

enum {
    GONE_FREE = 16, /* so many that have gone are worth no work */
};

void roster_init(struct roster *r, uint64_t (*number)(const void *thing))
{
    *r = (struct roster){.number = number};
}

void roster_finish(struct roster *r)
{
    free(r->places);
    roster_init(r, r->number);
}

static bool is_gone(uintptr_t place)
{
    return place & 1;
}

static uint64_t number_at(const struct roster *r, uint32_t at)
{
    uintptr_t place = r->places[at];
    return is_gone(place) ? place >> 1 : r->number((const void *)place);
}

/* The first place of a number above AFTER; the count when there is none. */
static uint32_t place_behind(const struct roster *r, uint64_t after)
{
    uint32_t low = 0, high = r->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (number_at(r, mid) <= after)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Takes the places of those who have gone. */
static void close_ranks(struct roster *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->count; i++)
        if (!is_gone(r->places[i]))
            r->places[n++] = r->places[i];
    r->count = n;
    r->gone = 0;
}

/* Room for CAP; less than before is no error if there is no memory for it. */
static enum err resize(struct roster *r, uint32_t cap)
{
    uintptr_t *places = realloc(r->places, cap * sizeof(*places));
    if (!places)
        return ERR_NOMEM;
    r->places = places;
    r->cap = cap;
    return ERR_OK;
}

enum err roster_add(struct roster *r, void *thing)
{
    if (r->count == r->cap && r->gone > r->count / 4)
        close_ranks(r);
    if (r->count == r->cap && resize(r, r->cap ? r->cap + r->cap / 2 + 1 : 1) != ERR_OK)
        return ERR_NOMEM;
    r->places[r->count++] = (uintptr_t)thing;
    return ERR_OK;
}

void roster_remove(struct roster *r, const void *thing)
{
    uint64_t number = r->number(thing);
    uint32_t at = place_behind(r, number - 1);
    r->places[at] = number << 1 | 1;
    r->gone++;
    if (r->gone <= GONE_FREE || r->gone <= r->count / 2)
        return;
    close_ranks(r);
    if (r->cap > 4 * GONE_FREE && r->count < r->cap / 4)
        (void)!resize(r, r->cap / 2);
}

void *roster_next(const struct roster *r, uint64_t after)
{
    for (uint32_t at = place_behind(r, after); at < r->count; at++)
        if (!is_gone(r->places[at]))
            return (void *)r->places[at];
    return NULL;
}
