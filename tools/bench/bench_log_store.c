/* The hub's log through its own interface: appending in batches. */
#include "tools/bench/bench_log_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"

enum { TOPIC_NAME_SIZE = BENCH_TOPIC_LEN + 1 };

#define MAP_SPARE ((uint64_t)256 << 20) /* bytes */

struct appender {
    const struct bench_config *config;
    uint32_t topics;
    struct store *store;
    uint64_t offset; /* of the last record */
    uint64_t random; /* state */
    struct store_record *records;
    struct store_topic *names;
    char (*texts)[TOPIC_NAME_SIZE];
    char *payload;
};

/* Xorshift: which topics are chosen needs no more. */
static uint32_t choose(uint64_t *state, uint32_t n)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)((*state >> 32) * n >> 32);
}

static void name_topics(struct appender *a)
{
    for (uint32_t i = 0; i < a->topics; i++) {
        snprintf(a->texts[i], TOPIC_NAME_SIZE, BENCH_TOPIC_PREFIX "%08x", i);
        a->names[i] =
            (struct store_topic){.id = i + 1, .name = a->texts[i], .name_len = BENCH_TOPIC_LEN};
    }
}

static enum err allocate(struct appender *a, const struct log_run *run)
{
    *a = (struct appender){
        .config = run->config, .topics = run->topics, .random = 88172645463325252};
    a->records = calloc(a->config->batch, sizeof(*a->records));
    a->names = calloc(a->topics, sizeof(*a->names));
    a->texts = calloc(a->topics, sizeof(*a->texts));
    a->payload = malloc(a->config->size);
    if (!a->records || !a->names || !a->texts || !a->payload)
        return ERR_NOMEM;
    memset(a->payload, 'x', a->config->size);
    name_topics(a);
    return ERR_OK;
}

static void release(struct appender *a)
{
    store_close(a->store, a->offset, true);
    free(a->records);
    free(a->names);
    free(a->texts);
    free(a->payload);
}

static enum err open_store(struct appender *a, const struct log_run *run)
{
    const struct bench_config *c = run->config;
    struct store_state state;
    struct store_options options = {
        .path = run->path,
        .sync = run->synced ? STORE_SYNC_ALWAYS : STORE_SYNC_NEVER,
        .map_bytes = (c->count + c->batch) * (c->size + 64) * 2 + MAP_SPARE,
        .readers_max = 1,
    };
    return store_lmdb_open(&options, &a->store, &state);
}

static void fill_batch(struct appender *a)
{
    for (size_t i = 0; i < a->config->batch; i++) {
        a->records[i] = (struct store_record){
            .offset = ++a->offset,
            .time_ms = 1, /* the store asks only that it does not run backwards */
            .topic_id = 1 + choose(&a->random, a->topics),
            .payload_len = (uint32_t)a->config->size,
            .payload = a->payload,
        };
    }
}

static enum err append_all(struct appender *a, struct log_result *ret)
{
    struct store_batch topics = {.topics = a->names, .topic_count = a->topics};
    struct store_batch batch = {.records = a->records, .record_count = a->config->batch};
    enum err e = store_append(a->store, &topics);
    log_result_begin(ret);
    while (!e && !log_result_enough(ret, a->config)) {
        log_result_pace(ret, a->config);
        uint64_t began = bench_now();
        fill_batch(a);
        e = store_append(a->store, &batch);
        log_result_add(ret, a->config->batch, began);
    }
    log_result_end(ret);
    return e;
}

enum err log_store_append(struct log_run *run, struct log_result *ret)
{
    struct appender a;
    enum err e = allocate(&a, run);
    if (!e)
        e = open_store(&a, run);
    if (!e)
        e = append_all(&a, ret);
    release(&a);
    return e;
}
