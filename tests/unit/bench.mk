# Unit tests of longwire-bench; included by tests/local.mk.
bench_tests = tests/unit/test_bench_args tests/unit/test_bench_connect \
	tests/unit/test_bench_histogram \
	tests/unit/test_bench_mark tests/unit/test_bench_protocols \
	tests/unit/test_bench_publishers
check_PROGRAMS += $(bench_tests)
TESTS += $(bench_tests)

tests_unit_test_bench_args_SOURCES = tests/unit/test_bench_args.c
tests_unit_test_bench_args_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bench_args_LDADD = $(bench_libs) $(CHECK_LIBS)

tests_unit_test_bench_connect_SOURCES = tests/unit/test_bench_connect.c
tests_unit_test_bench_connect_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bench_connect_LDADD = $(bench_libs) $(CHECK_LIBS)

tests_unit_test_bench_histogram_SOURCES = tests/unit/test_bench_histogram.c \
	tests/unit/random.c tests/unit/random.h
tests_unit_test_bench_histogram_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bench_histogram_LDADD = $(bench_libs) $(CHECK_LIBS)

tests_unit_test_bench_mark_SOURCES = tests/unit/test_bench_mark.c
tests_unit_test_bench_mark_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bench_mark_LDADD = $(bench_libs) $(CHECK_LIBS)

tests_unit_test_bench_protocols_SOURCES = tests/unit/test_bench_protocols.c
tests_unit_test_bench_protocols_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bench_protocols_LDADD = $(bench_libs) $(CHECK_LIBS)

tests_unit_test_bench_publishers_SOURCES = tests/unit/test_bench_publishers.c
tests_unit_test_bench_publishers_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_bench_publishers_LDADD = $(bench_libs) $(CHECK_LIBS)
