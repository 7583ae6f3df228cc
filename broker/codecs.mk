# Cursors and topic names as text: no broker state, so codecs may link them alone.
noinst_LIBRARIES += libbrokercodec.a
libbrokercodec_a_SOURCES = \
	broker/cursor.c broker/cursor.h \
	broker/topic_name.c broker/topic_name.h
