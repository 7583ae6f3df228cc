/*
 * Copies of the log: what they have, beside a log that goes on, called off, and failing at each
 * place. A copy that was not finished is not a log, and what fails leaves nothing behind.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb/store_lmdb.h"
#include "storage/store_ops.h"
#include "tests/unit/store_fixture.h"

/* --- what can be made to fail: the linker puts these in place of what they are named for --- */

enum call { CALL_MKDIR, CALL_OPENAT, CALL_COPY, CALL_FSYNC, CALL_RENAME, CALLS };

static struct {
    bool armed;
    enum call call;
    size_t at; /* which one fails, from 1 */
    size_t calls[CALLS];
    void (*before_copy)(void);
} fault;

static bool fails(enum call call)
{
    return fault.armed && ++fault.calls[call] == fault.at && fault.call == call;
}

static int refuse(int code)
{
    errno = code;
    return -1;
}

int __real_mdb_env_copyfd2(MDB_env *e, mdb_filehandle_t fd, unsigned flags);
int __wrap_mdb_env_copyfd2(MDB_env *e, mdb_filehandle_t fd, unsigned flags);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);

int __wrap_mdb_env_copyfd2(MDB_env *e, mdb_filehandle_t fd, unsigned flags)
{
    if (fault.before_copy)
        fault.before_copy();
    if (!fails(CALL_COPY))
        return __real_mdb_env_copyfd2(e, fd, flags);
    (void)!write(fd, "half", 4);
    return ENOSPC;
}

int __wrap_fsync(int fd)
{
    return fails(CALL_FSYNC) ? refuse(EIO) : __real_fsync(fd);
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fails(CALL_RENAME) ? refuse(EIO) : __real_renameat(from_dir, from, to_dir, to);
}

/* With large files it goes by another name. */
#define OPENAT(name)                                                                               \
    int __real_##name(int at, const char *path, int flags, ...);                                   \
    int __wrap_##name(int at, const char *path, int flags, ...);                                   \
    int __wrap_##name(int at, const char *path, int flags, ...)                                    \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;                                    \
        va_end(ap);                                                                                \
        return fails(CALL_OPENAT) ? refuse(EMFILE) : __real_##name(at, path, flags, mode);         \
    }
OPENAT(openat)
OPENAT(openat64)

int __wrap_mkdir(const char *path, mode_t mode)
{
    return fails(CALL_MKDIR) ? refuse(EACCES) : __real_mkdir(path, mode);
}

/* --- a log and a copy --- */

enum { RECORDS = 20000, TOPICS = 3 };

static char *dir, *parent, target[4096];
static struct store *store;
static struct store_reader *reader;
static struct store_state state;
static struct store_copy *copy;
static struct store_copied copied;
static struct found found;

static void open_at(const char *path, const char *boot_id)
{
    struct store_options o = {
        .path = path, .sync = STORE_SYNC_NEVER, .map_bytes = UINT64_C(1) << 30, .readers_max = 4};
    ck_assert_int_eq(store_lmdb_open_booted(&o, boot_id, &store, &state), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
}

static void end_reader(void)
{
    store_reader_destroy(reader);
    reader = NULL;
}

static void abandon(void)
{
    end_reader();
    store_abandon(store);
    store = NULL;
}

static void close_at(uint64_t head)
{
    end_reader();
    store_close(store, head, true);
    store = NULL;
}

static void setup(void)
{
    memset(&fault, 0, sizeof(fault));
    memset(&found, 0, sizeof(found));
    dir = make_dir();
    parent = make_dir();
    snprintf(target, sizeof(target), "%s/copy", parent);
    open_at(dir, "boot");
    add_topics(store, 1, TOPICS);
    ck_assert_int_eq(append_run(store, 1, RECORDS, TOPICS), ERR_OK);
}

static void teardown(void)
{
    abandon();
    char *made = strdup(target);
    remove_dir(made);
    remove_dir(parent);
    remove_dir(dir);
}

static enum err run_copy(struct store_copy *c)
{
    enum err e = store_copy_run(c, &copied);
    store_copy_destroy(c);
    return e;
}

static enum err copy_to(const char *path)
{
    struct store_copy *c = store_copy_create(store, path);
    ck_assert_ptr_nonnull(c);
    return run_copy(c);
}

static void copy_closed(void)
{
    ck_assert_int_eq(store_lmdb_open_closed(dir, &store), ERR_OK);
    ck_assert_int_eq(copy_to(target), ERR_OK);
    store_abandon(store);
    store = NULL;
}

/* Names in a directory, in one word; "" when it is empty, NULL when there is none. */
static const char *names_in(const char *path)
{
    static char names[4096];
    DIR *d = opendir(path);
    names[0] = '\0';
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s,", e->d_name);
    if (!d)
        return NULL;
    closedir(d);
    return names;
}

static size_t count_all(uint64_t until)
{
    struct store_query q = {.until = until};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    return found.count;
}

static void check_sound(void)
{
    struct store_verify *v;
    bool done = false;
    ck_assert_int_eq(store_verify_create(reader, &v), ERR_OK);
    while (!done)
        ck_assert_int_eq(store_verify_step(v, &done), ERR_OK);
    ck_assert_uint_eq(store_report_damaged(store_verify_report(v)), 0);
    ck_assert_uint_eq(store_verify_report(v)->unsettled, 0);
    store_verify_destroy(v);
}

START_TEST(a_copy_makes_its_directory)
{
    char path[4200];
    struct stat st;
    uint32_t epoch = state.epoch;
    ck_assert_int_eq(copy_to(target), ERR_OK);
    ck_assert_str_eq(names_in(target), "data.mdb,");
    ck_assert_int_eq(stat(target, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
    snprintf(path, sizeof(path), "%s/data.mdb", target);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_uint_eq(copied.bytes, (uint64_t)st.st_size);
    ck_assert_uint_lt(copied.bytes, store_size(store));
    ck_assert_uint_eq(copied.epoch, epoch);
    ck_assert_uint_eq(copied.last, RECORDS);
    abandon();
    open_at(target, "boot");
    ck_assert_uint_ne(state.epoch, epoch);
    ck_assert_uint_eq(state.former_count, 1);
    ck_assert_uint_eq(state.former[0].epoch, epoch);
    ck_assert_uint_eq(state.former[0].last, copied.last);
    ck_assert_uint_eq(count_all(RECORDS + 1), RECORDS);
    check_sound();
}
END_TEST

START_TEST(a_copy_needs_an_empty_directory)
{
    char path[4200];
    ck_assert_int_eq(copy_to(dir), ERR_INVALID);
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    ck_assert_int_eq(copy_to(path), ERR_INVALID);
    ck_assert_int_eq(copy_to("/nowhere/at/all"), ERR_NOT_FOUND);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(copy_to(path), ERR_TOO_LARGE);
    ck_assert_int_eq(mkdir(target, 0700), 0);
    ck_assert_int_eq(copy_to(target), ERR_OK);
    ck_assert_int_eq(copy_to(target), ERR_INVALID); /* the copy is there by now */
    ck_assert_str_eq(names_in(target), "data.mdb,");
    check_sound();
}
END_TEST

START_TEST(an_unfinished_copy_is_no_log)
{
    char part[4200];
    struct store *other;
    struct store_state ignored;
    struct store_options o = {.path = target, .map_bytes = 64 << 20, .readers_max = 1};
    ck_assert_int_eq(mkdir(target, 0700), 0);
    snprintf(part, sizeof(part), "%s/data.mdb.part", target);
    FILE *f = fopen(part, "w");
    ck_assert_ptr_nonnull(f);
    fputs("the beginning", f);
    fclose(f);
    ck_assert_int_eq(store_lmdb_open(&o, &other, &ignored), ERR_UNFINISHED);
    ck_assert_int_eq(store_lmdb_open_closed(target, &other), ERR_UNFINISHED);
    ck_assert_str_eq(names_in(target), "data.mdb.part,");
    ck_assert_int_eq(copy_to(target), ERR_OK); /* begun anew */
    ck_assert_str_eq(names_in(target), "data.mdb,");
    ck_assert_int_eq(store_lmdb_open(&o, &other, &ignored), ERR_OK);
    store_abandon(other);
}
END_TEST

/* Each call fails once, in turn; where the directory was there before, it stays. */
START_TEST(what_fails_leaves_nothing)
{
    enum call call = (enum call)(_i / 2);
    bool made = _i % 2;
    size_t total;
    fault.armed = true;
    ck_assert_int_eq(copy_to(target), ERR_OK);
    fault.armed = false;
    total = fault.calls[call];
    ck_assert_uint_gt(total, 0);
    for (size_t at = 1; at <= total; at++) {
        char *old = strdup(target);
        remove_dir(old);
        if (made)
            ck_assert_int_eq(mkdir(target, 0700), 0);
        memset(&fault, 0, sizeof(fault));
        fault.call = call;
        fault.at = at;
        fault.armed = true;
        enum err e = copy_to(target);
        fault.armed = false;
        if (!e && made) /* a directory that was there needs less */
            continue;
        ck_assert_int_ne(e, ERR_OK);
        ck_assert_uint_ge(fault.calls[call], at);
        if (made)
            ck_assert_str_eq(names_in(target), "");
        else
            ck_assert_ptr_null(names_in(target));
    }
    ck_assert_int_eq(count_all(RECORDS), RECORDS);
}
END_TEST

static void cancel(void)
{
    store_copy_cancel(copy);
}

/* Puts the first key of each leaf of records behind the others; nobody walks them for a copy. */
static size_t disorder_keys(void)
{
    enum { PAGE = 4096, AT_FLAGS = 10, AT_NODES = 16, LEAF = 2, RECORD_KEY = 8 };
    uint8_t page[PAGE];
    char path[4200];
    size_t changed = 0;
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    for (off_t at = 2 * PAGE; pread(fd, page, PAGE, at) == PAGE; at += PAGE) {
        uint16_t flags, node, key;
        memcpy(&flags, page + AT_FLAGS, sizeof(flags));
        memcpy(&node, page + AT_NODES, sizeof(node));
        if (flags != LEAF || node > PAGE - 16)
            continue;
        memcpy(&key, page + node + 6, sizeof(key));
        if (key != RECORD_KEY)
            continue;
        memset(page + node + 8, 0x7f, RECORD_KEY);
        ck_assert_int_eq(pwrite(fd, page, PAGE, at), PAGE);
        changed++;
    }
    close(fd);
    return changed;
}

START_TEST(a_damaged_log_is_not_copied)
{
    ck_assert_uint_gt(disorder_keys(), 0);
    ck_assert_int_eq(copy_to(target), ERR_CORRUPT);
    ck_assert_ptr_null(names_in(target));
}
END_TEST

START_TEST(a_copy_can_be_called_off)
{
    copy = store_copy_create(store, target);
    if (_i == 0)
        cancel(); /* before it begins; else while it is written, as another thread would */
    else
        fault.before_copy = cancel;
    ck_assert_int_eq(run_copy(copy), ERR_CLOSED);
    ck_assert_ptr_null(names_in(target));
    fault.before_copy = NULL;
    ck_assert_int_eq(copy_to(target), ERR_OK);
}
END_TEST

static ino_t behind(int fd)
{
    struct stat st;
    ck_assert_int_eq(fstat(fd, &st), 0);
    return st.st_ino;
}

/* What is written to then is the descriptor that cannot be; the first reason stays. */
START_TEST(ending_a_copy_exchanges_what_it_writes_to)
{
    int block = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    copy = store_copy_create(store, target);
    ck_assert_int_eq(store_copy_attach(copy, null, block), ERR_OK);
    ck_assert_int_eq(store_copy_ended(copy), ERR_OK);
    store_copy_end(copy, ERR_IO);
    ck_assert_uint_eq(behind(null), behind(block));
    store_copy_cancel(copy);
    ck_assert_int_eq(store_copy_ended(copy), ERR_IO);
    ck_assert_int_eq(store_copy_detach(copy), ERR_IO);
    ck_assert_int_eq(store_copy_attach(copy, null, block), ERR_IO);
    store_copy_destroy(copy);
    close(null);
    close(block);
}
END_TEST

/* Nor is anything exchanged that it has let go. */
START_TEST(a_copy_that_is_detached_leaves_the_file_alone)
{
    int block = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ino_t before = behind(null);
    copy = store_copy_create(store, target);
    ck_assert_int_eq(store_copy_attach(copy, null, block), ERR_OK);
    ck_assert_int_eq(store_copy_detach(copy), ERR_OK);
    store_copy_cancel(copy);
    ck_assert_uint_eq(behind(null), before);
    store_copy_destroy(copy);
    close(null);
    close(block);
}
END_TEST

/* Cursors that were given out for what the copy has are exact in it, also for what is gone. */
START_TEST(a_copy_is_certain_of_all_it_has)
{
    size_t removed;
    bool done;
    ck_assert_int_eq(purge_some(store, 2, RECORDS, RECORDS, &removed, &done), ERR_OK);
    ck_assert_int_eq(trim_some(store, RECORDS, RECORDS, NULL, NULL, &removed, &done), ERR_OK);
    if (_i == 0) {
        ck_assert_int_eq(copy_to(target), ERR_OK);
        ck_assert_uint_eq(copied.last, RECORDS);
    } else {
        close_at(RECORDS + 10); /* offsets that left no record */
        copy_closed();
        ck_assert_uint_eq(copied.last, RECORDS + 10);
        open_at(dir, "boot");
    }
    abandon();
    open_at(target, "boot");
    ck_assert_uint_eq(state.former[0].last, copied.last);
    ck_assert_uint_eq(state.head, copied.last);
    ck_assert_uint_eq(count_all(RECORDS + 20), 0);
}
END_TEST

START_TEST(a_closed_log_can_be_copied)
{
    uint32_t epoch = state.epoch;
    close_at(RECORDS);
    copy_closed();
    ck_assert_uint_eq(copied.epoch, epoch);
    ck_assert_uint_eq(copied.last, RECORDS);
    open_at(target, "boot");
    ck_assert_uint_ne(state.epoch, epoch);
    ck_assert_uint_eq(state.former[0].last, RECORDS);
    ck_assert_uint_eq(count_all(RECORDS), RECORDS);
    check_sound();
    abandon();
    open_at(dir, "boot"); /* the original is none the wiser */
    ck_assert_uint_eq(state.epoch, epoch);
    ck_assert(state.clean);
}
END_TEST

/* The machine went down under a log that was not synced: what the records say is not certain. */
START_TEST(a_copy_is_not_more_certain_than_its_original)
{
    ck_assert_int_eq(store_sync_now(store), ERR_OK);
    ck_assert_int_eq(append_run(store, RECORDS + 1, 100, TOPICS), ERR_OK);
    abandon();
    copy_closed(); /* on a boot that is not "boot" */
    ck_assert_uint_eq(copied.last, RECORDS);
    open_at(target, "boot");
    ck_assert_uint_eq(state.former[0].last, RECORDS);
    ck_assert_uint_eq(state.head, RECORDS + 100);
    abandon();
    char *again = strdup(dir); /* a copy of a copy stays at what the first one said */
    remove_dir(again);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
}
END_TEST

static void *run_beside(void *arg)
{
    *(enum err *)arg = store_copy_run(copy, &copied);
    return NULL;
}

/* Whatever the moment, the copy is the log as it was then: all up to some offset, nothing more. */
START_TEST(a_copy_is_one_moment_of_a_log_that_goes_on)
{
    for (int round = 0; round < 5; round++) {
        pthread_t thread;
        enum err e = ERR_IO;
        uint64_t before = state.head + RECORDS, head = before;
        copy = store_copy_create(store, target);
        ck_assert_int_eq(pthread_create(&thread, NULL, run_beside, &e), 0);
        for (int i = 0; i < 50; i++, head += 100)
            ck_assert_int_eq(append_run(store, head + 1, 100, TOPICS), ERR_OK);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        store_copy_destroy(copy);
        ck_assert_int_eq(e, ERR_OK);
        ck_assert_uint_ge(copied.last, before);
        ck_assert_uint_le(copied.last, head);
        ck_assert_uint_eq((copied.last - before) % 100, 0); /* whole commits */
        abandon();
        open_at(target, "boot");
        ck_assert_uint_eq(state.head, copied.last);
        ck_assert_uint_eq(count_all(head), copied.last);
        check_sound();
        abandon();
        char *old = strdup(target);
        remove_dir(old);
        old = strdup(dir);
        remove_dir(old);
        open_at(dir, "boot");
        add_topics(store, 1, TOPICS);
        ck_assert_int_eq(append_run(store, 1, RECORDS, TOPICS), ERR_OK);
        state.head = 0;
    }
}
END_TEST

static void *use_the_log(void *arg)
{
    struct store_reader *r;
    size_t removed;
    bool done;
    (void)arg;
    REQUIRE(store_reader_create(store, &r) == ERR_OK);
    struct store_query q = {.until = RECORDS};
    REQUIRE(read_into(r, &q, &found) == ERR_OK);
    REQUIRE(found.count == RECORDS);
    store_reader_destroy(r);
    REQUIRE(purge_some(store, 2, RECORDS, 10, &removed, &done) ==
            ERR_OK); /* its own first reader */
    REQUIRE(append_one(store, RECORDS + 1, 1) == ERR_OK);
    return NULL;
}

static void use_the_log_beside(void)
{
    pthread_t thread;
    fault.before_copy = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, use_the_log, NULL), 0);
    pthread_join(thread, NULL);
}

/* Nothing waits for a copy: neither what writes nor who begins to read or has done so. */
START_TEST(a_copy_keeps_nobody_waiting)
{
    fault.before_copy = use_the_log_beside;
    ck_assert_int_eq(copy_to(target), ERR_OK);
    ck_assert_uint_eq(copied.last, RECORDS + 1);
}
END_TEST

START_TEST(a_memory_store_has_no_copies)
{
    struct store *memory;
    struct store_state ignored;
    struct store_options o = {0};
    ck_assert_int_eq(store_memory_open(&o, &memory, &ignored), ERR_OK);
    struct store_copy *c = store_copy_create(memory, target);
    ck_assert_int_eq(run_copy(c), ERR_INVALID);
    ck_assert_ptr_null(names_in(target));
    store_abandon(memory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_copy");
    TCase *t = tcase_create("copy");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_copy_makes_its_directory);
    tcase_add_test(t, a_copy_needs_an_empty_directory);
    tcase_add_test(t, an_unfinished_copy_is_no_log);
    tcase_add_loop_test(t, what_fails_leaves_nothing, 0, 2 * CALLS);
    tcase_add_test(t, a_damaged_log_is_not_copied);
    tcase_add_loop_test(t, a_copy_can_be_called_off, 0, 2);
    tcase_add_loop_test(t, a_copy_is_certain_of_all_it_has, 0, 2);
    tcase_add_test(t, a_closed_log_can_be_copied);
    tcase_add_test(t, a_copy_is_not_more_certain_than_its_original);
    tcase_add_test(t, a_copy_is_one_moment_of_a_log_that_goes_on);
    tcase_add_test(t, a_copy_keeps_nobody_waiting);
    tcase_add_test(t, a_memory_store_has_no_copies);
    tcase_add_test(t, ending_a_copy_exchanges_what_it_writes_to);
    tcase_add_test(t, a_copy_that_is_detached_leaves_the_file_alone);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
