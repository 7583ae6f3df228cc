/*
 * Opening the durable log: the lock, the environment, the format check, what an unclean stop left
 * behind, and whether a new epoch has to be drawn.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lmdb_cursor.h"
#include "storage/record.h"
#include "storage/store.h"
#include "storage/store_lmdb.h"

enum {
    DATABASES_MAX = 8, /* DB_COUNT and room for later formats */
    READERS_SPARE = 4, /* besides the caller's: the store's own, a backup, and outside tools */
    MAP_BYTES_MIN = 1 << 20,
    FILE_MODE = 0600,
    DIRECTORY_MODE = 0700,
    VERSION_WITH_KEYS = 2,
};

/* The name of each database and how its keys compare. */
static const struct {
    const char *name;
    unsigned flags;
} databases[DB_COUNT] = {
    [DB_META] = {"meta", 0},
    [DB_TOPICS] = {"topics", MDB_INTEGERKEY},
    [DB_LOG] = {"log", MDB_INTEGERKEY},
    [DB_INDEX] = {"index", MDB_INTEGERKEY},
    [DB_GROUPS] = {"groups", MDB_INTEGERKEY},
    [DB_KEYS] = {"keys", MDB_INTEGERKEY},
};

static void read_boot_id(char id[BOOT_ID_SIZE])
{
    memset(id, 0, BOOT_ID_SIZE);
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!f)
        return;
    if (!fgets(id, BOOT_ID_SIZE, f))
        memset(id, 0, BOOT_ID_SIZE);
    id[strcspn(id, "\n")] = '\0';
    fclose(f);
}

/* Whoever began to copy a log to PATH will want to begin anew; an empty log made there instead
 * would be taken for what he wanted. */
static enum err check_unfinished(const char *path)
{
    char data[PATH_MAX], part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof(part), "%s/%s", path, LMDB_PART_FILE) >= sizeof(part))
        return ERR_TOO_LARGE;
    snprintf(data, sizeof(data), "%s/%s", path, LMDB_DATA_FILE);
    return access(part, F_OK) == 0 && access(data, F_OK) != 0 ? ERR_UNFINISHED : ERR_OK;
}

/* One lock of our own beside LMDB's: that one lets many processes write, this log has one owner. It
 * goes with the process, however that ends. */
static enum err take_lock(struct lmdb_store *s, const char *path)
{
    char name[PATH_MAX];
    if (mkdir(path, DIRECTORY_MODE) && errno != EEXIST)
        return lmdb_err(errno);
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_LOCK_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (s->lock_fd < 0)
        return errno == ENOTDIR ? ERR_FORMAT : lmdb_err(errno);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? ERR_LOCKED : lmdb_err(errno);
    return ERR_OK;
}

/* How LMDB begins a file, before the first commit: a page with a header. */
struct first_page {
    uint64_t number;
    uint16_t pad, flags, lower, upper;
    uint32_t magic;
    uint32_t rest[31];
    uint64_t commits; /* of the header: 0 when it is new */
};
_Static_assert(sizeof(struct first_page) == 152, "no padding");

/*
 * Whether the N bytes from a file of SIZE bytes are the beginning of a new one: of a first start
 * that was killed, or found the disk full, or when the machine went down. Nothing has ever been
 * committed to a file that is no longer than its two headers.
 */
static bool is_stub(const struct first_page *page, size_t n, off_t size)
{
    static const struct first_page blank, made = {.flags = 8, .magic = 0xBEEFC0DE};
    size_t begin = offsetof(struct first_page, rest);
    if (size > 2 * sysconf(_SC_PAGESIZE))
        return false;
    return memcmp(page, &blank, n) == 0 || (memcmp(page, &made, n < begin ? n : begin) == 0 &&
                                            (n < sizeof(*page) || page->commits == 0));
}

/* Whether the log's file NAME is one; what else may be wrong with it, its opening finds. */
static bool has_stub(const char *name)
{
    struct first_page page;
    struct stat st;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, &page, sizeof(page));
    bool stub = n >= 0 && fstat(fd, &st) == 0 && is_stub(&page, (size_t)n, st.st_size);
    close(fd);
    return stub;
}

/* A stub would be refused for ever: LMDB makes it anew. But where there has been a log, it is what
 * is left of that: nothing is made in its place unasked. */
static enum err drop_stub(const char *path, bool marked)
{
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_DATA_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    bool stub = has_stub(name), missing = access(name, F_OK) != 0 && errno == ENOENT;
    if (marked && (stub || missing)) {
        lmdb_wrong("it is %s, although a log has been there (" LMDB_LOCK_FILE
                   " says so: remove that to begin a new one)",
                   missing ? "missing" : "empty");
        return ERR_CORRUPT;
    }
    return stub && unlink(name) ? lmdb_err(errno) : ERR_OK;
}

/* LMDB maps its table of readers, and does not see to it that there is disk space behind it: on a
 * full disk, the first write to it would end the process (SIGBUS). */
static enum err take_table_space(const struct store_options *o)
{
    enum { READER_BYTES = 64, READERS_MORE = 64 }; /* the table has a head, too */
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof(name), "%s/lock.mdb", o->path) >= sizeof(name))
        return ERR_TOO_LARGE;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return lmdb_err(errno);
    off_t n = (off_t)(o->readers_max + READERS_SPARE + READERS_MORE) * READER_BYTES;
    enum err e = fallocate(fd, 0, 0, n) ? lmdb_err(errno) : ERR_OK;
    close(fd);
    return e == ERR_NOSPACE ? e : ERR_OK; /* not every file system can do it */
}

static int open_env(struct lmdb_store *s)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t bytes = s->map_bytes > MAP_BYTES_MIN ? s->map_bytes : MAP_BYTES_MIN;
    int dead, rc = mdb_env_create(&s->env);
    if (!rc)
        rc = mdb_env_set_mapsize(s->env, bytes - bytes % page);
    if (!rc)
        rc = lmdb_guard_env(s->env, s->path);
    if (!rc)
        rc = mdb_env_set_maxdbs(s->env, DATABASES_MAX);
    if (!rc)
        rc = mdb_env_set_maxreaders(s->env, s->readers_max + READERS_SPARE);
    if (!rc)
        rc = mdb_env_open(s->env, s->path, MDB_NOTLS, FILE_MODE);
    if (!rc)
        rc = mdb_reader_check(s->env, &dead); /* of a killed process: they would keep old pages */
    return rc;
}

enum err lmdb_open_env(struct lmdb_store *s)
{
    int rc = open_env(s);
    if (rc && s->env) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    return lmdb_err(rc);
}

/* A file shorter than its own account of its pages would end in SIGBUS somewhere later. */
static enum err check_length(struct lmdb_store *s)
{
    MDB_envinfo info;
    MDB_stat st;
    struct stat file;
    int fd, rc = mdb_env_info(s->env, &info);
    if (!rc)
        rc = mdb_env_stat(s->env, &st);
    if (!rc)
        rc = mdb_env_get_fd(s->env, &fd);
    if (rc)
        return lmdb_err(rc);
    if (fstat(fd, &file))
        return lmdb_err(errno);
    s->page_size = st.ms_psize;
    s->taken = (size_t)file.st_size / s->page_size;
    if ((uint64_t)file.st_size >= (uint64_t)(info.me_last_pgno + 1) * st.ms_psize)
        return ERR_OK;
    lmdb_wrong("it is shorter than its pages");
    return ERR_CORRUPT;
}

/* Touches nothing, so that a foreign environment stays as it is. ERR_NOT_FOUND: an empty one. */
static enum err check_format(MDB_env *env, uint32_t *ret_version)
{
    MDB_txn *txn;
    MDB_dbi meta;
    MDB_stat st;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    enum err e = lmdb_err(mdb_env_stat(env, &st));
    if (!e && st.ms_entries == 0) {
        e = ERR_NOT_FOUND;
    } else if (!e) {
        rc = mdb_dbi_open(txn, databases[DB_META].name, databases[DB_META].flags, &meta);
        e = rc ? ERR_FORMAT : lmdb_get_format(txn, meta, ret_version);
        if (e == ERR_NOT_FOUND)
            e = ERR_FORMAT;
    }
    mdb_txn_abort(txn);
    return e;
}

int lmdb_open_databases(struct lmdb_store *s, MDB_txn *txn, unsigned flags)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < DB_COUNT; i++)
        rc = mdb_dbi_open(txn, databases[i].name, databases[i].flags | flags, &s->dbi[i]);
    return rc;
}

static enum err load_forgotten(struct lmdb_store *s, MDB_txn *txn)
{
    struct lmdb_forgotten forgotten;
    enum err e = lmdb_get_forgotten(txn, s->dbi[DB_META], &forgotten);
    if (e)
        return e;
    if (forgotten.last_id > s->base.catalog.last_id)
        s->base.catalog.last_id = forgotten.last_id;
    s->base.catalog.forgotten = forgotten.mark;
    return ERR_OK;
}

static enum err load_topics(struct lmdb_store *s, MDB_txn *txn)
{
    MDB_cursor *c;
    MDB_val key, value;
    int rc = mdb_cursor_open(txn, s->dbi[DB_TOPICS], &c);
    if (rc)
        return lmdb_err(rc);
    enum err e = ERR_OK;
    while (!e && !(rc = mdb_cursor_get(c, &key, &value, MDB_NEXT)))
        e = lmdb_load_topic(&s->base.catalog, &key, &value);
    mdb_cursor_close(c);
    return e || rc == MDB_NOTFOUND ? e : lmdb_err(rc);
}

/* A record behind the checkpoint: its topic may not have counted it yet. One that cannot be read
 * counts for the topic that it names, since most damage is in payloads; but it may be another's. */
static void recount_record(struct lmdb_store *s, uint64_t offset, const MDB_val *value)
{
    struct store_record r;
    if (record_decode(offset, value->mv_data, value->mv_size, &r)) {
        store_met_damage(&s->base, STORE_DAMAGE_RECORD, offset);
        s->unread_high = offset;
        if (!record_claims(value->mv_data, value->mv_size, &r.topic_id, &r.payload_len))
            return;
    }
    struct catalog_topic *t = catalog_find(&s->base.catalog, r.topic_id);
    if (!t || offset <= t->counted)
        return;
    catalog_appended(t, offset, r.payload_len);
    atomic_store_explicit(&t->newest, offset, memory_order_relaxed);
}

static int recount(struct lmdb_store *s, MDB_cursor *log)
{
    uint64_t offset = s->state.checkpoint + 1;
    MDB_val value;
    int rc = lmdb_cursor_step(log, &offset, &value, MDB_SET_RANGE);
    while (!rc) {
        recount_record(s, offset, &value);
        rc = lmdb_cursor_step(log, &offset, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* What the log's records say about where it stands. */
struct ends {
    uint64_t first, last; /* 0 = no record */
    uint64_t last_time_ms;
};

static int find_ends(MDB_cursor *log, struct ends *ret)
{
    struct store_record r;
    MDB_val value;
    *ret = (struct ends){0};
    int rc = lmdb_cursor_step(log, &ret->first, &value, MDB_FIRST);
    if (!rc)
        rc = lmdb_cursor_step(log, &ret->last, &value, MDB_LAST);
    for (uint64_t at = ret->last; !rc; rc = lmdb_cursor_step(log, &at, &value, MDB_PREV)) {
        if (record_decode(at, value.mv_data, value.mv_size, &r))
            continue;                  /* the last one that can be read tells the time */
        ret->last_time_ms = r.time_ms; /* as it says: the steps come on top */
        break;
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum err load_log(struct lmdb_store *s, MDB_txn *txn, struct ends *ret)
{
    MDB_cursor *log;
    int rc = mdb_cursor_open(txn, s->dbi[DB_LOG], &log);
    if (rc)
        return lmdb_err(rc);
    rc = recount(s, log);
    if (!rc)
        rc = find_ends(log, ret);
    mdb_cursor_close(log);
    return lmdb_err(rc);
}

/* Offsets that were used must not be used again, even when nothing of them is left. */
static uint64_t find_head(const struct lmdb_store *s, const struct ends *ends)
{
    uint64_t head = s->state.head > ends->last ? s->state.head : ends->last;
    if (s->base.catalog.forgotten > head)
        head = s->base.catalog.forgotten;
    struct id_walk all = catalog_walk(&s->base.catalog, 0);
    const struct catalog_topic *t;
    while ((t = id_walk_next(&all)))
        if (t->last > head)
            head = t->last;
    if (s->state.stop != STOP_CLEAN && s->state.mark > head)
        head = s->state.mark;
    return head;
}

/* Offsets were shown that may be lost: the machine went down under a policy that allows it, or this
 * is a copy whose original may have gone on. */
static bool needs_new_epoch(const struct lmdb_state *st, const char *boot_id)
{
    if (st->stop == STOP_COPIED)
        return true;
    bool same_boot = boot_id[0] && strcmp(st->boot_id, boot_id) == 0;
    return st->stop == STOP_UNCLEAN && st->sync != STORE_SYNC_ALWAYS && !same_boot;
}

static enum err change_epoch(struct lmdb_state *st)
{
    uint32_t epoch;
    enum err e = store_draw_epoch(st->epoch, &epoch);
    if (e)
        return e;
    memmove(&st->former[1], &st->former[0], sizeof(st->former) - sizeof(st->former[0]));
    st->former[0].epoch = st->epoch;
    st->former[0].zero = 0;
    st->former[0].last = st->certain;
    if (st->former_count < STORE_FORMER_MAX)
        st->former_count++;
    st->epoch = epoch;
    return ERR_OK;
}

static void tell_state(const struct lmdb_store *s, const struct ends *ends, bool clean,
                       struct store_state *ret)
{
    *ret = (struct store_state){
        .epoch = s->state.epoch,
        .head = s->base.last_offset,
        .first = ends->first ? ends->first : s->base.last_offset + 1,
        .last_time_ms = ends->last_time_ms,
        .clean = clean,
        .topic_id_last = s->base.catalog.last_id,
        .forgotten = s->base.catalog.forgotten,
        .former_count = s->state.former_count,
    };
    for (size_t i = 0; i < s->state.former_count; i++) {
        ret->former[i].epoch = s->state.former[i].epoch;
        ret->former[i].last = s->state.former[i].last;
    }
}

/* Everything found is on the disk by now, so all offsets up to the head are certain. */
static void take_over(const struct lmdb_store *s, struct lmdb_state *st, const char *boot_id)
{
    st->stop = STOP_UNCLEAN;
    st->complete = false;
    st->sync = (uint8_t)s->sync;
    st->head = s->base.last_offset;
    st->mark = s->base.last_offset;
    st->certain = s->base.last_offset;
    memset(st->boot_id, 0, sizeof(st->boot_id));
    memcpy(st->boot_id, boot_id, strnlen(boot_id, BOOT_ID_SIZE - 1));
}

/* What came with later versions: 2 has `keys`; from 3 on topics may be forgotten, and no older
 * program may see that. */
static enum err bring_up_to_date(struct lmdb_store *s, struct lmdb_write *w)
{
    enum err e = lmdb_err(lmdb_open_databases(s, w->txn, MDB_CREATE));
    return e ? e : lmdb_put_format(w->txn, s->dbi[DB_META]);
}

static enum err use_databases(struct lmdb_store *s, struct lmdb_write *w, uint32_t version)
{
    return version < LMDB_FORMAT_VERSION ? bring_up_to_date(s, w)
                                         : lmdb_err(lmdb_open_databases(s, w->txn, 0));
}

static enum err load_times(struct lmdb_store *s, MDB_txn *txn)
{
    struct times *t = NULL;
    enum err e = lmdb_get_times(txn, s->dbi[DB_META], &t);
    atomic_store_explicit(&s->base.times, t, memory_order_release);
    return e;
}

static uint64_t true_time(struct lmdb_store *s, uint64_t offset, uint64_t time_ms)
{
    struct store_record r = {.offset = offset, .time_ms = time_ms};
    store_true_time(&s->base, &r);
    return r.time_ms;
}

static enum err load_existing(struct lmdb_store *s, struct lmdb_write *w, uint32_t version,
                              const char *boot_id, struct ends *ret)
{
    enum err e = use_databases(s, w, version);
    if (!e)
        e = lmdb_get_state(w->txn, s->dbi[DB_META], &s->state);
    if (!e)
        e = load_times(s, w->txn);
    if (!e)
        e = load_topics(s, w->txn);
    if (!e)
        e = load_forgotten(s, w->txn);
    if (!e)
        e = load_log(s, w->txn, ret);
    if (e == ERR_CORRUPT || e == ERR_NOT_FOUND) {
        lmdb_wrong("its state, or the row of a topic, cannot be read");
        return ERR_CORRUPT;
    }
    if (e)
        return e;
    ret->last_time_ms = true_time(s, ret->last, ret->last_time_ms);
    s->base.last_offset = find_head(s, ret);
    s->base.last_time_ms = ret->last_time_ms;
    w->state = s->state;
    return needs_new_epoch(&s->state, boot_id) ? change_epoch(&w->state) : ERR_OK;
}

static enum err make_new(struct lmdb_store *s, struct lmdb_write *w)
{
    enum err e = lmdb_err(lmdb_open_databases(s, w->txn, MDB_CREATE));
    if (!e)
        e = lmdb_put_format(w->txn, s->dbi[DB_META]);
    if (!e)
        e = store_draw_epoch(0, &w->state.epoch);
    s->state.stop = STOP_CLEAN;
    s->state.complete = true;
    return e;
}

/* VERSION 0: there is no log yet. */
static enum err load_or_make(struct lmdb_store *s, struct lmdb_write *w, uint32_t version,
                             const char *boot_id, struct ends *ret)
{
    enum err e = version ? load_existing(s, w, version, boot_id, ret) : make_new(s, w);
    if (e)
        return e;
    take_over(s, &w->state, boot_id);
    return tail_load(s, w->txn);
}

static enum err commit_with_rows(struct lmdb_store *s, struct lmdb_write *w)
{
    enum err e = lmdb_write_all_rows(s, w);
    if (!e)
        return lmdb_write_commit(s, w);
    lmdb_write_abort(s, w);
    return e;
}

/* On a full disk there may be no room for the rows: what they lack is counted again next time. */
static enum err commit_without_rows(struct lmdb_store *s, uint32_t version,
                                    const struct lmdb_state *st)
{
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    w.state = *st;
    e = use_databases(s, &w, version); /* those of the other transaction went with it */
    if (!e)
        return lmdb_write_commit(s, &w);
    lmdb_write_abort(s, &w);
    return e;
}

/* One durable commit says that the log is in use, before anything is shown or appended. */
static enum err commit_start(struct lmdb_store *s, uint32_t version, const char *boot_id,
                             struct ends *ret, struct lmdb_state *ret_found)
{
    struct lmdb_write w;
    enum err e = lmdb_write_begin(s, &w);
    if (e)
        return e;
    e = load_or_make(s, &w, version, boot_id, ret);
    if (e) {
        lmdb_write_abort(s, &w);
        return e;
    }
    struct lmdb_state st = w.state;
    *ret_found = s->state;
    e = commit_with_rows(s, &w);
    return e == ERR_NOSPACE && version ? commit_without_rows(s, version, &st) : e;
}

static enum err start(struct lmdb_store *s, uint32_t version, const char *boot_id,
                      struct store_state *ret_state)
{
    struct ends ends = {0};
    struct lmdb_state found;
    enum err e = commit_start(s, version, boot_id, &ends, &found);
    if (e)
        return e;
    atomic_store_explicit(&s->base.committed, s->base.last_offset, memory_order_release);
    s->sweep_next = 1;
    s->sweep_start = s->base.last_offset;
    lmdb_take_spare(s);
    tell_state(s, &ends, found.stop == STOP_CLEAN, ret_state);
    ret_state->created = version == 0;
    ret_state->copied = found.stop == STOP_COPIED;
    ret_state->complete = found.stop == STOP_CLEAN && found.complete;
    return s->sync == STORE_SYNC_ALWAYS ? ERR_OK
                                        : lmdb_err(mdb_env_set_flags(s->env, MDB_NOSYNC, 1));
}

/* Makes the names in the directory durable; not every file system can be asked to. */
static enum err sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return lmdb_err(errno);
    int rc = fsync(fd) ? errno : 0;
    close(fd);
    return rc == EINVAL ? ERR_OK : lmdb_err(rc);
}

/* A new file could be lost as a whole when the machine goes down. Its directory may be new, too,
 * and who may not read that one's parent relies on the file system. */
static enum err sync_names(const char *path)
{
    char parent[PATH_MAX];
    if ((size_t)snprintf(parent, sizeof(parent), "%s/..", path) >= sizeof(parent))
        return ERR_TOO_LARGE;
    enum err e = sync_directory(parent);
    return e && e != ERR_ACCESS ? e : sync_directory(path);
}

static enum err open_all(struct lmdb_store *s, const struct store_options *o, const char *boot_id,
                         struct store_state *ret_state)
{
    struct pages_header header = {0};
    enum err e = check_unfinished(o->path);
    if (!e)
        e = take_lock(s, o->path);
    bool marked = lmdb_is_marked(s->lock_fd);
    if (!e)
        e = drop_stub(o->path, marked);
    if (!e)
        e = take_table_space(o);
    if (!e)
        e = lmdb_check_file(o->path, PAGES_SHALLOW, marked, &header);
    if (!e)
        e = lmdb_open_env(s);
    if (!e)
        e = check_length(s);
    if (e)
        return e;
    uint32_t version = 0;
    e = check_format(s->env, &version);
    if (e == ERR_OK)
        e = lmdb_check_rest(s, &header);
    if (e && e != ERR_NOT_FOUND)
        return e;
    /* What a killed user committed without fsync becomes certain here. */
    e = lmdb_err(mdb_env_sync(s->env, 1));
    if (!e && version == 0)
        e = sync_names(o->path);
    return e ? e : start(s, version, boot_id, ret_state);
}

/* The store waits only for readers that are in, not for all that come. */
static void init_locks(struct lmdb_store *s)
{
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&s->env_lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    pthread_mutex_init(&s->list_lock, NULL);
}

enum err store_lmdb_open_booted(const struct store_options *o, const char *boot_id,
                                struct store **ret, struct store_state *ret_state)
{
    struct lmdb_store *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    store_init(&s->base, &lmdb_ops);
    init_locks(s);
    s->lock_fd = -1;
    atomic_store_explicit(&s->open.block, UINT64_MAX, memory_order_relaxed);
    s->sync = o->sync;
    s->map_bytes = o->map_bytes;
    s->readers_max = o->readers_max;
    s->path = strdup(o->path);
    snprintf(s->boot_id, sizeof(s->boot_id), "%s", boot_id);
    lmdb_wrong("%s", "");
    lmdb_guard_enter();
    enum err e = s->path ? open_all(s, o, boot_id, ret_state) : ERR_NOMEM;
    lmdb_guard_leave();
    if (e) {
        lmdb_destroy(s);
        return e;
    }
    lmdb_mark_directory(s);
    *ret = &s->base;
    return ERR_OK;
}

enum err store_lmdb_open(const struct store_options *o, struct store **ret,
                         struct store_state *ret_state)
{
    char boot_id[BOOT_ID_SIZE];
    read_boot_id(boot_id);
    return store_lmdb_open_booted(o, boot_id, ret, ret_state);
}

/* --- closed logs, for looking at --- */

/* Keeps hubs out. A directory that no hub ever had has no lock to take, and gets none. */
static enum err share_lock(struct lmdb_store *s, const char *path)
{
    char name[PATH_MAX];
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_LOCK_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    s->lock_fd = open(name, O_RDONLY | O_CLOEXEC);
    if (s->lock_fd < 0)
        return errno == ENOENT ? ERR_OK : errno == ENOTDIR ? ERR_NOT_FOUND : lmdb_err(errno);
    if (flock(s->lock_fd, LOCK_SH | LOCK_NB))
        return errno == EWOULDBLOCK ? ERR_LOCKED : lmdb_err(errno);
    return ERR_OK;
}

static enum err open_env_closed(struct lmdb_store *s, const char *path)
{
    int rc = mdb_env_create(&s->env);
    if (!rc)
        rc = lmdb_guard_env(s->env, path);
    if (!rc)
        rc = mdb_env_set_maxdbs(s->env, DATABASES_MAX);
    if (!rc)
        rc = mdb_env_open(s->env, path, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, FILE_MODE);
    return lmdb_err(rc);
}

/* An old log is taken as it is: what came with later versions is not there. */
static enum err open_databases_closed(struct lmdb_store *s, uint32_t version)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return lmdb_err(rc);
    rc = lmdb_open_databases(s, txn, 0);
    if (rc == MDB_NOTFOUND && version < VERSION_WITH_KEYS && s->dbi[DB_KEYS] == 0)
        rc = 0;
    if (!rc)
        return lmdb_err(mdb_txn_commit(txn)); /* or the handles would go with it */
    mdb_txn_abort(txn);
    return lmdb_err(rc);
}

/* A first start that came to nothing has left no log. */
static enum err find_data(const char *path, bool marked)
{
    char name[PATH_MAX];
    struct stat st;
    enum err e = check_unfinished(path);
    if (e)
        return e;
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, LMDB_DATA_FILE) >= sizeof(name))
        return ERR_TOO_LARGE;
    if (stat(name, &st) && errno != ENOENT)
        return errno == ENOTDIR ? ERR_NOT_FOUND : lmdb_err(errno);
    if (marked)
        return drop_stub(path, true);
    if (access(name, F_OK))
        return ERR_NOT_FOUND;
    return S_ISREG(st.st_mode) && !has_stub(name) ? ERR_OK : ERR_NOT_FOUND;
}

/* A damaged row is what a check of the log tells. */
static enum err load_times_closed(struct lmdb_store *s)
{
    MDB_txn *txn;
    enum err e = lmdb_err(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn));
    if (e)
        return e;
    e = load_times(s, txn);
    mdb_txn_abort(txn);
    return e == ERR_NOMEM ? e : ERR_OK;
}

static enum err open_closed(struct lmdb_store *s, const char *path)
{
    uint32_t version;
    struct pages_header header;
    enum err e = share_lock(s, path);
    bool marked = lmdb_is_marked(s->lock_fd);
    if (!e)
        e = find_data(path, marked);
    if (!e)
        e = lmdb_check_file(path, PAGES_ALL, marked, &header);
    if (!e)
        e = open_env_closed(s, path);
    if (!e)
        e = check_length(s);
    if (!e)
        e = check_format(s->env, &version);
    if (!e)
        e = open_databases_closed(s, version);
    return e ? e : load_times_closed(s);
}

enum err store_lmdb_open_closed(const char *path, struct store **ret)
{
    struct lmdb_store *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    store_init(&s->base, &lmdb_closed_ops);
    init_locks(s);
    s->lock_fd = -1;
    s->closed = true;
    s->base.damage.quiet = true;
    read_boot_id(s->boot_id);
    lmdb_wrong("%s", "");
    lmdb_guard_enter();
    enum err e = open_closed(s, path);
    lmdb_guard_leave();
    if (e) {
        lmdb_destroy(s);
        return e;
    }
    *ret = &s->base;
    return ERR_OK;
}

/* --- marking copies --- */

/* The highest offset that anything in TXN's log has been given. */
static int find_highest(MDB_txn *txn, MDB_dbi log, MDB_dbi topics, uint64_t *ret)
{
    MDB_cursor *c;
    MDB_val key, value;
    struct lmdb_topic t;
    int rc = mdb_cursor_open(txn, log, &c);
    if (rc)
        return rc;
    *ret = 0;
    rc = lmdb_cursor_step(c, ret, &value, MDB_LAST);
    mdb_cursor_close(c);
    if (!rc || rc == MDB_NOTFOUND)
        rc = mdb_cursor_open(txn, topics, &c);
    if (rc)
        return rc;
    while (!(rc = mdb_cursor_get(c, &key, &value, MDB_NEXT)))
        if (!lmdb_get_topic(&key, &value, &t) && t.topic.last > *ret)
            *ret = t.topic.last;
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * All that the copy has is certain in it, whatever becomes of the original: cursors up to there
 * were given out for just these messages. Unless opening the original itself would have to doubt
 * that.
 */
static enum err mark_copy(MDB_txn *txn, const char *boot_id, struct store_copied *ret)
{
    static const enum lmdb_db needed[] = {DB_META, DB_LOG, DB_TOPICS};
    MDB_dbi dbi[DB_COUNT];
    struct lmdb_state state;
    struct lmdb_forgotten forgotten;
    uint64_t highest;
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof(needed) / sizeof(needed[0]); i++)
        rc = mdb_dbi_open(txn, databases[needed[i]].name, databases[needed[i]].flags,
                          &dbi[needed[i]]);
    if (!rc)
        rc = find_highest(txn, dbi[DB_LOG], dbi[DB_TOPICS], &highest);
    enum err e = rc ? lmdb_err(rc) : lmdb_get_state(txn, dbi[DB_META], &state);
    if (!e)
        e = lmdb_get_forgotten(txn, dbi[DB_META], &forgotten);
    if (e)
        return e;
    if (state.head > highest)
        highest = state.head;
    if (forgotten.mark > highest)
        highest = forgotten.mark;
    if (highest > state.certain && !needs_new_epoch(&state, boot_id))
        state.certain = highest;
    state.stop = STOP_COPIED;
    ret->epoch = state.epoch;
    ret->last = state.certain;
    return lmdb_put_state(txn, dbi[DB_META], &state);
}

static enum err mark_copy_in(MDB_env *env, const char *file, const char *boot_id,
                             struct store_copied *ret)
{
    MDB_txn *txn;
    int rc = mdb_env_set_maxdbs(env, DATABASES_MAX);
    if (!rc)
        rc = mdb_env_open(env, file, MDB_NOSUBDIR | MDB_NOLOCK, FILE_MODE);
    if (!rc)
        rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc)
        return lmdb_err(rc);
    enum err e = mark_copy(txn, boot_id, ret);
    if (!e)
        return lmdb_err(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return e;
}

enum err lmdb_mark_copy(const char *file, const char *boot_id, struct store_copied *ret)
{
    MDB_env *env;
    int rc = mdb_env_create(&env);
    if (rc)
        return lmdb_err(rc);
    enum err e = mark_copy_in(env, file, boot_id, ret);
    mdb_env_close(env);
    return e;
}
