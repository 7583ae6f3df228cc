# Files of daemon/; included by ../Makefile.am.
include daemon/config.mk

sbin_PROGRAMS += longwired
longwired_SOURCES = \
	daemon/certificates.c daemon/certificates.h \
	daemon/file_stamp.c daemon/file_stamp.h \
	daemon/frontends.c daemon/frontends.h \
	daemon/hook_settings.c daemon/hook_settings.h \
	daemon/key_files.c daemon/key_files.h \
	daemon/keep_socket.c daemon/keep_socket.h \
	daemon/main.c \
	daemon/rules.c daemon/rules.h \
	daemon/secret_file.c daemon/secret_file.h \
	daemon/server_lookup.c daemon/server_lookup.h \
	daemon/server_watch.c daemon/server_watch.h \
	daemon/signals.c daemon/signals.h
longwired_LDADD = liblwconfig.a libh2.a $(hub_libs) libwscodec.a libhttpcodec.a libbroker.a \
	libmessage.a libbrokercodec.a libstorage.a libbase.a \
	$(JANSSON_LIBS) \
	$(LIBEVENT_LIBS) $(LMDB_LIBS) $(INIH_LIBS) $(XXHASH_LIBS) $(MBEDTLS_LIBS) \
	$(ZLIB_LIBS) $(NGHTTP2_LIBS) -lm
