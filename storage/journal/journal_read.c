/*
 * Reading what a journal holds beyond its log. All places are looked for first, in the whole file;
 * then they are taken in the order in which each follows the one before. That some place had been
 * synced, later ones say: what is missing before there is damage, behind it is the end.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "storage/journal/group.h"
#include "storage/journal/journal_file.h"

enum { PART = 1 << 20 }; /* bytes looked at in one piece */

struct found {
    struct frame frame;
    uint64_t at;
};

struct reading {
    const struct journal *journal;
    struct journal_place at; /* what has been visited so far */
    struct found *found;     /* owned: all behind that, by their numbers */
    size_t count, cap;
    uint64_t synced; /* the highest number that is known to have been durable */
    bool known;      /* the place to begin behind is there itself */
    char *bytes;     /* owned: of the group that is visited, */
    size_t bytes_cap;
};

/* --- finding --- */

/* The log is not to have what its journal may still lose: what a killed hub has left on its way to
 * the disk gets there first. And what a failed sync was to cover the kernel may show without the
 * disk having it: so that is forgotten, and read from there. */
static enum err settle(const struct journal *j)
{
    enum err e = journal_sync_file(j->fd);
    if (!e)
        (void)posix_fadvise(j->fd, 0, 0, POSIX_FADV_DONTNEED);
    return e == ERR_OK || e == ERR_NOSPACE ? e : ERR_IO;
}

static enum err keep(struct reading *r, const struct frame *f, uint64_t at)
{
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 64;
        struct found *found = reallocarray(r->found, cap, sizeof(*found));
        if (!found)
            return ERR_NOMEM;
        r->found = found;
        r->cap = cap;
    }
    r->found[r->count++] = (struct found){*f, at};
    return ERR_OK;
}

/* A page at AT: is it the beginning of a place, and of this run? */
static enum err look_at_page(struct reading *r, const char *page, uint64_t at)
{
    struct frame f;
    if (!frame_decode(page, r->journal->log, at, &f) || f.run != r->at.run ||
        f.epoch != r->at.epoch)
        return ERR_OK;
    if (f.synced > r->synced)
        r->synced = f.synced;
    if (f.number == r->at.number)
        r->known = true;
    return f.number > r->at.number ? keep(r, &f, at) : ERR_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct found *)a)->frame.number,
             y = ((const struct found *)b)->frame.number;
    return (x > y) - (x < y);
}

static enum err find_places(struct reading *r)
{
    const struct journal *j = r->journal;
    char *part = malloc(PART);
    enum err e = part ? ERR_OK : ERR_NOMEM;
    for (uint64_t at = JOURNAL_BODY; !e && at < j->bytes; at += PART) {
        size_t n = j->bytes - at < PART ? (size_t)(j->bytes - at) : PART;
        e = journal_read_at(j->fd, part, n, at);
        for (size_t i = 0; !e && i < n; i += JOURNAL_PAGE)
            e = look_at_page(r, part + i, at + i);
    }
    free(part);
    if (!e && r->count)
        qsort(r->found, r->count, sizeof(*r->found), by_number);
    return e;
}

/* --- following --- */

/* The one that follows what has been visited, from FROM on; r->count: none. */
static size_t find_next(const struct reading *r, size_t from)
{
    while (from < r->count && (r->found[from].frame.follows != r->at.number ||
                               r->found[from].frame.before != r->at.last))
        from++;
    return from;
}

/* Whether the group of F, which it must have or not by its kind, is there whole. */
static enum err load_group(struct reading *r, const struct found *f, bool *ret_whole)
{
    struct group g;
    size_t n = f->frame.size;
    *ret_whole = f->frame.kind != FRAME_GROUP && n == 0;
    if (f->frame.kind != FRAME_GROUP || n < GROUP_HEADER_SIZE ||
        n > r->journal->bytes - f->at - FRAME_HEADER_SIZE)
        return ERR_OK;
    if (n > r->bytes_cap) {
        char *bytes = realloc(r->bytes, n);
        if (!bytes)
            return ERR_NOMEM;
        r->bytes = bytes;
        r->bytes_cap = n;
    }
    enum err e = journal_read_at(r->journal->fd, r->bytes, n, f->at + FRAME_HEADER_SIZE);
    *ret_whole =
        !e && group_open(r->bytes, n, &g) != ERR_CORRUPT && g.check == f->frame.group_check;
    return e;
}

static enum err visit_place(struct reading *r, const struct found *f, journal_visit *visit,
                            void *ctx)
{
    bool group = f->frame.kind == FRAME_GROUP;
    r->at.number = f->frame.number;
    r->at.last = f->frame.last;
    r->at.at = f->at;
    struct journal_entry entry = {
        .found = group ? JOURNAL_GROUP : JOURNAL_VOID,
        .place = r->at,
        .before = f->frame.before,
        .group = group ? r->bytes : NULL,
        .n = f->frame.size,
    };
    return f->frame.kind == FRAME_BEGIN ? ERR_OK : visit(ctx, &entry);
}

/* What is missing before F is damage. */
static enum err visit_damage(struct reading *r, const struct found *f, journal_visit *visit,
                             void *ctx)
{
    struct journal_entry entry = {.found = JOURNAL_DAMAGED, .before = r->at.last};
    r->at.number = f->frame.follows;
    r->at.last = f->frame.before;
    entry.place = r->at;
    return visit(ctx, &entry);
}

/* One step from the place visited last. *AT is moved on; r->count at the end. */
static enum err step(struct reading *r, size_t *at, journal_visit *visit, void *ctx)
{
    size_t next = find_next(r, *at);
    bool whole = false;
    enum err e = next < r->count ? load_group(r, &r->found[next], &whole) : ERR_OK;
    if (e)
        return e;
    if (whole) {
        *at = next + 1;
        return visit_place(r, &r->found[next], visit, ctx);
    }
    if (next < r->count)
        *at = next + 1;
    while (*at < r->count && r->found[*at].frame.before < r->at.last)
        ++*at; /* of those that failed, and have something else in their place */
    if (r->at.number < r->synced && *at < r->count)
        return visit_damage(r, &r->found[*at], visit, ctx);
    *at = r->count;
    return ERR_OK;
}

static enum err read_on(struct reading *r, journal_visit *visit, void *ctx)
{
    enum err e = r->journal->closed ? ERR_OK : settle(r->journal);
    if (!e)
        e = find_places(r);
    if (e)
        return e;
    if (!r->known && r->synced <= r->at.number && find_next(r, 0) == r->count)
        return ERR_NOT_FOUND;
    for (size_t at = 0; !e && at < r->count;)
        e = step(r, &at, visit, ctx);
    return e;
}

enum err journal_read(struct journal *j, const struct journal_place *after, journal_visit *visit,
                      void *ctx)
{
    struct reading r = {.journal = j, .at = *after, .synced = after->number};
    enum err e = read_on(&r, visit, ctx);
    free(r.found);
    free(r.bytes);
    return e;
}
