/*
 * A header that cannot be written: LMDB then refuses every transaction, and the log opens its
 * environment anew (storage/lmdb/lmdb_repair.c). This program's functions come before the C
 * library's when LMDB writes.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/lmdb/store_lmdb.h"
#include "tests/unit/store_fixture.h"

enum { HEADERS_END = 8192, TOPICS = 5, READERS = 3 };

/* How a header fails. */
enum how {
    NO_ERROR = 0,
    CUT = -1, /* only half of it is written */
    LATE = -2 /* it is there, and cannot be replaced by the old one; but an error is told */
};

static struct {
    int header; /* enum how, or errno; once */
    int sync;   /* errno; until it is changed */
    bool stuck; /* what LMDB puts back gets lost */
} fault;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t fail_header(int fd, const void *data, size_t n, off_t offset)
{
    int how = fault.header;
    fault.header = NO_ERROR;
    fault.stuck = how == LATE;
    if (how == CUT)
        return REAL(pwrite)(fd, data, n / 2, offset);
    if (how == LATE)
        REQUIRE(REAL(pwrite)(fd, data, n, offset) == (ssize_t)n);
    errno = how > 0 ? how : EIO;
    return -1;
}

/* Flags for large files make "pwrite" another function's name than the one that LMDB calls. */
ssize_t pwrite_failing(int fd, const void *data, size_t n, off_t offset) __asm__("pwrite");

ssize_t pwrite_failing(int fd, const void *data, size_t n, off_t offset)
{
    bool header = offset > 0 && offset < HEADERS_END;
    if (header && fault.header)
        return fail_header(fd, data, n, offset);
    if (header && fault.stuck) {
        fault.stuck = false;
        return (ssize_t)n;
    }
    return REAL(pwrite)(fd, data, n, offset);
}

int fdatasync(int fd)
{
    if (!fault.sync)
        return REAL(fdatasync)(fd);
    errno = fault.sync;
    return -1;
}

static atomic_bool holding; /* writes of a copy wait until they can only fail, */
static atomic_bool held;    /* and one does */

static bool is_of_copy(int fd)
{
    return fd > STDERR_FILENO && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

ssize_t write(int fd, const void *data, size_t n)
{
    while (atomic_load(&holding) && is_of_copy(fd)) {
        atomic_store(&held, true);
        sched_yield();
    }
    return REAL(write)(fd, data, n);
}

static char *dir;
static struct store *store;
static struct store_reader *reader;
static struct store_state state;
static struct found found;
static uint64_t head;

static void open_as(enum store_sync sync, const char *boot_id)
{
    struct store_options o = {
        .path = dir, .sync = sync, .map_bytes = 64 << 20, .readers_max = READERS + 1};
    ck_assert_int_eq(store_lmdb_open_booted(&o, boot_id, &store, &state), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
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
    memset(&fault, 0, sizeof(fault));
    head = 0;
    dir = make_dir();
    open_as(STORE_SYNC_ALWAYS, "boot");
    add_topics(store, 1, TOPICS);
}

static void teardown(void)
{
    memset(&fault, 0, sizeof(fault));
    if (store)
        abandon();
    remove_dir(dir);
}

static enum err append(size_t count)
{
    enum err e = append_run(store, head + 1, count, TOPICS);
    head += e ? 0 : count;
    return e;
}

/* All up to the head, by the log and by a topic's index. */
static void check_reading(struct store_reader *r)
{
    uint32_t topic = 2;
    struct store_query q = {.until = head};
    read_all(r, q, &found);
    ck_assert_uint_eq(found.count, head);
    q.topics = &topic;
    q.topic_count = 1;
    read_all(r, q, &found);
    ck_assert_uint_eq(found.count, (head + TOPICS - 1) / TOPICS);
}

static const int hows[] = {EIO, ENOSPC, CUT};
enum { HOWS = sizeof(hows) / sizeof(hows[0]) };

/* It was the end of reading, too, until a restart. */
START_TEST(reading_and_appending_go_on_after_a_failed_header)
{
    struct store_reader *fresh;
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(append(i % 4 ? 7 : 3000), ERR_OK);
        fault.header = hows[_i];
        enum err e = append(i % 3 ? 1 : 5000);
        ck_assert_int_eq(e, hows[_i] == ENOSPC ? ERR_NOSPACE : ERR_IO);
        check_reading(reader);
        ck_assert_int_eq(store_reader_create(store, &fresh), ERR_OK);
        check_reading(fresh);
        store_reader_destroy(fresh);
    }
    ck_assert_int_eq(append(10), ERR_OK);
    check_reading(reader);
    abandon();
    open_as(STORE_SYNC_ALWAYS, "other");
    ck_assert_uint_eq(state.head, head);
    ck_assert_uint_eq(state.former_count, 0);
    check_reading(reader);
}
END_TEST

START_TEST(a_removal_whose_header_failed_can_be_made_again)
{
    size_t removed;
    bool done;
    ck_assert_int_eq(append(10000), ERR_OK);
    fault.header = hows[_i];
    enum err e = purge_some(store, 2, head, RUN_MAX, &removed, &done);
    ck_assert(e == ERR_IO || (e == ERR_OK && hows[_i] == ENOSPC)); /* then it was tried again */
    for (done = false; !done;)
        ck_assert_int_eq(purge_some(store, 2, head, RUN_MAX, &removed, &done), ERR_OK);
    fault.header = hows[_i];
    e = trim_some(store, 5000, RUN_MAX, NULL, NULL, &removed, &done);
    ck_assert(e == ERR_IO || (e == ERR_OK && hows[_i] == ENOSPC));
    for (done = false; !done;)
        ck_assert_int_eq(trim_some(store, 5000, RUN_MAX, NULL, NULL, &removed, &done), ERR_OK);
    struct store_query q = {.until = head};
    read_all(reader, q, &found);
    ck_assert_uint_eq(found.count, 4000);
    ck_assert_uint_eq(topic_row(store, 2).messages, 0);
    ck_assert_uint_eq(topic_row(store, 3).messages, 1000);
}
END_TEST

/* The header in force has to be durable before anything else is written. */
START_TEST(nothing_is_written_before_the_old_header_is_durable)
{
    size_t removed;
    bool done;
    ck_assert_int_eq(append(100), ERR_OK);
    fault.header = EIO;
    ck_assert_int_eq(append(1), ERR_IO);
    fault.sync = EIO;
    off_t size = (off_t)store_size(store);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(append(1), ERR_IO);
        ck_assert_int_eq(trim_some(store, 10, 10, NULL, NULL, &removed, &done), ERR_IO);
        ck_assert_int_eq(purge_some(store, 1, 10, 10, &removed, &done), ERR_IO);
        ck_assert_int_eq(store_sync_now(store), ERR_IO);
        check_reading(reader);
    }
    ck_assert_int_eq((off_t)store_size(store), size);
    fault.sync = 0;
    ck_assert_int_eq(append(1), ERR_OK);
    check_reading(reader);
}
END_TEST

static enum err copy_to(const char *path)
{
    struct store_copied copied;
    struct store_copy *c = store_copy_create(store, path);
    enum err e = store_copy_run(c, &copied);
    store_copy_destroy(c);
    return e;
}

static char *copy;

static void *copy_beside(void *arg)
{
    *(enum err *)arg = copy_to(copy);
    return NULL;
}

/* A copy takes long, and keeps the environment in its place: it must not keep the log waiting. */
START_TEST(a_copy_is_given_up_for_the_log)
{
    pthread_t thread;
    enum err result = ERR_OK;
    copy = make_dir();
    ck_assert_int_eq(append(1000), ERR_OK);
    atomic_store(&holding, true);
    ck_assert_int_eq(pthread_create(&thread, NULL, copy_beside, &result), 0);
    while (!atomic_load(&held))
        sched_yield();
    fault.header = EIO;
    enum err e = append(1);
    atomic_store(&holding, false);
    pthread_join(thread, NULL);
    ck_assert_int_eq(e, ERR_IO);
    ck_assert_int_eq(result, ERR_IO);
    ck_assert_int_eq(rmdir(copy), 0); /* nothing is left in it */
    ck_assert_int_eq(append(1), ERR_OK);
    ck_assert_int_eq(copy_to(copy), ERR_OK);
    check_reading(reader);
    remove_dir(copy);
}
END_TEST

static size_t count_lines(const char *path, const char *text)
{
    char line[1024];
    size_t count = 0;
    FILE *log = fopen(path, "r");
    ck_assert_ptr_nonnull(log);
    while (fgets(line, sizeof(line), log))
        count += strstr(line, text) != NULL;
    fclose(log);
    return count;
}

START_TEST(a_disk_that_fails_again_and_again_is_told_once)
{
    static const char told[] = "the header of the log could not be written";
    char path[4096];
    snprintf(path, sizeof(path), "%s/lines", dir);
    log_set_level(LOG_WARN);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(dup2(log, STDERR_FILENO), 0);
    for (size_t round = 1; round <= 2; round++) {
        ck_assert_int_eq(append(10), ERR_OK);
        for (int i = 0; i < 3; i++) {
            fault.header = EIO;
            ck_assert_int_eq(append(1), ERR_IO);
            ck_assert_uint_eq(count_lines(path, told), round);
        }
    }
    close(log);
}
END_TEST

/* What was told to have failed is in the file: its offsets must not be used for something else. */
START_TEST(a_failed_commit_that_shows_is_the_last)
{
    size_t removed;
    bool done;
    copy = make_dir();
    ck_assert_int_eq(append(100), ERR_OK);
    fault.header = LATE;
    ck_assert_int_eq(append(7), ERR_IO);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(append(1), ERR_IO);
        ck_assert_int_eq(trim_some(store, 10, 10, NULL, NULL, &removed, &done), ERR_IO);
        ck_assert_int_eq(purge_some(store, 1, 10, 10, &removed, &done), ERR_IO);
        ck_assert_int_eq(store_sync_now(store), ERR_IO);
        ck_assert_int_eq(copy_to(copy), ERR_IO);
        check_reading(reader);
    }
    store_reader_destroy(reader);
    store_close(store, head, true);
    open_as(STORE_SYNC_ALWAYS, "boot");
    ck_assert(!state.clean);
    ck_assert_uint_eq(state.head, 107);
    head = 107;
    check_reading(reader);
    ck_assert_int_eq(append(10), ERR_OK);
    check_reading(reader);
    remove_dir(copy);
}
END_TEST

/* Whatever kept it from being opened: the lock's file is no file for a while. */
START_TEST(a_log_that_cannot_be_opened_anew_is_tried_again)
{
    char lock[4096], aside[4096];
    snprintf(lock, sizeof(lock), "%s/lock.mdb", dir);
    snprintf(aside, sizeof(aside), "%s/aside", dir);
    ck_assert_int_eq(append(100), ERR_OK);
    ck_assert_int_eq(rename(lock, aside), 0);
    ck_assert_int_eq(mkdir(lock, 0700), 0);
    fault.header = EIO;
    for (int i = 0; i < 3; i++) {
        struct store_query q = {.until = head};
        ck_assert_int_eq(append(1), ERR_IO);
        ck_assert_int_eq(read_into(reader, &q, &found), ERR_IO);
        ck_assert_int_eq(store_sync_now(store), ERR_IO);
        ck_assert_uint_eq(store_size(store), 0);
    }
    ck_assert_int_eq(rmdir(lock), 0);
    ck_assert_int_eq(append(1), ERR_OK);
    check_reading(reader);
}
END_TEST

static _Atomic uint64_t written;
static atomic_bool over;

/* Reads beside the store: what was appended is there, whenever the log can be read at all. */
static void *read_beside(void *arg)
{
    struct found *f = calloc(1, sizeof(*f));
    struct store_reader *r = arg;
    size_t read = 0;
    REQUIRE(f);
    while (!atomic_load(&over)) {
        uint64_t until = atomic_load(&written);
        struct store_query q = {.after = until > 500 ? until - 500 : 0, .until = until};
        enum err e = until ? read_into(r, &q, f) : ERR_OK;
        REQUIRE(e == ERR_OK || e == ERR_IO);
        REQUIRE(e || f->count == q.until - q.after);
        read += e == ERR_OK;
    }
    free(f);
    return (void *)(uintptr_t)read;
}

START_TEST(readers_on_other_threads_go_on)
{
    pthread_t threads[READERS];
    struct store_reader *readers[READERS];
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(store_reader_create(store, &readers[i]), ERR_OK);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_beside, readers[i]), 0);
    }
    for (int i = 0; i < 300; i++) {
        ck_assert_int_eq(append(20), ERR_OK);
        atomic_store(&written, head);
        fault.header = i % 2 ? EIO : NO_ERROR;
        ck_assert_int_eq(append(20), i % 2 ? ERR_IO : ERR_OK);
        atomic_store(&written, head);
    }
    atomic_store(&over, true);
    for (int i = 0; i < READERS; i++) {
        void *read;
        pthread_join(threads[i], &read);
        ck_assert_uint_gt((uintptr_t)read, 0);
        store_reader_destroy(readers[i]);
    }
    check_reading(reader);
}
END_TEST

/* The kernel forgets what it could not write, and the next sync says that all is well. */
START_TEST(what_a_failed_sync_was_to_cover_is_never_certain)
{
    abandon();
    remove_dir(dir);
    dir = make_dir();
    open_as(STORE_SYNC_INTERVAL, "1");
    add_topics(store, 1, TOPICS);
    ck_assert_int_eq(append(10), ERR_OK);
    ck_assert_int_eq(store_sync_now(store), ERR_OK);
    ck_assert_int_eq(append(10), ERR_OK);
    fault.sync = EIO;
    ck_assert_int_eq(store_sync_now(store), ERR_IO);
    fault.sync = 0;
    ck_assert_int_eq(store_sync_now(store), ERR_OK);
    ck_assert_int_eq(append(10), ERR_OK);
    copy = make_dir();
    ck_assert_int_eq(copy_to(copy), ERR_OK);
    store_reader_destroy(reader);
    store_close(store, head, true);
    open_as(STORE_SYNC_INTERVAL, "2");
    ck_assert(!state.clean);
    ck_assert_uint_eq(state.former_count, 1);
    ck_assert_uint_eq(state.former[0].last, 10);
    abandon();
    remove_dir(dir);
    dir = copy; /* nor in a copy */
    open_as(STORE_SYNC_INTERVAL, "1");
    ck_assert_uint_eq(state.former_count, 1);
    ck_assert_uint_eq(state.former[0].last, 10);
}
END_TEST

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    log_set_level(LOG_ERROR);
    Suite *suite = suite_create("store_repair");
    TCase *t = tcase_create("repair");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, reading_and_appending_go_on_after_a_failed_header, 0, HOWS);
    tcase_add_loop_test(t, a_removal_whose_header_failed_can_be_made_again, 0, HOWS);
    tcase_add_test(t, nothing_is_written_before_the_old_header_is_durable);
    tcase_add_test(t, a_copy_is_given_up_for_the_log);
    tcase_add_test(t, a_disk_that_fails_again_and_again_is_told_once);
    tcase_add_test(t, a_failed_commit_that_shows_is_the_last);
    tcase_add_test(t, a_log_that_cannot_be_opened_anew_is_tried_again);
    tcase_add_test(t, readers_on_other_threads_go_on);
    tcase_add_test(t, what_a_failed_sync_was_to_cover_is_never_certain);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
