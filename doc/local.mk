# Files of doc/; included by ../Makefile.am. longwirectl.1 stands beside its program in tools/ctl/local.mk.
man_MANS = installed/longwired.8 installed/longwire.ini.5
EXTRA_DIST += doc/longwired.8 doc/longwire.ini.5
dist_doc_DATA += doc/access.md doc/architecture.md doc/deployment.md doc/performance.md doc/protocol.md \
	doc/proxies.md doc/security.md doc/storage-format.md

# What doc/performance.md shows; `./dev bench doc` makes it.
EXTRA_DIST += \
	doc/performance/figures.json \
	doc/performance/idle.svg \
	doc/performance/latency.svg \
	doc/performance/saturation.svg \
	doc/performance/steady.svg
