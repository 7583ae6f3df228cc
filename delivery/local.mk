# delivery/: what one worker delivers, and how messages are written; included by ../Makefile.am.
noinst_LIBRARIES += libdelivery.a
libdelivery_a_SOURCES = \
	delivery/attendance.c delivery/attendance.h \
	delivery/attendance_state.h \
	delivery/catchup.c delivery/catchup.h \
	delivery/counting.c delivery/counting.h \
	delivery/description.h \
	delivery/errand.c delivery/errand.h \
	delivery/fanout.c delivery/fanout.h \
	delivery/frontend.c delivery/frontend.h \
	delivery/joiner.c delivery/joiner.h \
	delivery/lagging.c delivery/lagging.h \
	delivery/places.h \
	delivery/poll_body.c delivery/poll_body.h \
	delivery/poll_shared.c delivery/poll_shared.h \
	delivery/presence_json.c delivery/presence_json.h \
	delivery/presence_page.c delivery/presence_page.h \
	delivery/scan.c delivery/scan.h \
	delivery/settings.c delivery/settings.h \
	delivery/stream.c delivery/stream.h \
	delivery/stream_rights.c delivery/stream_rights.h \
	delivery/stream_table.c delivery/stream_table.h \
	delivery/worker.c delivery/worker.h \
	delivery/worker_thread.c delivery/worker_thread.h

# Codecs of messages, SSE, WebSocket, RESP and batches: no loop, no broker.
noinst_LIBRARIES += libwscodec.a
libwscodec_a_SOURCES = \
	delivery/envelope.c delivery/envelope.h \
	delivery/envelope_encoding.c delivery/envelope_encoding.h \
	delivery/packing.c delivery/packing.h \
	delivery/poll_packed.c delivery/poll_packed.h \
	delivery/publish_json.c delivery/publish_json.h
