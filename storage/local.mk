noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES = \
	storage/block_index.c storage/block_index.h \
	storage/catalog.c storage/catalog.h \
	storage/journal/batch_pack.c storage/journal/batch_pack.h \
	storage/journal/applier.c storage/journal/applier.h \
	storage/journal/held.c storage/journal/held.h \
	storage/journal/held_read.c storage/journal/held_read.h \
	storage/journal/applied_note.c storage/journal/applied_note.h \
	storage/journal/journaled.h \
	storage/journal/store_journaled.c storage/journal/store_journaled.h \
	storage/journal/journaled_append.c storage/journal/journaled_append.h \
	storage/journal/journaled_look.c storage/journal/journaled_look.h \
	storage/journal/journaled_open.c \
	storage/journal/journaled_read.c storage/journal/journaled_read.h \
	storage/journal/journaled_remove.c storage/journal/journaled_remove.h \
	storage/journal/sequencer.h storage/journal/sequencer_file.c \
	storage/journal/group.c storage/journal/group.h storage/journal/group_layout.h \
	storage/journal/group_writer.c \
	storage/journal/journal_append.c storage/journal/journal.h \
	storage/journal/journal_file.c storage/journal/journal_file.h \
	storage/journal/journal_frame.c storage/journal/journal_frame.h \
	storage/journal/journal_make.c storage/journal/journal_read.c \
	storage/lmdb/lmdb_append.c storage/lmdb/lmdb_append.h \
	storage/lmdb/lmdb_check.c storage/lmdb/lmdb_check.h \
	storage/lmdb/lmdb_close.c storage/lmdb/lmdb_close.h \
	storage/lmdb/lmdb_copy.c storage/lmdb/lmdb_copy.h \
	storage/lmdb/lmdb_cursor.c storage/lmdb/lmdb_cursor.h \
	storage/lmdb/lmdb_env.c storage/lmdb/lmdb_env.h \
	storage/lmdb/lmdb_epoch.c storage/lmdb/lmdb_epoch.h \
	storage/lmdb/lmdb_forget.c storage/lmdb/lmdb_forget.h \
	storage/lmdb/lmdb_full.c storage/lmdb/lmdb_full.h \
	storage/lmdb/lmdb_guard.c storage/lmdb/lmdb_guard.h \
	storage/lmdb/lmdb_mark.c storage/lmdb/lmdb_mark.h \
	storage/lmdb/lmdb_notes.c storage/lmdb/lmdb_notes.h \
	storage/lmdb/lmdb_open.c storage/lmdb/lmdb_open.h \
	storage/lmdb/lmdb_pages.c storage/lmdb/lmdb_pages.h \
	storage/lmdb/lmdb_place.c storage/lmdb/lmdb_place.h \
	storage/lmdb/lmdb_read.c storage/lmdb/lmdb_read.h \
	storage/lmdb/lmdb_reader.c storage/lmdb/lmdb_reader.h \
	storage/lmdb/lmdb_removal.c storage/lmdb/lmdb_removal.h \
	storage/lmdb/lmdb_remove.c storage/lmdb/lmdb_remove.h \
	storage/lmdb/lmdb_repair.c storage/lmdb/lmdb_repair.h \
	storage/lmdb/lmdb_rows.c storage/lmdb/lmdb_rows.h \
	storage/lmdb/lmdb_settle.c storage/lmdb/lmdb_settle.h \
	storage/lmdb/lmdb_space.c storage/lmdb/lmdb_space.h \
	storage/lmdb/lmdb_start.c storage/lmdb/lmdb_start.h \
	storage/lmdb/lmdb_store.h \
	storage/lmdb/lmdb_tail.c storage/lmdb/lmdb_tail.h \
	storage/lmdb/lmdb_times.c storage/lmdb/lmdb_times.h \
	storage/lmdb/lmdb_trim.c storage/lmdb/lmdb_trim.h \
	storage/lmdb/lmdb_verify.c storage/lmdb/lmdb_verify.h \
	storage/lmdb/lmdb_write.c storage/lmdb/lmdb_write.h \
	storage/lmdb/store_lmdb.c storage/lmdb/store_lmdb.h \
	storage/record.c storage/record.h \
	storage/store.c storage/store.h storage/store_types.h storage/store_ops.h \
	storage/store_copy.c \
	storage/store_damage.c \
	storage/store_memory.c \
	storage/store_verify.c \
	storage/store_wrong.c \
	storage/times.c storage/times.h
