# frontends/: a folder a protocol; included by ../Makefile.am.
noinst_LIBRARIES += libfrontends.a
libfrontends_a_SOURCES = \
	frontends/poll/poll.c frontends/poll/poll.h \
	frontends/resp/resp.c frontends/resp/resp.h \
	frontends/resp/resp_client.c frontends/resp/resp_client.h \
	frontends/resp/resp_command.c frontends/resp/resp_command.h \
	frontends/resp/resp_connection.c frontends/resp/resp_connection.h \
	frontends/resp/resp_docs.c frontends/resp/resp_docs.h \
	frontends/resp/resp_entries.c frontends/resp/resp_entries.h \
	frontends/resp/resp_error.c frontends/resp/resp_error.h \
	frontends/resp/resp_hub.c frontends/resp/resp_hub.h \
	frontends/resp/resp_job.c frontends/resp/resp_job.h \
	frontends/resp/resp_multi.c frontends/resp/resp_multi.h \
	frontends/resp/resp_names.c frontends/resp/resp_names.h \
	frontends/resp/resp_protocol.c frontends/resp/resp_protocol.h \
	frontends/resp/resp_publish.c frontends/resp/resp_publish.h \
	frontends/resp/resp_read.c frontends/resp/resp_read.h \
	frontends/resp/resp_request.c frontends/resp/resp_request.h \
	frontends/resp/resp_revoke.c frontends/resp/resp_revoke.h \
	frontends/resp/resp_subscribe.c frontends/resp/resp_subscribe.h \
	frontends/resp/resp_table.c frontends/resp/resp_table.h \
	frontends/resp/resp_wait.c frontends/resp/resp_wait.h \
	frontends/resp/resp_xread.c frontends/resp/resp_xread.h \
	frontends/routes.c frontends/routes.h \
	frontends/sse/session.c frontends/sse/session.h \
	frontends/sse/sse.c frontends/sse/sse.h \
	frontends/ws/ws.c frontends/ws/ws.h \
	frontends/ws/ws_auth.c frontends/ws/ws_auth.h \
	frontends/ws/ws_connection.c frontends/ws/ws_connection.h \
	frontends/ws/ws_protocol.c frontends/ws/ws_protocol.h \
	frontends/ws/ws_publish.c frontends/ws/ws_publish.h \
	frontends/ws/ws_subscribe.c frontends/ws/ws_subscribe.h \
	frontends/ws/ws_waiting.c frontends/ws/ws_waiting.h

libwscodec_a_SOURCES += \
	frontends/resp/resp_encoding.c frontends/resp/resp_encoding.h \
	frontends/resp/resp_glob.c frontends/resp/resp_glob.h \
	frontends/resp/resp_reader.c frontends/resp/resp_reader.h \
	frontends/resp/resp_reply.c frontends/resp/resp_reply.h \
	frontends/sse/session_id.c frontends/sse/session_id.h \
	frontends/sse/session_request.c frontends/sse/session_request.h \
	frontends/sse/sse_encoding.c frontends/sse/sse_encoding.h \
	frontends/sse/sse_text.c frontends/sse/sse_text.h \
	frontends/ws/ws_control.c frontends/ws/ws_control.h \
	frontends/ws/ws_deflate.c frontends/ws/ws_deflate.h \
	frontends/ws/ws_encoding.c frontends/ws/ws_encoding.h \
	frontends/ws/ws_extension.c frontends/ws/ws_extension.h \
	frontends/ws/ws_frame.c frontends/ws/ws_frame.h \
	frontends/ws/ws_handshake.c frontends/ws/ws_handshake.h

AM_CPPFLAGS += -DLONGWIRE_VERSION='"$(PACKAGE_VERSION)"'

check_PROGRAMS += tests/unit/test_resp_names
TESTS += tests/unit/test_resp_names
tests_unit_test_resp_names_SOURCES = tests/unit/test_resp_names.c
tests_unit_test_resp_names_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_resp_names_LDADD = $(hub_libs) $(CHECK_LIBS)

EXTRA_DIST += \
	tests/e2e/60-resp3.test.mjs \
	tests/e2e/60-resp-multi.test.mjs \
	tests/e2e/62-redis-clients.test.mjs \
	tests/e2e/62-redis-py.test.mjs \
	tests/e2e/redis_py_client.py \
	tests/e2e/66-resp-globs.test.mjs \
	tests/e2e/66-resp-order.test.mjs
