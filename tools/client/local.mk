# HTTP, WebSocket and TLS as a client sees them; for both programs below.
noinst_LIBRARIES += libclient.a
libclient_a_SOURCES = \
	tools/client/http_head.c tools/client/http_head.h \
	tools/client/tls_certificate.c tools/client/tls_certificate.h \
	tools/client/tls_client.c tools/client/tls_client.h \
	tools/client/tls_seal.c tools/client/tls_seal.h \
	tools/client/ws_wire.c tools/client/ws_wire.h
