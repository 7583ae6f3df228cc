# HTTP and WebSocket as a client sees them; for both programs below.
noinst_LIBRARIES += libclient.a
libclient_a_SOURCES = \
	tools/client/http_head.c tools/client/http_head.h \
	tools/client/ws_wire.c tools/client/ws_wire.h
