#include "storage/lmdb/lmdb_epoch.h"

#include <string.h>

#include "storage/lmdb/lmdb_store.h"

bool lmdb_needs_new_epoch(const struct lmdb_state *st, const char *boot_id)
{
    if (st->stop == STOP_COPIED)
        return true;
    bool same_boot = boot_id[0] && strcmp(st->boot_id, boot_id) == 0;
    return st->stop == STOP_UNCLEAN && st->sync != STORE_SYNC_ALWAYS && !same_boot;
}

enum err lmdb_change_epoch(struct lmdb_state *st)
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
