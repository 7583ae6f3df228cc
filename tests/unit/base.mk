# Unit tests of base/; included by tests/local.mk.
base_tests = \
	tests/unit/test_aead \
	tests/unit/test_blob \
	tests/unit/test_buckets \
	tests/unit/test_buf \
	tests/unit/test_bytes \
	tests/unit/test_gzip \
	tests/unit/test_id_table \
	tests/unit/test_ip \
	tests/unit/test_quota \
	tests/unit/test_rate \
	tests/unit/test_spare \
	tests/unit/test_std_fds \
	tests/unit/test_utf8 \
	tests/unit/test_log
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)

tests_unit_test_aead_SOURCES = tests/unit/test_aead.c tests/unit/unhex.h
tests_unit_test_aead_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_aead_LDADD = libbase.a $(MBEDCRYPTO_LIBS) $(CHECK_LIBS)

tests_unit_test_gzip_SOURCES = tests/unit/test_gzip.c
tests_unit_test_gzip_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_gzip_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=realloc
tests_unit_test_gzip_LDADD = libbase.a $(ZLIB_LIBS) $(CHECK_LIBS)

tests_unit_test_blob_SOURCES = tests/unit/test_blob.c
tests_unit_test_blob_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_blob_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_buckets_SOURCES = tests/unit/test_buckets.c
tests_unit_test_buckets_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_buckets_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_buf_SOURCES = tests/unit/test_buf.c
tests_unit_test_buf_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_buf_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_bytes_SOURCES = tests/unit/test_bytes.c
tests_unit_test_bytes_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bytes_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_id_table_SOURCES = tests/unit/test_id_table.c
tests_unit_test_id_table_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_id_table_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_ip_SOURCES = tests/unit/test_ip.c
tests_unit_test_ip_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ip_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_quota_SOURCES = tests/unit/test_quota.c
tests_unit_test_quota_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_quota_LDADD = libbase.a $(XXHASH_LIBS) $(CHECK_LIBS)

tests_unit_test_rate_SOURCES = tests/unit/test_rate.c
tests_unit_test_rate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rate_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_spare_SOURCES = tests/unit/test_spare.c
tests_unit_test_spare_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_spare_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_std_fds_SOURCES = tests/unit/test_std_fds.c
tests_unit_test_std_fds_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_std_fds_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_utf8_SOURCES = tests/unit/test_utf8.c
tests_unit_test_utf8_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_utf8_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_log_LDADD = libbase.a $(CHECK_LIBS)
