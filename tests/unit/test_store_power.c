/*
 * The machine goes down: what a log holds when only part of what LMDB wrote has reached the disk.
 *
 * The system calls by which LMDB writes are noted on their way (this program's functions come
 * before the C library's). At random moments, also within commits, an image of the disk is made:
 * what was synced, and of the rest, under `always`, any sectors; under `interval` and `never`, the
 * writes up to some moment (without fsync LMDB promises nothing about others). The image is opened
 * as on a machine that has booted anew, and has to hold exactly what the last commit in it left.
 * Under `always`, headers fail to be written now and then, and may have reached the disk or not.
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

#include "base/log.h"
#include "storage/lmdb/store_lmdb.h"
#include "tests/unit/random.h"
#include "tests/unit/store_fixture.h"

enum {
    TOPICS = 7,
    STEPS = 200,
    RANGES_MAX = 64,
    COMMITS_MAX = 4096,
    WRITES_MAX = 40000,
    FILE_MAX = 32 << 20, /* bytes */
    SECTOR = 512,
    HEADERS_END = 8192,
};

/* What the log holds after a commit: ranges of offsets, less what was removed. */
struct contents {
    size_t range_count;
    struct {
        uint64_t first, end;
    } ranges[RANGES_MAX];
    uint64_t head;
    uint64_t trimmed;            /* nothing is left at or below, */
    uint64_t floors[TOPICS + 1]; /* nor of this topic */
    uint64_t certain;            /* what the log then knows to be synced */
    uint32_t last_id;            /* of topics */
    uint32_t guest;              /* a topic that comes and goes; 0 = it is not there */
    uint64_t mark;               /* of the forgotten ones */
    bool exists, clean;
};

static struct {
    struct contents now, next; /* as it is; as the commit being made leaves it */
    struct contents *commits;  /* all so far, [0] before the first */
    size_t commit_count;
} model;

static enum store_sync sync_policy;
static char *dir;
static struct store *store;
static struct store_state state;
static uint32_t epoch;
static size_t images, epochs_drawn, suffixes_lost, failures;

/* --- the disk --- */

/* A write that no sync has covered yet. */
struct pending {
    off_t offset;
    size_t n;
    uint8_t *data;
    size_t commit; /* that it makes so, as it is a header; 0 = none */
};

static struct {
    bool watched; /* calls are noted */
    uint8_t *safe;
    size_t safe_len;
    size_t safe_commit;
    struct pending writes[WRITES_MAX];
    size_t write_count;
    size_t directory_syncs;
    bool may_fail, failed; /* a header */
    size_t last_commit;    /* that did not */
} disk;

static void lose_power_sometimes(void);

static void apply(uint8_t *file, size_t *len, off_t offset, const uint8_t *data, size_t n)
{
    size_t end = (size_t)offset + n;
    REQUIRE(end <= FILE_MAX);
    memcpy(file + offset, data, n);
    if (end > *len)
        *len = end;
}

static void all_is_safe(void)
{
    for (size_t i = 0; i < disk.write_count; i++) {
        struct pending *w = &disk.writes[i];
        apply(disk.safe, &disk.safe_len, w->offset, w->data, w->n);
        if (w->commit)
            disk.safe_commit = w->commit;
        free(w->data);
    }
    disk.write_count = 0;
}

static size_t note_commit(void)
{
    REQUIRE(model.commit_count < COMMITS_MAX);
    model.commits[model.commit_count] = model.next;
    return model.commit_count++;
}

static bool is_header(off_t offset)
{
    return offset > 0 && offset < HEADERS_END;
}

static void note_write(int fd, const void *data, size_t n, off_t offset)
{
    size_t commit = 0;
    if (is_header(offset)) /* after one that failed, LMDB puts the old one back */
        disk.last_commit = commit = disk.failed ? disk.last_commit : note_commit();
    if (fcntl(fd, F_GETFL) & O_DSYNC) {
        apply(disk.safe, &disk.safe_len, offset, data, n);
        disk.safe_commit = commit;
        return;
    }
    REQUIRE(disk.write_count < WRITES_MAX);
    struct pending *w = &disk.writes[disk.write_count++];
    *w = (struct pending){.offset = offset, .n = n, .data = malloc(n), .commit = commit};
    REQUIRE(w->data);
    memcpy(w->data, data, n);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Flags for large files make "pwrite" another function's name than the one that LMDB calls. */
ssize_t pwrite_watched(int fd, const void *data, size_t n, off_t offset) __asm__("pwrite");

/* The header does not come to be written, it says; but it may have reached the disk. */
static ssize_t fail_header(const void *data, size_t n, off_t offset)
{
    disk.failed = true;
    failures++;
    if (random_below(2)) {
        apply(disk.safe, &disk.safe_len, offset, data, n);
        disk.safe_commit = note_commit();
    }
    errno = EIO;
    return -1;
}

ssize_t pwrite_watched(int fd, const void *data, size_t n, off_t offset)
{
    lose_power_sometimes();
    if (disk.watched && disk.may_fail && !disk.failed && is_header(offset) && random_below(8) == 0)
        return fail_header(data, n, offset);
    ssize_t m = REAL(pwrite)(fd, data, n, offset);
    if (disk.watched)
        note_write(fd, data, n, offset);
    return m;
}

/* As LMDB uses it: from where the file stands. */
ssize_t writev(int fd, const struct iovec *v, int count)
{
    lose_power_sometimes();
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t m = REAL(writev)(fd, v, count);
    for (int i = 0; disk.watched && i < count; offset += (off_t)v[i++].iov_len)
        note_write(fd, v[i].iov_base, v[i].iov_len, offset);
    return m;
}

int fdatasync(int fd)
{
    lose_power_sometimes();
    int rc = REAL(fdatasync)(fd);
    if (disk.watched)
        all_is_safe();
    return rc;
}

int fsync(int fd)
{
    struct stat st;
    disk.directory_syncs += fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    return REAL(fsync)(fd);
}

/* --- images --- */

struct image {
    uint8_t *file;
    size_t len;
    size_t commit; /* the last one in it */
};

static void apply_whole(struct image *image, const struct pending *w)
{
    apply(image->file, &image->len, w->offset, w->data, w->n);
    if (w->commit)
        image->commit = w->commit;
}

/* A header is within one sector. */
static void apply_sectors(struct image *image, const struct pending *w)
{
    if (w->commit && random_below(2))
        apply_whole(image, w);
    if (w->commit)
        return;
    for (size_t at = 0; at < w->n; at += SECTOR) {
        size_t n = w->n - at < SECTOR ? w->n - at : SECTOR;
        if (random_below(2))
            apply(image->file, &image->len, w->offset + (off_t)at, w->data + at, n);
    }
}

/* What a machine finds that went down, or with ALL, one of which only the process died. */
static struct image make_image(bool all)
{
    struct image image = {calloc(1, FILE_MAX), disk.safe_len, disk.safe_commit};
    size_t reached = all ? disk.write_count : random_below((uint32_t)disk.write_count + 1);
    bool sectors = !all && (sync_policy == STORE_SYNC_ALWAYS || disk.safe_commit == 0);
    REQUIRE(image.file);
    memcpy(image.file, disk.safe, disk.safe_len);
    for (size_t i = 0; i < disk.write_count; i++) {
        if (sectors)
            apply_sectors(&image, &disk.writes[i]);
        else if (i < reached)
            apply_whole(&image, &disk.writes[i]);
    }
    return image;
}

static void write_image(const char *path, const struct image *image)
{
    char name[4096];
    snprintf(name, sizeof(name), "%s/data.mdb", path);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, image->file, image->len) == (ssize_t)image->len);
    close(fd);
}

static bool holds(const struct contents *c, uint64_t offset)
{
    return offset > c->trimmed && offset > c->floors[offset % TOPICS + 1];
}

/* The offsets of one topic, or with 0 of all, are those that C tells. */
static void check_topic(struct store_reader *r, const struct contents *c, uint32_t topic)
{
    static struct found found;
    struct store_query q = {.until = c->head, .topics = topic ? &topic : NULL, .topic_count = 1};
    size_t n = 0;
    if (c->head == 0)
        return;
    read_all(r, q, &found);
    for (size_t i = 0; i < c->range_count; i++) {
        for (uint64_t offset = c->ranges[i].first; offset < c->ranges[i].end; offset++) {
            if (!holds(c, offset) || (topic && offset % TOPICS + 1 != topic))
                continue;
            REQUIRE(n < found.count);
            REQUIRE(found.offsets[n++] == offset);
        }
    }
    REQUIRE(n == found.count);
}

static void check_epoch(const struct contents *c, const struct store_state *st, bool same_boot)
{
    bool drawn = !same_boot && !c->clean && sync_policy != STORE_SYNC_ALWAYS;
    REQUIRE((st->epoch != epoch) == drawn);
    REQUIRE(st->former_count == drawn);
    if (!drawn)
        return;
    epochs_drawn++;
    REQUIRE(st->former[0].epoch == epoch);
    REQUIRE(st->former[0].last == c->certain);
}

static void check_image(const char *path, const struct contents *c, bool same_boot)
{
    struct store_options o = {
        .path = path, .sync = STORE_SYNC_ALWAYS, .map_bytes = FILE_MAX, .readers_max = 2};
    struct store *s;
    struct store_reader *r;
    struct store_state st;
    REQUIRE(store_lmdb_open_booted(&o, same_boot ? "boot" : "other", &s, &st) == ERR_OK);
    REQUIRE(st.created == !c->exists);
    if (c->exists) {
        check_epoch(c, &st, same_boot);
        REQUIRE(st.head == c->head);
        REQUIRE(st.topic_id_last == c->last_id);
        REQUIRE(st.forgotten == c->mark);
        REQUIRE(!c->guest || topic_row(s, c->guest).id == c->guest);
        REQUIRE(c->guest == c->last_id || topic_row(s, c->last_id).id <= TOPICS);
        REQUIRE(store_reader_create(s, &r) == ERR_OK);
        for (uint32_t topic = 0; topic <= TOPICS; topic++)
            check_topic(r, c, topic);
        store_reader_destroy(r);
        REQUIRE(store_damaged(s) == 0);
        REQUIRE(append_one(s, c->head + 1, c->head ? 1 : 0) == (c->head ? ERR_OK : ERR_INVALID));
    }
    store_abandon(s);
}

static void lose_power(void)
{
    bool same_boot = random_below(4) == 0;
    char *path = make_dir();
    disk.watched = false;
    struct image image = make_image(same_boot);
    const struct contents *c = &model.commits[image.commit];
    write_image(path, &image);
    check_image(path, c, same_boot);
    images++;
    suffixes_lost += c->head < model.now.head;
    disk.watched = true;
    free(image.file);
    remove_dir(path);
}

/* Often while the log is made: that happens once. */
static void lose_power_sometimes(void)
{
    if (disk.watched && !model.now.exists)
        for (int i = 0; i < 10; i++)
            lose_power();
    else if (disk.watched && random_below(8) == 0)
        lose_power();
}

/* --- the life of a log --- */

/* A commit was made, after which the log is as model.next says; or its header failed. */
static void did(enum err e)
{
    REQUIRE(e == (disk.failed ? ERR_IO : ERR_OK));
    if (disk.failed)
        model.next = model.now;
    else
        model.now = model.next;
    disk.failed = false;
}

static void open_log(void)
{
    struct store_options o = {
        .path = dir, .sync = sync_policy, .map_bytes = FILE_MAX, .readers_max = 2};
    bool created = !model.now.exists;
    model.next.exists = true;
    model.next.clean = false;
    model.next.certain = model.now.head;
    did(store_lmdb_open_booted(&o, "boot", &store, &state));
    REQUIRE(state.created == created);
    REQUIRE(created || state.epoch == epoch);
    epoch = state.epoch;
}

static void close_log(void)
{
    if (random_below(2)) {
        store_abandon(store);
        return;
    }
    model.next.clean = true;
    store_close(store, model.now.head, true);
    model.now = model.next;
}

/* Mostly a few, sometimes over a block's end, sometimes beyond the group. */
static void append(void)
{
    uint64_t count = 1 + random_below(random_below(10) ? 40 : 5000);
    uint64_t first = model.now.head + 1 + (random_below(40) ? 0 : random_below(300000));
    struct contents *c = &model.next;
    if (c->range_count && c->ranges[c->range_count - 1].end == first) {
        c->ranges[c->range_count - 1].end = first + count;
    } else {
        REQUIRE(c->range_count < RANGES_MAX);
        c->ranges[c->range_count].first = first;
        c->ranges[c->range_count++].end = first + count;
    }
    c->head = first + count - 1;
    did(append_run(store, first, count, TOPICS));
}

/* One that fails may have hidden what it was to remove: not here. */
static void trim(void)
{
    size_t removed;
    disk.may_fail = false;
    bool done;
    uint64_t kept = model.now.head - model.now.trimmed;
    if (kept == 0)
        return;
    model.next.trimmed += random_below((uint32_t)kept);
    did(trim_some(store, model.next.trimmed, RUN_MAX * 16, NULL, NULL, &removed, &done));
}

/* Hidden by its first commit, removed by all of them; sometimes left unfinished. */
static void purge(void)
{
    uint32_t topic = 1 + random_below(TOPICS);
    bool done = false;
    for (uint32_t calls = 1 + random_below(4); calls > 0 && !done; calls--) {
        size_t removed;
        model.next.floors[topic] = model.now.head;
        did(purge_some(store, topic, model.now.head, 1 + random_below(300), &removed, &done));
    }
}

/* A topic without messages, which once had some, is made or forgotten. */
static void come_or_go(void)
{
    struct contents *c = &model.next;
    uint32_t id = c->guest ? c->guest : c->last_id + 1;
    if (c->guest) {
        c->guest = 0;
        c->mark = topic_row(store, id).last;
        did(store_forget(store, &id, 1, 0));
        return;
    }
    c->guest = c->last_id = id;
    struct store_topic t = {
        .id = id, .name = "guest", .name_len = 5, .floor = c->head, .last = c->head};
    struct store_batch b = {.topics = &t, .topic_count = 1};
    did(store_append(store, &b));
}

/* What this covers is certain for whoever finds the next commit. */
static void sync_log(void)
{
    if (sync_policy != STORE_SYNC_INTERVAL)
        return;
    REQUIRE(store_sync_now(store) == ERR_OK);
    model.next.certain = model.now.head;
}

static void step(void)
{
    disk.may_fail = sync_policy == STORE_SYNC_ALWAYS;
    switch (random_below(14)) {
    case 0:
        trim();
        break;
    case 1:
        purge();
        break;
    case 2:
    case 3:
        sync_log();
        break;
    case 5:
    case 6:
        come_or_go();
        break;
    case 4:
        disk.may_fail = false;
        close_log();
        open_log();
        break;
    default:
        append();
        break;
    }
}

static void setup(void)
{
    dir = make_dir();
    disk.safe = calloc(1, FILE_MAX);
    model.commits = calloc(COMMITS_MAX, sizeof(*model.commits));
    REQUIRE(disk.safe && model.commits);
    model.commit_count = 1;
}

START_TEST(only_what_no_sync_has_covered_is_lost)
{
    static const enum store_sync policies[] = {STORE_SYNC_ALWAYS, STORE_SYNC_INTERVAL,
                                               STORE_SYNC_NEVER};
    sync_policy = policies[_i];
    setup();
    disk.watched = true;
    open_log();
    ck_assert_uint_gt(disk.directory_syncs, 0);
    model.next.last_id = TOPICS;
    add_topics(store, 1, TOPICS);
    model.now = model.next;
    for (size_t i = 0; i < STEPS; i++) {
        step();
        disk.may_fail = false;
        lose_power_sometimes();
    }
    disk.watched = false;
    store_abandon(store);
    remove_dir(dir);
    printf("%zu images, %zu new epochs, %zu with fewer messages\n", images, epochs_drawn,
           suffixes_lost);
    ck_assert_uint_gt(images, STEPS / 8);
    ck_assert_int_eq(failures > 0, sync_policy == STORE_SYNC_ALWAYS);
    ck_assert_int_eq(epochs_drawn > 0, sync_policy != STORE_SYNC_ALWAYS);
    ck_assert_int_eq(suffixes_lost > 0, sync_policy != STORE_SYNC_ALWAYS);
}
END_TEST

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0); /* hundreds of logs, each with its syncs */
    random_seed();
    log_set_level(LOG_ERROR);
    Suite *suite = suite_create("store_power");
    TCase *t = tcase_create("power");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, only_what_no_sync_has_covered_is_lost, 0, 3);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
