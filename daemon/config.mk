# The configuration, apart from the daemon so that tests can link it.
noinst_LIBRARIES += liblwconfig.a
liblwconfig_a_SOURCES = \
	daemon/cli.c daemon/cli.h \
	daemon/config.h \
	daemon/config_key.c daemon/config_key.h \
	daemon/config_load.c daemon/config_load.h \
	daemon/config_print.c daemon/config_print.h \
	daemon/config_rule.c daemon/config_rule.h \
	daemon/cpus.c daemon/cpus.h \
	daemon/data_dir.c daemon/data_dir.h \
	daemon/server_url.c daemon/server_url.h \
	daemon/setting.c daemon/setting.h \
	daemon/value.c daemon/value.h
liblwconfig_a_CPPFLAGS = $(AM_CPPFLAGS) -DLONGWIRE_SYSCONFDIR='"$(sysconfdir)/longwire"'
