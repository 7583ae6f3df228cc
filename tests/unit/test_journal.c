/*
 * storage/journal/journal.h: what is appended is found again, in its order and nothing else; the
 * file is used round and round; whatever is not this log's journal, whole, is told from it; and
 * what happens when a call to the system fails.
 *
 * The linker puts the functions below in place of the ones they are named for (--wrap).
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/journal/group.h"
#include "storage/journal/journal.h"
#include "storage/journal/journal_file.h"
#include "tests/unit/journal_fixture.h"
#include "tests/unit/random.h"
#include "tests/unit/store_fixture.h"

enum {
    LOG = 4711,
    EPOCH = 9,
    BYTES = JOURNAL_BYTES_MIN,
    PAGES = BYTES / JOURNAL_PAGE - 1,
    GROUPS_MAX = 4096,
};

/* --- calls that fail --- */

enum call {
    CALL_WRITE,
    CALL_READ,
    CALL_FDATASYNC,
    CALL_FSYNC,
    CALL_RENAME,
    CALL_TRUNCATE,
    CALL_TAKE,
    CALL_LOCK,
    CALL_ALLOCATION,
    CALL_COUNT,
};

static struct {
    bool armed; /* calls are counted and may fail */
    enum call call;
    size_t at; /* which of them fails, from 1; 0 = none, SIZE_MAX = all */
    int code;
    size_t half; /* a write that fails has written so many bytes; SIZE_MAX: all */
    size_t most; /* no write writes more; 0 = any */
    size_t calls[CALL_COUNT];
    char order[16]; /* of writes (w), syncs (s) and renamings (r), each kind in a row once */
} fault;

static void note_order(enum call c)
{
    static const char letters[CALL_COUNT] = {
        [CALL_WRITE] = 'w', [CALL_FDATASYNC] = 's', [CALL_FSYNC] = 's', [CALL_RENAME] = 'r'};
    size_t n = strlen(fault.order);
    if (letters[c] && n + 1 < sizeof(fault.order) && (n == 0 || fault.order[n - 1] != letters[c]))
        fault.order[n] = letters[c];
}

static bool fails(enum call c)
{
    if (!fault.armed)
        return false;
    fault.calls[c]++;
    note_order(c);
    if (c != fault.call || (fault.calls[c] != fault.at && fault.at != SIZE_MAX))
        return false;
    errno = fault.code;
    return true;
}

static void fail_all(enum call c, int code)
{
    memset(&fault, 0, sizeof(fault));
    fault.armed = true;
    fault.call = c;
    fault.at = SIZE_MAX;
    fault.code = code;
}

static void fail_none(void)
{
    memset(&fault, 0, sizeof(fault));
}

#define WRAP(type, name, which, parameters, arguments)                                             \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(which) ? (type)-1 : __real_##name arguments;                                  \
    }

WRAP(int, fdatasync, CALL_FDATASYNC, (int fd), (fd))
WRAP(int, fsync, CALL_FSYNC, (int fd), (fd))
WRAP(int, rename, CALL_RENAME, (const char *a, const char *b), (a, b))
WRAP(int, ftruncate, CALL_TRUNCATE, (int fd, off_t n), (fd, n))
WRAP(int, ftruncate64, CALL_TRUNCATE, (int fd, off_t n), (fd, n))
WRAP(int, fallocate, CALL_TAKE, (int fd, int m, off_t a, off_t n), (fd, m, a, n))
WRAP(int, fallocate64, CALL_TAKE, (int fd, int m, off_t a, off_t n), (fd, m, a, n))
WRAP(int, flock, CALL_LOCK, (int fd, int op), (fd, op))
WRAP(ssize_t, pread, CALL_READ, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
WRAP(ssize_t, pread64, CALL_READ, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))

typedef ssize_t writer(int fd, const struct iovec *v, int count, off_t at);

/* What a failing write, or one that is to be short, still does. */
static ssize_t write_some(writer *real, int fd, const struct iovec *v, int count, off_t at,
                          size_t most)
{
    ssize_t done = 0;
    for (int i = 0; i < count && most > 0; i++) {
        struct iovec part = {v[i].iov_base, v[i].iov_len < most ? v[i].iov_len : most};
        ssize_t n = real(fd, &part, 1, at + done);
        REQUIRE(n == (ssize_t)part.iov_len);
        done += n;
        most -= (size_t)n;
    }
    return done;
}

static ssize_t watched_write(writer *real, int fd, const struct iovec *v, int count, off_t at)
{
    if (fails(CALL_WRITE)) {
        int code = errno;
        write_some(real, fd, v, count, at, fault.half);
        errno = code;
        return -1;
    }
    return fault.armed && fault.most ? write_some(real, fd, v, count, at, fault.most)
                                     : real(fd, v, count, at);
}

writer __real_pwritev, __wrap_pwritev, __real_pwritev64, __wrap_pwritev64;
ssize_t __wrap_pwritev(int fd, const struct iovec *v, int count, off_t at)
{
    return watched_write(__real_pwritev, fd, v, count, at);
}
ssize_t __wrap_pwritev64(int fd, const struct iovec *v, int count, off_t at)
{
    return watched_write(__real_pwritev64, fd, v, count, at);
}

#define WRAP_ALLOCATION(name, parameters, arguments)                                               \
    void *__real_##name parameters;                                                                \
    void *__wrap_##name parameters;                                                                \
    void *__wrap_##name parameters                                                                 \
    {                                                                                              \
        return fails(CALL_ALLOCATION) ? NULL : __real_##name arguments;                            \
    }
WRAP_ALLOCATION(malloc, (size_t n), (n))
WRAP_ALLOCATION(calloc, (size_t n, size_t size), (n, size))
WRAP_ALLOCATION(realloc, (void *p, size_t n), (p, n))
WRAP_ALLOCATION(reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP_ALLOCATION(strdup, (const char *text), (text))

/* --- a journal, and what is in it --- */

static char *dir;
static struct journal *journal;
static struct journal_options options;

/* What was appended, [0] what it began with. The id of a group is its number here. */
static struct {
    size_t count;
    struct journal_place places[GROUPS_MAX];
    uint64_t spans[GROUPS_MAX];
} model;

/* What a reading found. */
static struct {
    size_t count;
    struct journal_entry entries[GROUPS_MAX];
    uint64_t ids[GROUPS_MAX]; /* of groups */
    size_t stop_at;           /* refuse that one; 0 = none */
} found;

static uint64_t id_of(const struct journal_entry *e)
{
    struct group g;
    struct group_item item;
    uint64_t id;
    REQUIRE(group_open(e->group, e->n, &g) == ERR_OK);
    struct group_walk w = group_walk(&g);
    REQUIRE(group_next(&w, &item) && item.op == GROUP_NOTE);
    memcpy(&id, item.note.value, sizeof(id));
    REQUIRE(is_group(e->group, e->n, id, g.span));
    return id;
}

static enum err visit(void *ctx, const struct journal_entry *e)
{
    bool armed = fault.armed;
    REQUIRE(ctx == &found);
    REQUIRE(found.count < GROUPS_MAX);
    if (found.stop_at == found.count + 1)
        return ERR_LIMIT;
    fault.armed = false;
    if (e->found == JOURNAL_GROUP)
        found.ids[found.count] = id_of(e);
    else
        REQUIRE(!e->group && e->n == 0);
    fault.armed = armed;
    found.entries[found.count++] = *e;
    return ERR_OK;
}

static enum err read_after(const struct journal_place *after)
{
    memset(&found, 0, offsetof(__typeof__(found), ids));
    return journal_read(journal, after, visit, &found);
}

static void begin(uint64_t last)
{
    model.count = 1;
    ck_assert_int_eq(journal_begin(journal, EPOCH, last, &model.places[0]), ERR_OK);
}

static void create(uint64_t bytes)
{
    ck_assert_int_eq(journal_create(&options, bytes, &journal), ERR_OK);
    begin(100);
}

static void reopen(void)
{
    journal_close(journal);
    journal = NULL;
    ck_assert_int_eq(journal_open(&options, &journal), ERR_OK);
}

static enum err try_append(size_t size, uint64_t span)
{
    size_t n;
    const void *group = make_group(model.count, size, span, &n);
    REQUIRE(model.count < GROUPS_MAX);
    model.spans[model.count] = span;
    return journal_append(journal, group, n, journal_last(journal) + span,
                          &model.places[model.count]);
}

static void append(size_t size, uint64_t span)
{
    uint64_t last = journal_last(journal);
    REQUIRE(try_append(size, span) == ERR_OK);
    const struct journal_place *p = &model.places[model.count++];
    REQUIRE(p->last == last + span && journal_last(journal) == p->last);
    REQUIRE(p->at % JOURNAL_PAGE == 0 && p->epoch == EPOCH && p->run == model.places[0].run);
}

static void append_some(size_t count)
{
    for (size_t i = 0; i < count; i++)
        append(200 + i * 37, 1 + i % 3);
}

/* Entry I is group ID. */
static void check_group(size_t i, size_t id)
{
    const struct journal_entry *e = &found.entries[i];
    REQUIRE(i < found.count);
    REQUIRE(e->found == JOURNAL_GROUP);
    REQUIRE(found.ids[i] == id);
    REQUIRE(e->place.number == model.places[id].number);
    REQUIRE(e->place.last == model.places[id].last);
    REQUIRE(e->place.at == model.places[id].at);
    REQUIRE(e->place.run == model.places[0].run && e->place.epoch == EPOCH);
}

static void check_other(size_t i, enum journal_found kind, uint64_t before, uint64_t last)
{
    REQUIRE(i < found.count);
    REQUIRE(found.entries[i].found == kind);
    REQUIRE(found.entries[i].before == before);
    REQUIRE(found.entries[i].place.last == last);
}

/* All behind FROM is there, and nothing else. */
static void check_all_after(size_t from)
{
    ck_assert_int_eq(read_after(&model.places[from]), ERR_OK);
    ck_assert_uint_eq(found.count, model.count - from - 1);
    for (size_t i = 0; i < found.count; i++) {
        check_group(i, from + 1 + i);
        REQUIRE(found.entries[i].before == model.places[from + i].last);
    }
}

static char *path_of(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

/* Changes the file from outside. */
static void poke(uint64_t at, const void *bytes, size_t n)
{
    int fd = open(path_of(JOURNAL_FILE), O_WRONLY);
    REQUIRE(fd >= 0);
    REQUIRE(pwrite(fd, bytes, n, (off_t)at) == (ssize_t)n);
    close(fd);
}

static void flip(uint64_t at)
{
    char byte;
    int fd = open(path_of(JOURNAL_FILE), O_RDWR);
    REQUIRE(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
    byte ^= 4;
    REQUIRE(pwrite(fd, &byte, 1, (off_t)at) == 1);
    close(fd);
}

static bool exists(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

static void setup(void)
{
    dir = make_dir();
    options = (struct journal_options){.dir = dir, .log = LOG, .sync = STORE_SYNC_ALWAYS};
    journal = NULL;
    model.count = 0;
    fail_none();
}

static void teardown(void)
{
    fail_none();
    journal_close(journal);
    remove_dir(dir);
    end_groups();
}

/* --- appending and reading --- */

START_TEST(what_is_appended_is_found)
{
    create(BYTES);
    ck_assert_uint_eq(journal_bytes(journal), BYTES);
    ck_assert_uint_eq(journal_last(journal), 100);
    append_some(30);
    reopen();
    for (size_t from = 0; from < model.count; from++)
        check_all_after(from);
}
END_TEST

START_TEST(a_new_journal_has_nothing)
{
    create(BYTES);
    reopen();
    check_all_after(0);
}
END_TEST

/* Purges and notes take no offset. */
START_TEST(groups_without_offsets_are_kept_in_order)
{
    create(BYTES);
    append(0, 0);
    append(10, 2);
    append(0, 0);
    append(0, 0);
    reopen();
    check_all_after(0);
    check_all_after(2);
}
END_TEST

START_TEST(offsets_may_be_left_out_and_not_taken_twice)
{
    size_t n;
    struct journal_place p;
    create(BYTES);
    const void *group = make_group(1, 10, 5, &n);
    ck_assert_int_eq(journal_append(journal, group, n, 104, &p), ERR_INVALID);
    ck_assert_int_eq(journal_append(journal, group, n, 99, &p), ERR_INVALID);
    ck_assert_int_eq(journal_append(journal, group, n - 1, 200, &p), ERR_INVALID);
    ck_assert_int_eq(journal_append(journal, group, 10, 200, &p), ERR_INVALID);
    ck_assert(!journal_has_failed(journal));
    ck_assert_int_eq(journal_append(journal, group, n, 1000, &model.places[1]), ERR_OK);
    ck_assert_uint_eq(journal_last(journal), 1000);
    model.count = 2;
    reopen();
    check_all_after(0);
    ck_assert_uint_eq(found.entries[0].before, 100);
}
END_TEST

START_TEST(a_visit_can_end_the_reading)
{
    create(BYTES);
    append_some(5);
    reopen();
    memset(&found, 0, sizeof(found));
    found.stop_at = 3;
    ck_assert_int_eq(journal_read(journal, &model.places[0], visit, &found), ERR_LIMIT);
    ck_assert_uint_eq(found.count, 2);
}
END_TEST

/* Without a sync of their own, and not synced at all: of a process that only died, all is there. */
START_TEST(writes_are_found_without_a_sync)
{
    static const enum store_sync policies[] = {STORE_SYNC_ALWAYS, STORE_SYNC_INTERVAL,
                                               STORE_SYNC_NEVER};
    options.sync = policies[_i];
    create(BYTES);
    size_t n;
    fault.armed = true;
    append_some(3);
    ck_assert_uint_eq(fault.calls[CALL_WRITE], 3);
    ck_assert_uint_eq(fault.calls[CALL_FDATASYNC], options.sync == STORE_SYNC_ALWAYS ? 3 : 0);
    for (size_t i = 0; i < 2; i++) {
        const void *group = make_group(model.count, 50, 1, &n);
        struct journal_place *p = &model.places[model.count++];
        ck_assert_int_eq(journal_write(journal, group, n, journal_last(journal) + 1, p), ERR_OK);
    }
    reopen();
    check_all_after(0);
}
END_TEST

START_TEST(a_new_run_forgets_the_one_before)
{
    create(BYTES);
    append_some(10);
    struct journal_place former = model.places[4];
    reopen();
    begin(500);
    ck_assert_int_eq(read_after(&former), ERR_OK); /* its group is there, but for the first page */
    append_some(2);
    reopen();
    check_all_after(0);
    ck_assert_uint_eq(found.entries[0].before, 500);
}
END_TEST

/* --- round and round --- */

/* Random groups; now and then all but the newest few are released, and sometimes it is read. */
START_TEST(the_file_is_used_again_and_again)
{
    size_t released = 0, refused = 0;
    create(BYTES);
    while (model.count < GROUPS_MAX - 1) {
        size_t size = random_below(random_below(8) ? 3000 : 200000);
        enum err e = try_append(size, random_below(3));
        if (e == ERR_AGAIN) {
            refused++;
            REQUIRE(released + 1 < model.count);
            released += 1 + random_below((uint32_t)(model.count - released - 1));
            journal_release(journal, &model.places[released]);
        } else {
            REQUIRE(e == ERR_OK);
            model.count++;
        }
        REQUIRE(journal_used(journal) <= BYTES - JOURNAL_PAGE);
        if (random_below(100) == 0) {
            check_all_after(released);
        }
    }
    ck_assert_uint_gt(refused, 50);
    reopen();
    check_all_after(released);
}
END_TEST

START_TEST(nothing_that_waits_is_written_to)
{
    create(BYTES);
    while (try_append(10, 1) == ERR_OK)
        model.count++;
    ck_assert_uint_eq(model.count, PAGES);
    ck_assert_uint_eq(journal_used(journal), BYTES - JOURNAL_PAGE);
    ck_assert_int_eq(try_append(10, 1), ERR_AGAIN);
    ck_assert(!journal_has_failed(journal));
    journal_release(journal, &model.places[0]); /* it is kept itself */
    ck_assert_int_eq(try_append(10, 1), ERR_AGAIN);
    journal_release(journal, &model.places[3]);
    ck_assert_uint_eq(journal_used(journal), BYTES - JOURNAL_PAGE * 4);
    for (size_t i = 0; i < 3; i++)
        append(10, 1);
    ck_assert_int_eq(try_append(10, 1), ERR_AGAIN);
    reopen();
    check_all_after(3);
}
END_TEST

/* Wherever the end is when all has been released. */
START_TEST(the_largest_group_always_finds_room)
{
    size_t n;
    create(BYTES);
    size_t most = journal_group_max(journal), head;
    make_group(0, 0, 1, &head);
    ck_assert_uint_ge(most, BYTES / 3 - 3 * JOURNAL_PAGE);
    for (size_t i = 0; i < 600; i++) {
        size_t size = i % 3 == 2 ? most - head : random_below((uint32_t)(most - head));
        append(size, 1);
        journal_release(journal, &model.places[model.count - 1]);
    }
    const void *group = make_group(1, most - head + 1, 1, &n);
    ck_assert_uint_eq(n, most + 1);
    ck_assert_int_eq(journal_append(journal, group, n, journal_last(journal) + 1, &model.places[0]),
                     ERR_TOO_LARGE);
    ck_assert(!journal_has_failed(journal));
}
END_TEST

START_TEST(the_size_is_what_was_asked_for)
{
    struct stat st;
    create(5 * BYTES + 4095);
    ck_assert_uint_eq(journal_bytes(journal), 5 * BYTES);
    ck_assert_int_eq(stat(path_of(JOURNAL_FILE), &st), 0);
    ck_assert_int_eq(st.st_size, 5 * BYTES);
    ck_assert_int_ge(st.st_blocks * 512, 5 * BYTES); /* every page has its space */
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    reopen();
    ck_assert_uint_eq(journal_bytes(journal), 5 * BYTES);
    journal_close(journal);
    create(1);
    ck_assert_uint_eq(journal_bytes(journal), BYTES);
}
END_TEST

/* --- damage --- */

/* The frame's header, the first and the last byte of the group, in the second page of it. */
static uint64_t somewhere_in(size_t id, int which)
{
    static const unsigned places[] = {0, 40, FRAME_HEADER_SIZE, JOURNAL_PAGE + 11};
    return model.places[id].at + places[which];
}

START_TEST(a_damaged_middle_is_told)
{
    create(BYTES);
    for (size_t i = 0; i < 6; i++)
        append(5000, 2);
    flip(somewhere_in(3, _i));
    reopen();
    ck_assert_int_eq(read_after(&model.places[0]), ERR_OK);
    ck_assert_uint_eq(found.count, 6);
    check_group(0, 1);
    check_group(1, 2);
    check_other(2, JOURNAL_DAMAGED, 104, 106);
    ck_assert_uint_eq(found.entries[2].place.number, model.places[3].number);
    for (size_t i = 3; i < 6; i++)
        check_group(i, i + 1);
}
END_TEST

START_TEST(several_damaged_ones_are_told)
{
    create(BYTES);
    for (size_t i = 0; i < 9; i++)
        append(5000, 2);
    flip(somewhere_in(1, 0));
    flip(somewhere_in(4, _i));
    flip(somewhere_in(5, _i));
    flip(somewhere_in(7, _i));
    reopen();
    ck_assert_int_eq(read_after(&model.places[0]), ERR_OK);
    check_other(0, JOURNAL_DAMAGED, 100, 102);
    check_group(1, 2);
    check_group(2, 3);
    size_t at = 3;
    uint64_t last = 106;
    while (found.entries[at].found == JOURNAL_DAMAGED) { /* as one, or as two */
        ck_assert_uint_eq(found.entries[at].before, last);
        last = found.entries[at++].place.last;
    }
    ck_assert_uint_eq(last, 110);
    check_group(at, 6);
    check_other(at + 1, JOURNAL_DAMAGED, 112, 114);
    check_group(at + 2, 8);
    check_group(at + 3, 9);
    ck_assert_uint_eq(found.count, at + 4);
}
END_TEST

/* The newest one may be what a crash has left: nobody can tell. */
START_TEST(a_torn_end_is_the_end)
{
    create(BYTES);
    for (size_t i = 0; i < 4; i++)
        append(5000, 2);
    flip(somewhere_in(4, _i));
    model.count--;
    reopen();
    check_all_after(0);
    check_all_after(2);
    check_all_after(3);
}
END_TEST

/* Of writes that no sync had covered, later ones may have reached the disk without the first. */
START_TEST(what_no_sync_had_covered_is_no_damage)
{
    options.sync = STORE_SYNC_INTERVAL;
    create(BYTES);
    for (size_t i = 0; i < 3; i++)
        append(5000, 2);
    ck_assert_int_eq(journal_sync(journal), ERR_OK);
    for (size_t i = 0; i < 5; i++)
        append(5000, 2);
    flip(somewhere_in(5, _i));
    model.count = 5;
    reopen();
    check_all_after(0);
    flip(somewhere_in(2, _i)); /* that was */
    reopen();
    ck_assert_int_eq(read_after(&model.places[0]), ERR_OK);
    ck_assert_uint_eq(found.count, 4);
    check_group(0, 1);
    check_other(1, JOURNAL_DAMAGED, 102, 104);
    check_group(2, 3);
    check_group(3, 4);
}
END_TEST

START_TEST(what_the_log_has_may_be_damaged)
{
    create(BYTES);
    for (size_t i = 0; i < 5; i++)
        append(5000, 2);
    flip(somewhere_in(1, _i));
    flip(somewhere_in(3, _i));
    reopen();
    check_all_after(3);
}
END_TEST

/* The groups are there, but which run they are of, or which log's, is not what is asked for. */
START_TEST(another_run_and_epoch_are_told_from_it)
{
    create(BYTES);
    append_some(5);
    reopen();
    struct journal_place other = model.places[2];
    other.run++;
    ck_assert_int_eq(read_after(&other), ERR_NOT_FOUND);
    other = model.places[2];
    other.epoch++;
    ck_assert_int_eq(read_after(&other), ERR_NOT_FOUND);
    other = model.places[5];
    other.number++;
    ck_assert_int_eq(read_after(&other), ERR_NOT_FOUND);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

/* Another log's place under this one's header, and this one's in another place. */
START_TEST(a_moved_group_is_none)
{
    char page[JOURNAL_PAGE];
    create(BYTES);
    for (size_t i = 0; i < 3; i++)
        append(100, 2);
    int fd = open(path_of(JOURNAL_FILE), O_RDWR);
    REQUIRE(pread(fd, page, sizeof(page), (off_t)model.places[3].at) == JOURNAL_PAGE);
    close(fd);
    poke(model.places[3].at + JOURNAL_PAGE, page, sizeof(page));
    flip(somewhere_in(3, 1));
    model.count--;
    reopen();
    check_all_after(0);
}
END_TEST

START_TEST(a_place_is_one_logs_and_lies_in_one_place)
{
    char bytes[FRAME_HEADER_SIZE];
    struct frame f = {.kind = FRAME_VOID, .number = 2, .follows = 1}, g;
    frame_encode(bytes, &f, LOG, JOURNAL_PAGE);
    ck_assert(frame_decode(bytes, LOG, JOURNAL_PAGE, &g));
    ck_assert(!frame_decode(bytes, LOG + 1, JOURNAL_PAGE, &g));
    ck_assert(!frame_decode(bytes, LOG, 2 * JOURNAL_PAGE, &g));
}
END_TEST

static void copy_file(const char *from, const char *to)
{
    char bytes[1 << 16];
    ssize_t n;
    int in = open(path_of(from), O_RDONLY);
    int out = open(path_of(to), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof(bytes))) > 0)
        REQUIRE(write(out, bytes, (size_t)n) == n);
    close(in);
    close(out);
}

/* An older copy of the file has been put back. */
START_TEST(an_older_journal_is_told)
{
    create(BYTES);
    append_some(10);
    copy_file(JOURNAL_FILE, "older");
    append_some(2);
    journal_close(journal);
    journal = NULL;
    copy_file("older", JOURNAL_FILE);
    ck_assert_int_eq(journal_open(&options, &journal), ERR_OK);
    ck_assert_int_eq(read_after(&model.places[11]), ERR_NOT_FOUND);
    ck_assert_uint_eq(found.count, 0);
    model.count = 11;
    check_all_after(10);
}
END_TEST

/* --- whose file it is --- */

static enum err open_once(void)
{
    struct journal *j;
    enum err e = journal_open(&options, &j);
    if (e == ERR_OK)
        journal_close(j);
    return e;
}

static void put_header(struct journal_header h, bool sealed)
{
    if (sealed)
        h.check = XXH3_64bits(h.magic, sizeof(h) - sizeof(h.check));
    poke(0, &h, sizeof(h));
}

START_TEST(other_files_are_refused)
{
    create(BYTES);
    struct journal_header h = journal_header_of(journal), other = h;
    journal_close(journal);
    journal = NULL;
    ck_assert_int_eq(open_once(), ERR_OK);
    options.log++;
    ck_assert_int_eq(open_once(), ERR_CONFLICT);
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_CONFLICT);
    options.log--;
    other.version++;
    put_header(other, true);
    ck_assert_int_eq(open_once(), ERR_FORMAT);
    put_header(other, false);
    ck_assert_int_eq(open_once(), ERR_CORRUPT);
    other = h;
    other.page *= 2;
    put_header(other, true);
    ck_assert_int_eq(open_once(), ERR_FORMAT);
    other = h;
    other.magic[0]++;
    put_header(other, true);
    ck_assert_int_eq(open_once(), ERR_FORMAT);
    other = h;
    other.bytes += JOURNAL_PAGE;
    put_header(other, true);
    ck_assert_int_eq(open_once(), ERR_CORRUPT);
    other.bytes = BYTES - JOURNAL_PAGE;
    put_header(other, true);
    ck_assert_int_eq(open_once(), ERR_CORRUPT);
    put_header(h, false);
    ck_assert_int_eq(open_once(), ERR_OK);
    ck_assert_int_eq(truncate(path_of(JOURNAL_FILE), BYTES - 1), 0);
    ck_assert_int_eq(open_once(), ERR_CORRUPT);
    ck_assert_int_eq(truncate(path_of(JOURNAL_FILE), 20), 0);
    ck_assert_int_eq(open_once(), ERR_FORMAT);
    ck_assert_int_eq(truncate(path_of(JOURNAL_FILE), 0), 0);
    ck_assert_int_eq(open_once(), ERR_FORMAT);
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_FORMAT);
    ck_assert_int_eq(unlink(path_of(JOURNAL_FILE)), 0);
    ck_assert_int_eq(open_once(), ERR_NOT_FOUND);
    ck_assert(!exists(JOURNAL_PART_FILE));
}
END_TEST

START_TEST(places_that_cannot_be_are_refused)
{
    char *longer = malloc(5000);
    memset(longer, 'x', 4999);
    longer[4999] = '\0';
    options.dir = longer;
    ck_assert_int_eq(open_once(), ERR_TOO_LARGE);
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_TOO_LARGE);
    options.dir = "/nowhere/at/all";
    ck_assert_int_eq(open_once(), ERR_NOT_FOUND);
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_NOT_FOUND);
    options.dir = dir;
    ck_assert_int_eq(mkdir(path_of(JOURNAL_FILE), 0700), 0);
    ck_assert_int_eq(open_once(), ERR_FORMAT);
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_FORMAT);
    ck_assert_int_eq(rmdir(path_of(JOURNAL_FILE)), 0);
    free(longer);
}
END_TEST

START_TEST(a_journal_has_one_user)
{
    struct journal *a, *b;
    create(BYTES);
    ck_assert_int_eq(open_once(), ERR_LOCKED);
    ck_assert_int_eq(journal_create(&options, BYTES, &a), ERR_LOCKED);
    ck_assert_int_eq(journal_open_closed(&options, &a), ERR_LOCKED);
    append_some(3);
    journal_close(journal);
    ck_assert_int_eq(journal_open_closed(&options, &a), ERR_OK);
    ck_assert_int_eq(journal_open_closed(&options, &b), ERR_OK);
    ck_assert_int_eq(open_once(), ERR_LOCKED);
    journal_close(b);
    journal = a;
    check_all_after(0);
}
END_TEST

/* Somebody else is making one just now; or has made it, and given it its name. */
START_TEST(a_journal_has_one_maker)
{
    int fd = open(path_of(JOURNAL_PART_FILE), O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_LOCKED);
    ck_assert(exists(JOURNAL_PART_FILE));
    close(fd);
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_OK);
    ck_assert(!exists(JOURNAL_PART_FILE));
}
END_TEST

START_TEST(a_removed_journal_is_noticed)
{
    create(BYTES);
    append(10, 1);
    ck_assert_int_eq(journal_check_place(journal), ERR_OK);
    copy_file(JOURNAL_FILE, "other");
    char *from = strdup(path_of("other"));
    ck_assert_int_eq(rename(from, path_of(JOURNAL_FILE)), 0);
    free(from);
    ck_assert_int_eq(journal_check_place(journal), ERR_GONE);
    ck_assert_int_eq(journal_mend(journal), ERR_OK);
    ck_assert_int_eq(try_append(10, 1), ERR_GONE);
    ck_assert(!journal_has_failed(journal));
}
END_TEST

/* --- what fails --- */

/* A power loss finds a whole one or none under its name. */
START_TEST(a_journal_is_on_the_disk_before_it_has_its_name)
{
    struct journal_place p;
    fault.armed = true;
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_OK);
    ck_assert_str_eq(fault.order, "wsrs");
    ck_assert_int_eq(journal_begin(journal, EPOCH, 1, &p), ERR_OK);
    ck_assert_str_eq(fault.order, "wsrsws");
}
END_TEST

/* Each call and each allocation once: it says so, and what was there is as it was. */
START_TEST(a_journal_that_cannot_be_made_leaves_nothing)
{
    static const int codes[] = {EIO, ENOSPC};
    for (int before = 0; before < 2; before++) {
        for (enum call c = 0; c < CALL_COUNT; c++) {
            for (size_t at = 1;; at++) {
                memset(&fault, 0, sizeof(fault));
                fault.call = c;
                fault.at = at;
                fault.code = codes[at % 2];
                fault.armed = true;
                enum err e = journal_create(&options, BYTES, &journal);
                bool fired = fault.calls[c] >= at;
                fail_none();
                /* Without the lock it may be somebody else's. */
                ck_assert_int_eq(exists(JOURNAL_PART_FILE), c == CALL_LOCK && at == 1);
                if (e == ERR_OK) { /* not met, or met where it does not matter */
                    ck_assert(!fired || c == CALL_TAKE);
                    journal_close(journal);
                    journal = NULL;
                    if (!before)
                        unlink(path_of(JOURNAL_FILE));
                    if (!fired)
                        break;
                    continue;
                }
                bool made = c == CALL_FSYNC && at == 2; /* the directory's */
                ck_assert_int_eq(open_once(), before || made ? ERR_OK : ERR_NOT_FOUND);
                if (!before)
                    unlink(path_of(JOURNAL_FILE));
            }
        }
        create(BYTES);
        journal_close(journal);
        journal = NULL;
    }
}
END_TEST

START_TEST(a_file_that_may_not_be_as_large_is_a_full_disk)
{
    struct rlimit limit = {BYTES, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(journal_create(&options, BYTES + JOURNAL_PAGE, &journal), ERR_NOSPACE);
    ck_assert(!exists(JOURNAL_PART_FILE));
    create(BYTES);
}
END_TEST

START_TEST(a_reading_that_fails_says_so)
{
    create(BYTES);
    append_some(100);
    reopen();
    size_t met = 0;
    for (enum call c = CALL_READ; c < CALL_COUNT; c++) {
        for (size_t at = 1;; at++) {
            memset(&fault, 0, sizeof(fault));
            fault.call = c;
            fault.at = at;
            fault.code = EIO;
            fault.armed = c == CALL_READ || c == CALL_ALLOCATION;
            enum err e = read_after(&model.places[0]);
            bool fired = fault.calls[c] >= at;
            fail_none();
            if (!fired || e == ERR_OK)
                break;
            met++;
            ck_assert_int_eq(e, c == CALL_READ ? ERR_IO : ERR_NOMEM);
        }
    }
    ck_assert_uint_gt(met, 100);
    check_all_after(0);
}
END_TEST

/* What a killed hub has left on its way to the disk is there before anybody builds on it. */
START_TEST(a_reading_begins_with_a_sync)
{
    create(BYTES);
    append_some(5);
    reopen();
    fail_all(CALL_FDATASYNC, EIO);
    ck_assert_int_eq(read_after(&model.places[0]), ERR_IO);
    ck_assert_uint_eq(found.count, 0);
    fail_all(CALL_FDATASYNC, ENOSPC);
    ck_assert_int_eq(read_after(&model.places[0]), ERR_NOSPACE);
    fail_none();
    check_all_after(0);
    journal_close(journal);
    ck_assert_int_eq(journal_open_closed(&options, &journal), ERR_OK);
    fail_all(CALL_FDATASYNC, EIO);
    check_all_after(0);
}
END_TEST

START_TEST(short_writes_are_finished)
{
    static const size_t most[] = {1, 7, FRAME_HEADER_SIZE, FRAME_HEADER_SIZE + 1, 4095, 4096, 5000};
    create(BYTES);
    fault.armed = true;
    for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
        fault.most = most[i];
        append(9000, 1);
        append(0, 0);
    }
    fail_none();
    reopen();
    check_all_after(0);
}
END_TEST

/* Appends refused; what failed is void once the disk works again, and appending goes on. */
static void check_mending(uint64_t before, uint64_t last)
{
    size_t good = model.count - 1;
    ck_assert(journal_has_failed(journal));
    ck_assert_uint_eq(journal_last(journal), last);
    ck_assert_int_eq(try_append(10, 1), ERR_IO);
    ck_assert_int_eq(journal_sync(journal), ERR_IO);
    fail_all(CALL_WRITE, EIO);
    ck_assert_int_eq(journal_mend(journal), ERR_IO);
    fail_all(CALL_FDATASYNC, EIO);
    ck_assert_int_eq(journal_mend(journal), ERR_IO);
    fail_all(CALL_WRITE, ENOSPC);
    ck_assert_int_eq(journal_mend(journal), ERR_NOSPACE);
    fail_none();
    ck_assert(journal_has_failed(journal));
    ck_assert_int_eq(journal_mend(journal), ERR_OK);
    ck_assert(!journal_has_failed(journal));
    ck_assert_int_eq(journal_mend(journal), ERR_OK);
    ck_assert_uint_eq(journal_last(journal), last);
    append(100, 2);
    append(5000, 1);
    reopen();
    ck_assert_int_eq(read_after(&model.places[0]), ERR_OK);
    ck_assert_uint_eq(found.count, good + 3);
    for (size_t i = 0; i < good; i++)
        check_group(i, i + 1);
    check_other(good, JOURNAL_VOID, before, last);
    check_group(good + 1, good + 1);
    check_group(good + 2, good + 2);
    ck_assert_uint_eq(found.entries[good + 1].before, last);
    check_all_after(model.count - 2);
}

START_TEST(a_write_that_fails_is_void)
{
    static const size_t half[] = {0, 100, JOURNAL_PAGE, SIZE_MAX};
    static const enum store_sync policies[] = {STORE_SYNC_ALWAYS, STORE_SYNC_INTERVAL};
    options.sync = policies[_i % 2];
    create(BYTES);
    append_some(4);
    uint64_t last = journal_last(journal);
    fail_all(CALL_WRITE, EIO);
    fault.half = half[_i / 2];
    ck_assert_int_eq(try_append(6000, 3), ERR_IO);
    fail_none();
    check_mending(last, last + 3);
}
END_TEST

START_TEST(a_sync_that_fails_voids_all_it_was_to_cover)
{
    size_t n;
    struct journal_place p;
    create(BYTES);
    append_some(4);
    uint64_t last = journal_last(journal);
    for (size_t i = 0; i < 4; i++) {
        const void *group = make_group(99, i * 3000, 3, &n);
        ck_assert_int_eq(journal_write(journal, group, n, last + 3 * (i + 1), &p), ERR_OK);
    }
    fail_all(CALL_FDATASYNC, EIO);
    ck_assert_int_eq(journal_sync(journal), ERR_IO);
    fail_none();
    check_mending(last, last + 12);
}
END_TEST

START_TEST(what_failed_at_the_end_of_the_file_is_void)
{
    size_t n;
    struct journal_place p;
    create(BYTES);
    append_some(4);
    while (model.places[model.count - 1].at < BYTES - 6 * JOURNAL_PAGE)
        append(100, 1);
    journal_release(journal, &model.places[model.count - 1]);
    uint64_t last = journal_last(journal);
    size_t first = model.count - 1;
    for (size_t i = 0; i < 4; i++) { /* over the end */
        const void *group = make_group(99, 7000, 3, &n);
        ck_assert_int_eq(journal_write(journal, group, n, last + 3 * (i + 1), &p), ERR_OK);
    }
    ck_assert_uint_lt(p.at, model.places[first].at);
    fail_all(CALL_FDATASYNC, EIO);
    ck_assert_int_eq(journal_sync(journal), ERR_IO);
    fail_none();
    memmove(&model.places[0], &model.places[first], sizeof(model.places[0]));
    model.count = 1;
    check_mending(last, last + 12);
}
END_TEST

/* What would have been the first of the next round. */
START_TEST(what_failed_at_the_beginning_of_the_file_is_void)
{
    create(BYTES);
    while (model.places[model.count - 1].at < BYTES - 2 * JOURNAL_PAGE)
        append(100, 1);
    size_t first = model.count - 1;
    journal_release(journal, &model.places[first]);
    uint64_t last = journal_last(journal);
    fail_all(CALL_FDATASYNC, EIO);
    ck_assert_int_eq(try_append(7000, 3), ERR_IO);
    fail_none();
    ck_assert_uint_lt(journal->bad.at, 2 * JOURNAL_PAGE);
    memmove(&model.places[0], &model.places[first], sizeof(model.places[0]));
    model.count = 1;
    check_mending(last, last + 3);
}
END_TEST

/* It may have reached the disk: then a start finds it. Never is it told as damage. */
START_TEST(what_failed_may_be_there_until_it_is_void)
{
    create(BYTES);
    append_some(4);
    fail_all(CALL_FDATASYNC, EIO);
    ck_assert_int_eq(try_append(100, 3), ERR_IO);
    fail_none();
    model.count++;
    reopen();
    check_all_after(0);
}
END_TEST

/* A publisher has its answer by then: the journal goes on, and can say no more than that. */
START_TEST(a_sync_between_that_fails_is_told)
{
    options.sync = STORE_SYNC_INTERVAL;
    create(BYTES);
    append_some(3);
    fail_all(CALL_FDATASYNC, EIO);
    ck_assert_int_eq(journal_sync(journal), ERR_IO);
    fail_none();
    ck_assert(!journal_has_failed(journal));
    append_some(3);
    ck_assert_int_eq(journal_sync(journal), ERR_OK);
    reopen();
    check_all_after(0);
}
END_TEST

/* There is nothing that it could be about. */
START_TEST(a_sync_of_nothing_is_none)
{
    create(BYTES);
    append_some(3);
    fail_all(CALL_FDATASYNC, EIO);
    ck_assert_int_eq(journal_sync(journal), ERR_OK);
    ck_assert_uint_eq(fault.calls[CALL_FDATASYNC], 0);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    create(BYTES);
    append_some(3);
    fail_all(CALL_WRITE, ENOSPC);
    ck_assert_int_eq(try_append(100, 3), ERR_NOSPACE);
    ck_assert(journal_has_failed(journal));
    fail_none();
    ck_assert_int_eq(journal_mend(journal), ERR_OK);
    append(10, 1);
}
END_TEST

START_TEST(a_run_that_cannot_begin_says_so)
{
    static const enum call calls[] = {CALL_WRITE, CALL_FDATASYNC};
    struct journal_place p;
    ck_assert_int_eq(journal_create(&options, BYTES, &journal), ERR_OK);
    fail_all(calls[_i], EIO);
    ck_assert_int_eq(journal_begin(journal, EPOCH, 5, &p), ERR_IO);
    fail_all(calls[_i], ENOSPC);
    ck_assert_int_eq(journal_begin(journal, EPOCH, 5, &p), ERR_NOSPACE);
    fail_none();
    reopen();
    begin(5);
    append_some(2);
    reopen();
    check_all_after(0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("journal");
    TCase *t = tcase_create("journal");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_appended_is_found);
    tcase_add_test(t, a_new_journal_has_nothing);
    tcase_add_test(t, groups_without_offsets_are_kept_in_order);
    tcase_add_test(t, offsets_may_be_left_out_and_not_taken_twice);
    tcase_add_test(t, a_visit_can_end_the_reading);
    tcase_add_loop_test(t, writes_are_found_without_a_sync, 0, 3);
    tcase_add_test(t, a_new_run_forgets_the_one_before);
    tcase_add_test(t, the_file_is_used_again_and_again);
    tcase_add_test(t, nothing_that_waits_is_written_to);
    tcase_add_test(t, the_largest_group_always_finds_room);
    tcase_add_test(t, the_size_is_what_was_asked_for);
    tcase_add_loop_test(t, a_damaged_middle_is_told, 0, 4);
    tcase_add_loop_test(t, several_damaged_ones_are_told, 0, 4);
    tcase_add_loop_test(t, a_torn_end_is_the_end, 0, 4);
    tcase_add_loop_test(t, what_no_sync_had_covered_is_no_damage, 0, 4);
    tcase_add_loop_test(t, what_the_log_has_may_be_damaged, 0, 4);
    tcase_add_test(t, another_run_and_epoch_are_told_from_it);
    tcase_add_test(t, a_moved_group_is_none);
    tcase_add_test(t, a_place_is_one_logs_and_lies_in_one_place);
    tcase_add_test(t, an_older_journal_is_told);
    tcase_add_test(t, other_files_are_refused);
    tcase_add_test(t, places_that_cannot_be_are_refused);
    tcase_add_test(t, a_journal_has_one_user);
    tcase_add_test(t, a_journal_has_one_maker);
    tcase_add_test(t, a_removed_journal_is_noticed);
    tcase_add_test(t, a_journal_is_on_the_disk_before_it_has_its_name);
    tcase_add_test(t, a_journal_that_cannot_be_made_leaves_nothing);
    tcase_add_test(t, a_file_that_may_not_be_as_large_is_a_full_disk);
    tcase_add_test(t, a_reading_that_fails_says_so);
    tcase_add_test(t, a_reading_begins_with_a_sync);
    tcase_add_test(t, short_writes_are_finished);
    tcase_add_loop_test(t, a_write_that_fails_is_void, 0, 8);
    tcase_add_test(t, a_sync_that_fails_voids_all_it_was_to_cover);
    tcase_add_test(t, what_failed_at_the_end_of_the_file_is_void);
    tcase_add_test(t, what_failed_at_the_beginning_of_the_file_is_void);
    tcase_add_test(t, what_failed_may_be_there_until_it_is_void);
    tcase_add_test(t, a_sync_between_that_fails_is_told);
    tcase_add_test(t, a_sync_of_nothing_is_none);
    tcase_add_test(t, a_full_disk_is_told);
    tcase_add_loop_test(t, a_run_that_cannot_begin_says_so, 0, 2);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0); /* many journals, each with its syncs */
    random_seed();
    SRunner *runner = srunner_create(make_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
