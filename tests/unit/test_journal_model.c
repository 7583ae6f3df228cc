/*
 * A log with a journal against a model, through random operations, in processes that end at random
 * writes and syncs, and in their middle.
 *
 * A child does the operations of a seed, one after the other, and tells which it has done in memory
 * that it shares; it ends, without a word, at the system call that the seed says. The next child
 * opens what is left, and finds all that was done, and of the operation that was under way all or
 * nothing; then it goes on. The model is made anew in each child: operations follow from the seed.
 *
 * LONGWIRE_TEST_SEEDS=N: so many seeds; LONGWIRE_TEST_SEED=N: the first of them;
 * LONGWIRE_TEST_STEPS=N: operations for each.
 */
#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/store_fixture.h"

enum {
    TOPICS = 9,
    STEPS = 2000,
    SEEDS = 100,
    RECORDS_MAX = 60000,
    BATCH_MAX = 4,
    CALLS_MAX = 900, /* of which one is a child's last */
    JOURNAL_BYTES = 1 << 20,
    CRASHED = 77, /* a child's exit status */
};

/* What children leave for the next one. */
static struct shared {
    uint64_t done; /* operations */
    uint64_t children;
    uint32_t epoch;
} * shared;

/* --- chance: one row of numbers for operations, one for crashes --- */

static uint64_t step_chance, crash_chance;

static uint64_t draw(uint64_t *chance, uint64_t below)
{
    *chance ^= *chance << 13;
    *chance ^= *chance >> 7;
    *chance ^= *chance << 17;
    return *chance % below;
}

static uint64_t begin_chance(uint64_t seed)
{
    return seed * 2654435761u + 88172645463325252u;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* --- the calls by which anything reaches a file: one of them is the last --- */

static _Atomic int calls_left; /* 0: it never ends */

static bool is_last(void)
{
    return calls_left > 0 && --calls_left == 0;
}

static void end_here(void)
{
    _exit(CRASHED);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Flags for large files make "pwrite" another function's name than the one that LMDB calls. */
ssize_t pwrite_last(int fd, const void *data, size_t n, off_t offset) __asm__("pwrite");
ssize_t pwritev_last(int fd, const struct iovec *v, int count, off_t offset) __asm__("pwritev64");

ssize_t pwrite_last(int fd, const void *data, size_t n, off_t offset)
{
    if (!is_last())
        return REAL(pwrite)(fd, data, n, offset);
    (void)!REAL(pwrite)(fd, data, n / 2, offset);
    end_here();
    return -1;
}

/* As LMDB uses it: from where the file stands. */
ssize_t writev(int fd, const struct iovec *v, int count)
{
    if (!is_last())
        return REAL(writev)(fd, v, count);
    (void)!REAL(writev)(fd, v, count / 2);
    end_here();
    return -1;
}

/* As the journal does. */
ssize_t pwritev_last(int fd, const struct iovec *v, int count, off_t offset)
{
    if (!is_last())
        return REAL(pwritev64)(fd, v, count, offset);
    struct iovec half = {v[0].iov_base, v[0].iov_len / 2};
    (void)!REAL(pwritev64)(fd, &half, 1, offset);
    end_here();
    return -1;
}

/* Children die, the machine does not: nothing has to be waited for. */
int fdatasync(int fd)
{
    (void)fd;
    if (is_last())
        end_here();
    return 0;
}

int fsync(int fd)
{
    return fdatasync(fd);
}

/* --- the model --- */

static struct {
    size_t count;
    struct {
        uint64_t offset;
        uint32_t topic;
    } records[RECORDS_MAX];
    uint64_t head;
    uint64_t floor[TOPICS + 1], last[TOPICS + 1];
} model;

static char *dir;
static struct store *store;
static struct store_state state;
static struct store_reader *reader;

static size_t model_remove(uint32_t topic, uint64_t upto, size_t max)
{
    size_t kept = 0, removed = 0;
    for (size_t i = 0; i < model.count; i++)
        if (removed < max && model.records[i].offset <= upto &&
            (topic == 0 || model.records[i].topic == topic)) {
            if (model.records[i].offset > model.floor[model.records[i].topic])
                model.floor[model.records[i].topic] = model.records[i].offset;
            removed++;
        } else {
            model.records[kept++] = model.records[i];
        }
    model.count = kept;
    return removed;
}

/* Each operation changes the model, and the store, when there is one. */

static void append(bool real)
{
    static uint64_t offsets[BATCH_MAX];
    struct store_record records[BATCH_MAX];
    size_t n = 1 + draw(&step_chance, BATCH_MAX);
    if (model.count + n > RECORDS_MAX)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        model.head += 1 + (draw(&step_chance, 20) == 0 ? draw(&step_chance, 3000) : 0);
        uint32_t topic = 1 + (uint32_t)draw(&step_chance, TOPICS);
        offsets[i] = model.head;
        records[i] = (struct store_record){.offset = model.head,
                                           .time_ms = model.head,
                                           .topic_id = topic,
                                           .payload = (const char *)&offsets[i],
                                           .payload_len = sizeof(offsets[i])};
        model.records[model.count].offset = model.head;
        model.records[model.count++].topic = topic;
        model.last[topic] = model.head;
    }
    struct store_batch b = {.records = records, .record_count = n};
    if (real && n)
        REQUIRE(store_append(store, &b) == ERR_OK);
}

static void reserve(bool real)
{
    struct store_batch b = {.reserve = model.head + 1 + draw(&step_chance, 500)};
    if (real)
        REQUIRE(store_append(store, &b) == ERR_OK);
    model.head = b.reserve; /* as it is after a crash: operations do not depend on that */
}

static void purge(bool real)
{
    uint32_t topic = 1 + (uint32_t)draw(&step_chance, TOPICS);
    uint64_t upto = model.head - draw(&step_chance, model.head / 2 + 1);
    bool done = false;
    if (upto > model.last[topic])
        upto = model.last[topic];
    model_remove(topic, upto, SIZE_MAX);
    if (upto > model.floor[topic])
        model.floor[topic] = upto;
    while (real && !done) {
        struct store_removal r = {.max = SIZE_MAX};
        REQUIRE(store_purge(store, topic, upto, &r) == ERR_OK);
        done = r.done;
    }
}

static void trim(bool real)
{
    size_t max = 1 + draw(&step_chance, 60);
    uint64_t at = 0;
    model_remove(0, UINT64_MAX, max);
    struct store_removal r = {.max = max};
    if (real)
        REQUIRE(store_trim(store, &at, UINT64_MAX, &r) == ERR_OK);
}

static void drop_reader(void)
{
    store_reader_destroy(reader);
    reader = NULL;
}

static void open_log(void)
{
    struct store_options o = {.path = dir,
                              .sync = STORE_SYNC_ALWAYS,
                              .map_bytes = UINT64_C(1) << 28,
                              .readers_max = 2,
                              .journal_bytes = JOURNAL_BYTES,
                              .apply_ms = 1 + draw(&crash_chance, 20)};
    REQUIRE(store_open(&o, &store, &state) == ERR_OK);
    REQUIRE(store_reader_create(store, &reader) == ERR_OK);
}

static void reopen(bool real)
{
    if (!real)
        return;
    drop_reader();
    store_close(store, model.head, true);
    open_log();
    REQUIRE(state.clean);
}

static void operate(bool real)
{
    switch (draw(&step_chance, 400)) {
    case 0:
        purge(real);
        break;
    case 1:
    case 2:
        trim(real);
        break;
    case 3:
        reopen(real);
        break;
    case 4:
    case 5:
    case 6:
        reserve(real);
        break;
    default:
        append(real);
        break;
    }
}

/* --- comparing --- */

static bool is_equal(void)
{
    static struct found found;
    bool reverse = draw(&crash_chance, 2);
    memset(&found, 0, sizeof(found));
    read_all(reader, (struct store_query){.until = UINT64_MAX - 1, .reverse = reverse}, &found);
    if (found.count != model.count)
        return false;
    for (size_t i = 0; i < found.count; i++) {
        size_t at = reverse ? found.count - 1 - i : i;
        if (found.offsets[i] != model.records[at].offset ||
            found.topics[i] != model.records[at].topic)
            return false;
    }
    for (uint32_t id = 1; id <= TOPICS; id++) {
        struct store_topic t = topic_row(store, id);
        if (t.last != model.last[id] || t.floor != model.floor[id])
            return false;
    }
    return true;
}

static void check_topics_at_random(void)
{
    static struct found found;
    uint32_t topic = 1 + (uint32_t)draw(&crash_chance, TOPICS);
    struct store_query q = {.until = UINT64_MAX - 1,
                            .topics = &topic,
                            .topic_count = 1,
                            .reverse = draw(&crash_chance, 2),
                            .max_scan = 1 + draw(&crash_chance, 2000)};
    size_t n = 0;
    memset(&found, 0, sizeof(found));
    read_all(reader, q, &found);
    for (size_t i = 0; i < model.count; i++)
        n += model.records[i].topic == topic;
    REQUIRE(found.count == n);
}

/* --- one child --- */

/* Brings the model to where the one before ended; what that had begun may be there. */
static void find_place(void)
{
    for (uint64_t i = 0; i < shared->done; i++)
        operate(false);
    if (shared->children == 1)
        return;
    REQUIRE(state.epoch == shared->epoch);
    if (!is_equal()) {
        operate(false);
        shared->done++;
        REQUIRE(is_equal());
    }
    REQUIRE(state.head >= model.head);
}

static void run_child(uint64_t seed, uint64_t steps)
{
    shared->children++;
    step_chance = begin_chance(seed);
    crash_chance = begin_chance(seed * 1000003 + shared->children);
    memset(&model, 0, sizeof(model));
    open_log();
    if (state.topic_id_last == 0)
        add_topics(store, 1, TOPICS);
    find_place();
    shared->epoch = state.epoch;
    calls_left = 1 + (int)draw(&crash_chance, CALLS_MAX);
    while (shared->done < steps) {
        operate(true);
        shared->done++;
        if (draw(&crash_chance, 50) == 0)
            check_topics_at_random();
    }
    calls_left = 0;
    REQUIRE(is_equal());
    drop_reader();
    store_close(store, model.head, true);
}

static void run_seed(uint64_t seed, uint64_t steps)
{
    memset(shared, 0, sizeof(*shared));
    dir = make_dir();
    int how = CRASHED;
    while (how == CRASHED) {
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            run_child(seed, steps);
            _exit(0);
        }
        int status;
        REQUIRE(waitpid(child, &status, 0) == child);
        how = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    if (how != 0)
        ck_abort_msg("seed %llu (LONGWIRE_TEST_SEED) fails at operation %llu of child %llu",
                     (unsigned long long)seed, (unsigned long long)shared->done,
                     (unsigned long long)shared->children);
    remove_dir(dir);
}

START_TEST(nothing_done_is_lost)
{
    uint64_t first = number_from("LONGWIRE_TEST_SEED", 1), crashes = 0;
    uint64_t seeds = number_from("LONGWIRE_TEST_SEEDS", SEEDS);
    if (getenv("LONGWIRE_TEST_SEED") && !getenv("LONGWIRE_TEST_SEEDS"))
        seeds = 1;
    uint64_t steps = number_from("LONGWIRE_TEST_STEPS", STEPS);
    log_set_level(LOG_ERROR);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        run_seed(seed, steps);
        crashes += shared->children - 1;
    }
    printf("%llu crashes\n", (unsigned long long)crashes);
    munmap(shared, sizeof(*shared));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_model");
    TCase *t = tcase_create("crashes");
    tcase_set_timeout(t, 3600);
    tcase_add_test(t, nothing_done_is_lost);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
