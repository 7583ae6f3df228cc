#include "storage/lmdb/lmdb_trim.h"

#include <stdlib.h>

#include "storage/lmdb/lmdb_cursor.h"
#include "storage/lmdb/lmdb_removal.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_settle.h"
#include "storage/record.h"

enum {
    LOOKS_PER_REMOVAL = 8, /* so many records may be kept for each one that goes, for one commit */
};

struct trim {
    uint64_t at, upto;
    uint64_t next; /* the record that the walk ended before */
    bool left;     /* there is one */
    bool stopped;  /* the judge said so */
    uint64_t lost; /* the newest one that went and was of any topic, 0 = none */
    uint64_t sound_at,
        sound_ms; /* a record that can be read, none before it on the way; its time */
};

/* Finds the next record that can be read; the log cursor, which is at OFFSET, stays there. */
static int find_sound(struct lmdb_removal *m, struct trim *t, uint64_t offset)
{
    struct store_record r;
    MDB_val value;
    int rc;
    t->sound_at = offset;
    do
        rc = lmdb_cursor_step(m->log, &t->sound_at, &value, MDB_NEXT);
    while (!rc && record_decode(t->sound_at, value.mv_data, value.mv_size, &r));
    if (rc && rc != MDB_NOTFOUND)
        return rc;
    t->sound_ms = rc ? m->s->base.last_time_ms : lmdb_removal_timed(m, &r).time_ms;
    if (rc)
        t->sound_at = UINT64_MAX;
    return lmdb_cursor_step(m->log, &offset, &value, MDB_SET);
}

/* What can be said of the record under the log cursor, which cannot be read: it is not younger than
 * the next one that can. *RET_CLAIMED: the topic that it names itself, which may be wrong. */
static int guess_record(struct lmdb_removal *m, struct trim *t, const MDB_val *value,
                        struct store_record *ret, uint32_t *ret_claimed)
{
    *ret = (struct store_record){.offset = t->next};
    if (!record_claims(value->mv_data, value->mv_size, ret_claimed, &ret->payload_len))
        *ret_claimed = 0;
    store_met_damage(&m->s->base, STORE_DAMAGE_RECORD, t->next);
    int rc = lmdb_topic_by_index(m, t->next, &ret->topic_id);
    if (!rc && t->sound_at <= t->next)
        rc = find_sound(m, t, t->next);
    ret->time_ms = t->sound_ms;
    return rc;
}

/* Whether nothing is left before OFFSET, where the log cursor is, and stays. */
static int is_oldest(struct lmdb_removal *m, uint64_t offset, bool *ret)
{
    uint64_t first;
    MDB_val value;
    int rc = lmdb_cursor_step(m->log, &first, &value, MDB_FIRST);
    *ret = !rc && first == offset;
    return rc ? rc : lmdb_cursor_step(m->log, &offset, &value, MDB_SET);
}

/* The verdict on the record under the log cursor, R if it is SOUND. One that may be of any topic
 * raises all floors when it goes: it stays as long as a topic keeps something before it. */
static int judge_trimmed(struct lmdb_removal *m, const struct store_record *r, bool sound,
                         enum store_verdict *ret)
{
    bool anybodys = !sound && r->topic_id == 0, oldest = true;
    bool known = anybodys || catalog_find(&m->s->base.catalog, r->topic_id);
    struct store_record judged = sound ? lmdb_removal_timed(m, r) : *r;
    *ret = known ? store_judge(m->r, &judged) : STORE_REMOVE;
    int rc = anybodys && *ret == STORE_REMOVE ? is_oldest(m, r->offset, &oldest) : 0;
    if (!oldest)
        *ret = STORE_KEEP;
    return rc;
}

/* Takes away R, which the log cursor is at; COUNTED: the topic that counts it. */
static enum err remove_trimmed(struct lmdb_removal *m, struct trim *t, const struct store_record *r,
                               bool sound, uint32_t counted)
{
    struct catalog_topic *topic = catalog_find(&m->s->base.catalog, counted);
    if (!sound && r->topic_id == 0)
        t->lost = r->offset;
    if (topic)
        catalog_note_gone(&m->s->base.catalog, topic, r->offset, r->payload_len);
    return lmdb_removal_take(m, sound ? r : NULL);
}

/* Judges the record under the log cursor; *RET_REMOVED: it went. */
static enum err trim_record(struct lmdb_removal *m, struct trim *t, const MDB_val *value,
                            bool *ret_removed)
{
    struct store_record r;
    uint32_t claimed = 0;
    enum store_verdict verdict = STORE_KEEP;
    bool sound = !record_decode(t->next, value->mv_data, value->mv_size, &r);
    int rc = sound ? 0 : guess_record(m, t, value, &r, &claimed);
    if (!rc)
        rc = judge_trimmed(m, &r, sound, &verdict);
    t->stopped = verdict == STORE_STOP;
    *ret_removed = verdict == STORE_REMOVE;
    if (rc || !*ret_removed)
        return lmdb_err(rc);
    return remove_trimmed(m, t, &r, sound, r.topic_id ? r.topic_id : claimed);
}

/* Damaged records that an earlier step had to leave behind, since something was before them. */
static enum err trim_left_behind(struct lmdb_removal *m, struct trim *t)
{
    struct store_record r;
    bool removed = true;
    MDB_val value;
    while (removed && m->r->removed < m->max) {
        int rc = lmdb_cursor_step(m->log, &t->next, &value, MDB_FIRST);
        if (rc || t->next > t->at || !record_decode(t->next, value.mv_data, value.mv_size, &r))
            return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
        enum err e = trim_record(m, t, &value, &removed);
        if (!e && removed)
            e = lmdb_err(lmdb_tidy_block(m, block_of(t->next), true));
        if (e)
            return e;
    }
    t->stopped = false;
    return ERR_OK;
}

static enum err trim_records(struct lmdb_removal *m, struct trim *t)
{
    size_t looks = 0;
    bool removed;
    MDB_val value;
    t->next = t->at + 1;
    int rc = lmdb_cursor_step(m->log, &t->next, &value, MDB_SET_RANGE);
    while (!rc && t->next <= t->upto && m->r->removed < m->max &&
           looks < m->max * LOOKS_PER_REMOVAL) {
        enum err e = trim_record(m, t, &value, &removed);
        if (e)
            return e;
        if (t->stopped)
            break;
        looks++;
        rc = lmdb_cursor_step(m->log, &t->next, &value, MDB_NEXT);
    }
    t->left = rc == 0;
    return rc == MDB_NOTFOUND ? ERR_OK : lmdb_err(rc);
}

/* Blocks and groups that the walk has passed; the open ones have no values yet. */
static int settle_passed(struct lmdb_removal *m, const struct trim *t)
{
    uint64_t from = block_of(t->at + 1);
    uint64_t end = block_of(t->left ? t->next : m->s->base.last_offset);
    int rc = lmdb_settle_blocks(m, from, end);
    return rc ? rc : lmdb_settle_groups(m, group_of(from), group_of(end));
}

/* What went up to LOST may have been any topic's: nothing before it is left of any, and each that
 * had got so far says so. Whose newest is older has not, unless what was there at the opening was
 * never counted. */
static void note_lost(struct lmdb_removal *m, uint64_t lost)
{
    struct id_walk all = catalog_walk(&m->s->base.catalog, 0);
    struct catalog_topic *t;
    while ((t = id_walk_next(&all))) {
        if (t->last < lost && lost <= m->s->unread_high)
            t->last = lost;
        uint64_t floor = atomic_load_explicit(&t->floor, memory_order_relaxed);
        if (t->last >= lost && t->gone_upto < lost && floor < lost)
            catalog_note_swept(&m->s->base.catalog, t, lost);
    }
}

static enum err trim_all(struct lmdb_removal *m, void *arg)
{
    struct trim *t = arg;
    m->builder = malloc(sizeof(*m->builder));
    enum err e = m->builder ? trim_left_behind(m, t) : ERR_NOMEM;
    if (!e)
        e = trim_records(m, t);
    if (!e)
        e = lmdb_err(settle_passed(m, t));
    if (!e && t->lost)
        note_lost(m, t->lost);
    if (!e)
        catalog_raise_floors(&m->s->base.catalog, m->r);
    return e;
}

enum err lmdb_trim(struct store *base, uint64_t *at, uint64_t upto, struct store_removal *r)
{
    struct lmdb_removal m = {.s = lmdb_of(base), .r = r, .max = r->max};
    struct trim t = {.at = *at, .upto = upto};
    enum err e = lmdb_removal_end(&m, lmdb_removal_commit(&m, trim_all, &t));
    if (e)
        return e;
    *at = t.left && t.next <= upto ? t.next - 1 : upto;
    r->done = t.stopped || *at == upto;
    return ERR_OK;
}
