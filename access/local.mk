# access/: who may do what, as values: no socket, no clock; included by ../Makefile.am. Those who link
# it link $(access_libs) behind it.
noinst_LIBRARIES += libaccess.a
libaccess_a_SOURCES = \
	access/access.c access/access.h \
	access/access_right.h \
	access/algorithm.c access/algorithm.h \
	access/claims.c access/claims.h \
	access/grants.c access/grants.h \
	access/host.c access/host.h \
	access/json_tree.c access/json_tree.h \
	access/jwk.c access/jwk.h \
	access/key.c access/key.h \
	access/key_set.c access/key_set.h \
	access/key_text.c access/key_text.h \
	access/mercure.c access/mercure.h \
	access/origin.c access/origin.h \
	access/principal.c access/principal.h \
	access/token.c access/token.h \
	access/token_cache.c access/token_cache.h \
	access/token_fault.c access/token_fault.h
access_libs = libbrokercodec.a libbase.a $(MBEDTLS_LIBS) $(JANSSON_LIBS)
