# Unit tests of messages and of the pure codecs; included by tests/local.mk.
codec_tests = \
	tests/unit/test_message \
	tests/unit/test_envelope \
	tests/unit/test_encodings \
	tests/unit/test_packing \
	tests/unit/test_sse_encoding \
	tests/unit/test_ws_encoding \
	tests/unit/test_resp_encoding \
	tests/unit/test_resp_glob \
	tests/unit/test_resp_reader \
	tests/unit/test_ws_deflate \
	tests/unit/test_ws_extension \
	tests/unit/test_ws_frame \
	tests/unit/test_ws_handshake \
	tests/unit/test_json_slice \
	tests/unit/test_session_id \
	tests/unit/test_session_request \
	tests/unit/test_ws_control
check_PROGRAMS += $(codec_tests)
TESTS += $(codec_tests)

# Each of the two codec libraries uses the other.
codec_test_libs = libwscodec.a libhttpcodec.a libwscodec.a libmessage.a libbrokercodec.a libbase.a \
	$(MBEDCRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS)

tests_unit_test_message_SOURCES = tests/unit/test_message.c
tests_unit_test_message_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_message_LDADD = $(codec_test_libs)

tests_unit_test_envelope_SOURCES = tests/unit/test_envelope.c
tests_unit_test_envelope_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_envelope_LDADD = $(codec_test_libs)

encoding_fixture = tests/unit/encoding_fixture.c tests/unit/encoding_fixture.h

tests_unit_test_encodings_SOURCES = tests/unit/test_encodings.c $(encoding_fixture)
tests_unit_test_encodings_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_encodings_LDADD = $(codec_test_libs)

tests_unit_test_packing_SOURCES = tests/unit/test_packing.c $(encoding_fixture)
tests_unit_test_packing_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_packing_LDADD = $(codec_test_libs)

tests_unit_test_sse_encoding_SOURCES = tests/unit/test_sse_encoding.c $(encoding_fixture)
tests_unit_test_sse_encoding_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_sse_encoding_LDADD = $(codec_test_libs)

tests_unit_test_ws_encoding_SOURCES = tests/unit/test_ws_encoding.c $(encoding_fixture)
tests_unit_test_ws_encoding_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ws_encoding_LDADD = $(codec_test_libs)

tests_unit_test_resp_encoding_SOURCES = tests/unit/test_resp_encoding.c $(encoding_fixture)
tests_unit_test_resp_encoding_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_resp_encoding_LDADD = $(codec_test_libs)

tests_unit_test_resp_glob_SOURCES = tests/unit/test_resp_glob.c
tests_unit_test_resp_glob_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_resp_glob_LDADD = $(codec_test_libs)

tests_unit_test_resp_reader_SOURCES = tests/unit/test_resp_reader.c
tests_unit_test_resp_reader_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_resp_reader_LDADD = $(codec_test_libs)

tests_unit_test_ws_deflate_SOURCES = tests/unit/test_ws_deflate.c
tests_unit_test_ws_deflate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ws_deflate_LDADD = $(codec_test_libs)

tests_unit_test_ws_extension_SOURCES = tests/unit/test_ws_extension.c
tests_unit_test_ws_extension_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ws_extension_LDADD = $(codec_test_libs)

tests_unit_test_ws_frame_SOURCES = tests/unit/test_ws_frame.c
tests_unit_test_ws_frame_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ws_frame_LDADD = $(codec_test_libs)

tests_unit_test_ws_handshake_SOURCES = tests/unit/test_ws_handshake.c
tests_unit_test_ws_handshake_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ws_handshake_LDADD = $(codec_test_libs)

tests_unit_test_json_slice_SOURCES = tests/unit/test_json_slice.c
tests_unit_test_json_slice_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_json_slice_LDADD = $(codec_test_libs)

tests_unit_test_session_id_SOURCES = tests/unit/test_session_id.c
tests_unit_test_session_id_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_session_id_LDADD = $(codec_test_libs)

tests_unit_test_session_request_SOURCES = tests/unit/test_session_request.c
tests_unit_test_session_request_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_session_request_LDADD = $(codec_test_libs)

tests_unit_test_ws_control_SOURCES = tests/unit/test_ws_control.c
tests_unit_test_ws_control_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ws_control_LDADD = $(codec_test_libs)
