noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES = \
	storage/block_index.c storage/block_index.h \
	storage/catalog.c storage/catalog.h \
	storage/lmdb_append.c storage/lmdb_append.h \
	storage/lmdb_close.c storage/lmdb_close.h \
	storage/lmdb_cursor.c storage/lmdb_cursor.h \
	storage/lmdb_env.c storage/lmdb_env.h \
	storage/lmdb_epoch.c storage/lmdb_epoch.h \
	storage/lmdb_full.c storage/lmdb_full.h \
	storage/lmdb_mark.c storage/lmdb_mark.h \
	storage/lmdb_place.c storage/lmdb_place.h \
	storage/lmdb_reader.c storage/lmdb_reader.h \
	storage/lmdb_start.c storage/lmdb_start.h \
	storage/lmdb_store.h \
	storage/lmdb_write.c storage/lmdb_write.h \
	storage/lmdb_wrong.c storage/lmdb_wrong.h \
	storage/store_lmdb.c storage/store_lmdb.h \
	storage/store_lmdb_check.c storage/store_lmdb_check.h \
	storage/store_lmdb_copy.c storage/store_lmdb_copy.h \
	storage/store_lmdb_guard.c storage/store_lmdb_guard.h \
	storage/store_lmdb_open.c storage/store_lmdb_open.h \
	storage/store_lmdb_pages.c storage/store_lmdb_pages.h \
	storage/store_lmdb_read.c storage/store_lmdb_read.h \
	storage/store_lmdb_remove.c storage/store_lmdb_remove.h \
	storage/store_lmdb_repair.c storage/store_lmdb_repair.h \
	storage/store_lmdb_rows.c storage/store_lmdb_rows.h \
	storage/store_lmdb_space.c storage/store_lmdb_space.h \
	storage/store_lmdb_tail.c storage/store_lmdb_tail.h \
	storage/store_lmdb_times.c storage/store_lmdb_times.h \
	storage/store_lmdb_verify.c storage/store_lmdb_verify.h \
	storage/record.c storage/record.h \
	storage/store.c storage/store.h storage/store_types.h storage/store_ops.h \
	storage/store_copy.c \
	storage/store_damage.c \
	storage/store_memory.c \
	storage/store_verify.c \
	storage/times.c storage/times.h
