# net/: the loop, connections, links and listening sockets; included by ../Makefile.am.
# The floors above the broker, from the top.
hub_libs = libfrontends.a libadmin.a libhttp.a libhttpclient.a libaccess.a libdelivery.a libtls.a libnet.a

noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	net/backlog.c net/backlog.h \
	net/budget.c net/budget.h \
	net/client.c net/client.h \
	net/conn.c net/conn.h \
	net/counters.c net/counters.h \
	net/crypto_threads.c net/crypto_threads.h \
	net/fan.c net/fan.h \
	net/holding.c net/holding.h \
	net/link.c net/link.h \
	net/listener.c net/listener.h \
	net/local_socket.c net/local_socket.h \
	net/loop.c net/loop.h \
	net/output.c net/output.h \
	net/peer.c net/peer.h \
	net/peer_memory.c net/peer_memory.h \
	net/proxy.c net/proxy.h \
	net/readiness.c net/readiness.h \
	net/refusals.c net/refusals.h \
	net/remote.c net/remote.h \
	net/service.h \
	net/settings.c net/settings.h \
	net/socket.c net/socket.h \
	net/spread.c net/spread.h \
	net/submission.c net/submission.h \
	net/transport.c net/transport.h \
	net/turn.c net/turn.h \
	net/turn_clock.c net/turn_clock.h \
	net/wheel.c net/wheel.h

# TLS: what is behind the handshake, its records, and the links that wrap others.
noinst_LIBRARIES += libtls.a
libtls_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(NETTLE_CFLAGS)
libtls_a_SOURCES = \
	net/tls/tls_accept.c net/tls/tls_accept.h \
	net/tls/tls_alert.c net/tls/tls_alert.h \
	net/tls/tls_context.c net/tls/tls_context.h \
	net/tls/tls_curve.c net/tls/tls_curve.h \
	net/tls/tls_export.c net/tls/tls_export.h \
	net/tls/tls_handshake.c net/tls/tls_handshake.h \
	net/tls/tls_hash.c net/tls/tls_hash.h \
	net/tls/tls_hello.c net/tls/tls_hello.h \
	net/tls/tls_keys.c net/tls/tls_keys.h \
	net/tls/tls_link.c net/tls/tls_link.h \
	net/tls/tls_names.c net/tls/tls_names.h \
	net/tls/tls_record.c net/tls/tls_record.h \
	net/tls/tls_session_link.c net/tls/tls_session_link.h \
	net/tls/tls_tickets.c net/tls/tls_tickets.h

# HTTP as text: readers and writers without I/O; http_response.c also needs libwscodec.a.
noinst_LIBRARIES += libhttpcodec.a
libhttpcodec_a_SOURCES = \
	net/proxy_header.c net/proxy_header.h
