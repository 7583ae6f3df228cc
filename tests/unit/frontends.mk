# Unit tests of what the workers run; included by tests/local.mk.
frontends_tests = tests/unit/test_poll_body
check_PROGRAMS += $(frontends_tests)
TESTS += $(frontends_tests)

tests_unit_test_poll_body_SOURCES = tests/unit/test_poll_body.c $(broker_fixture)
tests_unit_test_poll_body_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_poll_body_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=envelope_append
tests_unit_test_poll_body_LDADD = libfrontends.a libwscodec.a libhttpcodec.a $(broker_test_libs) \
	$(LIBEVENT_LIBS) $(MBEDCRYPTO_LIBS) $(ZLIB_LIBS) -lm
