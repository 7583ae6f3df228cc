#include "tests/unit/broker_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_remove.h"
#include "broker/topic_table.h"
#include "storage/lmdb/store_lmdb.h"
#include "tests/unit/store_fixture.h"

enum { READERS_MAX = 16 };

/* --- the store, with failures on demand --- */

static struct store_ops faulty_ops; /* the member's, but for append, sync_now and trim */
static const struct store_ops *member_ops;
static struct rig *current;

static struct rig *rig_of_store(const struct store *s)
{
    ck_assert_ptr_eq(s, current->store);
    return current;
}

static enum err append_or_fail(struct store *s, const struct store_batch *b)
{
    struct rig *r = rig_of_store(s);
    r->appends++;
    return r->fault != ERR_OK ? r->fault : member_ops->append(s, b);
}

static enum err forget_or_fail(struct store *s, const uint32_t *ids, size_t count, uint64_t mark)
{
    struct rig *r = rig_of_store(s);
    r->forgets++;
    return r->fault != ERR_OK ? r->fault : member_ops->forget(s, ids, count, mark);
}

static enum err count_sync(struct store *s)
{
    atomic_fetch_add(&rig_of_store(s)->syncs, 1);
    return member_ops->sync_now(s);
}

static const struct store_removal *told; /* the trim that is running */

static void tell_floor(void *ctx, uint32_t topic_id, uint64_t floor)
{
    if (current->before_floor)
        current->before_floor(current);
    told->floor(ctx, topic_id, floor);
}

static enum err trim_watched(struct store *s, uint64_t *at, uint64_t upto, struct store_removal *r)
{
    struct store_removal watched = *r;
    told = r;
    watched.floor = tell_floor;
    enum err e = member_ops->trim(s, at, upto, &watched);
    r->removed = watched.removed;
    r->done = watched.done;
    return e;
}

static void make_faulty(struct rig *r)
{
    current = r;
    member_ops = r->store->ops;
    faulty_ops = *member_ops;
    faulty_ops.append = append_or_fail;
    faulty_ops.forget = forget_or_fail;
    faulty_ops.sync_now = count_sync;
    faulty_ops.trim = trim_watched;
    r->store->ops = &faulty_ops;
}

/* --- life --- */

static bool is_memory(void *ctx, const char *topic, size_t n)
{
    const struct rig *r = ctx;
    return r->all_memory || (n >= 4 && memcmp(topic, "mem/", 4) == 0);
}

void rig_init(struct rig *r, bool durable)
{
    memset(r, 0, sizeof(*r));
    r->now_ms = 1700000000000;
    r->boot_id = "the first boot";
    r->options = (struct broker_options){
        .tail_bytes = 1 << 20,
        .max_topics = 1000,
        .subscription_bytes = 64 << 20,
        .dedup_window_ms = 60000,
        .dedup_max_keys = 1000,
        .is_memory = is_memory,
        .is_memory_ctx = r,
    };
    if (durable)
        r->dir = make_dir();
}

static enum err subscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    struct rig *r = ctx;
    size_t n;
    const char *name = filter_name(f, &n);
    (void)who;
    return interest_add(broker_interest(r->broker), name, n, transport);
}

static void unsubscribed(void *ctx, struct filter *f, unsigned transport, void *who)
{
    struct rig *r = ctx;
    size_t n;
    const char *name = filter_name(f, &n);
    (void)who;
    interest_remove(broker_interest(r->broker), name, n, transport);
}

void rig_start(struct rig *r)
{
    struct store_options o = {
        .path = r->dir,
        .sync = STORE_SYNC_NEVER,
        .map_bytes = UINT64_C(1) << 30,
        .readers_max = READERS_MAX,
    };
    struct feed_watcher watcher = {
        .subscribed = subscribed, .unsubscribed = unsubscribed, .ctx = r};
    if (r->dir)
        ck_assert_int_eq(store_lmdb_open_booted(&o, r->boot_id, &r->store, &r->log), ERR_OK);
    else
        ck_assert_int_eq(store_memory_open(&o, &r->store, &r->log), ERR_OK);
    make_faulty(r);
    ck_assert_int_eq(broker_create(&r->options, r->store, &r->log, r->now_ms, &r->broker), ERR_OK);
    ck_assert_int_eq(store_reader_create(r->store, &r->reader), ERR_OK);
    r->feeds = feed_table_create(broker_topics(r->broker), &watcher);
    ck_assert_ptr_nonnull(r->feeds);
    tail_init(&r->tail);
    r->replay = (struct replay){
        .store = r->reader,
        .topics = broker_topics(r->broker),
        .feeds = r->feeds,
        .tail = &r->tail,
        .log = &r->log,
        .head = r->log.head,
    };
}

/* Everything but the store. */
static void let_go(struct rig *r)
{
    feed_table_destroy(r->feeds);
    tail_finish(&r->tail);
    store_reader_destroy(r->reader);
    broker_destroy(r->broker);
    r->broker = NULL;
}

void rig_stop(struct rig *r)
{
    uint64_t head = broker_head(r->broker);
    bool complete = broker_remember(r->broker) == ERR_OK;
    let_go(r);
    store_close(r->store, head, complete);
    r->store = NULL;
}

void rig_crash(struct rig *r)
{
    let_go(r);
    store_abandon(r->store);
    r->store = NULL;
}

void rig_restart(struct rig *r, bool cleanly)
{
    if (cleanly)
        rig_stop(r);
    else
        rig_crash(r);
    rig_start(r);
}

void rig_finish(struct rig *r)
{
    if (r->broker)
        rig_stop(r);
    if (r->dir)
        remove_dir(r->dir);
    r->dir = NULL;
    free(r->slice);
    r->slice = NULL;
}

/* --- publishing --- */

struct message *message_of(const char *topic, const char *payload, const char *key)
{
    struct message_init init = {
        .topic = topic,
        .topic_len = strlen(topic),
        .payload = payload,
        .payload_len = strlen(payload),
        .key = key,
        .key_len = key ? strlen(key) : 0,
    };
    struct message *m = message_create(&init);
    ck_assert_ptr_nonnull(m);
    return m;
}

struct publish *publish_of(const char *topic, const char *key)
{
    struct publish *p = publish_create(1);
    ck_assert_ptr_nonnull(p);
    publish_set(p, 0, message_of(topic, topic, key));
    return p;
}

struct publish *list_of(struct publish *first, ...)
{
    struct publish *last = first, *p;
    va_list ap;
    va_start(ap, first);
    while ((p = va_arg(ap, struct publish *)) != NULL) {
        last->next = p;
        last = p;
    }
    va_end(ap);
    return first;
}

void list_free(struct publish *list)
{
    while (list) {
        struct publish *next = list->next;
        publish_free(list);
        list = next;
    }
}

struct batch *rig_commit_apart(struct rig *r, struct publish *list)
{
    struct batch *b;
    broker_commit(r->broker, list, r->now_ms, &b);
    return b;
}

void rig_hand_over(struct rig *r, struct batch *b)
{
    ck_assert_uint_eq(b->first, r->replay.head + 1);
    ck_assert_uint_ge(b->last, b->first);
    ck_assert_int_eq(tail_push(&r->tail, b), ERR_OK);
    r->replay.head = b->last;
    tail_drop_below(&r->tail, b->tail_first);
}

void rig_commit(struct rig *r, struct publish *list)
{
    struct batch *b = rig_commit_apart(r, list);
    if (b)
        rig_hand_over(r, b);
}

uint64_t rig_publish_key(struct rig *r, const char *topic, const char *key)
{
    struct publish *p = publish_of(topic, key);
    rig_commit(r, p);
    ck_assert_int_eq(p->result, ERR_OK);
    uint64_t offset = p->items[0].offset;
    publish_free(p);
    return offset;
}

uint64_t rig_publish(struct rig *r, const char *topic)
{
    return rig_publish_key(r, topic, NULL);
}

void rig_publish_run(struct rig *r, const char *topic, size_t count)
{
    struct publish *p = publish_create((uint32_t)count);
    ck_assert_ptr_nonnull(p);
    for (uint32_t i = 0; i < count; i++)
        publish_set(p, i, message_of(topic, topic, NULL));
    rig_commit(r, p);
    ck_assert_int_eq(p->result, ERR_OK);
    publish_free(p);
}

void rig_flush_tail(struct rig *r)
{
    char *payload = malloc(r->options.tail_bytes + 1);
    memset(payload, 'x', r->options.tail_bytes);
    payload[r->options.tail_bytes] = '\0';
    struct publish *p = publish_create(1);
    publish_set(p, 0, message_of("flush", payload, NULL));
    rig_commit(r, p);
    ck_assert_int_eq(p->result, ERR_OK);
    publish_free(p);
    free(payload);
    ck_assert_uint_eq(tail_first(&r->tail, 0), r->replay.head);
}

struct topic *rig_topic(struct rig *r, const char *name)
{
    return topic_table_find(broker_topics(r->broker), name, strlen(name));
}

void rig_purge(struct rig *r, const char *name)
{
    uint64_t removed;
    ck_assert_int_eq(broker_purge(r->broker, rig_topic(r, name), &removed), ERR_OK);
}

uint64_t rig_trim(struct rig *r, uint64_t upto)
{
    uint64_t at = 0, removed, sum = 0;
    while (at < upto) {
        ck_assert_int_eq(broker_trim(r->broker, &at, upto, &removed), ERR_OK);
        sum += removed;
    }
    return sum;
}

uint64_t rig_retain(struct rig *r)
{
    uint64_t due_ms;
    do
        ck_assert_int_eq(broker_retain(r->broker, r->now_ms, &due_ms), ERR_OK);
    while (due_ms <= r->now_ms);
    return due_ms;
}

/* --- followers --- */

void follower_join(struct rig *r, struct follower *f, const char *filters)
{
    struct feed_spec spec;
    feed_spec_init(&spec, r->feeds);
    for (const char *at = filters; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        ck_assert_int_eq(feed_spec_add(&spec, at, n), ERR_OK);
        at += n;
    }
    ck_assert_int_eq(feed_join(&f->sub, &spec, NULL, 0, NULL), ERR_OK);
    f->sub.feed->topics_many |= r->reads_all;
    feed_spec_finish(&spec);
}

void follower_start(struct rig *r, struct follower *f, const char *filters,
                    const struct after *after)
{
    follower_join(r, f, filters);
    ck_assert_int_eq(
        replay_start(&r->replay, f->sub.feed, after, broker_head(r->broker), &f->position, &f->gap),
        ERR_OK);
}

void follower_start_text(struct rig *r, struct follower *f, const char *filters, const char *after)
{
    struct after a;
    ck_assert_int_eq(after_parse(after, strlen(after), &a), ERR_OK);
    follower_start(r, f, filters, &a);
}

static void get(struct follower *f, uint64_t offset)
{
    if (f->count == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 64;
        f->got = reallocarray(f->got, f->cap, sizeof(*f->got));
        ck_assert_ptr_nonnull(f->got);
    }
    f->got[f->count++] = offset;
}

static bool take(void *ctx, struct message *m, bool shared)
{
    struct follower *f = ctx;
    ck_assert_int_eq(shared, atomic_load(&m->refs) != 0);
    ck_assert_uint_ne(m->epoch, 0);
    if (f->stop_after && f->this_call == f->stop_after)
        return false;
    f->this_call++;
    get(f, m->offset);
    return true;
}

/* Keeps what F has got from number COUNT on for others of its feed. */
static void keep_slice(struct rig *r, const struct follower *f, size_t count,
                       struct replay_span span)
{
    replay_span_end(&span, &f->position);
    r->slice_span = span;
    r->slice_feed = f->sub.feed;
    r->slice_count = f->count - count;
    r->slice = reallocarray(r->slice, r->slice_count + 1, sizeof(*r->slice));
    ck_assert_ptr_nonnull(r->slice);
    for (size_t i = 0; i < r->slice_count; i++)
        r->slice[i] = f->got[count + i];
}

enum err follower_step(struct rig *r, struct follower *f)
{
    size_t count = f->count;
    struct position before = f->position;
    struct replay_span span;
    f->this_call = 0;
    replay_span_begin(&span, &r->replay, &f->position);
    enum err e =
        replay_next(&r->replay, f->sub.feed, &f->position, r->replay.head, take, f, &f->gap);
    if (f->gap.reason == GAP_DAMAGED)
        ck_assert_uint_eq(f->position.offset, f->gap.resumed);
    else if (e == ERR_AGAIN || f->gap.reason != GAP_NONE)
        ck_assert_uint_eq(f->position.offset, before.offset);
    if (f->gap.reason != GAP_NONE)
        ck_assert_uint_eq(f->count, count);
    if (e == ERR_AGAIN)
        f->count = count;
    ck_assert_uint_ge(f->position.offset, before.offset);
    if (e == ERR_OK && f->gap.reason == GAP_NONE)
        keep_slice(r, f, count, span);
    return e;
}

bool follower_take(struct rig *r, struct follower *f)
{
    uint64_t before = f->position.offset;
    if (!r->slice_feed || r->slice_feed != f->sub.feed ||
        !replay_span_take(&r->slice_span, &r->replay, f->sub.feed, &f->position, r->replay.head))
        return false;
    ck_assert_uint_gt(f->position.offset, before);
    for (size_t i = 0; i < r->slice_count; i++)
        if (r->slice[i] > before)
            get(f, r->slice[i]);
    f->gap.reason = GAP_NONE;
    return true;
}

bool follower_read(struct rig *r, struct follower *f)
{
    f->gap.reason = GAP_NONE;
    while (f->position.offset < r->replay.head && f->gap.reason == GAP_NONE) {
        enum err e = follower_step(r, f);
        if (e != ERR_AGAIN)
            ck_assert_int_eq(e, ERR_OK);
    }
    return f->gap.reason != GAP_NONE;
}

void follower_finish(struct rig *r, struct follower *f)
{
    if (r->slice_feed == f->sub.feed)
        r->slice_feed = NULL; /* it may be the feed's last */
    feed_leave(&f->sub, r->feeds, NULL);
    free(f->got);
    memset(f, 0, sizeof(*f));
}

const char *follower_cursor(struct rig *r, const struct follower *f)
{
    static char text[CURSOR_TEXT_SIZE];
    cursor_format(text, f->position.offset, r->log.epoch);
    return text;
}

void check_got(const struct follower *f, const uint64_t *offsets, size_t count)
{
    for (size_t i = 0; i < count && i < f->count; i++)
        ck_assert_msg(f->got[i] == offsets[i], "message %zu is %llu, not %llu", i,
                      (unsigned long long)f->got[i], (unsigned long long)offsets[i]);
    ck_assert_uint_eq(f->count, count);
}
