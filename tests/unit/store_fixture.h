/* What the tests of the stores share: temporary directories, batches, and collected reads. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

/* For what is asked a million times: each ck_assert writes a line to Check's parent. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s is false", #condition);                                               \
    } while (0)

enum { FOUND_MAX = 1 << 17, RUN_MAX = 1 << 16 };

/* What a read visited; payloads as numbers where the test wrote numbers. */
struct found {
    size_t count;
    size_t stop_at; /* refuse record number stop_at; 0 = none */
    uint64_t reached;
    uint64_t offsets[FOUND_MAX];
    uint32_t topics[FOUND_MAX];
};

/* A new directory below TMPDIR; owned by the caller, who ends it with remove_dir. */
char *make_dir(void);
/* Removes the directory with the files in it, and frees its name. */
void remove_dir(char *path);

/* Stores with a journal, which is applied when something needs it, or all the time. */
enum err open_held(const struct store_options *o, struct store **ret, struct store_state *state);
enum err open_applied(const struct store_options *o, struct store **ret, struct store_state *state);

/* Appends COUNT topics "topic-ID", ids from FIRST on. */
void add_topics(struct store *s, uint32_t first, uint32_t count);
/* Appends one record whose payload is the offset's 8 bytes and whose time is the offset. */
enum err append_one(struct store *s, uint64_t offset, uint32_t topic);
/* The same for COUNT <= RUN_MAX offsets from FIRST on in one batch; offset o goes to topic
 * o % TOPICS + 1. */
enum err append_run(struct store *s, uint64_t first, size_t count, uint32_t topics);

/* Reads into F (cleared first, but for stop_at). Checks each payload against its offset. */
enum err read_into(struct store_reader *r, const struct store_query *q, struct found *f);
/* The same, from one call to the next until it is finished; checks that each makes progress. */
void read_all(struct store_reader *r, struct store_query q, struct found *f);
/* store_purge and store_trim of everything up to UPTO, at most MAX records in this call. FLOOR,
 * with CTX, is told of floors that rise. */
typedef void floor_told(void *ctx, uint32_t topic_id, uint64_t floor);
enum err purge_some(struct store *s, uint32_t topic, uint64_t upto, size_t max, size_t *ret_removed,
                    bool *ret_done);
enum err trim_some(struct store *s, uint64_t upto, size_t max, floor_told *floor, void *ctx,
                   size_t *ret_removed, bool *ret_done);
/* The topic's row as store_topics tells it; id 0 when there is none. The name is not kept. */
struct store_topic topic_row(struct store *s, uint32_t id);

#endif
