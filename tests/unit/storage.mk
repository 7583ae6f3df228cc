# Unit tests of storage/; included by tests/local.mk.
storage_tests = tests/unit/test_record tests/unit/test_block_index tests/unit/test_store \
	tests/unit/test_store_lmdb tests/unit/test_store_model
check_PROGRAMS += $(storage_tests)
TESTS += $(storage_tests)

storage_fixture = tests/unit/store_fixture.c tests/unit/store_fixture.h
storage_test_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS)
storage_test_libs = libstorage.a libbase.a $(LMDB_LIBS) $(XXHASH_LIBS) $(CHECK_LIBS)

tests_unit_test_record_SOURCES = tests/unit/test_record.c
tests_unit_test_record_CFLAGS = $(storage_test_cflags)
tests_unit_test_record_LDADD = $(storage_test_libs)

tests_unit_test_block_index_SOURCES = tests/unit/test_block_index.c
tests_unit_test_block_index_CFLAGS = $(storage_test_cflags)
tests_unit_test_block_index_LDADD = $(storage_test_libs)

tests_unit_test_store_SOURCES = tests/unit/test_store.c $(storage_fixture)
tests_unit_test_store_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_LDADD = $(storage_test_libs)

tests_unit_test_store_lmdb_SOURCES = tests/unit/test_store_lmdb.c $(storage_fixture)
tests_unit_test_store_lmdb_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_lmdb_LDADD = $(storage_test_libs)

tests_unit_test_store_model_SOURCES = tests/unit/test_store_model.c $(storage_fixture)
tests_unit_test_store_model_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_model_LDADD = $(storage_test_libs)
