/*
 * What the tests of replay.h share: a hub's broker with its worker (broker_fixture.h), and one
 * subscriber.
 */
#ifndef TESTS_UNIT_REPLAY_FIXTURE_H
#define TESTS_UNIT_REPLAY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/replay.h"
#include "tests/unit/broker_fixture.h"

extern struct rig rig;
extern struct follower f;

/* The ends of each test; nothing is started. */
void replay_setup(void);
void replay_setup_durable(void);
void replay_teardown(void);

/* a at 1, 3, 5 ... 19, b at 2, 4 ... 18, c at 20. */
void publish_twenty(void);
void clear_got(void);
/* Of the newest gap that F was told. */
void check_gap(enum gap_reason reason, uint64_t requested, uint32_t epoch, uint64_t resumed);

/* Takes messages of replay_reverse. */
struct backwards {
    uint64_t got[64];
    size_t count, stop_at; /* refuses this one; 0 = none */
};
bool note_backwards(void *ctx, struct message *m, bool shared);

#endif
