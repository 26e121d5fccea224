# SPDX-License-Identifier: ISC
# A note has the words of a command, and is as old as they are: a variable that
# changes, on make's command line or in the environment, takes effect. Files get
# their names when they are complete, so make can be killed at any moment, and
# two can run at once: PPID is make's own number.
COMPILE    = $(CC) $(FLAGS) $(CPPFLAGS) $(CFLAGS)
$(shell $(MIRAGE) note compile -- $(COMPILE))
$(shell $(MIRAGE) note link -- $(subst $(MIRAGE) link --,,$(LINK)) \
    $(OBJECTS) $(LAST))
$(OBJECTS): .mirage/compile.note
$(PROGRAM): .mirage/link.note

# entry.h has the prototypes that $(CONFIG) promises, so that a unikernel.c
# which has changed since does not compile.
.mirage/obj/%.o: %.c Makefile $(wildcard Makefile.user) .mirage/entry.h
	@mkdir -p $(@D)
	$(COMPILE) $(MAPS) -include .mirage/entry.h -MD -MP -MF $@.$$PPID.d -MT $@ -c -o $@.$$PPID $<
	@mv -f $@.$$PPID.d $(@:.o=.d) && mv -f $@.$$PPID $@

-include $(OBJECTS:.o=.d)

# When $(CONFIG) changes, or mirage, this Makefile is made again, for the
# target and the environment that were recorded. `make depend` first installs
# what $(CONFIG) needs, or it could not be configured.
Makefile: .mirage/configured ;
.mirage/configured: $(CONFIG) $(ROOT)/bin/mirage $(ROOT)/lib/mirage/libconfig.a
	$(if $(filter depend prepare,$(MAKECMDGOALS)),$(MIRAGE) depend --as-recorded)
	$(MIRAGE) configure --as-recorded
-include .mirage/config.d

# What was made and then removed is made again.
main.c .mirage/entry.h $(GUEST): | .mirage/configured
	$(MIRAGE) configure --as-recorded

depend prepare:
	$(MIRAGE) depend $(PACKAGES:%=--package=%) $(LIBRARIES:%=--library=%)

# Where .mirage is a link, what it leads to is not this folder's.
clean:
	test -L .mirage || rm -rf .mirage/obj
	rm -rf $(BUILT)
