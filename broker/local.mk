# Files of broker/; included by ../Makefile.am.
