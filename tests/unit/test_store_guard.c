/*
 * Pages that change under a running store: the process ends in words, and no fault of anything else
 * is taken for that. Each life is a process of its own, whose last words and end are looked at.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/lmdb/lmdb_store.h"
#include "tests/unit/store_fixture.h"

enum { PAGE = 4096, HEADERS_END = 2 * PAGE, RECORDS = 5000 };

/* How a life ends that nothing ends before. */
enum { SERVED = 40, FAILED = 41 };

static char *dir;
static struct store *store;
static struct store_reader *reader;

static void setup(void)
{
    dir = make_dir();
}

static void teardown(void)
{
    remove_dir(dir);
}

static void open_log(void)
{
    struct store_options o = {
        .path = dir, .sync = STORE_SYNC_NEVER, .map_bytes = UINT64_C(1) << 30, .readers_max = 4};
    struct store_state state;
    REQUIRE(store_lmdb_open(&o, &store, &state) == ERR_OK);
    REQUIRE(store_reader_create(store, &reader) == ERR_OK);
}

static void fill(void)
{
    open_log();
    add_topics(store, 1, 2);
    REQUIRE(append_run(store, 1, RECORDS, 2) == ERR_OK);
    store_reader_destroy(reader);
    store_close(store, 0, true);
}

static int open_file(void)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/" LMDB_DATA_FILE, dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    return fd;
}

/* The disk loses all but the headers, */
static void cut_off(void)
{
    int fd = open_file();
    REQUIRE(ftruncate(fd, HEADERS_END) == 0);
    close(fd);
}

/* or has something else in every page. */
static void scribble(void)
{
    char junk[PAGE];
    struct stat st;
    int fd = open_file();
    REQUIRE(fstat(fd, &st) == 0);
    memset(junk, 0xff, sizeof(junk));
    for (off_t at = HEADERS_END; at < st.st_size; at += PAGE)
        REQUIRE(pwrite(fd, junk, sizeof(junk), at) == PAGE);
    close(fd);
}

static bool visit(void *ctx, const struct store_record *r)
{
    if (ctx)
        raise(*(int *)ctx);
    return r->offset > 0;
}

static int read_log(int *number)
{
    struct store_query q = {.until = RECORDS};
    uint64_t reached;
    return store_read(reader, &q, visit, number, &reached) ? FAILED : SERVED;
}

static int read_cut_off(void)
{
    open_log();
    cut_off();
    return read_log(NULL);
}

static int read_scribbled(void)
{
    open_log();
    scribble();
    return read_log(NULL);
}

/* A commit reads pages, too. */
static int append_cut_off(void)
{
    open_log();
    cut_off();
    return append_one(store, RECORDS + 1, 1) ? FAILED : SERVED;
}

static int fault_of_the_visitor(void)
{
    int number = SIGBUS;
    open_log();
    return read_log(&number);
}

/* A fault comes again as long as nobody ends it. */
static void fault(void)
{
    for (int i = 0; i < 3; i++)
        raise(SIGSEGV);
}

static int fault_after_reading(void)
{
    open_log();
    REQUIRE(read_log(NULL) == SERVED);
    REQUIRE(append_one(store, RECORDS + 1, 1) == ERR_OK);
    fault();
    return SERVED;
}

static int fault_after_failing(void)
{
    struct store_record r = {.offset = RECORDS + 1, .topic_id = 1, .payload_len = 1u << 30};
    struct store_batch b = {.records = &r, .record_count = 1};
    open_log();
    REQUIRE(store_append(store, &b) != ERR_OK);
    fault();
    return SERVED;
}

struct end {
    int status;
    char words[2048];
};

static void run_life(int (*life)(void), int words)
{
    struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    dup2(words, STDERR_FILENO);
    _exit(life());
}

static void live(int (*life)(void), struct end *ret)
{
    int ends[2];
    size_t n = 0;
    ssize_t some;
    fill();
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        run_life(life, ends[1]);
    close(ends[1]);
    while ((some = read(ends[0], ret->words + n, sizeof(ret->words) - 1 - n)) > 0)
        n += (size_t)some;
    ret->words[n] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &ret->status, 0), child);
}

static void check_words(const struct end *end)
{
    char expected[600];
    snprintf(expected, sizeof(expected),
             "error the log %s/data.mdb is damaged: its pages cannot be read, and this process "
             "ends; `longwirectl verify %s` says where, `longwirectl restore` takes a backup\n",
             dir, dir);
    ck_assert_msg(WIFEXITED(end->status), "ended by signal %d", WTERMSIG(end->status));
    ck_assert_int_eq(WEXITSTATUS(end->status), 1);
    ck_assert_str_eq(end->words, expected);
}

START_TEST(pages_that_cannot_be_read_end_the_process_in_words)
{
    static int (*const lives[])(void) = {read_cut_off, append_cut_off};
    struct end end;
    live(lives[_i], &end);
    check_words(&end);
}
END_TEST

/* The library may notice by itself: then it is an error as any. */
START_TEST(pages_of_something_else_are_no_crash)
{
    struct end end;
    live(read_scribbled, &end);
    if (WIFEXITED(end.status) && WEXITSTATUS(end.status) == FAILED)
        return;
    check_words(&end);
}
END_TEST

/* The sanitizer, if there is one, would take these for its own. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "handle_segv=0:handle_sigbus=0";
}

START_TEST(faults_of_others_stay_theirs)
{
    static int (*const lives[])(void) = {fault_of_the_visitor, fault_after_reading,
                                         fault_after_failing};
    static const int faults[] = {SIGBUS, SIGSEGV, SIGSEGV};
    struct end end;
    live(lives[_i], &end);
    ck_assert(WIFSIGNALED(end.status));
    ck_assert_int_eq(WTERMSIG(end.status), faults[_i]);
    ck_assert_str_eq(end.words, "");
}
END_TEST

/* --- those who had caught faults before --- */

enum { OWN_SEGV = 51, OWN_BUS = 52 };

static void on_own(int number)
{
    _exit(number == SIGSEGV ? OWN_SEGV : OWN_BUS);
}

static void on_other(int number)
{
    (void)number;
    _exit(FAILED);
}

static int fault_of(int number)
{
    open_log();
    for (int i = 0; i < 3; i++)
        raise(number);
    return SERVED;
}

static int segv(void)
{
    return fault_of(SIGSEGV);
}

static int bus(void)
{
    return fault_of(SIGBUS);
}

/* Of the two there are, _i is the one that comes. */
START_TEST(a_fault_goes_to_who_was_asked_before_for_that_one)
{
    struct end end;
    signal(SIGSEGV, _i ? on_other : on_own); /* before the first log of this process */
    signal(SIGBUS, _i ? on_own : on_other);
    live(_i ? bus : segv, &end);
    ck_assert(WIFEXITED(end.status));
    ck_assert_int_eq(WEXITSTATUS(end.status), _i ? OWN_BUS : OWN_SEGV);
    ck_assert_str_eq(end.words, "");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_guard");
    TCase *t = tcase_create("store_guard");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, pages_that_cannot_be_read_end_the_process_in_words, 0, 2);
    tcase_add_test(t, pages_of_something_else_are_no_crash);
    tcase_add_loop_test(t, faults_of_others_stay_theirs, 0, 3);
    tcase_add_loop_test(t, a_fault_goes_to_who_was_asked_before_for_that_one, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
