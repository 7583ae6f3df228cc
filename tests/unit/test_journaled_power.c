/*
 * The machine goes down under a store with a journal: what log and journal hold together when only
 * part of what was written to either has reached the disk.
 *
 * As in test_store_power, but two files are written, by two threads: the journal by the one that
 * appends, the log by the one that applies. At random moments, within any call of either, an image
 * is made of both: what a sync has covered, and of the rest any sectors. It is opened as after a
 * power loss, and has to hold what was there before the operation that is under way, or what is
 * there after it. Now and then the journal cannot be written or synced: what was appended then may
 * be there or not, until something else has been.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/journal/journal.h"
#include "storage/store.h"
#include "tests/unit/random.h"
#include "tests/unit/store_fixture.h"

enum {
    TOPICS = 7,
    STEPS = 250,
    RANGES_MAX = 256,
    WRITES_MAX = 40000,
    FILE_MAX = 16 << 20, /* bytes */
    SECTOR = 512,
    IMAGES_PART = 12, /* of so many calls one makes an image, */
    FAILS_PART = 25,  /* or fails, if it may */
    MAYBE_MAX = 16,
};

/* --- what the log holds --- */

/* Ranges of offsets, less what was removed. */
struct contents {
    size_t range_count;
    struct {
        uint64_t first, end;
    } ranges[RANGES_MAX];
    uint64_t head;
    uint64_t trimmed;            /* nothing is left at or below, */
    uint64_t floors[TOPICS + 1]; /* nor of this topic */
};

/* Guards the disk, and this. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct contents now;              /* as the operations that succeeded left it, */
static struct contents maybe[MAYBE_MAX]; /* and as those that failed since, and the one that */
static size_t maybe_count;               /* is under way, may have left it */
static bool exists;                      /* the log has been made, with its topics */

static char *dir, *other_dir;
static struct store *store;
static size_t images, ahead, applied; /* with what is under way; with a log that has grown */

static bool holds(const struct contents *c, uint64_t offset)
{
    return offset > c->trimmed && offset > c->floors[offset % TOPICS + 1];
}

/* Whether the offsets of one topic, or with 0 of all, are those that C tells. */
static bool has_topic(struct store_reader *r, const struct contents *c, uint32_t topic)
{
    static struct found found;
    struct store_query q = {.until = c->head, .topics = topic ? &topic : NULL, .topic_count = 1};
    size_t n = 0;
    if (c->head == 0)
        return true;
    read_all(r, q, &found);
    for (size_t i = 0; i < c->range_count; i++)
        for (uint64_t o = c->ranges[i].first; o < c->ranges[i].end; o++) {
            if (!holds(c, o) || (topic && o % TOPICS + 1 != topic))
                continue;
            if (n == found.count || found.offsets[n++] != o)
                return false;
        }
    return n == found.count;
}

static bool has(struct store *s, const struct contents *c)
{
    struct store_reader *r;
    bool same = true;
    REQUIRE(store_reader_create(s, &r) == ERR_OK);
    for (uint32_t topic = 0; same && topic <= TOPICS; topic++)
        same = has_topic(r, c, topic);
    store_reader_destroy(r);
    return same;
}

/* --- the disk --- */

/* A write that no sync of its file has covered yet. */
struct pending {
    off_t offset;
    size_t n;
    uint8_t *data;
};

static struct file {
    const char *name;
    ino_t inode; /* 0 = not known yet */
    uint8_t *safe;
    size_t safe_len;
    size_t write_count;
    struct pending writes[WRITES_MAX];
} files[] = {{.name = "data.mdb"}, {.name = JOURNAL_FILE}};

enum { FILES = sizeof(files) / sizeof(files[0]) };

static bool watched;
static bool may_fail; /* the journal */
static size_t failures;
static _Thread_local bool looking; /* at an image */

static struct file *file_of(int fd)
{
    struct stat st;
    if (!watched || looking || fstat(fd, &st))
        return NULL;
    for (size_t i = 0; i < FILES; i++)
        if (files[i].inode == st.st_ino)
            return &files[i];
    return NULL;
}

static void put(uint8_t *to, size_t *len, off_t offset, const uint8_t *data, size_t n)
{
    size_t end = (size_t)offset + n;
    REQUIRE(end <= FILE_MAX);
    memcpy(to + offset, data, n);
    if (end > *len)
        *len = end;
}

static void note_write(struct file *f, int fd, const void *data, size_t n, off_t offset)
{
    if (fcntl(fd, F_GETFL) & O_DSYNC) {
        put(f->safe, &f->safe_len, offset, data, n);
        return;
    }
    REQUIRE(f->write_count < WRITES_MAX);
    struct pending *w = &f->writes[f->write_count++];
    *w = (struct pending){.offset = offset, .n = n, .data = malloc(n)};
    REQUIRE(w->data);
    memcpy(w->data, data, n);
}

static void all_is_safe(struct file *f)
{
    for (size_t i = 0; i < f->write_count; i++) {
        struct pending *w = &f->writes[i];
        put(f->safe, &f->safe_len, w->offset, w->data, w->n);
        free(w->data);
    }
    f->write_count = 0;
}

/* --- images --- */

static uint8_t image[FILE_MAX];

/* PART of 8 sectors of what was not synced. */
static void write_image(const struct file *f, unsigned part)
{
    char path[4096];
    size_t len = f->safe_len;
    memcpy(image, f->safe, len);
    for (size_t i = 0; i < f->write_count; i++) {
        const struct pending *w = &f->writes[i];
        for (size_t at = 0; at < w->n; at += SECTOR) {
            size_t n = w->n - at < SECTOR ? w->n - at : SECTOR;
            if (w->offset + (off_t)at > (off_t)len)
                memset(image + len, 0, (size_t)w->offset + at - len);
            if (random_below(8) < part)
                put(image, &len, w->offset + (off_t)at, w->data + at, n);
        }
    }
    snprintf(path, sizeof(path), "%s/%s", other_dir, f->name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, image, len) == (ssize_t)len);
    close(fd);
}

static enum err open_in(const char *path, struct store **ret, struct store_state *ret_state)
{
    struct store_options o = {.path = path,
                              .sync = STORE_SYNC_ALWAYS,
                              .map_bytes = FILE_MAX,
                              .readers_max = 2,
                              .journal_bytes = JOURNAL_BYTES_MIN,
                              .apply_ms = 20};
    return store_open(&o, ret, ret_state);
}

/* Which of the things that it may hold it does: 0 what it is to hold, or an index into maybe + 1.
 */
static size_t which(struct store *s, const struct store_state *st)
{
    size_t i = maybe_count;
    while (i > 0 && !(st->head == maybe[i - 1].head && has(s, &maybe[i - 1])))
        i--;
    REQUIRE(i > 0 || (st->head == now.head && has(s, &now)));
    return i;
}

static void check_image(void)
{
    struct store *s;
    struct store_state st;
    enum err e = open_in(other_dir, &s, &st);
    if (e)
        ck_abort_msg("%s: %s", err_text(e), store_wrong());
    size_t i = which(s, &st);
    REQUIRE(store_damaged(s) == 0);
    REQUIRE(append_one(s, st.head + 1, 1) == ERR_OK);
    store_abandon(s);
    images++;
    ahead += i > 0;
}

static void lose_power(void)
{
    static const unsigned parts[] = {0, 1, 4, 7, 8};
    looking = true;
    for (size_t i = 0; i < FILES; i++)
        write_image(&files[i], parts[random_below(5)]);
    check_image();
    char lock_file[4096];
    snprintf(lock_file, sizeof(lock_file), "%s/longwire.lock", other_dir);
    unlink(lock_file);
    looking = false;
}

static void lose_power_sometimes(void)
{
    if (exists && random_below(IMAGES_PART) == 0)
        lose_power();
}

/* A sync that fails has dropped what it was to cover, or some of it. */
static bool fails(struct file *f)
{
    if (!may_fail || f != &files[1] || random_below(FAILS_PART))
        return false;
    failures++;
    errno = EIO;
    return true;
}

static void lose_writes(struct file *f)
{
    size_t count = f->write_count;
    for (size_t i = 0; i < count; i++) {
        struct pending *w = &f->writes[i];
        if (random_below(2))
            put(f->safe, &f->safe_len, w->offset, w->data, w->n);
        free(w->data);
    }
    f->write_count = 0;
}

/* --- the calls, which come before the C library's --- */

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Flags for large files make these other functions' names than LMDB calls. */
ssize_t pwrite_watched(int fd, const void *data, size_t n, off_t offset) __asm__("pwrite");
ssize_t pwritev_watched(int fd, const struct iovec *v, int count, off_t at) __asm__("pwritev64");

ssize_t pwrite_watched(int fd, const void *data, size_t n, off_t offset)
{
    struct file *f = file_of(fd);
    if (!f)
        return REAL(pwrite)(fd, data, n, offset);
    pthread_mutex_lock(&lock);
    lose_power_sometimes();
    ssize_t m = REAL(pwrite)(fd, data, n, offset);
    note_write(f, fd, data, n, offset);
    lose_power_sometimes();
    pthread_mutex_unlock(&lock);
    return m;
}

static void note_parts(struct file *f, int fd, const struct iovec *v, int count, off_t at)
{
    for (int i = 0; i < count; at += (off_t)v[i++].iov_len)
        if (v[i].iov_len)
            note_write(f, fd, v[i].iov_base, v[i].iov_len, at);
}

ssize_t pwritev_watched(int fd, const struct iovec *v, int count, off_t at)
{
    struct file *f = file_of(fd);
    if (!f)
        return REAL(pwritev)(fd, v, count, at);
    pthread_mutex_lock(&lock);
    lose_power_sometimes();
    ssize_t m = -1;
    if (!fails(f)) {
        m = REAL(pwritev)(fd, v, count, at);
        note_parts(f, fd, v, count, at);
    }
    lose_power_sometimes();
    pthread_mutex_unlock(&lock);
    errno = EIO;
    return m;
}

/* As LMDB uses it: from where the file stands. */
ssize_t writev(int fd, const struct iovec *v, int count)
{
    struct file *f = file_of(fd);
    if (!f)
        return REAL(writev)(fd, v, count);
    pthread_mutex_lock(&lock);
    lose_power_sometimes();
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t m = REAL(writev)(fd, v, count);
    note_parts(f, fd, v, count, at);
    applied++;
    pthread_mutex_unlock(&lock);
    return m;
}

int fdatasync(int fd)
{
    struct file *f = file_of(fd);
    if (!f)
        return 0; /* of an image */
    pthread_mutex_lock(&lock);
    lose_power_sometimes();
    int rc = fails(f) ? -1 : 0;
    if (rc)
        lose_writes(f);
    else
        all_is_safe(f);
    pthread_mutex_unlock(&lock);
    errno = EIO;
    return rc;
}

/* What is read comes from the disk then, whatever a sync that failed has dropped. */
int posix_fadvise(int fd, off_t at, off_t n, int advice) __asm__("posix_fadvise64");

int posix_fadvise(int fd, off_t at, off_t n, int advice)
{
    struct file *f = file_of(fd);
    REQUIRE(at == 0 && n == 0 && advice == POSIX_FADV_DONTNEED);
    if (!f)
        return 0;
    pthread_mutex_lock(&lock);
    REQUIRE(f->write_count == 0);
    REQUIRE(REAL(pwrite)(fd, f->safe, f->safe_len, 0) == (ssize_t)f->safe_len);
    pthread_mutex_unlock(&lock);
    return 0;
}

/* --- the life of a log --- */

/* What it is to leave is the caller's to say, until under_way. */
static struct contents *begin_operation(void)
{
    pthread_mutex_lock(&lock);
    REQUIRE(maybe_count < MAYBE_MAX);
    struct contents *next = &maybe[maybe_count++];
    *next = now;
    return next;
}

static void under_way(void)
{
    may_fail = maybe_count < MAYBE_MAX / 2;
    pthread_mutex_unlock(&lock);
}

static void end_operation(enum err e)
{
    pthread_mutex_lock(&lock);
    if (e == ERR_OK) {
        now = maybe[maybe_count - 1];
        maybe_count = 0;
    }
    may_fail = false;
    pthread_mutex_unlock(&lock);
}

/* Offsets that an append which failed was to have are not given again. */
static void pass_over(uint64_t head)
{
    pthread_mutex_lock(&lock);
    maybe[maybe_count++] = now; /* the log may know that or not */
    now.head = head;
    pthread_mutex_unlock(&lock);
}

/* Nobody writes meanwhile: all that the files have is safe. */
static void take_over(void)
{
    char path[4096];
    for (size_t i = 0; i < FILES; i++) {
        struct file *f = &files[i];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", dir, f->name);
        int fd = open(path, O_RDONLY);
        REQUIRE(fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= FILE_MAX);
        all_is_safe(f);
        REQUIRE(read(fd, f->safe, (size_t)st.st_size) == st.st_size);
        f->safe_len = (size_t)st.st_size;
        f->inode = st.st_ino;
        close(fd);
    }
}

static void add_range(struct contents *c, uint64_t first, uint64_t end)
{
    if (c->range_count && c->ranges[c->range_count - 1].end == first) {
        c->ranges[c->range_count - 1].end = end;
        return;
    }
    REQUIRE(c->range_count < RANGES_MAX);
    c->ranges[c->range_count].first = first;
    c->ranges[c->range_count++].end = end;
}

/* Mostly a few, sometimes over a block's end, sometimes beyond the group. */
static void append(void)
{
    uint64_t count = 1 + random_below(random_below(15) ? 60 : 5000);
    uint64_t first = now.head + 1 + (random_below(40) ? 0 : random_below(300000));
    struct contents *next = begin_operation();
    add_range(next, first, first + count);
    next->head = first + count - 1;
    under_way();
    enum err e = append_run(store, first, count, TOPICS);
    REQUIRE(e == ERR_OK || e == ERR_IO);
    end_operation(e);
    if (e)
        pass_over(first + count - 1);
}

static void trim(void)
{
    size_t removed;
    bool done;
    uint64_t kept = now.head - now.trimmed;
    if (kept == 0)
        return;
    struct contents *next = begin_operation();
    uint64_t upto = next->trimmed += random_below((uint32_t)kept);
    under_way();
    enum err e = trim_some(store, upto, RUN_MAX * 16, NULL, NULL, &removed, &done);
    REQUIRE(e == ERR_OK);
    end_operation(e);
}

/* Hidden by its first commit, removed by all of them; sometimes left unfinished. */
static void purge(void)
{
    bool done = false;
    uint32_t topic = 1 + random_below(TOPICS);
    for (uint32_t calls = 1 + random_below(4); calls > 0 && !done; calls--) {
        size_t removed;
        begin_operation()->floors[topic] = now.head;
        under_way();
        enum err e = purge_some(store, topic, now.head, 1 + random_below(300), &removed, &done);
        REQUIRE(e == ERR_OK);
        end_operation(e);
    }
}

static void reopen(void)
{
    struct store_state st;
    if (random_below(2))
        store_abandon(store);
    else
        store_close(store, now.head, true);
    REQUIRE(open_in(dir, &store, &st) == ERR_OK);
    pthread_mutex_lock(&lock);
    size_t i = which(store, &st);
    if (i)
        now = maybe[i - 1];
    maybe_count = 0;
    pthread_mutex_unlock(&lock);
}

static void step(void)
{
    switch (maybe_count ? 2 + random_below(4) : random_below(14)) {
    case 0:
        trim();
        break;
    case 1:
        purge();
        break;
    case 2:
        reopen();
        break;
    default:
        append();
        break;
    }
}

static void setup(void)
{
    struct store_state st;
    dir = make_dir();
    other_dir = make_dir();
    for (size_t i = 0; i < FILES; i++) {
        files[i].safe = calloc(1, FILE_MAX);
        REQUIRE(files[i].safe);
    }
    REQUIRE(open_in(dir, &store, &st) == ERR_OK);
    add_topics(store, 1, TOPICS);
    store_close(store, 0, true);
    take_over();
    exists = watched = true;
    REQUIRE(open_in(dir, &store, &st) == ERR_OK);
}

START_TEST(what_was_acknowledged_is_there)
{
    setup();
    for (size_t i = 0; i < STEPS; i++)
        step();
    store_close(store, now.head, true);
    printf("%zu images, %zu with what was under way, %zu failures\n", images, ahead, failures);
    ck_assert_uint_gt(images, STEPS / 4);
    ck_assert_uint_gt(ahead, 0);
    ck_assert_uint_gt(applied, 0);
    watched = false;
    remove_dir(dir);
    remove_dir(other_dir);
    for (size_t i = 0; i < FILES; i++)
        free(files[i].safe);
}
END_TEST

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0); /* hundreds of logs */
    random_seed();
    log_set_level(LOG_ERROR);
    Suite *suite = suite_create("journaled_power");
    TCase *t = tcase_create("power");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, what_was_acknowledged_is_there);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
