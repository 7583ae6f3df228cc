# The browser client, also embedded in the daemon, which serves it at /longwire.js.
# In an order in which each stands behind what it needs when it is loaded (bundle.awk).
client_modules = \
	clients/js/src/cursor.js \
	clients/js/src/time.js \
	clients/js/src/errors.js \
	clients/js/src/encoding.js \
	clients/js/src/token.js \
	clients/js/src/topic.js \
	clients/js/src/bound.js \
	clients/js/src/emitter.js \
	clients/js/src/buffer.js \
	clients/js/src/sse_parser.js \
	clients/js/src/hub.js \
	clients/js/src/link_websocket.js \
	clients/js/src/link_sse.js \
	clients/js/src/link_poll.js \
	clients/js/src/links.js \
	clients/js/src/link.js \
	clients/js/src/crew.js \
	clients/js/src/entry.js \
	clients/js/src/line.js \
	clients/js/src/lines.js \
	clients/js/src/remember.js \
	clients/js/src/page.js \
	clients/js/src/subscription.js \
	clients/js/src/publish.js \
	clients/js/src/history.js \
	clients/js/src/presence.js \
	clients/js/src/client.js \
	clients/js/src/subscribe.js \
	clients/js/longwire.js

jsdir = $(pkgdatadir)/js
dist_js_DATA = clients/js/longwire.d.ts
nodist_js_DATA = clients/js/built/longwire.js
CLEANFILES += clients/js/built/longwire.js

# As one file, readable as it is; npm's own is made smaller by clients/js/build.mjs.
clients/js/built/longwire.js: $(client_modules) clients/js/bundle.awk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && set -- && for file in $(client_modules); do \
		set -- "$$@" "$(top_srcdir)/$$file"; done && \
	$(AWK) -f $(top_srcdir)/clients/js/bundle.awk "$$@" >$@.new && mv $@.new $@

TESTS += clients/js/test/run
dist_check_SCRIPTS += clients/js/test/run

EXTRA_DIST += \
	$(client_modules) \
	clients/js/bundle.awk \
	clients/js/README.md \
	clients/js/build.mjs \
	clients/js/package.json \
	clients/js/test/connection.test.js \
	clients/js/test/fake_hub.js \
	clients/js/test/fakes.js \
	clients/js/test/line.test.js \
	clients/js/test/misbehaving.test.js \
	clients/js/test/order.test.js \
	clients/js/test/presence.test.js \
	clients/js/test/publish.test.js \
	clients/js/test/setup.js \
	clients/js/test/shared.test.js \
	clients/js/test/sse.test.js \
	clients/js/test/styles.test.js \
	clients/js/test/subscription.test.js \
	clients/js/test/tokens.test.js \
	clients/js/test/types/tsconfig.json \
	clients/js/test/types/use.ts
