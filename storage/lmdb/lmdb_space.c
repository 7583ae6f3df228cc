/*
 * Keeping a full log repairable.
 *
 * LMDB copies pages before it changes them, so even deleting takes pages. Appends therefore stop
 * while some are left, in the map and on the disk: purging, trimming and opening can always go on,
 * and removing gives the room back. On the disk, space is taken ahead of the file's end, in steps.
 */
#include "storage/lmdb/lmdb_space.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "storage/lmdb/lmdb_full.h"
#include "storage/lmdb/lmdb_guard.h"
#include "storage/lmdb/lmdb_repair.h"
#include "storage/lmdb/lmdb_rows.h"
#include "storage/lmdb/lmdb_write.h"
#include "storage/record.h"

/* Pages. */
enum {
    SPARE_PART = 64, /* of the map, one part in so many stays free, but within these: */
    SPARE_MIN = 64,
    SPARE_MAX = 8192, /* a list of all pages that a large removal frees fits */
    DISK_SPARE = 256, /* ahead of the file, for removals; large ones go in smaller steps then */
    STEP_PART = 16,   /* of the file, one part in so many is taken ahead at once, but within: */
    STEP_MIN = 256,
    STEP_MAX = 4096,
    TREE_PAGES = 32, /* what a commit copies besides: paths, meta rows, the free list */
    AHEAD_COMMITS = 4,
};

enum { NODE_BYTES = 18 }; /* key, node header and page pointer of a record */

/* The pages of LMDB's free list: the first word of each entry is their number. */
static int sum_free(MDB_txn *txn, size_t *ret)
{
    enum { FREE_DBI = 0 };
    MDB_cursor *c;
    MDB_val key, value;
    size_t sum = 0, n;
    int rc = mdb_cursor_open(txn, FREE_DBI, &c);
    if (rc)
        return rc;
    while (!(rc = mdb_cursor_get(c, &key, &value, MDB_NEXT))) {
        memcpy(&n, value.mv_data, sizeof(n));
        sum += n;
    }
    mdb_cursor_close(c);
    *ret = sum;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum err count_free(struct lmdb_store *s, size_t *ret)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    lmdb_guard_enter();
    rc = sum_free(txn, ret);
    lmdb_guard_leave();
    mdb_txn_abort(txn);
    return lmdb_err(rc);
}

/* About how many pages the commit of B takes. */
static size_t pages_needed(const struct store_batch *b, size_t page)
{
    size_t bytes = 0, pages = TREE_PAGES;
    for (size_t i = 0; i < b->record_count; i++) {
        size_t n = record_size(&b->records[i]) + NODE_BYTES;
        if (n > page / 2)
            pages += n / page + 1; /* in pages of its own */
        else
            bytes += n;
    }
    return pages + bytes / page + 1;
}

static size_t within(size_t n, size_t low, size_t high)
{
    return n < low ? low : n < high ? n : high;
}

/* The pages that the file may have by the map and by the process's limit. */
static size_t most_pages(const struct lmdb_store *s, const MDB_envinfo *info)
{
    struct rlimit limit;
    size_t map = info->me_mapsize / s->page_size;
    if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur / s->page_size > map)
        return map;
    return limit.rlim_cur / s->page_size;
}

/* Takes space for WANTED pages, and when possible for a step more. */
static enum err take_step(struct lmdb_store *s, const MDB_envinfo *info, size_t wanted)
{
    size_t most = most_pages(s, info);
    size_t more = wanted + within(wanted / STEP_PART, STEP_MIN, STEP_MAX);
    if (wanted > most)
        return ERR_NOSPACE;
    enum err e = lmdb_take_space(s, more < most ? more : most);
    return e == ERR_NOSPACE ? lmdb_take_space(s, wanted) : e;
}

/* Whether the WANTED pages fit in ROOM with the help of free ones among them, which are counted
 * when they need to be. */
static enum err check_room(struct lmdb_store *s, size_t wanted, size_t room)
{
    enum err e = ERR_OK;
    if (wanted > room && wanted - room > s->free_pages)
        e = count_free(s, &s->free_pages);
    return !e && wanted > room && wanted - room > s->free_pages ? ERR_NOSPACE : e;
}

/* The same, taking more of the disk if they do not. */
static enum err check_disk(struct lmdb_store *s, const MDB_envinfo *info, size_t wanted)
{
    enum err e = check_room(s, wanted, s->taken);
    return e == ERR_NOSPACE ? take_step(s, info, wanted) : e;
}

enum err lmdb_check_space(struct lmdb_store *s, const struct store_batch *b)
{
    MDB_envinfo info;
    enum err e = lmdb_ready(s);
    if (!e)
        e = lmdb_err(mdb_env_info(s->env, &info));
    if (e)
        return e;
    size_t all = info.me_mapsize / s->page_size, needed = pages_needed(b, s->page_size);
    /* Marks and new topics may have half of what is spared: memory messages, which need nothing
     * else, do not end with the first record that is refused. */
    size_t part = b->record_count ? 1 : 2, end = info.me_last_pgno + 1 + needed;
    size_t in_map = end + within(all / SPARE_PART, SPARE_MIN, SPARE_MAX) / part;
    size_t on_disk = end + DISK_SPARE / part;
    e = check_room(s, in_map, all);
    if (!e)
        e = check_disk(s, &info, on_disk);
    if (!e && (in_map > all || on_disk > s->taken))
        s->free_pages -= needed < s->free_pages ? needed : s->free_pages;
    return e;
}

/* Whether PAGES may be appended, in some commits, before anything else is looked at. */
static enum err check_ahead(struct lmdb_store *s, const MDB_envinfo *info, size_t pages)
{
    size_t all = info->me_mapsize / s->page_size, end = info->me_last_pgno + 1 + pages;
    enum err e = check_room(s, end + within(all / SPARE_PART, SPARE_MIN, SPARE_MAX), all);
    return e ? e : check_disk(s, info, end + DISK_SPARE);
}

uint64_t lmdb_keep_room(struct store *base, uint64_t bytes)
{
    struct lmdb_store *s = lmdb_of(base);
    MDB_envinfo info;
    if (lmdb_ready(s) || mdb_env_info(s->env, &info))
        return 0;
    /* A commit replaces pages that can be used again only by the second one after it. */
    for (size_t pages = bytes / s->page_size + 1; pages > 0; pages /= 2)
        if (check_ahead(s, &info, pages + AHEAD_COMMITS * TREE_PAGES) == ERR_OK)
            return (uint64_t)pages * s->page_size;
    return 0;
}

void lmdb_take_spare(struct lmdb_store *s)
{
    MDB_envinfo info;
    if (mdb_env_info(s->env, &info))
        return;
    size_t wanted = info.me_last_pgno + 1 + DISK_SPARE;
    /* Without it appending is refused, and only that. */
    if (wanted > s->taken && take_step(s, &info, wanted))
        return;
}

/* Pages that a commit frees can be used by the commit after the next. */
enum err lmdb_age_free_pages(struct lmdb_store *s)
{
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = lmdb_put_state(w.txn, s->dbi[DB_META], &w.state);
    s->freed = false;
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}

uint64_t lmdb_size(struct store *base)
{
    struct stat st;
    int fd;
    if (mdb_env_get_fd(lmdb_of(base)->env, &fd) || fstat(fd, &st))
        return 0;
    return (uint64_t)st.st_size;
}

uint64_t lmdb_used(struct store *base)
{
    const struct lmdb_store *s = lmdb_of(base);
    return (uint64_t)s->used_pages * s->page_size;
}
