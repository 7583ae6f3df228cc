noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	base/aead.c base/aead.h \
	base/err.c base/err.h \
	base/blob.c base/blob.h \
	base/base64url.c base/base64url.h \
	base/buf.c base/buf.h \
	base/buckets.h \
	base/bytes.h \
	base/crypto.c base/crypto.h \
	base/deflate.c base/deflate.h \
	base/fault.h \
	base/grace.c base/grace.h \
	base/gzip.c base/gzip.h \
	base/hex.h \
	base/id_table.c base/id_table.h \
	base/ip.c base/ip.h \
	base/json_slice.c base/json_slice.h \
	base/load.h \
	base/log.c base/log.h \
	base/now.c base/now.h \
	base/quota.c base/quota.h \
	base/rate.c base/rate.h \
	base/rfc3339.c base/rfc3339.h \
	base/siphash.c base/siphash.h \
	base/spare.c base/spare.h \
	base/std_fds.c base/std_fds.h \
	base/utf8.c base/utf8.h \
	base/workers.h
