# Unit tests of storage/; included by tests/local.mk.
storage_tests = tests/unit/test_record tests/unit/test_block_index tests/unit/test_store \
	tests/unit/test_store_lmdb tests/unit/test_store_model tests/unit/test_store_copy \
	tests/unit/test_store_verify tests/unit/test_store_faults tests/unit/test_store_power \
	tests/unit/test_store_space tests/unit/test_store_repair tests/unit/test_store_damage \
	tests/unit/test_store_pages tests/unit/test_store_guard tests/unit/test_times \
	tests/unit/test_catalog tests/unit/test_group tests/unit/test_journal \
	tests/unit/test_journal_power tests/unit/test_journal_model
check_PROGRAMS += $(storage_tests)
TESTS += $(storage_tests)

storage_fixture = tests/unit/store_fixture.c tests/unit/store_fixture.h
storage_test_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS)
storage_test_libs = libstorage.a libbase.a $(LMDB_LIBS) $(XXHASH_LIBS) $(CHECK_LIBS)

tests_unit_test_record_SOURCES = tests/unit/test_record.c
tests_unit_test_record_CFLAGS = $(storage_test_cflags)
tests_unit_test_record_LDADD = $(storage_test_libs)

tests_unit_test_group_SOURCES = tests/unit/test_group.c
tests_unit_test_group_CFLAGS = $(storage_test_cflags)
tests_unit_test_group_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=realloc -Wl,--wrap=reallocarray
tests_unit_test_group_LDADD = $(storage_test_libs)

journal_fixture = tests/unit/journal_fixture.c tests/unit/journal_fixture.h $(storage_fixture) \
	tests/unit/random.c tests/unit/random.h
# Each of these calls is made to fail by the test.
journal_wrapped = pwritev pwritev64 pread pread64 fdatasync fsync rename ftruncate ftruncate64 \
	fallocate fallocate64 flock malloc calloc realloc reallocarray strdup
tests_unit_test_journal_SOURCES = tests/unit/test_journal.c $(journal_fixture)
tests_unit_test_journal_CFLAGS = $(storage_test_cflags)
tests_unit_test_journal_LDFLAGS = $(AM_LDFLAGS) $(journal_wrapped:%=-Wl,--wrap=%)
tests_unit_test_journal_LDADD = $(storage_test_libs)

tests_unit_test_journal_power_SOURCES = tests/unit/test_journal_power.c $(journal_fixture)
tests_unit_test_journal_power_CFLAGS = $(storage_test_cflags)
tests_unit_test_journal_power_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pwritev -Wl,--wrap=pwritev64 \
	-Wl,--wrap=fdatasync -Wl,--wrap=posix_fadvise -Wl,--wrap=posix_fadvise64
tests_unit_test_journal_power_LDADD = $(storage_test_libs)

tests_unit_test_catalog_SOURCES = tests/unit/test_catalog.c
tests_unit_test_catalog_CFLAGS = $(storage_test_cflags)
tests_unit_test_catalog_LDADD = $(storage_test_libs)

tests_unit_test_times_SOURCES = tests/unit/test_times.c
tests_unit_test_times_CFLAGS = $(storage_test_cflags)
tests_unit_test_times_LDADD = $(storage_test_libs)

tests_unit_test_block_index_SOURCES = tests/unit/test_block_index.c
tests_unit_test_block_index_CFLAGS = $(storage_test_cflags)
tests_unit_test_block_index_LDADD = $(storage_test_libs)

tests_unit_test_store_SOURCES = tests/unit/test_store.c $(storage_fixture)
tests_unit_test_store_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_LDADD = $(storage_test_libs)

tests_unit_test_store_lmdb_SOURCES = tests/unit/test_store_lmdb.c $(storage_fixture)
tests_unit_test_store_lmdb_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_lmdb_LDADD = $(storage_test_libs)

tests_unit_test_store_damage_SOURCES = tests/unit/test_store_damage.c $(storage_fixture)
tests_unit_test_store_damage_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_damage_LDADD = $(storage_test_libs)

tests_unit_test_store_pages_SOURCES = tests/unit/test_store_pages.c $(storage_fixture)
tests_unit_test_store_pages_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_pages_LDADD = $(storage_test_libs)

tests_unit_test_store_guard_SOURCES = tests/unit/test_store_guard.c $(storage_fixture)
tests_unit_test_store_guard_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_guard_LDADD = $(storage_test_libs)

tests_unit_test_store_model_SOURCES = tests/unit/test_store_model.c $(storage_fixture)
tests_unit_test_store_model_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_model_LDADD = $(storage_test_libs)

tests_unit_test_store_power_SOURCES = tests/unit/test_store_power.c $(storage_fixture) \
	tests/unit/random.c tests/unit/random.h
tests_unit_test_store_power_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_power_LDADD = $(storage_test_libs) -ldl

tests_unit_test_store_space_SOURCES = tests/unit/test_store_space.c $(storage_fixture)
tests_unit_test_store_space_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_space_LDADD = $(storage_test_libs) -ldl

tests_unit_test_store_repair_SOURCES = tests/unit/test_store_repair.c $(storage_fixture)
tests_unit_test_store_repair_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_repair_LDADD = $(storage_test_libs) -ldl

tests_unit_test_store_copy_SOURCES = tests/unit/test_store_copy.c $(storage_fixture)
tests_unit_test_store_copy_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_copy_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mdb_env_copyfd2 -Wl,--wrap=fsync \
	-Wl,--wrap=renameat -Wl,--wrap=openat -Wl,--wrap=openat64 -Wl,--wrap=mkdir
tests_unit_test_store_copy_LDADD = $(storage_test_libs)

tests_unit_test_store_verify_SOURCES = tests/unit/test_store_verify.c $(storage_fixture)
tests_unit_test_store_verify_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_verify_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mdb_cursor_get
tests_unit_test_store_verify_LDADD = $(storage_test_libs)

# Each of these calls is made to fail by the test.
storage_wrapped = mdb_cursor_del mdb_cursor_get mdb_cursor_open mdb_cursor_put mdb_cursor_renew \
	mdb_dbi_open mdb_del mdb_env_copyfd2 mdb_env_create mdb_env_get_fd mdb_env_info mdb_env_open \
	mdb_env_set_flags mdb_env_set_mapsize mdb_env_set_maxdbs mdb_env_set_maxreaders \
	mdb_env_stat mdb_env_sync mdb_get mdb_put mdb_reader_check mdb_stat mdb_txn_begin \
	mdb_txn_commit mdb_txn_renew calloc malloc reallocarray
tests_unit_test_store_faults_SOURCES = tests/unit/test_store_faults.c $(storage_fixture)
tests_unit_test_store_faults_CFLAGS = $(storage_test_cflags)
tests_unit_test_store_faults_LDFLAGS = $(AM_LDFLAGS) $(storage_wrapped:%=-Wl,--wrap=%)
tests_unit_test_store_faults_LDADD = $(storage_test_libs)

tests_unit_test_journal_model_SOURCES = tests/unit/test_journal_model.c $(storage_fixture)
tests_unit_test_journal_model_CFLAGS = $(storage_test_cflags)
tests_unit_test_journal_model_LDADD = $(storage_test_libs) -ldl
