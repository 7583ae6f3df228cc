# Unit tests of access/; included by tests/local.mk.
access_tests = \
	tests/unit/test_host
check_PROGRAMS += $(access_tests)
TESTS += $(access_tests)

tests_unit_test_host_SOURCES = tests/unit/test_host.c
tests_unit_test_host_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_host_LDADD = libaccess.a libbase.a $(CHECK_LIBS)
