# The demo: the page that the hub serves at /, and the program that feeds it.
noinst_LIBRARIES += libdemo.a
libdemo_a_SOURCES = \
	demo/feed.c demo/feed.h \
	demo/machine.c demo/machine.h

noinst_PROGRAMS += longwire-demo
longwire_demo_SOURCES = demo/publisher.c
longwire_demo_LDADD = libdemo.a libbase.a $(HIREDIS_LIBS)

EXTRA_DIST += \
	demo/index.html \
	demo/demo.css \
	demo/demo.js \
	demo/icon.svg

check_PROGRAMS += tests/unit/test_machine tests/unit/test_feed
TESTS += tests/unit/test_machine tests/unit/test_feed

tests_unit_test_machine_SOURCES = tests/unit/test_machine.c
tests_unit_test_machine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_machine_LDADD = libdemo.a libbase.a $(CHECK_LIBS)

tests_unit_test_feed_SOURCES = tests/unit/test_feed.c
tests_unit_test_feed_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_feed_LDADD = libdemo.a libbase.a $(HIREDIS_LIBS) $(CHECK_LIBS)
