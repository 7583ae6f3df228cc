# longwire-bench, the load generator; a library for the same reason.
noinst_LIBRARIES += libbench.a
libbench_a_SOURCES = \
	tools/bench/bench.h tools/bench/bench_modes.h \
	tools/bench/bench_args.c tools/bench/bench_args.h \
	tools/bench/bench_connect.c tools/bench/bench_connect.h \
	tools/bench/bench_fanout.c \
	tools/bench/bench_fill.c \
	tools/bench/bench_h2.c \
	tools/bench/bench_handshake.c \
	tools/bench/bench_histogram.c tools/bench/bench_histogram.h \
	tools/bench/bench_http.c tools/bench/bench_http.h \
	tools/bench/bench_live.c tools/bench/bench_live.h \
	tools/bench/bench_log.c \
	tools/bench/bench_log_bare.c tools/bench/bench_log_bare.h \
	tools/bench/bench_log_journal.c tools/bench/bench_log_journal.h \
	tools/bench/bench_log_result.c tools/bench/bench_log_result.h \
	tools/bench/bench_log_store.c tools/bench/bench_log_store.h \
	tools/bench/bench_loop.c tools/bench/bench_loop.h \
	tools/bench/bench_mark.c tools/bench/bench_mark.h \
	tools/bench/bench_poll.c \
	tools/bench/bench_process.c tools/bench/bench_process.h \
	tools/bench/bench_progress.c tools/bench/bench_progress.h \
	tools/bench/bench_publish.c \
	tools/bench/bench_publisher.c tools/bench/bench_publisher.h \
	tools/bench/bench_publisher_http.c \
	tools/bench/bench_publisher_resp.c \
	tools/bench/bench_publisher_ws.c \
	tools/bench/bench_raw.c tools/bench/bench_raw.h \
	tools/bench/bench_raw_poll.c tools/bench/bench_raw_poll.h \
	tools/bench/bench_replay.c \
	tools/bench/bench_report.c tools/bench/bench_report.h \
	tools/bench/bench_resp.c \
	tools/bench/bench_resume.c \
	tools/bench/bench_seal.c \
	tools/bench/bench_sse.c \
	tools/bench/bench_subscriber.c tools/bench/bench_subscriber.h \
	tools/bench/bench_token.c \
	tools/bench/bench_transports.c tools/bench/bench_transports.h \
	tools/bench/bench_wire.c tools/bench/bench_wire.h \
	tools/bench/bench_ws.c

bench_libs = libbench.a libctl.a libclient.a libaccess.a libbrokercodec.a libstorage.a libbase.a $(LMDB_LIBS) $(XXHASH_LIBS) \
	$(MBEDTLS_LIBS) $(NGHTTP2_LIBS) $(JANSSON_LIBS) -lm
bin_PROGRAMS += longwire-bench
longwire_bench_SOURCES = tools/bench/longwire-bench.c
longwire_bench_LDADD = $(bench_libs)

dist_man_MANS += doc/longwire-bench.1
EXTRA_DIST += \
	tools/bench/attack.py \
	tools/bench/bench-suite.py \
	tools/bench/bench_access.py \
	tools/bench/bench_floods.py \
	tools/bench/bench_plots.py \
	tools/bench/bench_quiet.py \
	tools/bench/bench_report.py \
	tools/bench/bench_tls.py \
	tests/e2e/90-bench.test.mjs
