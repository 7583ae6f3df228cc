# Files of broker/; included by ../Makefile.am.
include broker/codecs.mk
