# Programs beside the hub; included by ../Makefile.am.
include tools/client/local.mk
include tools/ctl/local.mk
include tools/doctor/local.mk
include tools/bench/local.mk
