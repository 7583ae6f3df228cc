# access/: who may do what, as values: no socket, no clock; included by ../Makefile.am.
noinst_LIBRARIES += libaccess.a
libaccess_a_SOURCES = \
	access/access.h \
	access/host.c access/host.h \
	access/origin.c access/origin.h
