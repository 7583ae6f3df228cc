# Files of etc/; included by ../Makefile.am.
exampledir = $(docdir)/examples
dist_example_DATA = etc/longwire.ini

completiondir = $(datadir)/bash-completion/completions
dist_completion_DATA = etc/completions/longwired etc/completions/longwirectl

sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = etc/sysusers/longwire.conf

systemdsystemunit_DATA = etc/longwired.service
EXTRA_DIST += etc/longwired.service.in
CLEANFILES += etc/longwired.service

etc/longwired.service: $(srcdir)/etc/longwired.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && \
	sed 's|@sbindir[@]|$(sbindir)|' $(srcdir)/etc/longwired.service.in >$@.tmp && mv $@.tmp $@
