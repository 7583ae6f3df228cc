# http/: requests and answers, whatever is asked by them; included by ../Makefile.am.
noinst_LIBRARIES += libhttp.a
libhttp_a_SOURCES = \
	http/audit.c http/audit.h \
	http/auth_cache.c http/auth_cache.h \
	http/auth_request.c http/auth_request.h \
	http/auth_subject.c http/auth_subject.h \
	http/bearer.c http/bearer.h \
	http/compress.c http/compress.h \
	http/dispatch.c http/dispatch.h \
	http/exchange.c http/exchange.h \
	http/forwarding.c http/forwarding.h \
	http/h1/h1.c http/h1/h1.h \
	http/h1/h1_answer.c http/h1/h1_answer.h \
	http/h1/h1_protocol.c http/h1/h1_protocol.h \
	http/h1/h1_publish.c http/h1/h1_publish.h \
	http/h1/h1_reader.c http/h1/h1_reader.h \
	http/h1/h1_silent.c http/h1/h1_silent.h \
	http/http_access.c http/http_access.h \
	http/http_quota.c http/http_quota.h \
	http/http_refusal.c http/http_refusal.h \
	http/http_time.c http/http_time.h \
	http/http_transport.c http/http_transport.h \
	http/judge.c http/judge.h \
	http/presence.c http/presence.h \
	http/publish.c http/publish.h \
	http/secure.c http/secure.h \
	http/shared_answer.c http/shared_answer.h \
	http/subscribe.c http/subscribe.h \
	http/tokens.c http/tokens.h \
	http/webhook/webhook.c http/webhook/webhook.h \
	http/webhook/webhook_sender.c http/webhook/webhook_sender.h \
	http/webhook/webhook_text.c http/webhook/webhook_text.h \
	http/webfiles.c http/webfiles.h

libwscodec_a_SOURCES += \
	http/chunk.c http/chunk.h \
	http/ndjson.c http/ndjson.h

libhttpcodec_a_SOURCES += \
	http/accept.c http/accept.h \
	http/accept_encoding.c http/accept_encoding.h \
	http/cache_control.c http/cache_control.h \
	http/h1/chunk_ext.c http/h1/chunk_ext.h \
	http/h1/chunk_reader.c http/h1/chunk_reader.h \
	http/client/http_reply.c http/client/http_reply.h \
	http/etag.c http/etag.h \
	http/field.c http/field.h \
	http/forwarded.c http/forwarded.h \
	http/guard.h \
	http/h1/http_due.c http/h1/http_due.h \
	http/http_date.c http/http_date.h \
	http/http_fields.c http/http_fields.h \
	http/http_lines.c http/http_lines.h \
	http/http_problem.c http/http_problem.h \
	http/h1/http_familiar.c http/h1/http_familiar.h \
	http/h1/http_repeat.c http/h1/http_repeat.h \
	http/h1/http_request.c http/h1/http_request.h \
	http/h1/http_response.c http/h1/http_response.h \
	http/http_routes.c http/http_routes.h \
	http/prefer.c http/prefer.h \
	http/token_source.c http/token_source.h \
	http/url.c http/url.h

libhttp_a_CFLAGS = $(AM_CFLAGS) -Wa,-I,$(top_srcdir) -Wa,-I,$(top_builddir)
# webfiles.c takes these files in, and what is made of each: empty, it is not offered. Make finds them
# below the source tree or (built/) that of the build.
webfiles = clients/js/built/longwire.js demo/index.html demo/demo.js demo/demo.css demo/icon.svg
webfiles_gz = $(webfiles:=.gz)
webfiles_br = $(webfiles:=.br)
http/libhttp_a-webfiles.$(OBJEXT): $(webfiles) $(webfiles_gz) $(webfiles_br)
$(webfiles_gz): %.gz: %
	$(AM_V_GEN)$(MKDIR_P) $(@D) && gzip -9nc $< >$@.tmp && mv $@.tmp $@
$(webfiles_br): %.br: %
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	if test -n "$(BROTLI)"; then $(BROTLI) -cq 11 $<; fi >$@.tmp && mv $@.tmp $@
CLEANFILES += $(webfiles_gz) $(webfiles_br)

# What the hub asks others by HTTP.
noinst_LIBRARIES += libhttpclient.a
libhttpclient_a_SOURCES = \
	http/client/breaker.c http/client/breaker.h \
	http/client/http_client.c http/client/http_client.h

# HTTP/2, the one user of nghttp2.
noinst_LIBRARIES += libh2.a
libh2_a_SOURCES = \
	http/h2/h2.c http/h2/h2.h \
	http/h2/h2_answer.c http/h2/h2_answer.h \
	http/h2/h2_calm.c http/h2/h2_calm.h \
	http/h2/h2_cut.c http/h2/h2_cut.h \
	http/h2/h2_head.c http/h2/h2_head.h \
	http/h2/h2_lines.c http/h2/h2_lines.h \
	http/h2/h2_link.c http/h2/h2_link.h \
	http/h2/h2_output.c http/h2/h2_output.h \
	http/h2/h2_protocol.c http/h2/h2_protocol.h \
	http/h2/h2_request.c http/h2/h2_request.h \
	http/h2/h2_session.c http/h2/h2_session.h \
	http/h2/h2_stream.c http/h2/h2_stream.h \
	http/h2/h2_strict.c http/h2/h2_strict.h
libh2_a_CFLAGS = $(AM_CFLAGS) $(NGHTTP2_CFLAGS)
