/*
 * What only the durable log has: opening again after any kind of stop, epochs, the lock, foreign
 * and damaged files, copies, and files that may not grow.
 */
#include <check.h>
#include <errno.h>
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
#include "storage/lmdb/store_lmdb.h"
#include "tests/unit/store_fixture.h"

static char *dir;
static struct store *store;
static struct store_state state;
static struct store_reader *reader;
static struct found found;

static struct store_options options(enum store_sync sync)
{
    return (struct store_options){
        .path = dir, .sync = sync, .map_bytes = UINT64_C(1) << 30, .readers_max = 4};
}

static enum err try_open(enum store_sync sync, const char *boot_id)
{
    struct store_options o = options(sync);
    return store_lmdb_open_booted(&o, boot_id, &store, &state);
}

static void open_booted(enum store_sync sync, const char *boot_id)
{
    ck_assert_int_eq(try_open(sync, boot_id), ERR_OK);
    ck_assert_int_eq(store_reader_create(store, &reader), ERR_OK);
}

static void open_log(void)
{
    open_booted(STORE_SYNC_NEVER, "boot");
}

static void end_readers(void)
{
    store_reader_destroy(reader);
    reader = NULL;
}

static void close_at(uint64_t head)
{
    end_readers();
    store_close(store, head, true);
    store = NULL;
}

static void abandon(void)
{
    end_readers();
    store_abandon(store);
    store = NULL;
}

static void setup(void)
{
    dir = make_dir();
    store = NULL;
    reader = NULL;
    memset(&found, 0, sizeof(found));
}

static void teardown(void)
{
    abandon();
    remove_dir(dir);
}

static size_t count_all(uint64_t until)
{
    struct store_query q = {.until = until};
    ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
    return found.count;
}

START_TEST(a_closed_log_comes_back)
{
    size_t removed;
    bool done;
    open_log();
    uint32_t epoch = state.epoch;
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 10000, 2), ERR_OK);
    ck_assert_int_eq(purge_some(store, 1, 5000, 100000, &removed, &done), ERR_OK);
    close_at(10500);
    open_log();
    ck_assert(!state.created);
    ck_assert(state.clean);
    ck_assert_uint_eq(state.epoch, epoch);
    ck_assert_uint_eq(state.former_count, 0);
    ck_assert_uint_eq(state.head, 10500);
    ck_assert_uint_eq(state.first, 1);
    ck_assert_uint_eq(state.last_time_ms, 10000);
    struct store_topic t = topic_row(store, 1);
    ck_assert_uint_eq(t.messages, 2500);
    ck_assert_uint_eq(t.bytes, 20000);
    ck_assert_uint_eq(t.last, 10000);
    ck_assert_uint_eq(t.floor, 5000);
    ck_assert_uint_eq(topic_row(store, 3).messages, 0);
    ck_assert_uint_eq(count_all(20000), 7500);
    ck_assert_int_eq(append_one(store, 10500, 1), ERR_INVALID);
    struct store_record early = {.offset = 10501, .topic_id = 1, .time_ms = 9999};
    struct store_batch b = {.records = &early, .record_count = 1};
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID);
    ck_assert_int_eq(append_one(store, 10501, 1), ERR_OK);
}
END_TEST

/* Its times: what was before a step of the clock is by so much later, after a restart as well. */
START_TEST(steps_of_the_clock_come_back)
{
    uint64_t after;
    open_log();
    ck_assert_int_eq(store_save_times(store), ERR_OK); /* there are none yet */
    add_topics(store, 1, 1);
    ck_assert_int_eq(append_run(store, 1, 100, 1), ERR_OK);
    ck_assert_int_eq(store_step_times(store, 100, 10000, 1000), ERR_OK);
    ck_assert_int_eq(append_run(store, 2001, 50, 1), ERR_OK);
    ck_assert_int_eq(store_step_times(store, 2050, 10000, 500), ERR_OK);
    ck_assert_int_eq(store_save_times(store), ERR_OK);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(store_seek_time(reader, 1500 + 30, &after), ERR_OK);
        ck_assert_uint_eq(after, 29);
        close_at(0);
        open_log();
        ck_assert_uint_eq(state.last_time_ms, 2050 + 500);
    }
}
END_TEST

static void keep_note(void *ctx, const char *name, const void *value, size_t n)
{
    snprintf(ctx, 300, "%s=%.*s", name, (int)n, (const char *)value);
}

/* They go with the log wherever it goes. */
START_TEST(notes_come_back)
{
    char note[300] = "";
    open_log();
    ck_assert_int_eq(store_put_note(store, "kept", "as it was", 9), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "gone", "x", 1), ERR_OK);
    ck_assert_int_eq(store_put_note(store, "gone", NULL, 0), ERR_OK);
    close_at(0);
    open_log();
    ck_assert_int_eq(store_notes(store, "", keep_note, note), ERR_OK);
    ck_assert_str_eq(note, "kept=as it was");
}
END_TEST

static void keep_name(void *ctx, const struct store_topic *t)
{
    if (t->id == 2)
        snprintf(ctx, 300, "%.*s %u", (int)t->name_len, t->name, t->flags);
}

START_TEST(topic_names_and_flags_come_back)
{
    char long_name[255], told[300] = "";
    memset(long_name, 'n', sizeof(long_name));
    struct store_topic t[] = {
        {.id = 1, .name = long_name, .name_len = sizeof(long_name)},
        {.id = 2, .name = "prices/AAPL", .name_len = 11, .flags = 3},
    };
    struct store_batch b = {.topics = t, .topic_count = 2};
    open_log();
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
    abandon();
    open_log();
    ck_assert_int_eq(store_topics(store, keep_name, told), ERR_OK);
    ck_assert_str_eq(told, "prices/AAPL 3");
    add_topics(store, 3, 1);
}
END_TEST

/* Long enough for closed groups, sweeps and checkpoints. */
START_TEST(an_abandoned_log_is_counted_again)
{
    enum { RUN = 50000, RUNS = 14, TOPICS = 200 };
    open_log();
    uint32_t epoch = state.epoch;
    add_topics(store, 1, TOPICS);
    for (uint64_t i = 0; i < RUNS; i++)
        ck_assert_int_eq(append_run(store, i * RUN + 1, RUN, TOPICS), ERR_OK);
    for (int i = 0; i < 2; i++) {
        abandon();
        open_log();
        ck_assert(!state.clean);
        ck_assert_uint_eq(state.epoch, epoch);
        ck_assert_uint_eq(state.head, RUN * RUNS);
        for (uint32_t id = 1; id <= TOPICS; id++) {
            struct store_topic t = topic_row(store, id);
            ck_assert_uint_eq(t.messages, RUN * RUNS / TOPICS);
            ck_assert_uint_eq(t.bytes, RUN * RUNS / TOPICS * 8);
        }
        ck_assert_uint_eq(topic_row(store, 1).last, RUN * RUNS);
    }
    struct store_query q = {
        .until = RUN * RUNS, .topics = (uint32_t[]){17}, .topic_count = 1, .reverse = true};
    read_all(reader, q, &found);
    ck_assert_uint_eq(found.count, RUN * RUNS / TOPICS);
}
END_TEST

START_TEST(reserved_offsets_are_not_used_again)
{
    struct store_batch b = {.reserve = 1000};
    open_log();
    add_topics(store, 1, 1);
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
    ck_assert_int_eq(append_run(store, 1, 5, 1), ERR_OK);
    abandon();
    open_log();
    ck_assert_uint_eq(state.head, 1000);
    ck_assert_int_eq(append_one(store, 1001, 1), ERR_OK);
    close_at(1001);
    open_log();
    ck_assert_uint_eq(state.head, 1001);
    b.reserve = 2000;
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
    close_at(1500); /* a clean stop knows how far it got */
    open_log();
    ck_assert_uint_eq(state.head, 1500);
    abandon();
    open_log();
    ck_assert_uint_eq(state.head, 1500);
    ck_assert_uint_eq(count_all(5000), 6);
}
END_TEST

START_TEST(the_head_outlives_the_records)
{
    size_t removed;
    bool done;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 5000, 2), ERR_OK);
    ck_assert_int_eq(trim_some(store, 5000, 10000, NULL, NULL, &removed, &done), ERR_OK);
    ck_assert_uint_eq(removed, 5000);
    for (int i = 0; i < 2; i++) {
        abandon();
        open_log();
        ck_assert_uint_eq(state.head, 5000);
        ck_assert_uint_eq(state.first, 5001);
        ck_assert_uint_eq(state.last_time_ms, 0);
        ck_assert_uint_eq(topic_row(store, 1).floor, 5000);
        ck_assert_uint_eq(topic_row(store, 1).last, 5000);
        ck_assert_uint_eq(topic_row(store, 2).last, 4999);
    }
}
END_TEST

START_TEST(a_purge_of_the_newest_block_leaves_the_index_right)
{
    size_t removed;
    bool done;
    open_log();
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 5000, 1), ERR_OK);
    add_topics(store, 3, 1);
    for (uint64_t i = 5001; i <= 20000; i++)
        ck_assert_int_eq(append_one(store, i, 2), ERR_OK);
    ck_assert_int_eq(purge_some(store, 2, 20000, 100000, &removed, &done), ERR_OK);
    ck_assert(done);
    abandon();
    open_log();
    ck_assert_uint_eq(state.head, 20000);
    for (uint64_t first = 20001; first < 320000; first += 50000)
        ck_assert_int_eq(append_run(store, first, 50000, 1), ERR_OK);
    struct store_query q = {.until = 320000, .topics = (uint32_t[]){1}, .topic_count = 1};
    for (int reverse = 0; reverse < 2; reverse++) {
        q.reverse = reverse;
        q.after = 4000;
        q.until = 100000;
        ck_assert_int_eq(read_into(reader, &q, &found), ERR_OK);
        ck_assert_uint_eq(found.count, 81000);
    }
}
END_TEST

static const struct {
    enum store_sync sync;
    const char *boot_id;
    bool clean;
    bool new_epoch;
} stops[] = {
    {STORE_SYNC_ALWAYS, "boot", false, false},   {STORE_SYNC_ALWAYS, "other", false, false},
    {STORE_SYNC_INTERVAL, "boot", false, false}, {STORE_SYNC_INTERVAL, "other", false, true},
    {STORE_SYNC_INTERVAL, "", false, true},      {STORE_SYNC_NEVER, "boot", false, false},
    {STORE_SYNC_NEVER, "other", false, true},    {STORE_SYNC_NEVER, "other", true, false},
    {STORE_SYNC_ALWAYS, "other", true, false},
};

/* The index goes on naming what was purged: reading steps over it, and may end up on the next one
 * that is asked for, or on one that is not. */
START_TEST(what_is_between_removed_records_is_found)
{
    static const uint32_t sets[][3] = {{1, 2}, {2, 3}, {1, 2, 3}};
    const uint64_t last = 20000, upto = 15000;
    size_t removed, expected = 0;
    bool done, reverse = _i % 2;
    const uint32_t *set = sets[_i / 2];
    size_t topics = set[2] ? 3 : 2;
    struct store_query q = {
        .until = last, .topics = set, .topic_count = topics, .reverse = reverse};
    open_log();
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, last, 3), ERR_OK);
    ck_assert_int_eq(purge_some(store, 2, upto, 100000, &removed, &done), ERR_OK);
    read_all(reader, q, &found);
    for (uint64_t i = 1; i <= last; i++) {
        uint64_t offset = reverse ? last + 1 - i : i;
        uint32_t topic = (uint32_t)(offset % 3) + 1;
        bool wanted = topic == set[0] || topic == set[1] || topic == set[2];
        if (wanted && (topic != 2 || offset > upto))
            REQUIRE(expected < found.count && found.offsets[expected++] == offset);
    }
    ck_assert_uint_eq(found.count, expected);
    ck_assert_uint_eq(store_damaged(store), 0); /* none was taken for another one */
}
END_TEST

START_TEST(a_lost_machine_changes_the_epoch_if_it_may_lose_offsets)
{
    open_booted(stops[_i].sync, "boot");
    uint32_t epoch = state.epoch;
    add_topics(store, 1, 1);
    ck_assert_int_eq(append_run(store, 1, 10, 1), ERR_OK);
    if (stops[_i].clean)
        close_at(10);
    else
        abandon();
    open_booted(STORE_SYNC_ALWAYS, stops[_i].boot_id); /* the policy then counts, not now */
    ck_assert_int_eq(state.epoch != epoch, stops[_i].new_epoch);
    ck_assert_uint_eq(state.former_count, stops[_i].new_epoch);
    if (stops[_i].new_epoch) {
        ck_assert_uint_eq(state.former[0].epoch, epoch);
        ck_assert_uint_eq(state.former[0].last, 0); /* nothing had been synced */
    }
    epoch = state.epoch;
    abandon();
    open_booted(STORE_SYNC_ALWAYS, "third"); /* and it stays */
    ck_assert_uint_eq(state.epoch, epoch);
    ck_assert_uint_eq(state.former_count, stops[_i].new_epoch);
}
END_TEST

START_TEST(what_was_synced_is_certain)
{
    open_booted(STORE_SYNC_INTERVAL, "1");
    add_topics(store, 1, 1);
    ck_assert_int_eq(append_run(store, 1, 10, 1), ERR_OK);
    ck_assert_int_eq(store_sync_now(store), ERR_OK);
    ck_assert_int_eq(append_run(store, 11, 10, 1), ERR_OK);
    abandon();
    open_booted(STORE_SYNC_INTERVAL, "2");
    ck_assert_uint_eq(state.former_count, 1);
    ck_assert_uint_eq(state.former[0].last, 10);
    ck_assert_uint_eq(state.head, 20);
    abandon(); /* the opening synced all that was found */
    open_booted(STORE_SYNC_INTERVAL, "3");
    ck_assert_uint_eq(state.former_count, 2);
    ck_assert_uint_eq(state.former[0].last, 20);
    ck_assert_uint_eq(state.former[1].last, 10);
}
END_TEST

START_TEST(the_newest_former_epochs_are_kept)
{
    uint32_t epochs[STORE_FORMER_MAX + 5];
    for (unsigned i = 0; i < STORE_FORMER_MAX + 5; i++) {
        char boot_id[8];
        snprintf(boot_id, sizeof(boot_id), "%u", i);
        open_booted(STORE_SYNC_NEVER, boot_id);
        epochs[i] = state.epoch;
        unsigned former = i < STORE_FORMER_MAX ? i : STORE_FORMER_MAX;
        ck_assert_uint_eq(state.former_count, former);
        for (unsigned j = 0; j < former; j++)
            ck_assert_uint_eq(state.former[j].epoch, epochs[i - 1 - j]);
        abandon();
    }
}
END_TEST

START_TEST(a_second_user_is_refused)
{
    struct store *second;
    struct store_state ignored;
    struct store_options o = options(STORE_SYNC_NEVER);
    open_log();
    ck_assert_int_eq(store_lmdb_open(&o, &second, &ignored), ERR_LOCKED);
    pid_t child = fork();
    if (child == 0)
        _exit((int)store_lmdb_open(&o, &second, &ignored));
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), ERR_LOCKED);
    add_topics(store, 1, 1);
    ck_assert_int_eq(append_one(store, 1, 1), ERR_OK);
    abandon();
    open_log();
}
END_TEST

static void write_file(const char *name, const void *data, size_t n)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, n), (ssize_t)n);
    close(fd);
}

START_TEST(a_foreign_file_is_refused)
{
    static char noise[20000];
    memset(noise, 'x', sizeof(noise));
    write_file("data.mdb", noise, 100);
    ck_assert_int_eq(try_open(STORE_SYNC_NEVER, ""), ERR_FORMAT);
    write_file("data.mdb", noise, sizeof(noise));
    ck_assert_int_eq(try_open(STORE_SYNC_NEVER, ""), ERR_FORMAT);
}
END_TEST

static void cut_file(off_t size)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    ck_assert_int_eq(truncate(path, size), 0);
}

/* The first start was killed, or found the disk full, when LMDB made the file. It was refused for
 * ever after. */
START_TEST(a_half_made_file_is_made_anew)
{
    static const off_t sizes[] = {0, 1, 8, 12, 19, 20, 100, 4095, 4096, 8191};
    static char header[8192];
    MDB_env *env;
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_open(env, dir, 0, 0600), 0);
    mdb_env_close(env);
    char path[4096], lock[4096];
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    snprintf(lock, sizeof(lock), "%s/longwire.lock", dir); /* says that there has been a log */
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(read(fd, header, sizeof(header)), (ssize_t)sizeof(header));
    close(fd);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unlink(lock);
        write_file("data.mdb", header, (size_t)sizes[i]);
        open_log();
        ck_assert(state.created);
        abandon();
    }
    memset(header, 0, sizeof(header));
    for (size_t n = 1; n <= sizeof(header); n *= 2) {
        unlink(lock);
        write_file("data.mdb", header, n);
        open_log();
        ck_assert(state.created);
        add_topics(store, 1, 1);
        abandon();
        open_log();
        ck_assert(!state.created);
        abandon();
    }
}
END_TEST

/* What is left of a log is no half-made file: its owner must hear of it. */
START_TEST(a_log_cut_to_its_headers_is_told)
{
    static const off_t sizes[] = {4096, 8191, 8192};
    open_log();
    add_topics(store, 1, 1); /* either header has been written */
    abandon();
    cut_file(sizes[_i]);
    enum err e = try_open(STORE_SYNC_NEVER, "");
    ck_assert(e == ERR_FORMAT || e == ERR_CORRUPT);
    ck_assert_int_eq(try_open(STORE_SYNC_NEVER, ""), e); /* and left as it was */
}
END_TEST

START_TEST(a_path_that_is_no_directory_is_refused)
{
    char path[4096];
    struct store_options o = {.path = path, .map_bytes = 1 << 20, .readers_max = 1};
    write_file("file", "x", 1);
    snprintf(path, sizeof(path), "%s/file", dir);
    ck_assert_int_eq(store_lmdb_open(&o, &store, &state), ERR_FORMAT);
    snprintf(path, sizeof(path), "%s/missing/log", dir);
    ck_assert_int_eq(store_lmdb_open(&o, &store, &state), ERR_NOT_FOUND);
}
END_TEST

/* Runs CHANGE on one value of the closed log; an empty name is the nameless database. */
typedef void change_value(MDB_val *value);

static void change(const char *db, MDB_val key, size_t grow, change_value *apply)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val old, new;
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 8), 0);
    ck_assert_int_eq(mdb_env_open(env, dir, 0, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, *db ? db : NULL, MDB_CREATE, &dbi), 0);
    if (mdb_get(txn, dbi, &key, &old))
        old = (MDB_val){0};
    new.mv_size = old.mv_size + grow;
    new.mv_data = calloc(1, new.mv_size);
    if (old.mv_size)
        memcpy(new.mv_data, old.mv_data, old.mv_size);
    apply(&new);
    ck_assert_int_eq(mdb_put(txn, dbi, &key, &new, 0), 0);
    free(new.mv_data);
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void set_version_1(MDB_val *value)
{
    ((uint8_t *)value->mv_data)[8] = 1;
}

static void set_version_2(MDB_val *value)
{
    ((uint8_t *)value->mv_data)[8] = 2;
}

static void set_newer_version(MDB_val *value)
{
    ((uint8_t *)value->mv_data)[8] = LMDB_FORMAT_JOURNALED + 1;
}

static void flip_last_byte(MDB_val *value)
{
    ((uint8_t *)value->mv_data)[value->mv_size - 1] ^= 0x10;
}

static void nothing(MDB_val *value)
{
    (void)value;
}

static MDB_val key_of(void *data, size_t n)
{
    return (MDB_val){.mv_size = n, .mv_data = data};
}

START_TEST(a_newer_format_is_refused)
{
    char name[] = "format";
    open_log();
    close_at(0);
    change("meta", key_of(name, 6), 0, set_newer_version);
    ck_assert_int_eq(try_open(STORE_SYNC_NEVER, ""), ERR_FORMAT);
}
END_TEST

static void drop_database(const char *name)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 8), 0);
    ck_assert_int_eq(mdb_env_open(env, dir, 0, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, name, 0, &dbi), 0);
    ck_assert_int_eq(mdb_drop(txn, dbi, 1), 0);
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* Version 1 had no `keys`, and wrote 0 where version 2 says that the newest offsets are complete.
 */
START_TEST(a_log_of_version_1_is_brought_up_to_date)
{
    char name[] = "format";
    open_log();
    uint32_t epoch = state.epoch;
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 5000, 2), ERR_OK);
    end_readers();
    store_close(store, 5000, false);
    store = NULL;
    change("meta", key_of(name, 6), 0, set_version_1);
    drop_database("keys");
    open_log();
    ck_assert_uint_eq(state.epoch, epoch);
    ck_assert(state.clean);
    ck_assert(!state.complete);
    ck_assert_uint_eq(count_all(5000), 5000);
    close_at(5000);
    open_log(); /* and stays so */
    ck_assert(state.complete);
    ck_assert_uint_eq(count_all(5000), 5000);
}
END_TEST

static uint8_t version_found;

static void note_version(MDB_val *value)
{
    version_found = ((uint8_t *)value->mv_data)[8];
}

/* Version 2 forgot no topics; no program that knows only that may open a log that has. */
START_TEST(a_log_of_version_2_is_brought_up_to_date)
{
    char name[] = "format";
    open_log();
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 5000, 2), ERR_OK);
    close_at(5000);
    change("meta", key_of(name, 6), 0, set_version_2);
    open_log();
    ck_assert(state.clean);
    ck_assert(state.complete);
    ck_assert_uint_eq(state.topic_id_last, 3);
    ck_assert_uint_eq(state.forgotten, 0);
    ck_assert_uint_eq(count_all(5000), 5000);
    close_at(5000);
    change("meta", key_of(name, 6), 0, note_version);
    ck_assert_uint_eq(version_found, LMDB_FORMAT_VERSION);
}
END_TEST

static void purge_all(uint32_t topic)
{
    size_t removed;
    bool done = false;
    while (!done)
        ck_assert_int_eq(purge_some(store, topic, UINT64_MAX, 10000, &removed, &done), ERR_OK);
}

/* Whatever kind of stop: what was forgotten stays so, ids and offsets are not used again. */
START_TEST(forgotten_topics_stay_forgotten)
{
    open_log();
    add_topics(store, 1, 3);
    ck_assert_int_eq(append_run(store, 1, 5000, 2), ERR_OK);
    ck_assert_int_eq(append_one(store, 5001, 3), ERR_OK);
    purge_all(3);
    ck_assert_int_eq(store_forget(store, (uint32_t[]){3}, 1, 0), ERR_OK);
    end_readers();
    if (_i)
        store_close(store, 5001, true);
    else
        store_abandon(store);
    store = NULL;
    open_log();
    ck_assert_uint_eq(state.head, 5001);
    ck_assert_uint_eq(state.topic_id_last, 3);
    ck_assert_uint_eq(state.forgotten, 5001);
    ck_assert_uint_eq(store_forgotten(store), 5001);
    ck_assert_uint_eq(topic_row(store, 3).id, 0);
    struct store_topic again = {.id = 3, .name = "topic-3", .name_len = 7};
    struct store_batch b = {.topics = &again, .topic_count = 1};
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID);
    again.id = 4;
    again.floor = again.last = 5001;
    ck_assert_int_eq(store_append(store, &b), ERR_OK);
    ck_assert_int_eq(append_one(store, 5002, 4), ERR_OK);
    close_at(5002);
    open_log();
    ck_assert_uint_eq(topic_row(store, 4).floor, 5001);
    ck_assert_uint_eq(topic_row(store, 4).messages, 1);
    ck_assert(!topic_row(store, 4).unswept);
    ck_assert_uint_eq(count_all(5002), 5001);
}
END_TEST

/* Ids that are used up leave nothing in memory or on the disk; far ones cost no more than others.
 */
START_TEST(ids_may_be_far_apart)
{
    open_log();
    uint32_t ids[41], id = 1;
    uint64_t offset = 0;
    for (int i = 0; i < 41; i++, id = i < 40 ? id + (UINT32_MAX - 1) / 41 : UINT32_MAX) {
        add_topics(store, ids[i] = id, 1);
        ck_assert_int_eq(append_one(store, ++offset, id), ERR_OK);
    }
    for (uint64_t block = 1; block <= 130; block++) /* and in closed blocks and groups */
        for (int i = 0; i < 41; i++)
            ck_assert_int_eq(append_one(store, offset = block * 4096 + (uint64_t)i, ids[i]),
                             ERR_OK);
    for (size_t count = 1; count <= 41; count += 40) {
        struct store_query q = {.until = offset, .topics = ids, .topic_count = count};
        read_all(reader, q, &found);
        ck_assert_uint_eq(found.count, 131 * count);
    }
    struct store_topic t = {.id = UINT32_MAX, .name = "more", .name_len = 4};
    struct store_batch b = {.topics = &t, .topic_count = 1};
    ck_assert_uint_eq(ids[40], UINT32_MAX);
    purge_all(UINT32_MAX);
    ck_assert_int_eq(store_forget(store, ids + 40, 1, 0), ERR_OK);
    ck_assert_int_eq(store_append(store, &b), ERR_INVALID); /* there are no more */
}
END_TEST

static MDB_stat stat_of(const char *db)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_stat st;
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 8), 0);
    ck_assert_int_eq(mdb_env_open(env, dir, 0, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, db, 0, &dbi), 0);
    ck_assert_int_eq(mdb_stat(txn, dbi, &st), 0);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return st;
}

static enum store_verdict all_goes(void *ctx, const struct store_record *r)
{
    (void)ctx;
    (void)r;
    return STORE_REMOVE;
}

static enum store_verdict first_topic_stays(void *ctx, const struct store_record *r)
{
    (void)ctx;
    return r->topic_id == 1 ? STORE_KEEP : STORE_REMOVE;
}

enum { SPARSE_BLOCKS = 200, SPARSE_TOPICS = 100 };

/* One message in a hundred stays: a value for each block stays, too, but names only that. */
static void check_sparse_index(void)
{
    static struct found sparse;
    struct store_query q = {.until = SPARSE_BLOCKS * BLOCK_SLOTS};
    read_all(reader, q, &sparse);
    ck_assert_uint_eq(sparse.count, q.until / SPARSE_TOPICS);
    q.topics = (uint32_t[]){1};
    q.topic_count = 1;
    read_all(reader, q, &sparse);
    ck_assert_uint_eq(sparse.count, q.until / SPARSE_TOPICS);
    close_at(q.until);
    MDB_stat index = stat_of("index"), groups = stat_of("groups");
    ck_assert_uint_eq(index.ms_entries, SPARSE_BLOCKS);
    ck_assert_uint_le((index.ms_leaf_pages + index.ms_overflow_pages) * index.ms_psize,
                      SPARSE_BLOCKS * 3000); /* 9000 at first */
    ck_assert_uint_eq(groups.ms_entries, SPARSE_BLOCKS / GROUP_BLOCKS);
    open_log();
}

START_TEST(the_index_is_small_where_little_is_kept)
{
    open_log();
    add_topics(store, 1, SPARSE_TOPICS);
    for (uint64_t first = 1; first <= SPARSE_BLOCKS * BLOCK_SLOTS; first += BLOCK_SLOTS)
        ck_assert_int_eq(append_run(store, first, BLOCK_SLOTS, SPARSE_TOPICS), ERR_OK);
    struct store_removal r = {.max = 4096, .judge = _i ? first_topic_stays : all_goes};
    uint64_t at = 0;
    uint32_t others[SPARSE_TOPICS - 1];
    size_t left = SPARSE_TOPICS - 1, finished;
    for (uint32_t i = 0; i < left; i++)
        others[i] = i + 2;
    do { /* by trimming, or all other topics little by little and in turn */
        if (_i) {
            ck_assert_int_eq(store_trim(store, &at, UINT64_MAX, &r), ERR_OK);
        } else {
            ck_assert_int_eq(store_expire(store, others, left, &r, &finished), ERR_OK);
            left -= finished;
            memmove(others, others + finished, left * sizeof(others[0]));
        }
    } while (!r.done);
    check_sparse_index();
}
END_TEST

START_TEST(a_foreign_environment_is_refused)
{
    char name[] = "something";
    change(_i ? "theirs" : "", key_of(name, 9), 10, nothing);
    ck_assert_int_eq(try_open(STORE_SYNC_NEVER, ""), ERR_FORMAT);
    ck_assert_int_eq(try_open(STORE_SYNC_NEVER, ""), ERR_FORMAT); /* and left as it was */
}
END_TEST

START_TEST(a_damaged_state_is_told)
{
    char name[] = "state";
    open_log();
    close_at(0);
    change("meta", key_of(name, 5), 0, flip_last_byte);
    ck_assert_int_eq(try_open(STORE_SYNC_NEVER, ""), ERR_CORRUPT);
}
END_TEST

START_TEST(a_shortened_file_is_told)
{
    open_log();
    add_topics(store, 1, 1);
    ck_assert_int_eq(append_run(store, 1, 20000, 1), ERR_OK);
    off_t size = (off_t)store_size(store);
    close_at(0);
    cut_file(size - 8192);
    ck_assert_int_eq(try_open(STORE_SYNC_NEVER, ""), ERR_CORRUPT);
}
END_TEST

static enum err backup_to(const char *path)
{
    struct store_copied copied;
    struct store_copy *c = store_copy_create(store, path);
    enum err e = store_copy_run(c, &copied);
    store_copy_destroy(c);
    return e;
}

START_TEST(a_backup_is_a_log_of_its_own)
{
    char *copy = make_dir(), *original = dir;
    open_log();
    uint32_t epoch = state.epoch;
    add_topics(store, 1, 2);
    ck_assert_int_eq(append_run(store, 1, 10000, 2), ERR_OK);
    ck_assert_int_eq(backup_to(original), ERR_INVALID); /* not empty */
    ck_assert_int_eq(backup_to("/nowhere/at/all"), ERR_NOT_FOUND);
    ck_assert_int_eq(backup_to(copy), ERR_OK);
    ck_assert_int_eq(append_run(store, 10001, 10, 2), ERR_OK);
    abandon();
    dir = copy;
    open_log();
    ck_assert_uint_ne(state.epoch, epoch);
    ck_assert_uint_eq(state.former_count, 1);
    ck_assert_uint_eq(state.former[0].epoch, epoch);
    ck_assert_uint_eq(state.former[0].last, 10000);
    ck_assert_uint_eq(state.head, 10000);
    ck_assert_uint_eq(count_all(20000), 10000);
    ck_assert_uint_eq(topic_row(store, 1).messages, 5000);
    abandon();
    remove_dir(copy);
    dir = original;
}
END_TEST

/* As on a full disk, at each place where a batch can meet it: small ones, and ones that close
 * blocks and groups. What failed leaves no trace, and the log goes on when there is room again. */
START_TEST(a_file_that_may_not_grow_loses_nothing)
{
    enum { RUN = 30000, RUNS = 12 };
    struct rlimit unlimited, tight;
    size_t refused = 0;
    uint64_t head = 0;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    tight = unlimited;
    open_log();
    add_topics(store, 1, 7);
    for (size_t i = 0; i < RUNS; i++) {
        tight.rlim_cur = store_size(store) + 200000 * (i % 6);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
        enum err e = append_run(store, head + 1, RUN, 7);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
        ck_assert(e == ERR_OK || e == ERR_NOSPACE);
        refused += e == ERR_NOSPACE;
        ck_assert_int_eq(append_run(store, e ? head + 1 : head + RUN + 1, RUN, 7), ERR_OK);
        head += e ? RUN : 2 * RUN;
    }
    ck_assert_uint_ge(refused, RUNS / 3);
    for (int again = 0; again < 2; again++) {
        struct store_query q = {.until = head, .topics = (uint32_t[]){3}, .topic_count = 1};
        read_all(reader, q, &found);
        ck_assert_uint_eq(found.count, topic_row(store, 3).messages);
        ck_assert_uint_ge(found.count, head / 7);
        for (size_t i = 1; i < found.count; i++)
            REQUIRE(found.offsets[i] == found.offsets[i - 1] + 7);
        abandon();
        open_log();
        ck_assert_uint_eq(state.head, head);
    }
}
END_TEST

START_TEST(the_file_stops_growing_under_endless_load)
{
    enum { KEEP = 50000, RUN = 5000, RUNS = 200 };
    uint64_t early = 0;
    size_t removed;
    bool done;
    open_log();
    add_topics(store, 1, 50);
    for (uint64_t i = 0; i < RUNS; i++) {
        ck_assert_int_eq(append_run(store, i * RUN + 1, RUN, 50), ERR_OK);
        uint64_t head = (i + 1) * RUN;
        if (head > KEEP)
            ck_assert_int_eq(trim_some(store, head - KEEP, RUN, NULL, NULL, &removed, &done),
                             ERR_OK);
        if (i == RUNS / 10)
            early = store_size(store);
    }
    ck_assert_uint_le(store_size(store), early + early / 4);
    ck_assert_uint_eq(count_all(RUN * RUNS), KEEP);
}
END_TEST

/* A child appends and tells what was committed, until it is killed. */
static void append_until_killed(int out)
{
    uint64_t offset = state.head;
    for (;;) {
        if (append_run(store, offset + 1, 1 + offset % 50, 3))
            _exit(1);
        offset += 1 + offset % 50;
        if (write(out, &offset, sizeof(offset)) != sizeof(offset))
            _exit(1);
    }
}

static pid_t start_child(int *ret_in)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        if (try_open(STORE_SYNC_NEVER, "boot"))
            _exit(1);
        if (state.created)
            add_topics(store, 1, 3);
        append_until_killed(ends[1]);
    }
    close(ends[1]);
    *ret_in = ends[0];
    return child;
}

START_TEST(a_killed_process_loses_nothing_it_committed)
{
    uint32_t epoch = 0;
    for (unsigned round = 0; round < 10; round++) {
        uint64_t told = 0, next;
        int in, status;
        pid_t child = start_child(&in);
        for (unsigned i = 0; i < 20 + 7 * round; i++) {
            ck_assert_int_eq(read(in, &next, sizeof(next)), (ssize_t)sizeof(next));
            told = next;
        }
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        while (read(in, &next, sizeof(next)) == (ssize_t)sizeof(next))
            told = next;
        close(in);
        open_log();
        ck_assert(!state.clean);
        ck_assert(epoch == 0 || state.epoch == epoch);
        epoch = state.epoch;
        ck_assert_uint_ge(state.head, told);
        ck_assert_uint_eq(count_all(state.head), state.head); /* dense */
        abandon();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_lmdb");
    TCase *t = tcase_create("log");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_closed_log_comes_back);
    tcase_add_test(t, steps_of_the_clock_come_back);
    tcase_add_test(t, notes_come_back);
    tcase_add_test(t, topic_names_and_flags_come_back);
    tcase_add_test(t, an_abandoned_log_is_counted_again);
    tcase_add_test(t, reserved_offsets_are_not_used_again);
    tcase_add_test(t, the_head_outlives_the_records);
    tcase_add_test(t, a_purge_of_the_newest_block_leaves_the_index_right);
    tcase_add_loop_test(t, what_is_between_removed_records_is_found, 0, 6);
    tcase_add_loop_test(t, a_lost_machine_changes_the_epoch_if_it_may_lose_offsets, 0,
                        sizeof(stops) / sizeof(stops[0]));
    tcase_add_test(t, what_was_synced_is_certain);
    tcase_add_test(t, the_newest_former_epochs_are_kept);
    tcase_add_test(t, a_second_user_is_refused);
    tcase_add_test(t, a_foreign_file_is_refused);
    tcase_add_test(t, a_half_made_file_is_made_anew);
    tcase_add_loop_test(t, a_log_cut_to_its_headers_is_told, 0, 3);
    tcase_add_test(t, a_path_that_is_no_directory_is_refused);
    tcase_add_test(t, a_newer_format_is_refused);
    tcase_add_test(t, a_log_of_version_1_is_brought_up_to_date);
    tcase_add_test(t, a_log_of_version_2_is_brought_up_to_date);
    tcase_add_loop_test(t, forgotten_topics_stay_forgotten, 0, 2);
    tcase_add_test(t, ids_may_be_far_apart);
    tcase_add_loop_test(t, the_index_is_small_where_little_is_kept, 0, 2);
    tcase_add_loop_test(t, a_foreign_environment_is_refused, 0, 2);
    tcase_add_test(t, a_damaged_state_is_told);
    tcase_add_test(t, a_shortened_file_is_told);
    tcase_add_test(t, a_backup_is_a_log_of_its_own);
    tcase_add_test(t, a_file_that_may_not_grow_loses_nothing);
    tcase_add_test(t, the_file_stops_growing_under_endless_load);
    tcase_add_test(t, a_killed_process_loses_nothing_it_committed);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
