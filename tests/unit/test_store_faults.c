/*
 * Each LMDB call and each allocation of the durable log fails once, in turn, in a life that opens,
 * appends over a block's and a group's end, reads, purges, trims, copies, verifies and closes. A
 * step that meets the fault must say so and succeed when it is tried again; in the end the log
 * holds what it always holds.
 *
 * The linker puts the functions below in place of the ones they are named for (--wrap).
 */
#include <check.h>
#include <errno.h>
#include <lmdb.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/lmdb/store_lmdb.h"
#include "storage/store_ops.h"
#include "tests/unit/store_fixture.h"

#define FUNCTIONS(X)                                                                               \
    X(mdb_cursor_del, (MDB_cursor * a, unsigned b), (a, b))                                        \
    X(mdb_cursor_get, (MDB_cursor * a, MDB_val * b, MDB_val * c, MDB_cursor_op d), (a, b, c, d))   \
    X(mdb_cursor_open, (MDB_txn * a, MDB_dbi b, MDB_cursor * *c), (a, b, c))                       \
    X(mdb_cursor_put, (MDB_cursor * a, MDB_val * b, MDB_val * c, unsigned d), (a, b, c, d))        \
    X(mdb_cursor_renew, (MDB_txn * a, MDB_cursor * b), (a, b))                                     \
    X(mdb_dbi_open, (MDB_txn * a, const char *b, unsigned c, MDB_dbi *d), (a, b, c, d))            \
    X(mdb_del, (MDB_txn * a, MDB_dbi b, MDB_val * c, MDB_val * d), (a, b, c, d))                   \
    X(mdb_env_copyfd2, (MDB_env * a, mdb_filehandle_t b, unsigned c), (a, b, c))                   \
    X(mdb_env_create, (MDB_env * *a), (a))                                                         \
    X(mdb_env_get_fd, (MDB_env * a, int *b), (a, b))                                               \
    X(mdb_env_info, (MDB_env * a, MDB_envinfo * b), (a, b))                                        \
    X(mdb_env_open, (MDB_env * a, const char *b, unsigned c, mdb_mode_t d), (a, b, c, d))          \
    X(mdb_env_set_flags, (MDB_env * a, unsigned b, int c), (a, b, c))                              \
    X(mdb_env_set_mapsize, (MDB_env * a, size_t b), (a, b))                                        \
    X(mdb_env_set_maxdbs, (MDB_env * a, MDB_dbi b), (a, b))                                        \
    X(mdb_env_set_maxreaders, (MDB_env * a, unsigned b), (a, b))                                   \
    X(mdb_env_stat, (MDB_env * a, MDB_stat * b), (a, b))                                           \
    X(mdb_env_sync, (MDB_env * a, int b), (a, b))                                                  \
    X(mdb_get, (MDB_txn * a, MDB_dbi b, MDB_val * c, MDB_val * d), (a, b, c, d))                   \
    X(mdb_put, (MDB_txn * a, MDB_dbi b, MDB_val * c, MDB_val * d, unsigned f), (a, b, c, d, f))    \
    X(mdb_reader_check, (MDB_env * a, int *b), (a, b))                                             \
    X(mdb_stat, (MDB_txn * a, MDB_dbi b, MDB_stat * c), (a, b, c))                                 \
    X(mdb_txn_begin, (MDB_env * a, MDB_txn * b, unsigned c, MDB_txn **d), (a, b, c, d))            \
    X(mdb_txn_renew, (MDB_txn * a), (a))

enum function {
#define NAME(name, parameters, arguments) AT_##name,
    FUNCTIONS(NAME)
#undef NAME
        AT_mdb_txn_commit,
    AT_allocation,
    FUNCTION_COUNT,
};

static struct {
    bool armed; /* calls are counted and may fail */
    enum function function;
    size_t call; /* which call of it fails, from 1; 0 = none */
    int code;
    bool fired;
    size_t calls[FUNCTION_COUNT];
} fault;

static bool fails(enum function f)
{
    if (!fault.armed)
        return false;
    fault.calls[f]++;
    if (f != fault.function || fault.calls[f] != fault.call)
        return false;
    fault.fired = true;
    return true;
}

#define WRAP(name, parameters, arguments)                                                          \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        return fails(AT_##name) ? fault.code : __real_##name arguments;                            \
    }
FUNCTIONS(WRAP)
#undef WRAP

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

/* A commit that fails has ended its transaction. */
int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    if (!fails(AT_mdb_txn_commit))
        return __real_mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return fault.code;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails(AT_allocation) ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t n)
{
    return fails(AT_allocation) ? NULL : __real_malloc(n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails(AT_allocation) ? NULL : __real_reallocarray(p, n, size);
}

static char *dir, *copy;
static struct store *store;
static struct store_reader *reader;
static struct store_state state;
static struct found found;

/* One life of a log, step by step. */
enum {
    GROUP = 262144,
    FIRST_RUN = 4500,
    LONE = GROUP + 40000, /* two records of PURGED alone in their group */
    SECOND_FROM = 3 * GROUP - 144,
    SECOND_RUN = 700,
    TOPICS = 40,
    PURGED = 7,
    KEPT = 9,     /* by trimming */
    EXPIRED = 11, /* some messages of the second run */
    EXPIRED_MESSAGES = 3,
};

static enum err open_step(void)
{
    struct store_options o = {
        .path = dir, .sync = STORE_SYNC_INTERVAL, .map_bytes = 64 << 20, .readers_max = 2};
    return store_lmdb_open_booted(&o, "boot", &store, &state);
}

static enum err reader_step(void)
{
    return store_reader_create(store, &reader);
}

static enum err topics_step(void)
{
    static struct store_topic topics[TOPICS];
    for (uint32_t i = 0; i < TOPICS; i++)
        topics[i] = (struct store_topic){.id = i + 1, .name = "name", .name_len = 4};
    struct store_batch b = {.topics = topics, .topic_count = TOPICS, .reserve = 100};
    return store_append(store, &b);
}

static enum err first_run_step(void)
{
    return append_run(store, 1, FIRST_RUN, TOPICS);
}

static enum err lone_step(void)
{
    static const uint64_t offsets[] = {LONE, LONE + 1};
    struct store_record records[2];
    for (int i = 0; i < 2; i++)
        records[i] = (struct store_record){.offset = offsets[i],
                                           .time_ms = offsets[i],
                                           .topic_id = PURGED,
                                           .payload = (const char *)&offsets[i],
                                           .payload_len = sizeof(offsets[i]),
                                           .key = "key",
                                           .key_len = 3};
    return store_append(store, &(struct store_batch){.records = records, .record_count = 2});
}

static enum err sync_step(void)
{
    return store_sync_now(store);
}

static enum err second_run_step(void)
{
    return append_run(store, SECOND_FROM, SECOND_RUN, TOPICS);
}

/* Messages of topics 1..TOPICS_ASKED between two offsets of a run. */
static size_t count_run(uint64_t first, uint64_t last, uint32_t topics_asked)
{
    size_t n = 0;
    for (uint64_t offset = first; offset <= last; offset++)
        n += offset % TOPICS < topics_asked;
    return n;
}

static enum err read_step(void)
{
    uint32_t many[TOPICS];
    for (uint32_t i = 0; i < TOPICS; i++)
        many[i] = i + 1;
    struct store_query q = {.until = SECOND_FROM + 300, .topics = many, .topic_count = TOPICS};
    enum err e = read_into(reader, &q, &found);
    if (e)
        return e;
    REQUIRE(found.count == FIRST_RUN + 303);
    q.topic_count = 2;
    q.reverse = true;
    e = read_into(reader, &q, &found);
    REQUIRE(e || found.count ==
                     count_run(1, FIRST_RUN, 2) + count_run(SECOND_FROM, SECOND_FROM + 300, 2));
    return e;
}

static enum err seek_step(void)
{
    uint64_t after;
    enum err e = store_seek_time(reader, 1000, &after);
    REQUIRE(e || after == 999);
    return e;
}

static bool keep_lone(void *ctx, const struct store_record *r)
{
    (void)ctx;
    return r->offset == LONE;
}

static enum err purge_step(void)
{
    struct store_removal r = {.max = 1000, .keep_key = keep_lone};
    enum err e;
    do {
        uint64_t floor = topic_row(store, PURGED).floor;
        e = store_purge(store, PURGED, SECOND_FROM + SECOND_RUN, &r);
        REQUIRE(!e || topic_row(store, PURGED).floor == floor); /* nothing is hidden in vain */
    } while (!e && !r.done); /* fewer at a time when there was no space */
    return e;
}

static bool is_key(void *ctx, const struct store_record *r)
{
    REQUIRE(r->offset == LONE && r->key_len == 3 && memcmp(r->key, "key", 3) == 0);
    ++*(int *)ctx;
    return true;
}

static enum err keys_step(void)
{
    int keys = 0;
    enum err e = store_keys(reader, is_key, &keys);
    REQUIRE(e || keys == 1);
    return e;
}

static enum err drop_keys_step(void)
{
    uint64_t next = 0;
    enum err e = store_drop_keys(store, UINT64_MAX, 10, &next);
    REQUIRE(e || next == UINT64_MAX);
    return e;
}

static enum err forget_step(void)
{
    static const uint32_t purged = PURGED;
    return store_forget(store, &purged, 1, 0);
}

static int expired;

static enum store_verdict judge_expired(void *ctx, const struct store_record *r)
{
    (void)ctx;
    if (r->offset <= FIRST_RUN)
        return STORE_REMOVE;
    return expired++ < EXPIRED_MESSAGES ? STORE_REMOVE : STORE_STOP;
}

static enum err expire_step(void)
{
    struct store_removal r = {.max = 1000, .judge = judge_expired};
    uint32_t topics[] = {EXPIRED};
    size_t finished;
    expired = 0;
    enum err e = store_expire(store, topics, 1, &r, &finished);
    REQUIRE(e || (r.done && finished == 1));
    return e;
}

static enum store_verdict judge_trim(void *ctx, const struct store_record *r)
{
    (void)ctx;
    if (r->offset >= SECOND_FROM)
        return STORE_STOP;
    return r->topic_id == KEPT ? STORE_KEEP : STORE_REMOVE;
}

static enum err trim_step(void)
{
    struct store_removal r = {.max = 100000, .judge = judge_trim};
    uint64_t at = 0;
    enum err e = store_trim(store, &at, UINT64_MAX, &r);
    REQUIRE(e || (r.done && at == SECOND_FROM - 1));
    return e;
}

static enum err save_times_step(void)
{
    return store_save_times(store);
}

static enum err note_step(void)
{
    return store_put_note(store, "note", "value", 5);
}

static void is_note(void *ctx, const char *name, const void *value, size_t n)
{
    REQUIRE(strcmp(name, "note") == 0 && n == 5 && memcmp(value, "value", 5) == 0);
    ++*(int *)ctx;
}

static enum err notes_step(void)
{
    int notes = 0;
    enum err e = store_notes(store, "", is_note, &notes);
    REQUIRE(e || notes == 1);
    return e;
}

static enum err backup_step(void)
{
    struct store_copied copied;
    struct store_copy *c = store_copy_create(store, copy);
    if (!c)
        return ERR_NOMEM;
    enum err e = store_copy_run(c, &copied);
    store_copy_destroy(c);
    return e;
}

static struct store_verify *verify;

/* From one step to the next, and on where one failed. */
static enum err verify_step(void)
{
    bool done = false;
    enum err e = verify ? ERR_OK : store_verify_create(reader, &verify);
    while (!e && !done)
        e = store_verify_step(verify, &done);
    return e;
}

static void check_verified(void)
{
    const struct store_report *r = store_verify_report(verify);
    REQUIRE(store_report_damaged(r) == 0);
    REQUIRE(r->unsettled == 0);
    REQUIRE(r->topics == TOPICS - 1);
    store_verify_destroy(verify);
    verify = NULL;
}

static enum err open_closed_step(void)
{
    return store_lmdb_open_closed(dir, &store);
}

/* Tries again when the fault has struck, and not for any other reason. */
static void must(enum err step(void))
{
    fault.armed = true;
    enum err e = step();
    fault.armed = false;
    if (!e)
        return;
    REQUIRE(fault.fired);
    REQUIRE(step() == ERR_OK);
}

static void end_readers(void)
{
    store_reader_destroy(reader);
    reader = NULL;
}

static void check_contents(void)
{
    size_t expected = 0;
    for (uint64_t offset = 1; offset <= FIRST_RUN; offset++)
        expected += offset % TOPICS + 1 == KEPT;
    for (uint64_t offset = SECOND_FROM; offset < SECOND_FROM + SECOND_RUN; offset++)
        expected += offset % TOPICS + 1 != PURGED;
    expected -= EXPIRED_MESSAGES;
    struct store_query q = {.until = SECOND_FROM + SECOND_RUN};
    REQUIRE(read_into(reader, &q, &found) == ERR_OK);
    REQUIRE(found.count == expected);
    size_t told = 0;
    for (uint32_t id = 1; id <= TOPICS; id++)
        told += topic_row(store, id).messages;
    REQUIRE(told == expected);
    REQUIRE(topic_row(store, PURGED).id == 0);
    REQUIRE(store_forgotten(store) >= LONE);
    REQUIRE(store_damaged(store) == 0);
}

/* The closed log is verified, and copied over the copy that there is. */
static void look_at_closed(void)
{
    must(open_closed_step);
    must(reader_step);
    must(verify_step);
    check_verified();
    end_readers();
    remove_dir(copy);
    copy = make_dir();
    must(backup_step);
    store_abandon(store);
}

static void live(void)
{
    memset(fault.calls, 0, sizeof(fault.calls));
    fault.fired = false;
    dir = make_dir();
    copy = make_dir();
    must(open_step);
    must(reader_step);
    must(topics_step);
    must(first_run_step);
    must(sync_step);
    must(lone_step);
    must(second_run_step);
    must(read_step);
    must(seek_step);
    must(purge_step);
    must(keys_step);
    must(drop_keys_step);
    must(forget_step);
    must(expire_step);
    must(trim_step);
    REQUIRE(store_step_times(store, SECOND_FROM + SECOND_RUN, UINT64_MAX, 1000) == ERR_OK);
    must(save_times_step);
    must(note_step);
    must(notes_step);
    must(backup_step);
    must(verify_step);
    check_verified();
    check_contents();
    end_readers();
    fault.armed = true;
    store_close(store, 0, true); /* when this fails, the stop was an unclean one */
    fault.armed = false;
    must(open_step);
    must(reader_step);
    check_contents();
    must(notes_step);
    REQUIRE(atomic_load(&store->times)->count == 1);
    end_readers();
    store_abandon(store);
    look_at_closed();
    remove_dir(dir);
    remove_dir(copy);
}

START_TEST(every_call_may_fail_once)
{
    static const int codes[] = {EIO, ENOMEM, MDB_MAP_FULL};
    fault.call = 0;
    live();
    size_t total = fault.calls[_i];
    ck_assert_uint_gt(total, 0);
    fault.function = (enum function)_i;
    for (size_t call = 1; call <= total; call += 1 + call / 16) {
        fault.call = call;
        fault.code = codes[call % 3];
        live();
        REQUIRE(fault.fired);
    }
}
END_TEST

/* However often: the hub goes on, and asks again. */
START_TEST(readers_that_cannot_begin_leave_nothing)
{
    enum { TIMES = 1000, BYTES_MAX = 1 << 20 };
    dir = make_dir();
    must(open_step);
    size_t before = mallinfo2().uordblks;
    fault.function = AT_mdb_txn_begin;
    fault.call = 1;
    fault.code = EIO;
    for (int i = 0; i < TIMES; i++) {
        fault.calls[AT_mdb_txn_begin] = 0;
        fault.armed = true;
        ck_assert_int_eq(reader_step(), ERR_IO);
        fault.armed = false;
    }
    ck_assert_uint_lt(mallinfo2().uordblks, before + BYTES_MAX);
    must(reader_step);
    store_reader_destroy(reader);
    store_abandon(store);
    remove_dir(dir);
}
END_TEST

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0); /* hundreds of lives, each with its syncs */
    Suite *suite = suite_create("store_faults");
    TCase *t = tcase_create("faults");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, every_call_may_fail_once, 0, FUNCTION_COUNT);
    tcase_add_test(t, readers_that_cannot_begin_leave_nothing);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
