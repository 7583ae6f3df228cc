# Fuzz targets of WebSocket, JSON and RESP; included by tests/local.mk behind http.mk, which says how
# they are linked.
if !FUZZING
TESTS += $(ws_fuzz_targets)
endif

ws_fuzz_targets = \
	tests/fuzz/fuzz_resp_glob \
	tests/fuzz/fuzz_resp_reader \
	tests/fuzz/fuzz_session_request \
	tests/fuzz/fuzz_ws_control \
	tests/fuzz/fuzz_ws_deflate \
	tests/fuzz/fuzz_ws_extension \
	tests/fuzz/fuzz_ws_frame
check_PROGRAMS += $(ws_fuzz_targets)

ws_fuzz_libs = libwscodec.a libhttpcodec.a libwscodec.a libmessage.a libbrokercodec.a libbase.a \
	$(MBEDCRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS)

tests_fuzz_fuzz_resp_glob_SOURCES = tests/fuzz/fuzz_resp_glob.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_resp_glob_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_resp_glob_LDADD = $(ws_fuzz_libs)

tests_fuzz_fuzz_resp_reader_SOURCES = tests/fuzz/fuzz_resp_reader.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_resp_reader_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_resp_reader_LDADD = $(ws_fuzz_libs)

tests_fuzz_fuzz_session_request_SOURCES = tests/fuzz/fuzz_session_request.c $(fuzz_common) \
	$(fuzz_main)
tests_fuzz_fuzz_session_request_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_session_request_LDADD = $(ws_fuzz_libs)

tests_fuzz_fuzz_ws_control_SOURCES = tests/fuzz/fuzz_ws_control.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_ws_control_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_ws_control_LDADD = $(ws_fuzz_libs)

tests_fuzz_fuzz_ws_deflate_SOURCES = tests/fuzz/fuzz_ws_deflate.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_ws_deflate_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_ws_deflate_LDADD = $(ws_fuzz_libs)

tests_fuzz_fuzz_ws_extension_SOURCES = tests/fuzz/fuzz_ws_extension.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_ws_extension_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_ws_extension_LDADD = $(ws_fuzz_libs)

tests_fuzz_fuzz_ws_frame_SOURCES = tests/fuzz/fuzz_ws_frame.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_ws_frame_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_ws_frame_LDADD = $(ws_fuzz_libs)

EXTRA_DIST += \
	tests/fuzz/corpus/fuzz_resp_glob \
	tests/fuzz/corpus/fuzz_resp_reader \
	tests/fuzz/corpus/fuzz_session_request \
	tests/fuzz/corpus/fuzz_ws_control \
	tests/fuzz/corpus/fuzz_ws_deflate \
	tests/fuzz/corpus/fuzz_ws_extension \
	tests/fuzz/corpus/fuzz_ws_frame
