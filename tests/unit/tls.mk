# Unit tests of net/tls/; included by tests/local.mk.
tls_tests = \
	tests/unit/test_tls_curve \
	tests/unit/test_tls_hash \
	tests/unit/test_tls_hello \
	tests/unit/test_tls_mbedtls \
	tests/unit/test_tls_names \
	tests/unit/test_tls_record \
	tests/unit/test_tls_tickets
check_PROGRAMS += $(tls_tests)
TESTS += $(tls_tests)

tls_peer = tests/unit/tls_peer.c tests/unit/tls_peer.h tests/unit/unhex.h
tls_guest = tests/unit/tls_guest.c tests/unit/tls_guest.h
tls_test_libs = libtls.a libbase.a $(MBEDCRYPTO_LIBS)

tests_unit_test_tls_record_SOURCES = tests/unit/test_tls_record.c $(tls_peer)
tests_unit_test_tls_record_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_record_LDADD = $(tls_test_libs) $(CHECK_LIBS)

tests_unit_test_tls_curve_SOURCES = tests/unit/test_tls_curve.c
tests_unit_test_tls_curve_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_curve_LDADD = libtls.a libbase.a $(MBEDTLS_LIBS) $(CHECK_LIBS)
tests_unit_test_tls_curve_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=crypto_scalarmult_curve25519,--wrap=crypto_scalarmult_curve25519_base

tests_unit_test_tls_hash_SOURCES = tests/unit/test_tls_hash.c tests/unit/unhex.h
tests_unit_test_tls_hash_CFLAGS = $(AM_CFLAGS) $(NETTLE_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_hash_LDADD = libtls.a libbase.a $(MBEDTLS_LIBS) $(CHECK_LIBS)
tests_unit_test_tls_hash_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=nettle_sha256_update

tests_unit_test_tls_hello_SOURCES = tests/unit/test_tls_hello.c
tests_unit_test_tls_hello_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_hello_LDADD = libtls.a libbase.a $(CHECK_LIBS)

tests_unit_test_tls_tickets_SOURCES = tests/unit/test_tls_tickets.c
tests_unit_test_tls_tickets_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_tickets_LDADD = libtls.a libbase.a $(MBEDTLS_LIBS) $(CHECK_LIBS)

# The handshakes are mbedTLS's.
tls_pair = tests/unit/tls_pair.c tests/unit/tls_pair.h
tests_unit_test_tls_names_SOURCES = tests/unit/test_tls_names.c tests/unit/certificate_pem.h
tests_unit_test_tls_names_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_names_LDADD = libtls.a libbase.a $(MBEDTLS_LIBS) $(CHECK_LIBS)

tests_unit_test_tls_mbedtls_SOURCES = tests/unit/test_tls_mbedtls.c $(tls_pair)
tests_unit_test_tls_mbedtls_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_mbedtls_LDADD = libtls.a libbase.a $(MBEDTLS_LIBS) $(CHECK_LIBS)

if OPENSSL
check_PROGRAMS += tests/unit/test_tls_openssl
TESTS += tests/unit/test_tls_openssl
endif
tests_unit_test_tls_openssl_SOURCES = tests/unit/test_tls_openssl.c
tests_unit_test_tls_openssl_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_openssl_LDADD = $(tls_test_libs) -lssl -lcrypto $(CHECK_LIBS)
