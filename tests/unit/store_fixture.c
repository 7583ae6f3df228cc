#include "tests/unit/store_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *make_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = NULL;
    ck_assert_int_gt(asprintf(&path, "%s/longwire-store-XXXXXX", tmp ? tmp : "/tmp"), 0);
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

void remove_dir(char *path)
{
    char name[4096];
    DIR *d = opendir(path);
    if (d) {
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
            if (e->d_name[0] == '.')
                continue;
            snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
            unlink(name);
        }
        closedir(d);
    }
    rmdir(path);
    free(path);
}

enum err open_held(const struct store_options *o, struct store **ret, struct store_state *state)
{
    enum { JOURNAL_BYTES = 16 << 20, NEVER_MS = 1 << 30 };
    struct store_options with = *o;
    with.journal_bytes = JOURNAL_BYTES;
    with.apply_ms = NEVER_MS;
    return store_open(&with, ret, state);
}

enum err open_applied(const struct store_options *o, struct store **ret, struct store_state *state)
{
    enum { JOURNAL_BYTES = 1 << 20 };
    struct store_options with = *o;
    with.journal_bytes = JOURNAL_BYTES;
    with.apply_ms = 1;
    return store_open(&with, ret, state);
}

void add_topics(struct store *s, uint32_t first, uint32_t count)
{
    struct store_topic *topics = calloc(count, sizeof(*topics));
    char(*names)[24] = calloc(count, sizeof(*names));
    for (uint32_t i = 0; i < count; i++) {
        int n = snprintf(names[i], sizeof(names[i]), "topic-%u", first + i);
        topics[i].id = first + i;
        topics[i].name = names[i];
        topics[i].name_len = (uint8_t)n;
    }
    struct store_batch b = {.topics = topics, .topic_count = count};
    ck_assert_int_eq(store_append(s, &b), ERR_OK);
    free(names);
    free(topics);
}

static struct store_record plain_record(const uint64_t *offset, uint32_t topic)
{
    return (struct store_record){
        .offset = *offset,
        .time_ms = *offset,
        .topic_id = topic,
        .payload = (const char *)offset,
        .payload_len = sizeof(*offset),
    };
}

enum err append_one(struct store *s, uint64_t offset, uint32_t topic)
{
    struct store_record r = plain_record(&offset, topic);
    struct store_batch b = {.records = &r, .record_count = 1};
    return store_append(s, &b);
}

enum err append_run(struct store *s, uint64_t first, size_t count, uint32_t topics)
{
    static uint64_t offsets[RUN_MAX]; /* nothing is allocated: tests make allocations fail */
    static struct store_record records[RUN_MAX];
    REQUIRE(count <= RUN_MAX);
    for (size_t i = 0; i < count; i++) {
        offsets[i] = first + i;
        records[i] = plain_record(&offsets[i], (uint32_t)(offsets[i] % topics) + 1);
    }
    struct store_batch b = {.records = records, .record_count = count};
    return store_append(s, &b);
}

static bool keep(void *ctx, const struct store_record *r)
{
    struct found *f = ctx;
    if (f->stop_at && f->count + 1 == f->stop_at)
        return false;
    REQUIRE(r->payload_len == sizeof(r->offset));
    REQUIRE(memcmp(r->payload, &r->offset, sizeof(r->offset)) == 0);
    REQUIRE(f->count < FOUND_MAX);
    f->offsets[f->count] = r->offset;
    f->topics[f->count++] = r->topic_id;
    return true;
}

enum err read_into(struct store_reader *r, const struct store_query *q, struct found *f)
{
    f->count = 0;
    return store_read(r, q, keep, f, &f->reached);
}

void read_all(struct store_reader *r, struct store_query q, struct found *f)
{
    f->count = 0;
    do {
        REQUIRE(store_read(r, &q, keep, f, &f->reached) == ERR_OK);
        if (q.reverse) {
            REQUIRE(f->reached <= q.until);
            REQUIRE(f->reached > q.after);
            q.until = f->reached - 1;
        } else {
            REQUIRE(f->reached > q.after);
            REQUIRE(f->reached <= q.until);
            q.after = f->reached;
        }
    } while (q.after < q.until);
}

static void pick_topic(void *ctx, const struct store_topic *t)
{
    struct store_topic *wanted = ctx;
    if (t->id == wanted->id && !wanted->name) {
        *wanted = *t;
        wanted->name = "found";
    }
}

struct store_topic topic_row(struct store *s, uint32_t id)
{
    struct store_topic t = {.id = id};
    ck_assert_int_eq(store_topics(s, pick_topic, &t), ERR_OK);
    if (!t.name)
        t.id = 0;
    t.name = NULL;
    return t;
}

enum err purge_some(struct store *s, uint32_t topic, uint64_t upto, size_t max, size_t *ret_removed,
                    bool *ret_done)
{
    struct store_removal r = {.max = max};
    enum err e = store_purge(s, topic, upto, &r);
    *ret_removed = r.removed;
    *ret_done = r.done;
    return e;
}

enum err trim_some(struct store *s, uint64_t upto, size_t max, floor_told *floor, void *ctx,
                   size_t *ret_removed, bool *ret_done)
{
    struct store_removal r = {.max = max, .floor = floor, .ctx = ctx};
    uint64_t at = 0;
    enum err e = store_trim(s, &at, upto, &r);
    *ret_removed = r.removed;
    *ret_done = r.done;
    return e;
}
