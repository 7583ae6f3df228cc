/* Checking a log, as far as all stores are alike: the report, and calling the member. */
#include <string.h>

#include "storage/store.h"
#include "storage/store_ops.h"

static const struct {
    const char *name, *unit, *text;
} kinds[STORE_DAMAGE_KINDS] = {
#define STORE_DAMAGE_TEXT(id, name, unit, text) [STORE_DAMAGE_##id] = {name, unit, text},
    STORE_DAMAGE_TABLE(STORE_DAMAGE_TEXT)
#undef STORE_DAMAGE_TEXT
};

const char *store_damage_name(enum store_damage d)
{
    return kinds[d].name;
}

const char *store_damage_unit(enum store_damage d)
{
    return kinds[d].unit;
}

const char *store_damage_text(enum store_damage d)
{
    return kinds[d].text;
}

uint64_t store_report_damaged(const struct store_report *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < STORE_DAMAGE_KINDS; i++)
        sum += r->damage[i];
    return sum;
}

struct store_place *store_verify_found(struct store_verify *v, enum store_damage damage,
                                       uint64_t number)
{
    struct store_report *r = &v->report;
    size_t there = 0;
    r->damage[damage]++;
    for (size_t i = 0; i < r->place_count; i++)
        there += r->places[i].damage == damage;
    if (there == STORE_PLACES_EACH)
        return NULL;
    struct store_place *place = &r->places[r->place_count++];
    *place = (struct store_place){.damage = damage, .number = number};
    return place;
}

enum err store_verify_create(struct store_reader *r, struct store_verify **ret)
{
    struct store_verify *v = r->store->ops->verify_create();
    if (!v)
        return ERR_NOMEM;
    v->reader = r;
    *ret = v;
    return ERR_OK;
}

void store_verify_destroy(struct store_verify *v)
{
    if (v)
        v->reader->store->ops->verify_destroy(v);
}

enum err store_verify_step(struct store_verify *v, bool *ret_done)
{
    return v->reader->store->ops->verify_step(v, ret_done);
}

const struct store_report *store_verify_report(const struct store_verify *v)
{
    return &v->report;
}
