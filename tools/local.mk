# HTTP and WebSocket as a client sees them; for both programs below.
noinst_LIBRARIES += libclient.a
libclient_a_SOURCES = \
	tools/http_head.c tools/http_head.h \
	tools/ws_wire.c tools/ws_wire.h

# longwirectl, the admin command. Its parts are a library so that the unit test can link them.
noinst_LIBRARIES += libctl.a
libctl_a_SOURCES = \
	tools/ctl.h \
	tools/ctl_admin.c \
	tools/ctl_advice.c \
	tools/ctl_args.c \
	tools/ctl_backup.c \
	tools/ctl_damage.c \
	tools/ctl_doctor.c \
	tools/ctl_export.c \
	tools/ctl_hub.c \
	tools/ctl_import.c \
	tools/ctl_import_state.c tools/ctl_import_state.h \
	tools/ctl_line.c \
	tools/ctl_log.c \
	tools/ctl_out.c \
	tools/ctl_publish.c \
	tools/ctl_read.c \
	tools/ctl_run.c \
	tools/ctl_sample.c \
	tools/ctl_screen.c \
	tools/ctl_span.c \
	tools/ctl_status.c \
	tools/ctl_stop.c \
	tools/ctl_table.c \
	tools/ctl_text.c \
	tools/ctl_top.c \
	tools/ctl_topics.c \
	tools/ctl_verify.c \
	tools/doctor.h \
	tools/doctor_hold.c \
	tools/doctor_link.c \
	tools/doctor_pass.c \
	tools/doctor_report.c \
	tools/doctor_url.c

ctl_libs = libctl.a libclient.a libstorage.a libbase.a $(HIREDIS_LIBS) $(JANSSON_LIBS) $(LMDB_LIBS) \
	$(XXHASH_LIBS) -lm
bin_PROGRAMS += longwirectl
longwirectl_SOURCES = tools/longwirectl.c
longwirectl_LDADD = $(ctl_libs)

dist_man_MANS += doc/longwirectl.1

check_PROGRAMS += tests/unit/test_ctl tests/unit/test_doctor
TESTS += tests/unit/test_ctl tests/unit/test_doctor
tests_unit_test_ctl_SOURCES = tests/unit/test_ctl.c
tests_unit_test_ctl_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_LDADD = $(ctl_libs) $(CHECK_LIBS)
tests_unit_test_doctor_SOURCES = tests/unit/test_doctor.c
tests_unit_test_doctor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_doctor_LDADD = $(ctl_libs) $(CHECK_LIBS)

EXTRA_DIST += \
	tests/cli/advice.test.mjs \
	tests/cli/answers.test.mjs \
	tests/cli/doctor.test.mjs \
	tests/cli/figures.test.mjs \
	tests/cli/manual.test.mjs \
	tests/cli/moving.test.mjs \
	tests/cli/terminal.test.mjs \
	tests/cli/usage.test.mjs \
	tests/cli/lib/fake-hub.mjs \
	tests/cli/lib/ctl.mjs \
	tests/e2e/66-ctl.test.mjs \
	tests/e2e/95-doctor.test.mjs

# longwire-bench, the load generator; a library for the same reason.
noinst_LIBRARIES += libbench.a
libbench_a_SOURCES = \
	tools/bench.h \
	tools/bench_args.c \
	tools/bench_connect.c tools/bench_connect.h \
	tools/bench_fanout.c \
	tools/bench_fill.c \
	tools/bench_histogram.c tools/bench_histogram.h \
	tools/bench_http.c \
	tools/bench_live.c \
	tools/bench_log.c \
	tools/bench_log_bare.c tools/bench_log_bare.h \
	tools/bench_log_result.c tools/bench_log_result.h \
	tools/bench_log_store.c tools/bench_log_store.h \
	tools/bench_loop.c \
	tools/bench_mark.c tools/bench_mark.h \
	tools/bench_poll.c \
	tools/bench_process.c \
	tools/bench_progress.c tools/bench_progress.h \
	tools/bench_publish.c \
	tools/bench_publisher.c \
	tools/bench_publisher_http.c \
	tools/bench_publisher_resp.c \
	tools/bench_publisher_ws.c \
	tools/bench_raw.c \
	tools/bench_replay.c \
	tools/bench_report.c \
	tools/bench_resp.c \
	tools/bench_resume.c \
	tools/bench_sse.c \
	tools/bench_subscriber.c tools/bench_subscriber.h \
	tools/bench_transports.c tools/bench_transports.h \
	tools/bench_ws.c

bench_libs = libbench.a libclient.a libstorage.a libbase.a $(LMDB_LIBS) $(XXHASH_LIBS) -lm
bin_PROGRAMS += longwire-bench
longwire_bench_SOURCES = tools/longwire-bench.c
longwire_bench_LDADD = $(bench_libs)

dist_man_MANS += doc/longwire-bench.1
EXTRA_DIST += \
	tools/attack.py \
	tools/bench-suite.py \
	tools/bench_plots.py \
	tools/bench_report.py \
	tests/e2e/90-bench.test.mjs
