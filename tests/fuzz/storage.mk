# Fuzz targets of the log; included by tests/local.mk behind http.mk, which says how they are linked.
if !FUZZING
TESTS += $(storage_fuzz_targets)
endif

storage_fuzz_targets = tests/fuzz/fuzz_group
check_PROGRAMS += $(storage_fuzz_targets)

tests_fuzz_fuzz_group_SOURCES = tests/fuzz/fuzz_group.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_group_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_group_LDADD = libstorage.a libbase.a $(XXHASH_LIBS)

EXTRA_DIST += tests/fuzz/corpus/fuzz_group
