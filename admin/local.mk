# admin/: what administrators ask; included by ../Makefile.am.
noinst_LIBRARIES += libadmin.a
libadmin_a_SOURCES = \
	admin/admin.c admin/admin.h \
	admin/http_status.c admin/http_status.h
