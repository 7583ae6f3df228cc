# Files of frontends/; included by ../Makefile.am.
include frontends/codecs_http.mk
