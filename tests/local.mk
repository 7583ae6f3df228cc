# Files of tests/; included by ../Makefile.am.
#
# Unit tests: one program for each subject, listed beside the layer that they test. What needs the
# running hub and real clients is in tests/e2e and runs by `./dev test`.
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = $(PYTHON3)

include tests/unit/access.mk
include tests/unit/base.mk
include tests/unit/bench.mk
include tests/unit/storage.mk
include tests/unit/tls.mk
include tests/unit/broker.mk
include tests/unit/codecs_http.mk
include tests/unit/codecs_ws.mk
include tests/unit/config.mk
include tests/unit/frontends.mk
include tests/fuzz/http.mk
include tests/fuzz/access.mk
include tests/fuzz/ws.mk
include tests/fuzz/tls.mk
include tests/fuzz/h2.mk
include tests/fuzz/storage.mk
include tests/e2e/local.mk

structure_tests = tests/check-includes.py tests/check-circles.py tests/test_circles.py
TESTS += $(structure_tests)
# Only what hangs takes so long, s; a busy machine may be slow.
AM_TESTS_ENVIRONMENT = CK_DEFAULT_TIMEOUT=300; export CK_DEFAULT_TIMEOUT; \
	CC='$(CC)'; export CC;
dist_check_SCRIPTS += $(structure_tests)
EXTRA_DIST += tests/include-rules .ci/run

include tests/mutate/local.mk

# For conformance suites, which need it where `./dev build` leaves programs; not installed.
noinst_PROGRAMS += longwire-ws-echo
longwire_ws_echo_SOURCES = tests/ws_echo.c
longwire_ws_echo_LDADD = libwscodec.a libhttpcodec.a libwscodec.a libmessage.a libbrokercodec.a \
	libbase.a $(MBEDCRYPTO_LIBS) $(ZLIB_LIBS)
