# Messages alone: what encoders link.
noinst_LIBRARIES += libmessage.a
libmessage_a_SOURCES = broker/message.c broker/message.h
