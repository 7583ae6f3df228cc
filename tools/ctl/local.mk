# longwirectl, the admin command. Its parts are a library so that the unit test can link them.
noinst_LIBRARIES += libctl.a
libctl_a_SOURCES = \
	tools/ctl/ctl_commands.h \
	tools/ctl/ctl_exit.h \
	tools/ctl/ctl_access.c \
	tools/ctl/ctl_admin.c \
	tools/ctl/ctl_advice.c tools/ctl/ctl_advice.h \
	tools/ctl/ctl_args.c tools/ctl/ctl_args.h \
	tools/ctl/ctl_backup.c \
	tools/ctl/ctl_damage.c tools/ctl/ctl_damage.h \
	tools/ctl/ctl_doctor.c \
	tools/ctl/ctl_export.c \
	tools/ctl/ctl_hub.c tools/ctl/ctl_hub.h \
	tools/ctl/ctl_import.c \
	tools/ctl/ctl_import_alone.c tools/ctl/ctl_import_alone.h \
	tools/ctl/ctl_import_state.c tools/ctl/ctl_import_state.h \
	tools/ctl/ctl_line.c tools/ctl/ctl_line.h \
	tools/ctl/ctl_log.c tools/ctl/ctl_log.h \
	tools/ctl/ctl_out.c tools/ctl/ctl_out.h \
	tools/ctl/ctl_publish.c \
	tools/ctl/ctl_read.c tools/ctl/ctl_read.h \
	tools/ctl/ctl_revoke.c \
	tools/ctl/ctl_run.c tools/ctl/ctl_run.h \
	tools/ctl/ctl_sample.c tools/ctl/ctl_sample.h \
	tools/ctl/ctl_screen.c tools/ctl/ctl_screen.h \
	tools/ctl/ctl_span.c tools/ctl/ctl_span.h \
	tools/ctl/ctl_status.c \
	tools/ctl/ctl_stop.c tools/ctl/ctl_stop.h \
	tools/ctl/ctl_table.c tools/ctl/ctl_table.h \
	tools/ctl/ctl_text.c tools/ctl/ctl_text.h \
	tools/ctl/ctl_hooks.c \
	tools/ctl/ctl_tls.c \
	tools/ctl/ctl_token.c \
	tools/ctl/ctl_token_make.c tools/ctl/ctl_token_make.h \
	tools/ctl/ctl_token_sign.c tools/ctl/ctl_token_sign.h \
	tools/ctl/ctl_token_text.c tools/ctl/ctl_token_text.h \
	tools/ctl/ctl_top.c \
	tools/ctl/ctl_presence.c \
	tools/ctl/ctl_topics.c \
	tools/ctl/ctl_verify.c

ctl_libs = libctl.a libclient.a libaccess.a libbrokercodec.a libstorage.a libbase.a $(HIREDIS_LIBS) $(JANSSON_LIBS) $(LMDB_LIBS) \
	$(XXHASH_LIBS) $(MBEDTLS_LIBS) -lm
bin_PROGRAMS += longwirectl
longwirectl_SOURCES = tools/ctl/longwirectl.c
longwirectl_LDADD = $(ctl_libs)

dist_man_MANS += doc/longwirectl.1

ctl_tests = \
	tests/unit/test_ctl_text \
	tests/unit/test_ctl_span \
	tests/unit/test_ctl_line \
	tests/unit/test_ctl_import_state \
	tests/unit/test_ctl_table \
	tests/unit/test_ctl_sample \
	tests/unit/test_doctor \
	tests/unit/test_tls_certificate
check_PROGRAMS += $(ctl_tests)
TESTS += $(ctl_tests)
tests_unit_test_ctl_text_SOURCES = tests/unit/test_ctl_text.c
tests_unit_test_ctl_text_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_text_LDADD = $(ctl_libs) $(CHECK_LIBS)

tests_unit_test_ctl_span_SOURCES = tests/unit/test_ctl_span.c
tests_unit_test_ctl_span_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_span_LDADD = $(ctl_libs) $(CHECK_LIBS)

tests_unit_test_ctl_line_SOURCES = tests/unit/test_ctl_line.c
tests_unit_test_ctl_line_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_line_LDADD = $(ctl_libs) $(CHECK_LIBS)

tests_unit_test_ctl_import_state_SOURCES = tests/unit/test_ctl_import_state.c
tests_unit_test_ctl_import_state_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_import_state_LDADD = $(ctl_libs) $(CHECK_LIBS)

tests_unit_test_ctl_table_SOURCES = tests/unit/test_ctl_table.c
tests_unit_test_ctl_table_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_table_LDADD = $(ctl_libs) $(CHECK_LIBS)

tests_unit_test_ctl_sample_SOURCES = tests/unit/test_ctl_sample.c
tests_unit_test_ctl_sample_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_sample_LDADD = $(ctl_libs) $(CHECK_LIBS)
tests_unit_test_doctor_SOURCES = tests/unit/test_doctor.c
tests_unit_test_doctor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_doctor_LDADD = $(ctl_libs) $(CHECK_LIBS)

tests_unit_test_tls_certificate_SOURCES = tests/unit/test_tls_certificate.c \
	tests/unit/certificate_pem.h
tests_unit_test_tls_certificate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_certificate_LDADD = libclient.a libbase.a $(MBEDTLS_LIBS) $(CHECK_LIBS)

EXTRA_DIST += \
	tests/cli/advice.test.mjs \
	tests/cli/answers.test.mjs \
	tests/cli/doctor.test.mjs \
	tests/cli/doctor-tls.test.mjs \
	tests/cli/figures.test.mjs \
	tests/cli/manual.test.mjs \
	tests/cli/moving.test.mjs \
	tests/cli/terminal.test.mjs \
	tests/cli/usage.test.mjs \
	tests/cli/lib/fake-hub.mjs \
	tests/cli/lib/ctl.mjs \
	tests/e2e/66-ctl.test.mjs \
	tests/e2e/95-doctor.test.mjs
