/*
 * Files whose pages the disk has changed: each start, and each check, refuses them in words or does
 * with them all that a hub does; no signal, whatever was changed. LONGWIRE_DAMAGE_ROUNDS says how
 * often (24), LONGWIRE_DAMAGE_SEED from where.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/lmdb/lmdb_pages.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/store_lmdb.h"
#include "tests/unit/store_fixture.h"

enum { PAGE = 4096, TOPICS = 40, RECORDS = 12000, LARGE = 9000 };

static char *dir;
static char file[512];
static uint8_t *sound; /* the file's bytes */
static size_t size;

static enum err open_log(struct store **ret, struct store_state *state)
{
    struct store_options o = {
        .path = dir, .sync = STORE_SYNC_ALWAYS, .map_bytes = UINT64_C(1) << 28, .readers_max = 4};
    return store_lmdb_open_booted(&o, "boot", ret, state);
}

static void append_large(struct store *s, uint64_t first, size_t count)
{
    static char payload[LARGE];
    for (size_t i = 0; i < count; i++) {
        struct store_record r = {.offset = first + i,
                                 .topic_id = 1,
                                 .time_ms = first + i,
                                 .payload = payload,
                                 .payload_len = LARGE};
        struct store_batch b = {.records = &r, .record_count = 1};
        ck_assert_int_eq(store_append(s, &b), ERR_OK);
    }
}

static void read_file(void)
{
    int fd = open(file, O_RDONLY);
    struct stat st;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    size = (size_t)st.st_size;
    sound = malloc(size);
    ck_assert_int_eq(pread(fd, sound, size, 0), (ssize_t)size);
    close(fd);
}

/* A log with branches, large values, free pages, kept and removed records. */
static void make_log(bool clean)
{
    struct store *s;
    struct store_state state;
    size_t removed;
    bool done;
    ck_assert_int_eq(open_log(&s, &state), ERR_OK);
    add_topics(s, 1, TOPICS);
    ck_assert_int_eq(append_run(s, 1, RECORDS, TOPICS), ERR_OK);
    append_large(s, RECORDS + 1, 50);
    ck_assert_int_eq(trim_some(s, 3000, 2000, NULL, NULL, &removed, &done), ERR_OK);
    ck_assert_int_eq(purge_some(s, 7, 8000, 1000, &removed, &done), ERR_OK);
    append_large(s, RECORDS + 101, 20);
    if (clean)
        store_close(s, 0, true);
    else
        store_abandon(s);
    read_file();
}

static void setup(void)
{
    dir = make_dir();
    snprintf(file, sizeof(file), "%s/" LMDB_DATA_FILE, dir);
}

static void teardown(void)
{
    free(sound);
    sound = NULL;
    remove_dir(dir);
}

static void write_file(const uint8_t *bytes, size_t n)
{
    int fd = open(file, O_WRONLY | O_TRUNC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

/* --- what a hub does with a log --- */

static bool look(void *ctx, const struct store_record *r)
{
    ++*(size_t *)ctx;
    if (r->payload)
        *(volatile char *)&(char){0} = r->payload_len ? r->payload[r->payload_len - 1] : 0;
    return true;
}

static void read_everything(struct store *s)
{
    struct store_reader *r;
    uint64_t reached;
    size_t seen = 0;
    if (store_reader_create(s, &r))
        return;
    for (uint32_t topic = 0; topic <= TOPICS; topic++) {
        struct store_query q = {.until = UINT64_MAX,
                                .topics = topic ? &topic : NULL,
                                .topic_count = topic ? 1 : 0,
                                .damaged = look};
        (void)!store_read(r, &q, look, &seen, &reached);
        q.reverse = true;
        (void)!store_read(r, &q, look, &seen, &reached);
    }
    (void)!store_seek_time(r, 6000, &reached);
    store_reader_destroy(r);
}

static void verify(struct store *s)
{
    struct store_reader *r;
    struct store_verify *v;
    bool done = false;
    if (store_reader_create(s, &r))
        return;
    if (!store_verify_create(r, &v)) {
        while (!done && !store_verify_step(v, &done))
            ;
        store_verify_destroy(v);
    }
    store_reader_destroy(r);
}

static void change(struct store *s, uint64_t head)
{
    static char payload[LARGE];
    size_t removed;
    bool done = false;
    for (uint64_t i = 1; i <= 40; i++) {
        struct store_record r = {.offset = head + i,
                                 .topic_id = 1 + (uint32_t)i % TOPICS,
                                 .time_ms = UINT64_C(1) << 40,
                                 .payload = payload,
                                 .payload_len = i % 3 ? 10 : LARGE};
        struct store_batch b = {.records = &r, .record_count = 1};
        (void)!store_append(s, &b);
    }
    (void)!purge_some(s, 9, UINT64_MAX, 100, &removed, &done);
    for (int i = 0; i < 3; i++)
        (void)!trim_some(s, UINT64_MAX, 1000, NULL, NULL, &removed, &done);
}

static void copy(struct store *s)
{
    char to[600];
    struct store_copied copied;
    snprintf(to, sizeof(to), "%s/copy", dir);
    struct store_copy *c = store_copy_create(s, to);
    (void)!store_copy_run(c, &copied);
    store_copy_destroy(c);
    char name[700];
    snprintf(name, sizeof(name), "%s/data.mdb", to);
    unlink(name);
    rmdir(to);
}

enum { SERVED = 0, REFUSED = 3, SILENT = 4 };

static int use_log(void)
{
    struct store *s;
    struct store_state state;
    enum err e = open_log(&s, &state);
    if (e == ERR_CORRUPT)
        return *store_wrong() ? REFUSED : SILENT;
    if (e)
        return e == ERR_FORMAT || e == ERR_IO ? REFUSED : SILENT;
    read_everything(s);
    verify(s);
    copy(s);
    change(s, state.head);
    read_everything(s);
    store_close(s, 0, true);
    return SERVED;
}

static int check_closed(void)
{
    struct store *s;
    if (store_lmdb_open_closed(dir, &s))
        return REFUSED;
    verify(s);
    copy(s);
    store_abandon(s);
    return SERVED;
}

/* In a process of its own; returns what WORK did. */
static int apart(int (*work)(void), const char *what)
{
    int how;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(STDERR_FILENO); /* what it logs is not looked at */
        open("/dev/null", O_WRONLY);
        _exit(work());
    }
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert_msg(WIFEXITED(how), "%s: signal %d", what, WTERMSIG(how));
    ck_assert_msg(WEXITSTATUS(how) == SERVED || WEXITSTATUS(how) == REFUSED, "%s: exit status %d",
                  what, WEXITSTATUS(how));
    return WEXITSTATUS(how);
}

/* --- changes --- */

enum kind { BIT, BYTES, HEADER, OFFSETS, ZEROS, NOISE, SWAP, CUT, KINDS };
static const char *const kind_names[] = {"a bit", "bytes", "a header", "offsets",
                                         "zeros", "noise", "a swap",   "a cut"};

/* splitmix64: the seed alone says what is changed. */
static uint64_t below(uint64_t *state, uint64_t n)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % n;
}

/* Changes a copy of the file; returns its new size. */
static size_t damage(uint64_t *r, enum kind kind, uint8_t *bytes)
{
    size_t page = below(r, size / PAGE) * PAGE, at = page + below(r, PAGE);
    switch (kind) {
    case BIT:
        bytes[at] ^= (uint8_t)(1u << below(r, 8));
        break;
    case BYTES:
        for (size_t i = at; i < at + 8 && i < size; i++)
            bytes[i] = (uint8_t)below(r, 256);
        break;
    case HEADER:
        bytes[page + below(r, 16)] ^= (uint8_t)(1u << below(r, 8));
        break;
    case OFFSETS:
        bytes[page + 16 + below(r, 64)] ^= (uint8_t)(1u << below(r, 8));
        break;
    case ZEROS:
        memset(bytes + page, 0, PAGE);
        break;
    case NOISE:
        for (size_t i = page; i < page + PAGE; i++)
            bytes[i] = (uint8_t)below(r, 256);
        break;
    case SWAP:
        memcpy(bytes + page, sound + below(r, size / PAGE) * PAGE, PAGE);
        break;
    case CUT:
        return below(r, 4) ? page : at;
    default:
        break;
    }
    return size;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* _i: the last stop was clean. */
START_TEST(no_damage_ends_in_a_signal)
{
    uint64_t rounds = number_of("LONGWIRE_DAMAGE_ROUNDS", 24);
    uint64_t seed = number_of("LONGWIRE_DAMAGE_SEED", 1);
    size_t refused = 0;
    make_log(_i);
    uint8_t *bytes = malloc(size);
    for (uint64_t i = seed; i < seed + rounds; i++) {
        uint64_t r = i;
        char what[64];
        enum kind kind = (enum kind)(i % KINDS);
        memcpy(bytes, sound, size);
        size_t n = damage(&r, kind, bytes);
        snprintf(what, sizeof(what), "seed %llu, %s", (unsigned long long)i, kind_names[kind]);
        write_file(bytes, n);
        int closed = apart(check_closed, what);
        write_file(bytes, n);
        refused += apart(use_log, what) == REFUSED || closed == REFUSED;
    }
    free(bytes);
    ck_assert_uint_gt(refused, rounds / 4);
}
END_TEST

START_TEST(a_sound_file_is_sound)
{
    struct pages_header header;
    char wrong[200];
    make_log(_i);
    int fd = open(file, O_RDONLY);
    for (int depth = PAGES_SHALLOW; depth <= PAGES_ALL; depth++) {
        ck_assert_int_eq(pages_check(fd, (enum pages_depth)depth, &header, wrong, sizeof(wrong)),
                         ERR_OK);
        ck_assert_str_eq(wrong, "");
        ck_assert_uint_eq(header.other_txn + 1, header.txn);
    }
    close(fd);
    ck_assert_int_eq(apart(use_log, "nothing"), SERVED);
    ck_assert_int_eq(apart(check_closed, "nothing"), SERVED);
}
END_TEST

/* By its last page; it says how much there is, and should be. */
START_TEST(a_file_that_is_cut_off_says_by_how_much)
{
    struct pages_header header;
    char wrong[200], expected[100];
    make_log(true);
    int fd = open(file, O_RDWR);
    ck_assert_int_eq(pages_check(fd, PAGES_ALL, &header, wrong, sizeof(wrong)), ERR_OK);
    unsigned long long pages = header.pages;
    ck_assert_int_eq(ftruncate(fd, (off_t)(pages * PAGE)), 0);
    ck_assert_int_eq(pages_check(fd, PAGES_ALL, &header, wrong, sizeof(wrong)), ERR_OK);
    ck_assert_int_eq(ftruncate(fd, (off_t)(pages * PAGE - 1)), 0);
    ck_assert_int_eq(pages_check(fd, PAGES_ALL, &header, wrong, sizeof(wrong)), ERR_CORRUPT);
    snprintf(expected, sizeof(expected), "it has %llu of %llu pages", pages - 1, pages);
    ck_assert_msg(strstr(wrong, expected) != NULL, "%s", wrong);
    close(fd);
}
END_TEST

/* The older header in the place of the newer one would take back the newest commit. */
START_TEST(a_lost_header_is_noticed)
{
    make_log(true);
    uint8_t *bytes = malloc(size);
    memcpy(bytes, sound, size);
    uint64_t txn[2];
    for (int i = 0; i < 2; i++)
        memcpy(&txn[i], sound + i * PAGE + 144, sizeof(txn[i]));
    int newer = txn[1] > txn[0];
    txn[newer] -= 64;
    memcpy(bytes + newer * PAGE + 144, &txn[newer], sizeof(txn[newer]));
    write_file(bytes, size);
    free(bytes);
    ck_assert_int_eq(apart(use_log, "an old header"), REFUSED);
}
END_TEST

/* A file that is cut to nothing is no first start. _i: its length, or it is gone. */
START_TEST(what_is_left_of_a_log_is_refused)
{
    static const size_t lengths[] = {0, 1, 100, 4096, 5000, 8192, 12288};
    struct store *s;
    struct store_state state;
    make_log(true);
    if (_i < (int)(sizeof(lengths) / sizeof(lengths[0])))
        write_file(sound, lengths[_i]);
    else
        unlink(file);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(open_log(&s, &state), ERR_CORRUPT);
        ck_assert_str_ne(store_wrong(), "");
        ck_assert_int_eq(store_lmdb_open_closed(dir, &s), ERR_CORRUPT);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_pages");
    TCase *t = tcase_create("store_pages");
    tcase_set_timeout(t, 3600);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_sound_file_is_sound, 0, 2);
    tcase_add_loop_test(t, no_damage_ends_in_a_signal, 0, 2);
    tcase_add_test(t, a_file_that_is_cut_off_says_by_how_much);
    tcase_add_test(t, a_lost_header_is_noticed);
    tcase_add_loop_test(t, what_is_left_of_a_log_is_refused, 0, 8);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
