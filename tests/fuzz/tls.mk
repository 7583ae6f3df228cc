# Fuzz targets of TLS before, in and behind its handshake; included by tests/local.mk behind http.mk, which says how
# they are linked.
if !FUZZING
TESTS += $(tls_fuzz_targets)
endif

tls_fuzz_targets = \
	tests/fuzz/fuzz_tls_handshake \
	tests/fuzz/fuzz_tls_hello \
	tests/fuzz/fuzz_tls_link \
	tests/fuzz/fuzz_tls_record
check_PROGRAMS += $(tls_fuzz_targets)

tests_fuzz_fuzz_tls_handshake_SOURCES = tests/fuzz/fuzz_tls_handshake.c tests/fuzz/no_check.c \
	$(tls_guest) $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_tls_handshake_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_fuzz_fuzz_tls_handshake_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_tls_handshake_LDADD = libtls.a libnet.a libbase.a $(MBEDTLS_LIBS) $(LIBEVENT_LIBS) \
	$(XXHASH_LIBS)

tests_fuzz_fuzz_tls_hello_SOURCES = tests/fuzz/fuzz_tls_hello.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_tls_hello_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_tls_hello_LDADD = libtls.a libbase.a

tests_fuzz_fuzz_tls_link_SOURCES = tests/fuzz/fuzz_tls_link.c $(tls_peer) $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_tls_link_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_tls_link_LDADD = libtls.a libnet.a $(tls_test_libs) $(LIBEVENT_LIBS) $(XXHASH_LIBS)

tests_fuzz_fuzz_tls_record_SOURCES = tests/fuzz/fuzz_tls_record.c $(tls_peer) $(fuzz_common) \
	$(fuzz_main)
tests_fuzz_fuzz_tls_record_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_tls_record_LDADD = $(tls_test_libs)

EXTRA_DIST += \
	tests/fuzz/corpus/fuzz_tls_handshake \
	tests/fuzz/corpus/fuzz_tls_hello \
	tests/fuzz/corpus/fuzz_tls_link \
	tests/fuzz/corpus/fuzz_tls_record
