# The fuzz target of HTTP/2, which needs all that a worker is made of; included by tests/local.mk
# behind http.mk, which says how such targets are linked.
if !FUZZING
TESTS += tests/fuzz/fuzz_h2
endif
check_PROGRAMS += tests/fuzz/fuzz_h2

tests_fuzz_fuzz_h2_SOURCES = tests/fuzz/fuzz_h2.c tests/fuzz/no_check.c $(fuzz_common) \
	$(desk) $(fuzz_main)
tests_fuzz_fuzz_h2_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(NGHTTP2_CFLAGS)
tests_fuzz_fuzz_h2_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=now_monotonic_ms
tests_fuzz_fuzz_h2_LDADD = $(h2_test_libs)

EXTRA_DIST += tests/fuzz/corpus/fuzz_h2
