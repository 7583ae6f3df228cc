/* Damage that readers and writers meet: counted and told, once for each place. */
#include <inttypes.h>

#include "base/log.h"
#include "storage/store.h"
#include "storage/store_ops.h"

/* A log that is damaged all over fills no disk with lines about it. */
enum { LINES_MAX = 32 };

static bool is_known(const struct damage_list *l, uint64_t count, enum store_damage damage,
                     uint64_t number)
{
    for (uint64_t i = 0; i < count; i++)
        if (l->places[i].damage == damage && l->places[i].number == number)
            return true;
    return false;
}

/* Whether it is new. */
static bool note(struct damage_list *l, enum store_damage damage, uint64_t number,
                 uint64_t *ret_count)
{
    pthread_mutex_lock(&l->lock);
    uint64_t count = atomic_load_explicit(&l->count, memory_order_relaxed);
    bool fresh = count < STORE_DAMAGED_MAX && !is_known(l, count, damage, number);
    if (fresh) {
        l->places[count].damage = damage;
        l->places[count].number = number;
        atomic_store_explicit(&l->count, ++count, memory_order_relaxed);
    }
    pthread_mutex_unlock(&l->lock);
    *ret_count = count;
    return fresh;
}

void store_met_damage(struct store *s, enum store_damage damage, uint64_t number)
{
    uint64_t count;
    const char *unit = store_damage_unit(damage);
    if (!note(&s->damage, damage, number, &count) || s->damage.quiet || count > LINES_MAX)
        return;
    if (*unit)
        log_error("the log is damaged: %s (%s %" PRIu64 "); longwirectl verify looks at all of it",
                  store_damage_text(damage), unit, number);
    else
        log_error("the log is damaged: %s; longwirectl verify looks at all of it",
                  store_damage_text(damage));
    if (count == LINES_MAX)
        log_error("more damage of the log is counted (log_damaged), and not told one by one");
}

uint64_t store_damaged(struct store *s)
{
    if (s->ops->damaged)
        return s->ops->damaged(s);
    return atomic_load_explicit(&s->damage.count, memory_order_relaxed);
}
