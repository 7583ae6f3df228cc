/*
 * The mode fill: makes a log through the hub's own interface, for a hub to start with, and reads
 * from it.
 *
 * Payloads begin with marks of mark_fill_tag(), numbered from 1 in each topic. Topic 0 gets each
 * message in `share`, the last topic RARE_MESSAGES in all, far from each other; the rest goes to
 * topics chosen at random.
 */
#include <stdio.h>
#include <stdlib.h>

#include "storage/store.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_args.h"
#include "tools/bench/bench_loop.h"
#include "tools/bench/bench_mark.h"
#include "tools/bench/bench_modes.h"
#include "tools/bench/bench_process.h"
#include "tools/bench/bench_progress.h"
#include "tools/bench/bench_report.h"

enum {
    TOPIC_NAME_SIZE = BENCH_TOPIC_LEN + 1,
    RARE_MESSAGES = 12,
    RESUME_MESSAGES = 10,
    RESUMES = 200, /* of each kind */
};

#define MAP_SPARE ((uint64_t)256 << 20) /* bytes */

struct fill {
    const struct bench_config *config;
    uint32_t topics;
    struct store *store;
    struct store_reader *reader;
    uint64_t offset; /* of the last record */
    uint64_t random; /* state */
    uint64_t tag, time_ms;
    uint32_t *numbers; /* of each topic's last message */
    uint32_t *ids;     /* of all topics, ascending */
    struct store_topic *names;
    char (*texts)[TOPIC_NAME_SIZE];
    struct store_record *records; /* one batch */
    char *payloads;               /* of its records */
};

/* --- making it --- */

static void name_topics(struct fill *f)
{
    for (uint32_t i = 0; i < f->topics; i++) {
        snprintf(f->texts[i], TOPIC_NAME_SIZE, BENCH_TOPIC_PREFIX "%08x", i);
        f->ids[i] = i + 1;
        f->names[i] =
            (struct store_topic){.id = i + 1, .name = f->texts[i], .name_len = BENCH_TOPIC_LEN};
    }
}

static enum err allocate(struct fill *f, const struct bench_config *c)
{
    *f = (struct fill){
        .config = c,
        .topics = (uint32_t)c->topics,
        .random = 88172645463325252,
        .tag = mark_fill_tag(),
        .time_ms = (uint64_t)time(NULL) * 1000,
    };
    f->numbers = calloc(f->topics, sizeof(*f->numbers));
    f->ids = calloc(f->topics, sizeof(*f->ids));
    f->names = calloc(f->topics, sizeof(*f->names));
    f->texts = calloc(f->topics, sizeof(*f->texts));
    f->records = calloc(c->batch, sizeof(*f->records));
    f->payloads = calloc(c->batch, c->size);
    if (!f->numbers || !f->ids || !f->names || !f->texts || !f->records || !f->payloads)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->batch * c->size; i++)
        f->payloads[i] = (char)('a' + i % c->size % 26);
    name_topics(f);
    return ERR_OK;
}

static void release(struct fill *f)
{
    store_reader_destroy(f->reader);
    store_close(f->store, f->offset, true);
    free(f->numbers);
    free(f->ids);
    free(f->names);
    free(f->texts);
    free(f->records);
    free(f->payloads);
}

/* Xorshift: which topics are chosen needs no more. */
static uint32_t choose(struct fill *f, uint32_t from, uint32_t to)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return from + (uint32_t)((f->random >> 32) * (to - from) >> 32);
}

/* The topic of message number OFFSET. */
static uint32_t topic_of(struct fill *f, uint64_t offset)
{
    uint64_t rare_step = f->config->count / (RARE_MESSAGES + 1) + 1;
    if (f->topics == 1 || offset % f->config->share == 0)
        return 0;
    if (f->topics == 2)
        return 1;
    if (offset / rare_step > f->numbers[f->topics - 1])
        return f->topics - 1;
    return choose(f, 1, f->topics - 1);
}

static void fill_batch(struct fill *f, size_t count)
{
    const struct bench_config *c = f->config;
    for (size_t i = 0; i < count; i++) {
        uint32_t topic = topic_of(f, ++f->offset);
        struct bench_mark mark = {.stream = topic, .number = ++f->numbers[topic]};
        char *payload = f->payloads + i * c->size;
        mark_write(payload, f->tag, &mark);
        f->records[i] = (struct store_record){
            .offset = f->offset,
            .time_ms = f->time_ms,
            .topic_id = topic + 1,
            .payload_len = (uint32_t)c->size,
            .payload = payload,
        };
    }
}

static enum err append_all(struct fill *f)
{
    const struct bench_config *c = f->config;
    struct store_batch topics = {.topics = f->names, .topic_count = f->topics};
    enum err e = store_append(f->store, &topics);
    while (!e && f->offset < c->count && !loop_interrupted()) {
        uint64_t left = c->count - f->offset;
        struct store_batch batch = {.records = f->records,
                                    .record_count = left < c->batch ? left : c->batch};
        fill_batch(f, batch.record_count);
        e = store_append(f->store, &batch);
        progress("%llu of %llu", (unsigned long long)f->offset, (unsigned long long)c->count);
    }
    return e ? e : store_sync_now(f->store);
}

static enum err open_store(struct fill *f)
{
    const struct bench_config *c = f->config;
    struct store_state state = {0};
    struct store_options options = {
        .path = c->dir,
        .sync = STORE_SYNC_NEVER,
        .map_bytes = (c->count + c->batch) * (c->size + 64) * 2 + MAP_SPARE,
        .readers_max = 1,
    };
    enum err e = store_open(&options, &f->store, &state);
    f->offset = state.head;
    if (!e && !state.created) {
        bench_say("%s is a log already", c->dir);
        return ERR_INVALID;
    }
    return e ? e : store_reader_create(f->store, &f->reader);
}

/* --- reading it --- */

struct seen {
    uint64_t count, bytes;
    uint64_t last; /* offset */
};

static bool see(void *ctx, const struct store_record *r)
{
    struct seen *s = ctx;
    s->count++;
    s->bytes += (unsigned char)r->payload[0]; /* the payload has to be there */
    s->last = r->offset;
    return true;
}

/* Reads until Q is answered whole. */
static enum err read_all(struct fill *f, struct store_query q, struct seen *seen)
{
    enum err e = ERR_OK;
    *seen = (struct seen){0};
    while (!e && q.after < q.until)
        e = store_read(f->reader, &q, see, seen, &q.after);
    return e;
}

static uint64_t cpu_now(void)
{
    struct bench_cpu cpu;
    return process_cpu(0, &cpu) ? 0 : cpu.total;
}

/* The messages of COUNT topics (IDS NULL: of all), from the first to the last. */
static enum err measure_reading(struct fill *f, const uint32_t *ids, size_t count,
                                double *ret_per_s)
{
    struct store_query q = {.until = f->offset, .topics = ids, .topic_count = count};
    struct seen seen;
    uint64_t began = cpu_now();
    enum err e = read_all(f, q, &seen);
    *ret_per_s = (double)seen.count * 1e9 / (double)(cpu_now() - began);
    return e;
}

/* The place before the last messages of these topics. */
static enum err find_resume(struct fill *f, const uint32_t *ids, size_t count, uint64_t *ret_after)
{
    struct store_query q = {
        .until = f->offset,
        .topics = ids,
        .topic_count = count,
        .reverse = true,
        .max_records = RESUME_MESSAGES,
    };
    struct seen seen = {0};
    uint64_t reached;
    enum err e = store_read(f->reader, &q, see, &seen, &reached);
    *ret_after = seen.count ? seen.last - 1 : 0;
    return e;
}

struct resumes {
    double first_us, mean_us; /* CPU time */
};

static enum err resume_once(struct fill *f, const uint32_t *ids, size_t count, double *ret_us)
{
    struct store_query q = {.until = f->offset, .topics = ids, .topic_count = count};
    struct seen seen;
    enum err e = find_resume(f, ids, count, &q.after);
    uint64_t began = cpu_now();
    if (!e)
        e = read_all(f, q, &seen);
    *ret_us = (double)(cpu_now() - began) / 1e3;
    return e;
}

/* COUNT topics from FIRST on; 0: another one each time. */
static enum err measure_resumes(struct fill *f, uint32_t first, size_t count, struct resumes *ret)
{
    enum err e = ERR_OK;
    *ret = (struct resumes){0};
    for (int i = 0; i < RESUMES && !e; i++) {
        double us;
        uint32_t at = count || f->topics == 1 ? first : choose(f, 0, f->topics);
        e = resume_once(f, &f->ids[at], count ? count : 1, &us);
        ret->mean_us += us / RESUMES;
        if (i == 0)
            ret->first_us = us;
    }
    return e;
}

static enum err report_resumes(struct fill *f, struct bench_report *r, const char *key,
                               const char *label, uint32_t first, size_t count)
{
    struct resumes found;
    char first_key[REPORT_KEY_SIZE], mean_key[REPORT_KEY_SIZE];
    enum err e = measure_resumes(f, first, count, &found);
    snprintf(first_key, sizeof(first_key), "resume_%s_first_us", key);
    snprintf(mean_key, sizeof(mean_key), "resume_%s_us", key);
    report_number(r, first_key, NULL, found.first_us, 1, "us");
    report_number(r, mean_key, label, found.mean_us, 1, "us");
    report_note(r, "CPU, the first time %.1f", found.first_us);
    return e;
}

static enum err measure(struct fill *f, struct bench_report *r)
{
    double all = 0, hot = 0;
    enum err e = report_resumes(f, r, "hot", "last 10 of topic 0", 0, 1);
    if (!e)
        e = report_resumes(f, r, "rare", "last 10 of the last topic", f->topics - 1, 1);
    if (!e)
        e = report_resumes(f, r, "any", "last 10 of any topic", 0, 0);
    if (!e)
        e = report_resumes(f, r, "set", "last 10 of all topics, by name", 0, f->topics);
    if (!e)
        e = measure_reading(f, NULL, 0, &all);
    if (!e)
        e = measure_reading(f, f->ids, 1, &hot);
    report_number(r, "read_all_per_s", "all topics, by CPU time", all, 0, "/s");
    report_number(r, "read_one_per_s", "topic 0, by CPU time", hot, 0, "/s");
    return e;
}

static enum err run(struct fill *f, struct bench_report *r)
{
    const struct bench_config *c = f->config;
    uint64_t began = bench_now();
    enum err e = open_store(f);
    if (!e)
        e = append_all(f);
    if (e)
        return e;
    report_text(r, "mode", "mode", "fill");
    report_number(r, "messages", "messages", (double)f->offset, 0, "");
    report_number(r, "topics", "topics", (double)f->topics, 0, "");
    report_number(r, "hot_messages", "of topic 0", (double)f->numbers[0], 0, "");
    report_number(r, "size", "payload", (double)c->size, 0, "bytes");
    report_number(r, "append_per_s", "appended",
                  (double)f->offset * 1e9 / (double)(bench_now() - began), 0, "/s");
    return measure(f, r);
}

enum bench_exit bench_fill(const struct bench_config *config)
{
    struct fill f;
    struct bench_report r = {0};
    enum err e = allocate(&f, config);
    if (!e)
        e = run(&f, &r);
    release(&f);
    progress_clear();
    if (!e)
        return report_print(&r, config->json);
    bench_say("%s: %s", config->dir, err_text(e));
    return BENCH_FAILED;
}
