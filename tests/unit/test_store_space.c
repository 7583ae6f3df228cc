/*
 * A log on a disk that is full: a small disk is played by the functions below, which come before
 * the C library's when LMDB and the store write or take space.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "storage/lmdb/store_lmdb.h"
#include "tests/unit/store_fixture.h"

enum { PAGE = 4096, DISK = 3 << 20, MORE = 5 << 20, MAP = 64 << 20 };

static struct {
    off_t size;      /* what data.mdb can have; 0 = as much as it likes */
    off_t taken;     /* has been written, or taken ahead */
    bool no_reserve; /* the file system cannot take space ahead */
} disk;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* How many of N bytes at OFFSET find space. */
static size_t take(off_t offset, size_t n)
{
    off_t end = offset + (off_t)n;
    if (end > disk.taken)
        disk.taken = disk.size == 0 || end <= disk.size ? end
                     : disk.taken > disk.size           ? disk.taken
                                                        : disk.size;
    return end <= disk.taken ? n : offset < disk.taken ? (size_t)(disk.taken - offset) : 0;
}

/* Flags for large files make "pwrite" another function's name than the one that LMDB calls. */
ssize_t pwrite_small(int fd, const void *data, size_t n, off_t offset) __asm__("pwrite");

ssize_t pwrite_small(int fd, const void *data, size_t n, off_t offset)
{
    size_t fits = take(offset, n);
    if (fits > 0)
        return REAL(pwrite)(fd, data, fits, offset);
    errno = ENOSPC;
    return -1;
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = 0;
    for (int i = 0; i < count; i++) {
        ssize_t n = pwrite_small(fd, v[i].iov_base, v[i].iov_len, offset + done);
        if (n < 0)
            return done ? done : -1;
        done += n;
        if ((size_t)n < v[i].iov_len)
            break;
    }
    return done;
}

static bool is_data(int fd)
{
    static const char end[] = "/data.mdb";
    char link[64], name[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof(name));
    size_t len = sizeof(end) - 1;
    return n > (ssize_t)len && memcmp(name + n - len, end, len) == 0;
}

int fallocate(int fd, int mode, off_t offset, off_t n)
{
    if (!is_data(fd))
        return REAL(fallocate)(fd, mode, offset, n);
    if (disk.no_reserve && (mode & FALLOC_FL_KEEP_SIZE)) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (disk.size && offset + n > disk.size && offset + n > disk.taken) {
        errno = ENOSPC;
        return -1;
    }
    take(offset, (size_t)n);
    return REAL(fallocate)(fd, mode, offset, n);
}

static char *dir;
static struct store *store;
static struct store_reader *reader;
static struct store_state state;
static struct found found;
static uint64_t head;

static enum err try_open(void)
{
    struct store_options o = {
        .path = dir, .sync = STORE_SYNC_ALWAYS, .map_bytes = MAP, .readers_max = 2};
    enum err e = store_lmdb_open_booted(&o, "boot", &store, &state);
    if (!e)
        ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
    return e;
}

static void abandon(void)
{
    store_reader_destroy(reader);
    store_abandon(store);
    reader = NULL;
    store = NULL;
}

static void setup(void)
{
    memset(&disk, 0, sizeof(disk));
    head = 0;
    dir = make_dir();
    ck_assert_int_eq(try_open(), ERR_OK);
}

static void teardown(void)
{
    if (store)
        abandon();
    remove_dir(dir);
}

/* Appends runs of COUNT until there is no space; TOPICS in turn. */
static void fill(size_t count, uint32_t topics)
{
    enum err e;
    while (!(e = append_run(store, head + 1, count, topics))) {
        head += count;
        ck_assert_uint_lt(head, 1000000);
    }
    ck_assert_int_eq(e, ERR_NOSPACE);
}

static size_t count_all(void)
{
    struct store_query q = {.until = head};
    read_all(reader, q, &found);
    return found.count;
}

/* It used to be impossible: to remove takes pages, too, and there were none. */
START_TEST(messages_can_be_removed_from_a_full_disk)
{
    size_t removed;
    bool done = false;
    add_topics(store, 1, 5);
    disk.size = DISK;
    fill(_i ? 1 : 3000, 5);
    ck_assert_uint_eq(count_all(), head);
    ck_assert_int_eq(purge_some(store, 3, head, 1000, &removed, &done), ERR_OK);
    ck_assert_uint_eq(removed, 1000);
    for (done = false; !done;)
        ck_assert_int_eq(trim_some(store, head / 2, 1000, NULL, NULL, &removed, &done), ERR_OK);
    size_t kept = count_all();
    ck_assert_uint_le(kept, head / 2 + 1);
    ck_assert_int_eq(append_run(store, head + 1, 1000, 5), ERR_OK); /* and goes on by itself */
    head += 1000;
    ck_assert_uint_eq(count_all(), kept + 1000);
}
END_TEST

START_TEST(appending_goes_on_when_there_is_space_again)
{
    add_topics(store, 1, 5);
    for (off_t size = DISK; size < MORE; size += MORE / 10) {
        disk.size = size;
        fill(1 + 700 * (unsigned)_i, 5);
        ck_assert_uint_eq(count_all(), head);
    }
    disk.size = 0;
    ck_assert_int_eq(append_run(store, head + 1, 30000, 5), ERR_OK);
}
END_TEST

/* Each record in a page of its own, whose copies take more than there is: fewer at a time. */
START_TEST(a_purge_all_over_a_full_disk_works)
{
    enum { RECORDS = 4000 };
    static const char payload[1500];
    size_t removed, total = 0;
    bool done = false;
    add_topics(store, 1, 2);
    for (head = 0; head < RECORDS; head++) {
        struct store_record r = {.offset = head + 1,
                                 .time_ms = head,
                                 .topic_id = head % 2 + 1,
                                 .payload = payload,
                                 .payload_len = sizeof(payload)};
        struct store_batch b = {.records = &r, .record_count = 1};
        ck_assert_int_eq(store_append(store, &b), ERR_OK);
    }
    disk.size = disk.taken;
    while (!done) {
        ck_assert_int_eq(purge_some(store, 1, head, RECORDS, &removed, &done), ERR_OK);
        total += removed;
    }
    ck_assert_uint_eq(total, RECORDS / 2);
}
END_TEST

/* A crash while it is full: everything can be read, and removed. */
START_TEST(a_log_opens_on_a_full_disk)
{
    size_t removed;
    bool done = false;
    add_topics(store, 1, 5);
    disk.size = DISK;
    fill(1, 5);
    for (int i = 0; i < 20; i++) {
        abandon();
        ck_assert_int_eq(try_open(), ERR_OK);
        ck_assert_uint_eq(state.head, head);
    }
    ck_assert_uint_eq(count_all(), head);
    ck_assert_uint_eq(topic_row(store, 3).messages, (head + 3) / 5);
    while (!done)
        ck_assert_int_eq(trim_some(store, head, 1000, NULL, NULL, &removed, &done), ERR_OK);
    ck_assert_int_eq(append_run(store, head + 1, 1000, 5), ERR_OK);
}
END_TEST

/* More topics' totals wait for their rows than there are pages for. */
START_TEST(a_log_with_many_topics_opens_on_a_full_disk)
{
    enum { TOPICS = 60000 };
    add_topics(store, 1, TOPICS);
    ck_assert_int_eq(append_run(store, 1, TOPICS, TOPICS), ERR_OK);
    head = TOPICS;
    disk.size = disk.taken;
    abandon();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(try_open(), ERR_OK);
        ck_assert_uint_eq(state.head, head);
        ck_assert_uint_eq(topic_row(store, 77).messages, 1);
        ck_assert_uint_eq(topic_row(store, TOPICS).last, TOPICS - 1);
        abandon();
    }
    disk.size = 0;
    ck_assert_int_eq(try_open(), ERR_OK);
    ck_assert_uint_eq(count_all(), head);
}
END_TEST

/* What has no record needs little, and is not refused with the first message that is. */
START_TEST(a_mark_can_be_raised_on_a_full_disk)
{
    add_topics(store, 1, 5);
    disk.size = DISK;
    fill(1, 5);
    for (uint64_t mark = head + 1000; mark < head + 200000; mark += 1000) {
        struct store_batch b = {.reserve = mark};
        ck_assert_int_eq(store_append(store, &b), ERR_OK);
    }
    add_topics(store, 6, 3);
}
END_TEST

START_TEST(a_new_log_on_a_full_disk_is_refused_and_made_later)
{
    static const off_t sizes[] = {1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE};
    abandon();
    remove_dir(dir);
    dir = make_dir();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        disk.taken = 0;
        disk.size = sizes[i];
        ck_assert_int_eq(try_open(), ERR_NOSPACE);
    }
    disk.size = 0;
    ck_assert_int_eq(try_open(), ERR_OK);
    ck_assert(state.created);
}
END_TEST

/* Where no space can be taken ahead, the disk fills to its end: then nothing is lost. */
START_TEST(without_a_reserve_nothing_is_lost)
{
    abandon();
    disk.no_reserve = true;
    ck_assert_int_eq(try_open(), ERR_OK);
    add_topics(store, 1, 5);
    for (off_t size = DISK; size < MORE; size += MORE / 10) {
        disk.size = size;
        fill(1 + 700 * (unsigned)_i, 5);
        ck_assert_uint_eq(count_all(), head);
    }
    disk.size = 0;
    abandon();
    ck_assert_int_eq(try_open(), ERR_OK);
    ck_assert_uint_eq(state.head, head);
    ck_assert_uint_eq(count_all(), head);
    ck_assert_int_eq(append_run(store, head + 1, 30000, 5), ERR_OK);
}
END_TEST

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    Suite *suite = suite_create("store_space");
    TCase *t = tcase_create("space");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, messages_can_be_removed_from_a_full_disk, 0, 2);
    tcase_add_loop_test(t, appending_goes_on_when_there_is_space_again, 0, 2);
    tcase_add_test(t, a_purge_all_over_a_full_disk_works);
    tcase_add_test(t, a_log_opens_on_a_full_disk);
    tcase_add_test(t, a_log_with_many_topics_opens_on_a_full_disk);
    tcase_add_test(t, a_mark_can_be_raised_on_a_full_disk);
    tcase_add_test(t, a_new_log_on_a_full_disk_is_refused_and_made_later);
    tcase_add_loop_test(t, without_a_reserve_nothing_is_lost, 0, 2);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
