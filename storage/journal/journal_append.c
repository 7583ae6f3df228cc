/* Appending to the journal, what is done when that fails, and using its space again. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "storage/journal/group.h"
#include "storage/journal/journal_file.h"

/* --- places --- */

static uint64_t whole_pages(uint64_t n)
{
    return (n + JOURNAL_PAGE - 1) / JOURNAL_PAGE * JOURNAL_PAGE;
}

static uint64_t kept(const struct journal *j)
{
    return atomic_load_explicit(&j->kept, memory_order_acquire);
}

/* The oldest place that is kept is before the end of what was written, unless that has come round
 * to the beginning of the file: then it is the end's limit. */
static uint64_t room_behind(const struct journal *j, uint64_t at, uint64_t oldest)
{
    return (at <= oldest ? oldest : j->bytes) - at;
}

/* Where the next SIZE bytes go: behind the end, or at the beginning of the file. */
static enum err find_room(const struct journal *j, uint64_t size, uint64_t *ret)
{
    uint64_t oldest = kept(j), at = j->end.at;
    if (size > room_behind(j, at, oldest)) {
        if (at <= oldest || size > oldest - JOURNAL_BODY)
            return ERR_AGAIN;
        at = JOURNAL_BODY;
    }
    *ret = at;
    return ERR_OK;
}

/* Wherever the one that is kept lies, and however long it is, a third is free on one side of it. */
size_t journal_group_max(const struct journal *j)
{
    uint64_t third = (j->bytes - JOURNAL_BODY) / 3;
    return (size_t)(third - third % JOURNAL_PAGE) - FRAME_HEADER_SIZE;
}

uint64_t journal_used(const struct journal *j)
{
    uint64_t oldest = kept(j), at = j->end.at;
    return at <= oldest ? j->bytes - JOURNAL_BODY - (oldest - at) : at - oldest;
}

void journal_release(struct journal *j, const struct journal_place *place)
{
    atomic_store_explicit(&j->kept, place->at, memory_order_release);
}

uint64_t journal_last(const struct journal *j)
{
    return j->end.last;
}

/* --- writing --- */

/* Whole pages, so that nothing has to be read before they can be written. GROUP NULL: none. */
static enum err write_frame(const struct journal *j, const struct frame *f, const void *group,
                            uint64_t at)
{
    static const char zeros[JOURNAL_PAGE];
    char header[FRAME_HEADER_SIZE];
    frame_encode(header, f, j->log, at);
    size_t n = sizeof(header) + f->size;
    struct iovec parts[] = {
        {header, sizeof(header)},
        {(void *)(uintptr_t)group, f->size},
        {(void *)(uintptr_t)zeros, (size_t)(whole_pages(n) - n)},
    };
    return journal_write_at(j->fd, parts, 3, at);
}

static struct frame next_frame(const struct journal *j, enum frame_kind kind, uint64_t last)
{
    return (struct frame){
        .kind = kind,
        .epoch = j->epoch,
        .run = j->run,
        .number = j->number + 1,
        .follows = j->end.number,
        .synced = j->synced.number,
        .before = j->end.last,
        .last = last,
    };
}

/* FROM: where what failed begins, and what it follows. What was given with it is not given again.
 */
static enum err fail(struct journal *j, const struct journal_end *from, enum err e)
{
    j->bad = *from;
    j->failed_number = ++j->number;
    return e == ERR_NOSPACE ? e : ERR_IO;
}

static enum err draw_run(uint64_t *ret)
{
    do {
        ssize_t n = getrandom(ret, sizeof(*ret), 0);
        if (n < 0 && errno != EINTR)
            return ERR_IO;
        if (n != (ssize_t)sizeof(*ret))
            *ret = 0;
    } while (*ret == 0);
    return ERR_OK;
}

static struct journal_place place_of(const struct journal *j, const struct frame *f, uint64_t at)
{
    return (struct journal_place){
        .run = j->run, .number = f->number, .last = f->last, .at = at, .epoch = j->epoch};
}

/* F lies at AT now. */
static void move_end(struct journal *j, const struct frame *f, uint64_t at)
{
    j->number = f->number;
    j->end = (struct journal_end){
        .at = at + whole_pages(FRAME_HEADER_SIZE + f->size), .number = f->number, .last = f->last};
}

enum err journal_begin(struct journal *j, uint32_t epoch, uint64_t last, struct journal_place *ret)
{
    enum err e = draw_run(&j->run);
    if (e)
        return e;
    j->epoch = epoch;
    j->number = 0;
    j->failed_number = 0;
    j->end = j->synced = (struct journal_end){.at = JOURNAL_BODY, .last = last};
    atomic_store_explicit(&j->kept, JOURNAL_BODY, memory_order_release);
    struct frame f = next_frame(j, FRAME_BEGIN, last);
    e = write_frame(j, &f, NULL, JOURNAL_BODY);
    if (!e)
        e = journal_sync_file(j->fd);
    if (e)
        return e == ERR_NOSPACE ? e : ERR_IO;
    /* Pages that were written or read many at once are cached many at once, and a write of one
     * would count, and may cost, as one of all of them. Nobody reads them again. */
    (void)!posix_fadvise(j->fd, 0, 0, POSIX_FADV_DONTNEED);
    move_end(j, &f, JOURNAL_BODY);
    j->synced = j->end;
    *ret = place_of(j, &f, JOURNAL_BODY);
    return ERR_OK;
}

/* What is removed altogether; a few tenths of a microsecond. */
static enum err check_file(const struct journal *j)
{
    struct stat st;
    return fstat(j->fd, &st) ? ERR_IO : st.st_nlink ? ERR_OK : ERR_GONE;
}

/* Fills in what F has of the group. ERR_INVALID: it is none, or takes offsets that are in use. */
static enum err describe(const void *group, size_t n, struct frame *f)
{
    uint64_t span;
    if (n < GROUP_HEADER_SIZE || group_size(group) != n)
        return ERR_INVALID;
    f->group_check = group_claims(group, &span);
    f->size = (uint32_t)n;
    return f->last < f->before || f->last - f->before < span ? ERR_INVALID : ERR_OK;
}

enum err journal_write(struct journal *j, const void *group, size_t n, uint64_t last,
                       struct journal_place *ret)
{
    uint64_t at = 0;
    struct frame f = next_frame(j, FRAME_GROUP, last);
    if (journal_has_failed(j))
        return ERR_IO;
    if (n > journal_group_max(j))
        return ERR_TOO_LARGE;
    enum err e = describe(group, n, &f);
    if (!e)
        e = check_file(j);
    if (!e)
        e = find_room(j, whole_pages(FRAME_HEADER_SIZE + n), &at);
    if (e)
        return e;
    struct journal_end before = {.at = at, .number = j->end.number, .last = j->end.last};
    if (j->synced.number == j->end.number)
        j->synced.at = at;
    e = write_frame(j, &f, group, at);
    move_end(j, &f, at);
    if (e)
        return fail(j, j->sync == STORE_SYNC_ALWAYS ? &j->synced : &before, e);
    *ret = place_of(j, &f, at);
    return ERR_OK;
}

enum err journal_sync(struct journal *j)
{
    if (journal_has_failed(j))
        return ERR_IO;
    if (j->synced.number == j->end.number)
        return ERR_OK;
    enum err e = journal_sync_file(j->fd);
    if (!e)
        j->synced = j->end;
    else if (j->sync == STORE_SYNC_ALWAYS)
        return fail(j, &j->synced, e);
    return e ? ERR_IO : ERR_OK;
}

enum err journal_append(struct journal *j, const void *group, size_t n, uint64_t last,
                        struct journal_place *ret)
{
    enum err e = journal_write(j, group, n, last, ret);
    return e || j->sync != STORE_SYNC_ALWAYS ? e : journal_sync(j);
}

/* --- what failed --- */

bool journal_has_failed(const struct journal *j)
{
    return j->failed_number != 0;
}

/* A frame that says so takes the place of the first that failed, so that none of the others follows
 * anything. The kernel may have dropped what it could not write and call it written: it is the sync
 * of what is written anew that says that the disk works again. */
enum err journal_mend(struct journal *j)
{
    if (!journal_has_failed(j))
        return ERR_OK;
    struct frame f = {
        .kind = FRAME_VOID,
        .epoch = j->epoch,
        .run = j->run,
        .number = j->failed_number,
        .follows = j->bad.number,
        .synced = j->synced.number,
        .before = j->bad.last,
        .last = j->end.last,
    };
    enum err e = write_frame(j, &f, NULL, j->bad.at);
    if (!e)
        e = journal_sync_file(j->fd);
    if (e)
        return e == ERR_NOSPACE ? e : ERR_IO;
    move_end(j, &f, j->bad.at);
    j->synced = j->end;
    j->failed_number = 0;
    return ERR_OK;
}
