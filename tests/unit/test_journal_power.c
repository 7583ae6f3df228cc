/*
 * The machine goes down: what a journal holds when only part of what was written has reached the
 * disk.
 *
 * Every write is noted sector by sector. At random moments, also within a call, an image of the
 * disk is made: a sector that no sync has covered since it was written has any of the contents that
 * it was given, or what it had before, or is torn between two of them, or damaged. What a sync that
 * failed was to cover may come to the disk at any time later, or never. The image is read as a
 * start would, behind what the log has by then, and has to hold what was synced, and of the rest a
 * beginning, each group whole, and nothing else. Then life goes on, on the image itself, with all
 * that earlier lives have left in it.
 *
 * LONGWIRE_LIVES in the environment: so many of them.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "storage/journal/group.h"
#include "storage/journal/journal.h"
#include "tests/unit/journal_fixture.h"
#include "tests/unit/random.h"
#include "tests/unit/store_fixture.h"

enum {
    LOG = 77,
    EPOCH = 3,
    BYTES = JOURNAL_BYTES_MIN,
    SECTOR = 512,
    SECTORS = BYTES / SECTOR,
    VERSIONS_MAX = 6,
    LIVES = 60,
    STEPS = 60,
    ELEMENTS_MAX = 1024,
};

/* --- the disk --- */

struct version {
    bool lost; /* the sync that was to cover it has failed */
    uint8_t data[SECTOR];
};

struct sector {
    uint8_t safe[SECTOR];
    size_t count;
    struct version versions[VERSIONS_MAX]; /* written since, the newest last */
};

static struct {
    bool watched; /* calls are noted, and may fail */
    bool may_fail;
    struct sector *sectors;
    size_t images, ends_kept, ends_lost, voids, damages, failures;
} disk;

static void lose_power_sometimes(void);

static void note_sector(struct sector *s, const uint8_t *data, size_t from, size_t n)
{
    if (s->count == VERSIONS_MAX) {
        size_t gone = random_below(VERSIONS_MAX - 1);
        memmove(&s->versions[gone], &s->versions[gone + 1],
                (VERSIONS_MAX - gone - 1) * sizeof(s->versions[0]));
        s->count--;
    }
    struct version *v = &s->versions[s->count];
    memcpy(v->data, s->count ? v[-1].data : s->safe, SECTOR);
    memcpy(v->data + from, data, n);
    v->lost = false;
    s->count++;
}

static void note_write(const uint8_t *data, size_t n, uint64_t at)
{
    REQUIRE(at + n <= BYTES);
    while (n > 0) {
        size_t from = at % SECTOR, part = SECTOR - from < n ? SECTOR - from : n;
        note_sector(&disk.sectors[at / SECTOR], data, from, part);
        data += part;
        at += part;
        n -= part;
    }
}

static void all_is_safe(void)
{
    for (size_t i = 0; i < SECTORS; i++) {
        struct sector *s = &disk.sectors[i];
        if (s->count == 0 || s->versions[s->count - 1].lost)
            continue;
        memcpy(s->safe, s->versions[s->count - 1].data, SECTOR);
        s->count = 0;
    }
}

static void all_is_lost(void)
{
    for (size_t i = 0; i < SECTORS; i++)
        for (size_t j = 0; j < disk.sectors[i].count; j++)
            disk.sectors[i].versions[j].lost = true;
}

typedef ssize_t writer(int fd, const struct iovec *v, int count, off_t at);
writer __real_pwritev, __wrap_pwritev, __real_pwritev64, __wrap_pwritev64;
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

static bool fails(void)
{
    if (!disk.may_fail || random_below(20))
        return false;
    disk.failures++;
    errno = EIO;
    return true;
}

/* At most MOST bytes of it, as one that fails may have written some. */
static ssize_t watched_write(writer *real, int fd, const struct iovec *v, int count, off_t at,
                             size_t most)
{
    ssize_t done = 0;
    for (int i = 0; i < count && most > 0; i++) {
        struct iovec part = {v[i].iov_base, v[i].iov_len < most ? v[i].iov_len : most};
        note_write(part.iov_base, part.iov_len, (uint64_t)(at + done));
        REQUIRE(real(fd, &part, 1, at + done) == (ssize_t)part.iov_len);
        done += (ssize_t)part.iov_len;
        most -= part.iov_len;
    }
    return done;
}

static ssize_t any_write(writer *real, int fd, const struct iovec *v, int count, off_t at)
{
    if (!disk.watched)
        return real(fd, v, count, at);
    lose_power_sometimes();
    bool failed = fails();
    ssize_t n = watched_write(real, fd, v, count, at, failed ? random_below(20000) : SIZE_MAX);
    lose_power_sometimes();
    errno = EIO;
    return failed ? -1 : n;
}

ssize_t __wrap_pwritev(int fd, const struct iovec *v, int count, off_t at)
{
    return any_write(__real_pwritev, fd, v, count, at);
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *v, int count, off_t at)
{
    return any_write(__real_pwritev64, fd, v, count, at);
}

int __wrap_fdatasync(int fd)
{
    if (!disk.watched)
        return __real_fdatasync(fd);
    lose_power_sometimes();
    if (fails()) {
        all_is_lost();
        lose_power_sometimes();
        errno = EIO;
        return -1;
    }
    all_is_safe();
    return 0;
}

/* From here on what is read comes from the disk: of what failed it has one thing or another. */
static void forget_pages(int fd)
{
    for (size_t i = 0; i < SECTORS; i++) {
        struct sector *s = &disk.sectors[i];
        if (s->count == 0)
            continue;
        REQUIRE(s->versions[s->count - 1].lost); /* else it is not forgotten */
        if (random_below(2))
            memcpy(s->safe, s->versions[random_below((uint32_t)s->count)].data, SECTOR);
        s->count = 0;
        REQUIRE(pwrite(fd, s->safe, SECTOR, (off_t)i * SECTOR) == SECTOR);
    }
}

int __wrap_posix_fadvise(int fd, off_t at, off_t n, int advice);
int __wrap_posix_fadvise64(int fd, off_t at, off_t n, int advice);

int __wrap_posix_fadvise(int fd, off_t at, off_t n, int advice)
{
    REQUIRE(at == 0 && n == 0 && advice == POSIX_FADV_DONTNEED);
    if (disk.watched)
        forget_pages(fd);
    return 0;
}

int __wrap_posix_fadvise64(int fd, off_t at, off_t n, int advice)
{
    return __wrap_posix_fadvise(fd, at, n, advice);
}

/* --- what is to be there --- */

enum element_kind { GROUP, VOID };

/* What was appended in this life, in order; [0] is its beginning. */
struct element {
    enum element_kind kind;
    size_t first; /* void: it stands for what failed from here on */
    uint64_t id, span, before, last;
    struct journal_place place; /* of a group, once its write has returned */
    bool usable;                /* and it has not failed: the log may have it */
};

static struct {
    enum store_sync sync;
    uint64_t next_id; /* never used again in any life */
    size_t count;
    struct element elements[ELEMENTS_MAX];
    size_t written; /* it, and all before it, are there if the process alone dies */
    size_t certain; /* they have been synced */
    bool tainted;   /* a sync has failed that nothing made good: no more is certain */
    size_t applied; /* the log has it, durably */
    bool begun;
} model;

static char *dir, *other_dir; /* of the journal, and of images that are looked at */
static struct journal *journal;

/* What is visited is checked at once: TOLD is the last of the model's elements that was. */
struct check {
    size_t told;
    struct journal_place place; /* of it */
    uint64_t last;
    bool damaged;
};

static bool follows(const struct element *e, size_t index, const struct check *c)
{
    size_t first = e->kind == VOID ? e->first : index;
    return c->damaged ? first > c->told : first == c->told + 1;
}

static bool is_element(const struct journal_entry *e, const struct element *x)
{
    if (e->found == JOURNAL_VOID)
        return x->kind == VOID && e->before == x->before && e->place.last == x->last;
    return x->kind == GROUP && is_group(e->group, e->n, x->id, x->span) && e->before == x->before &&
           e->place.last == x->last;
}

static size_t find_element(const struct journal_entry *e)
{
    size_t i = model.count;
    while (i > 0 && !is_element(e, &model.elements[i - 1]))
        i--;
    REQUIRE(i > 0);
    return i - 1;
}

static enum err visit(void *ctx, const struct journal_entry *e)
{
    struct check *c = ctx;
    REQUIRE(e->before == c->last);
    c->last = e->place.last;
    if (e->found == JOURNAL_DAMAGED) {
        REQUIRE(model.tainted && c->told >= model.certain);
        c->damaged = true;
        disk.damages++;
        return ERR_OK;
    }
    size_t i = find_element(e);
    REQUIRE(follows(&model.elements[i], i, c));
    disk.voids += e->found == JOURNAL_VOID;
    c->told = i;
    c->place = e->place;
    c->damaged = false;
    return ERR_OK;
}

/* WHOLE: the process alone has died, and nothing is missing. */
static struct check check_reading(struct journal *j, bool whole)
{
    const struct element *from = &model.elements[model.applied];
    struct check c = {.told = model.applied, .place = from->place, .last = from->last};
    enum err e = journal_read(j, &from->place, visit, &c);
    if (e == ERR_NOT_FOUND)
        REQUIRE(model.applied > model.certain && !whole);
    else
        REQUIRE(e == ERR_OK);
    REQUIRE(c.told >= (whole ? model.written : model.certain) || (!whole && e == ERR_NOT_FOUND));
    if (c.told + 1 == model.count)
        disk.ends_kept++;
    else
        disk.ends_lost++;
    return c;
}

/* --- images --- */

static uint8_t image[BYTES];

static const uint8_t *any_version(const struct sector *s, unsigned odds)
{
    if (s->count && random_below(8) < odds)
        return s->versions[random_below(2) ? s->count - 1 : random_below((uint32_t)s->count)].data;
    return s->safe;
}

/* ODDS of 8: how much has reached the disk. */
static void make_sector(uint8_t *out, const struct sector *s, unsigned odds)
{
    memcpy(out, any_version(s, odds), SECTOR);
    if (s->count == 0)
        return;
    switch (random_below(12)) {
    case 0: { /* torn */
        size_t at = random_below(SECTOR);
        memcpy(out + at, any_version(s, odds) + at, SECTOR - at);
        break;
    }
    case 1: /* damaged */
        for (size_t i = 0; i < SECTOR; i++)
            out[i] = (uint8_t)random_below(256);
        break;
    }
}

static void make_image(bool whole)
{
    static const unsigned odds[] = {0, 1, 4, 7, 8, 8};
    unsigned chosen = odds[random_below(6)];
    for (size_t i = 0; i < SECTORS; i++) {
        const struct sector *s = &disk.sectors[i];
        if (whole)
            memcpy(image + i * SECTOR, s->count ? s->versions[s->count - 1].data : s->safe, SECTOR);
        else
            make_sector(image + i * SECTOR, s, chosen);
    }
}

static void write_file(const char *in)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/" JOURNAL_FILE, in);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, image, BYTES) == BYTES);
    close(fd);
}

static struct journal *open_in(const char *in)
{
    struct journal *j;
    struct journal_options o = {.dir = in, .log = LOG, .sync = model.sync};
    REQUIRE(journal_open(&o, &j) == ERR_OK);
    return j;
}

static void lose_power(void)
{
    bool whole = random_below(6) == 0;
    disk.watched = false;
    make_image(whole);
    write_file(other_dir);
    struct journal *j = open_in(other_dir);
    check_reading(j, whole);
    journal_close(j);
    disk.watched = true;
    disk.images++;
}

/* Until the run has begun, the log says that the journal has nothing. */
static void lose_power_sometimes(void)
{
    if (model.begun && random_below(6) == 0)
        lose_power();
}

/* --- a life --- */

static struct element *add(enum element_kind kind)
{
    REQUIRE(model.count < ELEMENTS_MAX);
    struct element *e = &model.elements[model.count++];
    *e = (struct element){.kind = kind, .id = model.next_id++};
    return e;
}

static void all_is_certain(void)
{
    if (!model.tainted)
        model.certain = model.count - 1;
}

/* All since FIRST has failed. */
static void mend(size_t first)
{
    for (size_t i = first; i < model.count; i++)
        model.elements[i].usable = false;
    struct element *e = add(VOID);
    e->first = first;
    e->before = model.elements[first - 1].last;
    e->last = e[-1].last;
    enum err result;
    REQUIRE(journal_has_failed(journal));
    model.written = first - 1;
    while ((result = journal_mend(journal)) != ERR_OK) {
        REQUIRE(result == ERR_IO);
        model.tainted = model.sync != STORE_SYNC_ALWAYS; /* it may have been the sync */
        lose_power_sometimes();
        disk.may_fail = random_below(2);
    }
    model.written = model.count - 1;
    all_is_certain();
}

static void sync_all(void)
{
    if (journal_sync(journal) == ERR_OK)
        all_is_certain();
    else if (journal_has_failed(journal))
        mend(model.certain + 1);
    else
        model.tainted = true;
}

static void append(void)
{
    size_t n, index = model.count;
    uint64_t before = journal_last(journal);
    struct element *e = add(GROUP);
    e->span = random_below(4);
    e->before = before;
    e->last = before + e->span + random_below(3);
    size_t size = random_below(random_below(6) ? 600 : random_below(4) ? 20000 : 150000);
    const void *group = make_group(e->id, size, e->span, &n);
    enum err result = journal_write(journal, group, n, e->last, &e->place);
    if (result == ERR_AGAIN) {
        model.count--;
        return;
    }
    e->usable = result == ERR_OK;
    if (e->usable)
        model.written = index;
    if (result != ERR_OK)
        mend(model.sync == STORE_SYNC_ALWAYS ? model.certain + 1 : index);
}

/* The log takes all up to some group, which are certain if the policy is `always`; a little later
 * the journal is told so. */
static void apply(void)
{
    size_t last = model.sync == STORE_SYNC_ALWAYS ? model.certain : model.count - 1;
    if (last == model.applied)
        return;
    size_t i = model.applied + 1 + random_below((uint32_t)(last - model.applied));
    while (i > model.applied && !model.elements[i].usable)
        i--;
    model.applied = i;
    lose_power_sometimes();
    journal_release(journal, &model.elements[i].place);
}

static void step(void)
{
    disk.may_fail = random_below(3) == 0;
    switch (random_below(8)) {
    case 0:
    case 1:
        apply();
        break;
    case 2:
    case 3:
    case 4:
        sync_all();
        break;
    default:
        append();
        break;
    }
    lose_power_sometimes();
}

/* What is applied by now is void from here on. */
static void begin(void)
{
    struct element *first = &model.elements[0];
    model.begun = false;
    disk.may_fail = false;
    *first = (struct element){.kind = GROUP, .last = 1 + random_below(1000), .usable = true};
    REQUIRE(journal_begin(journal, EPOCH, first->last, &first->place) == ERR_OK);
    model.count = 1;
    model.written = model.certain = model.applied = 0;
    model.tainted = false;
    model.begun = true;
}

/* What the disk has is the file now, and nothing is on its way there. */
static void reboot(void)
{
    make_image(random_below(4) == 0);
    write_file(dir);
    for (size_t i = 0; i < SECTORS; i++) {
        memcpy(disk.sectors[i].safe, image + i * SECTOR, SECTOR);
        disk.sectors[i].count = 0;
    }
    model.written = model.certain;
}

/* The log has taken all that was found; then the power goes once more. */
static void take_all(const struct check *c)
{
    model.elements[c->told].place = c->place;
    model.applied = model.written = model.certain = c->told;
    for (size_t i = 0; i < 4; i++)
        lose_power();
}

/* Machine or process end; the next life begins with what the log takes from the journal. */
static void die(void)
{
    journal_close(journal);
    if (random_below(2))
        reboot();
    journal = open_in(dir);
    disk.may_fail = false;
    struct check c = check_reading(journal, false);
    if (model.sync == STORE_SYNC_ALWAYS)
        take_all(&c);
}

static void make_journal(void)
{
    struct journal_options o = {.dir = dir, .log = LOG, .sync = model.sync};
    char path[4096];
    REQUIRE(journal_create(&o, BYTES, &journal) == ERR_OK);
    snprintf(path, sizeof(path), "%s/" JOURNAL_FILE, dir);
    int fd = open(path, O_RDONLY);
    REQUIRE(read(fd, image, BYTES) == BYTES);
    close(fd);
    for (size_t i = 0; i < SECTORS; i++)
        memcpy(disk.sectors[i].safe, image + i * SECTOR, SECTOR);
}

static size_t lives(void)
{
    const char *text = getenv("LONGWIRE_LIVES");
    return text ? strtoul(text, NULL, 10) : LIVES;
}

START_TEST(what_was_synced_is_there_and_nothing_else)
{
    model.sync = _i ? STORE_SYNC_INTERVAL : STORE_SYNC_ALWAYS;
    dir = make_dir();
    other_dir = make_dir();
    disk.sectors = calloc(SECTORS, sizeof(*disk.sectors));
    REQUIRE(disk.sectors);
    make_journal();
    disk.watched = true;
    for (size_t life = 0; life < lives(); life++) {
        begin();
        for (size_t i = 0; i < STEPS; i++)
            step();
        die();
    }
    printf("%zu images, %zu with all that was appended, %zu failures, %zu voids, %zu damages\n",
           disk.images, disk.ends_kept, disk.failures, disk.voids, disk.damages);
    ck_assert_uint_gt(disk.images, lives() * STEPS / 8);
    ck_assert_uint_gt(disk.ends_kept, 0);
    ck_assert_uint_gt(disk.ends_lost, 0);
    ck_assert_uint_gt(disk.voids, 0);
    journal_close(journal);
    remove_dir(dir);
    remove_dir(other_dir);
    free(disk.sectors);
    end_groups();
}
END_TEST

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0); /* thousands of files */
    random_seed();
    Suite *suite = suite_create("journal_power");
    TCase *t = tcase_create("power");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, what_was_synced_is_there_and_nothing_else, 0, 2);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
