# Unit tests of the daemon: its configuration, and what surrounds it; included by tests/local.mk.
config_tests = tests/unit/test_value tests/unit/test_config tests/unit/test_cli \
	tests/unit/test_cpus tests/unit/test_daemon tests/unit/test_data_dir tests/unit/test_key_files tests/unit/test_rules \
	tests/unit/test_server_url tests/unit/test_signals
check_PROGRAMS += $(config_tests) tests/unit/dump_settings
TESTS += $(config_tests) tests/check-options.py
dist_check_SCRIPTS += tests/check-options.py

config_libs = liblwconfig.a libaccess.a libbrokercodec.a libbase.a $(INIH_LIBS)

tests_unit_test_value_SOURCES = tests/unit/test_value.c
tests_unit_test_value_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_value_LDADD = $(config_libs) $(CHECK_LIBS)

tests_unit_test_config_SOURCES = tests/unit/test_config.c
tests_unit_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_config_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=strdup
tests_unit_test_config_LDADD = $(config_libs) $(CHECK_LIBS)

tests_unit_test_server_url_SOURCES = tests/unit/test_server_url.c
tests_unit_test_server_url_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_server_url_LDADD = $(config_libs) $(CHECK_LIBS)

tests_unit_test_cli_SOURCES = tests/unit/test_cli.c
tests_unit_test_cli_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_cli_LDADD = $(config_libs) $(CHECK_LIBS)

tests_unit_test_cpus_SOURCES = tests/unit/test_cpus.c
tests_unit_test_cpus_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_cpus_LDADD = $(config_libs) $(CHECK_LIBS)

# Includes daemon/main.c; the stand-ins are the layers that it starts.
tests_unit_test_daemon_SOURCES = tests/unit/test_daemon.c daemon/certificates.c daemon/file_stamp.c daemon/frontends.c daemon/keep_socket.c \
	daemon/hook_settings.c daemon/key_files.c daemon/secret_file.c daemon/rules.c daemon/server_lookup.c daemon/server_watch.c daemon/signals.c
tests_unit_test_daemon_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_daemon_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=store_open -Wl,--wrap=store_wrong \
	-Wl,--wrap=broker_create -Wl,--wrap=hub_start -Wl,--wrap=hub_call_worker \
	-Wl,--wrap=hub_call_broker -Wl,--wrap=worker_set_settings \
	-Wl,--wrap=broker_set_retention -Wl,--wrap=ws_encoding_set_deflate \
	-Wl,--wrap=packing_set_rule \
	-Wl,--wrap=log_set_level -Wl,--wrap=log_line
tests_unit_test_daemon_LDADD = $(longwired_LDADD) $(CHECK_LIBS)

tests_unit_test_data_dir_SOURCES = tests/unit/test_data_dir.c
tests_unit_test_data_dir_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_data_dir_LDADD = $(config_libs) $(CHECK_LIBS)

tests_unit_test_key_files_SOURCES = tests/unit/test_key_files.c tests/unit/token_maker.h \
	tests/unit/token_vectors.h daemon/file_stamp.c daemon/key_files.c daemon/secret_file.c
tests_unit_test_key_files_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_key_files_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=log_line
tests_unit_test_key_files_LDADD = $(config_libs) $(access_libs) $(CHECK_LIBS)

tests_unit_test_rules_SOURCES = tests/unit/test_rules.c daemon/rules.c
tests_unit_test_rules_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rules_LDADD = $(CHECK_LIBS)

tests_unit_test_signals_SOURCES = tests/unit/test_signals.c daemon/signals.c
tests_unit_test_signals_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_signals_LDADD = libbase.a $(CHECK_LIBS)

# The table of options as text, for check-options.py.
tests_unit_dump_settings_SOURCES = tests/unit/dump_settings.c
tests_unit_dump_settings_LDADD = $(config_libs)
