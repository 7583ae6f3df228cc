# The browser client, also embedded in the daemon, which serves it at /longwire.js.
jsdir = $(pkgdatadir)/js
dist_js_DATA = \
	clients/js/longwire.js \
	clients/js/longwire.d.ts

TESTS += clients/js/test/run
dist_check_SCRIPTS += clients/js/test/run

EXTRA_DIST += \
	clients/js/README.md \
	clients/js/package.json \
	clients/js/test/connection.test.js \
	clients/js/test/fakes.js \
	clients/js/test/order.test.js \
	clients/js/test/presence.test.js \
	clients/js/test/setup.js \
	clients/js/test/shared.test.js \
	clients/js/test/sse.test.js \
	clients/js/test/subscription.test.js \
	clients/js/test/tokens.test.js
