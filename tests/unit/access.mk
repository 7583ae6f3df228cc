# Unit tests of access/; included by tests/local.mk.
access_tests = \
	tests/unit/test_access \
	tests/unit/test_claims \
	tests/unit/test_grants \
	tests/unit/test_host \
	tests/unit/test_key \
	tests/unit/test_origin \
	tests/unit/test_token
check_PROGRAMS += $(access_tests)
TESTS += $(access_tests)

tests_unit_test_host_SOURCES = tests/unit/test_host.c
tests_unit_test_host_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_host_LDADD = libaccess.a libbase.a $(CHECK_LIBS)

tests_unit_test_access_SOURCES = tests/unit/test_access.c
tests_unit_test_access_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_access_LDADD = libaccess.a $(access_libs) $(CHECK_LIBS)

tests_unit_test_origin_SOURCES = tests/unit/test_origin.c
tests_unit_test_origin_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_origin_LDADD = libaccess.a libbase.a $(CHECK_LIBS)

tests_unit_test_token_SOURCES = tests/unit/test_token.c tests/unit/token_maker.c \
	tests/unit/token_maker.h tests/require.h
tests_unit_test_token_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_token_LDADD = libaccess.a $(access_libs) $(CHECK_LIBS)

# The vectors are PyJWT's.
tests_unit_test_key_SOURCES = tests/unit/test_key.c tests/unit/token_maker.c \
	tests/unit/token_maker.h tests/unit/token_vectors.h tests/require.h
tests_unit_test_key_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_key_LDADD = libaccess.a $(access_libs) $(CHECK_LIBS)
EXTRA_DIST += tests/unit/token_vectors.py

tests_unit_test_claims_SOURCES = tests/unit/test_claims.c
tests_unit_test_claims_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_claims_LDADD = libaccess.a $(access_libs) $(CHECK_LIBS)

tests_unit_test_grants_SOURCES = tests/unit/test_grants.c tests/unit/random.c tests/unit/random.h
tests_unit_test_grants_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_grants_LDADD = libaccess.a $(access_libs) $(CHECK_LIBS)
