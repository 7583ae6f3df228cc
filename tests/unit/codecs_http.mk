# Unit tests of HTTP as text, cursors, topic names and times; included by tests/local.mk.
http_codec_tests = \
	tests/unit/test_accept \
	tests/unit/test_accept_encoding \
	tests/unit/test_breaker \
	tests/unit/test_cache_control \
	tests/unit/test_cursor \
	tests/unit/test_field \
	tests/unit/test_field_scalar \
	tests/unit/test_forwarded \
	tests/unit/test_h2_strict \
	tests/unit/test_http_due \
	tests/unit/test_http_familiar \
	tests/unit/test_http_fields \
	tests/unit/test_http_repeat \
	tests/unit/test_http_reply \
	tests/unit/test_http_request \
	tests/unit/test_http_request_scalar \
	tests/unit/test_http_response \
	tests/unit/test_http_routes \
	tests/unit/test_prefer \
	tests/unit/test_proxy_header \
	tests/unit/test_rfc3339 \
	tests/unit/test_token_source \
	tests/unit/test_topic_name \
	tests/unit/test_url
check_PROGRAMS += $(http_codec_tests)
TESTS += $(http_codec_tests)

http_codec_test_libs = libhttpcodec.a libwscodec.a libmessage.a libbrokercodec.a libbase.a \
	$(MBEDCRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS)

tests_unit_test_accept_SOURCES = tests/unit/test_accept.c
tests_unit_test_accept_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_accept_LDADD = libhttpcodec.a $(CHECK_LIBS)

tests_unit_test_accept_encoding_SOURCES = tests/unit/test_accept_encoding.c
tests_unit_test_accept_encoding_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_accept_encoding_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_token_source_SOURCES = tests/unit/test_token_source.c
tests_unit_test_token_source_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_token_source_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_breaker_SOURCES = tests/unit/test_breaker.c
tests_unit_test_breaker_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_breaker_LDADD = libhttpclient.a $(CHECK_LIBS)

tests_unit_test_cache_control_SOURCES = tests/unit/test_cache_control.c
tests_unit_test_cache_control_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_cache_control_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_cursor_SOURCES = tests/unit/test_cursor.c
tests_unit_test_cursor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_cursor_LDADD = libbrokercodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_field_SOURCES = tests/unit/test_field.c
tests_unit_test_field_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_field_LDADD = libhttpcodec.a $(CHECK_LIBS)

# What machines without SSE2 do.
tests_unit_test_field_scalar_SOURCES = tests/unit/test_field.c http/field.c
tests_unit_test_field_scalar_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -DFIELD_SCALAR
tests_unit_test_field_scalar_LDADD = $(CHECK_LIBS)

tests_unit_test_h2_strict_SOURCES = tests/unit/test_h2_strict.c http/h2/h2_cut.c http/h2/h2_cut.h \
	http/h2/h2_strict.c http/h2/h2_strict.h
tests_unit_test_h2_strict_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_h2_strict_LDADD = $(CHECK_LIBS)

tests_unit_test_http_due_SOURCES = tests/unit/test_http_due.c
tests_unit_test_http_due_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_due_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_http_request_SOURCES = tests/unit/test_http_request.c tests/http_transcript.c \
	tests/http_transcript.h tests/require.h
tests_unit_test_http_request_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_request_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_http_request_scalar_SOURCES = $(tests_unit_test_http_request_SOURCES) \
	http/field.c
tests_unit_test_http_request_scalar_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -DFIELD_SCALAR
tests_unit_test_http_request_scalar_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_http_fields_SOURCES = tests/unit/test_http_fields.c
tests_unit_test_http_fields_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_fields_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_http_familiar_SOURCES = tests/unit/test_http_familiar.c
tests_unit_test_http_familiar_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_familiar_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_http_repeat_SOURCES = tests/unit/test_http_repeat.c
tests_unit_test_http_repeat_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_repeat_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_http_reply_SOURCES = tests/unit/test_http_reply.c tests/reply_transcript.c \
	tests/reply_transcript.h tests/require.h
tests_unit_test_http_reply_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_reply_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_http_response_SOURCES = tests/unit/test_http_response.c
tests_unit_test_http_response_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_response_LDADD = $(http_codec_test_libs)

tests_unit_test_rfc3339_SOURCES = tests/unit/test_rfc3339.c
tests_unit_test_rfc3339_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rfc3339_LDADD = libbase.a $(CHECK_LIBS)

tests_unit_test_topic_name_SOURCES = tests/unit/test_topic_name.c
tests_unit_test_topic_name_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_topic_name_LDADD = libbrokercodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_url_SOURCES = tests/unit/test_url.c
tests_unit_test_url_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_url_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_forwarded_SOURCES = tests/unit/test_forwarded.c
tests_unit_test_forwarded_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_forwarded_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_http_routes_SOURCES = tests/unit/test_http_routes.c
tests_unit_test_http_routes_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_routes_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_prefer_SOURCES = tests/unit/test_prefer.c
tests_unit_test_prefer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_prefer_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)

tests_unit_test_proxy_header_SOURCES = tests/unit/test_proxy_header.c
tests_unit_test_proxy_header_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_header_LDADD = libhttpcodec.a libbase.a $(CHECK_LIBS)
