# Files of broker/; included by ../Makefile.am.
include broker/codecs.mk
include broker/message.mk

noinst_LIBRARIES += libbroker.a
libbroker_a_SOURCES = \
	broker/broker.c broker/broker.h \
	broker/broker_clock.c broker/broker_clock.h \
	broker/broker_forget.c broker/broker_forget.h \
	broker/broker_memory.c broker/broker_memory.h \
	broker/broker_options.h \
	broker/broker_remove.c broker/broker_remove.h \
	broker/broker_state.h \
	broker/clock.c broker/clock.h \
	broker/dedup.c broker/dedup.h \
	broker/feed.c broker/feed.h \
	broker/feed_topics.c broker/feed_topics.h \
	broker/filter.c broker/filter.h \
	broker/hub.c broker/hub.h \
	broker/idle.c broker/idle.h \
	broker/interest.c broker/interest.h \
	broker/lag.c broker/lag.h \
	broker/live.c broker/live.h \
	broker/pattern_tree.c broker/pattern_tree.h \
	broker/presence.c broker/presence.h \
	broker/presence_rules.c broker/presence_rules.h \
	broker/publish.c broker/publish.h \
	broker/replay.c broker/replay.h \
	broker/retention.c broker/retention.h \
	broker/revoked.c broker/revoked.h \
	broker/roll.c broker/roll.h \
	broker/roster.c broker/roster.h \
	broker/tail.c broker/tail.h \
	broker/topic.c broker/topic.h \
	broker/topic_index.c broker/topic_index.h \
	broker/topic_table.c broker/topic_table.h
