# SPDX-License-Identifier: ISC
# `mirage note` writes a command to a file when the command has changed, so that
# a changed variable, on make's command line or in the environment, takes
# effect. Each file is made under a temporary name with PPID, the process ID of
# make, and then renamed, so that make can be killed at any time and two can run
# at once.
COMPILE    = $(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS)
$(shell $(MIRAGE) note compile -- $(COMPILE))
$(shell $(MIRAGE) note link -- $(subst $(MIRAGE) link --,,$(LINK)) \
    $(OBJECTS) $(LAST))
$(OBJECTS): .mirage/compile.note
$(PROGRAM): .mirage/link.note

# entry.h declares the functions as $(CONFIG) describes them, so that the
# compiler reports a unikernel.c that defines them otherwise.
.mirage/obj/%.o: %.c Makefile $(wildcard Makefile.user) .mirage/entry.h
	@mkdir -p $(@D)
	$(COMPILE) $(MAPS) -include .mirage/entry.h -MD -MP -MF $@.$$PPID.d -MT $@ -c -o $@.$$PPID $<
	@mv -f $@.$$PPID.d $(@:.o=.d) && mv -f $@.$$PPID $@

-include $(OBJECTS:.o=.d)

# When $(CONFIG) or mirage changes, this Makefile is made again, for the
# recorded target and environment. `make depend` installs the packages first
# without which $(CONFIG) could not be configured.
Makefile: .mirage/configured ;
.mirage/configured: $(CONFIG) $(ROOT)/bin/mirage $(ROOT)/lib/mirage/libconfig.a
	$(if $(filter depend prepare,$(MAKECMDGOALS)),$(MIRAGE) depend --as-recorded)
	$(MIRAGE) configure --as-recorded
-include .mirage/config.d

# Makes files again that configure had made and that were removed.
main.c .mirage/entry.h $(GUEST): | .mirage/configured
	$(MIRAGE) configure --as-recorded

depend prepare:
	$(MIRAGE) depend $(PACKAGES:%=--package=%) $(LIBRARIES:%=--library=%)

# If .mirage is a link, its target belongs to another folder and is kept.
clean:
	test -L .mirage || rm -rf .mirage/obj
	rm -rf $(BUILT)
