# Files of etc/, and what names paths of the installation; included by ../Makefile.am.
exampledir = $(docdir)/examples
example_DATA = installed/longwire.ini
EXTRA_DIST += etc/longwire.ini

completiondir = $(datadir)/bash-completion/completions
dist_completion_DATA = etc/completions/longwired etc/completions/longwirectl

sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = etc/sysusers/longwire.conf

systemdsystemunit_DATA = installed/longwired.service
EXTRA_DIST += etc/longwired.service.in

# The sources name the paths of a distribution's package, so that they can be read as they are; what
# is installed names those that this build was configured for.
installed = installed/longwired.8 installed/longwire.ini.5 installed/longwire.ini \
	installed/longwired.service
CLEANFILES += $(installed)
to_installed = $(AM_V_GEN)$(MKDIR_P) installed && sed \
	-e 's|@sbindir[@]|$(sbindir)|' \
	-e 's|/etc/longwire/|$(sysconfdir)/longwire/|g' \
	-e 's|/usr/share/doc/longwire/|$(docdir)/|g'

installed/longwired.8: $(srcdir)/doc/longwired.8 Makefile
	$(to_installed) $(srcdir)/doc/longwired.8 >$@.tmp && mv $@.tmp $@
installed/longwire.ini.5: $(srcdir)/doc/longwire.ini.5 Makefile
	$(to_installed) $(srcdir)/doc/longwire.ini.5 >$@.tmp && mv $@.tmp $@
installed/longwire.ini: $(srcdir)/etc/longwire.ini Makefile
	$(to_installed) $(srcdir)/etc/longwire.ini >$@.tmp && mv $@.tmp $@
# systemd's ConfigurationDirectory= is below /etc, wherever the configuration is.
installed/longwired.service: $(srcdir)/etc/longwired.service.in Makefile
	$(to_installed) -e "`test '$(sysconfdir)' = /etc || echo /^ConfigurationDirectory=/d`" \
		$(srcdir)/etc/longwired.service.in >$@.tmp && mv $@.tmp $@

TESTS += tests/check-paths.py
dist_check_SCRIPTS += tests/check-paths.py
