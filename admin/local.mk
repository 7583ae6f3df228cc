# admin/: what administrators ask; included by ../Makefile.am.
noinst_LIBRARIES += libadmin.a
libadmin_a_SOURCES = \
	admin/admin.c admin/admin.h \
	admin/admin_access.c admin/admin_access.h \
	admin/admin_clients.c admin/admin_clients.h \
	admin/admin_document.c admin/admin_document.h \
	admin/admin_hooks.c admin/admin_hooks.h \
	admin/admin_revoke.c admin/admin_revoke.h \
	admin/admin_tls.c admin/admin_tls.h \
	admin/http_status.c admin/http_status.h
