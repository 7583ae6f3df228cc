/*
 * The table of all topics of a hub.
 *
 * The broker thread owns the table; workers read it. A topic that the broker forgets is not found
 * any more; it is freed when no worker is in a turn that began before (topic_table_enter) and no
 * reference to it is left. So a worker may use what it finds until its turn ends, and who keeps a
 * topic for longer, as messages do, takes a reference.
 */
#ifndef BROKER_TOPIC_TABLE_H
#define BROKER_TOPIC_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/grace.h"
#include "base/id_table.h"
#include "broker/topic.h"
#include "broker/topic_index.h"

/*
 * Forgotten topics share one mark. Whoever wants topics that are not known, and has read less than
 * the mark, may have lost messages of one that has been forgotten, and cannot know: he is told. The
 * mark rises before a topic disappears; with it the serial of the removal and the eviction that the
 * forgotten topics have seen last: who knows of these has been told already. A new topic begins
 * with them, since it may be one of the forgotten.
 */
struct topic_forgotten {
    uint64_t mark;         /* no message of them was above */
    uint64_t floor_serial; /* the newest removal that took messages of them; 0 = none did */
    uint64_t evicted;      /* the newest of their messages that was evicted */
};
struct topic_table;

/* An empty table for at most MAX topics; NULL when out of memory. */
struct topic_table *topic_table_create(uint32_t max);
/* Frees the table and all topics to which there are no other references; NULL is accepted. */
void topic_table_destroy(struct topic_table *t);

/* A thread that is to look into the table beside the broker's: R, all zero at first, is its own.
 * Between enter and exit, its turn, it may use what it finds. */
void topic_table_join(struct topic_table *t, struct grace_reader *r);
void topic_table_leave(struct topic_table *t, struct grace_reader *r);
void topic_table_enter(struct topic_table *t, struct grace_reader *r);
void topic_table_exit(struct grace_reader *r);

/* NULL when there is no such topic; the same by id. */
struct topic *topic_table_find(struct topic_table *t, const char *name, size_t n);
struct topic *topic_table_get(const struct topic_table *t, uint32_t id);
/* The topics from id FROM on, ascending (id_walk_next). */
struct id_walk topic_table_walk(const struct topic_table *t, uint32_t from);
/* How many topics there are, and may be; and the highest id that was ever given. */
uint32_t topic_table_count(const struct topic_table *t);
uint32_t topic_table_max(const struct topic_table *t);
uint32_t topic_table_last_id(const struct topic_table *t);
/* Any thread: whether one of them is private (topic_name.h). */
bool topic_table_has_private(const struct topic_table *t);
/* How often a topic has been forgotten; changes after it can be found no more. */
uint64_t topic_table_forgets(const struct topic_table *t);
/* Topics that were touched so far to make room for others, and to take some out. */
uint64_t topic_table_steps(const struct topic_table *t);
/* Any thread: the topics by level, to be looked up by pattern. */
struct topic_index *topic_table_index(const struct topic_table *t);
/* Adds a topic with the next id; broker thread only. The name is valid and not in the table.
 * ERR_LIMIT: the table is full, or ids are used up; ERR_NOMEM. */
MUST_CHECK enum err topic_table_add(struct topic_table *t, const char *name, size_t n, bool memory,
                                    struct topic **ret);
/* The same when some have been forgotten since the name was looked up: it is none of these, but may
 * be one of those before, which were as FORGOTTEN says. */
MUST_CHECK enum err topic_table_add_after(struct topic_table *t, const char *name, size_t n,
                                          bool memory, const struct topic_forgotten *forgotten,
                                          struct topic **ret);
/* The same at the start, with an id from the log that is above those before, however full the table
 * is; it is none of the forgotten. ERR_NOMEM. */
MUST_CHECK enum err topic_table_load(struct topic_table *t, uint32_t id, const char *name, size_t n,
                                     bool memory, struct topic **ret);
/* At the start, behind the last topic_table_load: ids up to LAST_ID have been used, and every
 * message of the topics that have been forgotten was at or below MARK. */
void topic_table_set_forgotten(struct topic_table *t, uint32_t last_id, uint64_t mark);
/* Forgets TOPIC, which has no messages; broker thread only. */
void topic_table_forget(struct topic_table *t, struct topic *topic);
/* Frees forgotten topics; true when some have to wait for a worker's turn to end. Broker thread
 * only. */
bool topic_table_collect(struct topic_table *t);

/*
 * Losses: how readers, who run beside the broker, notice that messages are gone.
 *
 * Removals (purge, trim) come seldom and in any order, so each gets the next serial. Evictions of
 * memory messages come all the time, but in the order of offsets: one mark says how far they are.
 * Whoever sees a new floor also sees that the serial has moved, or the topic's `evicted`.
 */
/* A removal raises TOPIC's floor to at least FLOOR; broker thread only. */
void topic_table_raise_floor(struct topic_table *t, struct topic *topic, uint64_t floor);
/* The message of TOPIC at OFFSET leaves the tail and is kept nowhere else; ascending offsets over
 * all topics, but before anyone reads; broker thread only. */
void topic_table_evict(struct topic_table *t, struct topic *topic, uint64_t offset);
/* Any thread: the serial of the newest removal that is complete. */
uint64_t topic_table_floor_serial(const struct topic_table *t);
/* Any thread: whether a removal may have begun since SERIAL was read. */
bool topic_table_floors_moved(const struct topic_table *t, uint64_t serial);
/* Any thread: the highest floor that a removal has raised; and how far evictions are. */
uint64_t topic_table_floor_max(const struct topic_table *t);
uint64_t topic_table_evicted(const struct topic_table *t);

/* Any thread: what there is to know of the forgotten topics. */
struct topic_forgotten topic_table_forgotten(const struct topic_table *t);
/* The newest message that TOPIC has had, as far as is known: after a crash nobody knows which
 * offsets its memory messages had, only that they were not above its floor. Of one that is not
 * known (NULL), none was above the mark of the forgotten. */
uint64_t topic_table_newest(const struct topic_table *t, const struct topic *topic);

#endif
