# HTTP as text: readers and writers without I/O. http_response.c also needs libwscodec.a (JSON text).
noinst_LIBRARIES += libhttpcodec.a
libhttpcodec_a_SOURCES = \
	frontends/http/accept.c frontends/http/accept.h \
	frontends/http/chunk_ext.c frontends/http/chunk_ext.h \
	frontends/http/field.c frontends/http/field.h \
	frontends/http/forwarded.c frontends/http/forwarded.h \
	frontends/http/host.c frontends/http/host.h \
	frontends/http/http_due.c frontends/http/http_due.h \
	frontends/http/http_fields.c frontends/http/http_fields.h \
	frontends/http/http_request.c frontends/http/http_request.h \
	frontends/http/http_response.c frontends/http/http_response.h \
	frontends/http/http_routes.c frontends/http/http_routes.h \
	frontends/http/prefer.c frontends/http/prefer.h \
	frontends/http/proxy_header.c frontends/http/proxy_header.h \
	frontends/http/url.c frontends/http/url.h
