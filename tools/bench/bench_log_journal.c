/* The group journal alone: groups are packed and appended, and free again at once. */
#include "tools/bench/bench_log_journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/journal/group.h"
#include "storage/journal/journal.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"

enum { JOURNAL_BYTES = 64 << 20, LOG = 1, EPOCH = 1 };

struct appender {
    const struct bench_config *config;
    struct journal *journal;
    struct journal_place place; /* of the last group */
    struct group_writer writer;
    char *payload;
    uint32_t topics;
};

static void put_record(struct appender *a, size_t number)
{
    char name[BENCH_TOPIC_LEN + 1];
    uint32_t id = 1 + (uint32_t)((a->place.last + number) % a->topics);
    snprintf(name, sizeof(name), BENCH_TOPIC_PREFIX "%08x", id);
    struct group_topic t = {.id = id, .name = name, .name_len = BENCH_TOPIC_LEN};
    struct group_item item = {
        .op = GROUP_RECORD,
        .topic = group_topic(&a->writer, &t),
        .record = {.offset = number,
                   .time_ms = 1,
                   .payload = a->payload,
                   .payload_len = (uint32_t)a->config->size},
    };
    group_put(&a->writer, &item);
}

static enum err append_group(struct appender *a)
{
    const void *group;
    size_t n;
    group_begin(&a->writer);
    for (size_t i = 0; i < a->config->batch; i++)
        put_record(a, i);
    enum err e = group_end(&a->writer, a->config->batch, &group, &n);
    if (!e)
        e = journal_append(a->journal, group, n, a->place.last + a->config->batch, &a->place);
    if (!e)
        journal_release(a->journal, &a->place);
    return e;
}

static enum err append_all(struct appender *a, struct log_result *ret)
{
    enum err e = ERR_OK;
    log_result_begin(ret);
    while (!e && !log_result_enough(ret, a->config)) {
        log_result_pace(ret, a->config);
        uint64_t began = bench_now();
        e = append_group(a);
        log_result_add(ret, a->config->batch, began);
    }
    log_result_end(ret);
    return e;
}

static enum err open_journal(struct appender *a, const struct log_run *run)
{
    struct journal_options o = {
        .dir = run->path,
        .log = LOG,
        .sync = run->synced ? STORE_SYNC_ALWAYS : STORE_SYNC_NEVER,
    };
    enum err e = journal_create(&o, JOURNAL_BYTES, &a->journal);
    return e ? e : journal_begin(a->journal, EPOCH, 0, &a->place);
}

enum err log_journal_append(struct log_run *run, struct log_result *ret)
{
    struct appender a = {.config = run->config, .topics = run->topics};
    group_writer_init(&a.writer);
    a.payload = malloc(run->config->size);
    enum err e = a.payload ? ERR_OK : ERR_NOMEM;
    if (!e) {
        memset(a.payload, 'x', run->config->size);
        e = open_journal(&a, run);
    }
    if (!e)
        e = append_all(&a, ret);
    journal_close(a.journal);
    group_writer_finish(&a.writer);
    free(a.payload);
    return e;
}
