/* The durable log as a store: its operations, and the object that an opening fills in. */
#include "storage/lmdb/store_lmdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/lmdb/lmdb_append.h"
#include "storage/lmdb/lmdb_close.h"
#include "storage/lmdb/lmdb_copy.h"
#include "storage/lmdb/lmdb_forget.h"
#include "storage/lmdb/lmdb_guard.h"
#include "storage/lmdb/lmdb_notes.h"
#include "storage/lmdb/lmdb_open.h"
#include "storage/lmdb/lmdb_place.h"
#include "storage/lmdb/lmdb_read.h"
#include "storage/lmdb/lmdb_reader.h"
#include "storage/lmdb/lmdb_remove.h"
#include "storage/lmdb/lmdb_space.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/lmdb_times.h"
#include "storage/lmdb/lmdb_trim.h"
#include "storage/lmdb/lmdb_verify.h"
#include "storage/lmdb/lmdb_write.h"
#include "storage/store.h"

static const struct store_ops ops = {
    .append = lmdb_append,
    .sync_now = lmdb_sync_now,
    .check_place = lmdb_check_place,
    .purge = lmdb_purge,
    .expire = lmdb_expire,
    .trim = lmdb_trim,
    .forget = lmdb_forget,
    .drop_keys = lmdb_drop_keys,
    .save_times = lmdb_save_times,
    .put_notes = lmdb_save_notes,
    .notes = lmdb_notes,
    .copy = lmdb_copy,
    .size = lmdb_size,
    .used = lmdb_used,
    .keep_room = lmdb_keep_room,
    .put_damage = lmdb_put_damage,
    .close = lmdb_close,
    .abandon = lmdb_abandon,
    .reader_create = lmdb_reader_create,
    .reader_destroy = lmdb_reader_destroy,
    .read = lmdb_read,
    .keys = lmdb_keys,
    .seek_time = lmdb_seek_time,
    .verify_create = lmdb_verify_create,
    .verify_destroy = lmdb_verify_destroy,
    .verify_step = lmdb_verify_step,
};

/* Of a log that is open for verifying and copying alone. */
static const struct store_ops closed_ops = {
    .notes = lmdb_notes_closed,
    .copy = lmdb_copy,
    .size = lmdb_size,
    .abandon = lmdb_abandon,
    .reader_create = lmdb_reader_create,
    .reader_destroy = lmdb_reader_destroy,
    .verify_create = lmdb_verify_create,
    .verify_destroy = lmdb_verify_destroy,
    .verify_step = lmdb_verify_step,
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
    store_init(&s->base, &ops);
    init_locks(s);
    s->lock_fd = -1;
    atomic_store_explicit(&s->open.block, UINT64_MAX, memory_order_relaxed);
    s->sync = o->sync;
    s->behind_journal = o->behind_journal;
    s->reserved_apart = o->reserved_apart;
    s->map_bytes = o->map_bytes;
    s->readers_max = o->readers_max;
    s->path = strdup(o->path);
    snprintf(s->boot_id, sizeof(s->boot_id), "%s", boot_id);
    store_say_wrong("%s", "");
    lmdb_guard_enter();
    enum err e = s->path ? lmdb_open(s, boot_id, ret_state) : ERR_NOMEM;
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

enum err store_lmdb_open_closed(const char *path, struct store **ret)
{
    struct lmdb_store *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    store_init(&s->base, &closed_ops);
    init_locks(s);
    s->lock_fd = -1;
    s->closed = true;
    s->base.damage.quiet = true;
    read_boot_id(s->boot_id);
    store_say_wrong("%s", "");
    lmdb_guard_enter();
    enum err e = lmdb_open_closed(s, path);
    lmdb_guard_leave();
    if (e) {
        lmdb_destroy(s);
        return e;
    }
    *ret = &s->base;
    return ERR_OK;
}
