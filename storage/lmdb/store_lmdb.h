/*
 * The durable log as a member of the store family: what store.h does not say of it.
 *
 * The parts, each of which knows only those above it in this list:
 *
 *   lmdb_store    the one object that all share (no functions)
 *   lmdb_rows     the small rows of `meta` and `topics`; LMDB's error codes
 *   lmdb_guard    ending in words when LMDB runs into damage all the same
 *   lmdb_cursor   stepping through a database
 *   lmdb_pages    walking the pages of a file with bounds, by none of LMDB's code
 *   lmdb_place    whether the log is in its directory, and still there
 *   lmdb_check    looking at the file before LMDB does
 *   lmdb_epoch    whether a new epoch has to be drawn
 *   lmdb_env      the environment and its databases
 *   lmdb_tail     the open block and group, and how they become index values
 *   lmdb_full     whether the disk has more space
 *   lmdb_reader   a reader's transaction
 *   lmdb_read     what readers look for
 *   lmdb_mark     marking a finished copy as one
 *   lmdb_copy     copies beside a running log
 *   lmdb_repair   opening anew after a header that could not be written
 *   lmdb_write    write transactions
 *   lmdb_space    how full the log is
 *   lmdb_append   commits of what is new
 *   lmdb_removal  one commit that takes records away
 *   lmdb_settle   what that does to the index
 *   lmdb_remove   by topic: purge, expire
 *   lmdb_trim     from the log's beginning
 *   lmdb_forget   kept keys, and topics
 *   lmdb_times    the steps of the clock
 *   lmdb_notes    small values by name
 *   lmdb_verify   checking everything
 *   lmdb_start    recovery, and the commit that says that the log is in use
 *   lmdb_open     opening: directory, lock, format
 *   lmdb_close    the ends
 *   store_lmdb    all of it as a struct store_ops
 */
#ifndef STORAGE_LMDB_STORE_LMDB_H
#define STORAGE_LMDB_STORE_LMDB_H

#include "base/err.h"
#include "storage/store_types.h"

/* As store_lmdb_open, on a machine whose boot has the id BOOT_ID ("" = not known, which equals no
 * other). For tests. */
MUST_CHECK enum err store_lmdb_open_booted(const struct store_options *o, const char *boot_id,
                                           struct store **ret, struct store_state *ret_state);

#endif
