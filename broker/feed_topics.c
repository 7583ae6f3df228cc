#include "broker/feed_topics.h"

#include <stdlib.h>

#include "broker/filter.h"
#include "broker/topic_index.h"
#include "broker/topic_table.h"

struct finding {
    struct feed_table *table;
    struct feed *feed;
    uint32_t until; /* ids above came while it was looked */
};

/* ERR_FULL: subscriptions take as much as they may. */
static enum err add_id(struct feed_table *t, struct feed *f, uint32_t id)
{
    if (f->topic_count == f->topic_cap) {
        uint32_t cap = f->topic_cap ? f->topic_cap * 2 : 4;
        size_t more = (cap - f->topic_cap) * sizeof(uint32_t);
        if (!filter_take(feed_table_filters(t), more))
            return ERR_FULL;
        uint32_t *ids = realloc(f->topic_ids, cap * sizeof(*ids));
        if (!ids) {
            filter_give_back(feed_table_filters(t), more);
            return ERR_NOMEM;
        }
        f->topic_ids = ids;
        f->topic_cap = cap;
    }
    f->topic_ids[f->topic_count++] = id;
    return ERR_OK;
}

static enum err note_id(void *ctx, uint32_t id)
{
    const struct finding *finding = ctx;
    return id <= finding->until ? add_id(finding->table, finding->feed, id) : ERR_OK;
}

/* Not to be kept: there are too many of them. */
static void give_up(struct feed_table *t, struct feed *f)
{
    filter_give_back(feed_table_filters(t), f->topic_cap * sizeof(uint32_t));
    free(f->topic_ids);
    f->topic_ids = NULL;
    f->topic_count = f->topic_cap = 0;
    f->topics_many = true;
}

/* --- from the beginning --- */

static enum err find_filter(struct finding *finding, const struct filter *filter, uint32_t *steps)
{
    struct topic_table *topics = feed_table_topics(finding->table);
    bool all = filter_sees_all(feed_table_filters(finding->table));
    if (filter->pattern)
        return topic_index_find(topic_table_index(topics), filter->name, filter->len, all, steps,
                                note_id, finding);
    if (*steps == 0)
        return ERR_LIMIT;
    --*steps;
    const struct topic *topic = topic_table_find(topics, filter->name, filter->len);
    return topic ? note_id(finding, topic->id) : ERR_OK;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Ascending, each once. */
static void put_in_order(struct feed *f)
{
    uint32_t count = 0;
    if (f->topic_count < 2)
        return;
    qsort(f->topic_ids, f->topic_count, sizeof(*f->topic_ids), compare_ids);
    for (uint32_t i = 0; i < f->topic_count; i++)
        if (count == 0 || f->topic_ids[count - 1] != f->topic_ids[i])
            f->topic_ids[count++] = f->topic_ids[i];
    f->topic_count = count;
}

static enum err find_all(struct feed_table *t, struct feed *f, uint32_t until, uint32_t *looked)
{
    struct finding finding = {t, f, until};
    uint32_t steps = TOPICS_LOOK_MAX;
    enum err e = ERR_OK;
    f->topic_count = 0;
    for (uint32_t i = 0; i < f->filter_count && e == ERR_OK; i++)
        e = find_filter(&finding, f->filters[i], &steps);
    if (e == ERR_OK)
        put_in_order(f);
    *looked = TOPICS_LOOK_MAX - steps;
    return e;
}

/* --- what has come and gone since --- */

static void drop_forgotten(const struct feed_table *t, struct feed *f)
{
    const struct topic_table *topics = feed_table_topics(t);
    uint64_t forgets = topic_table_forgets(topics);
    uint32_t count = 0;
    if (f->forgets_seen == forgets)
        return;
    for (uint32_t i = 0; i < f->topic_count; i++)
        if (topic_table_get(topics, f->topic_ids[i]))
            f->topic_ids[count++] = f->topic_ids[i];
    f->topic_count = count;
    f->forgets_seen = forgets;
}

static enum err look_at_new(struct feed_table *t, struct feed *f, uint32_t until, uint32_t *looked)
{
    enum err e = ERR_OK;
    struct id_walk new = topic_table_walk(feed_table_topics(t), f->topics_seen + 1);
    const struct topic *topic;
    while (e == ERR_OK && (topic = id_walk_next(&new)) && topic->id <= until) {
        ++*looked;
        if (feed_wants(t, f, topic))
            e = f->topic_count < TOPICS_LOOK_MAX ? add_id(t, f, topic->id) : ERR_LIMIT;
    }
    return e;
}

static bool is_plain(const struct feed *f)
{
    return f->filter_count == 1 && !f->filters[0]->pattern;
}

/* A feed of one plain topic has no more than that, as long as it is there. */
static bool is_complete(const struct feed *f)
{
    return is_plain(f) && f->topic_count == 1;
}

static enum err bring_up_to_date(struct feed_table *t, struct feed *f, uint32_t until,
                                 uint32_t *looked)
{
    uint32_t seen = f->topics_seen;
    drop_forgotten(t, f);
    if (seen == until || f->topics_many || is_complete(f))
        return ERR_OK;
    bool anew = seen == 0 || until - seen > TOPICS_LOOK_MAX || is_plain(f);
    enum err e = anew ? find_all(t, f, until, looked) : look_at_new(t, f, until, looked);
    if (e == ERR_LIMIT || e == ERR_FULL)
        give_up(t, f);
    else if (e != ERR_OK)
        f->topic_count = f->topics_seen = 0; /* the next time from the beginning */
    return e == ERR_NOMEM ? e : ERR_OK;
}

/* Private topics belong to no set with "#". */
static bool is_for_all(const struct feed_table *t, const struct feed *f)
{
    return f->all && (filter_sees_all(feed_table_filters(t)) ||
                      !topic_table_has_private(feed_table_topics(t)));
}

enum err feed_topics(struct feed_table *t, struct feed *f, struct topic_set *ret)
{
    static const uint32_t none[1];
    uint32_t until = topic_table_last_id(feed_table_topics(t)), looked = 0;
    enum err e = f->all ? ERR_OK : bring_up_to_date(t, f, until, &looked);
    if (e != ERR_OK)
        return e;
    f->topics_seen = until;
    *ret = (struct topic_set){.looked = looked, .feed = f};
    if (f->all ? !is_for_all(t, f) : f->topics_many) {
        ret->only = f;
    } else if (!f->all) {
        ret->ids = f->topic_ids ? f->topic_ids : none;
        ret->count = f->topic_count;
    }
    return ERR_OK;
}

bool topic_set_is_open(struct feed_table *t, const struct topic_set *s)
{
    const struct feed *f = s->feed;
    for (uint32_t i = 0; f->pattern_count == 0 && i < f->filter_count; i++)
        if (!topic_table_find(feed_table_topics(t), f->filters[i]->name, f->filters[i]->len))
            return true;
    return f->pattern_count > 0;
}

bool topic_set_has(struct feed_table *t, const struct topic_set *s, const struct topic *topic)
{
    if (!s->ids)
        return !s->only || feed_wants(t, s->only, topic);
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->ids[mid] == topic->id)
            return true;
        if (s->ids[mid] < topic->id)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}
