# Unit tests of broker/, and of the worker's wheel, clock, budget, memory and readiness; included by
# tests/local.mk.
broker_tests = \
	tests/unit/test_topic \
	tests/unit/test_tail \
	tests/unit/test_dedup \
	tests/unit/test_interest \
	tests/unit/test_idle \
	tests/unit/test_presence \
	tests/unit/test_roster \
	tests/unit/test_pattern_tree \
	tests/unit/test_topic_index \
	tests/unit/test_lag \
	tests/unit/test_refusals \
	tests/unit/test_wheel \
	tests/unit/test_spread \
	tests/unit/test_readiness \
	tests/unit/test_budget \
	tests/unit/test_turn_clock \
	tests/unit/test_peer_memory \
	tests/unit/test_broker \
	tests/unit/test_broker_expect \
	tests/unit/test_broker_faults \
	tests/unit/test_broker_idle \
	tests/unit/test_feeds \
	tests/unit/test_feeds_topics \
	tests/unit/test_feeds_work \
	tests/unit/test_live \
	tests/unit/test_replay \
	tests/unit/test_replay_damage \
	tests/unit/test_replay_random \
	tests/unit/test_replay_races \
	tests/unit/test_replay_start \
	tests/unit/test_retention \
	tests/unit/test_retention_model \
	tests/unit/test_clock \
	tests/unit/test_revoked \
	tests/unit/test_roll \
	tests/unit/test_hub \
	tests/unit/test_hub_limits \
	tests/unit/test_hub_memory
check_PROGRAMS += $(broker_tests)
TESTS += $(broker_tests)

broker_test_libs = libbroker.a libmessage.a libbrokercodec.a libstorage.a libbase.a $(LMDB_LIBS) \
	$(XXHASH_LIBS) $(CHECK_LIBS)
broker_fixture = tests/unit/broker_fixture.c tests/unit/broker_fixture.h \
	tests/unit/store_fixture.c tests/unit/store_fixture.h tests/unit/random.c tests/unit/random.h

tests_unit_test_topic_SOURCES = tests/unit/test_topic.c
tests_unit_test_topic_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_topic_LDADD = $(broker_test_libs)

tests_unit_test_roll_SOURCES = tests/unit/test_roll.c
tests_unit_test_roll_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_roll_LDADD = $(broker_test_libs)

tests_unit_test_revoked_SOURCES = tests/unit/test_revoked.c
tests_unit_test_revoked_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_revoked_LDADD = $(broker_test_libs)

tests_unit_test_tail_SOURCES = tests/unit/test_tail.c
tests_unit_test_tail_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tail_LDADD = $(broker_test_libs)

tests_unit_test_dedup_SOURCES = tests/unit/test_dedup.c
tests_unit_test_dedup_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_dedup_LDADD = $(broker_test_libs)

tests_unit_test_pattern_tree_SOURCES = tests/unit/test_pattern_tree.c tests/unit/random.c tests/unit/random.h
tests_unit_test_pattern_tree_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_pattern_tree_LDADD = $(broker_test_libs)

tests_unit_test_topic_index_SOURCES = tests/unit/test_topic_index.c tests/unit/random.c tests/unit/random.h
tests_unit_test_topic_index_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_topic_index_LDADD = $(broker_test_libs)

tests_unit_test_idle_SOURCES = tests/unit/test_idle.c
tests_unit_test_idle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_idle_LDADD = $(broker_test_libs)

tests_unit_test_interest_SOURCES = tests/unit/test_interest.c
tests_unit_test_interest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_interest_LDADD = $(broker_test_libs)

tests_unit_test_presence_SOURCES = tests/unit/test_presence.c tests/unit/random.c \
	tests/unit/random.h
tests_unit_test_presence_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_presence_LDADD = $(broker_test_libs)

tests_unit_test_roster_SOURCES = tests/unit/test_roster.c tests/unit/random.c tests/unit/random.h
tests_unit_test_roster_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_roster_LDADD = $(broker_test_libs)

tests_unit_test_lag_SOURCES = tests/unit/test_lag.c
tests_unit_test_lag_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_lag_LDADD = $(broker_test_libs)

tests_unit_test_refusals_SOURCES = tests/unit/test_refusals.c net/refusals.c \
	net/refusals.h
tests_unit_test_refusals_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_refusals_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_wheel_SOURCES = tests/unit/test_wheel.c net/wheel.c net/wheel.h \
	tests/unit/random.c tests/unit/random.h
tests_unit_test_wheel_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_wheel_LDADD = $(CHECK_LIBS)

tests_unit_test_spread_SOURCES = tests/unit/test_spread.c net/spread.c net/spread.h \
	net/wheel.c net/wheel.h
tests_unit_test_spread_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_spread_LDADD = $(CHECK_LIBS)

tests_unit_test_readiness_SOURCES = tests/unit/test_readiness.c net/readiness.c \
	net/readiness.h
tests_unit_test_readiness_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_readiness_LDADD = $(CHECK_LIBS)

tests_unit_test_budget_SOURCES = tests/unit/test_budget.c net/budget.c net/budget.h \
	net/backlog.c net/backlog.h
tests_unit_test_budget_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_budget_LDADD = $(CHECK_LIBS)

tests_unit_test_turn_clock_SOURCES = tests/unit/test_turn_clock.c net/turn_clock.c \
	net/turn_clock.h
tests_unit_test_turn_clock_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_turn_clock_LDADD = $(CHECK_LIBS)

tests_unit_test_peer_memory_SOURCES = tests/unit/test_peer_memory.c net/peer_memory.c \
	net/peer_memory.h
tests_unit_test_peer_memory_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_peer_memory_LDADD = $(broker_test_libs)

tests_unit_test_broker_SOURCES = tests/unit/test_broker.c $(broker_fixture)
tests_unit_test_broker_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_broker_LDADD = $(broker_test_libs)

tests_unit_test_broker_expect_SOURCES = tests/unit/test_broker_expect.c $(broker_fixture)
tests_unit_test_broker_expect_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_broker_expect_LDADD = $(broker_test_libs)

replay_fixture = tests/unit/replay_fixture.c tests/unit/replay_fixture.h $(broker_fixture)

tests_unit_test_replay_SOURCES = tests/unit/test_replay.c $(replay_fixture)
tests_unit_test_replay_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_replay_LDADD = $(broker_test_libs)

tests_unit_test_replay_damage_SOURCES = tests/unit/test_replay_damage.c $(replay_fixture)
tests_unit_test_replay_damage_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_replay_damage_LDADD = $(broker_test_libs)

tests_unit_test_replay_start_SOURCES = tests/unit/test_replay_start.c $(replay_fixture)
tests_unit_test_replay_start_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_replay_start_LDADD = $(broker_test_libs)

tests_unit_test_broker_idle_SOURCES = tests/unit/test_broker_idle.c $(broker_fixture)
tests_unit_test_broker_idle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_broker_idle_LDADD = $(broker_test_libs)

tests_unit_test_live_SOURCES = tests/unit/test_live.c tests/unit/random.c tests/unit/random.h
tests_unit_test_live_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_live_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=realloc
tests_unit_test_live_LDADD = $(broker_test_libs)

feeds_fixture = tests/unit/feeds_fixture.c tests/unit/feeds_fixture.h

tests_unit_test_feeds_SOURCES = tests/unit/test_feeds.c $(feeds_fixture) tests/unit/random.c \
	tests/unit/random.h
tests_unit_test_feeds_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_feeds_LDADD = $(broker_test_libs)

tests_unit_test_feeds_topics_SOURCES = tests/unit/test_feeds_topics.c $(feeds_fixture)
tests_unit_test_feeds_topics_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_feeds_topics_LDADD = $(broker_test_libs)

tests_unit_test_feeds_work_SOURCES = tests/unit/test_feeds_work.c $(feeds_fixture)
tests_unit_test_feeds_work_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_feeds_work_LDADD = $(broker_test_libs)

tests_unit_test_replay_random_SOURCES = tests/unit/test_replay_random.c $(broker_fixture)
tests_unit_test_replay_random_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_replay_random_LDADD = $(broker_test_libs)

tests_unit_test_replay_races_SOURCES = tests/unit/test_replay_races.c $(broker_fixture)
tests_unit_test_replay_races_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_replay_races_LDADD = $(broker_test_libs)

retention_fixture = tests/unit/retention_fixture.c tests/unit/retention_fixture.h $(broker_fixture)

tests_unit_test_retention_model_SOURCES = tests/unit/test_retention_model.c $(retention_fixture)
tests_unit_test_retention_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_retention_model_LDADD = $(broker_test_libs)

tests_unit_test_retention_SOURCES = tests/unit/test_retention.c $(retention_fixture)
tests_unit_test_retention_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_retention_LDADD = $(broker_test_libs)

tests_unit_test_clock_SOURCES = tests/unit/test_clock.c $(broker_fixture)
tests_unit_test_clock_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_clock_LDADD = $(broker_test_libs)

tests_unit_test_hub_SOURCES = tests/unit/test_hub.c $(broker_fixture)
tests_unit_test_hub_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_hub_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create
tests_unit_test_hub_LDADD = $(broker_test_libs)

tests_unit_test_hub_limits_SOURCES = tests/unit/test_hub_limits.c $(broker_fixture)
tests_unit_test_hub_limits_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_hub_limits_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime \
	-Wl,--wrap=pthread_cond_timedwait
tests_unit_test_hub_limits_LDADD = $(broker_test_libs)

tests_unit_test_hub_memory_SOURCES = tests/unit/test_hub_memory.c $(broker_fixture)
tests_unit_test_hub_memory_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_hub_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=now_unix_ms \
	-Wl,--wrap=now_monotonic_ms -Wl,--wrap=pthread_cond_timedwait
tests_unit_test_hub_memory_LDADD = $(broker_test_libs)

# Each of these calls is made to fail by the test.
tests_unit_test_broker_faults_SOURCES = tests/unit/test_broker_faults.c tests/require.h \
	$(broker_fixture)
tests_unit_test_broker_faults_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_broker_faults_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc -Wl,--wrap=malloc \
	-Wl,--wrap=realloc
tests_unit_test_broker_faults_LDADD = $(broker_test_libs)
