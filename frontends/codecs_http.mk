# HTTP as text: readers and writers without I/O.
noinst_LIBRARIES += libhttpcodec.a
libhttpcodec_a_SOURCES = \
	frontends/http/field.c frontends/http/field.h \
	frontends/http/http_request.c frontends/http/http_request.h \
	frontends/http/url.c frontends/http/url.h
