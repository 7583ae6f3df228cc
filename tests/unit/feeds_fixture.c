#include "tests/unit/feeds_fixture.h"

#include <check.h>
#include <string.h>

#include "broker/topic_name.h"

const struct encoding encoding_a = {.name = "a"}, encoding_b = {.name = "b"};

struct topic_table *topics;
struct feed_table *feeds;
int told;
int told_by[4];
int tell_failures;

static enum err subscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    ck_assert_ptr_eq(ctx, &told);
    size_t n;
    const char *name = filter_name(f, &n);
    ck_assert_ptr_null(who);
    ck_assert(topic_pattern_valid(name, n));
    ck_assert_uint_lt(transport, 4);
    if (tell_failures && --tell_failures == 0)
        return ERR_NOMEM;
    told++;
    told_by[transport]++;
    return ERR_OK;
}

static void unsubscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    (void)f;
    (void)who;
    ck_assert_ptr_eq(ctx, &told);
    told--;
    ck_assert_int_ge(--told_by[transport], 0);
}

size_t taken, taken_max;

static bool take(void *ctx, size_t bytes, bool must)
{
    (void)ctx;
    if (!must && taken + bytes > taken_max)
        return false;
    taken += bytes;
    return true;
}

static void give_back(void *ctx, size_t bytes)
{
    (void)ctx;
    ck_assert_uint_ge(taken, bytes);
    taken -= bytes;
}

void feeds_setup(void)
{
    struct feed_watcher watcher = {subscribed, unsubscribed, take, give_back, &told};
    told = 0;
    memset(told_by, 0, sizeof(told_by));
    taken = 0;
    taken_max = SIZE_MAX;
    topics = topic_table_create(100000);
    feeds = feed_table_create(topics, &watcher);
    ck_assert_ptr_nonnull(feeds);
}

void feeds_teardown(void)
{
    ck_assert_int_eq(told, 0);
    ck_assert_uint_eq(taken, 0);
    feed_table_destroy(feeds);
    topic_table_destroy(topics);
}

struct topic *topic(const char *name)
{
    struct topic *t = topic_table_find(topics, name, strlen(name));
    if (!t)
        ck_assert_int_eq(topic_table_add(topics, name, strlen(name), false, &t), ERR_OK);
    return t;
}

void fill(struct feed_spec *spec, const char *filters)
{
    feed_spec_init(spec, feeds);
    for (const char *at = filters; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        ck_assert_int_eq(feed_spec_add(spec, at, n), ERR_OK);
        at += n;
    }
}

void join_as(struct subscriber *sub, const char *filters, const struct encoding *e,
             unsigned transport)
{
    struct feed_spec spec;
    fill(&spec, filters);
    ck_assert_int_eq(feed_join(sub, &spec, e, transport, NULL), ERR_OK);
    feed_spec_finish(&spec);
}

void join(struct subscriber *sub, const char *filters)
{
    join_as(sub, filters, &encoding_a, 0);
}

void join_live(struct subscriber *sub, const char *filters)
{
    join(sub, filters);
    ck_assert_int_eq(feed_go_live(sub, NULL, LIVE_NO_HANDLE), ERR_OK);
}

void add(struct subscriber *sub, const char *filter)
{
    ck_assert_int_eq(feed_add(feeds, sub, filter, strlen(filter), NULL), ERR_OK);
}

void drop(struct subscriber *sub, const char *filter)
{
    ck_assert_int_eq(feed_drop(feeds, sub, filter, strlen(filter), NULL), ERR_OK);
}

/* --- turns --- */

struct message *turn[TURN_MAX];
size_t turn_count;
uint64_t newest;

void bring_payload(const char *name, const char *payload)
{
    struct message_init init = {
        .topic = name,
        .topic_len = strlen(name),
        .payload = payload,
        .payload_len = strlen(payload),
    };
    struct message *m = message_create(&init);
    message_resolve(m, topic(name));
    m->offset = ++newest;
    ck_assert_uint_lt(turn_count, TURN_MAX);
    turn[turn_count++] = m;
    ck_assert_int_eq(feed_turn_add(feeds, m), ERR_OK);
}

void bring(const char *name)
{
    bring_payload(name, "");
}

void end_turn(void)
{
    feed_turn_end(feeds);
    ck_assert_ptr_null(feed_turn_feeds(feeds));
    while (turn_count)
        message_unref(turn[--turn_count]);
}

bool is_touched(const struct feed *f)
{
    for (const struct feed *t = feed_turn_feeds(feeds); t; t = t->next_touched)
        if (t == f)
            return true;
    return false;
}

void check_hits(const struct feed *f, const uint64_t *offsets, size_t count)
{
    const struct feed_hit *hit = f->hits;
    for (size_t i = 0; i < count; i++, hit = hit->next) {
        ck_assert_ptr_nonnull(hit);
        ck_assert_uint_eq(hit->message->offset, offsets[i]);
    }
    ck_assert_ptr_null(hit);
    ck_assert_int_eq(is_touched(f), count > 0);
}

void check_topics(struct feed *f, const uint32_t *ids, size_t count)
{
    struct topic_set set;
    ck_assert_int_eq(feed_topics(feeds, f, &set), ERR_OK);
    ck_assert_ptr_nonnull(set.ids);
    ck_assert_uint_eq(set.count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(set.ids[i], ids[i]);
}
