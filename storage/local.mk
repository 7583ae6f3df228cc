noinst_LIBRARIES += libstorage.a
libstorage_a_SOURCES = \
	storage/catalog.c storage/catalog.h \
	storage/store.c storage/store.h storage/store_ops.h \
	storage/store_memory.c
