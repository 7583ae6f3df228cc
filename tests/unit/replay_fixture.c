#include "tests/unit/replay_fixture.h"

#include <string.h>

struct rig rig;
struct follower f;

void replay_setup(void)
{
    rig_init(&rig, false);
    memset(&f, 0, sizeof(f));
}

void replay_setup_durable(void)
{
    rig_init(&rig, true);
    memset(&f, 0, sizeof(f));
}

void replay_teardown(void)
{
    if (rig.broker)
        follower_finish(&rig, &f);
    rig_finish(&rig);
}

void clear_got(void)
{
    f.count = 0;
}

void publish_twenty(void)
{
    for (int i = 1; i <= 20; i++)
        rig_publish(&rig, i == 20 ? "c" : i % 2 ? "a" : "b");
}

void check_gap(enum gap_reason reason, uint64_t requested, uint32_t epoch, uint64_t resumed)
{
    ck_assert_str_eq(gap_reason_name(f.gap.reason), gap_reason_name(reason));
    if (reason == GAP_NONE)
        return;
    ck_assert_uint_eq(f.gap.requested.offset, requested);
    ck_assert_uint_eq(f.gap.requested.epoch, epoch);
    ck_assert_uint_eq(f.gap.resumed, resumed);
}

bool note_backwards(void *ctx, struct message *m, bool shared)
{
    struct backwards *b = ctx;
    (void)shared;
    if (b->stop_at && b->count + 1 == b->stop_at)
        return false;
    b->got[b->count++] = m->offset;
    return true;
}
