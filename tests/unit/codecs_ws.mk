# Unit tests of messages and of the pure codecs; included by tests/local.mk.
codec_tests = \
	tests/unit/test_message
check_PROGRAMS += $(codec_tests)
TESTS += $(codec_tests)

tests_unit_test_message_SOURCES = tests/unit/test_message.c
tests_unit_test_message_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_message_LDADD = libmessage.a libbase.a $(CHECK_LIBS)
