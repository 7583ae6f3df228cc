# Tests of storage/; included by ../local.mk.
check_PROGRAMS += tests/unit/test_store
TESTS += tests/unit/test_store

storage_test_libs = libstorage.a libbase.a $(LMDB_LIBS) $(XXHASH_LIBS) $(CHECK_LIBS)

tests_unit_test_store_SOURCES = tests/unit/test_store.c \
	tests/unit/store_fixture.c tests/unit/store_fixture.h
tests_unit_test_store_LDADD = $(storage_test_libs)
