# The RESP frontend of the local socket, and administration; included by frontends/local.mk.
libfrontends_a_SOURCES += \
	frontends/admin.c frontends/admin.h \
	frontends/description.h \
	frontends/errand.c frontends/errand.h \
	frontends/scan.c frontends/scan.h \
	frontends/resp/resp.c frontends/resp/resp.h \
	frontends/resp/resp_client.c frontends/resp/resp_client.h \
	frontends/resp/resp_error.c frontends/resp/resp_error.h \
	frontends/resp/resp_command.c frontends/resp/resp_command.h \
	frontends/resp/resp_connection.c frontends/resp/resp_connection.h \
	frontends/resp/resp_docs.c frontends/resp/resp_docs.h \
	frontends/resp/resp_hub.c frontends/resp/resp_hub.h \
	frontends/resp/resp_multi.c frontends/resp/resp_multi.h \
	frontends/resp/resp_job.c frontends/resp/resp_job.h \
	frontends/resp/resp_names.c frontends/resp/resp_names.h \
	frontends/resp/resp_protocol.c frontends/resp/resp_protocol.h \
	frontends/resp/resp_publish.c frontends/resp/resp_publish.h \
	frontends/resp/resp_read.c frontends/resp/resp_read.h \
	frontends/resp/resp_request.c frontends/resp/resp_request.h \
	frontends/resp/resp_subscribe.c frontends/resp/resp_subscribe.h \
	frontends/resp/resp_table.c frontends/resp/resp_table.h \
	frontends/resp/resp_wait.c frontends/resp/resp_wait.h
AM_CPPFLAGS += -DLONGWIRE_VERSION='"$(PACKAGE_VERSION)"'

check_PROGRAMS += tests/unit/test_resp_names
TESTS += tests/unit/test_resp_names
tests_unit_test_resp_names_SOURCES = tests/unit/test_resp_names.c
tests_unit_test_resp_names_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_resp_names_LDADD = libfrontends.a $(CHECK_LIBS)

EXTRA_DIST += \
	tests/e2e/60-resp3.test.mjs \
	tests/e2e/60-resp-multi.test.mjs \
	tests/e2e/62-redis-clients.test.mjs \
	tests/e2e/62-redis-py.test.mjs \
	tests/e2e/redis_py_client.py \
	tests/e2e/66-resp-globs.test.mjs \
	tests/e2e/66-resp-order.test.mjs
