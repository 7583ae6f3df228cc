# Fuzz targets of access/; included by tests/local.mk behind http.mk, which says how such targets are
# linked.
access_fuzz_targets = \
	tests/fuzz/fuzz_claims \
	tests/fuzz/fuzz_grants \
	tests/fuzz/fuzz_jwk \
	tests/fuzz/fuzz_token
if !FUZZING
TESTS += $(access_fuzz_targets)
endif
check_PROGRAMS += $(access_fuzz_targets)

tests_fuzz_fuzz_claims_SOURCES = tests/fuzz/fuzz_claims.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_claims_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_claims_LDADD = libaccess.a $(access_libs)

tests_fuzz_fuzz_grants_SOURCES = tests/fuzz/fuzz_grants.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_grants_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_grants_LDADD = libaccess.a $(access_libs)

tests_fuzz_fuzz_jwk_SOURCES = tests/fuzz/fuzz_jwk.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_jwk_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_jwk_LDADD = libaccess.a $(access_libs)

tests_fuzz_fuzz_token_SOURCES = tests/fuzz/fuzz_token.c tests/unit/token_maker.c \
	tests/unit/token_maker.h $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_token_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_token_LDADD = libaccess.a $(access_libs)

EXTRA_DIST += \
	tests/fuzz/corpus/fuzz_claims \
	tests/fuzz/corpus/fuzz_grants \
	tests/fuzz/corpus/fuzz_jwk \
	tests/fuzz/corpus/fuzz_token
