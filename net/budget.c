#include "net/budget.h"

void budget_begin_turn(struct budget *b)
{
    b->left = b->slice = 0;
    b->answers = BUDGET_ANSWERS;
    b->turn_from = b->done;
}

void budget_begin_slice(struct budget *b, int64_t work)
{
    b->slice = b->slice_from = work;
    b->paid = b->looked ? *b->looked : 0;
    budget_charge(b, WORK_SLICE);
}

enum budget_change budget_end_turn(struct budget *b, uint64_t now_ms, bool waits)
{
    if (b->done - b->turn_from > b->most)
        b->most = b->done - b->turn_from;
    if (waits == b->short_told) {
        b->changed_ms = 0;
        return BUDGET_SAME;
    }
    if (!b->changed_ms)
        b->changed_ms = now_ms;
    if (now_ms - b->changed_ms < BUDGET_TELL_MS)
        return BUDGET_SAME;
    b->short_told = waits;
    b->changed_ms = 0;
    return waits ? BUDGET_SHORT : BUDGET_ENOUGH;
}
