#include "broker/broker_clock.h"

#include "base/log.h"
#include "broker/broker_state.h"
#include "broker/clock.h"

void broker_save_times(struct broker *b)
{
    if (b->times_unsaved)
        b->times_unsaved =
            store_save_times(b->store) != ERR_OK; /* tried again with the next step */
}

/* The clock that said that the log had rested is set back: it had not, or not for so long. */
static enum err step_over_rest(struct broker *b, uint64_t back_ms)
{
    uint64_t less = back_ms < b->rest.ms ? back_ms : b->rest.ms;
    return store_step_times(b->store, b->rest.head, b->rest.last_ms + less, (int64_t)less);
}

void broker_step_clock(struct broker *b, int64_t off_ms)
{
    if (off_ms < 0 && b->rest.ms && step_over_rest(b, -(uint64_t)off_ms) != ERR_OK)
        return; /* out of memory: times wait for the clock instead */
    b->rest = (struct rest){0};
    if (store_step_times(b->store, b->head, UINT64_MAX, off_ms) != ERR_OK)
        return;
    b->time_ms = clock_moved(b->time_ms, off_ms);
    dedup_step_clock(b->dedup, off_ms);
    idle_step_clock(&b->idle, off_ms);
    b->keys_due_ms = 0;
    retention_step_clock(&b->retention);
    b->times_unsaved = true;
    broker_save_times(b);
}

void broker_doubt_clock(struct broker *b, uint64_t now_ms)
{
    if (now_ms < b->rest.ages_from_ms)
        b->rest.ages_from_ms = now_ms + 2 * CLOCK_CONFIRM_MS;
}

enum err broker_settle_times(struct broker *b, uint64_t now_ms)
{
    if (b->time_ms <= now_ms + CLOCK_STEP_MS)
        return ERR_OK;
    log_warn("the newest message is dated %llu s after the clock: it counts as from now",
             (unsigned long long)((b->time_ms - now_ms) / 1000));
    enum err e = store_step_times(b->store, b->head, now_ms, 0);
    if (e != ERR_OK)
        return e;
    b->time_ms = now_ms;
    b->times_unsaved = true;
    broker_save_times(b);
    return ERR_OK;
}

void broker_note_rest(struct broker *b, uint64_t now_ms)
{
    if (b->time_ms == 0 || now_ms <= b->time_ms + CLOCK_REST_MS)
        return;
    b->rest = (struct rest){b->head, b->time_ms, now_ms - b->time_ms, now_ms + CLOCK_CONFIRM_MS};
}

uint64_t broker_settled_now(const struct store_state *log, uint64_t now_ms)
{
    struct clock c;
    clock_init(&c, now_ms, 0, log->last_time_ms);
    if (now_ms < CLOCK_EARLIEST_MS)
        log_warn("the clock tells a time before 2026, so it has not been set: the hub's time goes "
                 "on from its newest message");
    return c.now_ms;
}
