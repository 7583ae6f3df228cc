# The codecs of messages, SSE, WebSocket, RESP and batches; included by frontends/local.mk.
noinst_LIBRARIES += libwscodec.a
libwscodec_a_SOURCES = \
	frontends/encoding_slots.h \
	frontends/envelope.c frontends/envelope.h \
	frontends/envelope_encoding.c frontends/envelope_encoding.h \
	frontends/publish_json.c frontends/publish_json.h \
	frontends/session_id.c frontends/session_id.h \
	frontends/session_request.c frontends/session_request.h \
	frontends/sse_encoding.c frontends/sse_encoding.h \
	frontends/sse_text.c frontends/sse_text.h \
	frontends/http/chunk.c frontends/http/chunk.h \
	frontends/http/ndjson.c frontends/http/ndjson.h \
	frontends/resp/resp_encoding.c frontends/resp/resp_encoding.h \
	frontends/resp/resp_glob.c frontends/resp/resp_glob.h \
	frontends/resp/resp_reader.c frontends/resp/resp_reader.h \
	frontends/resp/resp_reply.c frontends/resp/resp_reply.h \
	frontends/ws/ws_control.c frontends/ws/ws_control.h \
	frontends/ws/ws_deflate.c frontends/ws/ws_deflate.h \
	frontends/ws/ws_encoding.c frontends/ws/ws_encoding.h \
	frontends/ws/ws_extension.c frontends/ws/ws_extension.h \
	frontends/ws/ws_frame.c frontends/ws/ws_frame.h \
	frontends/ws/ws_handshake.c frontends/ws/ws_handshake.h
