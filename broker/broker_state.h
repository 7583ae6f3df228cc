/*
 * What a broker is made of, for its parts alone: from below broker_clock.h, broker_forget.h,
 * broker_remove.h, and broker.h, which puts them together.
 */
#ifndef BROKER_BROKER_STATE_H
#define BROKER_BROKER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/broker_options.h"
#include "broker/dedup.h"
#include "broker/idle.h"
#include "broker/interest.h"
#include "broker/presence.h"
#include "broker/retention.h"
#include "broker/roll.h"
#include "broker/tail.h"
#include "broker/topic.h"
#include "storage/store.h"

/* How the log was found, if it had rested for longer than CLOCK_REST_MS by a clock that may have
 * been wrong. */
struct rest {
    uint64_t head, last_ms;
    uint64_t ms;           /* for so long; 0 = it had not */
    uint64_t ages_from_ms; /* until then messages age as if it went on */
};

struct broker {
    struct store *store;
    struct broker_options options;
    struct topic_table *topics;
    struct interest *interest;
    struct revoked *revoked;
    struct presence *presence;
    struct roll *roll; /* NULL: there are no hooks */
    struct dedup *dedup;
    struct retention retention;
    size_t published; /* messages since the last step of retention */
    size_t removable; /* records that a full disk has room to remove at once; 0 = any number */
    struct idle_topics idle;
    uint64_t keys_due_ms; /* when a key may have expired */
    _Atomic uint64_t expired, forgotten;
    struct tail tail;
    uint64_t tail_weight;   /* bytes */
    struct store_state log; /* as opened: its epoch, and the former ones */
    uint64_t head;
    uint64_t reserved; /* offsets up to here may be in use, says the log */
    uint64_t time_ms;  /* of the newest message */
    uint64_t now_ms;   /* when the broker was last called */
    struct rest rest;
    bool times_unsaved;     /* the log does not know of the last step of the clock */
    uint32_t topics_stored; /* topics with ids up to here are in the log */
    bool used_up;           /* there are no more ids: it was logged */
    /* The group being committed. */
    uint64_t group;
    size_t looks; /* at idle topics that it may still have (broker_make_room) */
    struct store_record *records;
    size_t record_count, record_cap;
    struct store_topic *new_topics;
    size_t new_topic_cap;
    size_t staged;          /* new messages */
    bool staged_memory;     /* some of them are memory ones */
    uint32_t staged_topic;  /* the highest id of their topics */
    struct topic *resolved; /* the newest topic of the group; NULL = it has none */
    bool conflicted;        /* a publish of the group is, or was, a conflict */
    /* Topics that the log knows as durable ones, and that get their first memory message now. */
    struct topic **turned;
    size_t turned_count, turned_cap;
};

#endif
