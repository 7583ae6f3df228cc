# Fuzz targets of HTTP, cursors and topics; included by tests/local.mk. `make check` replays each
# corpus; with --enable-fuzzing the programs are libFuzzer's: tests/fuzz/fuzz_x [CORPUS].
fuzz_common = tests/fuzz/fuzz.h tests/require.h
if FUZZING
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_main = tests/fuzz/replay_main.c
fuzz_ldflags = $(AM_LDFLAGS)
TESTS += $(http_fuzz_targets)
endif

http_fuzz_targets = \
	tests/fuzz/fuzz_accept \
	tests/fuzz/fuzz_accept_encoding \
	tests/fuzz/fuzz_cursor \
	tests/fuzz/fuzz_forwarded \
	tests/fuzz/fuzz_token_source \
	tests/fuzz/fuzz_http_reply \
	tests/fuzz/fuzz_http_request \
	tests/fuzz/fuzz_proxy_header \
	tests/fuzz/fuzz_topic \
	tests/fuzz/fuzz_url
check_PROGRAMS += $(http_fuzz_targets)

tests_fuzz_fuzz_accept_SOURCES = tests/fuzz/fuzz_accept.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_accept_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_accept_LDADD = libhttpcodec.a libbase.a

tests_fuzz_fuzz_accept_encoding_SOURCES = tests/fuzz/fuzz_accept_encoding.c $(fuzz_common) \
	$(fuzz_main)
tests_fuzz_fuzz_accept_encoding_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_accept_encoding_LDADD = libhttpcodec.a libbase.a

tests_fuzz_fuzz_cursor_SOURCES = tests/fuzz/fuzz_cursor.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_cursor_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_cursor_LDADD = libbrokercodec.a libbase.a

tests_fuzz_fuzz_http_reply_SOURCES = tests/fuzz/fuzz_http_reply.c $(fuzz_common) \
	tests/reply_transcript.c tests/reply_transcript.h $(fuzz_main)
tests_fuzz_fuzz_http_reply_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_reply_LDADD = libhttpcodec.a libbase.a

tests_fuzz_fuzz_http_request_SOURCES = tests/fuzz/fuzz_http_request.c $(fuzz_common) \
	tests/http_transcript.c tests/http_transcript.h $(fuzz_main)
tests_fuzz_fuzz_http_request_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_request_LDADD = libhttpcodec.a libbase.a

tests_fuzz_fuzz_token_source_SOURCES = tests/fuzz/fuzz_token_source.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_token_source_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_token_source_LDADD = libhttpcodec.a libbase.a

tests_fuzz_fuzz_forwarded_SOURCES = tests/fuzz/fuzz_forwarded.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_forwarded_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_forwarded_LDADD = libhttpcodec.a libbase.a

tests_fuzz_fuzz_proxy_header_SOURCES = tests/fuzz/fuzz_proxy_header.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_proxy_header_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_proxy_header_LDADD = libhttpcodec.a libbase.a

tests_fuzz_fuzz_topic_SOURCES = tests/fuzz/fuzz_topic.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_topic_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_topic_LDADD = libbrokercodec.a libbase.a

tests_fuzz_fuzz_url_SOURCES = tests/fuzz/fuzz_url.c $(fuzz_common) $(fuzz_main)
tests_fuzz_fuzz_url_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_url_LDADD = libhttpcodec.a libbase.a

EXTRA_DIST += \
	tests/fuzz/corpus/fuzz_accept \
	tests/fuzz/corpus/fuzz_accept_encoding \
	tests/fuzz/corpus/fuzz_cursor \
	tests/fuzz/corpus/fuzz_forwarded \
	tests/fuzz/corpus/fuzz_token_source \
	tests/fuzz/corpus/fuzz_http_reply \
	tests/fuzz/corpus/fuzz_http_request \
	tests/fuzz/corpus/fuzz_proxy_header \
	tests/fuzz/corpus/fuzz_topic \
	tests/fuzz/corpus/fuzz_url
