#include "broker/idle.h"

#include "broker/clock.h"

static bool is_idle(const struct topic *t)
{
    return t->messages == 0 && t->keys == 0 && !t->unswept;
}

static void append(struct idle_topics *idle, struct topic *t, uint64_t now_ms)
{
    t->noted_idle = true;
    t->noted_ms = now_ms;
    t->next_idle = NULL;
    if (idle->first)
        idle->last->next_idle = t;
    else
        idle->first = t;
    idle->last = t;
}

void idle_note(struct idle_topics *idle, struct topic *t, uint64_t now_ms)
{
    if (!is_idle(t))
        return;
    t->idle_since_ms = now_ms;
    if (!t->noted_idle)
        append(idle, t, now_ms);
}

/* A clock that was set back must not hold a topic for as long. */
static struct topic *first_by(const struct idle_topics *idle, uint64_t now_ms)
{
    struct topic *t = idle->first;
    if (t && t->noted_ms > now_ms)
        t->noted_ms = now_ms;
    if (t && t->idle_since_ms > now_ms)
        t->idle_since_ms = now_ms;
    return t;
}

void idle_step_clock(struct idle_topics *idle, int64_t off_ms)
{
    for (struct topic *t = idle->first; t; t = t->next_idle) {
        t->noted_ms = clock_moved(t->noted_ms, off_ms);
        t->idle_since_ms = clock_moved(t->idle_since_ms, off_ms);
    }
}

uint64_t idle_due_ms(const struct idle_topics *idle, uint64_t now_ms)
{
    const struct topic *first = first_by(idle, now_ms);
    return first ? first->noted_ms + IDLE_KEPT_MS : UINT64_MAX;
}

static struct topic *take_first(struct idle_topics *idle)
{
    struct topic *t = idle->first;
    idle->first = t->next_idle;
    t->noted_idle = false;
    return t;
}

static bool has_subscribers(struct interest *interest, const struct topic *t)
{
    return interest_has(interest, t->name, t->name_len);
}

size_t idle_take(struct idle_topics *idle, struct interest *interest, idle_in_use *in_use,
                 void *ctx, uint64_t now_ms, uint64_t before_ms, size_t looks, struct topic **ret,
                 size_t max)
{
    const struct topic *end = idle->last; /* those noted again come behind it */
    size_t count = 0;
    for (bool more = true; more && looks > 0 && count < max && idle->first; looks--) {
        if (first_by(idle, now_ms)->noted_ms > before_ms)
            break;
        struct topic *t = take_first(idle);
        more = t != end;
        if (!is_idle(t))
            continue;
        if (t->idle_since_ms > before_ms || in_use(ctx, t) || has_subscribers(interest, t))
            append(idle, t, now_ms);
        else
            ret[count++] = t;
    }
    return count;
}
