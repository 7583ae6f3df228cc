# longwirectl, the admin command. Its parts are a library so that the unit test can link them.
noinst_LIBRARIES += libctl.a
libctl_a_SOURCES = \
	tools/ctl.h \
	tools/ctl_admin.c \
	tools/ctl_advice.c \
	tools/ctl_args.c \
	tools/ctl_hub.c \
	tools/ctl_out.c \
	tools/ctl_publish.c \
	tools/ctl_read.c \
	tools/ctl_sample.c \
	tools/ctl_screen.c \
	tools/ctl_span.c \
	tools/ctl_status.c \
	tools/ctl_table.c \
	tools/ctl_text.c \
	tools/ctl_top.c \
	tools/ctl_topics.c

bin_PROGRAMS += longwirectl
longwirectl_SOURCES = tools/longwirectl.c
longwirectl_LDADD = libctl.a libbase.a $(HIREDIS_LIBS) $(JANSSON_LIBS)

dist_man_MANS += doc/longwirectl.1
