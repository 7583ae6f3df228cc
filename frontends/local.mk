# Files of frontends/; included by ../Makefile.am.
include frontends/codecs_http.mk
include frontends/codecs_ws.mk

noinst_LIBRARIES += libfrontends.a
libfrontends_a_SOURCES = \
	frontends/backlog.c frontends/backlog.h \
	frontends/budget.c frontends/budget.h \
	frontends/conn.c frontends/conn.h \
	frontends/counters.c frontends/counters.h \
	frontends/http/forwarding.c frontends/http/forwarding.h \
	frontends/http/http.c frontends/http/http.h \
	frontends/http/http_access.c frontends/http/http_access.h \
	frontends/http/http_refusal.c frontends/http/http_refusal.h \
	frontends/http/http_status.c frontends/http/http_status.h \
	frontends/http/proxy.c frontends/http/proxy.h \
	frontends/http/webfiles.c frontends/http/webfiles.h \
	frontends/fanout.c frontends/fanout.h \
	frontends/holding.c frontends/holding.h \
	frontends/joiner.c frontends/joiner.h \
	frontends/counting.c frontends/counting.h \
	frontends/lagging.c frontends/lagging.h \
	frontends/listener.c frontends/listener.h \
	frontends/local_socket.c frontends/local_socket.h \
	frontends/loop.c frontends/loop.h \
	frontends/peer.c frontends/peer.h \
	frontends/peer_memory.c frontends/peer_memory.h \
	frontends/poll.c frontends/poll.h \
	frontends/poll_shared.c frontends/poll_shared.h \
	frontends/poll_body.c frontends/poll_body.h \
	frontends/publish.c frontends/publish.h \
	frontends/readiness.c frontends/readiness.h \
	frontends/refusals.c frontends/refusals.h \
	frontends/service.h \
	frontends/routes.c frontends/routes.h \
	frontends/session.c frontends/session.h \
	frontends/settings.c frontends/settings.h \
	frontends/sse.c frontends/sse.h \
	frontends/stream.c frontends/stream.h \
	frontends/stream_table.c frontends/stream_table.h \
	frontends/subscribe.c frontends/subscribe.h \
	frontends/turn_clock.c frontends/turn_clock.h \
	frontends/transport.c frontends/transport.h \
	frontends/turn.c frontends/turn.h \
	frontends/wheel.c frontends/wheel.h \
	frontends/worker.c frontends/worker.h \
	frontends/worker_thread.c frontends/worker_thread.h \
	frontends/ws/ws.c frontends/ws/ws.h
libfrontends_a_CFLAGS = $(AM_CFLAGS) -Wa,-I,$(top_srcdir)
include frontends/resp.mk

# webfiles.c takes these files in.
frontends/http/libfrontends_a-webfiles.$(OBJEXT): $(top_srcdir)/clients/js/longwire.js \
	$(top_srcdir)/demo/index.html $(top_srcdir)/demo/demo.js $(top_srcdir)/demo/demo.css \
	$(top_srcdir)/demo/icon.svg
